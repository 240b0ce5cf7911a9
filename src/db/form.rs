//! What a column keeps of a text. PostgreSQL reads values of most types as text, and some types round, cut or drop without
//! a word what they have no room for: here it is seen beforehand.

use serde::Serialize;

use crate::record::{Digits, Value, float_without_loss, parse_json};

/// What of a text is kept; all else is refused before the server would change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Whatever the server reads: it keeps all of it, or says no.
    Any,
    /// Nobody knows what the server would keep of it: composite types with fields that round, intervals of few fields.
    Unknown,
    /// Numbers with so many digits, of which `scale` stand behind the point; a scale below zero rounds before it.
    Decimal {
        /// All digits.
        digits: u16,
        /// Digits behind the point.
        scale: i16,
    },
    /// Amounts of money: plain numbers of two decimals, since what a comma or a sign means hangs on the server's locale.
    Money,
    /// A floating-point number of 64 bits.
    Float,
    /// A floating-point number of 32 bits.
    Real,
    /// Points, lines and what else is made of floats of 64 bits.
    Floats,
    /// At most so many characters.
    Letters(u32),
    /// At most so many bytes.
    Bytes(u8),
    /// A date, a time, or both.
    Moment {
        /// Whether the date is kept.
        date: bool,
        /// How many digits of a second are kept; `None` where there is no time.
        digits: Option<u8>,
        /// Whether the offset is kept, or converted to UTC.
        zone: bool,
    },
    /// Lengths of time, and ranges of moments: digits of a second.
    Span {
        /// How many are kept.
        digits: u8,
    },
    /// Ranges of dates, which have no time.
    Days,
}

impl Form {
    /// Whether all of the text is kept. A text that is no value of the type at all may pass: the server says so itself.
    pub fn keeps(self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Unknown => false,
            Self::Decimal { digits, scale } => {
                is_special(text) || number(text).is_some_and(|number| number.fits(digits, scale))
            }
            Self::Money => number(text).is_some_and(|number| number.decimals() <= 2),
            Self::Float => is_special(text) || float_without_loss(text.trim()).is_some(),
            Self::Real => is_special(text) || float_without_loss(text.trim()).is_some_and(is_real),
            Self::Floats => numbers_in(text).all(|number| float_without_loss(number).is_some()),
            Self::Letters(most) => has_letters(text, most),
            Self::Bytes(most) => text.len() <= usize::from(most),
            Self::Moment { date, digits, zone } => moment(text, date, digits, zone),
            Self::Span { digits } => !has_moving_word(text) && decimals_in(text).all(|count| count <= digits.into()),
            Self::Days => !has_moving_word(text) && !text.contains(':'),
        }
    }

    /// Whether an array keeps all of its elements, written as PostgreSQL does: `{1,NULL,"a \"b\""}`.
    pub fn keeps_each(self, array: &str) -> bool {
        self == Self::Any || elements(array).iter().all(|element| self.keeps(element))
    }

    /// What is kept, in the words of an error message.
    pub fn words(self) -> String {
        match self {
            Self::Any => "of another type".to_owned(),
            Self::Unknown => "of a type of which PostgreSQL may keep less than it is given".to_owned(),
            Self::Decimal { digits, scale } => decimal_words(digits, scale),
            Self::Money => "money, written as a plain number with at most 2 decimals".to_owned(),
            Self::Float => "a floating-point number".to_owned(),
            Self::Real => "a floating-point number of 32 bits".to_owned(),
            Self::Floats => "of a type that holds its numbers as floats, which would round one".to_owned(),
            Self::Letters(1) => "text of one character".to_owned(),
            Self::Letters(most) => format!("text of at most {most} characters"),
            Self::Bytes(1) => "text of one byte".to_owned(),
            Self::Bytes(most) => format!("text of at most {most} bytes"),
            Self::Moment { date, digits, zone } => moment_words(date, digits, zone),
            Self::Span { digits } => format!("of a type that keeps {} of a second", digits_words(digits)),
            Self::Days => "a range of dates, which keeps no time".to_owned(),
        }
    }
}

/// What a number of limited digits is.
pub(super) fn decimal_words(digits: u16, scale: i16) -> String {
    match u16::try_from(scale) {
        Ok(0) => format!("a number of at most {digits} digits without decimals"),
        Ok(scale) => format!("a number of at most {digits} digits, {scale} of them decimals"),
        Err(_) => format!("a number without its last {} digits", scale.unsigned_abs()),
    }
}

fn moment_words(date: bool, digits: Option<u8>, zone: bool) -> String {
    let Some(digits) = digits else { return "a date, which keeps no time".to_owned() };
    let what = if date { "a date and a time" } else { "a time without a date" };
    let zone = if zone { "" } else { " without an offset from UTC" };
    format!("{what}{zone}, with {} of a second", digits_words(digits))
}

fn digits_words(digits: u8) -> String {
    if digits == 0 { "no digits".to_owned() } else { format!("at most {digits} digits") }
}

/// Whether a float of 32 bits holds the number: its shortest digits are the same.
pub(super) fn is_real(number: f64) -> bool {
    let real = number as f32;
    real.is_finite() && (f64::from(real) == number || real.to_string().parse() == Ok(number))
}

/// Whether a text has at most so many characters.
pub fn has_letters(text: &str, most: u32) -> bool {
    text.len() <= most as usize || text.chars().count() <= most as usize
}

fn number(text: &str) -> Option<Digits> {
    match parse_json(text.trim()).ok()? {
        Value::Integer(_) | Value::BigInteger(_) | Value::Float(_) | Value::Decimal(_) => Digits::of(text.trim()),
        _ => None,
    }
}

/// Numbers that are none: arrays keep them as they are.
fn is_special(text: &str) -> bool {
    let text = text.trim().trim_start_matches('-');
    ["nan", "infinity", "inf"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The numbers that stand in a text.
fn numbers_in(text: &str) -> impl Iterator<Item = &str> {
    let is_of_number = |letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '-' | '+' | 'e' | 'E');
    let words = text.split(move |letter| !is_of_number(letter));
    words.filter(|word| word.bytes().any(|byte| byte.is_ascii_digit()))
}

/// How many digits that say something stand behind each point in a text.
fn decimals_in(text: &str) -> impl Iterator<Item = usize> {
    let digits = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count();
    text.split('.').skip(1).map(move |rest| rest[..digits(rest)].trim_end_matches('0').len())
}

/// Words that are another moment each day.
fn has_moving_word(text: &str) -> bool {
    let is_moving =
        |word: &str| ["now", "today", "tomorrow", "yesterday"].iter().any(|moving| word.eq_ignore_ascii_case(moving));
    text.split(|letter: char| !letter.is_ascii_alphabetic()).any(is_moving)
}

fn moment(text: &str, date: bool, digits: Option<u8>, zone: bool) -> bool {
    let text = text.trim();
    if has_moving_word(text) {
        return false;
    }
    let (day, time) = day_and_time(text);
    if !date && !day.is_empty() {
        return false;
    }
    let Some(time) = time else { return true };
    let length = time.bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.')).count();
    let (clock, rest) = time.split_at(length);
    if !decimals_in(clock).all(|count| count <= usize::from(digits.unwrap_or(0))) {
        return false;
    }
    // of midnight a date keeps all
    let is_kept = digits.is_some() || clock.bytes().all(|byte| matches!(byte, b'0' | b':' | b'.'));
    is_kept && (zone || is_utc(rest))
}

/// The day and the time of a text that has one: what stands before the hour, and the rest.
fn day_and_time(text: &str) -> (&str, Option<&str>) {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let start = match bytes.iter().position(|byte| *byte == b':') {
        Some(colon) => colon - bytes[..colon].iter().rev().take_while(|byte| byte.is_ascii_digit()).count(),
        // `20260131T101530`
        None => match (0..bytes.len()).find(|at| matches!(bytes[*at], b'T' | b't') && is_digit(at + 1)) {
            Some(at) => at + 1,
            None => return (text, None),
        },
    };
    let (day, time) = text.split_at(start);
    (day.trim_end().trim_end_matches(['T', 't']).trim_end(), Some(time))
}

/// Whether what follows a time says nothing, or that it is in UTC.
fn is_utc(rest: &str) -> bool {
    let mut rest = rest.trim();
    for half in ["AM", "PM"] {
        let begins = rest.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(half));
        rest = if begins { rest[2..].trim_start() } else { rest };
    }
    let is_named = ["", "Z", "UTC", "GMT"].iter().any(|name| rest.eq_ignore_ascii_case(name));
    is_named
        || rest.strip_prefix(['+', '-']).is_some_and(|offset| offset.bytes().all(|byte| matches!(byte, b'0' | b':')))
}

/// The elements of an array, nulls left out; what is no array has none, and the server says so.
fn elements(array: &str) -> Vec<String> {
    let mut found = Vec::new();
    // bounds may stand before the first brace
    let Some(start) = array.find('{') else { return found };
    let mut element = String::new();
    let (mut is_quoted, mut was_quoted, mut letters) = (false, false, array[start..].chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => element.extend(letters.next()),
            '"' => (is_quoted, was_quoted) = (!is_quoted, true),
            '{' | '}' | ',' if !is_quoted => {
                let plain = element.trim();
                if was_quoted {
                    found.push(std::mem::take(&mut element));
                } else if !plain.is_empty() && !plain.eq_ignore_ascii_case("null") {
                    found.push(plain.to_owned());
                }
                element.clear();
                was_quoted = false;
            }
            // blanks around quotes are none of the element's
            ' ' if !is_quoted && (was_quoted || element.is_empty()) => {}
            letter => element.push(letter),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_type_would_round_or_drop_is_seen() {
        let decimal = Form::Decimal { digits: 5, scale: 2 };
        let thousands = Form::Decimal { digits: 2, scale: -3 };
        let timestamp = Form::Moment { date: true, digits: Some(6), zone: false };
        let seconds = Form::Moment { date: true, digits: Some(0), zone: true };
        let date = Form::Moment { date: true, digits: None, zone: false };
        let time = Form::Moment { date: false, digits: Some(3), zone: false };
        let span = Form::Span { digits: 6 };
        for (form, kept, refused) in [
            (decimal, vec!["1.25", "123.4500", "1e2", "-999.99", "NaN"], vec!["1.255", "1000", "1,5", "x"]),
            (thousands, vec!["12000", "99e3", "0"], vec!["12500", "100000", "0.5"]),
            (Form::Money, vec!["1.5", "-3", "1.50"], vec!["1,5", "1.005", "$1.50", "1,234.00"]),
            (Form::Float, vec!["0.1", "1e300", "-Infinity"], vec!["12345678901234567.89"]),
            (Form::Real, vec!["0.1", "NaN"], vec!["123456789.125"]),
            (Form::Floats, vec!["(1,2.5)", "[(0,0),(1e3,-2)]"], vec!["(1.12345678901234567,2)"]),
            (Form::Letters(3), vec!["abc", "äöü", "a  "], vec!["abcd", "abc "]),
            (Form::Bytes(1), vec!["a", ""], vec!["ab", "ä"]),
            (
                timestamp,
                vec![
                    "2026-01-31",
                    "2026-01-31 10:15:30.123456",
                    "2026-01-31T10:15:30.1234560Z",
                    "2026-01-31 10:15 PM",
                    "2026-01-31 10:15:30+00:00",
                    "20260131T101530",
                    "infinity",
                ],
                vec![
                    "2026-01-31 10:15:30.1234567",
                    "2026-01-31T10:15:30+02:00",
                    "2026-01-31 10:15 Europe/Zagreb",
                    "2026-01-31 10:15-0530",
                    "20260131T101530+02",
                    "now",
                    "Tomorrow 10:00",
                ],
            ),
            (seconds, vec!["2026-01-31 10:15:30+02", "2026-01-31 10:15:30.0"], vec!["2026-01-31 10:15:30.5"]),
            (
                date,
                vec!["2026-01-31", "31 Oct 2026", "2026-01-31 00:00:00", "2026-01-31T00:00:00.000Z", "20260131"],
                vec!["2026-01-31 10:15", "2026-01-31T00:00:00+02:00", "20260131T101530", "today"],
            ),
            (time, vec!["10:15:30.123", "T10:15"], vec!["10:15:30.1234", "10:15+02", "2026-01-31 10:15"]),
            (span, vec!["1 day 10:00:00.5", "PT1.5S"], vec!["00:00:00.1234567", "[2026-01-31 10:00,today)"]),
            (Form::Days, vec!["[2026-01-01,2026-02-01)"], vec!["[2026-01-01 10:00,2026-02-01)"]),
            (Form::Unknown, vec![], vec!["(1,2)"]),
        ] {
            kept.iter().for_each(|text| assert!(form.keeps(text), "{form:?}: {text}"));
            refused.iter().for_each(|text| assert!(!form.keeps(text), "{form:?}: {text}"));
        }
    }

    #[test]
    fn an_array_is_asked_for_each_element() {
        for (array, expected) in [
            ("{1,NULL, 2.5 }", vec!["1", "2.5"]),
            (r#"[0:1]={ "a,\"b" , c\,d}"#, vec!["a,\"b", "c,d"]),
            (r#"{{1,2},{"",null}}"#, vec!["1", "2", ""]),
            (r#"{"null"}"#, vec!["null"]),
            ("{}", vec![]),
            ("x", vec![]),
        ] {
            assert_eq!(elements(array), expected, "{array}");
        }
        assert!(Form::Letters(1).keeps_each("{a,b}"));
        assert!(!Form::Letters(1).keeps_each(r#"{a,"b "}"#));
    }
}
