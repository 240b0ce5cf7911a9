//! `dc files get`: the bytes of a stored file, looked at on their way.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{find, size};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::shell::visible_line;
use crate::storage::Storage;
use crate::tables::FileRow;

/// A file that was written somewhere.
#[derive(Debug, Clone, Serialize)]
pub struct TakenFile {
    /// Its row.
    #[serde(flatten)]
    pub row: FileRow,
    /// Where it was written; `None` for standard output.
    pub output: Option<PathBuf>,
}

impl fmt::Display for TakenFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, bytes) = (visible_line(&self.row.name), size(self.row.bytes.unsigned_abs()));
        match &self.output {
            Some(output) => write!(formatter, "{} has {name}, {bytes}", output.display()),
            None => write!(formatter, "{name}, {bytes}"),
        }
    }
}

/// Writes a file to `output`, or to `out` where there is none. A file gets its name only when all its bytes are there and
/// right; nothing is replaced.
///
/// # Errors
/// Usage; not found; refused when `output` is there; failed for bytes that are not those that were kept.
pub fn take_file(context: &Context, text: &str, output: Option<&Path>, out: &mut dyn Write) -> Result<TakenFile> {
    let mut storage = Storage::open(context)?;
    let rows = find::find(storage.tables(), text)?;
    let row = rows.iter().find(|row| row.deleted_at.is_none()).or(rows.first()).cloned();
    let row = row.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("find the stored file `{text}`")))?;
    let Some(output) = output else {
        storage.read(&row, out)?;
        return Ok(TakenFile { row, output: None });
    };
    let failed = |cause| file_error(format!("write {}", output.display()), cause);
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut part = tempfile::Builder::new().prefix(".").suffix(".part").tempfile_in(folder).map_err(failed)?;
    storage.read(&row, &mut part)?;
    part.as_file().sync_all().map_err(failed)?;
    part.persist_noclobber(output).map_err(|refused| match refused.error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Error::new(ErrorKind::Refused, format!("write {}: it is there already", output.display()))
                .hint("name another one, or delete it first")
        }
        _ => failed(refused.error),
    })?;
    Ok(TakenFile { row, output: Some(output.to_owned()) })
}
