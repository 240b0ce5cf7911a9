//! The table that a merge goes into, as it stands: looking at it finds the errors that need no reading.

use super::description::Merge;
use super::flags::check_flags;
use super::names::{no_such_column, own_column};
use super::scope::Part;
use crate::db::{Column, Database, Table, TableName, scope_of};
use crate::error::{Error, ErrorKind, Result};
use crate::record::Value;

/// The table as it stands; an error names the flag that would help.
pub(crate) fn look(
    merge: &Merge,
    backend: &mut dyn Database,
    name: &TableName,
    database: &str,
) -> Result<Option<Table>> {
    check_flags(merge)?;
    let Some(table) = backend.table(name)? else {
        if merge.create {
            return Ok(None);
        }
        return Err(Error::new(ErrorKind::NotFound, format!("find the table `{name}` in the database `{database}`"))
            .hint(format!("make it from the input: `dc merge {name} ... --create`")));
    };
    let missing = table.missing_for_merge();
    if !missing.is_empty() {
        let what =
            format!("use the table `{name}`: it lacks the column `{}`, which a merge needs", missing.join("`, `"));
        return Err(Error::new(ErrorKind::NotFound, what).hint(
            "let `--create` make a table under another name, or add the columns by hand (dc-merge(1) lists them)",
        ));
    }
    table.check_for_merge()?;
    if !merge.evolve {
        key_columns(merge, &table)?;
    }
    Ok(Some(table))
}

/// The key columns of a table.
pub(crate) fn key_columns(merge: &Merge, table: &Table) -> Result<Vec<Column>> {
    merge.key.iter().map(|name| column_of("--key", merge, table, name).cloned()).collect()
}

/// The column that a flag names.
fn column_of<'a>(flag: &str, merge: &Merge, table: &'a Table, name: &str) -> Result<&'a Column> {
    if !(merge.own_id && name == "id")
        && let Some(error) = own_column(flag, name)
    {
        return Err(error);
    }
    table.column(name).ok_or_else(|| {
        let known: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        no_such_column(flag, name, &format!("the table `{}`", table.name), &known)
    })
}

/// The scope by the kinds of the table's columns.
pub(crate) fn scope_in(merge: &Merge, table: &Table) -> Result<Vec<Part>> {
    let one = |(column, value): &(String, String)| {
        column_of("--scope", merge, table, column)?;
        let (column, value) = scope_of(table, column, &scope_value(value))?;
        Ok(Part::new(column, value, merge))
    };
    merge.scope.iter().map(one).collect()
}

/// An empty value stands for null.
pub(crate) fn scope_value(text: &str) -> Value<'_> {
    if text.is_empty() { Value::Null } else { Value::from(text) }
}
