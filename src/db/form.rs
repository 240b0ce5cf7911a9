//! What a column keeps of a text. PostgreSQL reads values of most types as text, and some types round, cut or drop without
//! a word what they have no room for: here it is seen beforehand.

use serde::Serialize;

use super::moment;
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
    /// Lengths of time, by the digits of a second.
    Span {
        /// How many are kept.
        digits: u8,
    },
    /// Ranges of moments, each as [`Form::Moment`].
    Moments {
        /// How many digits of a second are kept; `None` for dates.
        digits: Option<u8>,
        /// Whether the offset is kept, or converted to UTC.
        zone: bool,
    },
    /// Whole numbers of 32 bits without a sign.
    Unsigned,
    /// JSON, inside an array.
    Json,
    /// Any text, of which SQLite makes a number where it looks like one.
    Affine,
}

impl Form {
    /// Whether all of the text is kept. A text that is no value of the type at all may pass: the server says so itself.
    pub fn keeps(self, text: &str) -> bool {
        match self {
            Self::Any | Self::Json => true,
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
            Self::Moment { date, digits, zone } => moment::keeps(text, date, digits, zone),
            Self::Moments { digits, zone } => moment::keeps_bounds(text, digits, zone),
            Self::Span { digits } => moment::keeps_span(text, digits),
            Self::Unsigned => {
                number(text).is_some_and(|number| number.integer().is_some_and(|it| u32::try_from(it).is_ok()))
            }
            Self::Affine => !looks_like_number(text) || is_printed_so(text),
        }
    }

    /// Whether an array keeps all of its elements, written as PostgreSQL does: `{1,NULL,"a \"b\""}`.
    pub fn keeps_each(self, array: &str) -> bool {
        self == Self::Any || elements(array).iter().all(|element| self.keeps(element))
    }

    /// What is kept, in the words of an error message.
    pub fn words(self) -> String {
        match self {
            Self::Any | Self::Json => "of another type".to_owned(),
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
            Self::Moments { digits, zone } => format!("a range, and each bound {}", moment_words(true, digits, zone)),
            Self::Unsigned => "a whole number of 32 bits without a sign".to_owned(),
            Self::Affine => "of a type in which SQLite makes another number of it; TEXT keeps it".to_owned(),
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
    let Some(digits) = digits else { return "a date without a time, such as 2026-01-31".to_owned() };
    let (what, example) = match (date, zone) {
        (true, true) => ("a date and a time", "2026-01-31 10:15:30+01"),
        (true, false) => ("a date and a time in UTC or without a zone", "2026-01-31 10:15:30"),
        (false, true) => ("a time", "10:15:30+01"),
        (false, false) => ("a time without date and zone", "10:15:30"),
    };
    format!("{what} with {} of a second, such as {example}", digits_words(digits))
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

/// Whether SQLite takes a text for a number.
fn looks_like_number(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    text.ends_with(|letter: char| letter.is_ascii_digit() || letter == '.') && text.parse::<f64>().is_ok()
}

/// Whether the number that SQLite makes of a text is printed as that text.
fn is_printed_so(text: &str) -> bool {
    let is_whole = text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
    // a float without a fraction becomes a whole number
    let is_float = |number: f64| number.fract() != 0.0 && format!("{number:?}") == text;
    is_whole || text.parse().is_ok_and(is_float)
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
        let years = Form::Affine;
        for (form, kept, refused) in [
            (decimal, vec!["1.25", "123.4500", "1e2", "-999.99", "NaN"], vec!["1.255", "1000", "1,5", "x"]),
            (thousands, vec!["12000", "99e3", "0"], vec!["12500", "100000", "0.5"]),
            (Form::Money, vec!["1.5", "-3", "1.50"], vec!["1,5", "1.005", "$1.50", "1,234.00"]),
            (Form::Float, vec!["0.1", "1e300", "-Infinity"], vec!["12345678901234567.89"]),
            (Form::Real, vec!["0.1", "NaN"], vec!["123456789.125"]),
            (Form::Floats, vec!["(1,2.5)", "[(0,0),(1e3,-2)]"], vec!["(1.12345678901234567,2)"]),
            (Form::Letters(3), vec!["abc", "äöü", "a  "], vec!["abcd", "abc "]),
            (Form::Bytes(1), vec!["a", ""], vec!["ab", "ä"]),
            (Form::Unsigned, vec!["0", "4294967295"], vec!["-1", "4294967296", "1.5"]),
            (
                years,
                vec!["12", "-7", "1.5", "2026-01-31", "12:30", "x", "1e", "inf"],
                vec!["0012", "1.0", "+5", "1e400", "9007199254740993.0", " 7", "12345678901234567890", "1e3"],
            ),
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
