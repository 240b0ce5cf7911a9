//! `dc manager simulate --cron`: when a pattern is due, so that a crontab can be compared before it is moved here.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use serde::Serialize;

use crate::apps::{CronPattern, Schedule};
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::zone::Zone;

/// What `dc manager simulate --cron` is asked for.
#[derive(Debug, Clone)]
pub struct CronOptions {
    /// The pattern, as a crontab or an app.toml has it.
    pub pattern: String,
    /// The time zone whose wall clock it is about.
    pub timezone: String,
    /// How many moments.
    pub count: usize,
}

/// The next moments of a pattern.
#[derive(Debug, Serialize)]
pub struct CronForecast {
    /// The pattern.
    pub pattern: String,
    /// The time zone.
    pub timezone: String,
    /// The moments.
    pub due: Vec<CronMoment>,
}

/// A moment at which a pattern is due.
#[derive(Debug, Serialize)]
pub struct CronMoment {
    /// When, in UTC.
    pub at: DateTime<chrono::Utc>,
    /// What the wall clock of the zone shows then, and how far it is ahead of UTC.
    pub wall: String,
}

/// Works out when a pattern is due. Asks no database.
///
/// # Errors
/// Usage, for a pattern or a time zone that cannot be read.
pub fn cron_forecast(options: &CronOptions) -> Result<CronForecast> {
    let CronOptions { pattern, timezone, count } = options;
    let cron = CronPattern::read(pattern).map_err(|reason| {
        Error::new(ErrorKind::Usage, format!("read `{pattern}` as a cron pattern: {reason}"))
            .hint("--cron '*/15 6-22 * * mon-fri': minute, hour, day of month, month, day of week")
    })?;
    let zone = Zone::named(timezone).ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("find the time zone `{timezone}`")).hint("--timezone Europe/Zagreb")
    })?;
    let schedule = Schedule::Cron(cron);
    let due = std::iter::successors(schedule.next(clock::now(), &zone), |due| schedule.next(*due, &zone));
    let due = due.take(*count).map(|at| CronMoment { at: at.and_utc(), wall: wall(at, &zone) }).collect();
    Ok(CronForecast { pattern: pattern.clone(), timezone: timezone.clone(), due })
}

fn wall(at: NaiveDateTime, zone: &Zone) -> String {
    let offset = zone.offset(at);
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = TimeDelta::seconds(i64::from(offset.abs())).num_minutes();
    format!("{}{sign}{:02}:{:02}", zone.wall(at).format("%a %Y-%m-%d %H:%M:%S "), minutes / 60, minutes % 60)
}

impl fmt::Display for CronForecast {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` in {} is due next at", self.pattern, self.timezone)?;
        self.due.iter().try_for_each(|moment| write!(formatter, "\n  {}", moment.wall))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_shown_on_the_wall_clock_of_its_zone() {
        let options = |pattern: &str, timezone: &str| CronOptions {
            pattern: pattern.to_owned(),
            timezone: timezone.to_owned(),
            count: 3,
        };
        let shown = cron_forecast(&options("0 12 1 7 *", "Europe/Zagreb")).expect("a forecast");
        assert_eq!(shown.due.len(), 3);
        assert!(shown.due.iter().all(|moment| moment.wall.ends_with("-07-01 12:00:00 +02:00")), "{shown}");
        assert!(shown.due.iter().all(|moment| moment.at.to_rfc3339().contains("-07-01T10:00:00")), "{shown}");
        let new_york = cron_forecast(&options("0 12 1 7 *", "America/New_York")).expect("a forecast");
        assert!(new_york.to_string().contains("12:00:00 -04:00"), "{new_york}");
        for (pattern, timezone) in [("MON 0 * * *", "UTC"), ("0 0 * * *", "Europe/Nowhere")] {
            let error = cron_forecast(&options(pattern, timezone)).expect_err("wrong");
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        }
    }
}
