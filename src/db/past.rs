//! The rows of a table by the moments of merges: what one inserted, what it archived, and how the table stood.

use chrono::NaiveDateTime;

use super::rows::{number, selection};
use super::{Column, Database, TableName};
use crate::clock;
use crate::error::Result;
use crate::hash::RESERVED;
use crate::record::Value;

/// What is left of a merge in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Rows that it inserted and that are active.
    pub(crate) inserted: u64,
    /// Rows that it archived and that still are.
    pub(crate) archived: u64,
    /// Those of them of whose hash another row is active.
    pub(crate) returned: u64,
}

/// What is left of the merge at `moment`.
///
/// # Errors
/// What the database says.
pub(crate) fn standing(database: &mut dyn Database, table: &TableName, moment: NaiveDateTime) -> Result<Standing> {
    let name = database.dialect().table(table);
    let moment = [Value::from(clock::text(moment))];
    let mut count = |condition: &str| -> Result<u64> {
        let rows = database.query(&format!("SELECT count(*) FROM {name} AS own WHERE {condition}"), &moment)?;
        number(&rows, table)
    };
    Ok(Standing {
        inserted: count("own.date_created = $1 AND own.archive IS NULL")?,
        archived: count("own.archive = $1")?,
        returned: count(&format!(
            "own.archive = $1 AND EXISTS (SELECT 1 FROM {name} AS other WHERE other.sha = own.sha AND other.archive IS NULL)"
        ))?,
    })
}

/// Deletes the active rows that were inserted at `moment`; tells how many.
///
/// # Errors
/// What the database says.
pub(crate) fn remove_inserted(database: &mut dyn Database, table: &TableName, moment: NaiveDateTime) -> Result<u64> {
    let name = database.dialect().table(table);
    let sql = format!("DELETE FROM {name} WHERE date_created = $1 AND archive IS NULL");
    database.execute(&sql, &[Value::from(clock::text(moment))])
}

/// Makes the rows active that were archived at `moment`; tells how many.
///
/// # Errors
/// What the database says.
pub(crate) fn activate_archived(database: &mut dyn Database, table: &TableName, moment: NaiveDateTime) -> Result<u64> {
    let name = database.dialect().table(table);
    let sql = format!("UPDATE {name} SET archive = NULL, date_modified = NULL WHERE archive = $1");
    database.execute(&sql, &[Value::from(clock::text(moment))])
}

/// Gives the rows that were active at `moment`, or are now, in the order of `id` where there is one: these columns, of types
/// that only the server knows as text.
///
/// # Errors
/// What the database or `each` says.
pub(crate) fn rows_at(
    database: &mut dyn Database,
    (table, has_id): (&TableName, bool),
    columns: &[&Column],
    moment: Option<NaiveDateTime>,
    each: &mut dyn FnMut(Vec<Value<'static>>) -> Result<()>,
) -> Result<()> {
    let words = database.dialect();
    // of the framework's own columns every driver knows the types, and gives their moments alike
    let mut list = selection(words, columns, &|column| RESERVED.contains(&column.name.as_str()));
    if list.is_empty() {
        // a row without columns of its own is still a row
        list.push("NULL".to_owned());
    }
    let order = if has_id { " ORDER BY id" } else { "" };
    let (condition, values) = match moment {
        None => ("archive IS NULL", Vec::new()),
        Some(moment) => {
            ("date_created <= $1 AND (archive IS NULL OR archive > $1)", vec![Value::from(clock::text(moment))])
        }
    };
    let sql = format!("SELECT {} FROM {} WHERE {condition}{order}", list.join(", "), words.table(table));
    database.each_row(&sql, &values, each).map(drop)
}

/// What a merge did to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// It inserted it.
    Inserted,
    /// It archived it.
    Archived,
}

/// The highest number of a row; 0 in an empty table.
///
/// # Errors
/// What the database says.
pub(crate) fn highest_id(database: &mut dyn Database, table: &TableName) -> Result<i64> {
    let words = database.dialect();
    let sql = format!("SELECT max({}) FROM {}", words.name("id"), words.table(table));
    Ok(match database.query(&sql, &[])?.rows.first().and_then(|row| row.first()) {
        Some(Value::Integer(id)) => *id,
        _ => 0,
    })
}

/// Gives the rows that the merge at `moment` inserted or archived, with numbers from `start` on and below `end`, at most so
/// many, the highest first: the number, then these columns.
///
/// # Errors
/// What the database or `each` says.
pub(crate) fn rows_of(
    database: &mut dyn Database,
    table: &TableName,
    columns: &[&Column],
    (side, moment): (Side, NaiveDateTime),
    (start, end, count): (i64, i64, usize),
    each: &mut dyn FnMut(Vec<Value<'static>>) -> Result<()>,
) -> Result<()> {
    let words = database.dialect();
    let mut list = vec![words.name("id")];
    list.extend(selection(words, columns, &|_| false));
    let at = match side {
        Side::Inserted => "date_created",
        Side::Archived => "archive",
    };
    let (list, table, id) = (list.join(", "), words.table(table), words.name("id"));
    let end_of_list = match database.backend() {
        "mssql" => format!("OFFSET 0 ROWS FETCH NEXT {count} ROWS ONLY"),
        _ => format!("LIMIT {count}"),
    };
    let sql = format!(
        "SELECT {list} FROM {table} WHERE {at} = $1 AND {id} >= $2 AND {id} < $3 ORDER BY {id} DESC {end_of_list}"
    );
    let values = [Value::from(clock::text(moment)), Value::Integer(start), Value::Integer(end)];
    database.each_row(&sql, &values, each).map(drop)
}
