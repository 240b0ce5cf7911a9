//! Days as people write them. What could be two days is refused, unless the field says in which order its parts stand.

use std::ops::Range;
use std::sync::LazyLock;

use chrono::NaiveDate;
use regex::{Captures, Regex};

pub(in crate::fields) use super::months::Language;
use super::months::{Month, month};
use super::{Find, Refusal, Taken, is_inside_left, is_inside_right};

/// The order of day, month and year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::fields) enum DateOrder {
    /// `20.11.2026`
    DayMonthYear,
    /// `11/20/2026`
    MonthDayYear,
    /// `2026-11-20`
    YearMonthDay,
}

/// What a field says of its dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::fields) struct DateRule {
    /// The order of the parts.
    pub(in crate::fields) order: Option<DateOrder>,
    /// The century of years of two digits, such as 2000.
    pub(in crate::fields) century: Option<i32>,
    /// The language of names of months.
    pub(in crate::fields) language: Option<Language>,
}

#[expect(clippy::unwrap_used, reason = "the pattern is a constant, and a test reads it")]
static NUMBERS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"([0-9]{1,4})(\.[ \x{a0}]?|/|-)([0-9]{1,2})(\.[ \x{a0}]?|/|-)([0-9]{1,4})").unwrap());
#[expect(clippy::unwrap_used, reason = "the pattern is a constant, and a test reads it")]
static DAY_NAME_YEAR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"([0-9]{1,2})(?:\.|st|nd|rd|th)?[\s-]{0,2}(?:of\s)?([^\W\d_]{3,12})\.?(?:\s?,\s?|[\s-]{1,2})([0-9]{2,4})",
    )
    .unwrap()
});
#[expect(clippy::unwrap_used, reason = "the pattern is a constant, and a test reads it")]
static NAME_DAY_YEAR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"([^\W\d_]{3,12})\.?\s([0-9]{1,2})(?:st|nd|rd|th)?(?:\s?,\s?|\s)([0-9]{2,4})").unwrap()
});

/// All that looks like a day in a text.
pub(super) fn find(text: &str, rule: &DateRule) -> Vec<Find> {
    let mut found: Vec<Find> = Vec::new();
    let part = |captures: &Captures<'_>, group: usize| captures.get(group).map_or("", |it| it.as_str()).to_owned();
    let whole = |captures: &Captures<'_>| captures.get(0).map_or(0..0, |it| it.range());
    for captures in NUMBERS.captures_iter(text) {
        let range = whole(&captures);
        let is_parted = part(&captures, 2).trim_end() == part(&captures, 4).trim_end();
        if is_apart(text, &range) && is_parted {
            let parts = [part(&captures, 1), part(&captures, 3), part(&captures, 5)];
            found.push(Find { range, outcome: of_numbers(&parts, rule) });
        }
    }
    for (pattern, [day, name, year]) in [(&DAY_NAME_YEAR, [1, 2, 3]), (&NAME_DAY_YEAR, [2, 1, 3])] {
        for captures in pattern.captures_iter(text) {
            let (range, name) = (whole(&captures), part(&captures, name));
            let month = month(&name, rule.language);
            if month == Month::Unknown || !is_apart(text, &range) {
                continue;
            }
            let outcome = of_name((&part(&captures, day), &name, &part(&captures, year)), month, rule);
            found.push(Find { range, outcome });
        }
    }
    found.sort_by_key(|find| find.range.start);
    // `3 May 2026` holds no second date
    found.dedup_by(|later, earlier| later.range.start < earlier.range.end);
    found
}

/// Whether no other number or word begins or ends in what was found.
fn is_apart(text: &str, range: &Range<usize>) -> bool {
    let joins = |letter: Option<char>| matches!(letter, Some('/' | '-' | '_'));
    let (before, behind) = (text[..range.start].chars().next_back(), text[range.end..].chars().next());
    // the T of a moment
    let is_moment = behind == Some('T') && text[range.end + 1..].starts_with(|it: char| it.is_ascii_digit());
    let is_number =
        |at: usize| text[at..].starts_with('.') && text[at + 1..].starts_with(|it: char| it.is_ascii_digit());
    let follows_number = before == Some('.') && text[..range.start - 1].ends_with(|it: char| it.is_ascii_digit());
    !is_inside_left(text, range.start)
        && (is_moment || !is_inside_right(text, range.end))
        && !joins(before)
        && !joins(behind)
        && !follows_number
        && !is_number(range.end)
}

fn of_numbers(parts: &[String; 3], rule: &DateRule) -> Result<Taken, Refusal> {
    let [first, second, third] = parts;
    let number = |text: &String| text.parse::<u32>().unwrap_or(0);
    if first.len() == 4 {
        // a year in front is followed by the month in every country
        return day(year(first, rule)?, number(second), number(third));
    }
    if first.len() > 2 || third.len() == 3 || third.len() == 1 {
        return Err(Refusal::Wrong("no part of it is a year".to_owned()));
    }
    let order = match rule.order {
        Some(DateOrder::YearMonthDay) if third.len() == 4 => {
            return Err(Refusal::Wrong("its year does not stand in front, as `format = \"ymd\"` has it".to_owned()));
        }
        Some(order) => order,
        None if third.len() == 2 => {
            return Err(Refusal::Ambiguous(
                "its year has two digits: say `format` and `century`, such as 2000".to_owned(),
            ));
        }
        None => order_of((number(first), number(second)), year(third, rule)?)?,
    };
    match order {
        DateOrder::DayMonthYear => day(year(third, rule)?, number(second), number(first)),
        DateOrder::MonthDayYear => day(year(third, rule)?, number(first), number(second)),
        DateOrder::YearMonthDay => day(year(first, rule)?, number(second), number(third)),
    }
}

/// The order of day and month before a year, where only one gives a day.
fn order_of((first, second): (u32, u32), year: i32) -> Result<DateOrder, Refusal> {
    let is_day = |month, day| NaiveDate::from_ymd_opt(year, month, day).is_some();
    match (is_day(second, first), is_day(first, second)) {
        (true, true) if first != second => {
            Err(Refusal::Ambiguous(format!("its month is {first} or {second}: say `format = \"dmy\"` or `\"mdy\"`")))
        }
        (false, true) => Ok(DateOrder::MonthDayYear),
        _ => Ok(DateOrder::DayMonthYear),
    }
}

fn of_name((day_text, name, year_text): (&str, &str, &str), month: Month, rule: &DateRule) -> Result<Taken, Refusal> {
    let Month::Known(month) = month else {
        return Err(Refusal::Ambiguous(format!(
            "`{name}` is one month in Croatian and another in Czech or Polish: say `language`, such as \"hr\""
        )));
    };
    day(year(year_text, rule)?, month, day_text.parse().unwrap_or(0))
}

fn year(text: &str, rule: &DateRule) -> Result<i32, Refusal> {
    let number: i32 = text.parse().unwrap_or(0);
    match (text.len(), rule.century) {
        (4, _) if number >= 1_000 => Ok(number),
        (2, Some(century)) => Ok(century + number),
        (2, None) => Err(Refusal::Ambiguous("its year has two digits: say `century`, such as 2000".to_owned())),
        _ => Err(Refusal::Wrong(format!("`{text}` is no year"))),
    }
}

fn day(year: i32, month: u32, day: u32) -> Result<Taken, Refusal> {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => Ok(Taken::text(date.format("%Y-%m-%d").to_string())),
        None => Err(Refusal::Wrong(format!("there is no day {day} of month {month} in {year}"))),
    }
}

#[cfg(test)]
mod tests {
    use chrono::Datelike;
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, rule: &DateRule) -> Vec<Result<String, bool>> {
        let outcome = |find: Find| match find.outcome {
            Ok(taken) => Ok(taken.value.as_str().unwrap_or_default().to_owned()),
            Err(refusal) => Err(matches!(refusal, Refusal::Ambiguous(_))),
        };
        find(text, rule).into_iter().map(outcome).collect()
    }

    #[test]
    fn dates_are_read_in_the_forms_of_invoices() {
        let free = DateRule::default();
        for (text, expected) in [
            ("20.11.2026", "2026-11-20"),
            ("20. 11. 2026.", "2026-11-20"),
            ("11/20/2026", "2026-11-20"),
            ("2026-11-20", "2026-11-20"),
            ("2026-11-20T08:15:00Z", "2026-11-20"),
            ("2026/11/20", "2026-11-20"),
            ("5.5.2026", "2026-05-05"),
            ("Zagreb, 20. studenoga 2026.", "2026-11-20"),
            ("den 3. März 2026", "2026-03-03"),
            ("November 20, 2026", "2026-11-20"),
            ("November 20 , 2026", "2026-11-20"),
            ("November 20,2026", "2026-11-20"),
            ("20 November , 2026", "2026-11-20"),
            ("20th of November 2026", "2026-11-20"),
            ("20-Nov-2026", "2026-11-20"),
            ("20.11.2026 13:45", "2026-11-20"),
            ("29.02.2028", "2028-02-29"),
        ] {
            assert_eq!(read(text, &free), [Ok(expected.to_owned())], "{text}");
        }
        for text in ["20.11.20261", "1.20.11.2026", "20.11/2026", "R20-11-2026-4", "1.2.3.4", "12 things 2026", "2026"]
        {
            assert_eq!(read(text, &free), [], "{text}");
        }
    }

    #[test]
    fn what_is_no_day_or_could_be_two_is_refused() {
        let free = DateRule::default();
        for text in ["3.4.2026", "03/04/2026", "20.11.26", "3. listopada 2026", "20 Nov 26"] {
            assert_eq!(read(text, &free), [Err(true)], "{text}");
        }
        for text in ["29.02.2026", "31.11.2026", "13.13.2026", "0.1.2026", "2026-13-01", "31 June 2026", "1.1.0026"] {
            assert_eq!(read(text, &free), [Err(false)], "{text}");
        }
        let known = |order| DateRule { order: Some(order), century: Some(2_000), language: Some(Language::Croatian) };
        let one = |text: &str, order| read(text, &known(order)).remove(0);
        assert_eq!(one("3.4.26", DateOrder::DayMonthYear), Ok("2026-04-03".to_owned()));
        assert_eq!(one("3.4.2026", DateOrder::MonthDayYear), Ok("2026-03-04".to_owned()));
        assert_eq!(one("26-04-03", DateOrder::YearMonthDay), Ok("2026-04-03".to_owned()));
        assert_eq!(one("11/20/2026", DateOrder::DayMonthYear), Err(false));
        assert_eq!(one("3.4.2026", DateOrder::YearMonthDay), Err(false));
        assert_eq!(one("3. listopada 2026", DateOrder::DayMonthYear), Ok("2026-10-03".to_owned()));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The days that the parts are in any order, counted out.
        #[test]
        fn a_day_is_taken_only_where_there_is_one(first in 0_u32..35, second in 0_u32..35, year in 1_900_i32..2_100) {
            let days = [(first, second), (second, first)];
            let mut possible: Vec<NaiveDate> =
                days.iter().filter_map(|(day, month)| NaiveDate::from_ymd_opt(year, *month, *day)).collect();
            possible.dedup();
            let could_be_both = first <= 12 && second <= 12 && first != second;
            let text = format!("{first}.{second}.{year}");
            match read(&text, &DateRule::default()).remove(0) {
                Ok(day) => prop_assert_eq!(vec![day], possible.iter().map(ToString::to_string).collect::<Vec<_>>()),
                Err(true) => prop_assert!(could_be_both),
                Err(false) => prop_assert!(possible.is_empty()),
            }
        }

        #[test]
        fn every_day_comes_back_from_every_form(days in 0_i64..100_000) {
            let date = NaiveDate::from_ymd_opt(1_900, 1, 1).expect("a day") + chrono::TimeDelta::days(days);
            let (day, month, year) = (date.day(), date.month(), date.year());
            for (text, order) in [
                (format!("{day}.{month}.{year}"), DateOrder::DayMonthYear),
                (format!("{month:02}/{day:02}/{year}"), DateOrder::MonthDayYear),
                (format!("{year}-{month:02}-{day:02}"), DateOrder::YearMonthDay),
                (date.format("%B %e, %Y").to_string().replace("  ", " "), DateOrder::DayMonthYear),
            ] {
                let rule = DateRule { order: Some(order), ..DateRule::default() };
                prop_assert_eq!(read(&text, &rule), [Ok(date.to_string())], "{}", text);
            }
        }
    }
}
