//! How the fields of a text are written: the sign in front of decimals, between thousands, dates, and what stands for
//! nothing.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{Datelike, NaiveDate, NaiveTime, Timelike};

use crate::error::{Error, ErrorKind};

/// Years below this one are a year of two digits that was read with the pattern for four.
const YEAR_MIN: i32 = 1000;

/// How fields are written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Notation {
    /// In front of decimals; a point when `None`.
    pub decimal: Option<char>,
    /// Between groups of three digits; nothing when `None`. A blank stands for all kinds of blanks.
    pub thousands: Option<char>,
    /// The forms of dates and times: they are kept as ISO 8601 has them.
    pub dates: Vec<DateForm>,
    /// What stands for nothing.
    pub nulls: Vec<String>,
}

/// A pattern for dates and times, such as `%d.%m.%Y`.
#[derive(Clone, PartialEq, Eq)]
pub struct DateForm {
    pattern: String,
    items: Vec<Item<'static>>,
}

impl Notation {
    /// Whether fields are as JSON would have them.
    pub(crate) fn is_plain(&self) -> bool {
        self.decimal.is_none() && self.thousands.is_none() && self.dates.is_empty() && self.nulls.is_empty()
    }

    /// Whether a field stands for nothing.
    pub(crate) fn is_null(&self, text: &str) -> bool {
        !self.nulls.is_empty() && self.nulls.iter().any(|null| null == text.trim())
    }

    /// A field with nothing for what stands for it, and dates as ISO 8601 has them.
    pub(crate) fn field<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        if self.is_null(&text) {
            return Cow::Borrowed("");
        }
        match self.dates.iter().find_map(|form| form.iso(&text)) {
            Some(date) => Cow::Owned(date),
            None => text,
        }
    }

    /// A number as JSON has it; `None` for what is no number in this notation.
    pub(crate) fn number<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        let text = text.trim();
        if self.decimal.is_none() && self.thousands.is_none() {
            return Some(Cow::Borrowed(text));
        }
        let (sign, digits) = match text.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => ("-", rest),
            None => ("", text),
        };
        let (whole, decimals) = match digits.split_once(self.decimal.unwrap_or('.')) {
            Some((whole, decimals)) => (whole, Some(decimals)),
            None => (digits, None),
        };
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let whole = match self.thousands {
            None => whole.to_owned(),
            Some(between) => self.ungrouped(whole, between)?,
        };
        if !is_digits(&whole) || !decimals.is_none_or(is_digits) {
            return None;
        }
        Some(Cow::Owned(match decimals {
            Some(decimals) => format!("{sign}{whole}.{decimals}"),
            None => format!("{sign}{whole}"),
        }))
    }

    /// Digits without what stands between their groups, which have three digits each but for the first.
    fn ungrouped(&self, whole: &str, between: char) -> Option<String> {
        let is_between = |letter: char| match between {
            ' ' => matches!(letter, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}'),
            '\'' => matches!(letter, '\'' | '\u{2019}'),
            other => letter == other,
        };
        let groups: Vec<&str> = whole.split(is_between).collect();
        let are_groups =
            groups.len() == 1 || matches!(groups[0].len(), 1..=3) && groups[1..].iter().all(|group| group.len() == 3);
        are_groups.then(|| groups.concat())
    }

    /// A field as its column would be guessed from: what is a number in this notation alone is one.
    pub(crate) fn guessed<'a>(&self, text: &'a str) -> Option<Cow<'a, str>> {
        match (self.decimal, self.thousands) {
            (None, None) => Some(Cow::Borrowed(text)),
            _ => match self.number(text) {
                Some(number) => Some(number),
                // a number of another notation is text here
                None if text.trim_start().starts_with(|first: char| first == '-' || first.is_ascii_digit()) => None,
                None => Some(Cow::Borrowed(text)),
            },
        }
    }
}

impl DateForm {
    /// The date or time in a field as ISO 8601 has it; `None` for a field of another form.
    fn iso(&self, text: &str) -> Option<String> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text.trim(), self.items.iter()).ok()?;
        let date = parsed.to_naive_date().ok().filter(|date| (YEAR_MIN..=9999).contains(&date.year()));
        let time = parsed.to_naive_time().ok();
        let has_date = parsed.day().is_some() || parsed.ordinal().is_some() || parsed.timestamp().is_some();
        match (date, time, parsed.offset()) {
            (Some(date), Some(time), Some(offset)) => {
                let sign = if offset < 0 { '-' } else { '+' };
                let minutes = offset.abs() / 60;
                Some(format!("{}T{}{sign}{:02}:{:02}", iso_date(date), iso_time(time), minutes / 60, minutes % 60))
            }
            (Some(date), Some(time), None) => Some(format!("{}T{}", iso_date(date), iso_time(time))),
            (Some(date), None, _) => Some(iso_date(date)),
            (None, Some(time), _) if !has_date => Some(iso_time(time)),
            _ => None,
        }
    }
}

/// `2026-01-31`
pub(crate) fn iso_date(date: NaiveDate) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

/// `10:15:30`, with as many digits of a second as it has.
pub(crate) fn iso_time(time: NaiveTime) -> String {
    let whole = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    match time.nanosecond() % 1_000_000_000 {
        0 => whole,
        nanos => format!("{whole}.{}", format!("{nanos:09}").trim_end_matches('0')),
    }
}

impl FromStr for DateForm {
    type Err = Error;

    fn from_str(pattern: &str) -> Result<Self, Error> {
        let items: Vec<Item<'static>> = StrftimeItems::new(pattern).map(Item::to_owned).collect();
        let is_bad = items.iter().any(|item| matches!(item, Item::Error));
        let has_field = items.iter().any(|item| matches!(item, Item::Numeric(..) | Item::Fixed(..)));
        if is_bad || !has_field {
            let what = format!("read dates by `{pattern}`: that is no pattern");
            return Err(Error::new(ErrorKind::Usage, what)
                .hint("write it as strftime does: `%d.%m.%Y`, `%d/%m/%Y %H:%M:%S`, `%Y%m%d`"));
        }
        Ok(Self { pattern: pattern.to_owned(), items })
    }
}

impl fmt::Debug for DateForm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notation(decimal: Option<char>, thousands: Option<char>) -> Notation {
        Notation { decimal, thousands, ..Notation::default() }
    }

    #[test]
    fn numbers_are_read_by_their_notation_alone() {
        for (decimal, thousands, text, expected) in [
            (Some(','), None, "12,50", Some("12.50")),
            (Some(','), None, "-0,5", Some("-0.5")),
            (Some(','), None, "12.50", None),
            (Some(','), None, "1.234,5", None),
            (Some(','), Some('.'), "1.234.567,89", Some("1234567.89")),
            (Some(','), Some('.'), "1.23", None),
            (Some(','), Some('.'), "1234,5", Some("1234.5")),
            (Some(','), Some(' '), "1\u{a0}234\u{202f}567", Some("1234567")),
            (None, Some('\''), "1\u{2019}234.5", Some("1234.5")),
            (None, Some(','), "12,34", None),
            (None, Some(','), ",123", None),
            (Some(','), None, "12,", None),
            (Some(','), None, ",5", None),
            (Some(','), None, "\u{2212}5", Some("-5")),
            (None, None, " 7 ", Some("7")),
        ] {
            let found = notation(decimal, thousands).number(text).map(Cow::into_owned);
            assert_eq!(found.as_deref(), expected, "{decimal:?} {thousands:?} {text}");
        }
        assert_eq!(notation(Some(','), None).guessed("1.5"), None);
        assert_eq!(notation(Some(','), None).guessed("Zagreb").as_deref(), Some("Zagreb"));
    }

    #[test]
    fn dates_become_those_of_iso_8601() {
        for (pattern, text, expected) in [
            ("%d.%m.%Y", "31.01.2026", Some("2026-01-31")),
            ("%d.%m.%Y.", "31.01.2026.", Some("2026-01-31")),
            ("%d.%m.%Y", "1.2.2026", Some("2026-02-01")),
            ("%d.%m.%Y", "31.01.26", None),
            ("%d.%m.%y", "31.01.26", Some("2026-01-31")),
            ("%d.%m.%Y", "31.02.2026", None),
            ("%d.%m.%Y", "2026-01-31", None),
            ("%d/%m/%Y %H:%M", "31/01/2026 10:15", Some("2026-01-31T10:15:00")),
            ("%Y%m%d", "20260131", Some("2026-01-31")),
            ("%H:%M", "10:15", Some("10:15:00")),
            ("%d.%m.%Y %H:%M:%S%.f %z", "31.01.2026 10:15:30.25 +0130", Some("2026-01-31T10:15:30.25+01:30")),
            ("%b %d, %Y", "Jan 31, 2026", Some("2026-01-31")),
        ] {
            let form: DateForm = pattern.parse().expect(pattern);
            assert_eq!(form.iso(text).as_deref(), expected, "{pattern} {text}");
        }
        for pattern in ["%Q", "day", ""] {
            assert!(pattern.parse::<DateForm>().is_err(), "{pattern}");
        }
    }

    #[test]
    fn what_stands_for_nothing_is_nothing() {
        let notation = Notation { nulls: vec!["NA".to_owned(), "-".to_owned()], ..Notation::default() };
        for (text, expected) in [("NA", ""), (" - ", ""), ("N", "N"), ("", "")] {
            assert_eq!(notation.field(Cow::Borrowed(text)), expected);
        }
    }
}
