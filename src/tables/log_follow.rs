//! Log records as they are stored, by their numbers: each once, whatever order transactions end in.
//!
//! A number is given when a record is inserted, and the record is seen when its transaction ends. SQLite has one
//! writer at a time, so both orders are one. On a server a number that is not seen may be seen later; it may also
//! never be (its transaction was rolled back, the record was deleted). Whoever inserts shows itself before it takes a
//! number, until what it did is seen. So a number is settled when all have ended who were writing into the table when
//! it was missed first. No other transaction of the server matters, however long it takes.

use std::thread::sleep;
use std::time::{Duration, Instant};

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::connection::Link;
use super::log::Logs;
use super::log_read::{LogFilter, StoredLog, comparison_of, selected_by_all};
use super::log_writers::{Writers, writers};
use super::schema::logs;
use crate::error::Result;

/// How long those who are writing are waited for before it is said that they are.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause between two looks whether they still are.
const PAUSE: Duration = Duration::from_millis(20);
/// The most gaps that are asked for in one statement.
const GAPS_AT_ONCE: usize = 100;
/// The most gaps that are looked for behind the start of a follower; beyond lie the oldest records.
const GAPS_MAX: i64 = 10_000;

/// The numbers up to one that are not seen, from the newest on.
const GAPS: &str = "SELECT previous + 1 AS first, id - 1 AS last FROM \
    (SELECT id, COALESCE(lag(id) OVER (ORDER BY id), 0) AS previous FROM logs WHERE id <= $1) AS pairs \
    WHERE id > previous + 1 ORDER BY id DESC LIMIT $2";

/// Where a follower is, and what it may have missed.
#[derive(Debug, Default)]
pub struct LogFollower {
    /// All numbers up to here were looked at.
    seen: i64,
    gaps: Vec<Gap>,
}

/// Numbers that were not seen, and who was writing then.
#[derive(Debug)]
struct Gap {
    first: i64,
    last: i64,
    writers: Writers,
}

/// Records that are stored after a number, in the order of their numbers.
#[derive(Debug)]
pub struct LogsAfter {
    /// Those that are wanted.
    pub rows: Vec<StoredLog>,
    /// Nothing will ever be seen up to here that is not seen now.
    pub settled: i64,
    /// The next ones wait for somebody who is still writing.
    pub is_held: bool,
    /// There may be more.
    pub is_full: bool,
}

#[derive(QueryableByName)]
struct Range {
    #[diesel(sql_type = BigInt)]
    first: i64,
    #[diesel(sql_type = BigInt)]
    last: i64,
}

impl LogFollower {
    /// One that knows all records: for who does not go on.
    pub fn of_all() -> Self {
        Self { seen: i64::MAX, gaps: Vec::new() }
    }

    /// Whether the record was stored before the follower began: it will not give it.
    pub fn knows(&self, id: i64) -> bool {
        id <= self.seen && !self.gaps.iter().any(|gap| (gap.first..=gap.last).contains(&id))
    }

    /// The number up to which all was looked at.
    pub fn seen(&self) -> i64 {
        self.seen
    }
}

impl Logs<'_> {
    /// A follower of what is stored from now on.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn follower(&mut self) -> Result<LogFollower> {
        self.0.read("read the log records", |connection| {
            let seen = logs::table.select(max(logs::id)).first::<Option<i64>>(connection)?.unwrap_or_default();
            let before = writers(connection)?;
            // most are done in a moment, and then nothing is missing
            let writers = wait_for(connection, before)?;
            let mut gaps = Vec::new();
            if !writers.is_empty() {
                let ranges = connection.query(GAPS).bind::<BigInt, _>(seen).bind::<BigInt, _>(GAPS_MAX);
                let ranges: Vec<Range> = ranges.load(connection)?;
                let gap = |Range { first, last }| Gap { first, last, writers: writers.clone() };
                gaps.extend(ranges.into_iter().map(gap));
            }
            Ok(LogFollower { seen, gaps })
        })
    }

    /// What has come since the last time and is wanted, and whether there may be more. It looks at about `count`
    /// records.
    ///
    /// # Errors
    /// When the database cannot be read; then the follower has moved on by nothing.
    pub fn follow(
        &mut self,
        follower: &mut LogFollower,
        filter: &LogFilter,
        count: i64,
    ) -> Result<(Vec<StoredLog>, bool)> {
        self.0.read("read the log records", |connection| {
            let mut rows = Vec::new();
            let gaps = late(connection, &follower.gaps, filter, &mut rows)?;
            let ids = ids_after(connection, follower.seen, count)?;
            let seen = ids.last().copied().unwrap_or(follower.seen);
            let mut next = wanted(connection, filter, follower.seen, seen)?;
            next.retain(|row| ids.binary_search(&row.id).is_ok());
            rows.extend(next);
            let missed = holes(connection, follower.seen, &ids, seen)?;
            *follower = LogFollower { seen, gaps };
            follower.gaps.extend(missed);
            Ok((rows, ids.len() as i64 >= count))
        })
    }

    /// The records that were stored after number `id`, at most `count`, in the order of their numbers: so that who
    /// has the last of them can go on behind it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn after(&mut self, filter: &LogFilter, id: i64, count: i64) -> Result<LogsAfter> {
        self.0.read("read the log records", |connection| {
            let mut ids = ids_after(connection, id, count)?;
            let is_full = ids.len() as i64 >= count;
            let Some(last) = ids.last().copied() else {
                return Ok(LogsAfter { rows: Vec::new(), settled: id, is_held: false, is_full });
            };
            let mut settled = last;
            if !holes(connection, id, &ids, last)?.is_empty() {
                let before = writers(connection)?;
                let late = wait_for(connection, before)?;
                ids = ids_between(connection, id, last)?;
                if let (false, Some(gap)) = (late.is_empty(), holes(connection, id, &ids, last)?.first()) {
                    settled = gap.first - 1;
                }
            }
            let rows = wanted(connection, filter, id, settled)?;
            Ok(LogsAfter { rows, settled, is_held: settled < last, is_full })
        })
    }
}

/// Waits a moment for these; those that are still writing.
fn wait_for(connection: &mut Link, mut late: Writers) -> QueryResult<Writers> {
    let until = Instant::now() + PATIENCE;
    while !late.is_empty() && Instant::now() < until {
        sleep(PAUSE);
        let now = writers(connection)?;
        late.retain(|writer| now.contains(writer));
    }
    Ok(late)
}

fn ids_after(connection: &mut Link, id: i64, count: i64) -> QueryResult<Vec<i64>> {
    logs::table.select(logs::id).filter(logs::id.gt(id)).order(logs::id.asc()).limit(count).load(connection)
}

fn ids_between(connection: &mut Link, after: i64, last: i64) -> QueryResult<Vec<i64>> {
    let between = logs::id.gt(after).and(logs::id.le(last));
    logs::table.select(logs::id).filter(between).order(logs::id.asc()).load(connection)
}

fn wanted(connection: &mut Link, filter: &LogFilter, after: i64, last: i64) -> QueryResult<Vec<StoredLog>> {
    if last <= after {
        return Ok(Vec::new());
    }
    let comparison = comparison_of(connection, filter)?;
    let query = selected_by_all(filter, comparison).filter(logs::id.gt(after)).filter(logs::id.le(last));
    query.order(logs::id.asc()).load(connection)
}

/// The numbers from behind `after` to `last` that are not among `ids`, with those who write now: whoever has taken
/// one of them, and is not among these, has ended.
fn holes(connection: &mut Link, after: i64, ids: &[i64], last: i64) -> QueryResult<Vec<Gap>> {
    if !connection.is_server() || ids.len() as i64 == last - after {
        return Ok(Vec::new());
    }
    let writers = writers(connection)?;
    Ok(ranges(after, ids, last)
        .into_iter()
        .map(|(first, last)| Gap { first, last, writers: writers.clone() })
        .collect())
}

fn ranges(after: i64, ids: &[i64], last: i64) -> Vec<(i64, i64)> {
    let mut found = Vec::new();
    let mut next = after + 1;
    for id in ids.iter().copied().chain([last + 1]) {
        if id > next {
            found.push((next, id - 1));
        }
        next = id + 1;
    }
    found
}

/// What is seen now of the numbers that were missed before, into `rows`; the gaps that are left.
fn late(connection: &mut Link, gaps: &[Gap], filter: &LogFilter, rows: &mut Vec<StoredLog>) -> QueryResult<Vec<Gap>> {
    if gaps.is_empty() {
        return Ok(Vec::new());
    }
    // before it is looked: who has ended by now is seen then
    let now = writers(connection)?;
    let comparison = comparison_of(connection, filter)?;
    let mut left = Vec::new();
    for some in gaps.chunks(GAPS_AT_ONCE) {
        let mut inside = logs::table.select(logs::id).into_boxed();
        for gap in some {
            inside = inside.or_filter(logs::id.between(gap.first, gap.last));
        }
        let ids: Vec<i64> = inside.order(logs::id.asc()).load(connection)?;
        for ids in ids.chunks(GAPS_AT_ONCE) {
            let query = selected_by_all(filter, comparison).filter(logs::id.eq_any(ids.to_vec()));
            rows.extend(query.order(logs::id.asc()).load::<StoredLog>(connection)?);
        }
        for gap in some {
            let late: Writers = gap.writers.intersection(&now).cloned().collect();
            let seen = ids.iter().copied().filter(|id| (gap.first..=gap.last).contains(id)).collect::<Vec<_>>();
            if !late.is_empty() {
                let rest = ranges(gap.first - 1, &seen, gap.last).into_iter();
                left.extend(rest.map(|(first, last)| Gap { first, last, writers: late.clone() }));
            }
        }
    }
    rows.sort_unstable_by_key(|row| row.id);
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_found_between_and_at_the_ends() {
        assert_eq!(ranges(0, &[1, 2, 3], 3), []);
        assert_eq!(ranges(0, &[2, 3, 7], 9), [(1, 1), (4, 6), (8, 9)]);
        assert_eq!(ranges(4, &[], 6), [(5, 6)]);
        assert_eq!(ranges(4, &[], 4), []);
    }

    #[test]
    fn a_follower_knows_what_was_there_and_not_what_may_come() {
        let gap = Gap { first: 3, last: 5, writers: Writers::new() };
        let follower = LogFollower { seen: 7, gaps: vec![gap] };
        let known: Vec<i64> = (1..10).filter(|id| follower.knows(*id)).collect();
        assert_eq!(known, [1, 2, 6, 7]);
    }
}
