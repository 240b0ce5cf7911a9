//! A window of the log: so many lines from a place on, or up to one, with links to what lies before and behind it.

use super::super::logs::{LogLine, Matcher, level};
use crate::error::{Error, ErrorKind, Result};
use crate::tables::{Direction, LogFilter, LogPlace, Store, StoredLog};

/// The most lines of a window.
const LINES_MAX: usize = 500;
/// Records that are looked through for a text at one look: the next look goes on from there.
const LOOKED_MAX: usize = 50_000;
/// Records that are read at once.
const PAGE: i64 = 500;

/// Which lines.
#[derive(Debug, Clone, Default)]
pub struct LogWindowOptions {
    /// Of this run.
    pub runtime: Option<String>,
    /// Of these apps.
    pub app_ids: Option<Vec<i64>>,
    /// Of this level and above.
    pub level: Option<String>,
    /// With this text.
    pub text: Option<String>,
    /// Lines before this place, as [`LogWindow::older`] has it.
    pub before: Option<String>,
    /// Lines behind this place, as [`LogWindow::newer`] has it.
    pub after: Option<String>,
    /// Around the record of this number.
    pub line: Option<i64>,
    /// At most so many; 500 where it is 0.
    pub count: usize,
}

/// A window of the log.
#[derive(Debug, Default)]
pub struct LogWindow {
    /// The lines, the oldest first.
    pub lines: Vec<LogLine>,
    /// The place before which older lines lie.
    pub older: Option<String>,
    /// The place behind which newer lines lie; `None` at the end of the log.
    pub newer: Option<String>,
}

impl LogWindow {
    /// Reads it.
    ///
    /// # Errors
    /// Usage for a level or a place that is none; not found for a record; what the database says.
    pub fn read(store: &mut Store, options: &LogWindowOptions) -> Result<Self> {
        let text = options.text.as_deref().filter(|text| !text.is_empty());
        let matcher = Matcher::new(text, None)?;
        let level_min = options.level.as_deref().filter(|level| !level.is_empty()).map(level).transpose()?;
        let filter = LogFilter {
            app_ids: options.app_ids.clone(),
            runtime: options.runtime.clone(),
            level_min,
            text: matcher.text(),
            ..LogFilter::default()
        };
        let count = if options.count == 0 { LINES_MAX } else { options.count.min(LINES_MAX) };
        let mut reader = Reader { store, filter, matcher };
        if let Some(id) = options.line {
            return reader.around(id, count);
        }
        if let Some(place) = options.after.as_deref() {
            let place = read_place(place)?;
            let (rows, more) = reader.page(Direction::Newer, Some(place), count)?;
            let older = rows.first().map(|row| text_of(row.place()));
            let newer = rows.last().map(|row| text_of(row.place())).filter(|_| more);
            return Ok(Self { lines: lines(rows), older, newer });
        }
        let place = options.before.as_deref().map(read_place).transpose()?;
        let (mut rows, more) = reader.page(Direction::Older, place, count)?;
        rows.reverse();
        let older = rows.first().map(|row| text_of(row.place())).filter(|_| more);
        let newer = rows.last().map(|row| text_of(row.place())).filter(|_| place.is_some());
        Ok(Self { lines: lines(rows), older, newer })
    }
}

struct Reader<'a> {
    store: &'a mut Store,
    filter: LogFilter,
    matcher: Matcher,
}

impl Reader<'_> {
    /// So many lines from a place on, and whether there are more.
    fn page(&mut self, to: Direction, from: Option<LogPlace>, count: usize) -> Result<(Vec<StoredLog>, bool)> {
        let (mut rows, mut looked) = (Vec::new(), 0);
        let mut scan = self.store.logs().scan(&self.filter, to, from, PAGE.min(count as i64 + 1))?;
        while let Some(row) = self.store.logs().next(&mut scan)? {
            looked += 1;
            if self.matcher.takes(&row) {
                if rows.len() == count {
                    return Ok((rows, true));
                }
                rows.push(row);
            }
            if looked == LOOKED_MAX {
                return Ok((rows, true));
            }
        }
        Ok((rows, false))
    }

    fn around(&mut self, id: i64, count: usize) -> Result<LogWindow> {
        let none = || Error::new(ErrorKind::NotFound, format!("find the log record {id}"));
        let place = self.store.logs().place_of(id)?.ok_or_else(none)?;
        let (mut rows, has_older) = self.page(Direction::Older, Some(place), count / 2)?;
        rows.reverse();
        let from = LogPlace { id: place.id - 1, ..place };
        let (behind, has_newer) = self.page(Direction::Newer, Some(from), count - count / 2)?;
        rows.extend(behind);
        let older = rows.first().map(|row| text_of(row.place())).filter(|_| has_older);
        let newer = rows.last().map(|row| text_of(row.place())).filter(|_| has_newer);
        Ok(LogWindow { lines: lines(rows), older, newer })
    }
}

fn lines(rows: Vec<StoredLog>) -> Vec<LogLine> {
    rows.into_iter().map(|log| LogLine::of(log, None)).collect()
}

/// A place as it stands in an address: `1764547200000000-17`.
fn text_of(place: LogPlace) -> String {
    format!("{}-{}", place.time.and_utc().timestamp_micros(), place.id)
}

fn read_place(text: &str) -> Result<LogPlace> {
    let read = || {
        let (micros, id) = text.rsplit_once('-')?;
        let time = chrono::DateTime::from_timestamp_micros(micros.parse().ok()?)?.naive_utc();
        Some(LogPlace { time, id: id.parse().ok()? })
    };
    read().ok_or_else(|| Error::new(ErrorKind::Usage, format!("read `{text}` as a place in the log")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = LogPlace { time: crate::clock::now(), id: 17 };
        assert_eq!(read_place(&text_of(place)).expect("a place"), place);
        for wrong in ["", "1", "-", "x-1", "1-x", "99999999999999999999-1"] {
            assert_eq!(read_place(wrong).map_err(|error| error.kind()), Err(ErrorKind::Usage), "{wrong}");
        }
    }
}
