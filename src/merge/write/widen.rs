//! Columns of the table that become wider, since the input holds what they do not take. A column that becomes text is
//! hashed as text from then on, so rows that stay as they are get their new hash here.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use chrono::{DateTime, NaiveDateTime};

use super::shape::found;
use crate::db::rows::has_values;
use crate::db::{Column, Database, Kind, NewColumn, RowId, Table, TableName, text};
use crate::error::{Error, Result};
use crate::hash::{Canonical, RESERVED, Sha, hash_bytes};
use crate::merge::compare::active::active_hashes;
use crate::merge::history::rehashed;
use crate::merge::plan::scope::spelled;
use crate::merge::read::again::{each_selected, read_again};
use crate::merge::read::ground::Ground;
use crate::merge::read::scan::{Scanned, foresee};
use crate::merge::report::{Widened, WidenedColumn};
use crate::merge::spool::{Entry, Spool};
use crate::record::Value;

/// Rows that are hashed anew at once.
const ROWS_AT_ONCE_MAX: usize = 2_000;

/// Widens the columns that do not take what was read, if that was asked for. Where it gives any, places of rows that were
/// read before are of no use, and neither are the hashes of records.
///
/// # Errors
/// What the database says: a view or an index may need a column as it is.
pub(crate) fn widen<'a>(
    ground: Ground<'a>,
    table: Table,
    backend: &mut dyn Database,
    scanned: &Scanned,
) -> Result<(Ground<'a>, Table, Widened)> {
    let wider = wider_columns(&ground, &table, backend, scanned)?;
    if wider.is_empty() {
        return Ok((ground, table, Widened::default()));
    }
    let before = table;
    backend.widen_columns(ground.name, &wider).map_err(|error| refused(error, ground.name, &wider))?;
    let table = found(ground.name, backend)?;
    let ground = ground.over(&table)?;
    let declared =
        |table: &Table, name: &str| table.column(name).map(|column| column.declared.clone()).unwrap_or_default();
    let columns = wider.iter().map(|NewColumn { name, .. }| WidenedColumn {
        column: name.clone(),
        from: declared(&before, name),
        to: declared(&table, name),
    });
    let is_text = |name: &str| wider.iter().any(|column| column.name == name && column.kind == Kind::Text);
    let is_rehashed = |column: &&Column| is_text(&column.name) && ground.merge.hash.takes(&column.name);
    let texts: Vec<Column> = table.columns.iter().filter(is_rehashed).cloned().collect();
    let rehashed = if texts.is_empty() { 0 } else { hash_anew(&ground, &table, backend, (&scanned.entries, &texts))? };
    let widened = Widened { columns: columns.collect(), rehashed };
    Ok((ground, table, widened))
}

fn refused(error: Error, table: &TableName, wider: &[NewColumn]) -> Error {
    let names: Vec<&str> = wider.iter().map(|column| column.name.as_str()).collect();
    let error = error.within(format!("widen `{}` of the table `{table}`", names.join("`, `")));
    match error.hint_text() {
        Some(_) => error,
        None => error.hint(
            "change the table by hand; or leave `--evolve` out, and set such records aside with `--rejects FILE`; \
             nothing was changed",
        ),
    }
}

/// The columns to widen: those that do not take a value; and text columns that hold nothing yet and shall hold numbers,
/// for such a column was made when nobody knew what would come.
fn wider_columns(
    ground: &Ground<'_>,
    table: &Table,
    backend: &mut dyn Database,
    scanned: &Scanned,
) -> Result<Vec<NewColumn>> {
    if !ground.merge.evolve {
        return Ok(Vec::new());
    }
    let is_typed = |name: &str| ground.merge.types.iter().any(|(typed, _)| typed == name);
    let mut wider: BTreeMap<&str, Kind> = scanned.wider.columns().filter(|(name, _)| !is_typed(name)).collect();
    let is_otherwise =
        |name: &str| ground.reader.has_turned(name) || ground.survey.kind(name).is_some_and(is_of_numbers);
    let mut empty = Vec::new();
    for Column { name, kind, declared, is_generated } in &table.columns {
        let is_plain = ["text", "longtext"].iter().any(|text| declared.eq_ignore_ascii_case(text));
        let is_made_as_text = *kind == Kind::Text && is_plain && !is_generated;
        let may_turn = is_made_as_text && !RESERVED.contains(&name.as_str()) && !is_typed(name) && is_otherwise(name);
        if may_turn && !has_values(backend, &table.name, name)? {
            empty.push(name.as_str());
        }
    }
    if !empty.is_empty() {
        let survey = foresee(&ground.without(&empty)?, None)?;
        let kinds = empty.into_iter().filter_map(|name| Some((name, survey.kind(name)?)));
        wider.extend(kinds.filter(|(_, kind)| is_of_numbers(*kind)));
    }
    let column = |(name, kind): (&str, Kind)| NewColumn { name: name.to_owned(), kind, declared: None };
    Ok(wider.into_iter().map(column).collect())
}

fn is_of_numbers(kind: Kind) -> bool {
    matches!(kind, Kind::Boolean | Kind::Integer { .. } | Kind::Float | Kind::Numeric)
}

/// Rows whose record is in the input, and whose text is that of the record, get the hash that it has now. All others keep
/// the hash that they had, so a record of theirs counts as changed.
fn hash_anew(
    ground: &Ground<'_>,
    table: &Table,
    backend: &mut dyn Database,
    (entries, columns): (&Spool, &[Column]),
) -> Result<u64> {
    let merge = ground.merge;
    let scopes = spelled(backend, table, &ground.scope)?;
    let active = active_hashes(backend, table, &scopes, (&merge.cancellation, &Default::default()))?;
    let rows = rows_of_records(entries, &active, ground.end())?;
    drop(active);
    let mut renewal = Renewal::new(table, columns);
    let mut form = Canonical::keeping_digits();
    each_selected(ground.sources, &rows, &merge.cancellation, |bytes, source, entry| {
        let record = read_again(ground.sources, &ground.reader, (bytes, source, entry))?;
        let sha = hash_bytes(form.of(&record, &merge.hash));
        let stored = |column: &Column| match record.get(&column.name) {
            None | Some(Value::Null) => None,
            Some(value) => Some(text(value).into_owned()),
        };
        // the place of the row fills the lower half
        renewal.waiting.push(Waiting {
            row: RowId(entry.hash as u64),
            sha,
            texts: columns.iter().map(stored).collect(),
        });
        if renewal.waiting.len() == ROWS_AT_ONCE_MAX {
            renewal.flush(backend)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    renewal.flush(backend)?;
    rehashed(backend, ground.name, &renewal.moved)?;
    Ok(renewal.count)
}

/// The rows that hold a record of the input, each with the place of its first record, by that place.
fn rows_of_records(entries: &Spool, active: &Spool, end: u64) -> Result<Spool> {
    let mut found = Spool::by_place(end);
    let (mut records, mut rows) = (Vec::new(), Vec::new());
    for bucket in 0..entries.buckets() {
        entries.read(bucket, &mut records)?;
        active.read(bucket, &mut rows)?;
        records.dedup_by_key(|record| record.hash);
        let mut record = 0;
        for row in &rows {
            record += records[record..].iter().take_while(|record| record.hash < row.hash).count();
            if let Some(record) = records.get(record).filter(|record| record.hash == row.hash) {
                found.push(Entry { hash: row.place.into(), place: record.place })?;
            }
        }
    }
    Ok(found)
}

/// A row that may get another hash.
struct Waiting {
    row: RowId,
    sha: Sha,
    /// What the columns would hold if the record came now.
    texts: Vec<Option<String>>,
}

/// The rows on their way to other hashes.
struct Renewal<'a> {
    table: &'a Table,
    /// The columns that became text, then the hash and the moment at which the row came.
    columns: Vec<Column>,
    waiting: Vec<Waiting>,
    /// By how much the sum over the hashes moved, for each moment at which rows came.
    moved: BTreeMap<NaiveDateTime, u128>,
    count: u64,
}

impl<'a> Renewal<'a> {
    fn new(table: &'a Table, texts: &[Column]) -> Self {
        let own = ["sha", "date_created"].into_iter().filter_map(|name| table.column(name));
        let columns = texts.iter().chain(own).cloned().collect();
        Self { table, columns, waiting: Vec::new(), moved: BTreeMap::new(), count: 0 }
    }

    fn flush(&mut self, backend: &mut dyn Database) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let rows: Vec<RowId> = waiting.iter().map(|waiting| waiting.row).collect();
        let mut stored: BTreeMap<RowId, Vec<Value<'static>>> = BTreeMap::new();
        backend.values_of(self.table, &self.columns, &rows, &mut |row, values| {
            stored.insert(row, values);
            Ok(())
        })?;
        let (mut seen, mut renewed, mut came) = (BTreeSet::new(), Vec::new(), Vec::new());
        for Waiting { row, sha, texts } in waiting {
            let Some(values) = stored.get(&row) else { continue };
            let is_same = texts.iter().zip(values).all(|(text, value)| text.as_deref() == text_of(value));
            let (Some(before), true) = (values.get(texts.len()).and_then(prefix_of), is_same) else { continue };
            if before != sha.prefix() && seen.insert(sha.0) {
                renewed.push((row, sha));
                came.push((before, values.get(texts.len() + 1).and_then(moment_of)));
            }
        }
        for at in backend.rehash(self.table, &renewed)? {
            self.count += 1;
            let (before, moment) = came[at];
            if let Some(moment) = moment {
                let moved = self.moved.entry(moment).or_default();
                *moved = moved.wrapping_add(renewed[at].1.prefix()).wrapping_sub(before);
            }
        }
        Ok(())
    }
}

fn text_of<'a>(value: &'a Value<'static>) -> Option<&'a str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// The first half of a hash, as bytes or as the text in which a database prints it.
fn prefix_of(value: &Value<'static>) -> Option<u128> {
    match value {
        Value::Bytes(bytes) => Some(u128::from_be_bytes(bytes.get(..16)?.try_into().ok()?)),
        Value::Text(text) => u128::from_str_radix(text.trim_start_matches("\\x").get(..32)?, 16).ok(),
        _ => None,
    }
}

/// A moment as a database prints it, with or without its offset.
fn moment_of(value: &Value<'static>) -> Option<NaiveDateTime> {
    let text = text_of(value)?;
    let plain = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f");
    plain.ok().or_else(|| Some(DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z").ok()?.naive_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_databases_print_them() {
        for text in ["2026-11-29 07:35:11.123400", "2026-11-29 07:35:11.1234", "2026-11-29 08:35:11.1234+01"] {
            let moment = moment_of(&Value::from(text)).map(crate::clock::text);
            assert_eq!(moment.as_deref(), Some("2026-11-29 07:35:11.123400"), "{text}");
        }
    }
}
