//! The tables that were merged into, made where they are not there.

use crate::context::Cancellation;
use crate::db::{Database, Kind, NewColumn, Table, TableName, rows};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::RESERVED;

/// What became of a table before its rows come.
pub(super) struct Made {
    /// Whether it was made, and gets its indexes when it is filled.
    pub(super) lacks_indexes: bool,
    /// Columns that are text there, because their types are known to the old database alone.
    pub(super) as_text: Vec<String>,
}

/// Makes a table as another database has it. One that is there stays, if it is empty.
pub(super) fn make(
    (from, to): (&mut dyn Database, &mut dyn Database),
    (there, here): (&TableName, &TableName),
) -> Result<Made> {
    if to.table(here)?.is_some() {
        if rows::has_rows(to, here)? {
            let what = format!("copy `{there}`: there is a table `{here}` already, and it has rows");
            return Err(Error::new(ErrorKind::Refused, what).hint(format!("move it away, or empty it: `{here}`")));
        }
        return Ok(Made { lacks_indexes: false, as_text: Vec::new() });
    }
    let missing = || Error::new(ErrorKind::NotFound, format!("find the table `{there}`"));
    let table = from.table(there)?.ok_or_else(missing)?;
    check_own_columns(&table)?;
    let is_same_backend = from.backend() == to.backend();
    let mut as_text = Vec::new();
    let own = table.columns.iter().filter(|column| !column.is_generated && !RESERVED.contains(&column.name.as_str()));
    let columns: Vec<NewColumn> = own
        .map(|column| {
            let (kind, declared) = match column.kind {
                _ if is_same_backend => (column.kind, Some(column.declared.clone())),
                Kind::Other(_) | Kind::Array(_) => {
                    as_text.push(column.name.clone());
                    (Kind::Text, None)
                }
                // each number stays, whatever it was
                Kind::Number | Kind::Decimal { .. } => (Kind::Numeric, None),
                Kind::Short { .. } => (Kind::Text, None),
                Kind::Real => (Kind::Float, None),
                kind => (kind, None),
            };
            NewColumn { name: column.name.clone(), kind, declared }
        })
        .collect();
    to.create_table(here, &columns)?;
    Ok(Made { lacks_indexes: true, as_text })
}

/// As [`make`], with its indexes and in a transaction of its own: where a change of shape ends the transaction, nothing that is
/// copied may be in it.
pub(super) fn make_alone(
    (from, to): (&mut dyn Database, &mut dyn Database),
    (there, here): (&TableName, &TableName),
    cancellation: &Cancellation,
) -> Result<Made> {
    to.begin(&[here], cancellation)?;
    let made = make((from, &mut *to), (there, here)).and_then(|made| {
        if made.lacks_indexes {
            to.finish_table(here, &[])?;
        }
        to.commit()?;
        Ok(Made { lacks_indexes: false, ..made })
    });
    if made.is_err() {
        to.rollback();
    }
    made
}

/// Refuses a table whose framework's columns are not as dc makes them: another database would have them otherwise.
fn check_own_columns(table: &Table) -> Result<()> {
    let is_usual = |name: &str, is_right: &dyn Fn(Kind) -> bool| table.column(name).is_none_or(|it| is_right(it.kind));
    let has_number = is_usual("id", &|kind| matches!(kind, Kind::Integer { .. } | Kind::Number));
    if has_number && !table.sha_is_text() {
        return Ok(());
    }
    let what = format!("copy `{}`: its columns `id` or `sha` are not of the types that dc gives them", table.name);
    Err(Error::new(ErrorKind::Refused, what)
        .hint("make the table in the new database as it shall be, empty; then its rows are copied"))
}
