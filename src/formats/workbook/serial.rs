//! Dates of spreadsheets: a number of days, shown as a date by the format of its cell.

use chrono::{Days, NaiveDate, NaiveTime};

use super::cell::Cell;
use crate::formats::notation::{iso_date, iso_time};

const MILLIS_A_DAY: f64 = 86_400_000.0;
/// 9999-12-31, in days since 1900.
const DAYS_MAX: f64 = 2_958_466.0;
/// The 29th of February 1900, which the first spreadsheet had and the calendar has not.
const NO_DAY: u64 = 60;

/// What the format of a cell makes of its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// A number.
    Number,
    /// A date, with or without a time.
    Date,
    /// A time of the day.
    Time,
    /// A length of time: `[h]:mm:ss`.
    Span,
}

/// What a format code shows. Only its first section counts: the others are for negative numbers and text.
pub(super) fn shown_by(code: &str) -> Shown {
    let (mut has_date, mut has_time, mut has_minute_or_month) = (false, false, false);
    let mut letters = code.chars();
    while let Some(letter) = letters.next() {
        match letter.to_ascii_lowercase() {
            ';' => break,
            '"' => drop(letters.by_ref().find(|it| *it == '"')),
            '\\' | '_' | '*' => drop(letters.next()),
            '[' => {
                let inside: String = letters.by_ref().take_while(|it| *it != ']').collect();
                let inside = inside.to_ascii_lowercase();
                if !inside.is_empty()
                    && ["h", "m", "s"]
                        .iter()
                        .any(|unit| inside.trim_matches(unit.chars().next().unwrap_or(' ')).is_empty())
                {
                    return Shown::Span;
                }
            }
            'y' | 'd' => has_date = true,
            'h' | 's' => has_time = true,
            'm' => has_minute_or_month = true,
            // General, and what is no pattern of dates
            'g' if code.to_ascii_lowercase().starts_with("general") => return Shown::Number,
            _ => {}
        }
    }
    match (has_date, has_time, has_minute_or_month) {
        (true, ..) => Shown::Date,
        (false, true, _) => Shown::Time,
        (false, false, true) => Shown::Date,
        (false, false, false) => Shown::Number,
    }
}

/// What the formats show that have a number and no code.
pub(super) fn shown_by_number(format: u32) -> Shown {
    match format {
        14..=17 | 22 | 27..=31 | 36 | 50..=54 | 57 | 58 => Shown::Date,
        18..=21 | 32..=35 | 45 | 47 | 55 | 56 => Shown::Time,
        46 => Shown::Span,
        _ => Shown::Number,
    }
}

/// A number of days as a cell; `is_1904` for workbooks that count from 1904.
pub(super) fn moment(days: f64, shown: Shown, is_1904: bool) -> Cell {
    let bad = |why: &str| {
        Cell::Bad(super::cell::float(days), format!("`{}` is shown as a date, and {why}", super::cell::float(days)))
    };
    if shown == Shown::Span {
        return Cell::Moment(span(days));
    }
    if !(0.0..DAYS_MAX).contains(&days) {
        return bad("there is no such day");
    }
    // a float knows no more of a day than its milliseconds
    let millis = (days * MILLIS_A_DAY).round() as u64;
    let (day, millis) = (millis / 86_400_000, millis % 86_400_000);
    let time =
        NaiveTime::from_num_seconds_from_midnight_opt((millis / 1000) as u32, (millis % 1000) as u32 * 1_000_000);
    let Some(time) = time else { return bad("there is no such time") };
    if day == 0 && shown == Shown::Time {
        return Cell::Moment(iso_time(time));
    }
    if !is_1904 && day == NO_DAY {
        return bad("1900 had no 29th of February");
    }
    let (year, month, first, passed) = match (is_1904, day < NO_DAY) {
        (true, _) => (1904, 1, 1, day),
        (false, true) => (1899, 12, 31, day),
        (false, false) => (1899, 12, 30, day),
    };
    let date = NaiveDate::from_ymd_opt(year, month, first).and_then(|date| date.checked_add_days(Days::new(passed)));
    let Some(date) = date else { return bad("there is no such day") };
    Cell::Moment(match millis {
        0 if shown == Shown::Date => iso_date(date),
        _ => format!("{}T{}", iso_date(date), iso_time(time)),
    })
}

/// A length of time by hours, minutes and seconds.
pub(super) fn span(days: f64) -> String {
    let millis = (days.abs() * MILLIS_A_DAY).round() as u64;
    let sign = if days < 0.0 { "-" } else { "" };
    let (seconds, rest) = (millis / 1000, millis % 1000);
    let whole = format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if rest == 0 { whole } else { format!("{whole}.{}", format!("{rest:03}").trim_end_matches('0')) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_codes_tell_dates_from_numbers() {
        for (code, expected) in [
            ("General", Shown::Number),
            ("0.00", Shown::Number),
            ("#,##0.00\\ \"kn\";[Red]-#,##0.00", Shown::Number),
            ("\"day\" 0", Shown::Number),
            ("yyyy-mm-dd", Shown::Date),
            ("dd.mm.yyyy hh:mm", Shown::Date),
            ("[$-41A]d. mmmm yyyy.;@", Shown::Date),
            ("mmm", Shown::Date),
            ("h:mm AM/PM", Shown::Time),
            ("mm:ss.0", Shown::Time),
            ("[h]:mm:ss", Shown::Span),
            ("[mm]:ss", Shown::Span),
            ("[Red]0", Shown::Number),
            ("0.00E+00", Shown::Number),
        ] {
            assert_eq!(shown_by(code), expected, "{code}");
        }
    }

    #[test]
    fn days_become_dates() {
        let of = |days, shown| moment(days, shown, false);
        let at = |text: &str| Cell::Moment(text.to_owned());
        assert_eq!(of(1.0, Shown::Date), at("1900-01-01"));
        assert_eq!(of(59.0, Shown::Date), at("1900-02-28"));
        assert_eq!(of(61.0, Shown::Date), at("1900-03-01"));
        assert_eq!(of(45_943.0, Shown::Date), at("2025-10-13"));
        assert_eq!(of(45_943.5, Shown::Date), at("2025-10-13T12:00:00"));
        assert_eq!(of(45_943.0, Shown::Time), at("2025-10-13T00:00:00"));
        assert_eq!(of(0.427_430_555_555_555_56, Shown::Time), at("10:15:30"));
        assert_eq!(of(0.999_999_999_9, Shown::Date), at("1900-01-01"));
        assert_eq!(of(1.5, Shown::Span), at("36:00:00"));
        assert_eq!(moment(0.0, Shown::Date, true), at("1904-01-01"));
        assert_eq!(moment(1.0, Shown::Date, true), at("1904-01-02"));
        for days in [60.0, -1.0, 3e6, f64::INFINITY, f64::NAN] {
            assert!(matches!(of(days, Shown::Date), Cell::Bad(..)), "{days}");
        }
    }
}
