//! What was done with a task, attempt by attempt.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::{Serialize, Serializer};

use super::super::{hex_text, shown};
use super::schema::{pipeline_attempts, pipeline_duplicates};
use super::task::Tasks;
use crate::error::Result;

/// An attempt of a stage.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = pipeline_attempts)]
pub struct AttemptRow {
    /// Its number.
    pub id: i64,
    /// The task.
    pub task_id: i64,
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
    /// When it began.
    #[serde(serialize_with = "shown::moment")]
    pub started_at: NaiveDateTime,
    /// When it ended.
    #[serde(serialize_with = "shown::moment")]
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
    pub outcome: String,
    /// Why, where it was not done.
    pub error: Option<String>,
    /// The SHA-256 of what it was given.
    #[serde(serialize_with = "hex")]
    pub input_sha256: Option<Vec<u8>>,
    /// The SHA-256 of what it gave.
    #[serde(serialize_with = "hex")]
    pub output_sha256: Option<Vec<u8>>,
    /// What it gave, where it is short.
    pub output: Option<String>,
    /// The stored file, where it is long.
    pub output_file: Option<i64>,
}

fn hex<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => serializer.serialize_str(&hex_text(bytes)),
        None => serializer.serialize_none(),
    }
}

impl Tasks<'_> {
    /// The attempts of a task, the first one first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn attempts(&mut self, task_id: i64) -> Result<Vec<AttemptRow>> {
        let query = pipeline_attempts::table
            .filter(pipeline_attempts::task_id.eq(task_id))
            .order(pipeline_attempts::id.asc())
            .select(AttemptRow::as_select());
        self.0.read("read the attempts of a task", |connection| query.load(connection))
    }

    /// The names under which the bytes of a task came again, and when.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn duplicates(&mut self, task_id: i64) -> Result<Vec<(String, NaiveDateTime)>> {
        let query = pipeline_duplicates::table
            .filter(pipeline_duplicates::task_id.eq(task_id))
            .order(pipeline_duplicates::id.asc())
            .select((pipeline_duplicates::name, pipeline_duplicates::seen_at));
        self.0.read("read what came twice", |connection| query.load(connection))
    }
}
