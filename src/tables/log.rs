//! Log records: written in batches, read by app, run, level and time.

use std::borrow::Cow;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;

use super::connection::Link;
use super::schema::logs;
use super::{Store, shown};
use crate::error::Result;

/// The parameters of one row.
const COLUMNS: usize = 7;
/// The rows of one statement on PostgreSQL, which takes 65,535 parameters.
const ROWS_MAX: usize = 4_000;
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

/// A log record as the database has it.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = logs)]
pub struct StoredLog {
    /// Its number; it grows with the order of storing.
    pub id: i64,
    /// The run it belongs to.
    pub runtime: Option<String>,
    /// The app it belongs to.
    pub app_id: Option<i64>,
    /// When it was written.
    #[serde(serialize_with = "shown::moment")]
    pub time: NaiveDateTime,
    /// How grave it is.
    pub level: i64,
    /// What wrote it.
    pub source: String,
    /// The message.
    pub message: String,
    /// Its other keys, as JSON.
    pub context: Option<String>,
}

/// Which log records to read.
#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// Only those of these apps; `None` for all.
    pub app_ids: Option<Vec<i64>>,
    /// Only those of this run.
    pub runtime: Option<String>,
    /// Only those of this level and above.
    pub level_min: Option<i64>,
    /// Only those written at this time and later.
    pub since: Option<NaiveDateTime>,
    /// Only those stored after this one: for whoever follows.
    pub after_id: Option<i64>,
    /// The most records: the last so many, or with `after_id` the first so many after it.
    pub last: i64,
}

/// A row on its way into the table.
#[derive(Insertable)]
#[diesel(table_name = logs)]
struct NewLog<'a> {
    runtime: Option<&'a str>,
    app_id: Option<i64>,
    time: NaiveDateTime,
    level: i64,
    source: Cow<'a, str>,
    message: Cow<'a, str>,
    context: Option<Cow<'a, str>>,
}

impl Store {
    /// Stores log records, all or none.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn append_logs(&mut self, rows: &[LogRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows: Vec<NewLog<'_>> = rows.iter().map(storable).collect();
        self.write("store log records", |connection| insert(connection, &rows))
    }

    /// Reads log records, oldest first.
    ///
    /// Who follows with `after_id` on PostgreSQL should ask again a little behind the last number it saw: two
    /// transactions that store at the same moment may become visible in the other order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn logs(&mut self, filter: &LogFilter) -> Result<Vec<StoredLog>> {
        self.read("read the log records", |connection| load(connection, filter))
    }
}

fn storable(row: &LogRow) -> NewLog<'_> {
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

/// One arm a backend: SQLite repeats one prepared statement, PostgreSQL takes many rows in one.
fn insert(connection: &mut Link, rows: &[NewLog<'_>]) -> QueryResult<()> {
    match connection {
        Link::Sqlite(file) => {
            for row in rows {
                diesel::insert_into(logs::table).values(row).execute(file)?;
            }
        }
        Link::Postgres(server) => {
            for part in rows.chunks(ROWS_MAX) {
                diesel::insert_into(logs::table).values(part).execute(server)?;
            }
        }
    }
    Ok(())
}

fn load(connection: &mut Link, filter: &LogFilter) -> QueryResult<Vec<StoredLog>> {
    let mut query = logs::table.select(StoredLog::as_select()).into_boxed();
    if let Some(app_ids) = &filter.app_ids {
        query = query.filter(logs::app_id.eq_any(app_ids.iter().copied().map(Some)));
    }
    if let Some(runtime) = &filter.runtime {
        query = query.filter(logs::runtime.eq(runtime));
    }
    if let Some(level) = filter.level_min {
        query = query.filter(logs::level.ge(level));
    }
    if let Some(since) = filter.since {
        query = query.filter(logs::time.ge(since));
    }
    match filter.after_id {
        Some(id) => query.filter(logs::id.gt(id)).order(logs::id.asc()).limit(filter.last).load(connection),
        None => {
            let mut rows: Vec<StoredLog> = query.order(logs::id.desc()).limit(filter.last).load(connection)?;
            rows.reverse();
            Ok(rows)
        }
    }
}
