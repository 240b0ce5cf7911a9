//! Log records on their way in: in batches.

use std::borrow::Cow;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Store;
use super::connection::insert_rows;
use super::schema::logs;
use crate::error::Result;

/// The parameters of one row.
const COLUMNS: usize = 7;
/// The rows of one statement on PostgreSQL, which takes 65,535 parameters.
pub(super) const ROWS_MAX: usize = 4_000;
const _: () = assert!(ROWS_MAX * COLUMNS < 65_535);

/// A log record to be stored.
#[derive(Debug, Clone)]
pub struct LogRow {
    /// The run it belongs to.
    pub runtime: Option<String>,
    /// The app it belongs to.
    pub app_id: Option<i64>,
    /// When it was written.
    pub time: NaiveDateTime,
    /// How grave it is: the number of a [`LogLevel`](super::LogLevel), or one between.
    pub level: i64,
    /// What wrote it: `stdout`, `stderr`, a module.
    pub source: String,
    /// The message. A NUL in it is stored as `␀`: PostgreSQL takes none.
    pub message: String,
    /// Its other keys, as JSON.
    pub context: Option<String>,
}

/// A row on its way into the table.
#[derive(Insertable)]
#[diesel(table_name = logs)]
pub(super) struct NewLog<'a> {
    runtime: Option<&'a str>,
    app_id: Option<i64>,
    time: NaiveDateTime,
    level: i64,
    source: Cow<'a, str>,
    message: Cow<'a, str>,
    context: Option<Cow<'a, str>>,
}

/// The log records.
pub struct Logs<'a>(pub(super) &'a mut Store);

impl Store {
    /// The log records.
    pub fn logs(&mut self) -> Logs<'_> {
        Logs(self)
    }
}

impl Logs<'_> {
    /// Stores log records, all or none.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn append(&mut self, rows: &[LogRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows: Vec<NewLog<'_>> = rows.iter().map(storable).collect();
        self.0.write("store log records", |connection| insert_rows!(connection, logs::table, rows, ROWS_MAX))
    }
}

pub(super) fn storable(row: &LogRow) -> NewLog<'_> {
    NewLog {
        runtime: row.runtime.as_deref(),
        app_id: row.app_id,
        time: row.time,
        level: row.level,
        source: without_nul(&row.source),
        message: without_nul(&row.message),
        context: row.context.as_deref().map(without_nul),
    }
}

fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{2400}")) } else { Cow::Borrowed(text) }
}
