//! Time zones, as they are built into this program: what their wall clocks show, and when a wall clock shows something.

use std::fmt;
use std::sync::LazyLock;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike};
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};

/// The zones of this program and not those of the machine: the same on every machine that shares a database.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// UTC.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// A zone by its name in the database of IANA, for example `Europe/Zagreb`.
    pub fn named(name: &str) -> Option<Self> {
        ZONES.get(name).ok().map(Self)
    }

    /// The names of all zones.
    pub fn names() -> impl Iterator<Item = String> {
        ZONES.available().map(|name| name.to_string())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// What its clocks show at a moment (UTC).
    pub fn wall(&self, moment: NaiveDateTime) -> NaiveDateTime {
        shift(moment, self.offset(moment)).unwrap_or(moment)
    }

    /// The first moment (UTC) at which its clocks show `wall`; for a time that they leave out the moment at which they do.
    /// `None` beyond the years that can be told.
    pub fn first_moment(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        let back = |offset: Offset| shift(wall, -offset.seconds());
        match self.0.to_ambiguous_timestamp(civil(wall)?).offset() {
            AmbiguousOffset::Unambiguous { offset } => back(offset),
            // the clock is put back: it shows this for the first time before that
            AmbiguousOffset::Fold { before, .. } => back(before),
            AmbiguousOffset::Gap { after, .. } => self.changes(back(after)?).next(),
        }
    }

    /// The moments (UTC) after `from` at which its rules change; at most of them its clocks are set.
    pub fn changes(&self, from: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> {
        let changes = timestamp(from).into_iter().flat_map(|from| self.0.following(from));
        changes.map_while(|change| DateTime::from_timestamp(change.timestamp().as_second(), 0)).map(|at| at.naive_utc())
    }

    /// How far its clocks are ahead of UTC at a moment (UTC), in seconds.
    pub fn offset(&self, moment: NaiveDateTime) -> i32 {
        timestamp(moment).map_or(0, |moment| self.0.to_offset(moment).seconds())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Zone({})", self.name())
    }
}

fn shift(moment: NaiveDateTime, seconds: i32) -> Option<NaiveDateTime> {
    moment.checked_add_signed(TimeDelta::seconds(seconds.into()))
}

fn timestamp(moment: NaiveDateTime) -> Option<Timestamp> {
    let nanoseconds = i32::try_from(moment.nanosecond()).ok()?;
    Timestamp::new(moment.and_utc().timestamp(), nanoseconds.min(999_999_999)).ok()
}

fn civil(wall: NaiveDateTime) -> Option<civil::DateTime> {
    let part = |number: u32| i8::try_from(number).ok();
    civil::DateTime::new(
        wall.year().try_into().ok()?,
        part(wall.month())?,
        part(wall.day())?,
        part(wall.hour())?,
        part(wall.minute())?,
        part(wall.second())?,
        i32::try_from(wall.nanosecond()).ok()?.min(999_999_999),
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").expect(text)
    }

    #[test]
    fn clocks_are_read_and_set() {
        let zagreb = Zone::named("Europe/Zagreb").expect("a zone");
        assert_eq!(zagreb.name(), "Europe/Zagreb");
        assert_eq!(zagreb.wall(moment("2026-07-01 10:00:00.5")), moment("2026-07-01 12:00:00.5"));
        for (wall, expected) in [
            ("2026-07-01 12:00:00.5", "2026-07-01 10:00:00.5"),
            ("2026-03-29 02:30:00", "2026-03-29 01:00:00"),
            ("2026-10-25 02:30:00", "2026-10-25 00:30:00"),
            ("2060-03-28 02:30:00", "2060-03-28 01:00:00"),
        ] {
            assert_eq!(zagreb.first_moment(moment(wall)), Some(moment(expected)), "{wall}");
        }
        let changes: Vec<_> = zagreb.changes(moment("2026-01-01 00:00:00")).take(2).collect();
        assert_eq!(changes, [moment("2026-03-29 01:00:00"), moment("2026-10-25 01:00:00")]);
        // the day that Samoa left out
        let apia = Zone::named("Pacific/Apia").expect("a zone");
        assert_eq!(apia.first_moment(moment("2011-12-30 12:00:00")), Some(moment("2011-12-30 10:00:00")));
    }

    #[test]
    fn names_are_known_and_far_years_are_no_panic() {
        assert!(Zone::named("Zagreb").is_none() && Zone::named("").is_none());
        assert!(Zone::names().count() > 500 && Zone::names().all(|name| Zone::named(&name).is_some()));
        assert_eq!(Zone::UTC.wall(NaiveDateTime::MAX), NaiveDateTime::MAX);
        assert_eq!(Zone::UTC.first_moment(NaiveDateTime::MAX), None);
        assert_eq!(Zone::named("UTC"), Some(Zone::UTC));
    }
}
