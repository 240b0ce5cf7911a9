//! The processes that work pipelines off, each for the time of a lease; and what becomes of the tasks of one that is gone.

use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::super::connection::Link;
use super::super::lease::{database_now, lease_end};
use super::outcome::{AttemptEnd, note};
use super::schema::{pipeline_attempts, pipeline_tasks, pipeline_workers};
use super::task::{TaskRow, TaskState, Tasks};
use crate::error::Result;

/// What worked on a document died so often: it is set aside.
pub const DEATHS_MAX: i64 = 2;

/// A process that works a pipeline off.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = pipeline_workers)]
pub struct WorkerRow {
    /// Its identity, a UUIDv7.
    pub id: String,
    /// The pipeline.
    pub app_id: i64,
    /// Its run.
    pub runtime: Option<String>,
    /// The machine.
    pub host: String,
    /// Which boot of the machine.
    pub boot_id: String,
    /// The namespaces in which its process is numbered.
    pub pid_namespace: Option<String>,
    /// Its process.
    pub pid: i64,
    /// When the process started, in clock ticks since boot.
    pub pid_started: i64,
    /// When it began.
    pub started_at: NaiveDateTime,
    /// Until when it is believed to live, by the database's clock.
    pub lease_until: NaiveDateTime,
}

/// What became of the tasks of a worker that is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LostWorker {
    /// Tasks that wait again.
    pub waiting: usize,
    /// Tasks that were being worked on, and are tried alone.
    pub suspect: usize,
    /// Tasks that were set aside: what worked on them died twice.
    pub quarantined: Vec<i64>,
}

impl Tasks<'_> {
    /// Makes a worker known, for the time of a lease.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn register_worker(&mut self, worker: &WorkerRow, lease: Duration) -> Result<()> {
        self.0.write("make a worker known", |connection| {
            let row = WorkerRow { lease_until: lease_end(connection, lease)?, ..worker.clone() };
            diesel::insert_into(pipeline_workers::table).values(&row).execute(connection).map(drop)
        })
    }

    /// Renews a worker's lease; false when it was taken for gone: others have its tasks then.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn renew_worker(&mut self, id: &str, lease: Duration) -> Result<bool> {
        self.0.write("renew the lease of a worker", |connection| {
            let until = lease_end(connection, lease)?;
            let row = diesel::update(pipeline_workers::table.find(id));
            Ok(row.set(pipeline_workers::lease_until.eq(until)).execute(connection)? > 0)
        })
    }

    /// The workers that are known; of one pipeline, or of all.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn workers(&mut self, app_id: Option<i64>) -> Result<Vec<WorkerRow>> {
        let mut query = pipeline_workers::table.select(WorkerRow::as_select()).into_boxed();
        if let Some(app_id) = app_id {
            query = query.filter(pipeline_workers::app_id.eq(app_id));
        }
        let query = query.order(pipeline_workers::id.asc());
        self.0.read("read the workers", |connection| query.load(connection))
    }

    /// Takes a worker away that has ended or is gone. `began` are the tasks that it was working on when it died: the others
    /// were only claimed. Where nobody knows (`None`), each attempt counts, and only the death over a task that it had alone;
    /// the tasks that are lost so for the second time are tried alone from then on, so that the one that kills is found.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn remove_worker(&mut self, worker: &WorkerRow, began: Option<&[i64]>, reason: &str) -> Result<LostWorker> {
        self.0.write("take the tasks of a worker back", |connection| {
            let mut lost = LostWorker::default();
            // whoever takes the row away takes the tasks back
            if diesel::delete(pipeline_workers::table.find(&worker.id)).execute(connection)? == 0 {
                return Ok(lost);
            }
            let now = database_now(connection)?;
            let tasks: Vec<TaskRow> = pipeline_tasks::table
                .filter(pipeline_tasks::claimed_by.eq(&worker.id).and(pipeline_tasks::state.eq("running")))
                .select(TaskRow::as_select())
                .load(connection)?;
            let is_alone = tasks.len() == 1;
            for task in tasks {
                if !began.map_or(is_alone, |began| began.contains(&task.id)) {
                    let attempts = task.attempts - i64::from(began.is_some());
                    let is_suspect = began.is_none() && attempts >= DEATHS_MAX;
                    let deaths = task.deaths.max(i64::from(is_suspect));
                    take_back(connection, &task, (attempts, deaths), TaskState::Waiting, now)?;
                    lost.waiting += 1;
                    continue;
                }
                let deaths = task.deaths + 1;
                let state = if deaths >= DEATHS_MAX { TaskState::Quarantined } else { TaskState::Waiting };
                take_back(connection, &task, (task.attempts, deaths), state, now)?;
                let error = Some("died");
                let row = diesel::update(pipeline_tasks::table.find(task.id));
                row.set((pipeline_tasks::error_kind.eq(error), pipeline_tasks::error.eq(reason)))
                    .execute(connection)?;
                note(connection, task.id, &died(worker, &task, reason, now))?;
                match state {
                    TaskState::Quarantined => lost.quarantined.push(task.id),
                    _ => lost.suspect += 1,
                }
            }
            Ok(lost)
        })
    }

    /// A worker is back that was taken for dead, with these tasks under way: it could not reach the database for a while, and
    /// nothing died of them. What was set aside for that waits again. How many tasks it was.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn came_back(&mut self, worker: &str, under_way: &[i64]) -> Result<usize> {
        self.0.write("take back that a worker died", |connection| {
            let now = database_now(connection)?;
            let mut count = 0;
            for task_id in under_way {
                let own = pipeline_attempts::task_id.eq(task_id).and(pipeline_attempts::worker.eq(worker));
                let deaths = pipeline_attempts::table.filter(own.and(pipeline_attempts::outcome.eq("died")));
                let truth = (
                    pipeline_attempts::outcome.eq("cancelled"),
                    pipeline_attempts::error.eq("its worker could not reach the database for a while"),
                );
                if diesel::update(deaths).set(truth).execute(connection)? == 0 {
                    continue;
                }
                count += 1;
                let died =
                    pipeline_tasks::table.filter(pipeline_tasks::id.eq(task_id).and(pipeline_tasks::deaths.gt(0)));
                diesel::update(died).set(pipeline_tasks::deaths.eq(pipeline_tasks::deaths - 1)).execute(connection)?;
                let aside = pipeline_tasks::id.eq(task_id).and(pipeline_tasks::deaths.lt(DEATHS_MAX));
                let aside = aside.and(pipeline_tasks::state.eq(TaskState::Quarantined.name()));
                let waiting = (
                    pipeline_tasks::state.eq(TaskState::Waiting.name()),
                    pipeline_tasks::ended_at.eq(None::<NaiveDateTime>),
                    pipeline_tasks::changed_at.eq(now),
                );
                diesel::update(pipeline_tasks::table.filter(aside)).set(waiting).execute(connection)?;
            }
            Ok(count)
        })
    }
}

fn take_back(
    connection: &mut Link,
    task: &TaskRow,
    (attempts, deaths): (i64, i64),
    state: TaskState,
    now: NaiveDateTime,
) -> QueryResult<()> {
    let row = (
        pipeline_tasks::state.eq(state.name()),
        pipeline_tasks::claimed_by.eq(None::<String>),
        pipeline_tasks::fence.eq(task.fence + 1),
        (pipeline_tasks::attempts.eq(attempts), pipeline_tasks::deaths.eq(deaths)),
        pipeline_tasks::changed_at.eq(now),
        pipeline_tasks::ended_at.eq(state.is_final().then_some(now)),
    );
    diesel::update(pipeline_tasks::table.find(task.id)).set(row).execute(connection).map(drop)
}

fn died(worker: &WorkerRow, task: &TaskRow, reason: &str, now: NaiveDateTime) -> AttemptEnd {
    AttemptEnd {
        stage: task.stage.clone(),
        attempt: task.attempts,
        worker: worker.id.clone(),
        host: worker.host.clone(),
        runtime: worker.runtime.clone(),
        started_at: task.changed_at,
        ended_at: now,
        cpu_ms: None,
        memory_peak_kib: None,
        exit_code: None,
        signal: None,
        outcome: "died",
        error: Some(reason.to_owned()),
        input_sha256: None,
        output: None,
    }
}
