//! `dc tasks add`: files become tasks of a pipeline, wherever they are. They stay there; their bytes are stored.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::pipelines::{Pipeline, Pipelines};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::shell::visible_line;
use crate::storage::{KeepOptions, Storage, original, written};
use crate::tables::{Found, NewDocument, TaskRow, TaskState};

/// What `dc tasks add` is asked for.
#[derive(Debug, Clone, Default)]
pub struct AddTasksOptions {
    /// The pipeline.
    pub pipeline: String,
    /// The files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// The name, of one file.
    pub name: Option<String>,
    /// The highest goes first.
    pub priority: Option<i64>,
}

/// A file that was taken in, or that is known.
#[derive(Debug, Clone, Serialize)]
pub struct AddedTask {
    /// Its task.
    #[serde(flatten)]
    pub task: TaskRow,
    /// What was named.
    pub added: String,
    /// Whether the task is new: the same bytes had none before.
    pub is_new: bool,
}

/// A file that was not taken in.
#[derive(Debug, Clone, Serialize)]
pub struct NotAdded {
    /// What was named.
    pub file: String,
    /// Why.
    pub error: String,
    /// Whether it may go through later.
    pub temporary: bool,
}

/// What was taken in.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TasksAdded {
    /// The tasks, in the order of the files.
    pub tasks: Vec<AddedTask>,
    /// The files that were not taken in.
    pub failed: Vec<NotAdded>,
}

impl TasksAdded {
    /// Whether all were taken in.
    pub fn is_well(&self) -> bool {
        self.failed.is_empty()
    }
}

impl fmt::Display for TasksAdded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for AddedTask { task, added, is_new } in &self.tasks {
            let (file, id) = (visible_line(added), task.id);
            match (is_new, task.state) {
                (true, _) => {
                    let before = task.predecessor.map(|it| format!("; task {it} had this name before"));
                    writeln!(formatter, "task {id}: {file}{}", before.unwrap_or_default())?;
                }
                (false, TaskState::Done) => writeln!(formatter, "already done, task {id}: {file}")?,
                (false, TaskState::Waiting | TaskState::Running) => {
                    writeln!(formatter, "already there, task {id} ({} in {}): {file}", task.state.name(), task.stage)?;
                }
                (false, state) => {
                    let state = state.name();
                    writeln!(formatter, "already there, task {id} ({state}): {file}: `dc tasks retry {id}`")?;
                }
            }
        }
        for NotAdded { file, error, .. } in &self.failed {
            writeln!(formatter, "not added: {}: {}", visible_line(file), visible_line(error))?;
        }
        Ok(())
    }
}

/// Takes files in; `input` is standard input. With one file its failure is the error.
///
/// # Errors
/// Usage; not found for the pipeline; what is no matter of a single file.
pub fn add_tasks(context: &Context, options: &AddTasksOptions, input: &mut dyn Read) -> Result<TasksAdded> {
    if options.files.len() > 1 && options.name.is_some() {
        return Err(Error::new(ErrorKind::Usage, "give several files one name").hint("leave out --name"));
    }
    let mut storage = Storage::open(context)?;
    let pipelines = Pipelines::read(storage.tables())?;
    let pipeline = pipelines.one(&options.pipeline)?;
    let inside = context.settings().inside.as_ref().filter(|inside| inside.app_id == pipeline.app.id);
    let keep = KeepOptions {
        app_id: Some(pipeline.app.id),
        // a run of another app keeps no files for this one
        runtime: inside.map(|inside| inside.runtime.to_string()),
        name: options.name.clone().map(Into::into),
        retention: pipeline.definition.retention.clone(),
        ..KeepOptions::default()
    };
    let mut report = TasksAdded::default();
    for file in &options.files {
        context.cancellation().check()?;
        match add(&mut storage, pipeline, (file, options.priority), &keep, input) {
            Ok(added) => report.tasks.push(added),
            Err(error) if options.files.len() == 1 || is_of_all(&error) => return Err(error),
            Err(error) => report.failed.push(NotAdded {
                file: file.to_string_lossy().into_owned(),
                error: error.to_string(),
                temporary: error.is_temporary(),
            }),
        }
    }
    Ok(report)
}

fn add(
    storage: &mut Storage,
    pipeline: &Pipeline,
    (file, priority): (&Path, Option<i64>),
    keep: &KeepOptions,
    input: &mut dyn Read,
) -> Result<AddedTask> {
    let is_input = file.as_os_str() == "-";
    let (kept, origin) = match is_input {
        true => (storage.keep_reader(input, keep)?, None),
        false => {
            let place = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
            (storage.keep_path(file, keep)?, Some(written(place.as_os_str())?))
        }
    };
    let document = NewDocument {
        app_id: pipeline.app.id,
        sha256: kept.row.sha256,
        file_id: kept.row.id,
        name: kept.row.name,
        origin,
        // it stays where it is
        work: None,
        stage: pipeline.stages().first().map(|stage| (*stage).to_owned()).unwrap_or_default(),
        priority: priority.unwrap_or_default(),
    };
    let added =
        if is_input { original(&document.name).to_string_lossy().into_owned() } else { file.display().to_string() };
    let tables = storage.tables();
    let found = tables.tasks().take_in(std::slice::from_ref(&document))?.pop();
    let (id, is_new) = match found {
        Some(Found::New(id, _)) => (id, true),
        Some(Found::Known(id)) => (id, false),
        None => return Err(Error::failed(format!("take {added} in"))),
    };
    if let Some(priority) = priority.filter(|_| !is_new) {
        tables.tasks().set_priority(id, priority)?;
    }
    let gone = || Error::failed(format!("find the task {id} that was just made"));
    let task = tables.tasks().one(id)?.ok_or_else(gone)?;
    Ok(AddedTask { task, added, is_new })
}

/// Whether the next file would meet the same.
fn is_of_all(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Settings | ErrorKind::Interrupted | ErrorKind::BrokenPipe)
}
