//! Dates, times and lengths of time as texts, in the forms of which it is sure what PostgreSQL makes of them. In all others
//! it might take a year for a day, or drop an offset, a time or a fraction without a word.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Months and days of the week by their names.
const MONTH: &str = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*";
const WEEKDAY: &str = "(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*";
/// A time of the day; hours and minutes at least.
const TIME: &str = r"(?P<time>\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?|\d{4}(?:\d{2}(?:\.\d+)?)?) *(?P<half>am|pm)?";
/// An offset, or the name of a zone, or both where they say the same.
const ZONE: &str = r"(?: *(?P<zone>z|[+-]\d{1,2}(?::?\d{2})?(?::\d{2})?|[a-z][a-z_/+-]*\d*)(?P<utc> utc)?)?";

/// `2026-01-31 10:15:30.5+01`, and what else begins with the date; or a time alone.
static MOMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let date = format!(
        r"\d{{4,}}-\d{{1,2}}-\d{{1,2}}|\d{{8}}|\d{{4}}/\d{{1,2}}/\d{{1,2}}|\d{{4}}-{MONTH}-\d{{1,2}}|\d{{1,2}}[ -]{MONTH}[ -]\d{{4}}|{MONTH} +\d{{1,2}},? +\d{{4}}"
    );
    let moment = format!(r"(?i)^(?:{WEEKDAY},? +)?(?P<date>{date})?(?:(?:^t?|t| +){TIME}{ZONE})?(?: +(?:bc|ad))?$");
    Regex::new(&moment).ok()
});
/// `Sat Jan 31 10:15:30 UTC 2026`, as C and `date` write it.
static OF_C: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!(r"(?i)^(?P<date>{WEEKDAY} {MONTH} +\d{{1,2}}) {TIME}{ZONE} \d{{4}}$")).ok());
/// A number in a length of time, and its unit.
static AMOUNT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\d+(?P<fraction>\.\d*)?\s*(?P<unit>[a-z]*)").ok());

/// Whether all of a moment is kept: its date, its time, so many `digits` of a second, its zone.
pub(super) fn keeps(text: &str, date: bool, digits: Option<u8>, zone: bool) -> bool {
    if date && is_plain(text, digits.is_some()) {
        return true;
    }
    let text = text.trim();
    if ["infinity", "-infinity", "epoch"].iter().any(|word| date && text.eq_ignore_ascii_case(word)) {
        return true;
    }
    let read = |form: &'static LazyLock<Option<Regex>>| form.as_ref().and_then(|form| form.captures(text));
    let Some(found) = read(&MOMENT).or_else(|| read(&OF_C)) else { return false };
    if found.name("date").is_some() != date {
        return false;
    }
    let Some(time) = found.name("time").map(|time| time.as_str()) else { return date };
    let is_kept = match digits {
        // a second too many would be the next minute
        Some(digits) => decimals(time) <= usize::from(digits) && !time.contains(":60"),
        // of midnight a date keeps all
        None => found.name("half").is_none() && time.bytes().all(|byte| matches!(byte, b'0' | b':' | b'.')),
    };
    is_kept && (zone || is_utc(&found))
}

/// The same of each bound of a range, or of several: `{[2026-01-01,2026-02-01),["2026-03-01 10:00",)}`.
pub(super) fn keeps_bounds(text: &str, digits: Option<u8>, zone: bool) -> bool {
    let mut bounds: Vec<String> = vec![String::new()];
    let mut is_quoted = false;
    for letter in text.chars() {
        match (letter, bounds.last_mut()) {
            ('"', _) => is_quoted = !is_quoted,
            ('[' | ']' | '(' | ')' | '{' | '}' | ',', _) if !is_quoted => bounds.push(String::new()),
            (letter, Some(bound)) => bound.push(letter),
            (_, None) => {}
        }
    }
    let mut bounds = bounds.iter().map(|bound| bound.trim()).filter(|bound| !bound.is_empty());
    text.trim().eq_ignore_ascii_case("empty") || bounds.all(|bound| keeps(bound, true, digits, zone))
}

/// Whether all of a length of time is kept: fractions stand at seconds alone, and have so many digits at most.
pub(super) fn keeps_span(text: &str, digits: u8) -> bool {
    let Some(amounts) = AMOUNT.as_ref() else { return false };
    amounts.captures_iter(text).all(|amount| {
        let unit = amount.name("unit").map_or("", |unit| unit.as_str()).to_ascii_lowercase();
        let before = amount.get(0).map_or("", |amount| &text[..amount.start()]);
        let is_second = before.ends_with(':') || unit == "s" || unit.starts_with("sec");
        let smallest = match unit.as_str() {
            "us" | "usec" | "usecs" => 6,
            "ms" | "msec" | "msecs" => 3,
            unit if unit.starts_with("microsec") => 6,
            unit if unit.starts_with("millisec") => 3,
            _ => 0,
        };
        let fraction = amount.name("fraction").map_or(0, |fraction| decimals(fraction.as_str()));
        smallest <= digits && (fraction == 0 || (is_second && fraction <= usize::from(digits)))
    })
}

/// Whether it is `2026-01-31`, or with a time `2026-01-31 10:15:30`: most are, and need no second look.
fn is_plain(text: &str, may_have_time: bool) -> bool {
    let is_as = |form: &[u8]| {
        text.len() == form.len()
            && text
                .bytes()
                .zip(form)
                .all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form })
    };
    is_as(b"0000-00-00")
        || (may_have_time && !text.ends_with("60") && (is_as(b"0000-00-00 00:00:00") || is_as(b"0000-00-00T00:00:00")))
}

/// How many digits that say something stand behind the point.
fn decimals(number: &str) -> usize {
    number.split_once('.').map_or(0, |(_, fraction)| fraction.trim_end_matches('0').len())
}

/// Whether the zone is UTC, or there is none; an era is no zone.
fn is_utc(found: &Captures<'_>) -> bool {
    let Some(zone) = found.name("zone").map(|zone| zone.as_str()) else { return true };
    let is_named =
        ["z", "utc", "gmt", "zulu", "uct", "etc/utc", "bc", "ad"].iter().any(|name| zone.eq_ignore_ascii_case(name));
    is_named
        || zone.strip_prefix(['+', '-']).is_some_and(|offset| offset.bytes().all(|byte| matches!(byte, b'0' | b':')))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a type keeps, what of it, and what not.
    type Tried<'a> = ((bool, Option<u8>, bool), &'a [&'a str], &'a [&'a str]);

    const TIMESTAMP: (bool, Option<u8>, bool) = (true, Some(6), false);

    #[test]
    fn what_would_be_dropped_or_taken_for_something_else_is_seen() {
        let tried: [Tried<'_>; 5] = [
            (
                TIMESTAMP,
                &[
                    "2026-01-31",
                    "2026-01-31 10:15:30.123456",
                    "2026-01-31T10:15:30.1234560Z",
                    "2026-01-31 10:15 PM",
                    "2026-01-31 10:15:30+00:00",
                    "2026-01-31 10:15:30 +0000 UTC",
                    "20260131T101530",
                    "20260131 101530",
                    "2026/01/31 10:15",
                    "31 Oct 2026",
                    "31-Oct-2026 10:15",
                    "October 31, 2026",
                    "Sat, 31 Jan 2026 10:15:30 GMT",
                    "Sat Jan 31 10:15:30 2026",
                    "Sat Jan 31 10:15:30 UTC 2026",
                    "2026-01-31 10:15 Etc/UTC",
                    "0044-03-15 10:15 BC",
                    "infinity",
                ],
                &[
                    "2026-01-31 10:15:30.1234567",
                    "20260131 101530.1234567",
                    "2026-01-31T10:15:30+02:00",
                    "20260131 101530+02",
                    "2026-01-31 10:15 Europe/Zagreb",
                    "2026-01-31 10:15-0530",
                    "2026-01-31+02",
                    "2026-01-31 EST",
                    "Sat Jan 31 10:15:30 CET 2026",
                    "now",
                    "Tomorrow 10:00",
                    "1.255",
                    "12.123",
                    "31/12/25",
                    "05/06/2024",
                    "J2451187.5",
                    "23:59:60",
                    "2026-01-31 23:59:60",
                ],
            ),
            ((true, Some(0), true), &["2026-01-31 10:15:30+02", "2026-01-31 10:15:30.0"], &["2026-01-31 101530.5"]),
            (
                (true, None, false),
                &["2026-01-31", "2026-01-31 00:00:00", "2026-01-31T00:00:00.000Z", "20260131", "epoch"],
                &["2026-01-31 10:15", "2026-01-31 101530", "2026-01-31T00:00:00+02:00", "2026-01-31 00:00 PM", "today"],
            ),
            (
                (false, Some(3), false),
                &["10:15:30.123", "T10:15", "101530", "10:15 PM"],
                &["10:15:30.1234", "10:15+02", "2026-01-31 10:15", "epoch"],
            ),
            ((false, Some(6), true), &["10:15+02", "10:15:30"], &["2026-01-31"]),
        ];
        for ((date, digits, zone), kept, refused) in tried {
            kept.iter().for_each(|text| assert!(keeps(text, date, digits, zone), "{digits:?}: {text}"));
            refused.iter().for_each(|text| assert!(!keeps(text, date, digits, zone), "{digits:?}: {text}"));
        }
    }

    #[test]
    fn bounds_are_looked_at_one_by_one() {
        for (text, expected) in [
            ("[2026-01-01 10:00,2026-02-01)", true),
            ("[\"2026-01-01 10:00:00\",)", true),
            ("{[2026-01-01,2026-02-01),[2026-03-01,)}", true),
            ("empty", true),
            ("[2026-01-01 10:00:00+02,)", false),
            ("{[2026-01-01,2026-02-01),[today,)}", false),
        ] {
            assert_eq!(keeps_bounds(text, Some(6), false), expected, "{text}");
        }
        assert!(keeps_bounds("[2026-01-01,2026-02-01)", None, false));
        assert!(!keeps_bounds("[2026-01-01 100000,)", None, false));
    }

    #[test]
    fn fractions_of_a_length_stand_at_seconds() {
        for (text, digits, expected) in [
            ("1 day 10:00:00.5", 6, true),
            ("PT1.5S", 6, true),
            ("1 year 2 mons -3 days", 6, true),
            ("5.25 seconds", 6, true),
            ("1500 ms", 3, true),
            ("00:00:00.1234567", 6, false),
            ("0.5 us", 6, false),
            ("100 us", 3, false),
            ("1.5 ms", 3, false),
            ("0.123456 years", 6, false),
            ("1.5 days", 6, false),
            ("PT5.5S", 0, false),
        ] {
            assert_eq!(keeps_span(text, digits), expected, "{text}");
        }
    }
}
