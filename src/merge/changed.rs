//! The rows that one merge brought, and those that it retired, in pages from the newest row on.

use std::time::{Duration, Instant};

use crate::db::past::{Side, highest_id, rows_of};
use crate::db::{Column, Connection, Kind, TableName};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{RESERVED, write_json};
use crate::merge::history::{PastMerge, find};
use crate::merge::show::shown;
use crate::record::Value;

/// So many numbers of rows are looked through with a statement.
const SPAN: i64 = 100_000;
/// How long rows are looked for; whoever wants more asks again from there.
const TIME_MAX: Duration = Duration::from_secs(3);

/// Which rows of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedSide {
    /// Those that it inserted: new ones, and changed ones as they are since.
    New,
    /// Those that it archived: vanished ones, and changed ones as they were.
    Gone,
}

/// A page of the rows that a merge changed.
#[derive(Debug, Clone)]
pub struct ChangedRowsPage {
    /// The merge.
    pub merge: PastMerge,
    /// The columns of the table, without the framework's own.
    pub columns: Vec<String>,
    /// The rows as JSON, a value for each column, with the number of each; the newest first.
    pub rows: Vec<(i64, Vec<String>)>,
    /// The number below which the next page begins.
    pub next: Option<i64>,
}

/// Gives a page of the rows that a merge changed: of this identity, or the newest of this run; below this number of a row.
///
/// # Errors
/// Not found: the merge, or a table without what it takes. What the database says.
pub fn changed(
    database: &mut Connection,
    id: &str,
    side: ChangedSide,
    (below, count): (Option<i64>, usize),
) -> Result<ChangedRowsPage> {
    let database_name = database.name().to_owned();
    let none = || Error::new(ErrorKind::NotFound, format!("find the merge {id}"));
    let merge = find(database.backend(), &database_name, id)?.into_iter().next().ok_or_else(none)?;
    let name: TableName = merge.table_name.parse()?;
    let shape = database.table(&name)?;
    let has_id = shape.column("id").is_some_and(|column| matches!(column.kind, Kind::Integer { .. }));
    if !shape.missing_for_merge().is_empty() || !has_id {
        let what =
            format!("show the rows of a merge into `{name}`: it has no column `id` of whole numbers, or no history");
        let hint = format!("dc merge show {name} --as-of {}", merge.id);
        return Err(Error::new(ErrorKind::NotFound, what).hint(hint));
    }
    let own = |column: &&Column| !RESERVED.contains(&column.name.as_str());
    let columns: Vec<&Column> = shape.columns.iter().filter(own).collect();
    let kept = match side {
        ChangedSide::New => Side::Inserted,
        ChangedSide::Gone => Side::Archived,
    };
    let backend = database.backend();
    let began = Instant::now();
    let mut end = match below {
        Some(below) => below,
        None => highest_id(backend, &name)?.saturating_add(1),
    };
    let mut rows: Vec<(i64, Vec<String>)> = Vec::new();
    // span by span, so that no statement reads through all of a large table
    while rows.len() <= count && end > 0 && began.elapsed() < TIME_MAX {
        let start = end.saturating_sub(SPAN).max(0);
        let wanted = count + 1 - rows.len();
        rows_of(backend, &name, &columns, (kept, merge.moment), (start, end, wanted), &mut |mut row| {
            let Some(Value::Integer(id)) = row.first().cloned() else { return Ok(()) };
            let values = columns.iter().zip(row.drain(1..)).map(|(column, value)| text(shown(value, column)));
            rows.push((id, values.collect()));
            Ok(())
        })?;
        end = start;
    }
    let next = match rows.len() > count {
        true => {
            rows.truncate(count);
            rows.last().map(|(id, _)| *id)
        }
        false => Some(end).filter(|end| *end > 0),
    };
    let columns = columns.iter().map(|column| column.name.clone()).collect();
    Ok(ChangedRowsPage { merge, columns, rows, next })
}

/// A value as people read it in a cell: a text as it is, all else as JSON.
fn text(value: Value<'_>) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => text.into_owned(),
        other => {
            let mut line = Vec::new();
            write_json(&other, &mut line);
            String::from_utf8_lossy(&line).into_owned()
        }
    }
}
