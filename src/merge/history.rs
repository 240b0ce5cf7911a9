//! The merges that changed something, in the table `dc_merges` of the database that they changed. It is written in
//! the merge's own transaction, so it tells neither more nor less than what happened.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;

use crate::clock;
use crate::db::ledger::{self, Names};
use crate::db::{Connection, Database, Right, TableName};
use crate::error::{Error, ErrorKind, Result};
use crate::merge::nearest::nearest;
use crate::record::Value;

pub use crate::db::ledger::PastMerge;
pub(super) use crate::db::ledger::TakenInput;

/// What its owner lets other roles do, so that they keep a history too.
const GRANT: &str = "let its owner allow it: GRANT SELECT, INSERT, UPDATE ON dc_merges TO role";
/// How the table comes to be where this role may not make it.
const MAKE: &str = "let somebody merge once who may make tables in this database";
/// The point of a transaction to which it goes back where this role may not write to the table.
const POINT: &str = "ledger";

/// By how much a merge moved the sum over the active rows.
pub(super) fn moved(merge: &PastMerge) -> Result<u128> {
    Ok(sum(&merge.set_after)?.wrapping_sub(sum(&merge.set_before)?))
}

/// The sum of a set of hashes as it is kept.
pub(super) fn set_text(sum: u128) -> String {
    format!("{sum:032x}")
}

fn sum(hex: &str) -> Result<u128> {
    u128::from_str_radix(hex, 16).map_err(|cause| Error::failed(format!("read the sum `{hex}`")).because(cause))
}

/// Whether there is a history, and this role may read it. Who may not merges without one.
fn is_readable(backend: &mut dyn Database) -> Result<bool> {
    Ok(ledger::is_there(backend)? && backend.may(&ledger::name(), Right::Read)?)
}

/// Whether there is a history.
///
/// # Errors
/// Permission, with the grant that is missing, where this role may not read it.
fn is_open(backend: &mut dyn Database) -> Result<bool> {
    match (ledger::is_there(backend)?, is_readable(backend)?) {
        (false, _) => Ok(false),
        (true, true) => Ok(true),
        (true, false) => {
            let what = "read the history of merges: this role may not read `dc_merges`";
            Err(Error::new(ErrorKind::Permission, what).hint(GRANT))
        }
    }
}

/// The names by which merges of a table are written down: its one name; and, from before there was one, as it is typed
/// and without its schema, where that is the same table.
fn names(backend: &mut dyn Database, table: &TableName) -> Result<Names> {
    let one = backend.canonical(table)?;
    let bare = TableName { schema: None, name: table.name.clone() };
    let bare = if backend.canonical(&bare)? == one { bare } else { one.clone() };
    Ok([one.to_string(), table.to_string(), bare.to_string()].map(Value::from))
}

/// Whether a merge that was written down is one of this table.
pub(super) fn is_of(backend: &mut dyn Database, merge: &PastMerge, table: &TableName) -> Result<bool> {
    let name: TableName = merge.table_name.parse()?;
    Ok(backend.canonical(&name)? == backend.canonical(table)?)
}

/// A moment for a merge, later than all before it of this table, even if the clock was set back.
pub(super) fn next_moment(backend: &mut dyn Database, table: &TableName) -> Result<NaiveDateTime> {
    let now = clock::now();
    if !is_readable(backend)? {
        return Ok(now);
    }
    let names = names(backend, table)?;
    let last = ledger::last_moment(backend, &names)?;
    Ok(last.map_or(now, |last| now.max(last + chrono::TimeDelta::microseconds(1))))
}

/// Makes the table of merges before the transaction where it cannot be made inside of it. A role without the right to make
/// tables can still merge; it gets a warning if there is something to record.
pub(super) fn prepare(backend: &mut dyn Database) -> Result<()> {
    if backend.dialect().takes_shapes_back {
        return Ok(());
    }
    match ledger::make(backend) {
        Err(error) if error.kind() == ErrorKind::Permission => Ok(()),
        made => made,
    }
}

/// Writes a merge down. A role that may not make or write the ledger merges all the same, without a history.
pub(super) fn record(backend: &mut dyn Database, merge: &PastMerge, input: Option<&TakenInput>) -> Result<bool> {
    if ledger::is_there(backend)? && !backend.may(&ledger::name(), Right::Write)? {
        log::warn!(
            "no history of this merge is kept, so it cannot be undone: this role may not write to `dc_merges`; {GRANT}"
        );
        return Ok(false);
    }
    if !backend.dialect().takes_shapes_back && !ledger::is_there(backend)? {
        log::warn!("no history of this merge is kept, so it cannot be undone: there is no table `dc_merges`; {MAKE}");
        return Ok(false);
    }
    backend.set_point(POINT)?;
    match ledger::make(backend).and_then(|()| ledger::insert(backend, merge, input)) {
        Ok(()) => backend.drop_point(POINT).map(|()| true),
        Err(error) if error.kind() == ErrorKind::Permission => {
            log::warn!("no history of this merge is kept, so it cannot be undone: {error}");
            backend.back_to_point(POINT).map(|()| false)
        }
        Err(error) => Err(error.within("write down what the merge did")),
    }
}

/// The input of the last merge of the table in this scope that was not taken back; `None` when it has to be judged anew.
pub(super) fn last_input(backend: &mut dyn Database, table: &TableName, scope: &str) -> Result<Option<TakenInput>> {
    if !is_readable(backend)? || !ledger::knows_inputs(backend)? {
        return Ok(None);
    }
    let names = names(backend, table)?;
    ledger::last_input(backend, &names, scope)
}

/// Rows that came at these moments have other hashes now: moves the sums of the merges that brought them by so much, so
/// that they can still be taken back.
pub(super) fn rehashed(
    backend: &mut dyn Database,
    table: &TableName,
    moved: &BTreeMap<NaiveDateTime, u128>,
) -> Result<()> {
    if moved.is_empty() || !is_readable(backend)? {
        return Ok(());
    }
    let names = names(backend, table)?;
    backend.set_point(POINT)?;
    let mut move_all = || -> Result<()> {
        for (moment, by) in moved {
            for merge in ledger::at(backend, &names, *moment)? {
                let set = sum(&merge.set_after)?.wrapping_add(*by);
                ledger::set_after(backend, &merge.id, &set_text(set))?;
            }
        }
        Ok(())
    };
    match move_all() {
        Ok(()) => backend.drop_point(POINT),
        Err(error) if error.kind() == ErrorKind::Permission => {
            log::warn!("earlier merges cannot be undone any more, since rows have other hashes now: {error}; {GRANT}");
            backend.back_to_point(POINT)
        }
        Err(error) => Err(error.within("note that rows were hashed anew")),
    }
}

/// Notes that a merge was taken back.
pub(super) fn mark_undone(backend: &mut dyn Database, merge: &PastMerge) -> Result<()> {
    ledger::mark_undone(backend, &merge.id, clock::now()).map_err(|error| match error.kind() {
        ErrorKind::Permission => error.hint(GRANT),
        _ => error,
    })
}

/// The error for a table that is not there and never was merged into, with the nearest of those that were.
fn no_such_table(backend: &mut dyn Database, table: &TableName, is_open: bool) -> Result<Error> {
    let known = match is_open {
        true => ledger::tables(backend)?,
        false => Vec::new(),
    };
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let hint = match (nearest(&table.to_string(), &known), known.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`? `dc merge history` lists all merges"),
        (None, false) => "`dc merge history` lists all merges".to_owned(),
        (None, true) => "no merge has changed anything in this database yet".to_owned(),
    };
    let what = format!("find the table `{table}`: it is not there, and no merge has changed it");
    Ok(Error::new(ErrorKind::NotFound, what).hint(hint))
}

/// The merges of a table, or of all, the newest first.
///
/// # Errors
/// Not found: a table that is not there and has no merges. What the database says.
pub fn history(database: &mut Connection, table: Option<&str>) -> Result<Vec<PastMerge>> {
    let backend = database.backend();
    let is_open = is_open(backend)?;
    match table {
        Some(table) => {
            let table: TableName = table.parse()?;
            let mut merges = Vec::new();
            if is_open {
                let names = names(backend, &table)?;
                merges = ledger::of_table(backend, &names)?;
            }
            if merges.is_empty() && backend.table(&table)?.is_none() {
                return Err(no_such_table(backend, &table, is_open)?);
            }
            Ok(merges)
        }
        None if !is_open => Ok(Vec::new()),
        None => ledger::all(backend),
    }
}

/// The runs that merged into a database, and their merges, whose identities begin so: hexadecimal digits and `-`.
///
/// # Errors
/// What the database says.
pub fn beginning(database: &mut Connection, prefix: &str) -> Result<Vec<String>> {
    let backend = database.backend();
    if is_open(backend)? { ledger::beginning_with(backend, prefix) } else { Ok(Vec::new()) }
}

/// The merges of a run, or the one of this identity; the newest first.
pub(super) fn find(backend: &mut dyn Database, database: &str, run: &str) -> Result<Vec<PastMerge>> {
    let missing = |what: &str| {
        Error::new(ErrorKind::NotFound, format!("find a merge of the run `{run}` in the database `{database}`: {what}"))
            .hint("`dc merge history` lists the merges, with their runs")
    };
    if !is_open(backend)? {
        return Err(missing("no merge has changed anything there"));
    }
    let found = ledger::of_run(backend, run)?;
    if found.is_empty() { Err(missing("it changed nothing there, or is no run")) } else { Ok(found) }
}

/// Merges of a table that came after this one and still stand.
pub(super) fn later(backend: &mut dyn Database, merge: &PastMerge) -> Result<Vec<PastMerge>> {
    let names = names(backend, &merge.table_name.parse()?)?;
    ledger::later(backend, &names, merge.moment)
}
