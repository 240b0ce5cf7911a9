//! Documents that are with an actor of Dramatiq: no worker has them, and whichever worker hears the answer writes it down.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use serde::{Serialize, Serializer};

use super::super::connection::Link;
use super::super::lease::database_now;
use super::super::{hex_text, shown};
use super::claim::{ClaimedTask, with_files};
use super::outcome::{AttemptEnd, Noted, Settled, held, note, settle_and_note};
use super::schema::{pipeline_calls, pipeline_tasks, pipeline_workers};
use super::task::{TaskRow, Tasks};
use crate::error::Result;

/// A document that is with an actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Queryable, Selectable, Insertable)]
#[diesel(table_name = pipeline_calls)]
pub struct CallRow {
    /// The task.
    pub task_id: i64,
    /// The pipeline.
    pub app_id: i64,
    /// The stage.
    pub stage: String,
    /// The number of the attempt.
    pub attempt: i64,
    /// The number of the claim.
    pub fence: i64,
    /// The message that asks the actor, a UUID.
    pub message_id: String,
    /// The actor.
    pub actor: String,
    /// Its queue.
    pub queue: String,
    /// The worker that asked.
    pub worker: String,
    /// Its machine.
    pub host: String,
    /// The run whose log tells of it.
    pub runtime: Option<String>,
    /// The worker that is to send the message; `None` once the broker has it.
    pub sender: Option<String>,
    /// When it was asked, by the database's clock.
    #[serde(serialize_with = "shown::moment")]
    pub asked_at: NaiveDateTime,
    /// Until when an answer counts, by the database's clock.
    #[serde(serialize_with = "shown::moment")]
    pub answer_until: NaiveDateTime,
    /// The SHA-256 of what the actor was given from the stages before.
    #[serde(serialize_with = "hex")]
    pub input_sha256: Option<Vec<u8>>,
}

/// A document that is to be handed over to an actor.
#[derive(Debug, Clone)]
pub struct NewCall {
    /// The call; its times are the database's.
    pub row: CallRow,
    /// How long an answer is waited for.
    pub timeout: Duration,
}

fn hex<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => serializer.serialize_str(&hex_text(bytes)),
        None => serializer.serialize_none(),
    }
}

impl CallRow {
    /// How the attempt came to its end, with nothing that it gave.
    pub fn attempt_end(&self, ended_at: NaiveDateTime, outcome: &'static str, error: Option<String>) -> AttemptEnd {
        AttemptEnd {
            stage: self.stage.clone(),
            attempt: self.attempt,
            worker: self.worker.clone(),
            host: self.host.clone(),
            runtime: self.runtime.clone(),
            started_at: self.asked_at,
            ended_at,
            cpu_ms: None,
            memory_peak_kib: None,
            exit_code: None,
            signal: None,
            outcome,
            error,
            input_sha256: self.input_sha256.clone(),
            output: None,
        }
    }
}

impl Tasks<'_> {
    /// Notes that claimed tasks are with actors from now on, before anything is sent: no worker has them any more. For each
    /// whether it was still claimed.
    ///
    /// # Errors
    /// When the database cannot be written: then none is.
    pub fn hand_over(&mut self, calls: &[NewCall]) -> Result<Vec<bool>> {
        self.0.write("hand tasks over to actors", |connection| {
            let now = database_now(connection)?;
            calls.iter().map(|call| hand_over(connection, call, now)).collect()
        })
    }

    /// Notes that the broker has the messages of these calls, named by task and claim.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn note_sent(&mut self, calls: &[(i64, i64)]) -> Result<()> {
        self.0.write("note what was sent", |connection| {
            for (task_id, fence) in calls {
                let row = diesel::update(open(*task_id, *fence));
                row.set(pipeline_calls::sender.eq(None::<String>)).execute(connection)?;
            }
            Ok(())
        })
    }

    /// The documents of a pipeline that are with actors.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn calls(&mut self, app_id: i64) -> Result<Vec<CallRow>> {
        let query = pipeline_calls::table
            .filter(pipeline_calls::app_id.eq(app_id))
            .order(pipeline_calls::task_id.asc())
            .select(CallRow::as_select());
        self.0.read("read what is with actors", |connection| query.load(connection))
    }

    /// The call of a task that is with an actor.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn call(&mut self, task_id: i64) -> Result<Option<CallRow>> {
        let query = pipeline_calls::table.find(task_id).select(CallRow::as_select());
        self.0.read("read whether a task is with an actor", |connection| query.first(connection).optional())
    }

    /// Takes over calls whose sender died before it knew that the broker has the message: they are sent once more.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn adopt_calls(&mut self, app_id: i64, worker: &str, order: &[String]) -> Result<Vec<(CallRow, ClaimedTask)>> {
        self.0.write("take over what was not sent", |connection| {
            let living = pipeline_workers::table.select(pipeline_workers::id);
            let orphans = pipeline_calls::table
                .filter(pipeline_calls::app_id.eq(app_id))
                .filter(pipeline_calls::sender.assume_not_null().ne_all(living))
                .filter(pipeline_calls::sender.is_not_null());
            let calls: Vec<CallRow> = orphans.select(CallRow::as_select()).load(connection)?;
            let mut adopted = Vec::with_capacity(calls.len());
            for call in calls {
                let row =
                    diesel::update(open(call.task_id, call.fence).filter(pipeline_calls::sender.eq(&call.sender)));
                if row.set(pipeline_calls::sender.eq(worker)).execute(connection)? == 0 {
                    continue;
                }
                let task: Option<TaskRow> =
                    held(call.task_id, call.fence).select(TaskRow::as_select()).first(connection).optional()?;
                let Some(task) = task else { continue };
                let row = CallRow { sender: Some(worker.to_owned()), ..call };
                adopted.extend(with_files(connection, order, vec![task])?.into_iter().map(|task| (row.clone(), task)));
            }
            Ok(adopted)
        })
    }

    /// Writes down what became of tasks that were with actors; for each whether its call was still open. Nothing is noted of
    /// one that was not: it has been answered, is too late, or its task was taken out.
    ///
    /// # Errors
    /// When the database cannot be written: then nothing of it is.
    pub fn settle_calls(&mut self, app_id: i64, settled: &[Settled]) -> Result<Vec<bool>> {
        self.0.write("write down what actors answered", |connection| {
            let now = database_now(connection)?;
            // two workers that conclude the same come by in the same order
            let mut order: Vec<usize> = (0..settled.len()).collect();
            order.sort_by_key(|place| settled[*place].task_id);
            let mut was_open = vec![false; settled.len()];
            for place in order {
                let Settled { task_id, fence, .. } = settled[place];
                // whoever takes the row away writes the end down
                was_open[place] = diesel::delete(open(task_id, fence)).execute(connection)? > 0;
            }
            let these = settled.iter().zip(&was_open).filter(|(_, was_open)| **was_open);
            let these: Vec<Settled> = these.map(|(settled, _)| settled.clone()).collect();
            let mut noted = settle_and_note(connection, app_id, &these, now)?.into_iter();
            let is_settled = |was_open: bool| was_open && noted.next().is_some_and(|noted| noted != Noted::Lost);
            Ok(was_open.into_iter().map(is_settled).collect())
        })
    }
}

/// Ends the calls of tasks that are taken out: whatever their actors answer is too late.
pub(super) fn give_up(connection: &mut Link, ids: &[i64], reason: &str, now: NaiveDateTime) -> QueryResult<()> {
    let these = pipeline_calls::table.filter(pipeline_calls::task_id.eq_any(ids));
    let calls: Vec<CallRow> = these.select(CallRow::as_select()).load(connection)?;
    for call in calls {
        if diesel::delete(open(call.task_id, call.fence)).execute(connection)? > 0 {
            note(connection, call.task_id, &call.attempt_end(now, "cancelled", Some(reason.to_owned())))?;
        }
    }
    Ok(())
}

type Open =
    diesel::dsl::Filter<diesel::dsl::Find<pipeline_calls::table, i64>, diesel::dsl::Eq<pipeline_calls::fence, i64>>;

/// The call of a task, as long as it is that of this claim.
fn open(task_id: i64, fence: i64) -> Open {
    pipeline_calls::table.find(task_id).filter(pipeline_calls::fence.eq(fence))
}

fn hand_over(connection: &mut Link, call: &NewCall, now: NaiveDateTime) -> QueryResult<bool> {
    let task = diesel::update(held(call.row.task_id, call.row.fence));
    let nobody = pipeline_tasks::claimed_by.eq(None::<String>);
    if task.set((nobody, pipeline_tasks::changed_at.eq(now))).execute(connection)? == 0 {
        return Ok(false);
    }
    let timeout = TimeDelta::from_std(call.timeout).unwrap_or(TimeDelta::MAX);
    let answer_until = now.checked_add_signed(timeout).unwrap_or(NaiveDateTime::MAX);
    let row = CallRow { asked_at: now, answer_until, ..call.row.clone() };
    // a claim has one call
    diesel::delete(pipeline_calls::table.find(row.task_id)).execute(connection)?;
    diesel::insert_into(pipeline_calls::table).values(&row).execute(connection)?;
    Ok(true)
}
