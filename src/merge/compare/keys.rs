//! Which new record replaces which gone row: pairs of one key are changes.

use std::ops::ControlFlow;

use crate::db::{Column, Database, Fitted, Gone, Kind, RowId, Table, fit};
use crate::error::Result;
use crate::hash::{hash_bytes, write_json};
use crate::merge::plan::description::Merge;
use crate::merge::plan::target::key_columns;
use crate::merge::read::again::{each_selected, read_again};
use crate::merge::read::ground::Ground;
use crate::merge::spool::{Entry, Spool};
use crate::record::{Value, parse_json};

/// Keys that are looked up at once.
const KEYS_AT_ONCE_MAX: usize = 4_000;

/// The pairs found.
pub(crate) struct Pairs {
    /// New records that replace a row.
    pub(crate) changed: u64,
    /// The rows to retire when vanished rows are kept: those whose key comes anew.
    pub(crate) replaced: Spool,
}

/// Pairs new records and gone rows by their keys, one to one; without `--key` there are no pairs.
pub(crate) fn pair(
    ground: &Ground<'_>,
    database: &mut dyn Database,
    table: &Table,
    (new, gone): (&Spool, &Spool),
) -> Result<Pairs> {
    let merge = ground.merge;
    if merge.key.is_empty() || new.count() == 0 || gone.count() == 0 {
        return Ok(Pairs { changed: 0, replaced: Spool::by_hash() });
    }
    let columns = key_columns(merge, table)?;
    let new_keys = keys_of_records(ground, database, &columns, new)?;
    let gone_keys = keys_of_rows(merge, database, table, &columns, gone)?;
    let mut pairs = Pairs { changed: 0, replaced: Spool::by_hash() };
    let (mut records, mut rows) = (Vec::new(), Vec::new());
    for bucket in 0..new_keys.buckets() {
        new_keys.read(bucket, &mut records)?;
        gone_keys.read(bucket, &mut rows)?;
        let mut rest = rows.as_slice();
        for same in records.chunk_by(|one, other| one.hash == other.hash) {
            rest = &rest[rest.partition_point(|row| row.hash < same[0].hash)..];
            let twins = rest.iter().take_while(|row| row.hash == same[0].hash).count();
            pairs.changed += same.len().min(twins) as u64;
            if merge.gone == Gone::Keep {
                rest[..twins].iter().try_for_each(|row| pairs.replaced.push(*row))?;
            }
        }
    }
    Ok(pairs)
}

fn keys_of_records(ground: &Ground<'_>, database: &mut dyn Database, columns: &[Column], new: &Spool) -> Result<Spool> {
    let Ground { merge, sources, reader, .. } = ground;
    let mut keys = Spool::by_hash();
    let mut waiting: Vec<(Vec<Value<'static>>, u64)> = Vec::new();
    each_selected(sources, new, |bytes, source, entry| {
        let record = read_again(sources, reader, (bytes, source, entry))?;
        merge.cancellation.check()?;
        let value = |column: &Column| stored(record.get(&column.name).unwrap_or(&Value::Null), column.kind);
        waiting.push((columns.iter().map(value).collect(), entry.place));
        if waiting.len() >= KEYS_AT_ONCE_MAX {
            flush(database, columns, &mut waiting, &mut keys)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    flush(database, columns, &mut waiting, &mut keys)?;
    Ok(keys)
}

/// Lets the database say how it would give back what it alone understands, then keeps the keys.
fn flush(
    database: &mut dyn Database,
    columns: &[Column],
    waiting: &mut Vec<(Vec<Value<'static>>, u64)>,
    keys: &mut Spool,
) -> Result<()> {
    for (place, column) in columns.iter().enumerate().filter(|(_, column)| column.kind == Kind::Other) {
        let text = |value: &Value<'_>| match value {
            Value::Text(text) => Some(text.clone().into_owned()),
            _ => None,
        };
        let mut texts: Vec<Option<String>> = waiting.iter().map(|(values, _)| text(&values[place])).collect();
        database.read_back(column, &mut texts)?;
        for ((values, _), text) in waiting.iter_mut().zip(texts) {
            values[place] = text.map_or(Value::Null, Value::from);
        }
    }
    for (values, place) in waiting.drain(..) {
        keys.push(Entry { hash: key_hash(columns, values), place })?;
    }
    Ok(())
}

fn keys_of_rows(
    merge: &Merge,
    database: &mut dyn Database,
    table: &Table,
    columns: &[Column],
    gone: &Spool,
) -> Result<Spool> {
    let mut keys = Spool::by_hash();
    let mut entries = Vec::new();
    for bucket in 0..gone.buckets() {
        gone.read(bucket, &mut entries)?;
        for some in entries.chunks(KEYS_AT_ONCE_MAX) {
            merge.cancellation.check()?;
            let rows: Vec<RowId> = some.iter().map(|entry| RowId(entry.place)).collect();
            database.values_of(table, columns, &rows, &mut |row, values| {
                keys.push(Entry { hash: key_hash(columns, values), place: row.0 })
            })?;
        }
    }
    Ok(keys)
}

/// A record's value as its column will hold it.
fn stored(value: &Value<'_>, kind: Kind) -> Value<'static> {
    match fit(value, kind) {
        None | Some(Fitted::Null) => Value::Null,
        Some(Fitted::Bool(flag)) => Value::Bool(flag),
        Some(Fitted::Integer(number)) => Value::Integer(number),
        Some(Fitted::Float(number)) => Value::Float(number),
        Some(Fitted::Text(text)) => Value::from(text.into_owned()),
        Some(Fitted::Bytes(bytes)) => Value::Bytes(bytes),
    }
}

/// One number for a key. Numbers count by their value: `5`, `5.0` and `5.00` are one key.
fn key_hash(columns: &[Column], values: Vec<Value<'static>>) -> u128 {
    let mut form = Vec::new();
    for (column, value) in columns.iter().zip(values) {
        write_json(&plain(value, column.kind), &mut form);
        form.push(b'\n');
    }
    hash_bytes(&form).prefix()
}

fn plain(value: Value<'static>, kind: Kind) -> Value<'static> {
    match (kind, value) {
        (Kind::Boolean, Value::Integer(number)) => Value::Bool(number != 0),
        (Kind::Integer { .. } | Kind::Float | Kind::Numeric, Value::Text(text)) => match parse_json(&text) {
            Ok(Value::Text(_)) | Err(_) => Value::Text(text),
            Ok(number) => plain(number.into_owned(), kind),
        },
        // a whole float is the integer of that value
        (Kind::Integer { .. } | Kind::Float | Kind::Numeric, Value::Float(number))
            if number.fract() == 0.0 && number.abs() < 9e15 =>
        {
            Value::Integer(number as i64)
        }
        (_, value) => value,
    }
}
