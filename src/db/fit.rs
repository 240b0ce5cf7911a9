//! From a record's value to what its column takes. What does not fit is said, never bent.

use std::borrow::Cow;

use super::batch::{Cell, RowBatch};
use super::form::{Form, has_letters, is_real};
use super::table::Kind;
use crate::hash::write_json;
use crate::record::{Digits, Value, float_without_loss, parse_json};

/// Beyond this a float no longer holds every whole number.
const EXACT_FLOAT_MAX: f64 = 9_007_199_254_740_992.0;

/// A value as its column takes it, before it is kept in a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Fitted<'a> {
    /// NULL.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Fitted<'_> {
    /// The same value, owning its text.
    pub fn into_owned(self) -> Fitted<'static> {
        match self {
            Self::Null => Fitted::Null,
            Self::Bool(flag) => Fitted::Bool(flag),
            Self::Integer(number) => Fitted::Integer(number),
            Self::Float(number) => Fitted::Float(number),
            Self::Text(text) => Fitted::Text(Cow::Owned(text.into_owned())),
            Self::Bytes(bytes) => Fitted::Bytes(bytes),
        }
    }

    /// The value again; `None` for null.
    pub fn to_value(&self) -> Option<Value<'_>> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Integer(number) => Value::Integer(*number),
            Self::Float(number) => Value::Float(*number),
            Self::Text(text) => Value::Text(Cow::Borrowed(text.as_ref())),
            Self::Bytes(bytes) => Value::Bytes(bytes.clone()),
        })
    }

    /// Keeps the value in a batch.
    pub fn keep(&self, batch: &mut RowBatch) -> Cell {
        match self {
            Self::Null => Cell::Null,
            Self::Bool(flag) => Cell::Bool(*flag),
            Self::Integer(number) => Cell::Integer(*number),
            Self::Float(number) => Cell::Float(*number),
            Self::Text(text) => Cell::Text(batch.keep(text.as_bytes())),
            Self::Bytes(bytes) => Cell::Bytes(batch.keep(bytes)),
        }
    }
}

/// The value as a column of `kind` takes it; `None` when it does not fit.
pub fn fit<'a>(value: &'a Value<'_>, kind: Kind) -> Option<Fitted<'a>> {
    if matches!(value, Value::Null) {
        return Some(Fitted::Null);
    }
    match kind {
        Kind::Boolean => boolean(value).map(Fitted::Bool),
        Kind::Integer { bits } => integer(value).filter(|number| in_range(*number, bits)).map(Fitted::Integer),
        Kind::Float => float(value).map(Fitted::Float),
        Kind::Real => float(value).filter(|number| is_real(*number)).map(Fitted::Float),
        Kind::Numeric => numeric(value),
        Kind::Decimal { digits, scale } => numeric(value).filter(|number| is_kept(number, digits, scale)),
        Kind::Number => integer(value).map(Fitted::Integer).or_else(|| float(value).map(Fitted::Float)),
        Kind::Json => Some(Fitted::Text(Cow::Owned(json(value)))),
        Kind::Bytes => bytes(value).map(Fitted::Bytes),
        Kind::Array(form) => array(value, form).filter(|text| form.keeps_each(text)).map(Fitted::Text),
        Kind::Text => Some(Fitted::Text(text(value))),
        Kind::Short { letters } => Some(text(value)).filter(|text| has_letters(text, letters)).map(Fitted::Text),
        Kind::Other(form) => Some(text(value)).filter(|text| form.keeps(text)).map(Fitted::Text),
    }
}

/// The narrowest kind above `kind` that takes the value as it is: whole numbers get more bits, numbers any precision, all
/// else becomes text. `None` where there is none: a date or an array becomes nothing else.
pub fn wider(value: &Value<'_>, kind: Kind) -> Option<Kind> {
    let steps: &[Kind] = match kind {
        Kind::Integer { .. } => &[Kind::Integer { bits: 64 }, Kind::Numeric, Kind::Text],
        Kind::Real => &[Kind::Float, Kind::Numeric, Kind::Text],
        Kind::Float | Kind::Decimal { .. } | Kind::Number => &[Kind::Numeric, Kind::Text],
        Kind::Numeric | Kind::Boolean | Kind::Short { .. } => &[Kind::Text],
        Kind::Text | Kind::Json | Kind::Bytes | Kind::Array(_) | Kind::Other(_) => &[],
    };
    steps.iter().copied().find(|step| fit(value, *step).is_some())
}

/// A value as it is hashed beside its column: the same data then has the same hash, whether JSON or CSV brings it. What
/// goes into text is text, also when JSON wrote a number; what a float column holds is a float.
pub fn as_hashed<'a>(value: Value<'a>, kind: Kind) -> Value<'a> {
    match (value, kind) {
        (
            value @ (Value::Bool(_) | Value::Integer(_) | Value::BigInteger(_) | Value::Float(_) | Value::Decimal(_)),
            Kind::Text | Kind::Short { .. } | Kind::Other(_),
        ) => Value::from(text(&value).into_owned()),
        (Value::Decimal(digits), Kind::Float | Kind::Real) => match float_without_loss(&digits) {
            Some(number) => Value::Float(number),
            None => Value::Decimal(digits),
        },
        (value, _) => value,
    }
}

/// A value as text: text as it is, everything else as JSON.
pub fn text<'a>(value: &'a Value<'_>) -> Cow<'a, str> {
    match value {
        Value::Text(text) => Cow::Borrowed(text.as_ref()),
        other => Cow::Owned(json(other)),
    }
}

fn json(value: &Value<'_>) -> String {
    let mut out = Vec::new();
    write_json(value, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn in_range(number: i64, bits: u8) -> bool {
    match bits {
        8 => i8::try_from(number).is_ok(),
        24 => (-(1 << 23)..1 << 23).contains(&number),
        16 => i16::try_from(number).is_ok(),
        32 => i32::try_from(number).is_ok(),
        _ => true,
    }
}

fn boolean(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Integer(0) => Some(false),
        Value::Integer(1) => Some(true),
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => Some(true),
            "false" | "f" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn integer(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::Integer(number) => Some(*number),
        // a whole float below 2^53 is exactly that integer
        Value::Float(number) if number.fract() == 0.0 && number.abs() <= EXACT_FLOAT_MAX => Some(*number as i64),
        Value::Decimal(digits) => Digits::of(digits)?.integer(),
        Value::Text(text) => Digits::of(number_in(text)?)?.integer(),
        _ => None,
    }
}

fn float(value: &Value<'_>) -> Option<f64> {
    let number = match value {
        Value::Integer(number) if (*number as f64) as i128 == i128::from(*number) => *number as f64,
        Value::Float(number) => *number,
        Value::BigInteger(digits) | Value::Decimal(digits) => float_without_loss(digits)?,
        Value::Text(text) => float_without_loss(number_in(text)?)?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

fn numeric<'a>(value: &'a Value<'_>) -> Option<Fitted<'a>> {
    match value {
        Value::Integer(number) => Some(Fitted::Integer(*number)),
        Value::Float(_) => Some(Fitted::Text(Cow::Owned(json(value)))),
        Value::BigInteger(digits) | Value::Decimal(digits) => Some(Fitted::Text(Cow::Borrowed(digits.as_ref()))),
        Value::Text(text) => number_in(text).map(|number| Fitted::Text(Cow::Borrowed(number))),
        _ => None,
    }
}

fn is_kept(number: &Fitted<'_>, digits: u16, scale: i16) -> bool {
    let number = match number {
        Fitted::Text(number) => Digits::of(number),
        Fitted::Integer(number) => Digits::of(itoa::Buffer::new().format(*number)),
        _ => None,
    };
    number.is_some_and(|number| number.fits(digits, scale))
}

/// The number that a text holds, if it is one as JSON writes them.
fn number_in(text: &str) -> Option<&str> {
    let text = text.trim();
    match parse_json(text) {
        Ok(Value::Integer(_) | Value::BigInteger(_) | Value::Float(_) | Value::Decimal(_)) => Some(text),
        _ => None,
    }
}

/// Bytes are written as `\x` and hex digits, as PostgreSQL prints them.
fn bytes(value: &Value<'_>) -> Option<Vec<u8>> {
    match value {
        Value::Bytes(bytes) => Some(bytes.clone()),
        Value::Text(text) => {
            let digits = text.strip_prefix("\\x").filter(|digits| digits.len() % 2 == 0 && digits.is_ascii())?;
            // a sign would be read as a digit
            let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
            (0..digits.len()).step_by(2).map(pair).collect()
        }
        _ => None,
    }
}

/// An array as PostgreSQL writes it: `{1,NULL,"a \"b\""}`; a text is one already, or JSON. Of its elements the server knows
/// what they are.
fn array<'a>(value: &'a Value<'_>, form: Form) -> Option<Cow<'a, str>> {
    let written = |items: &[Value<'_>]| {
        let mut out = String::new();
        write_array(items, form, &mut out);
        Some(Cow::Owned(out))
    };
    match value {
        Value::Array(items) => written(items),
        Value::Text(text) => match parse_json(text) {
            Ok(Value::Array(items)) => written(&items),
            _ => Some(Cow::Borrowed(text.as_ref())),
        },
        _ => None,
    }
}

fn write_array(items: &[Value<'_>], form: Form, out: &mut String) {
    out.push('{');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        match item {
            Value::Null => out.push_str("NULL"),
            Value::Array(items) => write_array(items, form, out),
            item => {
                out.push('"');
                let written = if form == Form::Json { Cow::Owned(json(item)) } else { text(item) };
                for letter in written.chars() {
                    if matches!(letter, '"' | '\\') {
                        out.push('\\');
                    }
                    out.push(letter);
                }
                out.push('"');
            }
        }
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_never_bent() {
        let integer = Kind::Integer { bits: 16 };
        for (value, kind, fits) in [
            (Value::from("12"), integer, true),
            (Value::from("007"), integer, false),
            (Value::from("+7"), integer, false),
            (Value::from(40_000), integer, false),
            (Value::from(1.5), integer, false),
            (Value::from(2.0), integer, true),
            (Value::from("x"), Kind::Float, false),
            (Value::from("nan"), Kind::Float, false),
            (Value::from(2), Kind::Boolean, false),
            (Value::from("\\x0aff"), Kind::Bytes, true),
            (Value::from("\\x0af"), Kind::Bytes, false),
            (Value::Array(vec![]), Kind::Text, true),
            (Value::Decimal("1.0".into()), integer, true),
            (Value::Decimal("1.50".into()), integer, false),
            (Value::from(9_007_199_254_740_993), Kind::Float, false),
            (Value::from(9_007_199_254_740_992), Kind::Float, true),
            (Value::Decimal("12345678901234567.89".into()), Kind::Float, false),
            (Value::Decimal("12345678901234567.89".into()), Kind::Numeric, true),
            (Value::Decimal("1.50".into()), Kind::Decimal { digits: 9, scale: 1 }, true),
            (Value::from(1.25), Kind::Decimal { digits: 9, scale: 1 }, false),
            (Value::from(0.1), Kind::Real, true),
            (Value::from(123_456_789.125), Kind::Real, false),
            (Value::from(i64::MAX), Kind::Number, true),
            (Value::from(1_000_000_000), Kind::Decimal { digits: 9, scale: 0 }, false),
            (Value::from("abcd"), Kind::Short { letters: 3 }, false),
            (Value::from(123), Kind::Short { letters: 3 }, true),
            (Value::from("1.005"), Kind::Other(Form::Money), false),
            (Value::from("{1,1.255}"), Kind::Array(Form::Decimal { digits: 5, scale: 2 }), false),
            (Value::Decimal("12345678901234567.89".into()), Kind::Number, false),
            (Value::Array(vec![]), Kind::Array(Form::Any), true),
            (Value::from(1), Kind::Array(Form::Any), false),
        ] {
            assert_eq!(fit(&value, kind).is_some(), fits, "{value:?} into {kind:?}");
        }
    }

    #[test]
    fn a_kind_is_widened_no_further_than_the_value_asks() {
        let integer = Kind::Integer { bits: 32 };
        for (value, kind, expected) in [
            (Value::from(i64::MAX), integer, Some(Kind::Integer { bits: 64 })),
            (Value::BigInteger("9223372036854775808".into()), integer, Some(Kind::Numeric)),
            (Value::Decimal("1.50".into()), integer, Some(Kind::Numeric)),
            (Value::from("1.50"), integer, Some(Kind::Numeric)),
            (Value::from("n/a"), integer, Some(Kind::Text)),
            (Value::from(0.1), Kind::Real, None),
            (Value::from(123_456_789.125), Kind::Real, Some(Kind::Float)),
            (Value::Decimal("12345678901234567.89".into()), Kind::Float, Some(Kind::Numeric)),
            (Value::Decimal("1.239".into()), Kind::Decimal { digits: 9, scale: 2 }, Some(Kind::Numeric)),
            (Value::from(2), Kind::Boolean, Some(Kind::Text)),
            (Value::from("x"), Kind::Numeric, Some(Kind::Text)),
            (Value::from("x"), Kind::Bytes, None),
            (Value::from("abcd"), Kind::Short { letters: 3 }, Some(Kind::Text)),
            (Value::from(10_000_000), Kind::Decimal { digits: 9, scale: 2 }, Some(Kind::Numeric)),
        ] {
            let found = if fit(&value, kind).is_some() { None } else { wider(&value, kind) };
            assert_eq!(found, expected, "{value:?} into {kind:?}");
        }
    }

    #[test]
    fn an_array_is_written_as_the_server_reads_it() {
        let nested = parse_json(r#"[[1,null],["a \"b\"","c,\\d"]]"#).expect("JSON");
        let expected = r#"{{"1",NULL},{"a \"b\"","c,\\d"}}"#;
        assert_eq!(fit(&nested, Kind::Array(Form::Any)), Some(Fitted::Text(expected.into())));
        for (text, expected) in [("{1,2}", "{1,2}"), ("[1,2]", r#"{"1","2"}"#), ("[0:1]={1,2}", "[0:1]={1,2}")] {
            assert_eq!(fit(&Value::from(text), Kind::Array(Form::Any)), Some(Fitted::Text(expected.into())), "{text}");
        }
    }
}
