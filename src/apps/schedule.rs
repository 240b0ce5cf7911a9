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
    /// Once for each boot of its machine.
    AtBoot,
}

/// How [`Schedule::AtBoot`] is written, as in a crontab.
pub const AT_BOOT: &str = "@reboot";

impl Schedule {
    /// The first moment after `after` (both UTC) at which the app is due; `None` when it never is.
    pub fn next(&self, after: NaiveDateTime, timezone: &Zone) -> Option<NaiveDateTime> {
        match self {
            Self::ByHand | Self::AtBoot => None,
            Self::Every(interval) => after.checked_add_signed(TimeDelta::from_std(*interval).ok()?),
            Self::Cron(pattern) => pattern.next(after, timezone),
        }
    }
}

/// A cron pattern of five or six fields (the first is the second then), with names, or `@daily` and its like. It means what
/// crontab(5) says: day of month and day of week must both fit where one of them begins with `*`, else either.
#[derive(Clone)]
pub struct CronPattern {
    text: String,
    cron: Box<Cron>,
    /// Its hour is a wildcard: it goes by elapsed time where a clock is set.
    is_every_hour: bool,
}

/// The fields of a pattern, from the last one, and the names that each may hold.
const NAMES: [&[&str]; 6] = [
    &["sun", "mon", "tue", "wed", "thu", "fri", "sat", "l", "sunl", "monl", "tuel", "wedl", "thul", "fril", "satl"],
    &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    &["l", "w", "lw"],
    &[],
    &[],
    &[],
];

impl CronPattern {
    /// Reads a pattern and makes sure that it is ever due.
    ///
    /// # Errors
    /// What is wrong with it, to stand behind a colon.
    pub fn read(text: &str) -> Result<Self, String> {
        let pattern = match text.trim().to_ascii_lowercase().as_str() {
            // croner does not know this name, crontab does
            "@midnight" => "@daily".to_owned(),
            AT_BOOT => return Err("it is due when a machine has booted, and at no time that is known".to_owned()),
            other => other.to_owned(),
        };
        let fields: Vec<&str> = pattern.split_whitespace().rev().collect();
        check_names(&fields)?;
        let begins_with_star = |place: usize| fields.get(place).is_some_and(|field| field.starts_with(['*', '?']));
        let (any_weekday, any_day) = (begins_with_star(0), begins_with_star(2));
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed);
        let parser = parser.dom_and_dow(any_weekday || any_day).build();
        let cron = parser.parse(&pattern).map_err(|cause| cause.to_string().trim_end_matches('.').to_owned())?;
        let is_every_hour = begins_with_star(3) || pattern == "@hourly";
        let pattern = Self { text: text.trim().to_owned(), cron: Box::new(cron), is_every_hour };
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

    fn next(&self, after: NaiveDateTime, timezone: &Zone) -> Option<NaiveDateTime> {
        match self.is_every_hour {
            true => self.next_by_elapsed_time(after, timezone),
            false => self.next_by_wall_clock(after, timezone),
        }
    }

    /// A pattern with a wildcard hour is due whenever the wall clock fits, also in an hour that it shows twice; an hour
    /// that it skips is none.
    fn next_by_elapsed_time(&self, after: NaiveDateTime, timezone: &Zone) -> Option<NaiveDateTime> {
        let (mut from, mut is_inclusive) = (after, false);
        let mut changes = timezone.changes(after);
        loop {
            let wall = timezone.wall(from);
            let due = from + (self.cron.find_next_occurrence(&wall, is_inclusive).ok()? - wall);
            // from each change on the wall clock goes evenly until the next one
            match changes.next() {
                Some(change) if due >= change => (from, is_inclusive) = (change, true),
                _ => return Some(due),
            }
        }
    }

    /// A pattern of fixed hours is about the wall clock: a moment that the clock skips comes once, at the end of the gap,
    /// and one that it shows twice comes the first time.
    fn next_by_wall_clock(&self, after: NaiveDateTime, timezone: &Zone) -> Option<NaiveDateTime> {
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

/// Refuses a name outside of its field, which would be taken for a number: `MON` for minute 1.
fn check_names(fields: &[&str]) -> Result<(), String> {
    if fields.first().is_some_and(|field| field.starts_with('@')) {
        return Ok(());
    }
    for (field, known) in fields.iter().zip(NAMES) {
        let mut names = field.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|name| !name.is_empty());
        if let Some(name) = names.find(|name| !known.contains(name)) {
            return Err(format!("`{name}` is no name of its field: minute, hour, day of month, month, day of week"));
        }
    }
    Ok(())
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
        for pattern in ["MON 0 * * *", "0 jan * * *", "0 0 fri * *", "0 0 * mon *", "0 0 * * jan", "0 0 * * monday"] {
            assert!(
                CronPattern::read(pattern).is_err_and(|error| error.contains("is no name of its field")),
                "{pattern}"
            );
        }
        for pattern in ["0 0 L * *", "0 0 15W * *", "0 0 * JAN-mar *", "0 0 * * MON,fri", "0 0 * * fri#2", "0 0 * * 5L"]
        {
            assert!(CronPattern::read(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn both_days_must_fit_where_one_begins_with_a_star_and_else_either() {
        let days = |pattern: &str| {
            let schedule = Schedule::Cron(CronPattern::read(pattern).expect(pattern));
            let until = moment("2025-12-31 12:00:00") + TimeDelta::days(800);
            let mut due = moment("2025-12-31 12:00:00");
            let next = std::iter::from_fn(|| {
                due = schedule.next(due, &Zone::UTC)?;
                (due <= until).then_some(due)
            });
            next.count()
        };
        // the first Sunday of each of 27 months
        assert_eq!(days("0 0 1-7 * */7"), 27);
        assert_eq!(days("0 0 1-7 * sun"), days("0 0 1-7 * *") + days("0 0 * * sun") - 27);
        let mondays = days("0 0 * * 1");
        assert!(days("0 0 */2 * 1") < mondays && days("0 0 1-31/2 * 1") > mondays);
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
        // asked in the middle of the doubled hour
        assert_eq!(runs("* * 2 * * *", zagreb, "2026-10-25 01:10:00", 1), ["26 01:00:00"]);
    }

    #[test]
    fn a_wildcard_hour_goes_by_elapsed_time() {
        let zagreb = &Zone::named("Europe/Zagreb").expect("a zone");
        let every = runs("30 * * * *", zagreb, "2026-10-24 23:00:00", 4);
        assert_eq!(every, ["24 23:30:00", "25 00:30:00", "25 01:30:00", "25 02:30:00"]);
        let often = runs("*/5 * * * *", zagreb, "2026-10-25 00:50:00", 4);
        assert_eq!(often, ["25 00:55:00", "25 01:00:00", "25 01:05:00", "25 01:10:00"]);
        assert_eq!(runs("* * * * *", zagreb, "2026-10-25 01:10:00", 1), ["25 01:11:00"]);
        assert_eq!(runs("@hourly", zagreb, "2026-10-25 00:00:00", 2), ["25 01:00:00", "25 02:00:00"]);
        // an hour that is skipped is none
        assert_eq!(runs("30 * * * *", zagreb, "2026-03-29 00:00:00", 2), ["29 00:30:00", "29 01:30:00"]);
        assert_eq!(runs("15 */2 * * *", zagreb, "2026-03-28 23:00:00", 2), ["28 23:15:00", "29 02:15:00"]);
        // far ahead, over several changes
        assert_eq!(runs("0 * 1 1 *", zagreb, "2026-03-01 00:00:00", 1), ["31 23:00:00"]);
    }

    #[test]
    fn an_interval_counts_from_the_run_before_and_by_hand_is_never_due() {
        let every = Schedule::Every(Duration::from_secs(900));
        assert_eq!(every.next(moment("2026-11-20 00:07:00"), &Zone::UTC), Some(moment("2026-11-20 00:22:00")));
        assert_eq!(every.next(NaiveDateTime::MAX, &Zone::UTC), None);
        assert_eq!(Schedule::ByHand.next(moment("2026-11-20 00:07:00"), &Zone::UTC), None);
    }
}
