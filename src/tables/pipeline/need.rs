//! The stored files that documents which are not finished still need: the janitor asks before it deletes.

use diesel::prelude::*;

use super::super::connection::Link;
use super::schema::{pipeline_attempts, pipeline_tasks};
use super::task::TaskState;

/// Those of the files that are the original of a task that waits or runs, or what one of its stages gave.
pub(in crate::tables) fn needed_files(connection: &mut Link, ids: &[i64]) -> QueryResult<Vec<i64>> {
    let unfinished = || pipeline_tasks::state.eq_any([TaskState::Waiting.name(), TaskState::Running.name()]);
    let originals = pipeline_tasks::table.filter(pipeline_tasks::file_id.eq_any(ids)).filter(unfinished());
    let mut needed: Vec<i64> = originals.select(pipeline_tasks::file_id).load(connection)?;
    let outputs: Vec<Option<i64>> = pipeline_attempts::table
        .inner_join(pipeline_tasks::table)
        .filter(pipeline_attempts::output_file.eq_any(ids))
        .filter(unfinished())
        .select(pipeline_attempts::output_file)
        .load(connection)?;
    needed.extend(outputs.into_iter().flatten());
    Ok(needed)
}
