//! JSON as Python's `json.loads` reads it, but strict where silence would change data: NaN, infinities and lone
//! surrogates are refused with their place. Of a name that stands twice the last value counts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use super::number::plain_number;
use super::value::Value;

/// How deep lists and objects may stand in each other.
const DEPTH_MAX: usize = 512;
/// Up to this many fields, looking for a name that stands twice is fastest by comparing all.
const FIELDS_COMPARED_MAX: usize = 24;
/// The room for fields that an object starts with.
const FIELDS_EXPECTED: usize = 16;
/// Why a text is no JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// The byte at which reading stopped, from 0.
    pub offset: usize,
    /// The reason, in words.
    pub reason: String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (byte {})", self.reason, self.offset + 1)
    }
}

impl std::error::Error for JsonError {}

/// Reads one JSON value; nothing but white space may follow it.
///
/// # Errors
/// The place and the reason, as soon as one is found.
pub fn parse_json(text: &str) -> Result<Value<'_>, JsonError> {
    let mut parser = Parser { text, bytes: text.as_bytes(), at: 0 };
    parser.skip_space();
    let value = parser.value(0)?;
    parser.skip_space();
    if parser.at < parser.bytes.len() {
        return Err(parser.wrong("there is something after the end of the value"));
    }
    Ok(value)
}

/// The number that begins at byte `at`, and where it ends; `None` when there is none as JSON writes them.
pub(crate) fn number_at(text: &str, at: usize) -> Option<(Value<'_>, usize)> {
    let mut parser = Parser { text, bytes: text.as_bytes(), at };
    let number = parser.number().ok()?;
    Some((number, parser.at))
}

/// The string that begins at byte `at`, without its escapes, and where it ends; `None` when there is none.
pub(crate) fn string_at(text: &str, at: usize) -> Option<(Cow<'_, str>, usize)> {
    let mut parser = Parser { text, bytes: text.as_bytes(), at };
    let string = parser.string().ok()?;
    Some((string, parser.at))
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn wrong(&self, reason: &str) -> JsonError {
        JsonError { offset: self.at, reason: reason.to_owned() }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        match self.peek() {
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'{' | b'[') if depth >= DEPTH_MAX => {
                Err(self.wrong(&format!("it is nested deeper than {DEPTH_MAX} levels")))
            }
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'N' | b'I') => Err(self.wrong("NaN and infinities are not numbers of JSON")),
            Some(_) => Err(self.wrong("a value was expected")),
            None => Err(self.wrong("it ends in the middle")),
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.wrong("a value was expected"))
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.skip_space();
            items.push(self.value(depth + 1)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::Array(items));
                }
                Some(_) => return Err(self.wrong("`,` or `]` was expected")),
                None => return Err(self.wrong("it ends in the middle of a list")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.at += 1;
        let mut fields: Vec<(Cow<'a, str>, Value<'a>)> = Vec::with_capacity(FIELDS_EXPECTED);
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(fields));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.wrong(if self.peek().is_none() {
                    "it ends in the middle of an object"
                } else {
                    "a name in quotes was expected"
                }));
            }
            let name = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.wrong("`:` was expected"));
            }
            self.at += 1;
            self.skip_space();
            let value = self.value(depth + 1)?;
            fields.push((name, value));
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Object(last_counts(fields)));
                }
                Some(_) => return Err(self.wrong("`,` or `}` was expected")),
                None => return Err(self.wrong("it ends in the middle of an object")),
            }
        }
    }

    /// A string; borrowed from the input when nothing in it is escaped.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let start = self.at;
        self.skip_plain();
        if self.peek() == Some(b'"') {
            let text = &self.text[start..self.at];
            self.at += 1;
            return Ok(Cow::Borrowed(text));
        }
        let mut text = self.text[start..self.at].to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return Err(self.wrong("a control character must be escaped in a string")),
                None => return Err(self.wrong("it ends in the middle of a string")),
            }
            let plain = self.at;
            self.skip_plain();
            text.push_str(&self.text[plain..self.at]);
        }
    }

    fn skip_plain(&mut self) {
        self.at += plain_length(&self.bytes[self.at..]);
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let escaped = self.bytes.get(self.at + 1).copied();
        let plain = match escaped {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.wrong("there is no such escape in JSON")),
        };
        self.at += 2;
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.four_digits(self.at)?;
        if let Some(character) = char::from_u32(first) {
            self.at += 6;
            return Ok(character);
        }
        let pair = self.bytes[self.at + 6..].starts_with(b"\\u") && first < 0xdc00;
        let second = if pair { self.four_digits(self.at + 6)? } else { 0 };
        if !(0xdc00..0xe000).contains(&second) {
            return Err(self.wrong(&format!("\\u{first:04x} is a lone surrogate, which is no character")));
        }
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        let character = char::from_u32(code).ok_or_else(|| self.wrong("that pair of surrogates is no character"))?;
        self.at += 12;
        Ok(character)
    }

    /// The number in `\uXXXX` that starts at `at`.
    fn four_digits(&self, at: usize) -> Result<u32, JsonError> {
        let digits = self.bytes.get(at + 2..at + 6).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        digits
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.wrong("\\u takes four hex digits"))
    }

    fn number(&mut self) -> Result<Value<'a>, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.skip_digits(),
            Some(b'I') => return Err(self.wrong("NaN and infinities are not numbers of JSON")),
            _ => return Err(self.wrong("a digit was expected")),
        }
        if !matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.wrong("a number cannot start with 0"));
            }
            return Ok(integer(&self.text[start..self.at]));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        let written = &self.text[start..self.at];
        match written.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                let is_plain = plain_number(written.as_bytes()).is_some_and(|plain| plain.length == written.len());
                Ok(if is_plain { Value::Float(number) } else { Value::Decimal(Cow::Borrowed(written)) })
            }
            _ => {
                self.at = start;
                Err(self.wrong("the number is too large for a float, which would make it infinite"))
            }
        }
    }

    fn some_digits(&mut self) -> Result<(), JsonError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.wrong("a digit was expected"));
        }
        self.skip_digits();
        Ok(())
    }

    fn skip_digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }
}

/// How many bytes go by until a quote, a backslash or a control character; eight are looked at together.
pub(crate) fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // the high bit of each byte that is zero; above the first such byte it may err, and only the first counts
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, _) = bytes.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let found = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\'))) | control;
        if found != 0 {
            return place * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let rest = words.len() * 8;
    let end = bytes[rest..].iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
    rest + end.unwrap_or(bytes.len() - rest)
}

/// An integer from its digits; beyond 64 bits the digits stay as they are.
fn integer(digits: &str) -> Value<'_> {
    digits.parse().map_or(Value::BigInteger(Cow::Borrowed(digits)), Value::Integer)
}

fn has_twins(fields: &[(Cow<'_, str>, Value<'_>)]) -> bool {
    fields.iter().enumerate().any(|(place, (name, _))| fields[..place].iter().any(|(known, _)| known == name))
}

/// Keeps each name once, at its first place and with its last value, as a Python dict does.
fn last_counts<'a>(fields: Vec<(Cow<'a, str>, Value<'a>)>) -> Vec<(Cow<'a, str>, Value<'a>)> {
    // most records show by lengths and outer letters alone that no name stands twice
    let mut seen = [0_u64; 4];
    let mut is_fresh = |name: &str| {
        let bytes = name.as_bytes();
        let (first, last) = (bytes.first().copied().unwrap_or(0), bytes.last().copied().unwrap_or(0));
        let mixed = (u32::from(first) * 31 + u32::from(last)) * 31 + bytes.len() as u32;
        let (word, bit) = ((mixed >> 6) as usize & 3, 1 << (mixed & 63));
        let is_fresh = seen[word] & bit == 0;
        seen[word] |= bit;
        is_fresh
    };
    let all_fresh = fields.iter().filter(|(name, _)| !is_fresh(name)).count() == 0;
    if all_fresh || fields.len() <= FIELDS_COMPARED_MAX && !has_twins(&fields) {
        return fields;
    }
    let mut places: HashMap<Cow<'a, str>, usize> = HashMap::with_capacity(fields.len());
    let mut kept: Vec<(Cow<'a, str>, Value<'a>)> = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        match places.get(&name) {
            Some(place) => kept[*place].1 = value,
            None => {
                places.insert(name.clone(), kept.len());
                kept.push((name, value));
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_a_name_counts_and_keeps_the_first_place() {
        let value = parse_json(r#"{"a": 1, "b": 2, "a": 3}"#).expect("JSON");
        let expected = vec![("a".into(), Value::Integer(3)), ("b".into(), Value::Integer(2))];
        assert_eq!(value, Value::Object(expected));
    }

    #[test]
    fn what_would_change_silently_is_refused_with_its_place() {
        for (text, offset) in [
            (r#"{"a": NaN}"#, 6),
            (r#"[-Infinity]"#, 2),
            (r#"["\ud800"]"#, 2),
            (r#"["\udc00\ud800"]"#, 2),
            (r#"["\ud800A"]"#, 2),
            ("[1e999]", 1),
            ("[01]", 2),
            ("[1,]", 3),
            ("{\"a\":1", 6),
            ("[\"a\nb\"]", 3),
            ("1 2", 2),
        ] {
            assert_eq!(parse_json(text).expect_err(text).offset, offset, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_does_not_exhaust_the_stack() {
        let text = "[".repeat(1_000_000);
        assert!(parse_json(&text).expect_err("too deep").reason.contains("nested"));
    }

    #[test]
    fn the_end_of_plain_text_is_found_at_every_place() {
        for length in 0..40 {
            for stop in ['"', '\\', '\n', '\u{1f}'] {
                let text = format!(
                    "{}{stop}{}",
                    "aé \u{7f}z".repeat(8).chars().take(length).collect::<String>(),
                    "x\"y".repeat(5)
                );
                let expected = text.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
                assert_eq!(Some(plain_length(text.as_bytes())), expected, "{text:?}");
            }
        }
        assert_eq!(plain_length(b"only plain text in here"), 23);
    }

    #[test]
    fn a_name_that_looks_like_another_is_not_the_same() {
        let value = parse_json(r#"{"a1b": 1, "a2b": 2, "": 3, "a1b": 4}"#).expect("JSON");
        let Value::Object(fields) = value else { panic!("an object") };
        assert_eq!(fields.len(), 3);
        assert_eq!(fields[0].1, Value::Integer(4));
    }

    #[test]
    fn numbers_keep_what_they_are() {
        let numbers = parse_json("[-0, -0.0, 1E5, 1.5, 1.50, 123456789012345678901234567890]").expect("JSON");
        let expected = vec![
            Value::Integer(0),
            Value::Float(-0.0),
            Value::Decimal("1E5".into()),
            Value::Float(1.5),
            Value::Decimal("1.50".into()),
            Value::BigInteger("123456789012345678901234567890".into()),
        ];
        assert_eq!(numbers, Value::Array(expected));
    }
}
