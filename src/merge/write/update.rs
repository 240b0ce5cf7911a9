//! Rows that are changed in place instead of making way for a new one: no history, and nothing goes.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::load::Load;
use crate::db::update::{RowUpdate, keys_with_several_rows, update_by_key};
use crate::db::{Column, Database};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Canonical, hash_bytes};
use crate::merge::plan::description::Merge;
use crate::merge::plan::progress::Progress;
use crate::merge::plan::target::key_columns;
use crate::merge::read::again::{Again, each_selected, read_again};
use crate::merge::spool::Spool;
use crate::record::Value;

/// What was changed in place.
pub(crate) struct Updated {
    /// Rows.
    pub(crate) rows: u64,
    /// The records whose key no row has: they are inserted.
    pub(crate) rest: Spool,
}

/// Changes the active rows that have the keys of these records. A key that is null has no row.
///
/// # Errors
/// Failed, with the place of the record: what the database says; a key that two records or two rows have.
pub(crate) fn update(backend: &mut dyn Database, load: &Load<'_>) -> Result<Updated> {
    let Load { ground, table, new, moment } = load;
    let (merge, sources) = (ground.merge, ground.sources);
    merge.progress.tell(Progress::Writing { records: new.count() });
    let keys: Vec<Column> = key_columns(merge, table)?;
    let written = ground.written_columns(table);
    let mut updated = Updated { rows: 0, rest: Spool::by_place(ground.end()) };
    let mut form = Canonical::keeping_digits();
    let mut again = Again::new(sources);
    each_selected(sources, new, &merge.cancellation, |bytes, source, entry| {
        let record = read_again(sources, &ground.reader, (bytes, source, entry))?;
        let value = |column: &Column| record.get(&column.name).cloned().unwrap_or(Value::Null);
        let key: Vec<(&Column, Value<'_>)> = keys.iter().map(|column| (column, value(column))).collect();
        let has_null = key.iter().any(|(_, value)| *value == Value::Null);
        let is_set =
            |column: &&Column| record.get(&column.name).is_some() && !keys.iter().any(|key| key.name == column.name);
        let set: Vec<(&Column, Value<'_>)> =
            written.iter().filter(is_set).map(|column| (column, value(column))).collect();
        let sha = hash_bytes(form.of(&record, &merge.hash));
        let row = RowUpdate { key: &key, set: &set, sha, moment: *moment };
        let count = if has_null {
            0
        } else {
            update_by_key(backend, table, &row).map_err(|error| told(&mut again, load, entry.place, error))?
        };
        match count {
            0 => updated.rest.push(entry)?,
            1 => updated.rows += 1,
            _ => {
                let why = Error::failed(format!("{count} active rows have its key"));
                return Err(told(&mut again, load, entry.place, why));
            }
        }
        merge.progress.tell(Progress::Advanced(1));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(updated)
}

fn told(again: &mut Again<'_>, load: &Load<'_>, place: u64, error: Error) -> Error {
    let (source, line) = again.line(place);
    let source = &load.ground.sources[source];
    error.within(format!("update the row of the record in {}, {} {}", source.name, source.unit(), source.place(line)))
}

/// Refuses a table in which several active rows have one key, after the change: two records of the input have it, or two
/// rows had.
///
/// # Errors
/// Refused, with their number.
pub(crate) fn check_keys(backend: &mut dyn Database, load: &Load<'_>) -> Result<()> {
    let Merge { key, table, .. } = load.ground.merge;
    let keys = key_columns(load.ground.merge, load.table)?;
    match keys_with_several_rows(backend, load.table, &keys)? {
        0 => Ok(()),
        count => {
            let key: Vec<Cow<'_, str>> = key.iter().map(|name| Cow::Owned(format!("`{name}`"))).collect();
            let what = format!(
                "update `{table}` by {}: {count} of its values would have several active rows each",
                key.join(", ")
            );
            Err(Error::new(ErrorKind::Refused, what)
                .hint("name the columns that tell records apart: `--key A,B`; nothing was changed"))
        }
    }
}
