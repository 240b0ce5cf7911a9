//! What a merge does with an SQLite table, row by row through prepared statements.

use std::ops::ControlFlow;

use chrono::NaiveDateTime;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, ToSql, params, params_from_iter};

use super::{Sqlite, deferred, shape, value_of};
use crate::clock;
use crate::db::cause::Cause;
use crate::db::connection::quoted_list;
use crate::db::{Cell, Column, Fitted, Gone, Refused, RowBatch, RowId, Scope, Table, prefix, quote};
use crate::error::{Error, Result};
use crate::hash::Sha;
use crate::record::Value;

struct Bound<'a>(&'a Fitted<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Fitted::Null => ValueRef::Null,
            Fitted::Bool(flag) => ValueRef::Integer(i64::from(*flag)),
            Fitted::Integer(number) => ValueRef::Integer(*number),
            Fitted::Float(number) => ValueRef::Real(*number),
            Fitted::Text(text) => ValueRef::Text(text.as_bytes()),
            Fitted::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// `a = ?1 AND b IS NULL`, and the values that are bound to it.
fn condition(scope: &Scope) -> (String, Vec<Bound<'_>>) {
    let mut parts = Vec::new();
    let mut bound = Vec::new();
    for (column, value) in scope {
        if matches!(value, Fitted::Null) {
            parts.push(format!("{} IS NULL", quote(&column.name)));
        } else {
            bound.push(Bound(value));
            let (name, place) = (quote(&column.name), bound.len());
            // what is written alike is equal, whatever the column's collation holds for equal
            parts.push(format!("({name} = ?{place} AND {name} = ?{place} COLLATE BINARY)"));
        }
    }
    (parts.join(" AND "), bound)
}

fn active_condition(scope: &Scope) -> (String, Vec<Bound<'_>>) {
    let (parts, bound) = condition(scope);
    (if parts.is_empty() { "archive IS NULL".to_owned() } else { format!("archive IS NULL AND {parts}") }, bound)
}

pub(super) fn active(
    sqlite: &Sqlite,
    table: &Table,
    scope: &Scope,
    each: &mut dyn FnMut(u128, RowId) -> Result<()>,
) -> Result<()> {
    let (condition, bound) = active_condition(scope);
    let rowid = sqlite.rowid(table)?;
    let sql = format!("SELECT {rowid}, sha FROM {} WHERE {condition}", table.name.quoted());
    let fail = |cause| sqlite.fail("read the hashes", cause);
    let mut statement = sqlite.connection.prepare(&sql).map_err(fail)?;
    let mut rows = statement.query(params_from_iter(bound)).map_err(fail)?;
    while let Some(row) = rows.next().map_err(fail)? {
        let place: i64 = row.get(0).map_err(fail)?;
        let prefix = match row.get_ref(1).map_err(fail)? {
            ValueRef::Blob(bytes) => prefix::of_bytes(bytes),
            ValueRef::Text(hex) if hex.len() == 64 => {
                std::str::from_utf8(&hex[..32]).ok().and_then(|hex| u128::from_str_radix(hex, 16).ok())
            }
            _ => None,
        };
        let Some(prefix) = prefix else {
            let what = format!("read the hash of row {place} in `{}`: `sha` holds no record hash", table.name);
            return Err(
                Error::failed(what).hint(format!("look at it: SELECT * FROM {} WHERE {rowid} = {place}", table.name))
            );
        };
        each(prefix, RowId(place as u64))?;
    }
    Ok(())
}

pub(super) fn count_active(sqlite: &Sqlite, table: &Table, scope: &Scope) -> Result<u64> {
    let (condition, bound) = active_condition(scope);
    let sql = format!("SELECT count(*) FROM {} WHERE {condition}", table.name.quoted());
    let count: rusqlite::Result<i64> = sqlite.connection.query_row(&sql, params_from_iter(bound), |row| row.get(0));
    count.map(i64::unsigned_abs).map_err(|cause| sqlite.fail("count the active rows", cause))
}

pub(super) fn insert_all(
    sqlite: &Sqlite,
    table: &Table,
    columns: &[Column],
    next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
    moment: NaiveDateTime,
) -> Result<Option<u64>> {
    let run = |sql: &str| sqlite.connection.execute_batch(sql).map_err(|cause| sqlite.fail("insert the row", cause));
    deferred::defer(sqlite, table)?;
    run("SAVEPOINT load")?;
    let mut stop = |_| Ok(ControlFlow::Break(()));
    let mut inserted = insert_each(sqlite, (table, columns), next, moment, (&mut |_, _, _| Ok(()), &mut stop))?;
    if inserted.is_some() && deferred::has_orphans(sqlite, table, moment)? {
        inserted = None;
    }
    run(if inserted.is_some() { "RELEASE load" } else { "ROLLBACK TO load; RELEASE load" })?;
    Ok(inserted)
}

/// A refused row takes nothing else back, so each of the others simply follows.
pub(super) fn insert_accepted(
    sqlite: &Sqlite,
    table: &Table,
    columns: &[Column],
    next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
    moment: NaiveDateTime,
    refused: &mut dyn FnMut(Refused) -> Result<()>,
) -> Result<u64> {
    deferred::defer(sqlite, table)?;
    let placed = deferred::Placed::of(sqlite, table)?;
    let mut go_on = |row| refused(row).map(ControlFlow::Continue);
    let mut place = |row, offset, sha| placed.as_ref().map_or(Ok(()), |placed| placed.note(row, offset, sha));
    let inserted = insert_each(sqlite, (table, columns), next, moment, (&mut place, &mut go_on))?.unwrap_or_default();
    let orphans = placed.map_or(Ok(0), |placed| placed.refuse_orphans(table, refused))?;
    Ok(inserted - orphans)
}

/// What happens to a row that is in: its row id, its place in the input, its hash.
type Taken<'a> = &'a mut dyn FnMut(i64, u64, Sha) -> Result<()>;
/// What a refused row means.
type Refusal<'a> = &'a mut dyn FnMut(Refused) -> Result<ControlFlow<()>>;

/// Inserts one row after the other. `None` when a refusal was the end.
fn insert_each(
    sqlite: &Sqlite,
    (table, columns): (&Table, &[Column]),
    next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
    moment: NaiveDateTime,
    (taken, refused): (Taken<'_>, Refusal<'_>),
) -> Result<Option<u64>> {
    let fail = |cause| sqlite.fail("insert the row", cause);
    let mut statement = sqlite
        .connection
        .prepare_cached(&insert_sql(table, columns, or_abort(sqlite, table).map_err(fail)?))
        .map_err(fail)?;
    let moment = clock::text(moment);
    let mut count = 0;
    while let Some(batch) = next()? {
        // it stays bound from row to row
        statement.raw_bind_parameter(2, &moment).map_err(fail)?;
        for row in 0..batch.len() {
            match insert_row(&mut statement, table, &batch, row) {
                Ok(()) => {
                    taken(sqlite.connection.last_insert_rowid(), batch.offset(row), batch.sha(row))?;
                    count += 1;
                }
                Err(cause) if is_refusal(sqlite, &cause) => {
                    let error = match deferred::without_parent(sqlite, table, &cause) {
                        Some(reason) => Error::failed("insert the row").because(reason),
                        None => fail(cause),
                    };
                    let row = Refused { offset: batch.offset(row), sha: batch.sha(row), error };
                    if refused(row)?.is_break() {
                        return Ok(None);
                    }
                }
                Err(cause) => return Err(fail(cause)),
            }
        }
    }
    Ok(Some(count))
}

/// Some constraints say what shall become of a conflict, REPLACE and IGNORE among it: rows would vanish without a word. This
/// comes before them, but also before what triggers say, so it stands only where a table has such a constraint.
fn or_abort(sqlite: &Sqlite, table: &Table) -> rusqlite::Result<&'static str> {
    let sql = shape::made_by(&sqlite.connection, &table.name)?;
    Ok(if sql.to_uppercase().contains("CONFLICT") { " OR ABORT" } else { "" })
}

fn insert_sql(table: &Table, columns: &[Column], or_abort: &str) -> String {
    let places: String = (3..columns.len() + 3).map(|place| format!(", ?{place}")).collect();
    let names = if columns.is_empty() { String::new() } else { format!(", {}", quoted_list(columns)) };
    format!("INSERT{or_abort} INTO {} (sha, date_created{names}) VALUES (?1, ?2{places})", table.name.quoted())
}

/// Whether it is the row that the table does not want. After other failures the transaction may be gone already, and a
/// trigger or constraint may say ROLLBACK itself.
fn is_refusal(sqlite: &Sqlite, cause: &rusqlite::Error) -> bool {
    let code = cause.sqlite_error().map(|error| error.extended_code);
    let is_of_row = code.and_then(Cause::of_sqlite).is_some_and(Cause::is_of_row);
    is_of_row && !sqlite.connection.is_autocommit()
}

fn insert_row(
    statement: &mut CachedStatement<'_>,
    table: &Table,
    batch: &RowBatch,
    row: usize,
) -> rusqlite::Result<()> {
    let sha = batch.sha(row);
    if table.sha_is_text() {
        statement.raw_bind_parameter(1, sha.to_string())?;
    } else {
        statement.raw_bind_parameter(1, sha.0.as_slice())?;
    }
    for (place, cell) in batch.row(row).iter().enumerate() {
        let value = match cell {
            Cell::Null => ValueRef::Null,
            Cell::Bool(flag) => ValueRef::Integer(i64::from(*flag)),
            Cell::Integer(number) => ValueRef::Integer(*number),
            Cell::Float(number) => ValueRef::Real(*number),
            Cell::Text(span) => ValueRef::Text(batch.bytes(*span)),
            Cell::Bytes(span) => ValueRef::Blob(batch.bytes(*span)),
        };
        statement.raw_bind_parameter(place + 3, ToSqlOutput::Borrowed(value))?;
    }
    statement.raw_execute().map(|_| ())
}

pub(super) fn retire(sqlite: &Sqlite, table: &Table, rows: &[RowId], gone: Gone, moment: NaiveDateTime) -> Result<u64> {
    let fail = |cause| sqlite.fail("retire the rows that have gone", cause);
    let (name, rowid) = (table.name.quoted(), sqlite.rowid(table)?);
    let moment = clock::text(moment);
    let or_abort = or_abort(sqlite, table).map_err(fail)?;
    let sql = match gone {
        Gone::Archive => format!("UPDATE{or_abort} {name} SET archive = ?2, date_modified = ?2 WHERE {rowid} = ?1"),
        Gone::Delete => format!("DELETE FROM {name} WHERE {rowid} = ?1 AND ?2 = ?2"),
        Gone::Keep => return Ok(0),
    };
    let mut statement = sqlite.connection.prepare_cached(&sql).map_err(fail)?;
    let mut count = 0;
    for RowId(place) in rows {
        count += statement.execute(params![*place as i64, moment]).map_err(fail)?;
    }
    Ok(count as u64)
}

pub(super) fn restore(sqlite: &Sqlite, table: &Table, rows: &[(u128, RowId)], moment: NaiveDateTime) -> Result<u64> {
    let fail = |cause| sqlite.fail("keep the rows whose records were rejected", cause);
    let (name, rowid) = (table.name.quoted(), sqlite.rowid(table)?);
    let or_abort = or_abort(sqlite, table).map_err(fail)?;
    let sql =
        format!("UPDATE{or_abort} {name} SET archive = NULL, date_modified = NULL WHERE {rowid} = ?1 AND archive = ?2");
    let (moment, mut count) = (clock::text(moment), 0);
    let mut statement = sqlite.connection.prepare_cached(&sql).map_err(fail)?;
    for (_, RowId(place)) in rows {
        count += statement.execute(params![*place as i64, moment]).map_err(fail)?;
    }
    Ok(count as u64)
}

/// A hash that another active row has is left out by the index over them.
pub(super) fn rehash(sqlite: &Sqlite, table: &Table, rows: &[(RowId, Sha)]) -> Result<Vec<usize>> {
    let fail = |cause| sqlite.fail("hash the rows anew", cause);
    let (name, rowid) = (table.name.quoted(), sqlite.rowid(table)?);
    let sql = format!("UPDATE OR IGNORE {name} SET sha = ?2 WHERE {rowid} = ?1 AND archive IS NULL AND sha <> ?2");
    let mut statement = sqlite.connection.prepare_cached(&sql).map_err(fail)?;
    let mut changed = Vec::new();
    for (at, (RowId(place), sha)) in rows.iter().enumerate() {
        let count = match table.sha_is_text() {
            true => statement.execute(params![*place as i64, sha.to_string()]),
            false => statement.execute(params![*place as i64, sha.0.as_slice()]),
        };
        if count.map_err(fail)? > 0 {
            changed.push(at);
        }
    }
    Ok(changed)
}

pub(super) fn delete_where(sqlite: &Sqlite, table: &Table, filter: &Scope) -> Result<u64> {
    let (condition, bound) = condition(filter);
    let sql = format!("DELETE FROM {} WHERE {condition}", table.name.quoted());
    let deleted = sqlite.connection.execute(&sql, params_from_iter(bound));
    deleted.map(|count| count as u64).map_err(|cause| sqlite.fail("delete the rows", cause))
}

pub(super) fn values_of(
    sqlite: &Sqlite,
    table: &Table,
    columns: &[Column],
    rows: &[RowId],
    each: &mut dyn FnMut(RowId, Vec<Value<'static>>) -> Result<()>,
) -> Result<()> {
    let fail = |cause| sqlite.fail("read the keys", cause);
    let (list, rowid) = (quoted_list(columns), sqlite.rowid(table)?);
    let sql = format!("SELECT {list} FROM {} WHERE {rowid} = ?1", table.name.quoted());
    let mut statement = sqlite.connection.prepare_cached(&sql).map_err(fail)?;
    for row in rows {
        let values = statement.query_row(params![row.0 as i64], |found| {
            (0..columns.len()).map(|place| found.get_ref(place).map(value_of)).collect::<rusqlite::Result<Vec<_>>>()
        });
        each(*row, values.map_err(fail)?)?;
    }
    Ok(())
}
