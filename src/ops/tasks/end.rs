//! `dc tasks cancel` and `quarantine`: tasks that no stage is to work on any more.

use std::fmt;

use serde::Serialize;

use super::count;
use super::pick::TaskChoice;
use super::pipelines::Pipelines;
use crate::context::Context;
use crate::error::Result;
use crate::tables::{Store, TaskState};

/// So many tasks are taken out in one transaction.
const BATCH: usize = 500;

/// How tasks are taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskEnd {
    /// They are cancelled.
    Cancel,
    /// They are set aside until a person looks at them.
    Quarantine,
}

impl TaskEnd {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Cancel => ("cancel", "cancelled"),
            Self::Quarantine => ("quarantine", "quarantined"),
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct TasksEnded {
    /// The tasks that were meant.
    pub tasks: Vec<i64>,
    /// How many were taken out: the others had come to their end before.
    pub changed: usize,
    /// `cancelled` or `quarantined`.
    pub state: &'static str,
}

impl fmt::Display for TasksEnded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", count(self.changed, "task"), self.state)?;
        match self.tasks.len() - self.changed {
            0 => Ok(()),
            others => write!(formatter, "; {others} had come to their end before"),
        }
    }
}

/// Takes tasks out that wait or are worked on; a stage at work is ended.
///
/// # Errors
/// Usage; not found; refused for many tasks of a filter without a word.
pub fn end_tasks(context: &Context, choice: &TaskChoice, end: TaskEnd, reason: Option<&str>) -> Result<TasksEnded> {
    let mut store = Store::ready(context)?;
    let pipelines = Pipelines::read(&mut store)?;
    let tasks = choice.pick(&mut store, &pipelines, &[TaskState::Waiting, TaskState::Running])?;
    let (verb, state) = end.words();
    choice.confirm(context, verb, &tasks)?;
    let user = &context.settings().user;
    let reason = match reason {
        Some(reason) => format!("{state} by {user}: {reason}"),
        None => format!("{state} by {user}"),
    };
    let ids: Vec<i64> = tasks.iter().map(|task| task.id).collect();
    let mut changed = 0;
    for some in ids.chunks(BATCH) {
        context.cancellation().check()?;
        changed += match end {
            TaskEnd::Cancel => store.tasks().cancel(some, &reason)?,
            TaskEnd::Quarantine => store.tasks().quarantine(some, &reason)?,
        };
    }
    Ok(TasksEnded { tasks: ids, changed, state })
}
