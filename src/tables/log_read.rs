//! Log records on their way out: page by page in the order of time, or as they are stored.

use chrono::NaiveDateTime;
use diesel::dsl::min;
use diesel::prelude::*;
use serde::Serialize;

use super::connection::{Link, LinkBackend};
use super::log::Logs;
use super::schema::logs;
use super::shown;
use crate::error::Result;

/// A log record as the database has it.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = logs)]
pub struct StoredLog {
    /// Its number; it grows with the order of storing.
    pub id: i64,
    /// The run it belongs to.
    pub runtime: Option<String>,
    /// The app it belongs to.
    pub app_id: Option<i64>,
    /// When it was written.
    #[serde(serialize_with = "shown::moment")]
    pub time: NaiveDateTime,
    /// How grave it is.
    pub level: i64,
    /// What wrote it.
    pub source: String,
    /// The message.
    pub message: String,
    /// Its other keys, as JSON.
    pub context: Option<String>,
}

/// Which log records to read.
#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// Only those of these apps; `None` for all.
    pub app_ids: Option<Vec<i64>>,
    /// Only those of this run.
    pub runtime: Option<String>,
    /// Only those of this level and above.
    pub level_min: Option<i64>,
    /// Only those written at this time and later.
    pub since: Option<NaiveDateTime>,
    /// Only those written before this time.
    pub until: Option<NaiveDateTime>,
}

/// Where a record stands in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPlace {
    /// When it was written.
    pub time: NaiveDateTime,
    /// Its number, among those of one moment.
    pub id: i64,
}

/// Which way a page goes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the past: the newest first.
    Older,
    /// To the present: the oldest first.
    Newer,
}

impl StoredLog {
    /// Where it stands in the order of time.
    pub fn place(&self) -> LogPlace {
        LogPlace { time: self.time, id: self.id }
    }
}

impl Logs<'_> {
    /// The next records in the order of time, at most `count`, behind `from`; from the very end with `None`.
    ///
    /// A page costs as many index look-ups as it has rows, however large the table is: one short query for each level
    /// that occurs, and for each app asked for.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn page(
        &mut self,
        filter: &LogFilter,
        direction: Direction,
        from: Option<LogPlace>,
        count: i64,
    ) -> Result<Vec<StoredLog>> {
        self.0.read("read the log records", |connection| {
            let mut rows = Vec::new();
            for level in levels(connection, filter.level_min)? {
                match &filter.app_ids {
                    None => rows.extend(part(connection, filter, (level, None), direction, from, count)?),
                    Some(ids) => {
                        for id in ids {
                            rows.extend(part(connection, filter, (level, Some(*id)), direction, from, count)?);
                        }
                    }
                }
            }
            rows.sort_unstable_by_key(StoredLog::place);
            if direction == Direction::Older {
                rows.reverse();
            }
            rows.truncate(usize::try_from(count).unwrap_or_default());
            Ok(rows)
        })
    }

    /// The records that were stored after number `id`, at most `count`, in the order of storing.
    ///
    /// On PostgreSQL a follower should ask again a little behind the last number it saw: two transactions that store
    /// at the same moment may become visible in the other order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn after(&mut self, filter: &LogFilter, id: i64, count: i64) -> Result<Vec<StoredLog>> {
        self.0.read("read the log records", |connection| {
            let mut query = selected(filter).filter(logs::id.gt(id));
            if let Some(app_ids) = &filter.app_ids {
                query = query.filter(logs::app_id.eq_any(app_ids.iter().copied().map(Some)));
            }
            if let Some(level) = filter.level_min {
                query = query.filter(logs::level.ge(level));
            }
            query.order(logs::id.asc()).limit(count).load(connection)
        })
    }

    /// The number of the record that was stored last; 0 when there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn last_id(&mut self) -> Result<i64> {
        let newest = logs::table.select(logs::id).order(logs::id.desc());
        self.0.read("read the log records", |connection| {
            newest.first(connection).optional().map(Option::unwrap_or_default)
        })
    }

    /// How many records were written before `until`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn count_before(&mut self, until: NaiveDateTime) -> Result<i64> {
        self.0.read("count the log records", |connection| {
            levels(connection, None)?.into_iter().try_fold(0, |sum, level| {
                let old = logs::table.filter(logs::level.eq(level)).filter(logs::time.lt(until));
                old.count().get_result::<i64>(connection).map(|count| sum + count)
            })
        })
    }

    /// Deletes records that were written before `until`, at most `count` in one short transaction; how many it were.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn delete_before(&mut self, until: NaiveDateTime, count: i64) -> Result<u64> {
        self.0.write("delete log records", |connection| {
            let mut ids: Vec<i64> = Vec::new();
            for level in levels(connection, None)? {
                let old = logs::table.select(logs::id).filter(logs::level.eq(level)).filter(logs::time.lt(until));
                ids.extend(old.order(logs::time.asc()).limit(count - ids.len() as i64).load::<i64>(connection)?);
            }
            diesel::delete(logs::table.filter(logs::id.eq_any(&ids))).execute(connection).map(|rows| rows as u64)
        })
    }
}

/// The levels that occur, from `lowest` on: one step in the index for each.
fn levels(connection: &mut Link, lowest: Option<i64>) -> QueryResult<Vec<i64>> {
    let mut found = Vec::new();
    let mut next = lowest.unwrap_or(i64::MIN);
    while let Some(level) =
        logs::table.select(min(logs::level)).filter(logs::level.ge(next)).first::<Option<i64>>(connection)?
    {
        found.push(level);
        let Some(above) = level.checked_add(1) else { break };
        next = above;
    }
    Ok(found)
}

type Selected<'a> = diesel::helper_types::IntoBoxed<
    'a,
    diesel::dsl::Select<logs::table, diesel::dsl::AsSelect<StoredLog, LinkBackend>>,
    LinkBackend,
>;

/// What the filter says of run and time.
fn selected(filter: &LogFilter) -> Selected<'_> {
    let mut query = logs::table.select(StoredLog::as_select()).into_boxed();
    if let Some(runtime) = &filter.runtime {
        query = query.filter(logs::runtime.eq(runtime));
    }
    if let Some(since) = filter.since {
        query = query.filter(logs::time.ge(since));
    }
    if let Some(until) = filter.until {
        query = query.filter(logs::time.lt(until));
    }
    query
}

/// A page of one level, and of one app when there is one.
fn part(
    connection: &mut Link,
    filter: &LogFilter,
    (level, app_id): (i64, Option<i64>),
    direction: Direction,
    from: Option<LogPlace>,
    count: i64,
) -> QueryResult<Vec<StoredLog>> {
    let mut query = selected(filter).filter(logs::level.eq(level));
    if let Some(app_id) = app_id {
        query = query.filter(logs::app_id.eq(app_id));
    }
    // the first condition alone bounds the part of the index that is looked at
    query = match (direction, from) {
        (_, None) => query,
        (Direction::Older, Some(LogPlace { time, id })) => {
            query.filter(logs::time.le(time)).filter(logs::time.lt(time).or(logs::id.lt(id)))
        }
        (Direction::Newer, Some(LogPlace { time, id })) => {
            query.filter(logs::time.ge(time)).filter(logs::time.gt(time).or(logs::id.gt(id)))
        }
    };
    match direction {
        Direction::Older => query.order((logs::time.desc(), logs::id.desc())),
        Direction::Newer => query.order((logs::time.asc(), logs::id.asc())),
    }
    .limit(count)
    .load(connection)
}
