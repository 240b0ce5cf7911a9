//! The steps of one merge, in their order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use chrono::NaiveDateTime;

use super::Merge;
use super::done::{Done, Moved, set_text};
use super::first::{First, load_first};
use super::ground::{Ground, look, scope_in};
use super::guard::{check_blast_radius, check_ledger, check_not_empty};
use super::input::Source;
use super::join::{Joined, join};
use super::keys::{Pairs, key_columns, pair};
use super::ledger::{TakenInput, next_moment};
use super::load::{Load, load};
use super::phases::Stopwatch;
use super::reject::Rejects;
use super::report::{Counts, MergeReport};
use super::same;
use super::scan::{Scanned, scan};
use super::spool::{Entry, Spool};
use crate::db::{Connection, Database, Gone, NewColumn, RowId, Scope, Table, TableName, Touched};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint;
use crate::shell::count_bytes;

/// Rows that are retired at once.
const RETIRED_AT_ONCE_MAX: usize = 10_000;
/// How often a merge begins anew after a deadlock or a serialization conflict.
const TRIES_MAX: u32 = 5;

pub(super) fn merge(
    merge: &Merge,
    connection: &mut Connection,
    open: impl FnOnce() -> Result<Vec<Source>>,
) -> Result<MergeReport> {
    let started = Instant::now();
    let mut watch = Stopwatch::start();
    let name: TableName = merge.table.parse()?;
    let database = connection.name().to_owned();
    let backend = connection.backend();
    let merged = look(merge, backend, &name, &database).and_then(|_| open()).and_then(|sources| {
        watch.lap("open");
        tried(merge, backend, &Place { name: &name, database: &database }, &sources, &mut watch)
    });
    merge.progress.finish_and_clear();
    let mut report = merged.map_err(|error| match error.kind() {
        ErrorKind::Refused => error,
        _ => error.within(format!("merge into `{}`", merge.table)),
    })?;
    if !merge.dry_run {
        connection.note(vec![Touched::written_table(&name)]);
    }
    report.time(started.elapsed());
    report.phases = watch.phases();
    Ok(report)
}

/// Where a merge goes.
struct Place<'a> {
    name: &'a TableName,
    database: &'a str,
}

/// How a table that is not there gets its rows.
#[derive(Clone, Copy, PartialEq)]
enum Passes {
    /// One pass, as long as the input is as its start foretells.
    One,
    Two,
}

/// Tries until it goes through: a first load may need the second way, and the server may ask to try again.
fn tried(
    merge: &Merge,
    backend: &mut dyn Database,
    place: &Place<'_>,
    sources: &[Source],
    watch: &mut Stopwatch,
) -> Result<MergeReport> {
    let (mut passes, mut tries) = (Passes::One, 1);
    loop {
        count_bytes(&merge.progress, sources.iter().map(|source| source.length).sum(), "reading");
        match in_transaction(merge, backend, place, sources, passes, watch) {
            Ok(Some(report)) => return Ok(report),
            Ok(None) => passes = Passes::Two,
            Err(error) if error.kind() == ErrorKind::Conflict && tries < TRIES_MAX => {
                log::warn!("merge into `{}`: try {tries} of {TRIES_MAX} met another transaction: {error}", merge.table);
                std::thread::sleep(std::time::Duration::from_millis(50 << tries));
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// One transaction, under the table's lock from its first moment. `None`: it was taken back, two passes are needed.
fn in_transaction(
    merge: &Merge,
    backend: &mut dyn Database,
    place: &Place<'_>,
    sources: &[Source],
    passes: Passes,
    watch: &mut Stopwatch,
) -> Result<Option<MergeReport>> {
    let mut rejects = Rejects::to(merge.rejects.as_deref())?;
    backend.begin(&[place.name], &merge.cancellation)?;
    watch.lap("lock");
    let done = change(merge, backend, place, sources, passes, &mut rejects, watch).and_then(|report| {
        merge.cancellation.check()?;
        rejects.finish()?;
        match &report {
            Some(_) if !merge.dry_run => {
                failpoint::point("merge.before-commit")?;
                backend.commit()?;
                failpoint::point("merge.committed")?;
            }
            _ => backend.rollback(),
        }
        Ok(report)
    });
    if done.is_err() {
        backend.rollback();
    }
    watch.lap("commit");
    done
}

fn change(
    merge: &Merge,
    backend: &mut dyn Database,
    place: &Place<'_>,
    sources: &[Source],
    passes: Passes,
    rejects: &mut Rejects,
    watch: &mut Stopwatch,
) -> Result<Option<MergeReport>> {
    failpoint::point("merge.locked")?;
    let table = look(merge, backend, place.name, place.database)?;
    let moment = next_moment(backend, place.name)?;
    let created = table.is_none();
    let ground = Ground::new(merge, place.name, table, sources)?;
    watch.lap("survey");
    let is_first = created && passes == Passes::One;
    let mut done = if is_first {
        let loaded = load_first(&ground, backend, rejects, moment)?;
        watch.lap("load");
        failpoint::point("merge.first-loaded")?;
        let Some(loaded) = loaded else { return Ok(None) };
        of_first(&ground, loaded, rejects)?
    } else {
        compare_and_change(&ground, backend, rejects, moment, watch)?
    };
    if created {
        backend.finish_table(place.name)?;
        watch.lap("index");
    }
    let counts = &mut done.counts;
    if !is_first && counts.new + counts.changed + counts.gone > 0 {
        counts.active_after = backend.count_active(&done.table, &scope_in(merge, &done.table)?)?;
    }
    check_ledger(&merge.table, counts)?;
    let id = if done.has_moved() && !merge.dry_run { done.write_down(&ground, backend, moment)? } else { None };
    watch.lap("check");
    Ok(Some(done.report(merge, created, id)))
}

fn of_first(ground: &Ground<'_>, first: First, rejects: &Rejects) -> Result<Done> {
    let First { table, scanned, inserted, duplicate, set } = first;
    if !ground.merge.allow_empty {
        check_not_empty(&ground.merge.table, scanned.read, None)?;
    }
    let new = scanned.entries.count() - duplicate;
    let counts = Counts {
        read: scanned.read,
        new,
        duplicate,
        rejected: rejects.count,
        active_after: inserted - duplicate,
        ..Counts::default()
    };
    let moved = Moved { inserted: new, retired: 0, set_before: 0, set_after: set };
    Ok(Done { table, scanned: Some(scanned), counts, added: Vec::new(), moved })
}

/// The two passes: hash everything beside reading the table's hashes, compare, then read again what is new.
fn compare_and_change(
    ground: &Ground<'_>,
    backend: &mut dyn Database,
    rejects: &mut Rejects,
    moment: NaiveDateTime,
    watch: &mut Stopwatch,
) -> Result<Done> {
    let merge = ground.merge;
    let sides = read_both_sides(ground, backend, rejects)?;
    watch.lap("hash");
    let (scanned, active) = match sides {
        Sides::Read(scanned, active) => (scanned, active),
        Sides::Same(table, taken, active) => return Ok(Done::nothing(table, &taken, &active)),
    };
    if !merge.allow_empty {
        check_not_empty(&merge.table, scanned.read, None)?;
    }
    let (table, added) = shape(ground, backend, &scanned)?;
    let joined = join(&scanned.entries, &active, ground.end())?;
    watch.lap("compare");
    let pairs = find_pairs(ground, backend, &table, &joined)?;
    let leaving = match merge.gone {
        Gone::Keep => &pairs.replaced,
        Gone::Archive | Gone::Delete => &joined.gone,
    };
    watch.lap("pair");
    let mut counts = Counts {
        read: scanned.read,
        new: joined.new.count() - pairs.changed,
        changed: pairs.changed,
        unchanged: joined.unchanged,
        duplicate: joined.duplicate,
        rejected: rejects.count,
        gone: leaving.count() - pairs.changed,
        active_before: active.count(),
        // what was not written needs no second count
        active_after: active.count(),
    };
    check_blast_radius(&merge.table, counts.gone, counts.active_before, merge.max_gone)?;
    // vanished rows go first: the table may forbid two active rows of one key
    let how = if merge.gone == Gone::Delete { Gone::Delete } else { Gone::Archive };
    retire(merge, backend, &table, leaving, how, moment)?;
    watch.lap("retire");
    failpoint::point("merge.retired")?;
    let refused = load(backend, &Load { ground, table: &table, new: &joined.new, moment }, rejects)?;
    count_refused(&mut counts, refused.rows);
    watch.lap("insert");
    failpoint::point("merge.inserted")?;
    let set_inserted = joined.new.sum().wrapping_sub(refused.sum);
    let moved = Moved {
        inserted: joined.new.count() - refused.rows,
        retired: leaving.count(),
        set_before: active.sum(),
        set_after: active.sum().wrapping_sub(leaving.sum()).wrapping_add(set_inserted),
    };
    Ok(Done { table, scanned: Some(scanned), counts, added, moved })
}

/// The two sides of a comparison.
enum Sides {
    /// The input was known, and the table holds what it left.
    Same(Table, TakenInput, Spool),
    Read(Scanned, Spool),
}

/// Hashes the input while another thread reads the hashes of the table.
fn read_both_sides(ground: &Ground<'_>, backend: &mut dyn Database, rejects: &mut Rejects) -> Result<Sides> {
    let Some(table) = &ground.table else {
        return Ok(Sides::Read(scan(ground, None, rejects, |_, _| Ok(()))?, Spool::by_hash()));
    };
    let likely = same::likely(ground, backend)?;
    if likely.is_empty() {
        let scan = |check: &mut dyn FnMut() -> Result<()>| scan(ground, None, rejects, |_, _| check());
        let (scanned, active) = beside_reading(ground, backend, table, scan)?;
        return Ok(Sides::Read(scanned, active));
    }
    let (input, active) = beside_reading(ground, backend, table, |check| same::digest(ground, check))?;
    let (digest, set) = (input.with(ground, table)?, set_text(active.sum()));
    match likely.into_iter().find(|taken| taken.digest == digest && taken.set_after == set) {
        Some(taken) => Ok(Sides::Same(table.clone(), taken, active)),
        None => {
            ground.merge.progress.reset();
            Ok(Sides::Read(scan(ground, None, rejects, |_, _| Ok(()))?, active))
        }
    }
}

/// Does `work` while another thread reads the hashes of the table. What `work` is given fails when the reading has.
fn beside_reading<T>(
    ground: &Ground<'_>,
    backend: &mut dyn Database,
    table: &Table,
    work: impl FnOnce(&mut dyn FnMut() -> Result<()>) -> Result<T>,
) -> Result<(T, Spool)> {
    let (work_failed, read_failed) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut was_told = false;
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let active = active_hashes(ground.merge, backend, table, &ground.scope, &work_failed);
            active.inspect_err(|_| read_failed.store(true, Ordering::Relaxed))
        });
        let done = work(&mut || {
            was_told = read_failed.load(Ordering::Relaxed);
            if was_told { Err(told_to_stop()) } else { Ok(()) }
        });
        if done.is_err() {
            work_failed.store(true, Ordering::Relaxed);
        }
        let ended = |_| Err(Error::failed("read the hashes of the table: the reading thread ended early"));
        match (done, reading.join().unwrap_or_else(ended)) {
            (Ok(done), Ok(active)) => Ok((done, active)),
            (Err(_), Err(error)) if was_told => Err(error),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    })
}

/// What a side says that ends because the other one failed; nobody gets to read it.
fn told_to_stop() -> Error {
    Error::failed("read on: the other side of the comparison failed")
}

/// The table, made or widened if that was asked for; and the columns that were added.
fn shape(ground: &Ground<'_>, backend: &mut dyn Database, scanned: &Scanned) -> Result<(Table, Vec<String>)> {
    let columns = ground.columns_to_make(&scanned.survey);
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
pub(super) fn make_table(ground: &Ground<'_>, backend: &mut dyn Database, columns: &[NewColumn]) -> Result<Table> {
    backend.create_table(ground.name, columns)?;
    found(ground, backend)
}

fn found(ground: &Ground<'_>, backend: &mut dyn Database) -> Result<Table> {
    let table = backend.table(ground.name)?;
    let table = table.ok_or_else(|| Error::failed(format!("find the table `{}` that was just made", ground.name)))?;
    key_columns(ground.merge, &table)?;
    Ok(table)
}

/// The hashes and places of the active rows in scope; ends early when `stop` is set.
pub(super) fn active_hashes(
    merge: &Merge,
    backend: &mut dyn Database,
    table: &Table,
    scope: &Scope,
    stop: &AtomicBool,
) -> Result<Spool> {
    let mut active = Spool::by_hash();
    backend.active(table, scope, &mut |hash, RowId(place)| {
        if active.count().is_multiple_of(65_536) {
            merge.cancellation.check()?;
            if stop.load(Ordering::Relaxed) {
                return Err(told_to_stop());
            }
        }
        active.push(Entry { hash, place })
    })?;
    Ok(active)
}

fn find_pairs(ground: &Ground<'_>, backend: &mut dyn Database, table: &Table, joined: &Joined) -> Result<Pairs> {
    if ground.merge.key.is_empty() || joined.new.count() == 0 || joined.gone.count() == 0 {
        return Ok(Pairs { changed: 0, replaced: Spool::by_hash() });
    }
    pair(ground, backend, table, (&joined.new, &joined.gone))
}

/// Archives or deletes rows.
pub(super) fn retire(
    merge: &Merge,
    backend: &mut dyn Database,
    table: &Table,
    leaving: &Spool,
    how: Gone,
    moment: NaiveDateTime,
) -> Result<()> {
    let mut entries = Vec::new();
    for bucket in 0..leaving.buckets() {
        leaving.read(bucket, &mut entries)?;
        let rows: Vec<RowId> = entries.iter().map(|entry| RowId(entry.place)).collect();
        for some in rows.chunks(RETIRED_AT_ONCE_MAX) {
            merge.cancellation.check()?;
            let count = backend.retire(table, some, how, moment)?;
            if count != some.len() as u64 {
                return Err(Error::failed(format!("retire {} rows that have gone: {count} were found", some.len())));
            }
        }
    }
    Ok(())
}

/// Records that the table refused after they were counted as new.
fn count_refused(counts: &mut Counts, refused: u64) {
    counts.rejected += refused;
    let from_new = refused.min(counts.new);
    counts.new -= from_new;
    // what would have been replaced has gone without a successor
    counts.changed -= refused - from_new;
    counts.gone += refused - from_new;
}
