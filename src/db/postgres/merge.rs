//! What a merge asks of a PostgreSQL table in plain statements.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::NaiveDateTime;
use tokio_postgres::error::SqlState;

use super::client::Client;
use super::literal;
use super::place::Parts;
use super::server::server_error;
use crate::clock;
use crate::db::{ActiveSum, Column, Fitted, Gone, Kind, RowId, Scope, Table, quote};
use crate::error::{Error, Result};
use crate::hash::Sha;
use crate::record::{Value, parse_json};

/// Rows that one statement retires or reads.
const ROWS_A_STATEMENT_MAX: usize = 5_000;
/// The bytes of a hash that are added up, counted from 0: see [`ActiveSum`].
const SUMMED_BYTES: Range<usize> = 8..16;
/// The bytes of a hash.
const HASH_BYTES: u64 = 32;

/// A condition over literals, since COPY takes no parameters.
pub(super) fn condition(scope: &Scope) -> Result<String> {
    let mut parts = Vec::new();
    for (column, value) in scope {
        let name = quote(&column.name);
        parts.push(match value {
            Fitted::Null => format!("{name} IS NULL"),
            Fitted::Bool(flag) => format!("{name} = {flag}"),
            Fitted::Integer(number) => format!("{name} = {number}"),
            Fitted::Float(number) => format!("{name} = '{number:?}'::float8"),
            Fitted::Text(text) if text.contains('\0') => {
                return Err(Error::failed(format!(
                    "compare `{}` with a text that holds NUL, which PostgreSQL cannot store",
                    column.name
                )));
            }
            // a bare literal is read as the column's type, and unlike a cast it is never cut to the column's length; equal is
            // what is written alike, whatever the column's collation or type holds for equal
            Fitted::Text(text) if column.kind.is_text() || column.declared == "citext" => {
                let text = literal(text);
                format!("({name} = {text} AND {name}::text = {text} COLLATE \"C\")")
            }
            Fitted::Text(text) => format!("{name} = {}", literal(text)),
            Fitted::Bytes(bytes) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{name} = '\\x{hex}'::bytea")
            }
        });
    }
    Ok(parts.join(" AND "))
}

pub(super) fn active_condition(scope: &Scope) -> Result<String> {
    let scope = condition(scope)?;
    Ok(if scope.is_empty() { "archive IS NULL".to_owned() } else { format!("archive IS NULL AND {scope}") })
}

pub(super) fn count_active(client: &mut Client, table: &Table, scope: &Scope) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM {} WHERE {}", table.name.quoted(), active_condition(scope)?);
    let row = client.query_one(&sql, &[]).map_err(|cause| server_error("count the active rows", cause))?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}

/// In the server: to send a hash takes several times as long as to add it up. A sum for each of the eight bytes is what the
/// server takes fastest.
pub(super) fn active_sum(client: &mut Client, table: &Table, scope: &Scope) -> Result<Option<ActiveSum>> {
    if table.column("sha").is_none_or(|column| column.declared != "bytea") {
        return Ok(None);
    }
    let sums: String = SUMMED_BYTES.map(|at| format!(", sum(get_byte(sha, {at}))")).collect();
    let sql = format!(
        "SELECT count(*), sum(octet_length(sha)){sums} FROM {} WHERE {}",
        table.name.quoted(),
        active_condition(scope)?
    );
    let fail = |cause| server_error("add up the hashes", cause);
    client.batch_execute("SAVEPOINT sum").map_err(fail)?;
    let row = match client.query_one(&sql, &[]) {
        Ok(row) => row,
        // a hash that is too short
        Err(cause) if cause.code() == Some(&SqlState::ARRAY_SUBSCRIPT_ERROR) => {
            return client.batch_execute("ROLLBACK TO sum; RELEASE sum").map(|()| None).map_err(fail);
        }
        Err(cause) => return Err(fail(cause)),
    };
    client.batch_execute("RELEASE sum").map_err(fail)?;
    // without a row there is nothing to add up
    let number = |at| row.get::<_, Option<i64>>(at).unwrap_or_default() as u64;
    let rows = row.get::<_, i64>(0).unsigned_abs();
    let sum = (2..2 + SUMMED_BYTES.len()).fold(0_u64, |sum, at| (sum << 8).wrapping_add(number(at)));
    // a hash that is null, or too long
    Ok((number(1) == rows * HASH_BYTES).then_some(ActiveSum { rows, sum }))
}

/// A moment for a column with or without a time zone.
pub(super) fn moment_text(moment: NaiveDateTime) -> String {
    format!("{}+00", clock::text(moment))
}

pub(super) fn retire(
    client: &mut Client,
    parts: &Parts,
    table: &Table,
    rows: &[RowId],
    gone: Gone,
    moment: NaiveDateTime,
) -> Result<u64> {
    let name = table.name.quoted();
    let moment = literal(&moment_text(moment));
    let change = match gone {
        Gone::Archive => format!("UPDATE {name} SET archive = {moment}, date_modified = {moment}"),
        Gone::Delete => format!("DELETE FROM {name}"),
        Gone::Keep => return Ok(0),
    };
    let mut count = 0;
    for (places, list) in by_part(parts, rows)? {
        count += client
            .execute(&format!("{change} WHERE {places}"), &[&list])
            .map_err(|cause| server_error("retire the rows that have gone", cause))?;
    }
    Ok(count)
}

/// A row has another place since it was archived, so its hash finds it.
pub(super) fn restore(
    client: &mut Client,
    table: &Table,
    rows: &[(u128, RowId)],
    moment: NaiveDateTime,
) -> Result<u64> {
    let moment = literal(&moment_text(moment));
    let prefix = if table.sha_is_text() { "left(sha, 32)" } else { "encode(substring(sha FOR 16), 'hex')" };
    let sql = format!(
        "UPDATE {} SET archive = NULL, date_modified = NULL WHERE archive = {moment} AND {prefix} = ANY($1::text::text[])",
        table.name.quoted()
    );
    let hashes: Vec<String> = rows.iter().map(|(hash, _)| format!("{hash:032x}")).collect();
    let hashes = format!("{{{}}}", hashes.join(","));
    client.execute(&sql, &[&hashes]).map_err(|cause| server_error("keep the rows whose records were rejected", cause))
}

/// Each row with its hash goes into the statement; those that it changed come back by their number.
pub(super) fn rehash(client: &mut Client, parts: &Parts, table: &Table, rows: &[(RowId, Sha)]) -> Result<Vec<usize>> {
    let mut groups: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
    for (at, (row, _)) in rows.iter().enumerate() {
        groups.entry(parts.table_of(*row)?).or_default().push(at);
    }
    let (name, sha) = (table.name.quoted(), if table.sha_is_text() { "hex" } else { "decode(hex, 'hex')" });
    let mut changed = Vec::new();
    for (part, group) in groups {
        let part = part.map(|oid| format!("own.tableoid = {oid} AND ")).unwrap_or_default();
        let sql = format!(
            "UPDATE {name} AS own SET sha = given.sha FROM (SELECT place, {sha} AS sha, at FROM \
             unnest($1::text::tid[], $2::text::text[]) WITH ORDINALITY AS list(place, hex, at)) AS given \
             WHERE {part}own.ctid = given.place AND own.archive IS NULL AND own.sha <> given.sha AND NOT EXISTS (\
             SELECT 1 FROM {name} AS other WHERE other.sha = given.sha AND other.archive IS NULL) RETURNING given.at"
        );
        for some in group.chunks(ROWS_A_STATEMENT_MAX) {
            let places: Vec<String> =
                some.iter().map(|at| format!("\"{}\"", super::place::ctid(rows[*at].0))).collect();
            let hashes: Vec<String> = some.iter().map(|at| rows[*at].1.to_string()).collect();
            let bound = [format!("{{{}}}", places.join(",")), format!("{{{}}}", hashes.join(","))];
            let found = client.query(&sql, &[&bound[0], &bound[1]]);
            let found = found.map_err(|cause| server_error("hash the rows anew", cause))?;
            // the server counts from 1
            let ats = found.iter().map(|row| row.get::<_, i64>(0).unsigned_abs() as usize - 1);
            changed.extend(ats.map(|at| some[at]));
        }
    }
    Ok(changed)
}

/// Rows as statements take them: a condition on their place, and the array that is bound to it.
fn by_part(parts: &Parts, rows: &[RowId]) -> Result<Vec<(String, String)>> {
    let mut groups: BTreeMap<Option<u32>, Vec<RowId>> = BTreeMap::new();
    for row in rows {
        groups.entry(parts.table_of(*row)?).or_default().push(*row);
    }
    let mut statements = Vec::new();
    for (part, rows) in groups {
        let condition = match part {
            None => "ctid = ANY($1::text::tid[])".to_owned(),
            Some(oid) => format!("tableoid = {oid} AND ctid = ANY($1::text::tid[])"),
        };
        for some in rows.chunks(ROWS_A_STATEMENT_MAX) {
            let list: Vec<String> = some.iter().map(|row| format!("\"{}\"", super::place::ctid(*row))).collect();
            statements.push((condition.clone(), format!("{{{}}}", list.join(","))));
        }
    }
    Ok(statements)
}

pub(super) fn delete_where(client: &mut Client, table: &Table, filter: &Scope) -> Result<u64> {
    let sql = format!("DELETE FROM {} WHERE {}", table.name.quoted(), condition(filter)?);
    client.execute(&sql, &[]).map_err(|cause| server_error("delete the rows", cause))
}

/// Dates, UUIDs and other types may be written in several ways; the server knows which are the same.
pub(super) fn read_back(client: &mut Client, column: &Column, texts: &mut Vec<Option<String>>) -> Result<()> {
    if !column.is_respelled() {
        return Ok(());
    }
    let sql = format!(
        "SELECT (text::{})::text FROM unnest($1::text[]) WITH ORDINALITY AS t(text, place) ORDER BY place",
        column.declared
    );
    let rows = client
        .query(&sql, &[&*texts])
        .map_err(|cause| server_error(format!("read the keys in `{}`", column.name), cause))?;
    *texts = rows.iter().map(|row| row.get(0)).collect();
    Ok(())
}

pub(super) fn values_of(
    client: &mut Client,
    parts: &mut Parts,
    table: &Table,
    columns: &[Column],
    rows: &[RowId],
    each: &mut dyn FnMut(RowId, Vec<Value<'static>>) -> Result<()>,
) -> Result<()> {
    let list: String = columns.iter().map(|column| format!(", {}::text", quote(&column.name))).collect();
    for (places, bound) in by_part(parts, rows)? {
        let sql = format!("SELECT ctid::text, tableoid{list} FROM {} WHERE {places}", table.name.quoted());
        let found = client.query(&sql, &[&bound]).map_err(|cause| server_error("read the keys", cause))?;
        let has_parts = places.starts_with("tableoid");
        for row in found {
            let values =
                columns.iter().enumerate().map(|(place, column)| value(row.get(place + 2), column.kind)).collect();
            let part = has_parts.then(|| row.get::<_, u32>(1));
            each(parts.row(part, row.get(0))?, values)?;
        }
    }
    Ok(())
}

/// A value that came as text, as what its column holds.
fn value(text: Option<String>, kind: Kind) -> Value<'static> {
    let Some(text) = text else { return Value::Null };
    match kind {
        Kind::Boolean => Value::Bool(text == "true"),
        Kind::Integer { .. } | Kind::Float | Kind::Real | Kind::Numeric | Kind::Decimal { .. } => {
            match parse_json(&text) {
                Ok(number) => number.into_owned(),
                Err(_) => Value::from(text),
            }
        }
        _ => Value::from(text),
    }
}
