//! When the next request to a host may go, for all machines.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::Store;
use super::connection::{Link, insert_if_absent, locked};
use super::schema::host_limits;
use super::time::database_now;
use crate::error::Result;

/// What lies farther ahead was written by a clock that was wrong.
const AHEAD_MAX: TimeDelta = TimeDelta::hours(1);

/// The hosts.
pub struct Hosts<'a>(pub(super) &'a mut Store);

impl Store {
    /// The hosts that apps ask.
    pub fn hosts(&mut self) -> Hosts<'_> {
        Hosts(self)
    }
}

/// A row, which nobody else changes until the transaction ends.
struct Host {
    next_at: NaiveDateTime,
    alone_until: Option<NaiveDateTime>,
}

impl Hosts<'_> {
    /// Takes the moments for `count` requests to a host, one `every` so often; how long it is until the first of them. A moment
    /// that nobody took is not made up for.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn take_moments(&mut self, host: &str, every: TimeDelta, count: u32) -> Result<TimeDelta> {
        let length = every.checked_mul(i32::try_from(count).unwrap_or(i32::MAX)).unwrap_or(AHEAD_MAX);
        self.0.write("take a moment to ask a host", |connection| {
            let (known, now) = Host::take(connection, host)?;
            let ahead = [Some(known.next_at), known.alone_until].into_iter().flatten();
            let first = ahead.filter(|it| *it - now <= AHEAD_MAX).fold(now, Ord::max);
            let row = diesel::update(host_limits::table.find(host));
            row.set(host_limits::next_at.eq(first + length)).execute(connection)?;
            Ok(first - now)
        })
    }

    /// Notes that a host asks to be left alone.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn leave_alone(&mut self, host: &str, how_long: TimeDelta) -> Result<()> {
        self.0.write("note that a host asks to be left alone", |connection| {
            let (known, now) = Host::take(connection, host)?;
            let known = known.alone_until.filter(|it| *it - now <= AHEAD_MAX);
            let until = known.map_or(now + how_long, |known| known.max(now + how_long));
            let row = diesel::update(host_limits::table.find(host));
            row.set(host_limits::alone_until.eq(until)).execute(connection).map(drop)
        })
    }

    /// Forgets the hosts that nobody has asked for so long; how many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn forget(&mut self, unused: TimeDelta) -> Result<usize> {
        self.0.write("forget hosts", |connection| {
            let before = database_now(connection)? - unused;
            let is_free = host_limits::alone_until.is_null().or(host_limits::alone_until.lt(before));
            let old = host_limits::table.filter(host_limits::next_at.lt(before)).filter(is_free);
            diesel::delete(old).execute(connection)
        })
    }
}

impl Host {
    fn take(connection: &mut Link, host: &str) -> QueryResult<(Self, NaiveDateTime)> {
        let row = host_limits::table.find(host).select((host_limits::next_at, host_limits::alone_until));
        let mut rows: Vec<(NaiveDateTime, Option<NaiveDateTime>)> = locked!(&mut *connection, row)?;
        if rows.is_empty() {
            let new = (host_limits::host.eq(host), host_limits::next_at.eq(database_now(connection)?));
            insert_if_absent!(&mut *connection, host_limits::table, new)?;
            rows = locked!(&mut *connection, row)?;
        }
        // whoever held it has moved on meanwhile
        let now = database_now(connection)?;
        let (next_at, alone_until) = rows.into_iter().next().unwrap_or((now, None));
        Ok((Self { next_at, alone_until }, now))
    }
}
