//! What stages gave, kept: in the row of the attempt where it is short, else as a stored file.

use sha2::{Digest, Sha256};

use super::stage::Output;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::storage::{KeepOptions, Storage};
use crate::tables::StageOutput;

/// An output of more bytes is a stored file.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;

/// Keeps what a stage gave for a task, in the name of a pipeline and its run.
///
/// # Errors
/// What the storage says.
pub(super) fn keep(
    storage: &mut Option<Storage>,
    (context, app_id, runtime): (&Context, i64, Option<&str>),
    (task_id, stage): (i64, &str),
    output: &Output,
) -> Result<Option<StageOutput>> {
    let options = |end: &str| KeepOptions {
        app_id: Some(app_id),
        runtime: runtime.map(str::to_owned),
        name: Some(format!("{task_id}.{stage}.{end}").into()),
        ..KeepOptions::default()
    };
    let kept = match output {
        Output::Same => return Ok(None),
        Output::Json(text) if text.len() <= INLINE_BYTES_MAX => {
            let sha256 = Some(Sha256::digest(text.as_bytes()).to_vec());
            return Ok(Some(StageOutput { text: Some(text.clone()), file_id: None, sha256 }));
        }
        Output::Json(text) => opened(storage, context)?.keep_reader(&mut text.as_bytes(), &options("json"))?,
        Output::File(path) => opened(storage, context)?.keep_path(path, &options("output"))?,
    };
    Ok(Some(StageOutput { text: None, file_id: Some(kept.row.id), sha256: Some(kept.row.sha256) }))
}

/// The storage, opened when it is first asked for.
///
/// # Errors
/// What the storage says.
pub(super) fn opened<'a>(storage: &'a mut Option<Storage>, context: &Context) -> Result<&'a mut Storage> {
    if storage.is_none() {
        *storage = Some(Storage::open(context)?);
    }
    storage.as_mut().ok_or_else(|| Error::failed("open the storage"))
}
