//! Quiet hours: from one time of the day to another, on the clock of a zone.

use chrono::{Local, NaiveDateTime, NaiveTime, TimeZone};

use crate::zone::Zone;

/// Hours in which only what is critical is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quiet {
    from: NaiveTime,
    to: NaiveTime,
    /// This machine's zone where there is none.
    zone: Option<Zone>,
}

impl Quiet {
    /// `22:00-07:00`.
    pub(super) fn read(text: &str, zone: Option<Zone>) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").ok();
        let (from, to) = (time(from)?, time(to)?);
        (from != to).then_some(Self { from, to, zone })
    }

    /// Whether it is quiet then.
    pub(super) fn holds(&self, moment: NaiveDateTime) -> bool {
        let time = match &self.zone {
            Some(zone) => zone.wall(moment).time(),
            None => Local.from_utc_datetime(&moment).time(),
        };
        match self.from < self.to {
            true => self.from <= time && time < self.to,
            false => self.from <= time || time < self.to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_go_over_midnight_and_keep_the_zone() {
        let quiet = Quiet::read("22:00-07:00", Zone::named("Europe/Zagreb")).expect("hours");
        let at = |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a moment");
        // Zagreb is an hour ahead in winter, two in summer
        for (moment, expected) in [
            ("2026-01-10 20:59", false),
            ("2026-01-10 21:00", true),
            ("2026-01-10 05:59", true),
            ("2026-01-10 06:00", false),
            ("2026-07-10 20:00", true),
            ("2026-07-10 05:00", false),
        ] {
            assert_eq!(quiet.holds(at(moment)), expected, "{moment}");
        }
        for text in ["", "22-7", "22:00", "08:00-08:00", "25:00-07:00"] {
            assert_eq!(Quiet::read(text, None), None, "{text}");
        }
    }
}
