//! Taking a run's merges back: what they inserted goes, what they archived is active again, in one transaction that
//! proves itself by the sum over the hashes of the active rows.

use std::fmt;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use crate::context::Cancellation;
use crate::db::past::{self, Standing};
use crate::db::{Connection, Database, Table, TableName, Touched, rows};
use crate::error::{Error, ErrorKind, Result};
use crate::merge::compare::active::active_hashes;
use crate::merge::history::{PastMerge, find, later, mark_undone, moved};
use crate::shell;

/// The point of the transaction before a column is dropped.
const POINT: &str = "drop_column";

/// One merge that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UndoneMerge {
    /// The merge's identity.
    pub merge: String,
    /// Its table.
    pub table: String,
    /// Rows that it had inserted, and that were deleted.
    pub removed: u64,
    /// Rows that it had archived, and that are active again.
    pub restored: u64,
    /// Whether the table, which it had made, was dropped.
    pub dropped: bool,
    /// Columns that it had added, and that were dropped.
    pub dropped_columns: Vec<String>,
    /// Active rows now.
    pub active: u64,
}

/// What `dc merge undo` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UndoReport {
    /// The run, or the merge, that was named.
    pub run: String,
    /// Its merges, the newest first.
    pub merges: Vec<UndoneMerge>,
    /// Whether it was only tried.
    pub dry_run: bool,
}

impl fmt::Display for UndoReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = shell::table(["table", "removed", "restored", "active"]);
        for merge in &self.merges {
            let active = if merge.dropped { "dropped".to_owned() } else { merge.active.to_string() };
            table.add_row([merge.table.clone(), merge.removed.to_string(), merge.restored.to_string(), active]);
        }
        let end = if self.dry_run {
            "dry run: nothing was changed"
        } else {
            "taken back; the hashes of the active rows prove it"
        };
        write!(formatter, "{table}\n{end}")
    }
}

/// Takes back what the merges of a run did in this database; `run` names a run or a single merge. All or nothing.
///
/// # Errors
/// Not found: no such run, or its table is gone. Refused: it was undone before, it deleted rows, or later merges
/// touched the same rows (they are named). The tables are as they were then.
pub fn undo(database: &mut Connection, run: &str, dry_run: bool, cancellation: &Cancellation) -> Result<UndoReport> {
    let name = database.name().to_owned();
    let backend = database.backend();
    let merges = find(backend, &name, run)?;
    let mut tables: Vec<TableName> = Vec::with_capacity(merges.len());
    for merge in &merges {
        tables.push(merge.table_name.parse()?);
    }
    let mut locked = tables.clone();
    locked.sort();
    locked.dedup();
    backend.begin(&locked.iter().collect::<Vec<_>>(), cancellation)?;
    let done =
        merges.iter().zip(&tables).map(|(merge, table)| take_back(backend, merge, table, cancellation)).collect();
    let done: Result<Vec<UndoneMerge>> = done;
    let ended = done.and_then(|mut done| {
        cancellation.check()?;
        if dry_run {
            backend.rollback();
            return Ok(done);
        }
        backend.commit()?;
        if !backend.dialect().takes_shapes_back {
            done.iter_mut().zip(&tables).for_each(|(merge, table)| drop_shape_for_good(backend, merge, table));
        }
        Ok(done)
    });
    match ended {
        Ok(merges) => {
            if !dry_run {
                database.note(locked.iter().map(Touched::written_table).collect());
            }
            Ok(UndoReport { run: run.to_owned(), merges, dry_run })
        }
        Err(error) => {
            backend.rollback();
            Err(error)
        }
    }
}

fn take_back(
    backend: &mut dyn Database,
    merge: &PastMerge,
    name: &TableName,
    cancellation: &Cancellation,
) -> Result<UndoneMerge> {
    let Some(table) = backend.table(name)? else {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("undo the merge into `{name}`: the table is not there any more"),
        ));
    };
    check_standing(backend, merge, name)?;
    let before = sum_of(backend, &table, cancellation)?;
    let removed = past::remove_inserted(backend, name, merge.moment)?;
    let restored = past::activate_archived(backend, name, merge.moment)?;
    let after = sum_of(backend, &table, cancellation)?;
    let is_proven = after.sum == before.sum.wrapping_sub(moved(merge)?)
        && (removed, restored) == (merge.inserted, merge.retired)
        && after.rows + removed == before.rows + restored;
    if !is_proven {
        let what = format!(
            "undo the merge into `{name}`: afterwards the active rows are not those from before it; everything was rolled back"
        );
        return Err(Error::failed(what)
            .hint("rows of it were changed by hand since; `dc merge show` tells how the table stood"));
    }
    let dropped = merge.created && !rows::has_rows(backend, name)?;
    let mut dropped_columns = Vec::new();
    for column in merge.added_columns.iter().filter(|_| !dropped) {
        if !rows::has_values(backend, name, column)? {
            dropped_columns.push(column.clone());
        }
    }
    mark_undone(backend, merge)?;
    let (merge, table) = (merge.id.clone(), merge.table_name.clone());
    let mut undone = UndoneMerge { merge, table, removed, restored, dropped, dropped_columns, active: after.rows };
    if backend.dialect().takes_shapes_back {
        drop_shape(backend, &mut undone, name)?;
    }
    Ok(undone)
}

/// Refuses what cannot be taken back, and says why.
fn check_standing(backend: &mut dyn Database, merge: &PastMerge, name: &TableName) -> Result<()> {
    let refused =
        |why: String| Error::new(ErrorKind::Refused, format!("undo the merge {} into `{name}`: {why}", merge.id));
    if let Some(undone) = &merge.undone {
        return Err(refused(format!("it was undone already, at {undone} UTC")));
    }
    if merge.gone == "delete" && merge.retired > 0 {
        return Err(refused(format!("it deleted {} rows, and nothing keeps them", merge.retired))
            .hint("merge an older edition of the source again; `--gone archive` keeps what goes"));
    }
    let Standing { inserted, archived, returned } = past::standing(backend, name, merge.moment)?;
    if (inserted, archived, returned) == (merge.inserted, merge.retired, 0) {
        return Ok(());
    }
    let mut why = Vec::new();
    if inserted != merge.inserted {
        why.push(format!("of {} rows that it inserted, {inserted} are still active", merge.inserted));
    }
    if archived != merge.retired {
        why.push(format!("of {} rows that it archived, {archived} are still as it left them", merge.retired));
    }
    if returned > 0 {
        why.push(format!("{returned} rows that it archived have come back"));
    }
    let later = later(backend, merge)?;
    let hint = match later.first() {
        Some(newest) => {
            format!("later merges touched them; undo those first, the newest is `dc merge undo {}`", newest.id)
        }
        None => "they were changed by other means than dc".to_owned(),
    };
    Err(refused(why.join("; ")).hint(hint))
}

/// The active rows of a table: how many, and the sum over the first halves of their hashes.
struct ActiveSet {
    rows: u64,
    sum: u128,
}

fn sum_of(backend: &mut dyn Database, table: &Table, cancellation: &Cancellation) -> Result<ActiveSet> {
    let active = active_hashes(backend, table, &[Vec::new()], (cancellation, &AtomicBool::new(false)))?;
    Ok(ActiveSet { rows: active.count(), sum: active.sum() })
}

/// Drops what the merge had made and holds nothing any more. A column that something else needs stays.
fn drop_shape(backend: &mut dyn Database, undone: &mut UndoneMerge, table: &TableName) -> Result<()> {
    if undone.dropped {
        return rows::drop_table(backend, table);
    }
    for column in std::mem::take(&mut undone.dropped_columns) {
        backend.set_point(POINT)?;
        match rows::drop_column(backend, table, &column) {
            Ok(()) => {
                backend.drop_point(POINT)?;
                undone.dropped_columns.push(column);
            }
            Err(error) => {
                stays(&column, table, &error);
                backend.back_to_point(POINT)?;
            }
        }
    }
    Ok(())
}

/// As [`drop_shape`], where it cannot be part of the transaction: afterwards, when nothing is at stake any more.
fn drop_shape_for_good(backend: &mut dyn Database, undone: &mut UndoneMerge, table: &TableName) {
    if undone.dropped
        && let Err(error) = rows::drop_table(backend, table)
    {
        log::warn!("the empty table `{table}` stays: {error}");
        undone.dropped = false;
    }
    undone.dropped_columns.retain(|column| match rows::drop_column(backend, table, column) {
        Ok(()) => true,
        Err(error) => {
            stays(column, table, &error);
            false
        }
    });
}

fn stays(column: &str, table: &TableName, error: &Error) {
    log::warn!("the empty column `{column}` stays in `{table}`: {error}");
}
