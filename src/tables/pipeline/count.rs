//! How many tasks there are, of all pipelines in one query a figure.

use chrono::NaiveDateTime;
use diesel::dsl::count_star;
use diesel::prelude::*;

use super::schema::pipeline_tasks;
use super::task::{TaskState, Tasks};
use crate::error::Result;

/// How many tasks of a pipeline are in a stage, in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskCount {
    /// The pipeline.
    pub app_id: i64,
    /// The stage.
    pub stage: String,
    /// The state.
    pub state: TaskState,
    /// How many.
    pub count: i64,
}

/// Since when the oldest task of a stage waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldestTask {
    /// The pipeline.
    pub app_id: i64,
    /// The stage.
    pub stage: String,
    /// Since when, by the database's clock.
    pub since: NaiveDateTime,
}

impl Tasks<'_> {
    /// How many tasks are in each stage in each state; of these pipelines, or of all.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn counts(&mut self, app_ids: Option<&[i64]>) -> Result<Vec<TaskCount>> {
        let query = pipeline_tasks::table
            .group_by((pipeline_tasks::app_id, pipeline_tasks::state, pipeline_tasks::stage))
            .select((pipeline_tasks::app_id, pipeline_tasks::stage, pipeline_tasks::state, count_star()));
        let rows: Vec<(i64, String, String, i64)> = self.0.read("count the tasks", |connection| match app_ids {
            Some(ids) => query.filter(pipeline_tasks::app_id.eq_any(ids)).load(connection),
            None => query.load(connection),
        })?;
        let named = |(app_id, stage, state, count): (i64, String, String, i64)| {
            TaskState::of(&state).map(|state| TaskCount { app_id, stage, state, count })
        };
        Ok(rows.into_iter().filter_map(named).collect())
    }

    /// The oldest task that waits for each stage; of these pipelines, or of all.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn oldest(&mut self, app_ids: Option<&[i64]>) -> Result<Vec<OldestTask>> {
        let query = pipeline_tasks::table
            .filter(pipeline_tasks::state.eq("waiting"))
            .group_by((pipeline_tasks::app_id, pipeline_tasks::stage))
            .select((pipeline_tasks::app_id, pipeline_tasks::stage, diesel::dsl::min(pipeline_tasks::changed_at)));
        type Row = (i64, String, Option<NaiveDateTime>);
        let rows: Vec<Row> = self.0.read("read how old tasks are", |connection| match app_ids {
            Some(ids) => query.filter(pipeline_tasks::app_id.eq_any(ids)).load(connection),
            None => query.load(connection),
        })?;
        let named = |(app_id, stage, since): Row| Some(OldestTask { app_id, stage, since: since? });
        Ok(rows.into_iter().filter_map(named).collect())
    }
}
