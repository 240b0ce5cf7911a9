//! The merges that changed something, in the table `dc_merges` of the database that they changed. It is written in
//! the merge's own transaction, so it tells neither more nor less than what happened.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock;
use crate::db::{Connection, Database, Right, Rows, TableName};
use crate::error::{Error, ErrorKind, Result};
use crate::merge::nearest::nearest;
use crate::record::Value;

/// The table's name.
pub(super) const LEDGER: &str = "dc_merges";

const CREATE: &str = "CREATE TABLE dc_merges (id text PRIMARY KEY, runtime text, table_name text NOT NULL, \
    moment text NOT NULL, scope text NOT NULL, gone text NOT NULL, created boolean NOT NULL, \
    added_columns text NOT NULL, inserted bigint NOT NULL, retired bigint NOT NULL, set_before text NOT NULL, \
    set_after text NOT NULL, undone text, input_bytes bigint, input_digest text, records bigint, duplicates bigint)";
const INDEXES: [&str; 2] = [
    "CREATE INDEX dc_merges_table_moment ON dc_merges (table_name, moment)",
    "CREATE INDEX dc_merges_table_scope ON dc_merges (table_name, scope, moment)",
];
const INSERT: &str = "INSERT INTO dc_merges (id, runtime, table_name, moment, scope, gone, created, added_columns, \
    inserted, retired, set_before, set_after, input_bytes, input_digest, records, duplicates) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
const INSERT_WITHOUT_INPUT: &str = "INSERT INTO dc_merges (id, runtime, table_name, moment, scope, gone, created, \
    added_columns, inserted, retired, set_before, set_after) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const SELECT: &str = "SELECT id, runtime, table_name, moment, scope, gone, created, added_columns, inserted, retired, \
    set_before, set_after, undone FROM dc_merges";
const SELECT_LAST_INPUT: &str = "SELECT input_bytes, input_digest, set_after, records, duplicates FROM dc_merges \
    WHERE table_name IN ($1, $2, $3) AND scope = $4 AND undone IS NULL ORDER BY moment DESC, id DESC LIMIT 1";
/// One name at a time is looked up in the index; all at once are read through.
const SELECT_LAST_MOMENT: &str = "SELECT max(moment) FROM dc_merges WHERE table_name = $1 \
    UNION ALL SELECT max(moment) FROM dc_merges WHERE table_name = $2 \
    UNION ALL SELECT max(moment) FROM dc_merges WHERE table_name = $3";
/// What its owner lets other roles do, so that they keep a history too.
const GRANT: &str = "let its owner allow it: GRANT SELECT, INSERT, UPDATE ON dc_merges TO role";

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

impl PastMerge {
    /// By how much it moved the sum over the active rows.
    pub(super) fn moved(&self) -> Result<u128> {
        Ok(sum(&self.set_after)?.wrapping_sub(sum(&self.set_before)?))
    }
}

impl fmt::Display for PastMerge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.id, clock::text(self.moment), self.table_name)
    }
}

/// An input that was merged without a bad record, by which it is known when it comes again.
#[derive(Debug, Clone)]
pub(super) struct TakenInput {
    /// Its length.
    pub(super) bytes: u64,
    /// What it was, and how it was read.
    pub(super) digest: String,
    /// The sum over the active rows after it.
    pub(super) set_after: u128,
    /// Its records.
    pub(super) read: u64,
    /// Those that came before in it.
    pub(super) duplicate: u64,
}

/// The sum of a set of hashes as it is kept.
pub(super) fn set_text(sum: u128) -> String {
    format!("{sum:032x}")
}

fn sum(hex: &str) -> Result<u128> {
    u128::from_str_radix(hex, 16).map_err(|cause| Error::failed(format!("read the sum `{hex}`")).because(cause))
}

fn name() -> TableName {
    TableName { schema: None, name: LEDGER.to_owned() }
}

fn is_there(backend: &mut dyn Database) -> Result<bool> {
    backend.table(&name()).map(|table| table.is_some())
}

/// Whether there is a history, and this role may read it. Who may not merges without one.
fn is_readable(backend: &mut dyn Database) -> Result<bool> {
    Ok(is_there(backend)? && backend.may(&name(), Right::Read)?)
}

/// Whether there is a history.
///
/// # Errors
/// Permission, with the grant that is missing, where this role may not read it.
fn is_open(backend: &mut dyn Database) -> Result<bool> {
    match (is_there(backend)?, is_readable(backend)?) {
        (false, _) => Ok(false),
        (true, true) => Ok(true),
        (true, false) => {
            let what = "read the history of merges: this role may not read `dc_merges`";
            Err(Error::new(ErrorKind::Permission, what).hint(GRANT))
        }
    }
}

/// The names by which merges of a table are written down: its one name; and, from before there was one, as it is typed
/// and without its schema, where that is the same table.
fn names(backend: &mut dyn Database, table: &TableName) -> Result<[Value<'static>; 3]> {
    let one = backend.canonical(table)?;
    let bare = TableName { schema: None, name: table.name.clone() };
    let bare = if backend.canonical(&bare)? == one { bare } else { one.clone() };
    Ok([one.to_string(), table.to_string(), bare.to_string()].map(Value::from))
}

/// Whether a merge that was written down is one of this table.
pub(super) fn is_of(backend: &mut dyn Database, merge: &PastMerge, table: &TableName) -> Result<bool> {
    let name: TableName = merge.table_name.parse()?;
    Ok(backend.canonical(&name)? == backend.canonical(table)?)
}

/// A moment for a merge, later than all before it of this table, even if the clock was set back.
pub(super) fn next_moment(backend: &mut dyn Database, table: &TableName) -> Result<NaiveDateTime> {
    let now = clock::now();
    if !is_readable(backend)? {
        return Ok(now);
    }
    let names = names(backend, table)?;
    let last = backend
        .query(SELECT_LAST_MOMENT, &names)?
        .rows
        .into_iter()
        .flatten()
        .filter_map(|value| stored_moment(&value))
        .max();
    Ok(last.map_or(now, |last| now.max(last + chrono::TimeDelta::microseconds(1))))
}

/// Writes a merge down. A role that may not make or write the ledger merges all the same, without a history.
pub(super) fn record(backend: &mut dyn Database, merge: &PastMerge, input: Option<&TakenInput>) -> Result<bool> {
    if is_there(backend)? && !backend.may(&name(), Right::Write)? {
        log::warn!(
            "no history of this merge is kept, so it cannot be undone: this role may not write to `dc_merges`; {GRANT}"
        );
        return Ok(false);
    }
    backend.execute("SAVEPOINT ledger", &[])?;
    match make_and_insert(backend, merge, input) {
        Ok(()) => backend.execute("RELEASE ledger", &[]).map(|_| true),
        Err(error) if error.kind() == ErrorKind::Permission => {
            log::warn!("no history of this merge is kept, so it cannot be undone: {error}");
            backend.execute("ROLLBACK TO ledger", &[])?;
            backend.execute("RELEASE ledger", &[]).map(|_| false)
        }
        Err(error) => Err(error.within("write down what the merge did")),
    }
}

fn make_and_insert(backend: &mut dyn Database, merge: &PastMerge, input: Option<&TakenInput>) -> Result<()> {
    if !is_there(backend)? {
        backend.lock(LEDGER)?;
        // somebody may have made it while we waited
        if !is_there(backend)? {
            backend.execute(CREATE, &[])?;
            for index in INDEXES {
                backend.execute(index, &[])?;
            }
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
        input.map_or(Value::Null, |input| count(input.bytes)),
        input.map_or(Value::Null, |input| Value::from(input.digest.as_str())),
        input.map_or(Value::Null, |input| count(input.read)),
        input.map_or(Value::Null, |input| count(input.duplicate)),
    ];
    // a history that an earlier dc began stays as it is: to widen it takes its owner, and a lock that all merges wait for
    match knows_inputs(backend)? {
        true => backend.execute(INSERT, &values).map(|_| ()),
        false => backend.execute(INSERT_WITHOUT_INPUT, &values[..values.len() - 4]).map(|_| ()),
    }
}

/// The input of the last merge of the table in this scope that was not taken back; `None` when it has to be judged anew.
pub(super) fn last_input(backend: &mut dyn Database, table: &TableName, scope: &str) -> Result<Option<TakenInput>> {
    if !is_readable(backend)? || !knows_inputs(backend)? {
        return Ok(None);
    }
    let [one, typed, bare] = names(backend, table)?;
    let rows = backend.query(SELECT_LAST_INPUT, &[one, typed, bare, Value::from(scope)])?.rows;
    Ok(rows.first().and_then(|row| taken_input(row)))
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

/// Whether the history is of a dc that knew inputs.
fn knows_inputs(backend: &mut dyn Database) -> Result<bool> {
    backend.table(&name()).map(|table| table.is_some_and(|table| table.column("input_digest").is_some()))
}

/// Rows that came at these moments have other hashes now: moves the sums of the merges that brought them by so much, so
/// that they can still be taken back.
pub(super) fn rehashed(
    backend: &mut dyn Database,
    table: &TableName,
    moved: &BTreeMap<NaiveDateTime, u128>,
) -> Result<()> {
    if moved.is_empty() || !is_readable(backend)? {
        return Ok(());
    }
    let names = names(backend, table)?;
    backend.execute("SAVEPOINT ledger", &[])?;
    let mut move_all = || -> Result<()> {
        for (moment, by) in moved {
            let bound = [&names[..], &[Value::from(clock::text(*moment))]].concat();
            let sql = format!("{SELECT} WHERE table_name IN ($1, $2, $3) AND moment = $4");
            for merge in past(backend.query(&sql, &bound)?)? {
                let set = sum(&merge.set_after)?.wrapping_add(*by);
                let values = [Value::from(set_text(set)), Value::from(merge.id)];
                backend.execute("UPDATE dc_merges SET set_after = $1 WHERE id = $2", &values)?;
            }
        }
        Ok(())
    };
    match move_all() {
        Ok(()) => backend.execute("RELEASE ledger", &[]).map(|_| ()),
        Err(error) if error.kind() == ErrorKind::Permission => {
            log::warn!("earlier merges cannot be undone any more, since rows have other hashes now: {error}; {GRANT}");
            backend.execute("ROLLBACK TO ledger", &[])?;
            backend.execute("RELEASE ledger", &[]).map(|_| ())
        }
        Err(error) => Err(error.within("note that rows were hashed anew")),
    }
}

/// Notes that a merge was taken back.
pub(super) fn mark_undone(backend: &mut dyn Database, merge: &PastMerge) -> Result<()> {
    let values = [Value::from(clock::text(clock::now())), Value::from(merge.id.as_str())];
    let noted = backend.execute("UPDATE dc_merges SET undone = $1 WHERE id = $2", &values);
    noted.map(|_| ()).map_err(|error| match error.kind() {
        ErrorKind::Permission => error.hint(GRANT),
        _ => error,
    })
}

/// The error for a table that is not there and never was merged into, with the nearest of those that were.
fn no_such_table(backend: &mut dyn Database, table: &TableName, is_open: bool) -> Result<Error> {
    let known = match is_open {
        true => backend.query("SELECT DISTINCT table_name FROM dc_merges ORDER BY table_name", &[])?.rows,
        false => Vec::new(),
    };
    let known: Vec<String> = known.iter().filter_map(|row| words(row, 0)).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let hint = match (nearest(&table.to_string(), &known), known.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`? `dc merge history` lists all merges"),
        (None, false) => "`dc merge history` lists all merges".to_owned(),
        (None, true) => "no merge has changed anything in this database yet".to_owned(),
    };
    let what = format!("find the table `{table}`: it is not there, and no merge has changed it");
    Ok(Error::new(ErrorKind::NotFound, what).hint(hint))
}

/// The merges of a table, or of all, the newest first.
///
/// # Errors
/// Not found: a table that is not there and has no merges. What the database says.
pub fn history(database: &mut Connection, table: Option<&str>) -> Result<Vec<PastMerge>> {
    let backend = database.backend();
    let is_open = is_open(backend)?;
    match table {
        Some(table) => {
            let table: TableName = table.parse()?;
            let sql = format!("{SELECT} WHERE table_name IN ($1, $2, $3) ORDER BY moment DESC, id DESC");
            let mut merges = Vec::new();
            if is_open {
                let names = names(backend, &table)?;
                merges = past(backend.query(&sql, &names)?)?;
            }
            if merges.is_empty() && backend.table(&table)?.is_none() {
                return Err(no_such_table(backend, &table, is_open)?);
            }
            Ok(merges)
        }
        None if !is_open => Ok(Vec::new()),
        None => past(backend.query(&format!("{SELECT} ORDER BY moment DESC, id DESC"), &[])?),
    }
}

/// The merges of a run, or the one of this identity; the newest first.
pub(super) fn find(backend: &mut dyn Database, database: &str, run: &str) -> Result<Vec<PastMerge>> {
    let missing = |what: &str| {
        Error::new(ErrorKind::NotFound, format!("find a merge of the run `{run}` in the database `{database}`: {what}"))
            .hint("`dc merge history` lists the merges, with their runs")
    };
    if !is_open(backend)? {
        return Err(missing("no merge has changed anything there"));
    }
    // one name may be typed for both: they are UUIDs
    let sql = format!("{SELECT} WHERE id = $1 OR runtime = $2 ORDER BY moment DESC, id DESC");
    let found = past(backend.query(&sql, &[Value::from(run), Value::from(run)])?)?;
    if found.is_empty() { Err(missing("it changed nothing there, or is no run")) } else { Ok(found) }
}

/// Merges of a table that came after this one and still stand.
pub(super) fn later(backend: &mut dyn Database, merge: &PastMerge) -> Result<Vec<PastMerge>> {
    let sql = format!(
        "{SELECT} WHERE table_name IN ($1, $2, $3) AND moment > $4 AND undone IS NULL ORDER BY moment DESC, id DESC"
    );
    let [one, typed, bare] = names(backend, &merge.table_name.parse()?)?;
    past(backend.query(&sql, &[one, typed, bare, Value::from(clock::text(merge.moment))])?)
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
