//! What a merge asks of a PostgreSQL table in plain statements.

use chrono::NaiveDateTime;

use super::client::Client;
use super::literal;
use super::server::server_error;
use crate::clock;
use crate::db::{Column, Fitted, Gone, Kind, RowId, Scope, Table, quote};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Value, parse_json};

/// Rows that one statement retires or reads.
const ROWS_A_STATEMENT_MAX: usize = 5_000;

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
            Fitted::Text(text) if length_max(column).is_some_and(|most| text.chars().count() > most) => {
                let what = format!("compare `{}` with `{text}`: the column is {}", column.name, column.declared);
                return Err(Error::new(ErrorKind::Usage, what).hint("no row can hold a value that long"));
            }
            // a literal takes the type of what it is compared with, and not its length: nothing is cut or rounded
            Fitted::Text(text) => format!("{name} = {}", literal(text)),
            Fitted::Bytes(bytes) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{name} = '\\x{hex}'::bytea")
            }
        });
    }
    Ok(parts.join(" AND "))
}

/// The most letters that a text column takes, where it says so.
fn length_max(column: &Column) -> Option<usize> {
    let inside = column.declared.strip_prefix("character varying(").or(column.declared.strip_prefix("character("))?;
    inside.strip_suffix(')')?.parse().ok()
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

/// A ctid, packed: the block, then the place in it.
pub(super) fn ctid(row: RowId) -> String {
    format!("({},{})", row.0 >> 16, row.0 & 0xffff)
}

/// A moment for a column with or without a time zone.
pub(super) fn moment_text(moment: NaiveDateTime) -> String {
    format!("{}+00", clock::text(moment))
}

pub(super) fn retire(
    client: &mut Client,
    table: &Table,
    rows: &[RowId],
    gone: Gone,
    moment: NaiveDateTime,
) -> Result<u64> {
    let name = table.name.quoted();
    let moment = literal(&moment_text(moment));
    let sql = match gone {
        Gone::Archive => {
            format!("UPDATE {name} SET archive = {moment}, date_modified = {moment} WHERE ctid = ANY($1::text::tid[])")
        }
        Gone::Delete => format!("DELETE FROM {name} WHERE ctid = ANY($1::text::tid[])"),
        Gone::Keep => return Ok(0),
    };
    let mut count = 0;
    for some in rows.chunks(ROWS_A_STATEMENT_MAX) {
        count += client
            .execute(&sql, &[&tid_array(some)])
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

fn tid_array(rows: &[RowId]) -> String {
    let list: Vec<String> = rows.iter().map(|row| format!("\"{}\"", ctid(*row))).collect();
    format!("{{{}}}", list.join(","))
}

pub(super) fn delete_where(client: &mut Client, table: &Table, filter: &Scope) -> Result<u64> {
    let sql = format!("DELETE FROM {} WHERE {}", table.name.quoted(), condition(filter)?);
    client.execute(&sql, &[]).map_err(|cause| server_error("delete the rows", cause))
}

/// Dates, UUIDs and other types may be written in several ways; the server knows which are the same.
pub(super) fn read_back(client: &mut Client, column: &Column, texts: &mut Vec<Option<String>>) -> Result<()> {
    if column.kind != Kind::Other {
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
    table: &Table,
    columns: &[Column],
    rows: &[RowId],
    each: &mut dyn FnMut(RowId, Vec<Value<'static>>) -> Result<()>,
) -> Result<()> {
    let list: String = columns.iter().map(|column| format!(", {}::text", quote(&column.name))).collect();
    let sql = format!("SELECT ctid::text{list} FROM {} WHERE ctid = ANY($1::text::tid[])", table.name.quoted());
    for some in rows.chunks(ROWS_A_STATEMENT_MAX) {
        let found = client.query(&sql, &[&tid_array(some)]).map_err(|cause| server_error("read the keys", cause))?;
        for row in found {
            let values =
                columns.iter().enumerate().map(|(place, column)| value(row.get(place + 1), column.kind)).collect();
            each(row_id(row.get(0))?, values)?;
        }
    }
    Ok(())
}

fn row_id(ctid: &str) -> Result<RowId> {
    let numbers = ctid.trim_matches(['(', ')']).split_once(',');
    let packed =
        numbers.and_then(|(block, place)| Some((block.parse::<u64>().ok()? << 16) | place.parse::<u64>().ok()?));
    packed.map(RowId).ok_or_else(|| Error::failed(format!("read the row's place `{ctid}`")))
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
