//! The one clock: UTC, cut to microseconds, which is what every backend can store; and lengths of time as people write them.

use std::time::Duration;

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, TimeDelta, TimeZone, Utc};

use crate::error::{Error, ErrorKind, Result};

/// The decimal places of a second that are kept.
const DIGITS: u16 = 6;

/// How a moment is written in text columns and in SQLite; it sorts as it reads.
pub const MOMENT_FORMAT: &str = "%Y-%m-%d %H:%M:%S%.6f";

/// Now, in UTC with microseconds.
pub fn now() -> NaiveDateTime {
    cut(Utc::now())
}

/// A moment as it can be stored: UTC with microseconds.
pub fn cut(moment: DateTime<Utc>) -> NaiveDateTime {
    storable(moment.naive_utc())
}

/// The moment that lies so much later, as it can be stored.
pub fn after(moment: NaiveDateTime, elapsed: Duration) -> NaiveDateTime {
    let later = TimeDelta::from_std(elapsed).ok().and_then(|elapsed| moment.checked_add_signed(elapsed));
    storable(later.unwrap_or(moment))
}

/// A moment that was read, as it can be stored.
pub fn storable(moment: NaiveDateTime) -> NaiveDateTime {
    moment.trunc_subsecs(DIGITS)
}

/// A stored moment as text, for example `2026-11-22 06:00:00.000000`.
pub fn text(moment: NaiveDateTime) -> String {
    moment.format(MOMENT_FORMAT).to_string()
}

/// A stored moment with its zone, for programs: `2026-11-22T06:00:00.000000Z`.
pub fn utc(moment: NaiveDateTime) -> String {
    moment.and_utc().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// A stored moment to the second, where people in all zones read the same text.
pub fn brief(moment: NaiveDateTime) -> String {
    moment.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A stored moment to the second, on this machine's clock.
pub fn local(moment: NaiveDateTime) -> String {
    Local.from_utc_datetime(&moment).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// Reads a length of time as people write it: `500ms`, `10s`, `30m`, `2h`, `1d`, or several together (`1h30m`).
///
/// # Errors
/// Usage, where there is no number or no unit.
pub fn duration(text: &str) -> Result<Duration> {
    let wrong = || {
        Error::new(ErrorKind::Usage, format!("read `{text}` as a length of time"))
            .hint("write a number and a unit: 500ms, 10s, 30m, 2h, 1d, or 1h30m")
    };
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit_ms: u64 = match rest[..letters].trim() {
            "ms" => 1,
            "s" | "sec" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return Err(wrong()),
        };
        let part = number.checked_mul(unit_ms).ok_or_else(wrong)?;
        total = total.checked_add(Duration::from_millis(part)).ok_or_else(wrong)?;
        rest = &rest[letters..];
    }
    Ok(total)
}

/// Reads a moment as people write it: how long ago (`30m`, `2h`), a date or a date and time in the person's own zone
/// (`2026-11-20`, `2026-11-20 06:00`), or RFC 3339.
///
/// # Errors
/// Usage, for anything else.
pub fn moment(text: &str) -> Result<NaiveDateTime> {
    moment_by(text, now())
}

/// As [`moment`], where it is `now`: what is deleted by its age goes by the database's clock.
///
/// # Errors
/// Usage, as [`moment`].
pub fn moment_by(text: &str, now: NaiveDateTime) -> Result<NaiveDateTime> {
    if let Ok(ago) = duration(text) {
        let ago = TimeDelta::from_std(ago).unwrap_or(TimeDelta::MAX);
        return Ok(now.checked_sub_signed(ago).unwrap_or(NaiveDateTime::MIN));
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|date| date.and_time(NaiveTime::MIN)).ok();
    let forms = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"];
    let local = date.or_else(|| forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()));
    let utc =
        local.and_then(|local| Local.from_local_datetime(&local).earliest()).map(|moment| moment.with_timezone(&Utc));
    let utc = utc.or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.with_timezone(&Utc)));
    utc.map(cut).ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("read `{text}` as a time"))
            .hint("write 30m, 2h or 7d, or a date: 2026-11-20, \"2026-11-20 06:00\"")
    })
}

/// As [`moment_by`], for what is deleted when it is older: a moment to come would take everything.
///
/// # Errors
/// Usage, as [`moment`], and for a moment to come.
pub fn past_by(text: &str, now: NaiveDateTime) -> Result<NaiveDateTime> {
    let moment = moment_by(text, now)?;
    match moment > now {
        true => Err(Error::new(ErrorKind::Usage, format!("delete what is older than `{text}`: that is in the future"))
            .hint("write 90d, or a date that is over: 2026-11-20")),
        false => Ok(moment),
    }
}

/// A length of time as [`duration`] reads it: `1h30m`.
pub fn length_text(length: Duration) -> String {
    let mut rest_ms = length.as_millis();
    let mut text = String::new();
    for (unit, unit_ms) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest_ms >= unit_ms {
            text.push_str(&format!("{}{unit}", rest_ms / unit_ms));
            rest_ms %= unit_ms;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_that_was_measured_can_be_stored() {
        let moment = cut(DateTime::UNIX_EPOCH);
        assert_eq!(text(after(moment, Duration::from_nanos(1_234_567_891))), "1970-01-01 00:00:01.234567");
        assert_eq!(after(moment, Duration::from_nanos(1)), moment);
        assert_eq!(after(moment, Duration::MAX), moment);
    }

    #[test]
    fn durations_read_as_people_write_them() {
        let cases = [("10s", 10_000), ("1h30m", 5_400_000), ("500ms", 500), ("2 h", 7_200_000), ("0s", 0)];
        for (text, expected_ms) in cases {
            assert_eq!(duration(text).expect(text), Duration::from_millis(expected_ms), "{text}");
        }
        for text in ["", "10", "s", "1x", "-5s", "99999999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
