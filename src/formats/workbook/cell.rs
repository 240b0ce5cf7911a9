//! What a cell holds, whatever the format of its workbook.

use std::borrow::Cow;

use crate::record::{Value, parse_json};

/// Digits that a float prints at most.
const FLOAT_DIGITS_MAX: usize = 17;
/// Whole floats below are whole numbers.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// What a cell holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// Text.
    Text(String),
    /// A number, as JSON writes it.
    Number(String),
    /// A truth value.
    Bool(bool),
    /// A date, a time, both, or a length of time, as ISO 8601 writes it.
    Moment(String),
    /// What no value can be made of: an error such as `#N/A`, and why it cannot be taken.
    Bad(String, String),
}

impl Cell {
    /// An error of the program that computed the sheet.
    pub(super) fn error(shown: &str) -> Self {
        Self::Bad(
            shown.to_owned(),
            format!("the cell holds the error `{shown}`; `--null '{shown}'` takes it as nothing"),
        )
    }

    /// What people see, about.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) | Self::Moment(text) | Self::Bad(text, _) => text,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
        }
    }

    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Number(digits) => parse_json(digits).unwrap_or(Value::from(digits.as_str())),
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Text(text) | Self::Moment(text) | Self::Bad(text, _) => Value::Text(Cow::Borrowed(text)),
        }
    }
}

/// A number as JSON has it, from the text that a workbook keeps. Programs keep floats and write them with 17 digits: such a
/// text is the float that it stands for. Longer ones were written by something that keeps more, and stay.
pub(super) fn number(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.bytes().take_while(|byte| !matches!(byte, b'e' | b'E')).filter(u8::is_ascii_digit).count();
    let is_whole = !text.is_empty() && text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
    let is_json = || parse_json(text).is_ok();
    if (is_whole || digits > FLOAT_DIGITS_MAX) && is_json() {
        return Some(text.to_owned());
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map(float)
}

/// A float by the fewest digits that give it back; a whole one without a point.
pub(super) fn float(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < WHOLE_MAX {
        return format!("{}", number as i64);
    }
    let mut out = Vec::new();
    crate::hash::write_json(&Value::Float(number), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_what_the_file_says() {
        for (text, expected) in [
            ("1.1000000000000001", "1.1"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("5", "5"),
            ("5.0", "5"),
            ("-0.0", "0"),
            ("1E3", "1000"),
            ("1.5E-7", "1.5e-07"),
            ("9007199254740993", "9007199254740993"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("12345678901234567.89", "12345678901234567.89"),
        ] {
            assert_eq!(number(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "x", "1e999", "NaN", "1,5"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
