//! The merges that changed something, in the table `dc_merges` of the database that they changed. It is written in
//! the merge's own transaction, so it tells neither more nor less than what happened.

use std::fmt;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::db::{Connection, Database, Rows, Scope, TableName, text};
use crate::error::{Error, ErrorKind, Result};
use crate::record::Value;

/// The table's name.
pub(super) const LEDGER: &str = "dc_merges";

const CREATE: &str = "CREATE TABLE dc_merges (id text PRIMARY KEY, runtime text, table_name text NOT NULL, \
    moment text NOT NULL, scope text NOT NULL, gone text NOT NULL, created boolean NOT NULL, \
    added_columns text NOT NULL, inserted bigint NOT NULL, retired bigint NOT NULL, set_before text NOT NULL, \
    set_after text NOT NULL, undone text)";
const INDEX: &str = "CREATE INDEX dc_merges_table_moment ON dc_merges (table_name, moment)";
const INSERT: &str = "INSERT INTO dc_merges (id, runtime, table_name, moment, scope, gone, created, added_columns, \
    inserted, retired, set_before, set_after) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const SELECT: &str = "SELECT id, runtime, table_name, moment, scope, gone, created, added_columns, inserted, retired, \
    set_before, set_after, undone FROM dc_merges";

/// One merge that changed something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastMerge {
    /// Its identity, a UUIDv7.
    pub id: String,
    /// The run that it was part of.
    pub runtime: Option<String>,
    /// The table, as it was named.
    #[serde(rename = "table")]
    pub table_name: String,
    /// Its moment, UTC: `date_created` of what it inserted, `archive` of what it archived.
    pub moment: NaiveDateTime,
    /// Its scope as `column=value`; empty for the whole table.
    pub scope: String,
    /// What became of vanished rows: `archive`, `delete` or `keep`.
    pub gone: String,
    /// Whether it made the table.
    pub created: bool,
    /// The columns that it added.
    pub added_columns: Vec<String>,
    /// Rows that it inserted.
    pub inserted: u64,
    /// Rows that it archived or deleted.
    pub retired: u64,
    /// The active rows in its scope before: the sum of the first halves of their hashes, 32 hex digits.
    pub set_before: String,
    /// The same after it.
    pub set_after: String,
    /// When it was taken back.
    pub undone: Option<String>,
}

impl PastMerge {
    /// By how much it moved the sum over the active rows.
    pub(super) fn moved(&self) -> Result<u128> {
        let read = |hex: &str| {
            u128::from_str_radix(hex, 16).map_err(|cause| Error::failed(format!("read the sum `{hex}`")).because(cause))
        };
        Ok(read(&self.set_after)?.wrapping_sub(read(&self.set_before)?))
    }
}

impl fmt::Display for PastMerge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.id, clock::text(self.moment), self.table_name)
    }
}

/// A scope as it is kept and shown.
pub(super) fn scope_text(scope: &Scope) -> String {
    let part = |(column, value): &(crate::db::Column, crate::db::Fitted<'static>)| {
        format!(
            "{}={}",
            column.name,
            value.to_value().as_ref().map(|value| text(value).into_owned()).unwrap_or_default()
        )
    };
    scope.iter().map(part).collect::<Vec<_>>().join(" ")
}

fn name() -> TableName {
    TableName { schema: None, name: LEDGER.to_owned() }
}

fn is_there(backend: &mut dyn Database) -> Result<bool> {
    backend.table(&name()).map(|table| table.is_some())
}

/// A moment for a merge, later than all before it of this table, even if the clock was set back.
pub(super) fn next_moment(backend: &mut dyn Database, table: &TableName) -> Result<NaiveDateTime> {
    let now = clock::now();
    if !is_there(backend)? {
        return Ok(now);
    }
    let last = backend
        .query("SELECT max(moment) FROM dc_merges WHERE table_name = $1", &[Value::from(table.to_string())])?
        .rows
        .into_iter()
        .flatten()
        .find_map(|value| stored_moment(&value));
    Ok(last.map_or(now, |last| now.max(last + chrono::TimeDelta::microseconds(1))))
}

/// Writes a merge down. A role that may not make or write the ledger merges all the same, without a history.
pub(super) fn record(backend: &mut dyn Database, merge: &PastMerge) -> Result<bool> {
    backend.execute("SAVEPOINT ledger", &[])?;
    match make_and_insert(backend, merge) {
        Ok(()) => backend.execute("RELEASE ledger", &[]).map(|_| true),
        Err(error) if error.kind() == ErrorKind::Permission => {
            log::warn!("no history of this merge is kept, so it cannot be undone: {error}");
            backend.execute("ROLLBACK TO ledger", &[])?;
            backend.execute("RELEASE ledger", &[]).map(|_| false)
        }
        Err(error) => Err(error.within("write down what the merge did")),
    }
}

fn make_and_insert(backend: &mut dyn Database, merge: &PastMerge) -> Result<()> {
    if !is_there(backend)? {
        backend.lock(LEDGER)?;
        // somebody may have made it while we waited
        if !is_there(backend)? {
            backend.execute(CREATE, &[])?;
            backend.execute(INDEX, &[])?;
        }
    }
    let count = |count: u64| Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
    let values = [
        Value::from(merge.id.as_str()),
        merge.runtime.as_deref().map_or(Value::Null, Value::from),
        Value::from(merge.table_name.as_str()),
        Value::from(clock::text(merge.moment)),
        Value::from(merge.scope.as_str()),
        Value::from(merge.gone.as_str()),
        Value::Bool(merge.created),
        Value::from(merge.added_columns.join("\n")),
        count(merge.inserted),
        count(merge.retired),
        Value::from(merge.set_before.as_str()),
        Value::from(merge.set_after.as_str()),
    ];
    backend.execute(INSERT, &values).map(|_| ())
}

/// Notes that a merge was taken back.
pub(super) fn mark_undone(backend: &mut dyn Database, merge: &PastMerge) -> Result<()> {
    let values = [Value::from(clock::text(clock::now())), Value::from(merge.id.as_str())];
    backend.execute("UPDATE dc_merges SET undone = $1 WHERE id = $2", &values).map(|_| ())
}

/// The merges of a table, or of all, the newest first.
///
/// # Errors
/// What the database says.
pub fn history(database: &mut Connection, table: Option<&str>) -> Result<Vec<PastMerge>> {
    let backend = database.backend();
    if !is_there(backend)? {
        return Ok(Vec::new());
    }
    match table {
        Some(table) => {
            let sql = format!("{SELECT} WHERE table_name = $1 ORDER BY moment DESC, id DESC");
            past(backend.query(&sql, &[Value::from(table)])?)
        }
        None => past(backend.query(&format!("{SELECT} ORDER BY moment DESC, id DESC"), &[])?),
    }
}

/// The merges of a run, or the one of this identity; the newest first.
pub(super) fn find(backend: &mut dyn Database, database: &str, run: &str) -> Result<Vec<PastMerge>> {
    let missing = |what: &str| {
        Error::new(ErrorKind::NotFound, format!("find a merge of the run `{run}` in the database `{database}`: {what}"))
            .hint("`dc merge history` lists the merges, with their runs")
    };
    if !is_there(backend)? {
        return Err(missing("no merge has changed anything there"));
    }
    // one name may be typed for both: they are UUIDs
    let sql = format!("{SELECT} WHERE id = $1 OR runtime = $2 ORDER BY moment DESC, id DESC");
    let found = past(backend.query(&sql, &[Value::from(run), Value::from(run)])?)?;
    if found.is_empty() { Err(missing("it changed nothing there, or is no run")) } else { Ok(found) }
}

/// Merges of a table that came after this one and still stand.
pub(super) fn later(backend: &mut dyn Database, merge: &PastMerge) -> Result<Vec<PastMerge>> {
    let sql =
        format!("{SELECT} WHERE table_name = $1 AND moment > $2 AND undone IS NULL ORDER BY moment DESC, id DESC");
    past(backend.query(&sql, &[Value::from(merge.table_name.as_str()), Value::from(clock::text(merge.moment))])?)
}

fn past(rows: Rows) -> Result<Vec<PastMerge>> {
    rows.rows.into_iter().map(|row| one(&row).ok_or_else(|| Error::failed("read a line of dc_merges"))).collect()
}

fn one(row: &[Value<'static>]) -> Option<PastMerge> {
    let words = |at: usize| match row.get(at) {
        Some(Value::Text(text)) => Some(text.to_string()),
        _ => None,
    };
    let count = |at: usize| match row.get(at) {
        Some(Value::Integer(number)) => u64::try_from(*number).ok(),
        _ => None,
    };
    Some(PastMerge {
        id: words(0)?,
        runtime: words(1),
        table_name: words(2)?,
        moment: stored_moment(row.get(3)?)?,
        scope: words(4)?,
        gone: words(5)?,
        created: matches!(row.get(6)?, Value::Bool(true) | Value::Integer(1)),
        added_columns: words(7)?.lines().map(str::to_owned).collect(),
        inserted: count(8)?,
        retired: count(9)?,
        set_before: words(10)?,
        set_after: words(11)?,
        undone: words(12),
    })
}

fn stored_moment(value: &Value<'_>) -> Option<NaiveDateTime> {
    match value {
        Value::Text(text) => NaiveDateTime::parse_from_str(text, clock::MOMENT_FORMAT).ok(),
        _ => None,
    }
}
