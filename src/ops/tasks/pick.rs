//! Which tasks a person means: by their numbers, or all that a filter lets through.

use std::collections::BTreeSet;

use super::count;
use super::pipelines::Pipelines;
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::tables::{Store, TaskFilter, TaskRow, TaskState};

/// At most so many tasks are changed by one command.
const TASKS_MAX: i64 = 100_000;
/// So many are read at once.
const PAGE: i64 = 1_000;
/// More tasks than these by a filter, or those of several pipelines, want a word.
const UNASKED_MAX: usize = 100;

/// Which tasks.
#[derive(Debug, Clone, Default)]
pub struct TaskChoice {
    /// These numbers; the filters otherwise.
    pub ids: Vec<i64>,
    /// Of these pipelines.
    pub pipelines: Vec<String>,
    /// In one of these states.
    pub states: Vec<String>,
    /// In this stage.
    pub stage: Option<String>,
    /// With this text in their error.
    pub error: Option<String>,
    /// Changed since: `2h`, `2026-11-20`.
    pub since: Option<String>,
    /// At most so many.
    pub limit: Option<i64>,
    /// Of a list only numbers below this one: what comes after a page.
    pub below: Option<i64>,
    /// Many tasks are changed without a word.
    pub yes: bool,
}

impl TaskChoice {
    /// The filter, without the numbers.
    ///
    /// # Errors
    /// Usage for a name, a state or a time that is none.
    pub(super) fn filter(&self, pipelines: &Pipelines) -> Result<TaskFilter> {
        let app_ids = match self.pipelines.is_empty() {
            true => None,
            false => Some(pipelines.ids(&self.pipelines)?),
        };
        let states = self.states.iter().map(|state| read_state(state)).collect::<Result<Vec<TaskState>>>()?;
        Ok(TaskFilter {
            app_ids,
            states: Some(states).filter(|states| !states.is_empty()),
            stage: self.stage.clone(),
            error: self.error.clone(),
            since: self.since.as_deref().map(clock::moment).transpose()?,
            below: self.below,
            ..TaskFilter::default()
        })
    }

    /// The tasks, the oldest first. A filter that names no state means `states`.
    ///
    /// # Errors
    /// As [`TaskChoice::filter`]; usage where nothing is named at all; not found for a number, or when nothing fits.
    pub(super) fn pick(&self, store: &mut Store, pipelines: &Pipelines, states: &[TaskState]) -> Result<Vec<TaskRow>> {
        if !self.ids.is_empty() {
            return self.pick_ids(store);
        }
        let names_something = !self.pipelines.is_empty() || !self.states.is_empty() || self.stage.is_some();
        if !names_something && self.error.is_none() && self.since.is_none() {
            return Err(Error::new(ErrorKind::Usage, "tell which tasks are meant")
                .hint("name their numbers, or a filter: --pipeline, --state, --stage, --error, --since"));
        }
        let mut filter = self.filter(pipelines)?;
        filter.states = filter.states.or_else(|| Some(states.to_vec()));
        let most = self.limit.unwrap_or(TASKS_MAX).min(TASKS_MAX);
        let mut tasks: Vec<TaskRow> = Vec::new();
        filter.above = Some(0);
        while let rest @ 1.. = most - tasks.len() as i64 {
            let page = store.tasks().list(&filter, rest.min(PAGE))?;
            let is_last = (page.len() as i64) < rest.min(PAGE);
            filter.above = page.last().map(|task| task.id);
            tasks.extend(page);
            if is_last {
                break;
            }
        }
        if tasks.is_empty() {
            let states = filter.states.unwrap_or_default();
            let states: Vec<&str> = states.iter().map(|state| state.name()).collect();
            let message = format!("find a task that fits: none of these is {}", states.join(" or "));
            return Err(Error::new(ErrorKind::NotFound, message).hint("`dc tasks` with the same filters lists them"));
        }
        Ok(tasks)
    }

    fn pick_ids(&self, store: &mut Store) -> Result<Vec<TaskRow>> {
        let mut tasks = Vec::new();
        let ids: Vec<i64> = self.ids.iter().copied().collect::<BTreeSet<i64>>().into_iter().collect();
        for some in ids.chunks(PAGE as usize) {
            let filter = TaskFilter { ids: Some(some.to_vec()), above: Some(0), ..TaskFilter::default() };
            let rows = store.tasks().list(&filter, PAGE)?;
            if let Some(missing) = some.iter().find(|id| rows.iter().all(|row| row.id != **id)) {
                return Err(unknown_task(*missing));
            }
            tasks.extend(rows);
        }
        Ok(tasks)
    }

    /// Asks a person before many tasks are changed that a filter has chosen; `what` is `retry` and the like.
    ///
    /// # Errors
    /// Refused where nobody can be asked; interrupted.
    pub(super) fn confirm(&self, context: &Context, what: &str, tasks: &[TaskRow]) -> Result<()> {
        let pipelines: BTreeSet<i64> = tasks.iter().map(|task| task.app_id).collect();
        if self.yes || !self.ids.is_empty() || (pipelines.len() <= 1 && tasks.len() <= UNASKED_MAX) {
            return Ok(());
        }
        let meant = format!("{} of {}", count(tasks.len(), "task"), count(pipelines.len(), "pipeline"));
        if context.shell().can_ask() {
            return context.shell().wait_for_enter(&format!("{what} {meant}? Enter goes on, Ctrl-C gives up: "));
        }
        Err(Error::new(ErrorKind::Refused, format!("{what} {meant} without being asked"))
            .hint("add --yes, or narrow it: --pipeline, --state, --stage, --error, --since, --limit"))
    }
}

/// The error for a number that no task has.
pub(super) fn unknown_task(id: i64) -> Error {
    Error::new(ErrorKind::NotFound, format!("find the task {id}")).hint("`dc tasks` lists the tasks")
}

fn read_state(text: &str) -> Result<TaskState> {
    TaskState::of(text).ok_or_else(|| {
        let known: Vec<&str> = TaskState::ALL.iter().map(|state| state.name()).collect();
        Error::new(ErrorKind::Usage, format!("read `{text}` as a state of tasks"))
            .hint(format!("known: {}", known.join(", ")))
    })
}
