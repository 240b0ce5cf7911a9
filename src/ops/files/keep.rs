//! `dc files keep`: files into the storage, each on its own, so that one that cannot be kept stops none of the others.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;

use serde::Serialize;

use super::size;
use crate::apps::choose;
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::shell::visible_line;
use crate::storage::{KeepOptions, KeptFile, Storage};

/// What `dc files keep` is asked for.
#[derive(Debug, Clone, Default)]
pub struct KeepFilesOptions {
    /// The files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// The name, of one file.
    pub name: Option<String>,
    /// The app whose they are; the one around us where `None`.
    pub app: Option<String>,
    /// How long they stay.
    pub retention: Option<String>,
    /// Where.
    pub store: Option<String>,
}

/// A file that was not kept.
#[derive(Debug, Clone, Serialize)]
pub struct FailedFile {
    /// What was named.
    pub file: String,
    /// Why.
    pub error: String,
    /// Whether it may go through later.
    pub temporary: bool,
}

/// What was kept.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FilesKept {
    /// The files, in their order.
    pub files: Vec<KeptFile>,
    /// Those that were not.
    pub failed: Vec<FailedFile>,
}

impl FilesKept {
    /// Whether all were kept.
    pub fn is_well(&self) -> bool {
        self.failed.is_empty()
    }
}

impl fmt::Display for FilesKept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for KeptFile { row, is_new, .. } in &self.files {
            let until =
                row.kept_until.map_or_else(|| "for ever".to_owned(), |at| format!("until {}", clock::local(at)));
            let known = if *is_new { "" } else { " (it was kept before)" };
            let (name, bytes) = (visible_line(&row.name), size(row.bytes.unsigned_abs()));
            writeln!(formatter, "{}  {}  {name}, {bytes}, {until}{known}", row.id, row.sha256_hex())?;
        }
        for FailedFile { file, error, .. } in &self.failed {
            writeln!(formatter, "not kept: {}: {}", visible_line(file), visible_line(error))?;
        }
        Ok(())
    }
}

/// Keeps files; `input` is standard input. With one file its failure is the error.
///
/// # Errors
/// Usage; what is no matter of a single file.
pub fn keep_files(context: &Context, options: &KeepFilesOptions, input: &mut dyn Read) -> Result<FilesKept> {
    if options.files.len() > 1 && options.name.is_some() {
        return Err(Error::new(ErrorKind::Usage, "give several files one name").hint("leave out --name"));
    }
    let mut storage = Storage::open(context)?;
    let mut keep = KeepOptions {
        name: options.name.clone().map(Into::into),
        retention: options.retention.clone(),
        store: options.store.clone(),
        ..KeepOptions::of(context)
    };
    if let Some(app) = &options.app {
        let known = storage.tables().apps().all()?;
        let name = choose(known.iter().map(|app| &app.name), app)?;
        let app_id = known.iter().find(|app| app.name == *name).map(|app| app.id);
        // a run keeps files for its own app alone
        keep.runtime = keep.runtime.filter(|_| keep.app_id == app_id);
        keep.app_id = app_id;
    }
    let mut report = FilesKept::default();
    for file in &options.files {
        context.cancellation().check()?;
        let kept = match file.as_os_str() == "-" {
            true => storage.keep_reader(input, &keep),
            false => storage.keep_path(file, &keep),
        };
        match kept {
            Ok(kept) => report.files.push(kept),
            Err(error) if options.files.len() == 1 || is_of_all(&error) => return Err(error),
            Err(error) => report.failed.push(FailedFile {
                file: file.to_string_lossy().into_owned(),
                error: error.to_string(),
                temporary: error.is_temporary(),
            }),
        }
    }
    Ok(report)
}

/// Whether the next file would meet the same.
fn is_of_all(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Settings | ErrorKind::Interrupted | ErrorKind::BrokenPipe)
}
