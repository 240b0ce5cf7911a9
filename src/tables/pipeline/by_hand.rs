//! What people do with tasks: take them out, have them worked off again, and mend what a stage is given.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::super::connection::Link;
use super::super::lease::database_now;
use super::call::give_up;
use super::outcome::{AttemptEnd, note};
use super::schema::pipeline_tasks;
use super::task::{TaskState, Tasks};
use crate::error::Result;

/// A task that came to its end, to be worked off again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrial {
    /// The task.
    pub id: i64,
    /// From this stage on.
    pub stage: String,
    /// Not before this moment, by the database's clock.
    pub not_before: Option<NaiveDateTime>,
}

/// What a person made of the input of a stage.
#[derive(Debug, Clone)]
pub struct EditedInput {
    /// The task.
    pub id: i64,
    /// The number of its last claim when the person began: a task that has moved on since stays as it is.
    pub fence: i64,
    /// The stage that is tried again.
    pub stage: String,
    /// The edit, as an attempt of the stage whose output it replaces.
    pub attempt: AttemptEnd,
}

impl Tasks<'_> {
    /// Takes tasks out that have not come to their end; how many. What works on one notices.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn cancel(&mut self, ids: &[i64], reason: &str) -> Result<usize> {
        self.end(ids, TaskState::Cancelled, reason)
    }

    /// Takes tasks out until a person looks at them; how many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn quarantine(&mut self, ids: &[i64], reason: &str) -> Result<usize> {
        self.end(ids, TaskState::Quarantined, reason)
    }

    fn end(&mut self, ids: &[i64], state: TaskState, reason: &str) -> Result<usize> {
        self.0.write("take tasks out", |connection| {
            let now = database_now(connection)?;
            give_up(connection, ids, reason, now)?;
            let open = pipeline_tasks::table
                .filter(pipeline_tasks::id.eq_any(ids))
                .filter(pipeline_tasks::state.eq_any(["waiting", "running"]));
            let row = (
                pipeline_tasks::state.eq(state.name()),
                pipeline_tasks::fence.eq(pipeline_tasks::fence + 1),
                pipeline_tasks::claimed_by.eq(None::<String>),
                pipeline_tasks::error.eq(reason),
                pipeline_tasks::changed_at.eq(now),
                pipeline_tasks::ended_at.eq(now),
            );
            diesel::update(open).set(row).execute(connection)
        })
    }

    /// Has tasks that came to their end worked off again; for each whether it is so. One that is under way stays as it is.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn retry(&mut self, retrials: &[Retrial]) -> Result<Vec<bool>> {
        self.0.write("retry tasks", |connection| {
            let now = database_now(connection)?;
            retrials.iter().map(|retrial| retry(connection, retrial, now)).collect()
        })
    }

    /// Writes down what a person made of the input of a stage, and has the stage tried again; false when the task has moved
    /// on meanwhile.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn edit(&mut self, edited: &EditedInput) -> Result<bool> {
        self.0.write("write down what was edited", |connection| {
            let same = pipeline_tasks::table
                .filter(pipeline_tasks::id.eq(edited.id).and(pipeline_tasks::fence.eq(edited.fence)))
                .count();
            let retrial = Retrial { id: edited.id, stage: edited.stage.clone(), not_before: None };
            let now = database_now(connection)?;
            let is_same = same.get_result::<i64>(connection)? == 1 && retry(connection, &retrial, now)?;
            if is_same {
                note(connection, edited.id, &edited.attempt)?;
            }
            Ok(is_same)
        })
    }

    /// Says that a task goes before others, or after them.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_priority(&mut self, id: i64, priority: i64) -> Result<()> {
        self.0.write("set the priority of a task", |connection| {
            let row = pipeline_tasks::table.find(id);
            diesel::update(row).set(pipeline_tasks::priority.eq(priority)).execute(connection).map(drop)
        })
    }
}

fn retry(connection: &mut Link, retrial: &Retrial, now: NaiveDateTime) -> QueryResult<bool> {
    let ended = pipeline_tasks::table
        .filter(pipeline_tasks::id.eq(retrial.id))
        .filter(pipeline_tasks::state.ne_all(["waiting", "running"]));
    let row = (
        (pipeline_tasks::state.eq("waiting"), pipeline_tasks::stage.eq(&retrial.stage)),
        pipeline_tasks::fence.eq(pipeline_tasks::fence + 1),
        (pipeline_tasks::attempts.eq(0), pipeline_tasks::deaths.eq(0)),
        pipeline_tasks::not_before.eq(retrial.not_before),
        (pipeline_tasks::error_kind.eq(None::<String>), pipeline_tasks::error.eq(None::<String>)),
        (pipeline_tasks::changed_at.eq(now), pipeline_tasks::ended_at.eq(None::<NaiveDateTime>)),
    );
    Ok(diesel::update(ended).set(row).execute(connection)? > 0)
}
