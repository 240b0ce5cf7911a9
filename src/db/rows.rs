//! Statements about single rows and columns that every backend understands, but for its own words.

use chrono::NaiveDateTime;

use super::{Column, Database, Dialect, Rows, Table, TableName};
use crate::clock;
use crate::error::{Error, Result};
use crate::record::Value;

/// Rows that a statement names one by one: SQL Server takes no more.
const ROWS_OF_VALUES_MAX: usize = 1_000;

/// Inserts rows into these columns, as many with a statement as the backend takes: the values of the first row, then those of
/// the next.
///
/// # Errors
/// What the database says.
pub(crate) fn insert(
    database: &mut dyn Database,
    table: &TableName,
    columns: &[&str],
    values: &[Value<'_>],
) -> Result<()> {
    let words = database.dialect();
    let names: Vec<String> = columns.iter().map(|column| words.name(column)).collect();
    let start = format!("INSERT INTO {} ({}) VALUES ", words.table(table), names.join(", "));
    let width = columns.len().max(1);
    for some in values.chunks((words.parameters_max / width).clamp(1, ROWS_OF_VALUES_MAX) * width) {
        let places = (1..=some.len()).step_by(width).map(|first| {
            let places: Vec<String> = (first..first + width).map(|number| format!("${number}")).collect();
            format!("({})", places.join(", "))
        });
        let places: Vec<String> = places.collect();
        database.execute(&format!("{start}{}", places.join(", ")), some)?;
    }
    Ok(())
}

/// Gives each row of a table: these columns, and those of them that are not `plain` as a source would have given them.
///
/// # Errors
/// What the database or `each` says.
pub(crate) fn each_of(
    database: &mut dyn Database,
    table: &TableName,
    columns: &[&Column],
    plain: &dyn Fn(&Column) -> bool,
    each: &mut dyn FnMut(Vec<Value<'static>>) -> Result<()>,
) -> Result<()> {
    let words = database.dialect();
    let list = selection(words, columns, plain).join(", ");
    database.each_row(&format!("SELECT {list} FROM {}", words.table(table)), &[], each).map(drop)
}

/// What a query selects to get columns, those of them that are not `plain` as a source would have given them.
pub(super) fn selection(words: &Dialect, columns: &[&Column], plain: &dyn Fn(&Column) -> bool) -> Vec<String> {
    let one = |column: &&Column| if plain(column) { words.name(&column.name) } else { words.selected(column) };
    columns.iter().map(one).collect()
}

/// Counts the rows of a table.
///
/// # Errors
/// What the database says.
pub(crate) fn count(database: &mut dyn Database, table: &TableName) -> Result<u64> {
    let rows = database.query(&format!("SELECT count(*) FROM {}", database.dialect().table(table)), &[])?;
    number(&rows, table)
}

/// The one number that a count gives.
///
/// # Errors
/// Failed, where it is none.
pub(super) fn number(rows: &Rows, table: &TableName) -> Result<u64> {
    match rows.rows.first().and_then(|row| row.first()) {
        Some(Value::Integer(count)) => Ok(count.unsigned_abs()),
        _ => Err(Error::failed(format!("count the rows of `{table}`"))),
    }
}

/// Deletes all rows of a table.
///
/// # Errors
/// What the database says: another table may refer to them.
pub(crate) fn delete_all(database: &mut dyn Database, table: &TableName) -> Result<()> {
    let sql = format!("DELETE FROM {}", database.dialect().table(table));
    database.execute(&sql, &[]).map(drop)
}

/// Some columns of the row of this number; `None` for one that is not there.
///
/// # Errors
/// What the database says: a column that is not there too.
pub(crate) fn row_of(
    database: &mut dyn Database,
    table: &TableName,
    columns: &[&str],
    id: i64,
) -> Result<Option<Vec<Value<'static>>>> {
    let words = database.dialect();
    let names: Vec<String> = columns.iter().map(|column| words.name(column)).collect();
    let sql = format!("SELECT {} FROM {} WHERE id = $1", names.join(", "), words.table(table));
    Ok(database.query(&sql, &[Value::Integer(id)])?.rows.into_iter().next())
}

/// Gives each text that a column of the active rows holds, once for each way in which it is written.
///
/// # Errors
/// What the database or `each` says.
pub(crate) fn spellings_active(
    database: &mut dyn Database,
    table: &Table,
    column: &Column,
    each: &mut dyn FnMut(Value<'static>) -> Result<()>,
) -> Result<()> {
    let words = database.dialect();
    let (name, column) = (words.table(&table.name), words.name(&column.name));
    let sql = format!("SELECT DISTINCT {column}, {} FROM {name} WHERE archive IS NULL", (words.as_spelled)(&column));
    database.each_row(&sql, &[], &mut |row| row.into_iter().next().map_or(Ok(()), &mut *each)).map(drop)
}

/// Whether a table has a row.
///
/// # Errors
/// What the database says.
pub(crate) fn has_rows(database: &mut dyn Database, table: &TableName) -> Result<bool> {
    let words = database.dialect();
    let sql = (words.first)(&format!("SELECT 1 FROM {}", words.table(table)));
    Ok(!database.query(&sql, &[])?.rows.is_empty())
}

/// Whether a row of a table has a value in a column.
///
/// # Errors
/// What the database says.
pub(crate) fn has_values(database: &mut dyn Database, table: &TableName, column: &str) -> Result<bool> {
    let words = database.dialect();
    let (table, column) = (words.table(table), words.name(column));
    let sql = (words.first)(&format!("SELECT 1 FROM {table} WHERE {column} IS NOT NULL"));
    Ok(!database.query(&sql, &[])?.rows.is_empty())
}

/// Deletes the rows that were archived at a moment; tells how many.
///
/// # Errors
/// What the database says.
pub(crate) fn delete_archived(database: &mut dyn Database, table: &TableName, moment: NaiveDateTime) -> Result<u64> {
    let sql = format!("DELETE FROM {} WHERE archive = $1", database.dialect().table(table));
    database.execute(&sql, &[Value::from(clock::text(moment))])
}

/// Drops a table.
///
/// # Errors
/// What the database says: something may need it.
pub(crate) fn drop_table(database: &mut dyn Database, table: &TableName) -> Result<()> {
    let sql = format!("DROP TABLE {}", database.dialect().table(table));
    database.execute(&sql, &[]).map(drop)
}

/// Drops a column.
///
/// # Errors
/// As [`drop_table`].
pub(crate) fn drop_column(database: &mut dyn Database, table: &TableName, column: &str) -> Result<()> {
    let words = database.dialect();
    let sql = format!("ALTER TABLE {} DROP COLUMN {}", words.table(table), words.name(column));
    database.execute(&sql, &[]).map(drop)
}
