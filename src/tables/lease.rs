//! Leases: until when the owner of a row is believed to live. They are written and end by the database's clock alone, so
//! that the clocks of machines need not agree.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::Store;
use super::connection::Link;
use super::run_list::Runs;
use super::schema::runtime;
pub(super) use super::time::database_now;
use crate::error::Result;
use crate::ident::RuntimeId;

/// The longest lease. One that ends later than this from now was written by a clock that was wrong, and is over.
pub const LEASE_MAX: Duration = Duration::from_secs(600);
/// How many runs one statement renews.
const RENEWED_MAX: usize = 500;

/// What came of renewing the lease of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// The run is still its owner's.
    Kept,
    /// Somebody has closed it; their reason. Its owner writes nothing more.
    Lost(String),
}

/// The end of a lease that begins now.
pub(super) fn lease_end(connection: &mut Link, length: Duration) -> QueryResult<NaiveDateTime> {
    Ok(database_now(connection)? + span(length))
}

/// Whether a lease is over at `now`, which is of the database's clock.
pub fn is_over(lease_until: NaiveDateTime, now: NaiveDateTime) -> bool {
    lease_until <= now || lease_until > now + span(LEASE_MAX)
}

/// Whether so little is left of a lease that it is time to renew it.
pub fn is_short(lease_until: Option<NaiveDateTime>, now: NaiveDateTime, length: Duration) -> bool {
    lease_until.is_none_or(|until| is_over(until, now) || until < now + span(length / 2))
}

fn span(length: Duration) -> TimeDelta {
    TimeDelta::from_std(length.min(LEASE_MAX)).unwrap_or_default()
}

impl Store {
    /// Whether the database has a clock of its own: a file has none.
    pub fn has_clock(&self) -> bool {
        self.connection.is_server()
    }

    /// What time it is by the database's clock, in UTC.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub fn now(&mut self) -> Result<NaiveDateTime> {
        self.read("ask the database for the time", database_now)
    }
}

impl Runs<'_> {
    /// Renews the lease of an open run, unless somebody else has just done so. One that was over before, and that nobody
    /// has closed, lives on.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn renew(&mut self, run: &RuntimeId, length: Duration) -> Result<Renewal> {
        let (row, now) = self.0.read("read a run's lease", |connection| {
            let row = runtime::table.find(run.as_str());
            let row = row.select((runtime::ended_at, runtime::reason, runtime::lease_until)).first(connection);
            let row: Option<(Option<NaiveDateTime>, Option<String>, Option<NaiveDateTime>)> = row.optional()?;
            Ok((row, database_now(connection)?))
        })?;
        match row {
            None => Ok(Renewal::Lost("its row was deleted".to_owned())),
            Some((Some(_), reason, _)) => Ok(Renewal::Lost(reason.unwrap_or_else(|| "somebody closed it".to_owned()))),
            Some((None, _, lease_until)) => {
                if is_short(lease_until, now, length) {
                    self.renew_all(&[run.as_str()], length)?;
                }
                Ok(Renewal::Kept)
            }
        }
    }

    /// Renews the leases of these runs, as far as they are open, in one statement for many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn renew_all(&mut self, runs: &[&str], length: Duration) -> Result<()> {
        for some in runs.chunks(RENEWED_MAX) {
            self.0.write("renew the leases of runs", |connection| {
                let until = lease_end(connection, length)?;
                let open = runtime::table.filter(runtime::id.eq_any(some).and(runtime::ended_at.is_null()));
                diesel::update(open).set(runtime::lease_until.eq(until)).execute(connection).map(drop)
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn a_lease_ends_by_its_time_and_one_of_a_wrong_clock_is_none() {
        let now = clock::now();
        let at = |seconds| now + TimeDelta::seconds(seconds);
        for (seconds, expected) in [(-1, true), (0, true), (1, false), (600, false), (601, true), (172_800, true)] {
            assert_eq!(is_over(at(seconds), now), expected, "{seconds} s");
        }
        let minute = Duration::from_secs(60);
        assert!(is_short(None, now, minute) && is_short(Some(at(29)), now, minute));
        assert!(is_short(Some(at(1_000)), now, minute) && !is_short(Some(at(31)), now, minute));
    }
}
