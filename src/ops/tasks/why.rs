//! `dc tasks why`: what became of a file, of a task, or of the document of a row.

use std::fmt;

use serde::Serialize;

use super::find::{Meant, find};
use super::pipelines::Pipelines;
use super::row::{LoadedRow, document_of};
use super::story::{Story, loaded};
use super::untaken::{Untaken, untaken};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::tables::{Store, TaskRow, hex_text};

/// So many tasks of one content are told.
const TASKS_MAX: i64 = 10;

/// What became of something.
#[derive(Debug, Clone, Serialize)]
pub struct TaskStories {
    /// The row that was asked for.
    pub row: Option<LoadedRow>,
    /// What is in a watched folder, and is not taken.
    pub untaken: Option<Untaken>,
    /// The stories of the tasks, the newest first.
    pub tasks: Vec<Story>,
}

/// Tells what became of a file: by its path or name, the number of its task, or the start of its SHA-256.
///
/// # Errors
/// Not found; what the database says.
pub fn why_tasks(context: &Context, text: &str) -> Result<TaskStories> {
    let mut store = Store::ready(context)?;
    let pipelines = Pipelines::read(&mut store)?;
    let Meant { tasks, is_taken } = find(context, &mut store, text)?;
    let untaken = match is_taken {
        true => None,
        false => untaken(context, &mut store, &pipelines, text)?,
    };
    if tasks.is_empty() && untaken.is_none() {
        let message = format!("find a task of `{text}`: no file of this name, number or SHA-256 was taken");
        return Err(Error::new(ErrorKind::NotFound, message)
            .hint("`dc tasks` lists tasks and watched folders, `dc tasks add PIPELINE FILE` takes a file in"));
    }
    told(&mut store, &pipelines, (None, untaken), tasks)
}

/// Tells of which document a row of a table is, and what became of it.
///
/// # Errors
/// Not found; what the databases say.
pub fn why_row(context: &Context, database: Option<&str>, table: &str, id: i64) -> Result<TaskStories> {
    let mut store = Store::ready(context)?;
    let pipelines = Pipelines::read(&mut store)?;
    let loading =
        pipelines.active().flat_map(|it| loaded(it).into_iter().map(|(name, scope)| (it.app.id, name, scope)));
    let loading: Vec<(i64, String)> =
        loading.filter(|(_, name, _)| name == table).map(|(id, _, scope)| (id, scope)).collect();
    let scope = loading.first().map(|(_, scope)| scope);
    let (row, sha256) = document_of(context, database, (table, id), scope.map(String::as_str))?;
    let tasks = store.tasks().of_content((&sha256, &sha256), TASKS_MAX)?;
    let (those, others): (Vec<TaskRow>, Vec<TaskRow>) =
        tasks.into_iter().partition(|task| loading.iter().any(|(app_id, _)| *app_id == task.app_id));
    let tasks = if those.is_empty() { others } else { those };
    if tasks.is_empty() {
        let message = format!("find the task of row {id} of {table}: no task has the SHA-256 {}", hex_text(&sha256));
        return Err(Error::new(ErrorKind::NotFound, message).hint(format!("dc files show {}", hex_text(&sha256))));
    }
    told(&mut store, &pipelines, (Some(row), None), tasks)
}

fn told(
    store: &mut Store,
    pipelines: &Pipelines,
    (row, untaken): (Option<LoadedRow>, Option<Untaken>),
    tasks: Vec<TaskRow>,
) -> Result<TaskStories> {
    let tasks = tasks.into_iter().map(|task| Story::of(store, pipelines, task)).collect::<Result<_>>()?;
    Ok(TaskStories { row, untaken, tasks })
}

impl fmt::Display for TaskStories {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.row.iter().map(ToString::to_string);
        let parts = parts.chain(self.untaken.iter().map(ToString::to_string));
        let parts: Vec<String> = parts.chain(self.tasks.iter().map(ToString::to_string)).collect();
        formatter.write_str(&parts.join("\n\n"))
    }
}
