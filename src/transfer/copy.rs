//! The rows of one table: read once, converted, sent many at a time, and read back to be compared.

use super::CopiedTable;
use super::convert::{Moments, Way};
use super::sum::Sum;
use crate::context::Cancellation;
use crate::db::{Column, Database, Kind, Table, TableName, rows};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::RESERVED;
use crate::record::Value;
use crate::tables::{ROW_KEY, TABLES};

/// Rows are sent on when so many wait.
const ROWS_MAX: usize = 500;
/// Rows are sent on when they hold so many bytes of text: servers bound what one statement may bring.
const BYTES_MAX: usize = 1 << 20;

/// The two databases.
pub(super) struct Pair<'a> {
    pub(super) from: &'a mut dyn Database,
    pub(super) to: &'a mut dyn Database,
    pub(super) cancellation: &'a Cancellation,
}

/// Copies the rows of a table; `change` may give a value otherwise, by its column.
pub(super) fn copy(
    pair: &mut Pair<'_>,
    there: &TableName,
    here: &TableName,
    change: &mut dyn FnMut(&str, Value<'static>) -> Result<Value<'static>>,
) -> Result<CopiedTable> {
    let (source, target) = (shape(pair.from, there)?, shape(pair.to, here)?);
    let columns = common(&source, &target)?;
    let names: Vec<&str> = columns.iter().map(|way| way.to.name.as_str()).collect();
    let (mut waiting, mut bytes, mut sent) = (Vec::new(), 0, Sum::new(columns.len()));
    let from: Vec<&Column> = columns.iter().map(|way| way.from).collect();
    let (to, cancellation) = (&mut *pair.to, pair.cancellation);
    rows::each_of(pair.from, there, &from, &is_plain(there), &mut |row| {
        let start = waiting.len();
        for (way, value) in columns.iter().zip(row) {
            let value = change(&way.from.name, value)?;
            waiting.push(way.converted(value).map_err(|error| error.within(format!("copy `{there}`")))?);
        }
        sent.add(&waiting[start..]);
        bytes += waiting[start..].iter().map(size).sum::<usize>();
        if waiting.len() >= ROWS_MAX * columns.len() || bytes >= BYTES_MAX {
            cancellation.check()?;
            rows::insert(to, here, &names, &waiting)?;
            waiting.clear();
            bytes = 0;
        }
        Ok(())
    })?;
    rows::insert(pair.to, here, &names, &waiting)?;
    if columns.iter().any(|Way { to, .. }| to.name == "id" && matches!(to.kind, Kind::Integer { .. })) {
        pair.to.settle_ids(&target)?;
    }
    check(pair, here, &columns, &sent)?;
    Ok(CopiedTable { table: here.to_string(), rows: sent.rows, as_text: Vec::new() })
}

/// Which columns are read as the driver gives them: those of dc's own, of whose types every driver knows all.
fn is_plain(table: &TableName) -> impl Fn(&Column) -> bool {
    let is_own = TABLES.contains(&table.name.as_str());
    move |column| is_own || RESERVED.contains(&column.name.as_str())
}

/// Reads a table back, and compares it with what was sent into it.
fn check(pair: &mut Pair<'_>, here: &TableName, columns: &[Way<'_>], sent: &Sum) -> Result<()> {
    let mut stored = Sum::new(columns.len());
    let to: Vec<&Column> = columns.iter().map(|way| way.to).collect();
    rows::each_of(pair.to, here, &to, &is_plain(here), &mut |row| {
        let values = columns.iter().zip(row).map(|(way, value)| way.converted(value));
        stored.add(&values.collect::<Result<Vec<_>>>()?);
        Ok(())
    })?;
    if stored == *sent {
        return Ok(());
    }
    let differing: Vec<&str> =
        stored.differing(sent).into_iter().map(|place| columns[place].to.name.as_str()).collect();
    let what = match stored.rows == sent.rows {
        true => format!("copy `{here}`: values of `{}` are not stored as they were sent", differing.join("`, `")),
        false => format!("copy `{here}`: {} rows were sent, and {} are stored", sent.rows, stored.rows),
    };
    Err(Error::failed(what).hint("nothing was kept; somebody may have written to it meanwhile, so try again"))
}

fn shape(database: &mut dyn Database, name: &TableName) -> Result<Table> {
    let missing = || Error::new(ErrorKind::NotFound, format!("find the table `{name}`"));
    database.table(name)?.ok_or_else(missing)
}

/// The columns that are copied, in both tables. One that the new table lacks is an error; one that a database fills itself
/// is left to it.
fn common<'t>(source: &'t Table, target: &'t Table) -> Result<Vec<Way<'t>>> {
    let is_own = TABLES.contains(&target.name.name.as_str());
    let mut ways = Vec::with_capacity(source.columns.len());
    let is_key = |column: &Column| is_own && column.name == ROW_KEY;
    for from in source.columns.iter().filter(|column| !column.is_generated && !is_key(column)) {
        let Some(to) = target.column(&from.name) else {
            let what = format!("copy `{}`: the table there has no column `{}`", source.name, from.name);
            return Err(Error::new(ErrorKind::NotFound, what));
        };
        if !to.is_generated {
            let is_ours = is_own || RESERVED.contains(&from.name.as_str());
            let moments = if is_ours { Moments::of(is_own, [from, to]) } else { None };
            ways.push(Way { from, to, moments });
        }
    }
    Ok(ways)
}

fn size(value: &Value<'_>) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => size_of::<Value<'_>>(),
    }
}
