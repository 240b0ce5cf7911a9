//! Log records on their way out: page by page in the order of time, or as they are stored.

use std::collections::VecDeque;

use chrono::NaiveDateTime;
use diesel::dsl::min;
use diesel::prelude::*;
use serde::Serialize;

use super::connection::{Link, LinkBackend};
use super::log::Logs;
use super::log_text::{Comparison, LogText, comparison, condition};
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
    /// Only those that may contain this text.
    pub text: Option<LogText>,
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

/// Records in the order of time, one after the other. Each level that occurs, and each app that is asked for, is read
/// for itself, page by page along an index, and they are merged: so no record is read twice, and a page costs as many
/// look-ups as it has rows, however large the table is.
pub struct LogScan {
    filter: LogFilter,
    direction: Direction,
    comparison: Comparison,
    page: i64,
    parts: Vec<Part>,
}

/// The records of one level, and of one app when there is one.
struct Part {
    level: i64,
    app_id: Option<i64>,
    /// The last record that was read.
    at: Option<LogPlace>,
    ready: VecDeque<StoredLog>,
    is_read: bool,
}

impl Logs<'_> {
    /// The records in the order of time, behind `from`; from the very end with `None`. Of each part `page` are read
    /// at once.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn scan(
        &mut self,
        filter: &LogFilter,
        direction: Direction,
        from: Option<LogPlace>,
        page: i64,
    ) -> Result<LogScan> {
        self.0.read("read the log records", |connection| {
            let comparison = comparison_of(connection, filter)?;
            let part = |level, app_id| Part { level, app_id, at: from, ready: VecDeque::new(), is_read: false };
            let mut parts = Vec::new();
            for level in levels(connection, filter.level_min)? {
                match &filter.app_ids {
                    None => parts.push(part(level, None)),
                    Some(ids) => parts.extend(ids.iter().map(|id| part(level, Some(*id)))),
                }
            }
            Ok(LogScan { filter: filter.clone(), direction, comparison, page: page.max(1), parts })
        })
    }

    /// The next record of a scan; `None` at its end.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn next(&mut self, scan: &mut LogScan) -> Result<Option<StoredLog>> {
        if scan.parts.iter().any(Part::is_wanting) {
            self.0.read("read the log records", |connection| scan.fill(connection))?;
        }
        Ok(scan.take())
    }

    /// The first records of a scan, at most `count`.
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
        let mut scan = self.scan(filter, direction, from, count)?;
        let mut rows = Vec::new();
        while (rows.len() as i64) < count
            && let Some(row) = self.next(&mut scan)?
        {
            rows.push(row);
        }
        Ok(rows)
    }

    /// Since when there are at most so many records of this level and above, by each level for itself; `None` where there
    /// are fewer: so a search through the newest ones ends, however many there are.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn since_newest(&mut self, level_min: i64, count: i64) -> Result<Option<NaiveDateTime>> {
        self.0.read("read the log records", |connection| {
            let mut since = None;
            for level in levels(connection, Some(level_min))? {
                let of_level = logs::table.filter(logs::level.eq(level)).order((logs::time.desc(), logs::id.desc()));
                let nth: Option<NaiveDateTime> =
                    of_level.select(logs::time).offset(count).limit(1).first(connection).optional()?;
                since = since.max(nth);
            }
            Ok(since)
        })
    }

    /// Where the record of a number stands.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn place_of(&mut self, id: i64) -> Result<Option<LogPlace>> {
        let row = logs::table.find(id).select(logs::time);
        let time: Option<NaiveDateTime> =
            self.0.read("read a log record", |connection| row.first(connection).optional())?;
        Ok(time.map(|time| LogPlace { time, id }))
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

/// What the filter says of run, time and text.
fn selected(filter: &LogFilter, comparison: Comparison) -> Selected<'_> {
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
    if let Some(text) = &filter.text {
        query = query.filter(condition(text, comparison));
    }
    query
}

/// All that the filter says.
pub(super) fn selected_by_all(filter: &LogFilter, comparison: Comparison) -> Selected<'_> {
    let mut query = selected(filter, comparison);
    if let Some(app_ids) = &filter.app_ids {
        query = query.filter(logs::app_id.eq_any(app_ids.iter().copied().map(Some)));
    }
    if let Some(level) = filter.level_min {
        query = query.filter(logs::level.ge(level));
    }
    query
}

/// How texts are compared, where the filter has one.
pub(super) fn comparison_of(connection: &mut Link, filter: &LogFilter) -> QueryResult<Comparison> {
    filter.text.as_ref().map_or(Ok(Comparison::Like), |_| comparison(connection))
}

impl LogScan {
    /// Reads the next page of each part that has nothing ready.
    fn fill(&mut self, connection: &mut Link) -> QueryResult<()> {
        for part in self.parts.iter_mut().filter(|part| part.is_wanting()) {
            let rows = part.read(connection, &self.filter, self.comparison, self.direction, self.page)?;
            part.is_read = (rows.len() as i64) < self.page;
            part.at = rows.last().map(StoredLog::place).or(part.at);
            part.ready.extend(rows);
        }
        Ok(())
    }

    fn take(&mut self) -> Option<StoredLog> {
        let heads = self.parts.iter_mut().filter(|part| !part.ready.is_empty());
        let place = |part: &&mut Part| part.ready.front().map(StoredLog::place);
        let first = match self.direction {
            Direction::Older => heads.max_by_key(place),
            Direction::Newer => heads.min_by_key(place),
        };
        first.and_then(|part| part.ready.pop_front())
    }
}

impl Part {
    /// Whether it has to be read before the next record is known.
    fn is_wanting(&self) -> bool {
        self.ready.is_empty() && !self.is_read
    }

    fn read(
        &self,
        connection: &mut Link,
        filter: &LogFilter,
        comparison: Comparison,
        direction: Direction,
        count: i64,
    ) -> QueryResult<Vec<StoredLog>> {
        let mut query = selected(filter, comparison).filter(logs::level.eq(self.level));
        if let Some(app_id) = self.app_id {
            query = query.filter(logs::app_id.eq(app_id));
        }
        // the first condition alone bounds the part of the index that is looked at
        query = match (direction, self.at) {
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
}
