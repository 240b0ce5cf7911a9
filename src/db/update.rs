//! Rows that are changed in place, one by one, by their key.

use chrono::NaiveDateTime;

use super::rows::number;
use super::{Column, Database, Table, fit};
use crate::clock;
use crate::error::{Error, Result};
use crate::hash::Sha;
use crate::record::Value;

/// What becomes of one active row.
pub(crate) struct RowUpdate<'a> {
    /// The columns that name it, and their values; none of them is null.
    pub(crate) key: &'a [(&'a Column, Value<'a>)],
    /// The columns that are written, and their values.
    pub(crate) set: &'a [(&'a Column, Value<'a>)],
    /// The hash of the record that it now holds.
    pub(crate) sha: Sha,
    pub(crate) moment: NaiveDateTime,
}

/// Changes the active rows of a key; tells how many there were.
///
/// # Errors
/// What the database says: a value that it does not take, or a rule of the table.
pub(crate) fn update_by_key(database: &mut dyn Database, table: &Table, row: &RowUpdate<'_>) -> Result<u64> {
    let words = database.dialect();
    let mut parameters: Vec<Value<'_>> = Vec::new();
    let mut place = |value: Value<'static>| {
        parameters.push(value);
        format!("${}", parameters.len())
    };
    let mut set: Vec<String> = Vec::with_capacity(row.set.len() + 2);
    for (column, value) in row.set {
        set.push(format!("{} = {}", words.name(&column.name), place(stored(column, value)?)));
    }
    let sha = if table.sha_is_text() { Value::from(row.sha.to_string()) } else { Value::Bytes(row.sha.0.to_vec()) };
    set.push(format!("{} = {}", words.name("sha"), place(sha)));
    set.push(format!("{} = {}", words.name("date_modified"), place(Value::from(clock::text(row.moment)))));
    let mut key = Vec::with_capacity(row.key.len());
    for (column, value) in row.key {
        key.push(format!("{} = {}", words.name(&column.name), place(stored(column, value)?)));
    }
    // a row that this merge has changed already is not changed again: two records have its key
    let modified = words.name("date_modified");
    key.push(format!("({modified} IS NULL OR {modified} <> {})", place(Value::from(clock::text(row.moment)))));
    let (table, set, key) = (words.table(&table.name), set.join(", "), key.join(" AND "));
    database.execute(&format!("UPDATE {table} SET {set} WHERE {key} AND archive IS NULL"), &parameters)
}

/// How many keys have several active rows.
///
/// # Errors
/// What the database says.
pub(crate) fn keys_with_several_rows(database: &mut dyn Database, table: &Table, key: &[Column]) -> Result<u64> {
    let words = database.dialect();
    let names: Vec<String> = key.iter().map(|column| words.name(&column.name)).collect();
    let (name, names) = (words.table(&table.name), names.join(", "));
    let known = names.split(", ").map(|name| format!("{name} IS NOT NULL")).collect::<Vec<_>>().join(" AND ");
    let several =
        format!("SELECT {names} FROM {name} WHERE archive IS NULL AND {known} GROUP BY {names} HAVING count(*) > 1");
    let rows = database.query(&format!("SELECT count(*) FROM ({several}) several"), &[])?;
    number(&rows, &table.name)
}

/// A value as its column takes it.
fn stored(column: &Column, value: &Value<'_>) -> Result<Value<'static>> {
    match fit(value, column.kind) {
        Some(fitted) => Ok(fitted.to_value().map_or(Value::Null, Value::into_owned)),
        None => Err(Error::failed(format!("store a value in `{}`: it does not fit", column.name))),
    }
}
