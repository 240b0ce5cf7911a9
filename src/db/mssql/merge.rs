//! What a merge asks of a table in plain statements.

use chrono::NaiveDateTime;
use tiberius::{Column as Told, ColumnData};

use super::client::{Bound, Client};
use super::encode::Coding;
use super::kind::Declared;
use super::server::server_error;
use super::sql::{LETTERS, bytes_literal, is_literal, literal, quote};
use super::value;
use crate::clock;
use crate::db::{ActiveSum, Column, Fitted, Gone, Kind, RowId, Scope, prefix};
use crate::error::{Error, Result};
use crate::hash::Sha;
use crate::record::Value;

/// Rows that one statement retires or reads: their numbers are one text.
const ROWS_A_STATEMENT_MAX: usize = 10_000;
/// Rows that one statement hashes anew: the server takes a thousand in VALUES.
const ROWS_OF_VALUES_MAX: usize = 1_000;

/// A table as statements name it.
pub(super) struct Target {
    /// Its name, in quotes.
    pub(super) name: String,
    /// The column by which rows are found again, in quotes.
    pub(super) place: String,
    pub(super) sha_is_text: bool,
}

impl Target {
    /// The condition that a row is one of those whose numbers are the first value.
    fn is_one_of(&self) -> String {
        format!("{} IN (SELECT CAST(value AS BIGINT) FROM STRING_SPLIT(@P1, N','))", self.place)
    }

    fn sha(&self, sha: &Sha) -> String {
        match self.sha_is_text {
            true => literal(&sha.to_string()),
            false => bytes_literal(&sha.0),
        }
    }
}

/// The numbers of rows, as one value.
fn places(rows: impl Iterator<Item = RowId>) -> [Bound; 1] {
    let places: Vec<String> = rows.map(|row| row.0.cast_signed().to_string()).collect();
    [Bound(ColumnData::String(Some(places.join(",").into())))]
}

/// A condition over literals.
///
/// # Errors
/// A value that the column would take for another one.
pub(super) fn condition(scope: &Scope) -> Result<String> {
    let mut parts = Vec::new();
    for (column, value) in scope {
        let name = quote(&column.name);
        let wrong = |why: String| Error::failed(format!("compare `{}`: {why}", column.name));
        parts.push(match value {
            Fitted::Null => format!("{name} IS NULL"),
            Fitted::Bool(flag) => format!("{name} = {}", i32::from(*flag)),
            Fitted::Integer(number) => format!("{name} = {number}"),
            // a column of 32 bits would be compared as one of 64
            Fitted::Float(number) if column.kind == Kind::Real => format!("{name} = CAST({number:e} AS REAL)"),
            Fitted::Float(number) => format!("{name} = CAST({number:e} AS FLOAT)"),
            // bytes are filled up with zeros before they are compared
            Fitted::Bytes(bytes) => {
                format!("({name} = {} AND DATALENGTH({name}) = {})", bytes_literal(bytes), bytes.len())
            }
            Fitted::Text(text) => {
                let text = Coding::of(column).text(text).map_err(wrong)?;
                match column.kind {
                    Kind::Decimal { .. } | Kind::Numeric if is_literal(&text) => format!("{name} = ({text})"),
                    Kind::Decimal { .. } | Kind::Numeric => return Err(wrong(format!("`{text}` has too many digits"))),
                    Kind::Other(_) => format!("{name} = {}", literal(&text)),
                    // equal is what is written alike, whatever the column's collation and blanks at the end say
                    _ => {
                        let (whole, bytes) =
                            (format!("CAST({name} AS NVARCHAR(MAX))"), text.encode_utf16().count() * 2);
                        format!("({name} = {} {LETTERS} AND DATALENGTH({whole}) = {bytes})", literal(&text))
                    }
                }
            }
        });
    }
    Ok(parts.join(" AND "))
}

fn active_condition(scope: &Scope) -> Result<String> {
    let scope = condition(scope)?;
    let and = if scope.is_empty() { "" } else { " AND " };
    Ok(format!("archive IS NULL{and}{scope}"))
}

pub(super) fn active(
    client: &mut Client,
    target: &Target,
    scope: &Scope,
    each: &mut dyn FnMut(u128, RowId) -> Result<()>,
) -> Result<()> {
    let Target { name, place, .. } = target;
    let sql = format!("SELECT {place}, sha FROM {name} WHERE {}", active_condition(scope)?);
    client.each_row("read the hashes", (&sql, &[]), &mut |_| {}, &mut |row| {
        let mut cells = row.into_iter();
        let row = cells.next().and_then(row_of).ok_or_else(no_place)?;
        let prefix = match cells.next() {
            Some(ColumnData::String(Some(hex))) if target.sha_is_text => prefix::of_hex(hex.trim_end().as_bytes()),
            Some(ColumnData::Binary(Some(bytes))) => prefix::of_bytes(&bytes),
            _ => None,
        };
        let Some(prefix) = prefix else {
            let at = row.0.cast_signed();
            let what = format!("read the hash of row {at} in {name}: `sha` holds no record hash");
            return Err(Error::failed(what).hint(format!("look at it: SELECT * FROM {name} WHERE {place} = {at}")));
        };
        each(prefix, row)
    })
}

fn no_place() -> Error {
    Error::failed("read the rows: one has no place")
}

fn row_of(cell: ColumnData<'static>) -> Option<RowId> {
    let number = match cell {
        ColumnData::U8(number) => i64::from(number?),
        ColumnData::I16(number) => i64::from(number?),
        ColumnData::I32(number) => i64::from(number?),
        ColumnData::I64(number) => number?,
        _ => return None,
    };
    Some(RowId(number.cast_unsigned()))
}

pub(super) fn count_active(client: &mut Client, target: &Target, scope: &Scope) -> Result<u64> {
    let sql = format!("SELECT COUNT_BIG(*) FROM {} WHERE {}", target.name, active_condition(scope)?);
    let found = client.words(&sql).map_err(|cause| server_error("count the active rows", cause))?;
    Ok(found.into_iter().flatten().flatten().next().and_then(|count| count.parse().ok()).unwrap_or_default())
}

/// In the server: to send a hash takes as long as to add it up. A sum for each of the eight bytes is exact, however many rows
/// there are.
pub(super) fn active_sum(client: &mut Client, target: &Target, scope: &Scope) -> Result<Option<ActiveSum>> {
    if target.sha_is_text {
        return Ok(None);
    }
    // the server counts from 1
    let bytes: String = (9..=16)
        .map(|at| format!(", COALESCE(SUM(CAST(CAST(SUBSTRING(sha, {at}, 1) AS TINYINT) AS BIGINT)), 0)"))
        .collect();
    let sql = format!(
        "SELECT COUNT_BIG(*), COALESCE(SUM(CAST(DATALENGTH(sha) AS BIGINT)), 0){bytes} FROM {} WHERE {}",
        target.name,
        active_condition(scope)?
    );
    let found = client.words(&sql).map_err(|cause| server_error("add up the hashes", cause))?;
    let found: Vec<u64> = found.into_iter().flatten().flatten().filter_map(|number| number.parse().ok()).collect();
    let [rows, bytes, sums @ ..] = &found[..] else { return Ok(None) };
    let sum = sums.iter().fold(0_u64, |sum, byte| (sum << 8).wrapping_add(*byte));
    // a hash that is null, too short or too long
    Ok((sums.len() == 8 && *bytes == rows * 32).then_some(ActiveSum { rows: *rows, sum }))
}

pub(super) fn retire(
    client: &mut Client,
    target: &Target,
    rows: &[RowId],
    gone: Gone,
    moment: NaiveDateTime,
) -> Result<u64> {
    let (name, moment) = (&target.name, literal(&clock::text(moment)));
    let change = match gone {
        Gone::Archive => format!("UPDATE {name} SET archive = {moment}, date_modified = {moment}"),
        Gone::Delete => format!("DELETE FROM {name}"),
        Gone::Keep => return Ok(0),
    };
    let sql = format!("{change} WHERE {} AND archive IS NULL", target.is_one_of());
    let mut count = 0;
    for some in rows.chunks(ROWS_A_STATEMENT_MAX) {
        let changed = client.change(&sql, &places(some.iter().copied()));
        count += changed.map_err(|cause| server_error("retire the rows that have gone", cause))?;
    }
    Ok(count)
}

pub(super) fn restore(
    client: &mut Client,
    target: &Target,
    rows: &[(u128, RowId)],
    moment: NaiveDateTime,
) -> Result<u64> {
    let sql = format!(
        "UPDATE {} SET archive = NULL, date_modified = NULL WHERE {} AND archive = {}",
        target.name,
        target.is_one_of(),
        literal(&clock::text(moment))
    );
    let mut count = 0;
    for some in rows.chunks(ROWS_A_STATEMENT_MAX) {
        let changed = client.change(&sql, &places(some.iter().map(|(_, row)| *row)));
        count += changed.map_err(|cause| server_error("keep the rows whose records were rejected", cause))?;
    }
    Ok(count)
}

/// Hashes that another active row has are looked for before, so that no row is in the way of another.
pub(super) fn rehash(client: &mut Client, target: &Target, rows: &[(RowId, Sha)]) -> Result<Vec<usize>> {
    let fail = |cause| server_error("hash the rows anew", cause);
    let Target { name, place, .. } = target;
    let mut changed = Vec::new();
    for (chunk, some) in rows.chunks(ROWS_OF_VALUES_MAX).enumerate() {
        let shas: Vec<String> = some.iter().map(|(_, sha)| target.sha(sha)).collect();
        let taken = format!("SELECT sha FROM {name} WHERE archive IS NULL AND sha IN ({})", shas.join(","));
        let taken: std::collections::BTreeSet<Vec<u8>> = client
            .collect(&taken, &[])
            .map_err(fail)?
            .into_iter()
            .flatten()
            .filter_map(|cell| match cell {
                ColumnData::String(hex) => hex.map(|hex| hex.trim_end().as_bytes().to_vec()),
                ColumnData::Binary(bytes) => bytes.map(|bytes| bytes.into_owned()),
                _ => None,
            })
            .collect();
        let stored = |sha: &Sha| if target.sha_is_text { sha.to_string().into_bytes() } else { sha.0.to_vec() };
        let there = format!("SELECT {place} FROM {name} WHERE archive IS NULL AND {}", target.is_one_of());
        let there = client.collect(&there, &places(some.iter().map(|(row, _)| *row))).map_err(fail)?;
        let active: std::collections::BTreeSet<RowId> = there.into_iter().flatten().filter_map(row_of).collect();
        let free: Vec<usize> = (0..some.len())
            .filter(|at| active.contains(&some[*at].0) && !taken.contains(&stored(&some[*at].1)))
            .collect();
        if free.is_empty() {
            continue;
        }
        let pairs: Vec<String> =
            free.iter().map(|at| format!("({},{})", some[*at].0.0.cast_signed(), shas[*at])).collect();
        let sql = format!(
            "UPDATE {name} SET sha = dc_new.dc_sha FROM (VALUES {}) AS dc_new (dc_place, dc_sha) \
             WHERE dc_new.dc_place = {name}.{place} AND {name}.archive IS NULL",
            pairs.join(",")
        );
        client.change(&sql, &[]).map_err(fail)?;
        changed.extend(free.into_iter().map(|at| chunk * ROWS_OF_VALUES_MAX + at));
    }
    Ok(changed)
}

pub(super) fn delete_where(client: &mut Client, name: &str, filter: &Scope) -> Result<u64> {
    let sql = format!("DELETE FROM {name} WHERE {}", condition(filter)?);
    client.change(&sql, &[]).map_err(|cause| server_error("delete the rows", cause))
}

/// Moments and UUIDs may be written in several ways, and CHAR is filled with blanks; each is read as it would be given back.
pub(super) fn read_back(column: &Column, texts: &mut [Option<String>]) -> Result<()> {
    let coding = Coding::of(column);
    for text in texts.iter_mut().flatten() {
        let kept = coding.shown(text).map_err(|why| Error::failed(format!("read the keys: {why}")))?;
        *text = kept.into_owned();
    }
    Ok(())
}

pub(super) fn values_of(
    client: &mut Client,
    target: &Target,
    columns: &[Column],
    rows: &[RowId],
    each: &mut dyn FnMut(RowId, Vec<Value<'static>>) -> Result<()>,
) -> Result<()> {
    let list: String = columns.iter().map(|column| format!(", {}", selected(column))).collect();
    let sql = format!("SELECT {}{list} FROM {} WHERE {}", target.place, target.name, target.is_one_of());
    for some in rows.chunks(ROWS_A_STATEMENT_MAX) {
        let (mut found, mut kinds) = (Vec::with_capacity(some.len()), Vec::new());
        let values = places(some.iter().copied());
        client.each_row("read the keys", (&sql, &values), &mut |_| {}, &mut |row| {
            if kinds.is_empty() {
                kinds = row.columns().iter().map(Told::column_type).collect();
            }
            let mut cells = row.into_iter();
            let place = cells.next().and_then(row_of).ok_or_else(no_place)?;
            let values: Vec<Value<'static>> =
                cells.zip(kinds.iter().skip(1)).map(|(cell, kind)| value::value(cell, *kind)).collect();
            found.push((place, values));
            Ok(())
        })?;
        // whoever takes them may ask the server
        found.into_iter().try_for_each(|(row, values)| each(row, values))?;
    }
    Ok(())
}

/// Types that the driver does not know are read as text.
fn selected(column: &Column) -> String {
    let name = quote(&column.name);
    match Declared::of(&column.declared).is_strange() {
        true => format!("CAST({name} AS NVARCHAR(MAX))"),
        false => name,
    }
}
