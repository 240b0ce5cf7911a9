//! Claiming: whoever moves the number of a task on has it. The attempt counts from then, whether or not it is begun.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::super::connection::{Link, locked};
use super::super::file::FileRow;
use super::super::lease::database_now;
use super::super::schema::stored_files;
use super::schema::{pipeline_attempts, pipeline_blocks, pipeline_tasks};
use super::task::{TaskRow, Tasks};
use crate::error::Result;

/// A stage that cannot work is tried by one document so often.
const PROBE_EVERY: TimeDelta = TimeDelta::seconds(15);

/// What may be claimed.
#[derive(Debug, Clone, Copy)]
pub struct ClaimLimits<'a> {
    /// The pipeline.
    pub app_id: i64,
    /// Who claims.
    pub worker: &'a str,
    /// The stages that it can work for, in the order of the pipeline.
    pub stages: &'a [String],
    /// All stages, in their order.
    pub order: &'a [String],
    /// At most so many.
    pub count: i64,
    /// A document may be claimed that something died of: nothing else is under way.
    pub is_alone: bool,
}

/// What a stage gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StageOutput {
    /// Itself, where it is short.
    pub text: Option<String>,
    /// The stored file, where it is long.
    pub file_id: Option<i64>,
    /// The SHA-256 of it.
    pub sha256: Option<Vec<u8>>,
}

/// A task that was claimed.
#[derive(Debug, Clone)]
pub struct ClaimedTask {
    /// The task, with the number of this claim.
    pub task: TaskRow,
    /// The stored original.
    pub original: FileRow,
    /// What the stages before gave; `None` where none gave anything.
    pub input: Option<StageOutput>,
}

impl Tasks<'_> {
    /// Claims what waits, by priority and age. A document that something died of comes alone.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn claim(&mut self, limits: &ClaimLimits<'_>) -> Result<Vec<ClaimedTask>> {
        if limits.stages.is_empty() || limits.count < 1 {
            return Ok(Vec::new());
        }
        self.0.write("claim tasks", |connection| {
            let now = database_now(connection)?;
            let (mut free, mut probed) = (limits.stages.to_vec(), Vec::new());
            for (stage, probe_at) in blocks(connection, limits.app_id)? {
                let was = free.len();
                free.retain(|known| *known != stage);
                if probe_at <= now && free.len() < was {
                    probed.push(stage);
                }
            }
            if limits.is_alone {
                let suspects = candidates(connection, limits, &free, now, (true, 1))?;
                if !suspects.is_empty() {
                    return take(connection, limits, &suspects, now);
                }
            }
            let mut ids = Vec::new();
            for stage in probed {
                // one document asks for all whether the stage can work again
                let probe = candidates(connection, limits, std::slice::from_ref(&stage), now, (false, 1))?;
                if !probe.is_empty() {
                    let block = pipeline_blocks::table.find((limits.app_id, &stage));
                    diesel::update(block).set(pipeline_blocks::probe_at.eq(now + PROBE_EVERY)).execute(connection)?;
                    ids.extend(probe);
                }
            }
            let rest = limits.count - ids.len() as i64;
            if rest > 0 && !free.is_empty() {
                ids.extend(candidates(connection, limits, &free, now, (false, rest))?);
            }
            take(connection, limits, &ids, now)
        })
    }

    /// Whether documents wait for these stages that something died of.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_suspects(&mut self, app_id: i64, stages: &[String]) -> Result<bool> {
        self.0.read("look for documents that are worked on alone", |connection| {
            let now = database_now(connection)?;
            let suspect = pipeline_tasks::table
                .filter(pipeline_tasks::app_id.eq(app_id).and(pipeline_tasks::state.eq("waiting")))
                .filter(pipeline_tasks::not_before.is_null().or(pipeline_tasks::not_before.le(now)))
                .filter(pipeline_tasks::deaths.gt(0).and(pipeline_tasks::stage.eq_any(stages)))
                .select(pipeline_tasks::id);
            Ok(suspect.first::<i64>(connection).optional()?.is_some())
        })
    }

    /// How many tasks of these stages could be claimed now.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn ready_count(&mut self, app_id: i64, stages: &[String]) -> Result<i64> {
        self.0.read("count what waits", |connection| {
            let now = database_now(connection)?;
            pipeline_tasks::table
                .filter(pipeline_tasks::app_id.eq(app_id).and(pipeline_tasks::state.eq("waiting")))
                .filter(pipeline_tasks::not_before.is_null().or(pipeline_tasks::not_before.le(now)))
                .filter(pipeline_tasks::stage.eq_any(stages))
                .count()
                .get_result(connection)
        })
    }
}

/// How long a blocked stage rests after a probe failed.
pub(super) fn rest_after(probes: i64) -> Duration {
    let doublings = u32::try_from(probes.clamp(0, 4)).unwrap_or_default();
    Duration::from_secs(5 << doublings)
}

fn blocks(connection: &mut Link, app_id: i64) -> QueryResult<Vec<(String, NaiveDateTime)>> {
    pipeline_blocks::table
        .filter(pipeline_blocks::app_id.eq(app_id))
        .select((pipeline_blocks::stage, pipeline_blocks::probe_at))
        .load(connection)
}

/// The tasks that come next; those that something died of, or the others.
fn candidates(
    connection: &mut Link,
    limits: &ClaimLimits<'_>,
    stages: &[String],
    now: NaiveDateTime,
    (are_suspects, count): (bool, i64),
) -> QueryResult<Vec<i64>> {
    // what others are claiming is left to them
    let (least, most) = if are_suspects { (1, i64::MAX) } else { (0, 0) };
    let waiting = pipeline_tasks::table
        .filter(pipeline_tasks::app_id.eq(limits.app_id))
        // not bound, so that an index of those that wait is known to help
        .filter(sql::<Bool>("state = 'waiting'"))
        .filter(pipeline_tasks::not_before.is_null().or(pipeline_tasks::not_before.le(now)))
        .filter(pipeline_tasks::stage.eq_any(stages).and(pipeline_tasks::deaths.between(least, most)))
        .order((pipeline_tasks::priority.desc(), pipeline_tasks::id.asc()))
        .select(pipeline_tasks::id)
        .limit(count);
    locked!(connection, free waiting)
}

fn take(
    connection: &mut Link,
    limits: &ClaimLimits<'_>,
    ids: &[i64],
    now: NaiveDateTime,
) -> QueryResult<Vec<ClaimedTask>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let row = (
        pipeline_tasks::state.eq("running"),
        pipeline_tasks::claimed_by.eq(limits.worker),
        pipeline_tasks::fence.eq(pipeline_tasks::fence + 1),
        pipeline_tasks::attempts.eq(pipeline_tasks::attempts + 1),
        pipeline_tasks::changed_at.eq(now),
    );
    diesel::update(pipeline_tasks::table.filter(pipeline_tasks::id.eq_any(ids))).set(row).execute(connection)?;
    let tasks: Vec<TaskRow> = pipeline_tasks::table
        .filter(pipeline_tasks::id.eq_any(ids))
        .order((pipeline_tasks::priority.desc(), pipeline_tasks::id.asc()))
        .select(TaskRow::as_select())
        .load(connection)?;
    with_files(connection, limits.order, tasks)
}

/// Tasks with their originals, and with what the stages before gave.
pub(super) fn with_files(
    connection: &mut Link,
    order: &[String],
    tasks: Vec<TaskRow>,
) -> QueryResult<Vec<ClaimedTask>> {
    let files: Vec<FileRow> = stored_files::table
        .filter(stored_files::id.eq_any(tasks.iter().map(|task| task.file_id)))
        .select(FileRow::as_select())
        .load(connection)?;
    let files: BTreeMap<i64, FileRow> = files.into_iter().map(|file| (file.id, file)).collect();
    let mut inputs = inputs(connection, order, &tasks)?;
    let claimed = |task: TaskRow| {
        let original = files.get(&task.file_id).cloned().ok_or(diesel::NotFound)?;
        Ok(ClaimedTask { input: inputs.remove(&task.id), original, task })
    };
    tasks.into_iter().map(claimed).collect()
}

/// What the last stage that gave something gave, for each task that is past the first stage.
fn inputs(connection: &mut Link, order: &[String], tasks: &[TaskRow]) -> QueryResult<BTreeMap<i64, StageOutput>> {
    let place = |stage: &str| order.iter().position(|known| known == stage);
    let past: BTreeMap<i64, usize> =
        tasks.iter().filter_map(|task| Some((task.id, place(&task.stage)?))).filter(|(_, place)| *place > 0).collect();
    if past.is_empty() {
        return Ok(BTreeMap::new());
    }
    type Row = (i64, String, Option<String>, Option<i64>, Option<Vec<u8>>);
    let rows: Vec<Row> = pipeline_attempts::table
        .filter(pipeline_attempts::task_id.eq_any(past.keys().copied().collect::<Vec<_>>()))
        .filter(pipeline_attempts::outcome.eq("done").and(pipeline_attempts::output_sha256.is_not_null()))
        .order(pipeline_attempts::id.asc())
        .select((
            pipeline_attempts::task_id,
            pipeline_attempts::stage,
            pipeline_attempts::output,
            pipeline_attempts::output_file,
            pipeline_attempts::output_sha256,
        ))
        .load(connection)?;
    let mut best: BTreeMap<i64, (usize, StageOutput)> = BTreeMap::new();
    for (task_id, stage, text, file_id, sha256) in rows {
        let Some(at) = place(&stage).filter(|at| past.get(&task_id).is_some_and(|until| at < until)) else { continue };
        // of one stage the latest attempt counts
        if best.get(&task_id).is_none_or(|(known, _)| *known <= at) {
            best.insert(task_id, (at, StageOutput { text, file_id, sha256 }));
        }
    }
    Ok(best.into_iter().map(|(task_id, (_, output))| (task_id, output)).collect())
}
