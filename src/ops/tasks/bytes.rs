//! `dc tasks output` and `document`: what a stage gave, and the original, byte by byte.

use std::fmt;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::super::files::{TakenFile, take_file};
use super::pick::unknown_task;
use super::pipelines::Pipelines;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::storage::Storage;
use crate::tables::{AttemptRow, Store};

/// What `dc tasks output` is asked for.
#[derive(Debug, Clone, Default)]
pub struct OutputOptions {
    /// The task.
    pub id: i64,
    /// The stage; the last one that gave anything where `None`.
    pub stage: Option<String>,
    /// Whether the bytes go to a terminal, which takes text alone.
    pub to_terminal: bool,
}

/// An output that was written.
#[derive(Debug, Clone, Serialize)]
pub struct TakenOutput {
    /// The task.
    pub task: i64,
    /// The stage that gave it.
    pub stage: String,
    /// How many bytes it has.
    pub bytes: u64,
}

impl fmt::Display for TakenOutput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes that {} gave for task {}", self.bytes, self.stage, self.task)
    }
}

/// Writes what a stage gave to `out`.
///
/// # Errors
/// Not found for the task, and for an output that is not there; usage for bytes that are no text, to a terminal.
pub fn take_output(context: &Context, options: &OutputOptions, out: &mut dyn Write) -> Result<TakenOutput> {
    let OutputOptions { id, stage, to_terminal } = options;
    let mut storage = Storage::open(context)?;
    let task = storage.tables().tasks().one(*id)?.ok_or_else(|| unknown_task(*id))?;
    let attempts = storage.tables().tasks().attempts(task.id)?;
    let pipelines = Pipelines::read(storage.tables())?;
    let place = |stage: &str| pipelines.of(task.app_id).and_then(|pipeline| pipeline.place(stage));
    let given = attempts.iter().filter(|row| has_output(row) && stage.as_ref().is_none_or(|it| *it == row.stage));
    // of one stage the latest counts
    let Some(row) = given.max_by_key(|row| (place(&row.stage), row.id)) else {
        let by = stage.as_ref().map_or_else(|| "no stage gave any".to_owned(), |it| format!("`{it}` gave none"));
        let message = format!("find an output of task {id}: {by}");
        return Err(Error::new(ErrorKind::NotFound, message).hint(format!("dc tasks show {id}")));
    };
    let bytes = match (&row.output, row.output_file) {
        (Some(text), _) => {
            let failed = |cause| file_error("write what a stage gave", cause);
            out.write_all(text.as_bytes()).map_err(failed)?;
            if *to_terminal && !text.ends_with('\n') {
                out.write_all(b"\n").map_err(failed)?;
            }
            text.len() as u64
        }
        (None, Some(file_id)) => {
            let file = storage.tables().files().by_id(file_id)?;
            let file =
                file.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("find the stored file {file_id}")))?;
            if *to_terminal && file.extension != "json" {
                return Err(Error::new(ErrorKind::Usage, "print bytes to a terminal")
                    .hint(format!("redirect them: `dc tasks output {id} --stage {} >FILE`", row.stage)));
            }
            storage.read(&file, out)?
        }
        (None, None) => 0,
    };
    Ok(TakenOutput { task: task.id, stage: row.stage.clone(), bytes })
}

/// Whether an attempt gave something of its own.
pub(super) fn has_output(row: &AttemptRow) -> bool {
    row.outcome == "done" && row.output_sha256.is_some()
}

/// Writes the original to `output`, or to `out` where there is none.
///
/// # Errors
/// Not found for the task; as [`take_file`].
pub fn take_document(context: &Context, id: i64, output: Option<&Path>, out: &mut dyn Write) -> Result<TakenFile> {
    let task = Store::ready(context)?.tasks().one(id)?.ok_or_else(|| unknown_task(id))?;
    take_file(context, &task.file_id.to_string(), output, out)
}
