//! The steps of one merge, in their order.

use std::time::Instant;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::compare::join::join;
use super::compare::keys::{Keys, Pairs};
use super::compare::sides::{Sides, read_both_sides};
use super::compare::twins::reject_other_keys;
use super::history::{next_moment, prepare};
use super::phases::Stopwatch;
use super::plan::description::Merge;
use super::plan::progress::Progress;
use super::plan::scope::count_active;
use super::plan::target::look;
use super::read::closing::check_told;
use super::read::ground::Ground;
use super::read::open::{open_all, spool_records};
use super::read::reject::{Rejects, check_rejects};
use super::read::sample::sample;
use super::read::scan::Scanned;
use super::read::source::{Input, Source};
use super::report::{Counts, MergeReport, Widened};
use super::spool::{Entry, Spool};
use super::write::done::{Done, Moved};
use super::write::exchange::{exchange, keep};
use super::write::first::{First, load_first};
use super::write::guard::{check_blast_radius, check_ledger, check_not_empty};
use super::write::load::Load;
use super::write::shape::{add_columns, shape};
use super::write::update::{check_keys, update};
use super::write::widen::widen;
use crate::db::{Connection, Database, MergedRows, Table, TableName};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint;

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
        run(self, database, || open_all(self, inputs))
    }
}

fn run(merge: &Merge, connection: &mut Connection, open: impl FnOnce() -> Result<Vec<Source>>) -> Result<MergeReport> {
    let started = Instant::now();
    let mut watch = Stopwatch::start();
    let of_run;
    let merge = match (&merge.runtime, connection.run()) {
        (None, Some(run)) => {
            of_run = merge.clone().runtime(Some(run.to_owned()));
            &of_run
        }
        _ => merge,
    };
    let name: TableName = merge.table.parse()?;
    connection.check_outside(&format!("merge into `{name}`"))?;
    let database = connection.name().to_owned();
    let backend = connection.backend();
    let merged = look(merge, backend, &name, &database).and_then(|_| open()).and_then(|sources| {
        check_rejects(merge.rejects.as_deref(), &sources)?;
        watch.lap("open");
        tried(merge, backend, &Place { name: &name, database: &database }, &sources, &mut watch)
    });
    merge.progress.tell(Progress::Ended);
    let mut report = merged.map_err(|error| match error.kind() {
        ErrorKind::Refused => error,
        _ => error.within(format!("merge into `{}`", merge.table)),
    })?;
    if !merge.dry_run {
        let Counts { new, changed, gone, .. } = report.counts;
        connection.note_merge(&name, MergedRows { new, changed, gone });
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
    /// The whole input is looked through before the table is made.
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
        match in_transaction(merge, backend, (place, sources), passes, watch) {
            Ok(Some(report)) => return Ok(report),
            Ok(None) => passes = Passes::Two,
            Err(error) if error.kind() == ErrorKind::Conflict && tries < TRIES_MAX => {
                merge.cancellation.check()?;
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
    (place, sources): (&Place<'_>, &[Source]),
    passes: Passes,
    watch: &mut Stopwatch,
) -> Result<Option<MergeReport>> {
    let rejects = Rejects::to(merge.rejects.as_deref())?;
    if !merge.dry_run {
        prepare(backend)?;
    }
    backend.begin(&[place.name], &merge.cancellation)?;
    watch.lap("lock");
    let done = next_moment(backend, place.name).and_then(|moment| {
        let mut attempt = Attempt { merge, rejects, moment };
        let report = attempt.change(backend, (place, sources), passes, watch)?;
        merge.cancellation.check()?;
        attempt.rejects.finish()?;
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

/// One try of a merge.
struct Attempt<'a> {
    merge: &'a Merge,
    rejects: Rejects,
    moment: NaiveDateTime,
}

impl Attempt<'_> {
    fn change(
        &mut self,
        backend: &mut dyn Database,
        (place, sources): (&Place<'_>, &[Source]),
        passes: Passes,
        watch: &mut Stopwatch,
    ) -> Result<Option<MergeReport>> {
        let merge = self.merge;
        failpoint::point("merge.locked")?;
        let table = look(merge, backend, place.name, place.database)?;
        let created = table.is_none();
        let ground = Ground::new(merge, place.name, table, sources)?;
        watch.lap("survey");
        let (ground, mut done) = if created && passes == Passes::One {
            let loaded = load_first(&ground, backend, &mut self.rejects, self.moment)?;
            watch.lap("load");
            failpoint::point("merge.first-loaded")?;
            let Some(first) = loaded else { return Ok(None) };
            (ground, self.of_first(first)?)
        } else {
            let (ground, table, added) = shape(ground, backend)?;
            self.compare_and_change((ground, table, added), backend, watch)?
        };
        if created {
            let scope = merge.scope.iter().map(|(column, _)| column.as_str()).filter(|_| merge.own_scope);
            backend.finish_table(place.name, &scope.collect::<Vec<_>>())?;
            watch.lap("index");
        }
        check_told(&merge.table, sources, done.counts.read)?;
        check_ledger(&merge.table, &done.counts)?;
        let id = match done.has_moved() && !merge.dry_run {
            true => done.write_down(&ground, backend, self.moment, created)?,
            false => None,
        };
        done.added.retain(|_| !created);
        watch.lap("check");
        let sample = sample(&ground, &done.table)?;
        Ok(Some(MergeReport { sample, ..done.report(merge, created, id) }))
    }

    fn of_first(&self, first: First) -> Result<Done> {
        let First { table, scanned, inserted, duplicate, bad, set } = first;
        let new = scanned.entries.count() - duplicate - bad;
        let counts = Counts {
            read: scanned.read,
            new,
            duplicate,
            rejected: self.rejects.count,
            active_after: inserted - duplicate - bad,
            ..Counts::default()
        };
        check_not_empty(self.merge, &counts)?;
        let moved = Moved { inserted: new, retired: 0, set_before: 0, set_after: set };
        Ok(Done { table, scanned: Some(scanned), counts, added: Vec::new(), widened: Widened::default(), moved })
    }

    /// The two passes: hash everything beside reading the table's hashes, compare, then read again what is new.
    fn compare_and_change<'g>(
        &mut self,
        (mut ground, mut table, mut added): (Ground<'g>, Table, Vec<String>),
        backend: &mut dyn Database,
        watch: &mut Stopwatch,
    ) -> Result<(Ground<'g>, Done)> {
        let mut widened = Widened::default();
        let (mut scanned, active) = loop {
            let sides = read_both_sides(&ground, backend, &mut self.rejects)?;
            watch.lap("hash");
            let (scanned, active) = match sides {
                Sides::Read(scanned, active) => (*scanned, active),
                Sides::Same(taken, rows) => {
                    let done = Done::nothing(table, &taken, rows);
                    return Ok((ground, done));
                }
            };
            let (mut more, wider);
            (ground, table, wider) = widen(ground, table, backend, &scanned)?;
            let is_widened = !wider.columns.is_empty();
            if !is_widened {
                // only now all records are taken that tell what is to be added
                (ground, table, more) = add_columns(ground, table, backend, &scanned.survey)?;
                if more.is_empty() {
                    break (scanned, active);
                }
                added.append(&mut more);
            }
            // how a value is hashed depends on its column, and a row may stand elsewhere when one was widened
            self.rejects.begin_anew()?;
            widened.add(wider);
            watch.lap("evolve");
        };
        if scanned.read > 0 {
            ground.reader.wanted.check(Some(&table))?;
        }
        let (counts, moved) = self.exchange(&ground, &table, (&mut scanned, active), backend, watch)?;
        Ok((ground, Done { table, scanned: Some(scanned), counts, added, widened, moved }))
    }

    /// Finds what differs and changes the table by it.
    fn exchange(
        &mut self,
        ground: &Ground<'_>,
        table: &Table,
        (scanned, active): (&mut Scanned, Spool),
        backend: &mut dyn Database,
        watch: &mut Stopwatch,
    ) -> Result<(Counts, Moved)> {
        let merge = self.merge;
        let mut joined = join(&scanned.entries, &active, ground.end(), !merge.key.is_empty())?;
        let (active_before, set_before) = (active.count(), active.sum());
        // neither side is needed any more
        drop(active);
        scanned.entries = Spool::by_hash();
        if let Some(twins) = joined.twins.take() {
            let bad = reject_other_keys(ground, backend, table, &twins, &mut self.rejects)?;
            joined.duplicate -= bad.len() as u64;
            bad.into_iter().try_for_each(|place| scanned.rejected.places.push(Entry { hash: 0, place }))?;
        }
        watch.lap("compare");
        let mut counts = Counts {
            read: scanned.read,
            unchanged: joined.unchanged,
            duplicate: joined.duplicate,
            rejected: self.rejects.count,
            active_before,
            // what was not written needs no second count
            active_after: active_before,
            ..Counts::default()
        };
        check_not_empty(merge, &counts)?;
        if merge.update {
            let load = Load { ground, table, new: &joined.new, moment: self.moment };
            return self.update(&load, (counts, set_before), backend, watch);
        }
        let keys = Keys::read(ground, backend, table, &joined, &scanned.rejected)?;
        let mut pairs = match &keys {
            Some(keys) => keys.pairs()?,
            None => Pairs::without_keys(merge.gone, std::mem::replace(&mut joined.gone, Spool::by_hash())),
        };
        watch.lap("pair");
        // before anything is written, and once more when it is known what the table refused
        check_blast_radius(merge, pairs.gone(), active_before)?;
        let load = Load { ground, table, new: &joined.new, moment: self.moment };
        let refused = exchange(backend, &load, &pairs.leaving, &mut self.rejects)?;
        if refused.count() > 0 {
            if let Some(keys) = &keys {
                pairs = keys.pairs_without(ground, backend, &refused)?;
            }
            keep(backend, (merge, table), &pairs, self.moment)?;
            counts.rejected = self.rejects.count;
            check_not_empty(merge, &counts)?;
            check_blast_radius(merge, pairs.gone(), active_before)?;
        }
        watch.lap("write");
        failpoint::point("merge.inserted")?;
        let inserted = joined.new.count() - refused.count();
        counts.new = inserted.checked_sub(pairs.changed).ok_or_else(|| Error::failed("count the new records"))?;
        (counts.changed, counts.gone, counts.kept) = (pairs.changed, pairs.gone(), pairs.kept);
        if inserted + pairs.leaving.count() > 0 {
            counts.active_after = count_active(backend, table, &ground.scope)?;
        }
        let set_inserted = joined.new.sum().wrapping_sub(refused.sum());
        let moved = Moved {
            inserted,
            retired: pairs.leaving.count(),
            set_before,
            set_after: set_before.wrapping_sub(pairs.leaving.sum()).wrapping_add(set_inserted),
        };
        Ok((counts, moved))
    }

    /// Changes in place what has its key in the table, and inserts the rest.
    fn update(
        &mut self,
        load: &Load<'_>,
        (mut counts, set_before): (Counts, u128),
        backend: &mut dyn Database,
        watch: &mut Stopwatch,
    ) -> Result<(Counts, Moved)> {
        let Load { ground, table, moment, .. } = *load;
        let updated = update(backend, load)?;
        let rest = Load { ground, table, new: &updated.rest, moment };
        let nothing = Spool::by_hash();
        let refused = exchange(backend, &rest, &nothing, &mut self.rejects)?;
        check_keys(backend, load)?;
        watch.lap("write");
        let inserted = updated.rest.count() - refused.count();
        counts.rejected = self.rejects.count;
        (counts.new, counts.changed) = (inserted, updated.rows);
        counts.active_after = count_active(backend, table, &ground.scope)?;
        // there is no history of it: what was in the rows is nowhere
        Ok((counts, Moved { inserted: 0, retired: 0, set_before, set_after: set_before }))
    }
}
