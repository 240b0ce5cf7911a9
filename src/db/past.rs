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
