//! The table `dc_merges`: a row for each merge that changed something, in the database that it changed.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{BACKENDS, Database, Rows, TableName, text};
use crate::clock;
use crate::error::{Error, Result};
use crate::record::Value;

/// The table's name.
pub(crate) const LEDGER: &str = "dc_merges";

const INSERT: &str = "INSERT INTO dc_merges (id, runtime, table_name, moment, scope, gone, created, added_columns, \
    inserted, retired, set_before, set_after, input_bytes, input_digest, records, duplicates) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
const INSERT_WITHOUT_INPUT: &str = "INSERT INTO dc_merges (id, runtime, table_name, moment, scope, gone, created, \
    added_columns, inserted, retired, set_before, set_after) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const SELECT: &str = "SELECT id, runtime, table_name, moment, scope, gone, created, added_columns, inserted, retired, \
    set_before, set_after, undone FROM dc_merges";
const SELECT_LAST_INPUT: &str = "SELECT input_bytes, input_digest, set_after, records, duplicates FROM dc_merges \
    WHERE table_name IN ($1, $2, $3) AND scope = $4 AND undone IS NULL ORDER BY moment DESC, id DESC";
/// One name at a time is looked up in the index; all at once are read through.
const SELECT_LAST_MOMENT: &str = "SELECT max(moment) FROM dc_merges WHERE table_name = $1 \
    UNION ALL SELECT max(moment) FROM dc_merges WHERE table_name = $2 \
    UNION ALL SELECT max(moment) FROM dc_merges WHERE table_name = $3";
const NEWEST_FIRST: &str = "ORDER BY moment DESC, id DESC";

/// One merge that changed something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastMerge {
    /// Its identity, a UUIDv7.
    pub id: String,
    /// The run that it was part of.
    pub runtime: Option<String>,
    /// The table: on PostgreSQL with its schema.
    #[serde(rename = "table")]
    pub table_name: String,
    /// Its moment, UTC: `date_created` of what it inserted, `archive` of what it archived.
    #[serde(serialize_with = "as_utc", deserialize_with = "of_utc")]
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
    /// When it was taken back, UTC.
    #[serde(serialize_with = "text_as_utc")]
    pub undone: Option<String>,
}

/// A moment with its zone, so that whoever reads it need not know that it is UTC.
fn as_utc<S: Serializer>(moment: &NaiveDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&clock::utc(*moment))
}

fn of_utc<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDateTime, D::Error> {
    DateTime::<Utc>::deserialize(deserializer).map(|moment| moment.naive_utc())
}

fn text_as_utc<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => match stored_moment(&Value::from(text.as_str())) {
            Some(moment) => as_utc(&moment, serializer),
            None => serializer.serialize_str(text),
        },
        None => serializer.serialize_none(),
    }
}

impl fmt::Display for PastMerge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.id, clock::text(self.moment), self.table_name)
    }
}

/// An input that was merged without a bad record, by which it is known when it comes again.
#[derive(Debug, Clone)]
pub(crate) struct TakenInput {
    /// Its length.
    pub(crate) bytes: u64,
    /// What it was, and how it was read.
    pub(crate) digest: String,
    /// The sum over the active rows after it.
    pub(crate) set_after: u128,
    /// Its records.
    pub(crate) read: u64,
    /// Those that came before in it.
    pub(crate) duplicate: u64,
}

/// The names by which merges of a table are written down.
pub(crate) type Names = [Value<'static>; 3];

/// The table's name, as others have it.
pub(crate) fn name() -> TableName {
    TableName { schema: None, name: LEDGER.to_owned() }
}

/// Makes the table, unless somebody else has.
///
/// # Errors
/// What the database says.
pub(crate) fn make(database: &mut dyn Database) -> Result<()> {
    if is_there(database)? {
        return Ok(());
    }
    database.lock(LEDGER)?;
    // somebody may have made it while we waited
    if !is_there(database)? {
        for statement in database.dialect().ledger {
            database.execute(statement, &[])?;
        }
    }
    Ok(())
}

/// The statements that make the table on a backend, for somebody to run who may.
pub(crate) fn statements(backend: &str) -> String {
    let entry = BACKENDS.iter().find(|entry| entry.name == backend);
    entry.into_iter().flat_map(|entry| entry.dialect.ledger).map(|statement| format!("{statement};\n")).collect()
}

/// Whether the table is there.
///
/// # Errors
/// What the database says.
pub(crate) fn is_there(database: &mut dyn Database) -> Result<bool> {
    database.table(&name()).map(|table| table.is_some())
}

/// Whether the table is of a dc that knew inputs.
///
/// # Errors
/// What the database says.
pub(crate) fn knows_inputs(database: &mut dyn Database) -> Result<bool> {
    database.table(&name()).map(|table| table.is_some_and(|table| table.column("input_digest").is_some()))
}

/// Adds a merge.
///
/// # Errors
/// What the database says.
pub(crate) fn insert(database: &mut dyn Database, merge: &PastMerge, input: Option<&TakenInput>) -> Result<()> {
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
        input.map_or(Value::Null, |input| count(input.bytes)),
        input.map_or(Value::Null, |input| Value::from(input.digest.as_str())),
        input.map_or(Value::Null, |input| count(input.read)),
        input.map_or(Value::Null, |input| count(input.duplicate)),
    ];
    // a history that an earlier dc began stays as it is: to widen it takes its owner, and a lock that all merges wait for
    match knows_inputs(database)? {
        true => database.execute(INSERT, &values).map(drop),
        false => database.execute(INSERT_WITHOUT_INPUT, &values[..values.len() - 4]).map(drop),
    }
}

/// The latest moment of the merges of a table.
///
/// # Errors
/// What the database says.
pub(crate) fn last_moment(database: &mut dyn Database, names: &Names) -> Result<Option<NaiveDateTime>> {
    let rows = database.query(SELECT_LAST_MOMENT, names)?.rows;
    Ok(rows.into_iter().flatten().filter_map(|value| stored_moment(&value)).max())
}

/// The input of the last merge of a table in this scope that was not taken back, if it was written down.
///
/// # Errors
/// What the database says.
pub(crate) fn last_input(database: &mut dyn Database, names: &Names, scope: &str) -> Result<Option<TakenInput>> {
    let query = (database.dialect().first)(SELECT_LAST_INPUT);
    let rows = database.query(&query, &with(names, scope))?.rows;
    Ok(rows.first().and_then(|row| taken_input(row)))
}

/// The merges of a table at a moment.
///
/// # Errors
/// What the database says; a row that cannot be read.
pub(crate) fn at(database: &mut dyn Database, names: &Names, moment: NaiveDateTime) -> Result<Vec<PastMerge>> {
    let sql = format!("{SELECT} WHERE table_name IN ($1, $2, $3) AND moment = $4");
    past(database.query(&sql, &with(names, &clock::text(moment)))?)
}

/// All merges, the newest first.
///
/// # Errors
/// As [`at`].
pub(crate) fn all(database: &mut dyn Database) -> Result<Vec<PastMerge>> {
    past(database.query(&format!("{SELECT} {NEWEST_FIRST}"), &[])?)
}

/// The merges of a table, the newest first.
///
/// # Errors
/// As [`at`].
pub(crate) fn of_table(database: &mut dyn Database, names: &Names) -> Result<Vec<PastMerge>> {
    let sql = format!("{SELECT} WHERE table_name IN ($1, $2, $3) {NEWEST_FIRST}");
    past(database.query(&sql, names)?)
}

/// The runs that merged, and the merges, whose identities begin so: hexadecimal digits and `-`.
///
/// # Errors
/// As [`at`].
pub(crate) fn beginning_with(database: &mut dyn Database, prefix: &str) -> Result<Vec<String>> {
    let like = Value::Text(format!("{prefix}%").into());
    let sql = "SELECT runtime FROM dc_merges WHERE runtime LIKE $1 UNION SELECT id FROM dc_merges WHERE id LIKE $2";
    let rows = database.query(sql, &[like.clone(), like])?.rows;
    Ok(rows.into_iter().filter_map(|row| row.first().map(|run| text(run).into_owned())).collect())
}

/// The merges of a run, or the one of this identity, the newest first.
///
/// # Errors
/// As [`at`].
pub(crate) fn of_run(database: &mut dyn Database, run: &str) -> Result<Vec<PastMerge>> {
    // one name may be typed for both: they are UUIDs
    let sql = format!("{SELECT} WHERE id = $1 OR runtime = $2 {NEWEST_FIRST}");
    past(database.query(&sql, &[Value::from(run), Value::from(run)])?)
}

/// The merges of a table after a moment that still stand, the newest first.
///
/// # Errors
/// As [`at`].
pub(crate) fn later(database: &mut dyn Database, names: &Names, moment: NaiveDateTime) -> Result<Vec<PastMerge>> {
    let sql = format!("{SELECT} WHERE table_name IN ($1, $2, $3) AND moment > $4 AND undone IS NULL {NEWEST_FIRST}");
    past(database.query(&sql, &with(names, &clock::text(moment)))?)
}

/// Sets the sum over the active rows after a merge.
///
/// # Errors
/// What the database says.
pub(crate) fn set_after(database: &mut dyn Database, id: &str, sum: &str) -> Result<()> {
    let values = [Value::from(sum), Value::from(id)];
    database.execute("UPDATE dc_merges SET set_after = $1 WHERE id = $2", &values).map(drop)
}

/// Notes that a merge was taken back at a moment.
///
/// # Errors
/// What the database says.
pub(crate) fn mark_undone(database: &mut dyn Database, id: &str, moment: NaiveDateTime) -> Result<()> {
    let values = [Value::from(clock::text(moment)), Value::from(id)];
    database.execute("UPDATE dc_merges SET undone = $1 WHERE id = $2", &values).map(drop)
}

/// The names of all tables that were merged into.
///
/// # Errors
/// What the database says.
pub(crate) fn tables(database: &mut dyn Database) -> Result<Vec<String>> {
    let rows = database.query("SELECT DISTINCT table_name FROM dc_merges ORDER BY table_name", &[])?.rows;
    Ok(rows.iter().filter_map(|row| words(row, 0)).collect())
}

fn with(names: &Names, more: &str) -> [Value<'static>; 4] {
    let [one, typed, bare] = names.clone();
    [one, typed, bare, Value::from(more.to_owned())]
}

fn taken_input(row: &[Value<'static>]) -> Option<TakenInput> {
    Some(TakenInput {
        bytes: count(row, 0)?,
        digest: words(row, 1)?,
        set_after: u128::from_str_radix(&words(row, 2)?, 16).ok()?,
        read: count(row, 3)?,
        duplicate: count(row, 4)?,
    })
}

fn past(rows: Rows) -> Result<Vec<PastMerge>> {
    rows.rows.into_iter().map(|row| one(&row).ok_or_else(|| Error::failed("read a line of dc_merges"))).collect()
}

fn words(row: &[Value<'static>], at: usize) -> Option<String> {
    match row.get(at) {
        Some(Value::Text(text)) => Some(text.to_string()),
        _ => None,
    }
}

fn count(row: &[Value<'static>], at: usize) -> Option<u64> {
    match row.get(at) {
        Some(Value::Integer(number)) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn one(row: &[Value<'static>]) -> Option<PastMerge> {
    Some(PastMerge {
        id: words(row, 0)?,
        runtime: words(row, 1),
        table_name: words(row, 2)?,
        moment: stored_moment(row.get(3)?)?,
        scope: words(row, 4)?,
        gone: words(row, 5)?,
        created: matches!(row.get(6)?, Value::Bool(true) | Value::Integer(1)),
        added_columns: words(row, 7)?.lines().map(str::to_owned).collect(),
        inserted: count(row, 8)?,
        retired: count(row, 9)?,
        set_before: words(row, 10)?,
        set_after: words(row, 11)?,
        undone: words(row, 12),
    })
}

fn stored_moment(value: &Value<'_>) -> Option<NaiveDateTime> {
    match value {
        Value::Text(text) => NaiveDateTime::parse_from_str(text, clock::MOMENT_FORMAT).ok(),
        _ => None,
    }
}
