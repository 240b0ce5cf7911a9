//! When an app is due: by cron, at an interval, or only when a person asks; in its own time zone, over clock changes too.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use crate::zone::Zone;

/// The most moments that are tried until one lies after a doubled hour; a pattern of every second has 3,600.
const CANDIDATES_MAX: usize = 100_000;

/// When an app is due.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Schedule {
    /// Only when somebody runs it.
    #[default]
    ByHand,
    /// By a cron pattern, on the wall clock of the app's time zone.
    Cron(CronPattern),
    /// This long after the run before.
    Every(Duration),
}

impl Schedule {
    /// The first moment after `after` (both UTC) at which the app is due; `None` when it never is.
    pub fn next(&self, after: NaiveDateTime, timezone: &Zone) -> Option<NaiveDateTime> {
        match self {
            Self::ByHand => None,
            Self::Every(interval) => after.checked_add_signed(TimeDelta::from_std(*interval).ok()?),
            Self::Cron(pattern) => pattern.next(after, timezone),
        }
    }
}

/// A cron pattern of five or six fields (the first is the second then), with names, or `@daily` and its like.
#[derive(Clone)]
pub struct CronPattern {
    text: String,
    cron: Box<Cron>,
}

impl CronPattern {
    /// Reads a pattern and makes sure that it is ever due.
    ///
    /// # Errors
    /// What is wrong with it, to stand behind a colon.
    pub fn read(text: &str) -> Result<Self, String> {
        let pattern = match text.trim().to_ascii_lowercase().as_str() {
            // croner does not know this name, crontab does
            "@midnight" => "@daily".to_owned(),
            other => other.to_owned(),
        };
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron = parser.parse(&pattern).map_err(|cause| cause.to_string().trim_end_matches('.').to_owned())?;
        let pattern = Self { text: text.trim().to_owned(), cron: Box::new(cron) };
        // years cannot be named, so what is due once is due again: any start shows it
        match pattern.next(DateTime::UNIX_EPOCH.naive_utc(), &Zone::UTC) {
            Some(_) => Ok(pattern),
            None => Err("no date ever matches it".to_owned()),
        }
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A pattern is about the wall clock: a moment that the clock skips comes once, at the end of the gap, and one that it
    /// shows twice comes the first time. Whoever means elapsed time writes an interval.
    fn next(&self, after: NaiveDateTime, timezone: &Zone) -> Option<NaiveDateTime> {
        let mut wall = timezone.wall(after);
        for _ in 0..CANDIDATES_MAX {
            wall = self.cron.find_next_occurrence(&wall, false).ok()?;
            let due = timezone.first_moment(wall)?;
            if due > after {
                return Some(due);
            }
        }
        None
    }
}

impl PartialEq for CronPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CronPattern {}

impl fmt::Debug for CronPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CronPattern({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").expect(text)
    }

    fn runs(pattern: &str, timezone: &Zone, after: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::Cron(CronPattern::read(pattern).expect(pattern));
        let mut due = moment(after);
        let mut next = || {
            due = schedule.next(due, timezone)?;
            Some(due.format("%d %H:%M:%S").to_string())
        };
        (0..count).map_while(|_| next()).collect()
    }

    #[test]
    fn five_and_six_fields_names_and_nicknames() {
        assert_eq!(runs("*/15 6-22 * * mon-fri", &Zone::UTC, "2026-11-20 22:40:00", 2), ["20 22:45:00", "23 06:00:00"]);
        assert_eq!(runs("30 0 12 1 jan *", &Zone::UTC, "2026-11-20 00:00:00", 1), ["01 12:00:30"]);
        assert_eq!(runs("@daily", &Zone::UTC, "2026-11-20 00:00:00", 1), ["21 00:00:00"]);
        assert_eq!(runs("@midnight", &Zone::UTC, "2026-11-20 00:00:00", 1), ["21 00:00:00"]);
        assert_eq!(runs("0 0 29 2 *", &Zone::UTC, "2026-01-01 00:00:00", 1), ["29 00:00:00"]);
    }

    #[test]
    fn patterns_that_are_wrong_or_never_due_are_refused() {
        for pattern in ["0 0 31 2 *", "", "* * *", "61 * * * *", "0 0 * * * * 2027", "soon", "@sometimes", "0 0 30 2 ?"]
        {
            assert!(CronPattern::read(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_skipped_time_runs_once_after_the_gap() {
        let zagreb = &Zone::named("Europe/Zagreb").expect("a zone");
        // 02:00 becomes 03:00 (01:00 UTC) on 2026-03-29
        assert_eq!(runs("30 2 * * *", zagreb, "2026-03-28 12:00:00", 2), ["29 01:00:00", "30 00:30:00"]);
        assert_eq!(runs("*/15 2 * * *", zagreb, "2026-03-28 12:00:00", 2), ["29 01:00:00", "30 00:00:00"]);
        assert_eq!(runs("0 2,3 * * *", zagreb, "2026-03-28 12:00:00", 2), ["29 01:00:00", "30 00:00:00"]);
        assert_eq!(runs("0 * * * *", zagreb, "2026-03-29 00:00:00", 2), ["29 01:00:00", "29 02:00:00"]);
    }

    #[test]
    fn a_doubled_time_runs_once() {
        let zagreb = &Zone::named("Europe/Zagreb").expect("a zone");
        // 03:00 becomes 02:00 (01:00 UTC) on 2026-10-25
        assert_eq!(runs("30 2 * * *", zagreb, "2026-10-24 12:00:00", 2), ["25 00:30:00", "26 01:30:00"]);
        let twice = runs("0,30 2 * * *", zagreb, "2026-10-24 12:00:00", 3);
        assert_eq!(twice, ["25 00:00:00", "25 00:30:00", "26 01:00:00"]);
        let every = runs("30 * * * *", zagreb, "2026-10-24 23:00:00", 3);
        assert_eq!(every, ["24 23:30:00", "25 00:30:00", "25 02:30:00"]);
        // asked in the middle of the doubled hour
        assert_eq!(runs("* * 2 * * *", zagreb, "2026-10-25 01:10:00", 1), ["26 01:00:00"]);
        assert_eq!(runs("* * * * *", zagreb, "2026-10-25 01:10:00", 1), ["25 02:00:00"]);
    }

    #[test]
    fn an_interval_counts_from_the_run_before_and_by_hand_is_never_due() {
        let every = Schedule::Every(Duration::from_secs(900));
        assert_eq!(every.next(moment("2026-11-20 00:07:00"), &Zone::UTC), Some(moment("2026-11-20 00:22:00")));
        assert_eq!(every.next(NaiveDateTime::MAX, &Zone::UTC), None);
        assert_eq!(Schedule::ByHand.next(moment("2026-11-20 00:07:00"), &Zone::UTC), None);
    }
}
