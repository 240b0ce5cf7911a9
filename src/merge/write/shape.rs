//! The table, made for what the input holds, or with the columns that it lacks.

use crate::db::{Database, NewColumn, Table, TableName};
use crate::error::{Error, Result};
use crate::merge::plan::target::key_columns;
use crate::merge::read::ground::Ground;
use crate::merge::read::scan::foresee;
use crate::merge::read::survey::Survey;

/// The ground with its table: made for the whole input, or, where the headers of the input tell of more columns, with these.
/// And the columns that were added.
pub(crate) fn shape<'a>(ground: Ground<'a>, backend: &mut dyn Database) -> Result<(Ground<'a>, Table, Vec<String>)> {
    match ground.table.clone() {
        None => {
            let survey = foresee(&ground, None)?;
            let table = make_table(&ground, backend, &ground.columns_to_make(&survey))?;
            Ok((ground.over(&table)?, table, Vec::new()))
        }
        Some(table) => {
            let survey = ground.survey.clone();
            add_columns(ground, table, backend, &survey)
        }
    }
}

/// Adds the columns of a survey that the table lacks, if that was asked for; gives their names.
pub(crate) fn add_columns<'a>(
    ground: Ground<'a>,
    table: Table,
    backend: &mut dyn Database,
    survey: &Survey,
) -> Result<(Ground<'a>, Table, Vec<String>)> {
    let columns = ground.columns_to_make(survey);
    if columns.is_empty() {
        return Ok((ground, table, Vec::new()));
    }
    backend.add_columns(ground.name, &columns)?;
    let table = found(ground.name, backend)?;
    Ok((ground.over(&table)?, table, columns.into_iter().map(|column| column.name).collect()))
}

/// Makes the table, without its indexes.
pub(crate) fn make_table(ground: &Ground<'_>, backend: &mut dyn Database, columns: &[NewColumn]) -> Result<Table> {
    backend.create_table(ground.name, columns)?;
    let table = found(ground.name, backend)?;
    key_columns(ground.merge, &table)?;
    Ok(table)
}

/// A table that is there.
pub(crate) fn found(name: &TableName, backend: &mut dyn Database) -> Result<Table> {
    let table = backend.table(name)?;
    table.ok_or_else(|| Error::failed(format!("find the table `{name}` that was just made or changed")))
}
