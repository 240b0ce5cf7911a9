//! Copies a project from one database to another: the framework's tables, the history of merges, and the tables that were merged
//! into. Row numbers and values stay the same, and the target database takes everything in one transaction.

mod convert;
mod copy;
mod shape;
mod sum;

use serde::Serialize;

use crate::context::Context;
use crate::db::{self, Database, TableName, ledger, rows};
use crate::error::{Error, ErrorKind, Result};
use crate::record::Value;
use crate::settings::DatabaseSettings;
use crate::tables::{TABLES, is_codebook};

use copy::{Pair, copy};

/// A table that was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopiedTable {
    /// Its name there.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// Columns that are text there, because their types are known to the old database alone.
    pub as_text: Vec<String>,
}

/// Copies all rows of the framework's tables, of the history of merges and of the tables that were merged into. `to` has the
/// framework's tables, and nothing in them but codebooks. Each table is read back and compared with what was sent.
///
/// # Errors
/// Refused: `to` holds rows already; a table that cannot be made there. Failed: a value that does not fit, with its table
/// and column; a copy that differs. Nothing has changed then, but for tables that a database keeps whatever becomes of a
/// transaction; these are empty.
pub fn transfer(context: &Context, from: &DatabaseSettings, to: &DatabaseSettings) -> Result<Vec<CopiedTable>> {
    let (mut from, mut to) = (db::open(context, from)?, db::open(context, to)?);
    check_empty(to.as_mut())?;
    let others = merged_tables(from.as_mut(), to.as_mut())?;
    let is_made_inside = to.dialect().takes_shapes_back;
    let mut made = Vec::new();
    if !is_made_inside {
        for (there, here) in &others {
            made.push(shape::make_alone((from.as_mut(), to.as_mut()), (there, here), context.cancellation())?);
        }
        ledger::make(to.as_mut())?;
    }
    let ledger_name = ledger::name();
    let locked: Vec<&TableName> = others.iter().map(|(_, here)| here).collect();
    // who writes waits until all is read
    from.begin(&others.iter().map(|(there, _)| there).collect::<Vec<_>>(), context.cancellation())?;
    let copied = to.begin(&locked, context.cancellation()).and_then(|()| {
        let mut pair = Pair { from: from.as_mut(), to: to.as_mut(), cancellation: context.cancellation() };
        if is_made_inside {
            let tables = others.iter().map(|(there, here)| shape::make((pair.from, pair.to), (there, here)));
            made = tables.collect::<Result<_>>()?;
            ledger::make(pair.to)?;
        }
        let mut copied = Vec::new();
        for table in TABLES {
            if is_codebook(table) {
                rows::delete_all(pair.to, &table.parse()?)?;
            }
            copied.push(copy(&mut pair, &table.parse()?, &table.parse()?, &mut |_, value| Ok(value))?);
        }
        if ledger::is_there(pair.from)? {
            let rename = renaming(&others);
            copied.push(copy(&mut pair, &ledger_name, &ledger_name, &mut |column, value| match column {
                "table_name" => Ok(rename(value)),
                _ => Ok(value),
            })?);
        }
        for ((there, here), made) in others.iter().zip(&made) {
            let table = copy(&mut pair, there, here, &mut |_, value| Ok(value))?;
            if made.lacks_indexes {
                pair.to.finish_table(here, &[])?;
            }
            copied.push(CopiedTable { as_text: made.as_text.clone(), ..table });
        }
        pair.to.commit()?;
        Ok(copied)
    });
    from.rollback();
    if copied.is_err() {
        to.rollback();
    }
    copied
}

/// Counts what [`transfer`] would copy.
///
/// # Errors
/// What the database says.
pub fn count(context: &Context, from: &DatabaseSettings) -> Result<Vec<CopiedTable>> {
    let mut from = db::open(context, from)?;
    let mut tables: Vec<TableName> = TABLES.iter().map(|table| table.parse()).collect::<Result<_>>()?;
    if ledger::is_there(from.as_mut())? {
        tables.push(ledger::name());
    }
    tables.extend(own_tables(from.as_mut())?);
    let counted = tables.into_iter().map(|table| {
        let rows = rows::count(from.as_mut(), &table)?;
        Ok(CopiedTable { table: table.to_string(), rows, as_text: Vec::new() })
    });
    counted.collect()
}

/// Refuses a database in which something has happened already: two histories cannot be one.
fn check_empty(to: &mut dyn Database) -> Result<()> {
    for table in TABLES.into_iter().filter(|table| !is_codebook(table)) {
        if rows::has_rows(to, &table.parse()?)? {
            let what = format!("copy into this database: its table `{table}` has rows already");
            return Err(Error::new(ErrorKind::Refused, what)
                .hint("name an empty database as `main`; nothing was copied, and the old database is as it was"));
        }
    }
    Ok(())
}

/// The tables that were merged into and are still there, but for the framework's own.
fn own_tables(from: &mut dyn Database) -> Result<Vec<TableName>> {
    let mut found: Vec<TableName> = Vec::new();
    if !ledger::is_there(from)? {
        return Ok(found);
    }
    for name in ledger::tables(from)? {
        let name = from.canonical(&name.parse()?)?;
        let is_own = TABLES.contains(&name.name.as_str()) || found.contains(&name);
        if !is_own && from.table(&name)?.is_some() {
            found.push(name);
        }
    }
    Ok(found)
}

/// As [`own_tables`], each with its name in the new database: without its schema where that is the usual one.
fn merged_tables(from: &mut dyn Database, to: &mut dyn Database) -> Result<Vec<(TableName, TableName)>> {
    let mut pairs = Vec::new();
    for there in own_tables(from)? {
        let bare = TableName { schema: None, name: there.name.clone() };
        let here = if from.canonical(&bare)? == there { bare } else { there.clone() };
        pairs.push((there, to.canonical(&here)?));
    }
    Ok(pairs)
}

/// The history calls tables by their names in the new database.
fn renaming(others: &[(TableName, TableName)]) -> impl Fn(Value<'static>) -> Value<'static> {
    let names: Vec<(String, String)> =
        others.iter().map(|(there, here)| (there.to_string(), here.to_string())).collect();
    move |value| {
        let renamed = names.iter().find(|(there, _)| matches!(&value, Value::Text(text) if text == there));
        renamed.map_or(value.clone(), |(_, here)| Value::from(here.clone()))
    }
}
