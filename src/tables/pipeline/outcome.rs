//! What became of a task in a stage, written with the attempt in one transaction, many at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::super::connection::{Link, insert_rows, locked};
use super::super::lease::database_now;
use super::claim::StageOutput;
use super::schema::{pipeline_attempts, pipeline_tasks};
use super::task::{TaskState, Tasks};
use crate::error::Result;

/// What becomes of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It waits for this stage.
    Next(String),
    /// Whoever has it goes on with this stage at once, unless a task of a higher priority than its own waits for a stage of
    /// the pipeline: then it waits, too.
    Onward {
        /// The stage.
        stage: String,
        /// The task's priority.
        priority: i64,
    },
    /// It is done.
    Done,
    /// The stage is tried again then.
    Again {
        /// When.
        not_before: Option<NaiveDateTime>,
        /// Whether the attempt counts: one that could not even try does not.
        counts: bool,
    },
    /// What worked on it died; it is tried once more, with nothing beside it.
    Suspect,
    /// It ends so.
    Ended(TaskState),
}

/// What came of writing down what became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// Somebody else has it, or it was taken out: the attempt is noted, and nothing else.
    Lost,
    /// It is as was said.
    Settled,
    /// It is claimed for the next stage, with the number that follows that of the last claim.
    Onward,
}

/// How an attempt came to its end.
#[derive(Debug, Clone)]
pub struct AttemptEnd {
    /// The stage.
    pub stage: String,
    /// The number of the attempt.
    pub attempt: i64,
    /// The worker.
    pub worker: String,
    /// The machine.
    pub host: String,
    /// The run whose log tells of it.
    pub runtime: Option<String>,
    /// When it began, by this machine's clock.
    pub started_at: NaiveDateTime,
    /// When it ended.
    pub ended_at: NaiveDateTime,
    /// Processor time of its process.
    pub cpu_ms: Option<i64>,
    /// The most memory of its process.
    pub memory_peak_kib: Option<i64>,
    /// Its exit status.
    pub exit_code: Option<i64>,
    /// The signal that ended it.
    pub signal: Option<i64>,
    /// `done`, `permanent`, `passing`, `blocked`, `died`, `cancelled`.
    pub outcome: &'static str,
    /// Why, where it was not done.
    pub error: Option<String>,
    /// The SHA-256 of what it was given.
    pub input_sha256: Option<Vec<u8>>,
    /// What it gave.
    pub output: Option<StageOutput>,
}

/// A task whose attempt has ended.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The task.
    pub task_id: i64,
    /// The number of the claim.
    pub fence: i64,
    /// What becomes of it.
    pub fate: Fate,
    /// The attempt.
    pub attempt: AttemptEnd,
}

impl Tasks<'_> {
    /// Writes down what became of tasks of a pipeline. The attempts are noted whosever the tasks are by now.
    ///
    /// # Errors
    /// When the database cannot be written: then nothing of it is.
    pub fn settle(&mut self, app_id: i64, settled: &[Settled]) -> Result<Vec<Noted>> {
        self.0.write("write down what became of tasks", |connection| {
            let now = database_now(connection)?;
            settle_and_note(connection, app_id, settled, now)
        })
    }

    /// Gives tasks back that were claimed and not begun: the attempts do not count.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn give_back(&mut self, claims: &[(i64, i64)]) -> Result<()> {
        self.0.write("give tasks back", |connection| {
            let now = database_now(connection)?;
            for (task_id, fence) in claims {
                let row = (
                    pipeline_tasks::state.eq("waiting"),
                    pipeline_tasks::claimed_by.eq(None::<String>),
                    pipeline_tasks::attempts.eq(pipeline_tasks::attempts - 1),
                    pipeline_tasks::changed_at.eq(now),
                );
                diesel::update(held(*task_id, *fence)).set(row).execute(connection)?;
            }
            Ok(())
        })
    }

    /// Gives tasks back that a worker has and knows nothing of, since the answer to its claim was lost: all but `known`. How
    /// many it was.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn give_back_others(&mut self, worker: &str, known: &[i64]) -> Result<usize> {
        let held = pipeline_tasks::table
            .filter(pipeline_tasks::claimed_by.eq(worker).and(pipeline_tasks::state.eq("running")))
            .select(pipeline_tasks::id);
        let held: Vec<i64> = self.0.read("read what a worker has", |connection| held.load(connection))?;
        let lost: Vec<i64> = held.into_iter().filter(|id| !known.contains(id)).collect();
        if lost.is_empty() {
            return Ok(0);
        }
        self.0.write("give tasks back", |connection| {
            let now = database_now(connection)?;
            let lost = pipeline_tasks::table
                .filter(pipeline_tasks::id.eq_any(&lost).and(pipeline_tasks::claimed_by.eq(worker)))
                .filter(pipeline_tasks::state.eq("running"));
            let row = (
                pipeline_tasks::state.eq("waiting"),
                pipeline_tasks::claimed_by.eq(None::<String>),
                pipeline_tasks::fence.eq(pipeline_tasks::fence + 1),
                pipeline_tasks::attempts.eq(pipeline_tasks::attempts - 1),
                pipeline_tasks::changed_at.eq(now),
            );
            diesel::update(lost).set(row).execute(connection)
        })
    }

    /// Which of these claims are void: the task was taken out, or somebody else has it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn void(&mut self, claims: &[(i64, i64)]) -> Result<Vec<i64>> {
        let ids: Vec<i64> = claims.iter().map(|(id, _)| *id).collect();
        let query = pipeline_tasks::table
            .filter(pipeline_tasks::id.eq_any(&ids).and(pipeline_tasks::state.eq("running")))
            .select((pipeline_tasks::id, pipeline_tasks::fence));
        let held: Vec<(i64, i64)> = self.0.read("read who has a task", |connection| query.load(connection))?;
        Ok(claims.iter().filter(|claim| !held.contains(claim)).map(|(id, _)| *id).collect())
    }
}

pub(super) type Held = diesel::dsl::Filter<
    diesel::dsl::Filter<pipeline_tasks::table, diesel::dsl::Eq<pipeline_tasks::id, i64>>,
    diesel::dsl::And<diesel::dsl::Eq<pipeline_tasks::fence, i64>, diesel::dsl::Eq<pipeline_tasks::state, &'static str>>,
>;

/// The task, as long as the claim holds.
pub(super) fn held(task_id: i64, fence: i64) -> Held {
    pipeline_tasks::table
        .filter(pipeline_tasks::id.eq(task_id))
        .filter(pipeline_tasks::fence.eq(fence).and(pipeline_tasks::state.eq("running")))
}

/// Writes down what became of tasks, and the attempts.
pub(super) fn settle_and_note(
    connection: &mut Link,
    app_id: i64,
    settled: &[Settled],
    now: NaiveDateTime,
) -> QueryResult<Vec<Noted>> {
    let noted = settle(connection, app_id, settled, now)?;
    let attempts: Vec<NewAttempt<'_>> =
        settled.iter().map(|settled| NewAttempt::of(settled.task_id, &settled.attempt)).collect();
    insert_rows!(connection, pipeline_attempts::table, attempts)?;
    Ok(noted)
}

/// Those whose tasks come to the same are changed by one statement.
fn settle(connection: &mut Link, app_id: i64, settled: &[Settled], now: NaiveDateTime) -> QueryResult<Vec<Noted>> {
    let held = all_held(connection, settled)?;
    let urgent = match settled.iter().any(|settled| matches!(settled.fate, Fate::Onward { .. })) {
        true => highest_waiting(connection, app_id, now)?,
        false => None,
    };
    let (mut next, mut onward, mut done) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    let mut noted = Vec::with_capacity(settled.len());
    for settled in settled {
        let Settled { task_id, fence, fate, .. } = settled;
        if !held.contains(&(*task_id, *fence)) {
            noted.push(Noted::Lost);
            continue;
        }
        noted.push(match fate {
            Fate::Onward { stage, priority } if urgent.is_none_or(|urgent| urgent <= *priority) => {
                onward.entry(stage).or_insert_with(Vec::new).push(*task_id);
                Noted::Onward
            }
            Fate::Next(stage) | Fate::Onward { stage, .. } => {
                next.entry(stage).or_insert_with(Vec::new).push(*task_id);
                Noted::Settled
            }
            Fate::Done => {
                done.push(*task_id);
                Noted::Settled
            }
            _ => {
                differs(connection, settled, now)?;
                Noted::Settled
            }
        });
    }
    let flawless = || {
        (
            pipeline_tasks::error_kind.eq(None::<String>),
            pipeline_tasks::error.eq(None::<String>),
            pipeline_tasks::changed_at.eq(now),
        )
    };
    let fresh = || (pipeline_tasks::deaths.eq(0), pipeline_tasks::not_before.eq(None::<NaiveDateTime>));
    for (stage, ids) in next {
        let row = (
            pipeline_tasks::state.eq(TaskState::Waiting.name()),
            pipeline_tasks::claimed_by.eq(None::<String>),
            (pipeline_tasks::stage.eq(stage), pipeline_tasks::attempts.eq(0)),
            (fresh(), flawless()),
        );
        diesel::update(pipeline_tasks::table.filter(pipeline_tasks::id.eq_any(ids))).set(row).execute(connection)?;
    }
    for (stage, ids) in onward {
        let row = (
            pipeline_tasks::fence.eq(pipeline_tasks::fence + 1),
            (pipeline_tasks::stage.eq(stage), pipeline_tasks::attempts.eq(1)),
            (fresh(), flawless()),
        );
        diesel::update(pipeline_tasks::table.filter(pipeline_tasks::id.eq_any(ids))).set(row).execute(connection)?;
    }
    if !done.is_empty() {
        let row = (
            pipeline_tasks::state.eq(TaskState::Done.name()),
            pipeline_tasks::claimed_by.eq(None::<String>),
            pipeline_tasks::ended_at.eq(now),
            flawless(),
        );
        diesel::update(pipeline_tasks::table.filter(pipeline_tasks::id.eq_any(done))).set(row).execute(connection)?;
    }
    Ok(noted)
}

/// The claims of these that still hold; nobody takes one away until the transaction ends.
fn all_held(connection: &mut Link, settled: &[Settled]) -> QueryResult<BTreeSet<(i64, i64)>> {
    let ids: Vec<i64> = settled.iter().map(|settled| settled.task_id).collect();
    let running = pipeline_tasks::table
        .filter(pipeline_tasks::id.eq_any(&ids).and(pipeline_tasks::state.eq("running")))
        .order(pipeline_tasks::id.asc())
        .select((pipeline_tasks::id, pipeline_tasks::fence));
    let rows: Vec<(i64, i64)> = locked!(connection, running)?;
    Ok(rows.into_iter().collect())
}

/// The highest priority of what could be claimed.
fn highest_waiting(connection: &mut Link, app_id: i64, now: NaiveDateTime) -> QueryResult<Option<i64>> {
    pipeline_tasks::table
        .filter(pipeline_tasks::app_id.eq(app_id).and(pipeline_tasks::state.eq("waiting")))
        .filter(pipeline_tasks::not_before.is_null().or(pipeline_tasks::not_before.le(now)))
        .order((pipeline_tasks::priority.desc(), pipeline_tasks::id.asc()))
        .select(pipeline_tasks::priority)
        .first(connection)
        .optional()
}

/// Writes down what became of a task that did not simply go on.
fn differs(connection: &mut Link, settled: &Settled, now: NaiveDateTime) -> QueryResult<()> {
    let Settled { task_id, fence, fate, attempt } = settled;
    let kind = Some(attempt.outcome).filter(|outcome| *outcome != "done");
    let common = (
        pipeline_tasks::claimed_by.eq(None::<String>),
        pipeline_tasks::changed_at.eq(now),
        pipeline_tasks::error_kind.eq(kind),
        pipeline_tasks::error.eq(&attempt.error),
    );
    let this = diesel::update(held(*task_id, *fence));
    let waiting = pipeline_tasks::state.eq(TaskState::Waiting.name());
    match fate {
        Fate::Next(_) | Fate::Onward { .. } | Fate::Done => Ok(0),
        Fate::Again { not_before, counts } => this
            .set((
                waiting,
                pipeline_tasks::attempts.eq(pipeline_tasks::attempts - i64::from(!counts)),
                pipeline_tasks::not_before.eq(not_before),
                common,
            ))
            .execute(connection),
        Fate::Suspect => {
            this.set((waiting, pipeline_tasks::deaths.eq(pipeline_tasks::deaths + 1), common)).execute(connection)
        }
        Fate::Ended(state) => this
            .set((
                pipeline_tasks::state.eq(state.name()),
                pipeline_tasks::deaths.eq(pipeline_tasks::deaths + i64::from(attempt.outcome == "died")),
                pipeline_tasks::ended_at.eq(now),
                common,
            ))
            .execute(connection),
    }
    .map(drop)
}

/// Writes an attempt down.
pub(super) fn note(connection: &mut Link, task_id: i64, attempt: &AttemptEnd) -> QueryResult<()> {
    insert_rows!(connection, pipeline_attempts::table, [NewAttempt::of(task_id, attempt)])
}

#[derive(Insertable)]
#[diesel(table_name = pipeline_attempts)]
struct NewAttempt<'a> {
    task_id: i64,
    stage: &'a str,
    attempt: i64,
    worker: &'a str,
    host: &'a str,
    runtime: Option<&'a str>,
    started_at: NaiveDateTime,
    ended_at: NaiveDateTime,
    cpu_ms: Option<i64>,
    memory_peak_kib: Option<i64>,
    exit_code: Option<i64>,
    signal: Option<i64>,
    outcome: &'a str,
    error: Option<&'a str>,
    input_sha256: Option<&'a [u8]>,
    output_sha256: Option<&'a [u8]>,
    output: Option<&'a str>,
    output_file: Option<i64>,
}

impl<'a> NewAttempt<'a> {
    fn of(task_id: i64, end: &'a AttemptEnd) -> Self {
        let output = end.output.as_ref();
        Self {
            task_id,
            stage: &end.stage,
            attempt: end.attempt,
            worker: &end.worker,
            host: &end.host,
            runtime: end.runtime.as_deref(),
            started_at: end.started_at,
            ended_at: end.ended_at,
            cpu_ms: end.cpu_ms,
            memory_peak_kib: end.memory_peak_kib,
            exit_code: end.exit_code,
            signal: end.signal,
            outcome: end.outcome,
            error: end.error.as_deref(),
            input_sha256: end.input_sha256.as_deref(),
            output_sha256: output.and_then(|output| output.sha256.as_deref()),
            output: output.and_then(|output| output.text.as_deref()),
            output_file: output.and_then(|output| output.file_id),
        }
    }
}
