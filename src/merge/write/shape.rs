//! The table, made or widened to what the input holds.

use crate::db::{Database, NewColumn, Table};
use crate::error::{Error, Result};
use crate::merge::plan::target::key_columns;
use crate::merge::read::ground::Ground;
use crate::merge::read::survey::Survey;

/// The table, made or widened if that was asked for; and the columns that were added.
pub(crate) fn shape(ground: &Ground<'_>, backend: &mut dyn Database, survey: &Survey) -> Result<(Table, Vec<String>)> {
    let columns = ground.columns_to_make(survey);
    let Some(table) = &ground.table else {
        return Ok((make_table(ground, backend, &columns)?, Vec::new()));
    };
    if columns.is_empty() {
        return Ok((table.clone(), Vec::new()));
    }
    backend.add_columns(ground.name, &columns)?;
    Ok((found(ground, backend)?, columns.into_iter().map(|column| column.name).collect()))
}

/// Makes the table, without its indexes.
pub(crate) fn make_table(ground: &Ground<'_>, backend: &mut dyn Database, columns: &[NewColumn]) -> Result<Table> {
    backend.create_table(ground.name, columns)?;
    found(ground, backend)
}

fn found(ground: &Ground<'_>, backend: &mut dyn Database) -> Result<Table> {
    let table = backend.table(ground.name)?;
    let table = table.ok_or_else(|| Error::failed(format!("find the table `{}` that was just made", ground.name)))?;
    key_columns(ground.merge, &table)?;
    Ok(table)
}
