//! What a merge asks of a table in plain statements.

use chrono::NaiveDateTime;
use mysql_async::Value as Stored;

use super::client::Client;
use super::encode::Coding;
use super::kind::Declared;
use super::server::server_error;
use super::shape::{GUARD, Place};
use super::sql::{bytes_literal, literal, quote};
use super::value::number_of;
use crate::clock;
use crate::db::{ActiveSum, Column, Fitted, Gone, Kind, RowId, Scope, prefix};
use crate::error::{Error, Result};
use crate::hash::Sha;
use crate::record::Value;

/// Rows that one statement retires, reads or hashes anew.
const ROWS_A_STATEMENT_MAX: usize = 2_000;

/// A table as statements name it.
pub(super) struct Target {
    /// Its name, in quotes.
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) sha_is_text: bool,
    pub(super) has_guard: bool,
}

impl Target {
    fn place_of(&self, row: RowId) -> String {
        match self.place.is_unsigned {
            true => row.0.to_string(),
            false => row.0.cast_signed().to_string(),
        }
    }

    /// The condition that a row is one of these.
    fn is_one_of(&self, rows: impl Iterator<Item = RowId>) -> String {
        let places: Vec<String> = rows.map(|row| self.place_of(row)).collect();
        format!("{} IN ({})", self.place.column, places.join(","))
    }

    fn sha(&self, sha: &Sha) -> String {
        match self.sha_is_text {
            true => literal(&sha.to_string()),
            false => bytes_literal(&sha.0),
        }
    }
}

/// A condition over literals.
///
/// # Errors
/// A value that the column would take for another one.
pub(super) fn condition(scope: &Scope) -> Result<String> {
    let mut parts = Vec::new();
    for (column, value) in scope {
        let (name, coding) = (quote(&column.name), Coding::of(column));
        parts.push(match value {
            Fitted::Null => format!("{name} IS NULL"),
            Fitted::Bool(flag) => format!("{name} = {}", i32::from(*flag)),
            Fitted::Integer(number) => format!("{name} = {number}"),
            // a column of 32 bits would be compared as one of 64
            Fitted::Float(number) if column.kind == Kind::Real => format!("{name} = CAST({number:e} AS FLOAT)"),
            Fitted::Float(number) => format!("{name} = {number:e}"),
            Fitted::Bytes(bytes) => format!("{name} = {}", bytes_literal(bytes)),
            Fitted::Text(text) if matches!(column.kind, Kind::Decimal { .. } | Kind::Numeric) => {
                format!("{name} = CAST({} AS DECIMAL(65,30))", literal(text))
            }
            Fitted::Text(text) => {
                let text =
                    coding.text(text).map_err(|why| Error::failed(format!("compare `{}`: {why}", column.name)))?;
                let text = literal(&text);
                // equal is what is written alike, whatever the column's collation holds for equal
                match column.kind {
                    Kind::Other(_) => format!("{name} = {text}"),
                    _ => format!(
                        "({name} = {text} AND CAST(CONVERT({name} USING utf8mb4) AS BINARY) = CAST({text} AS BINARY))"
                    ),
                }
            }
        });
    }
    Ok(parts.join(" AND "))
}

fn active_condition(target: &Target, scope: &Scope) -> Result<String> {
    let scope = condition(scope)?;
    Ok(match (scope.is_empty(), target.has_guard) {
        // by the index alone, which holds the active rows
        (true, true) => format!("{GUARD} IS NOT NULL"),
        (true, false) => "archive IS NULL".to_owned(),
        (false, _) => format!("archive IS NULL AND {scope}"),
    })
}

pub(super) fn active(
    client: &mut Client,
    target: &Target,
    scope: &Scope,
    each: &mut dyn FnMut(u128, RowId) -> Result<()>,
) -> Result<()> {
    let Target { name, place, .. } = target;
    let sha = if target.has_guard && scope.is_empty() { GUARD } else { "sha" };
    let sql = format!("SELECT {}, {sha} FROM {name} WHERE {}", place.column, active_condition(target, scope)?);
    client.each_text("read the hashes", &sql, |row| {
        let (at, sha) = (row.take::<Stored, _>(0), row.take::<Stored, _>(1));
        let row = at.as_ref().and_then(|at| row_of(place, at));
        let row = row.ok_or_else(|| Error::failed("read the hashes: a row has no place"))?;
        let prefix = match &sha {
            Some(Stored::Bytes(bytes)) if target.sha_is_text => prefix::of_hex(bytes),
            Some(Stored::Bytes(bytes)) => prefix::of_bytes(bytes),
            _ => None,
        };
        let Some(prefix) = prefix else {
            let at = target.place_of(row);
            let what = format!("read the hash of row {at} in {name}: `sha` holds no record hash");
            return Err(
                Error::failed(what).hint(format!("look at it: SELECT * FROM {name} WHERE {} = {at}", place.column))
            );
        };
        each(prefix, row)
    })
}

fn row_of(place: &Place, stored: &Stored) -> Option<RowId> {
    let Stored::Bytes(digits) = stored else { return None };
    let digits = std::str::from_utf8(digits).ok()?;
    match place.is_unsigned {
        true => digits.parse().ok().map(RowId),
        false => digits.parse::<i64>().ok().map(|number| RowId(number.cast_unsigned())),
    }
}

pub(super) fn count_active(client: &mut Client, target: &Target, scope: &Scope) -> Result<u64> {
    let sql = format!("SELECT COUNT(*) FROM {} WHERE {}", target.name, active_condition(target, scope)?);
    let found = client.rows::<u64>(&sql).map_err(|cause| server_error("count the active rows", cause))?;
    Ok(found.first().copied().unwrap_or_default())
}

/// In the server: to send a hash takes as long as to add it up, and nobody has to read it. A sum for each of the eight bytes is
/// exact, however many rows there are.
pub(super) fn active_sum(client: &mut Client, target: &Target, scope: &Scope) -> Result<Option<ActiveSum>> {
    if target.sha_is_text {
        return Ok(None);
    }
    let sha = if target.has_guard && scope.is_empty() { GUARD } else { "sha" };
    // the server counts from 1
    let bytes: String = (9..=16).map(|at| format!(", COALESCE(SUM(ORD(SUBSTR({sha},{at},1))),0)")).collect();
    let sql = format!(
        "SELECT COUNT(*), COALESCE(SUM(LENGTH({sha})),0){bytes} FROM {} WHERE {}",
        target.name,
        active_condition(target, scope)?
    );
    let mut found: Vec<u64> = Vec::with_capacity(10);
    client.each_text("add up the hashes", &sql, |row| {
        found.extend((0..10).filter_map(|at| row.take::<u64, _>(at)));
        Ok(())
    })?;
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
    let mut count = 0;
    for some in rows.chunks(ROWS_A_STATEMENT_MAX) {
        let sql = format!("{change} WHERE {} AND archive IS NULL", target.is_one_of(some.iter().copied()));
        count += client.run(&sql).map_err(|cause| server_error("retire the rows that have gone", cause))?.rows;
    }
    Ok(count)
}

pub(super) fn restore(
    client: &mut Client,
    target: &Target,
    rows: &[(u128, RowId)],
    moment: NaiveDateTime,
) -> Result<u64> {
    let moment = literal(&clock::text(moment));
    let mut count = 0;
    for some in rows.chunks(ROWS_A_STATEMENT_MAX) {
        let sql = format!(
            "UPDATE {} SET archive = NULL, date_modified = NULL WHERE {} AND archive = {moment}",
            target.name,
            target.is_one_of(some.iter().map(|(_, row)| *row))
        );
        count +=
            client.run(&sql).map_err(|cause| server_error("keep the rows whose records were rejected", cause))?.rows;
    }
    Ok(count)
}

/// Hashes that another active row has are looked for before, so that no row is in the way of another.
pub(super) fn rehash(client: &mut Client, target: &Target, rows: &[(RowId, Sha)]) -> Result<Vec<usize>> {
    let fail = |cause| server_error("hash the rows anew", cause);
    let Target { name, place: Place { column, .. }, .. } = target;
    let mut changed = Vec::new();
    for (chunk, some) in rows.chunks(ROWS_A_STATEMENT_MAX).enumerate() {
        let shas: Vec<String> = some.iter().map(|(_, sha)| target.sha(sha)).collect();
        let taken = format!("SELECT sha FROM {name} WHERE archive IS NULL AND sha IN ({})", shas.join(","));
        let taken: std::collections::BTreeSet<Vec<u8>> = client.rows(&taken).map_err(fail)?.into_iter().collect();
        let stored = |sha: &Sha| if target.sha_is_text { sha.to_string().into_bytes() } else { sha.0.to_vec() };
        let there = format!(
            "SELECT {column} FROM {name} WHERE archive IS NULL AND {}",
            target.is_one_of(some.iter().map(|(row, _)| *row))
        );
        let mut active = std::collections::BTreeSet::new();
        client.each_text("hash the rows anew", &there, |row| {
            active.extend(row.take::<Stored, _>(0).and_then(|at| row_of(&target.place, &at)));
            Ok(())
        })?;
        let free: Vec<usize> = (0..some.len())
            .filter(|at| active.contains(&some[*at].0) && !taken.contains(&stored(&some[*at].1)))
            .collect();
        if free.is_empty() {
            continue;
        }
        let cases: String =
            free.iter().map(|at| format!(" WHEN {} THEN {}", target.place_of(some[*at].0), shas[*at])).collect();
        let sql = format!(
            "UPDATE {name} SET sha = CASE {column}{cases} END WHERE archive IS NULL AND {}",
            target.is_one_of(free.iter().map(|at| some[*at].0))
        );
        client.run(&sql).map_err(fail)?;
        changed.extend(free.into_iter().map(|at| chunk * ROWS_A_STATEMENT_MAX + at));
    }
    Ok(changed)
}

pub(super) fn delete_where(client: &mut Client, name: &str, filter: &Scope) -> Result<u64> {
    let sql = format!("DELETE FROM {name} WHERE {}", condition(filter)?);
    Ok(client.run(&sql).map_err(|cause| server_error("delete the rows", cause))?.rows)
}

/// Moments and UUIDs may be written in several ways; each is read as it would be given back.
pub(super) fn read_back(column: &Column, texts: &mut [Option<String>]) -> Result<()> {
    let coding = Coding::of(column);
    for text in texts.iter_mut().flatten() {
        let kept = coding.text(text).map_err(|why| Error::failed(format!("read the keys: {why}")))?;
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
    for some in rows.chunks(ROWS_A_STATEMENT_MAX) {
        let sql = format!(
            "SELECT {}{list} FROM {} WHERE {}",
            target.place.column,
            target.name,
            target.is_one_of(some.iter().copied())
        );
        let mut found = Vec::with_capacity(some.len());
        client.each_text("read the keys", &sql, |row| {
            let place = row.take::<Stored, _>(0).and_then(|at| row_of(&target.place, &at));
            let place = place.ok_or_else(|| Error::failed("read the keys: a row has no place"))?;
            let values = columns.iter().enumerate().map(|(at, column)| value(row.take(at + 1), column));
            found.push((place, values.collect()));
            Ok(())
        })?;
        // whoever takes them may ask the server
        found.into_iter().try_for_each(|(row, values)| each(row, values))?;
    }
    Ok(())
}

/// A float of 32 bits is printed with six digits, one of 64 with all that it has.
fn selected(column: &Column) -> String {
    let name = quote(&column.name);
    match (column.kind, Declared::of(&column.declared).base) {
        (_, "float") => format!("{name} + 0e0"),
        (_, "bit") => format!("{name} + 0"),
        _ => name,
    }
}

/// A value that came as text, as what its column holds.
fn value(stored: Option<Stored>, column: &Column) -> Value<'static> {
    let Some(Stored::Bytes(bytes)) = stored else { return Value::Null };
    if column.kind == Kind::Bytes {
        return Value::Bytes(bytes);
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Value::Bytes(error.into_bytes()),
    };
    match column.kind {
        Kind::Boolean if text == "0" || text == "1" => Value::Bool(text == "1"),
        Kind::Real => match text.parse::<f64>() {
            Ok(number) => number_of(&(number as f32).to_string()),
            Err(_) => Value::from(text),
        },
        Kind::Boolean | Kind::Integer { .. } | Kind::Float | Kind::Numeric | Kind::Decimal { .. } => number_of(&text),
        _ => Value::from(text),
    }
}
