//! The steps of one merge, in their order.

use std::time::Instant;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::compare::join::join;
use super::compare::keys::pair;
use super::compare::sides::{Sides, read_both_sides};
use super::history::next_moment;
use super::phases::Stopwatch;
use super::plan::description::Merge;
use super::plan::progress::Progress;
use super::plan::target::{look, scope_in};
use super::read::ground::Ground;
use super::read::reject::Rejects;
use super::read::source::{Input, Reading, Source, open_all, spool_records};
use super::report::{Counts, MergeReport};
use super::write::done::{Done, Moved};
use super::write::first::{First, load_first};
use super::write::guard::{check_blast_radius, check_ledger, check_not_empty};
use super::write::load::{Load, load};
use super::write::retire::retire;
use super::write::shape::shape;
use crate::db::{Connection, Database, Gone, TableName, Touched};
use crate::error::{ErrorKind, Result};

/// How often a merge begins anew after a deadlock or a serialization conflict.
const TRIES_MAX: u32 = 5;

impl Merge {
    /// Merges records of any `Serialize` type.
    ///
    /// # Errors
    /// As [`Merge::run_inputs`]; and for a record that is no object or holds NaN.
    pub fn run<T: Serialize>(
        &self,
        database: &mut Connection,
        records: impl IntoIterator<Item = T>,
    ) -> Result<MergeReport> {
        run(self, database, || Ok(vec![spool_records(records)?]))
    }

    /// Merges files or standard input.
    ///
    /// # Errors
    /// Not found: a file, table or column. Refused: a guard, with the counts. Failed: a bad record with file, line and
    /// column, or what the database says. The table is as it was before, whatever the error.
    pub fn run_inputs(&self, database: &mut Connection, inputs: &[Input]) -> Result<MergeReport> {
        run(self, database, || open_all(inputs, Reading { format: self.format, delimiter: self.delimiter }))
    }
}

fn run(merge: &Merge, connection: &mut Connection, open: impl FnOnce() -> Result<Vec<Source>>) -> Result<MergeReport> {
    let started = Instant::now();
    let mut watch = Stopwatch::start();
    let name: TableName = merge.table.parse()?;
    let database = connection.name().to_owned();
    let backend = connection.backend();
    let merged = look(merge, backend, &name, &database).and_then(|_| open()).and_then(|sources| {
        watch.lap("open");
        tried(merge, backend, &Place { name: &name, database: &database }, &sources, &mut watch)
    });
    merge.progress.tell(Progress::Ended);
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
        merge.progress.tell(Progress::Reading { bytes: sources.iter().map(|source| source.length).sum() });
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
            Some(_) if !merge.dry_run => backend.commit()?,
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
    let table = look(merge, backend, place.name, place.database)?;
    let moment = next_moment(backend, place.name)?;
    let created = table.is_none();
    let ground = Ground::new(merge, place.name, table, sources)?;
    watch.lap("survey");
    let is_first = created && passes == Passes::One;
    let mut done = if is_first {
        let loaded = load_first(&ground, backend, rejects, moment)?;
        watch.lap("load");
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
    let (table, added) = shape(ground, backend, &scanned.survey)?;
    let joined = join(&scanned.entries, &active, ground.end())?;
    watch.lap("compare");
    let pairs = pair(ground, backend, &table, (&joined.new, &joined.gone))?;
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
    retire(backend, &table, leaving, (how, moment), &merge.cancellation)?;
    watch.lap("retire");
    let refused = load(backend, &Load { ground, table: &table, new: &joined.new, moment }, rejects)?;
    count_refused(&mut counts, refused.rows);
    watch.lap("insert");
    let set_inserted = joined.new.sum().wrapping_sub(refused.sum);
    let moved = Moved {
        inserted: joined.new.count() - refused.rows,
        retired: leaving.count(),
        set_before: active.sum(),
        set_after: active.sum().wrapping_sub(leaving.sum()).wrapping_add(set_inserted),
    };
    Ok(Done { table, scanned: Some(scanned), counts, added, moved })
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
