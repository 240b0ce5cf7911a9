//! Log records on their way in: in batches.

use std::borrow::Cow;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Store;
use super::connection::{Link, insert_rows};
use super::log_writers::begin_writing;
use super::schema::logs;
use crate::error::Result;

/// The parameters of one row.
const COLUMNS: usize = 7;
/// The rows of one statement on a server, which takes 65,535 parameters.
const ROWS_MAX: usize = 4_000;
/// The bytes of one statement: MySQL and MariaDB take no more than 16 MiB where nobody has set anything else.
const BYTES_MAX: usize = 4 << 20;
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
        self.0.write("store log records", |connection| store(connection, &rows))
    }
}

/// Stores records in the transaction that is open.
pub(super) fn store(connection: &mut Link, mut rows: &[NewLog<'_>]) -> QueryResult<()> {
    if !rows.is_empty() {
        begin_writing(connection)?;
    }
    while !rows.is_empty() {
        let (some, rest) = rows.split_at(fitting(rows));
        insert_rows!(&mut *connection, logs::table, some, ROWS_MAX)?;
        rows = rest;
    }
    Ok(())
}

/// How many rows from the first on fit into one statement; one, whatever its size.
fn fitting(rows: &[NewLog<'_>]) -> usize {
    let mut bytes = 0;
    let fits = |row: &&NewLog<'_>| {
        bytes += row.message.len() + row.context.as_ref().map_or(0, |context| context.len());
        bytes <= BYTES_MAX
    };
    rows.iter().take_while(fits).count().max(1)
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
