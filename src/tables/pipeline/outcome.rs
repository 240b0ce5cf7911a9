//! What became of a task in a stage, written with the attempt in one transaction, many at once.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::super::connection::Link;
use super::super::lease::database_now;
use super::claim::StageOutput;
use super::schema::{pipeline_attempts, pipeline_tasks};
use super::task::{TaskState, Tasks};
use crate::error::Result;

/// What becomes of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It goes on with this stage.
    Next(String),
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
    /// Writes down what became of tasks; for each whether it was still theirs who say so. The attempt is noted anyway.
    ///
    /// # Errors
    /// When the database cannot be written: then nothing of it is.
    pub fn settle(&mut self, settled: &[Settled]) -> Result<Vec<bool>> {
        self.0.write("write down what became of tasks", |connection| {
            let now = database_now(connection)?;
            settled.iter().map(|settled| settle(connection, settled, now)).collect()
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

type Held = diesel::dsl::Filter<
    diesel::dsl::Filter<pipeline_tasks::table, diesel::dsl::Eq<pipeline_tasks::id, i64>>,
    diesel::dsl::And<diesel::dsl::Eq<pipeline_tasks::fence, i64>, diesel::dsl::Eq<pipeline_tasks::state, &'static str>>,
>;

/// The task, as long as the claim holds.
fn held(task_id: i64, fence: i64) -> Held {
    pipeline_tasks::table
        .filter(pipeline_tasks::id.eq(task_id))
        .filter(pipeline_tasks::fence.eq(fence).and(pipeline_tasks::state.eq("running")))
}

fn settle(connection: &mut Link, settled: &Settled, now: NaiveDateTime) -> QueryResult<bool> {
    let Settled { task_id, fence, fate, attempt } = settled;
    let kind = Some(attempt.outcome).filter(|outcome| *outcome != "done");
    let common = (
        pipeline_tasks::claimed_by.eq(None::<String>),
        pipeline_tasks::changed_at.eq(now),
        pipeline_tasks::error_kind.eq(kind),
        pipeline_tasks::error.eq(&attempt.error),
    );
    let this = diesel::update(held(*task_id, *fence));
    let none = None::<NaiveDateTime>;
    let waiting = pipeline_tasks::state.eq(TaskState::Waiting.name());
    let changed = match fate {
        Fate::Next(stage) => this
            .set((
                waiting,
                pipeline_tasks::stage.eq(stage),
                pipeline_tasks::attempts.eq(0),
                pipeline_tasks::deaths.eq(0),
                pipeline_tasks::not_before.eq(none),
                common,
            ))
            .execute(connection)?,
        Fate::Again { not_before, counts } => this
            .set((
                waiting,
                pipeline_tasks::attempts.eq(pipeline_tasks::attempts - i64::from(!counts)),
                pipeline_tasks::not_before.eq(not_before),
                common,
            ))
            .execute(connection)?,
        Fate::Suspect => {
            this.set((waiting, pipeline_tasks::deaths.eq(pipeline_tasks::deaths + 1), common)).execute(connection)?
        }
        Fate::Done => this
            .set((pipeline_tasks::state.eq(TaskState::Done.name()), pipeline_tasks::ended_at.eq(now), common))
            .execute(connection)?,
        Fate::Ended(state) => this
            .set((
                pipeline_tasks::state.eq(state.name()),
                pipeline_tasks::deaths.eq(pipeline_tasks::deaths + i64::from(attempt.outcome == "died")),
                pipeline_tasks::ended_at.eq(now),
                common,
            ))
            .execute(connection)?,
    };
    note(connection, *task_id, attempt)?;
    Ok(changed > 0)
}

/// Writes an attempt down.
pub(super) fn note(connection: &mut Link, task_id: i64, attempt: &AttemptEnd) -> QueryResult<()> {
    let output = attempt.output.clone().unwrap_or_default();
    let row = (
        pipeline_attempts::task_id.eq(task_id),
        (pipeline_attempts::stage.eq(&attempt.stage), pipeline_attempts::attempt.eq(attempt.attempt)),
        (pipeline_attempts::worker.eq(&attempt.worker), pipeline_attempts::host.eq(&attempt.host)),
        pipeline_attempts::runtime.eq(&attempt.runtime),
        (pipeline_attempts::started_at.eq(attempt.started_at), pipeline_attempts::ended_at.eq(attempt.ended_at)),
        (pipeline_attempts::cpu_ms.eq(attempt.cpu_ms), pipeline_attempts::memory_peak_kib.eq(attempt.memory_peak_kib)),
        (pipeline_attempts::exit_code.eq(attempt.exit_code), pipeline_attempts::signal.eq(attempt.signal)),
        (pipeline_attempts::outcome.eq(attempt.outcome), pipeline_attempts::error.eq(&attempt.error)),
        pipeline_attempts::input_sha256.eq(&attempt.input_sha256),
        (pipeline_attempts::output_sha256.eq(output.sha256), pipeline_attempts::output.eq(output.text)),
        pipeline_attempts::output_file.eq(output.file_id),
    );
    diesel::insert_into(pipeline_attempts::table).values(row).execute(connection).map(drop)
}
