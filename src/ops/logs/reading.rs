//! Reads log lines and gives them on, oldest first.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::LogLine;
use super::matcher::Matcher;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::tables::{Direction, LogFilter, LogFollower, LogPlace, LogScan, LogsAfter, Store, StoredLog};

/// How often a follower looks for more.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);
/// How often a follower tries a database that is away.
const AWAY_EVERY: Duration = Duration::from_secs(1);
/// Records that are read at once.
const PAGE_MAX: i64 = 1_000;

/// Reads and prints.
pub(super) struct Reading<'a, E> {
    pub(super) context: &'a Context,
    pub(super) store: Store,
    pub(super) filter: LogFilter,
    pub(super) matcher: Matcher,
    pub(super) each: E,
}

impl<E: FnMut(&LogLine) -> Result<()>> Reading<'_, E> {
    /// The newest `count` lines that a follower knows, oldest first. Of many only the place of the first is kept, and
    /// then they are read again.
    pub(super) fn tail(&mut self, count: i64, follower: &LogFollower) -> Result<()> {
        let mut newest: VecDeque<StoredLog> = VecDeque::new();
        let (mut found, mut start) = (0, None);
        let page = if self.matcher.is_any() { PAGE_MAX.min(count) } else { PAGE_MAX };
        let mut scan = self.store.logs().scan(&self.filter, Direction::Older, None, page)?;
        while found < count
            && let Some(log) = self.next(&mut scan)?
        {
            if !follower.knows(log.id) || !self.matcher.takes(&log) {
                continue;
            }
            found += 1;
            start = Some(log.place());
            if found <= PAGE_MAX {
                newest.push_front(log);
            }
        }
        let names = self.names()?;
        if found <= PAGE_MAX {
            return newest.into_iter().try_for_each(|log| self.print(log, &names));
        }
        let end = newest.back().map(StoredLog::place);
        let from = start.map(|start| LogPlace { id: start.id - 1, ..start });
        let mut scan = self.store.logs().scan(&self.filter, Direction::Newer, from, PAGE_MAX)?;
        while let Some(log) = self.next(&mut scan)? {
            if end.is_some_and(|end| log.place() > end) {
                break;
            }
            if follower.knows(log.id) {
                self.print(log, &names)?;
            }
        }
        Ok(())
    }

    fn next(&mut self, scan: &mut LogScan) -> Result<Option<StoredLog>> {
        self.context.cancellation().check()?;
        self.store.logs().next(scan)
    }

    /// All lines that were stored after a number, in the order of their numbers: whoever has the last one can go on
    /// behind it. With `goes_on` also those that come.
    pub(super) fn after(&mut self, mut last: i64, goes_on: bool) -> Result<()> {
        let mut is_told = false;
        loop {
            self.context.cancellation().check()?;
            let Some((names, page)) =
                self.or_wait(goes_on, |store, filter| store.logs().after(filter, last, PAGE_MAX))?
            else {
                continue;
            };
            let LogsAfter { rows, settled, is_held, is_full } = page;
            rows.into_iter().try_for_each(|log| self.print(log, &names))?;
            last = settled;
            if is_held && !is_told {
                let next = settled + 1;
                let held = format!("records from {next} on wait for a transaction that still writes into `logs`");
                self.context.shell().note(&format!("{held} (pg_stat_activity shows it)"));
            }
            is_told = is_held;
            if is_held || !is_full {
                match goes_on {
                    true => std::thread::sleep(FOLLOW_EVERY),
                    false => return Ok(()),
                }
            }
        }
    }

    /// What is stored from now on, as it is seen. A database that goes away is waited for; nothing is left out or shown
    /// twice.
    pub(super) fn follow(&mut self, mut follower: LogFollower) -> Result<()> {
        while !self.context.cancellation().is_cancelled() {
            let read = self.or_wait(true, |store, filter| store.logs().follow(&mut follower, filter, PAGE_MAX))?;
            let Some((names, (rows, is_full))) = read else { continue };
            rows.into_iter().try_for_each(|log| self.print(log, &names))?;
            if !is_full {
                std::thread::sleep(FOLLOW_EVERY);
            }
        }
        Ok(())
    }

    /// Reads, with the names of the apps; `None` when the database is away, and is waited for.
    fn or_wait<T>(
        &mut self,
        waits: bool,
        read: impl FnOnce(&mut Store, &LogFilter) -> Result<T>,
    ) -> Result<Option<(HashMap<i64, String>, T)>> {
        let names = self.names();
        match names.and_then(|names| Ok((names, read(&mut self.store, &self.filter)?))) {
            Ok(found) => Ok(Some(found)),
            Err(error) if waits && error.is_temporary() => {
                self.wait(&error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Tells that the database is away, and waits until it is back. A connection that broke stays broken.
    fn wait(&mut self, error: &Error) {
        self.context.shell().note(&format!("waiting: {error}"));
        while !self.context.cancellation().is_cancelled() {
            std::thread::sleep(AWAY_EVERY);
            if let Ok(store) = Store::ready(self.context) {
                self.store = store.patient();
                return;
            }
        }
    }

    fn names(&mut self) -> Result<HashMap<i64, String>> {
        let mut apps = self.store.apps().archived()?;
        apps.extend(self.store.apps().all()?);
        Ok(apps.into_iter().map(|app| (app.id, app.name.to_string())).collect())
    }

    fn print(&mut self, log: StoredLog, names: &HashMap<i64, String>) -> Result<()> {
        if !self.matcher.takes(&log) {
            return Ok(());
        }
        let app = log.app_id.and_then(|id| names.get(&id)).cloned();
        (self.each)(&LogLine::of(log, app))
    }
}
