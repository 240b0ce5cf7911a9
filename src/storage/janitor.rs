//! The janitor: what is over its time goes, and what nobody knows goes a day later. Each deletion is written down before it
//! is made, so that it may be killed between any two steps.

use std::collections::HashSet;

use chrono::{NaiveDateTime, TimeDelta};
use serde::Serialize;

use super::alarm;
use super::path::{Said, said};
use super::storage::Storage;
use super::store::FoundFile;
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint;
use crate::tables::{Ended, FilePlace, FileRow, Store};

/// Rows of one transaction.
const BATCH_MAX: i64 = 200;
/// Files that are looked for in the table together.
const SIFTED_MAX: usize = 500;
/// Strays of one sweep; the next one takes the others.
const STRAYS_MAX: usize = 10_000;
/// What nobody knows may be on its way for so long.
const STRAY_AGE: TimeDelta = TimeDelta::hours(24);
/// By so much the clock of this machine may differ from the database's where files are deleted by their age.
const CLOCKS_DIFFER_MAX: TimeDelta = TimeDelta::seconds(30);
/// Rows that are shown.
const SHOWN_MAX: usize = 100;

/// What the janitor does.
#[derive(Debug, Clone, Copy, Default)]
pub struct PruneFilesOptions {
    /// Only tell.
    pub dry_run: bool,
    /// Look through the stores for what no row knows, too.
    pub strays: bool,
}

/// What went, or would go.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PruneFilesReport {
    /// Names whose time was over.
    pub names: u64,
    /// Files that went: their last name was among those.
    pub files: u64,
    /// The bytes of these names.
    pub bytes: u64,
    /// Names whose time was over and that unfinished tasks or published apps need.
    pub needed: u64,
    /// Files that no row knew.
    pub strays: u64,
    /// Files that could not be deleted; they go as strays.
    pub left: u64,
    /// The first hundred of the names.
    pub first: Vec<FileRow>,
    /// The stores that could not be looked at, and why.
    pub away: Vec<(String, String)>,
    /// Whether nothing was deleted.
    pub dry_run: bool,
}

impl Storage {
    /// Deletes what is over its time; never what is held, or what an unfinished task or a published app needs. A store that is away is left
    /// out, with its rows.
    ///
    /// # Errors
    /// What the database says.
    pub fn prune(&mut self, options: PruneFilesOptions) -> Result<PruneFilesReport> {
        let mut report = PruneFilesReport { dry_run: options.dry_run, ..PruneFilesReport::default() };
        for name in self.store_names()? {
            self.context.cancellation().check()?;
            if let Err(error) = self.stores.get(&mut self.tables, &name) {
                report.away.push((name, error.to_string()));
                continue;
            }
            self.end(&name, options.dry_run, &mut report)?;
            if options.strays
                && let Err(error) = self.sweep(&name, options.dry_run, &mut report)
            {
                self.context.cancellation().check()?;
                report.away.push((name.clone(), error.to_string()));
            }
            if !options.dry_run && self.stores.check_room(&name, 0).is_ok() {
                alarm::free(&mut self.tables, &name)?;
            }
        }
        Ok(report)
    }

    fn end(&mut self, store: &str, dry_run: bool, report: &mut PruneFilesReport) -> Result<()> {
        let mut after = 0;
        loop {
            self.context.cancellation().check()?;
            let Ended { rows, places, needed, last } = self.tables.files().end(store, after, BATCH_MAX, dry_run)?;
            report.needed += needed;
            report.names += rows.len() as u64;
            report.bytes += rows.iter().map(|row| row.bytes.unsigned_abs()).sum::<u64>();
            report.files += places.len() as u64;
            let room = SHOWN_MAX.saturating_sub(report.first.len());
            report.first.extend(rows.into_iter().take(room));
            failpoint::point("storage.ended")?;
            for place in places {
                self.delete(&place, report);
            }
            match last {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    fn delete(&mut self, place: &FilePlace, report: &mut PruneFilesReport) {
        let Self { stores, tables, .. } = self;
        let deleted = stores.get(tables, &place.store).and_then(|store| store.delete(&place.path));
        if let Err(error) = deleted {
            report.left += 1;
            log::warn!("{} of the store {} stays for now: {error}", place.path, place.store);
        }
    }

    /// Deletes what no row knows and nobody has touched for a day.
    fn sweep(&mut self, store: &str, dry_run: bool, report: &mut PruneFilesReport) -> Result<()> {
        let before = self.sure_now()? - STRAY_AGE;
        for stray in self.strays(store, Some(before))?.0 {
            self.context.cancellation().check()?;
            let place = FilePlace { store: store.to_owned(), path: stray.path.clone() };
            let bytes = i64::try_from(stray.bytes).unwrap_or(i64::MAX);
            let is_free = match said(&stray.path) {
                Said::Foreign => false,
                Said::Part => true,
                Said::Sha256(_) if dry_run => true,
                Said::Sha256(sha256) => self.tables.files().bury(&place, &sha256, bytes)?,
            };
            if is_free {
                report.strays += 1;
            }
            if is_free && !dry_run {
                failpoint::point("storage.buried")?;
                self.delete(&place, report);
            }
        }
        Ok(())
    }

    /// The earlier of what time it is here and by the database's clock: files bear the time of whoever wrote them. Where both
    /// differ much, one of them is wrong, and what looks old may be on its way.
    fn sure_now(&mut self) -> Result<NaiveDateTime> {
        let (there, here) = (self.tables.now()?, clock::now());
        if (here - there).abs() > CLOCKS_DIFFER_MAX {
            let seconds = (here - there).num_seconds();
            let what = format!("look for strays: the clock of this machine differs from the database's by {seconds} s");
            return Err(Error::new(ErrorKind::Busy, what).hint("set it right: timedatectl set-ntp true"));
        }
        Ok(here.min(there))
    }

    /// What stands in a store and no row knows, up to [`STRAYS_MAX`], and how many there are; with a moment, only what was
    /// last written before it.
    ///
    /// # Errors
    /// What the database and the store say.
    pub(super) fn strays(&mut self, store: &str, before: Option<NaiveDateTime>) -> Result<(Vec<FoundFile>, u64)> {
        let Self { stores, tables, context } = self;
        let (mut some, mut strays, mut count) = (Vec::new(), Vec::new(), 0);
        let mut sift = |some: &mut Vec<FoundFile>| {
            let unknown = unknown(tables, store, some.drain(..))?;
            count += unknown.len() as u64;
            let room = STRAYS_MAX.saturating_sub(strays.len());
            strays.extend(unknown.into_iter().take(room));
            Result::Ok(())
        };
        // the rows are read after the files, so what is kept meanwhile is known
        stores.reached(store)?.each(&mut |found| {
            context.cancellation().check()?;
            if before.is_none_or(|before| found.modified < before) {
                some.push(found);
            }
            if some.len() == SIFTED_MAX { sift(&mut some) } else { Ok(()) }
        })?;
        sift(&mut some)?;
        Ok((strays, count))
    }
}

/// Those of the files that no row knows.
fn unknown(tables: &mut Store, store: &str, found: impl Iterator<Item = FoundFile>) -> Result<Vec<FoundFile>> {
    let found: Vec<FoundFile> = found.collect();
    let paths: Vec<String> = found.iter().map(|found| found.path.clone()).collect();
    let known: HashSet<String> = tables.files().known(store, &paths)?.into_iter().collect();
    Ok(found.into_iter().filter(|found| !known.contains(&found.path)).collect())
}
