//! What tells whether anything has changed since it was looked at last: a few look-ups in indexes, for whoever watches.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::Store;
use crate::error::Result;

/// The state of things, part by part: two that are equal were read while nothing changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Apps and their runs: states, progress, starts and ends, commands.
    pub runs: String,
    /// The log.
    pub logs: String,
    /// Documents of pipelines.
    pub documents: String,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    it: String,
}

/// Each gives one row of one text, `it`: numbers and moments in a fixed order.
const RUNS: &[&str] = &[
    "SELECT COALESCE(max(runtime), '') AS it FROM runtime",
    "SELECT COALESCE(CAST(max(ended_at) AS CHAR(40)), '') AS it FROM runtime",
    "SELECT CAST(count(*) AS CHAR(40)) AS it FROM runtime WHERE ended_at IS NULL",
    "SELECT COALESCE(CAST(max(id) AS CHAR(40)), '') AS it FROM command_log",
    "SELECT CAST(count(*) AS CHAR(40)) AS it FROM occurrences WHERE state = 'queued'",
    "SELECT CAST(count(*) AS CHAR(40)) AS it FROM pauses WHERE ended_at IS NULL",
    "SELECT COALESCE(CAST(max(cmd_exec) AS CHAR(40)), '') AS it FROM apps WHERE archive IS NULL",
    "SELECT COALESCE(CAST(max(next_run) AS CHAR(40)), '') AS it FROM apps WHERE archive IS NULL",
    "SELECT COALESCE(CAST(min(next_run) AS CHAR(40)), '') AS it FROM apps WHERE archive IS NULL",
    "SELECT CAST(COALESCE(sum(status + failures * 16 + solved * 1024 + failed * 64), 0) AS CHAR(40)) AS it \
     FROM apps WHERE archive IS NULL",
    "SELECT CAST(COALESCE(sum(CASE WHEN disable THEN id ELSE 0 END), 0) + count(*) AS CHAR(40)) AS it \
     FROM apps WHERE archive IS NULL",
];
const LOGS: &str = "SELECT COALESCE(CAST(max(id) AS CHAR(40)), '') AS it FROM logs";
const DOCUMENTS: &[&str] = &[
    "SELECT COALESCE(CAST(max(id) AS CHAR(40)), '') AS it FROM pipeline_tasks",
    "SELECT COALESCE(CAST(max(id) AS CHAR(40)), '') AS it FROM pipeline_attempts",
    "SELECT CAST(count(*) AS CHAR(40)) AS it FROM pipeline_blocks",
];

impl Store {
    /// How things stand now.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn changes(&mut self) -> Result<Changes> {
        self.read("look whether anything has changed", |connection| {
            let mut one = |sql: &str| -> QueryResult<String> {
                let row: Row = connection.query(sql).get_result(connection)?;
                Ok(row.it)
            };
            let runs = RUNS.iter().map(|sql| one(sql)).collect::<QueryResult<Vec<String>>>()?.join(" ");
            let documents = DOCUMENTS.iter().map(|sql| one(sql)).collect::<QueryResult<Vec<String>>>()?.join(" ");
            Ok(Changes { runs, logs: one(LOGS)?, documents })
        })
    }
}
