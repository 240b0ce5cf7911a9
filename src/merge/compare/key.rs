//! The key of a record or a row, as one number: numbers count by their value, everything else as the column holds it.

use crate::db::{Column, Database, Fitted, Kind, fit};
use crate::error::{ErrorKind, Result};
use crate::hash::{hash_bytes, write_json};
use crate::merge::spool::Entry;
use crate::record::{Digits, Record, Value};

/// Keys that are looked up at once.
const KEYS_AT_ONCE_MAX: usize = 4_000;
/// The point of the transaction before the database is asked about texts.
const POINT: &str = "keys";

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) hash: u128,
    /// Whether one of its values is null: such a key is nobody's.
    pub(crate) has_null: bool,
    /// Whether one of its values is none that the column takes: nobody knows whose such a key is.
    pub(crate) is_unreadable: bool,
}

impl Key {
    /// The key of these values. `5`, `5.0` and `5.00` are one.
    pub(crate) fn of(columns: &[Column], values: Vec<Value<'static>>) -> Self {
        let mut form = Vec::new();
        let mut has_null = false;
        for (column, value) in columns.iter().zip(values) {
            has_null |= value == Value::Null;
            write_json(&plain(value, column.kind), &mut form);
            form.push(b'\n');
        }
        Self { hash: hash_bytes(&form).prefix(), has_null, is_unreadable: false }
    }
}

/// Reads the keys of records, many at a time: the database may have to say what it makes of them.
pub(crate) struct KeyReader<'a> {
    columns: &'a [Column],
    waiting: Vec<Waiting>,
}

struct Waiting {
    values: Vec<Value<'static>>,
    entry: Entry,
    is_unreadable: bool,
}

impl<'a> KeyReader<'a> {
    pub(crate) fn new(columns: &'a [Column]) -> Self {
        Self { columns, waiting: Vec::new() }
    }

    pub(crate) fn add(&mut self, record: &Record<'_>, entry: Entry) {
        let value = |column: &Column| record.get(&column.name).unwrap_or(&Value::Null);
        let values = self.columns.iter().map(|column| stored(value(column), column.kind)).collect();
        let is_unreadable = self.columns.iter().any(|column| fit(value(column), column.kind).is_none());
        self.waiting.push(Waiting { values, entry, is_unreadable });
    }

    pub(crate) fn flush_if_full(
        &mut self,
        database: &mut dyn Database,
        take: &mut dyn FnMut(Key, Entry) -> Result<()>,
    ) -> Result<()> {
        if self.waiting.len() < KEYS_AT_ONCE_MAX { Ok(()) } else { self.flush(database, take) }
    }

    /// Lets the database say how it would give back what it alone understands, then gives the keys on.
    pub(crate) fn flush(
        &mut self,
        database: &mut dyn Database,
        take: &mut dyn FnMut(Key, Entry) -> Result<()>,
    ) -> Result<()> {
        for (place, column) in self.columns.iter().enumerate().filter(|(_, column)| column.is_respelled()) {
            let text = |value: &Value<'_>| match value {
                Value::Text(text) => Some(text.clone().into_owned()),
                _ => None,
            };
            let mut texts: Vec<Option<String>> =
                self.waiting.iter().map(|waiting| text(&waiting.values[place])).collect();
            read_back(database, column, &mut texts)?;
            for (waiting, text) in self.waiting.iter_mut().zip(texts) {
                waiting.is_unreadable |= text.is_none() && waiting.values[place] != Value::Null;
                waiting.values[place] = text.map_or(Value::Null, Value::from);
            }
        }
        self.waiting.drain(..).try_for_each(|Waiting { values, entry, is_unreadable }| {
            take(Key { is_unreadable, ..Key::of(self.columns, values) }, entry)
        })
    }
}

/// As [`Database::read_back`]; a text that is no value of the column becomes null, and the table will say so itself.
fn read_back(database: &mut dyn Database, column: &Column, texts: &mut [Option<String>]) -> Result<()> {
    if texts.iter().all(Option::is_none) {
        return Ok(());
    }
    let mut read: Vec<Option<String>> = texts.to_vec();
    database.set_point(POINT)?;
    match database.read_back(column, &mut read) {
        Ok(()) => {
            database.drop_point(POINT)?;
            texts.clone_from_slice(&read);
            return Ok(());
        }
        Err(error) if matches!(error.kind(), ErrorKind::Failed) => {}
        Err(error) => return Err(error),
    }
    database.back_to_point(POINT)?;
    if let [text] = texts {
        *text = None;
        return Ok(());
    }
    let (one, other) = texts.split_at_mut(texts.len() / 2);
    read_back(database, column, one)?;
    read_back(database, column, other)
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

/// A number in the one form of its value.
fn plain(value: Value<'static>, kind: Kind) -> Value<'static> {
    match kind {
        Kind::Boolean => match value {
            Value::Integer(number) => Value::Bool(number != 0),
            value => value,
        },
        Kind::Integer { .. } | Kind::Float | Kind::Real | Kind::Numeric | Kind::Decimal { .. } | Kind::Number => {
            let mut written = crate::db::text(&value).into_owned();
            if let (Kind::Float, Ok(float)) = (kind, written.parse::<f64>()) {
                // of two shortest spellings of a float a database may choose the other one
                written = crate::db::text(&Value::Float(float)).into_owned();
            }
            match Digits::of(&written).filter(|_| value != Value::Null) {
                Some(digits) => {
                    let mut form = String::new();
                    digits.write(&mut form);
                    Value::from(form)
                }
                None => value,
            }
        }
        // SQLite may hold a number there
        Kind::Other(_) => match value {
            Value::Integer(_) | Value::Float(_) => Value::from(crate::db::text(&value).into_owned()),
            value => value,
        },
        _ => value,
    }
}
