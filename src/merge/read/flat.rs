//! The short way for plain records: rows, and flat objects whose names are those of the record before. It reads, checks and
//! writes the canonical form without building a value for each field. What it does not understand takes the long way,
//! so it may give up at any doubt.

use std::borrow::Cow;
use std::ops::Range;

use crate::db::{Column, Form, Kind, Table, has_letters};
use crate::hash::{HashOptions, RESERVED, is_float_as_printed, write_float, write_text};
use crate::merge::read::reader::{ShortWay, note};
use crate::merge::read::row::{Fields, has_backslash_quote};
use crate::merge::read::survey::{Survey, kind_of_digits, kind_of_integer};
use crate::record::{PlainNumber, Record, Value, number_at, plain_length, plain_number, string_at};

/// Decimals of so many digits are never the same float.
const DIGITS_EXACT_MAX: usize = 15;

/// One value of a flat record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token {
    Null,
    Bool(bool),
    Integer(i64),
    /// A float that is written another way than it is printed; its digits are no more than a float holds.
    Float {
        number: f64,
        start: u32,
        end: u32,
    },
    /// An integer that the canonical form has as it stands in the record.
    PlainInteger {
        start: usize,
        end: usize,
    },
    /// As a plain integer, with a point; a float gives all digits back.
    PlainFloat {
        start: usize,
        end: usize,
    },
    /// Text as it stands in the record.
    Text {
        start: usize,
        end: usize,
    },
    /// Text that was unescaped into a buffer.
    Unescaped {
        start: usize,
        end: usize,
    },
}

/// What a numeric token stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Integer(i64),
    Float(f64),
}

/// What the records of a chunk share, learnt from one of them.
#[derive(Debug, Default)]
pub(crate) struct Flat {
    /// The names of the last record that took the long way.
    shape: Vec<String>,
    /// Empty when the shape cannot go the short way.
    fields: Vec<Field>,
    /// The fields that are hashed, sorted by name.
    order: Vec<usize>,
    tokens: Vec<Token>,
    /// Text that had escapes.
    unescaped: String,
    exact: bool,
}

#[derive(Debug)]
struct Field {
    name: String,
    /// The name in its quotes, as it stands in the input.
    quoted: Vec<u8>,
    /// The name as the canonical form has it, with what comes before it.
    head: Vec<u8>,
    /// What the table takes here; `None` where there is no table yet, or the column is not loaded.
    kind: Option<Kind>,
    /// Its place among the columns that are written.
    column: Option<usize>,
    /// What was seen, while there is no table.
    seen: Vec<Option<Kind>>,
}

impl Flat {
    /// Learns from a record that took the long way and was found good.
    pub(crate) fn learn(&mut self, record: &Record<'_>, options: &HashOptions, table: Option<&Table>) {
        let is_known_shape = self.shape.iter().eq(record.fields.iter().map(|(name, _)| name));
        if is_known_shape {
            // it was a value that took the long way: the shape is learnt already, or cannot be
            return;
        }
        self.shape = record.fields.iter().map(|(name, _)| name.to_string()).collect();
        self.fields.clear();
        self.order.clear();
        self.exact = options.exact;
        let is_plain = |(name, _): &(Cow<'_, str>, Value<'_>)| plain_length(name.as_bytes()) == name.len();
        let is_own = record.fields.iter().any(|(name, _)| RESERVED.contains(&name.as_ref()));
        let is_known = |(name, _): &(Cow<'_, str>, Value<'_>)| table.is_none_or(|table| table.column(name).is_some());
        if is_own || !record.fields.iter().all(|field| is_plain(field) && is_known(field)) {
            return;
        }
        for (name, _) in &record.fields {
            self.fields.push(Field {
                name: name.to_string(),
                quoted: format!("\"{name}\"").into_bytes(),
                head: Vec::new(),
                kind: table.and_then(|table| table.column(name)).map(|column| column.kind),
                column: None,
                seen: Vec::new(),
            });
        }
        self.order = (0..self.fields.len()).filter(|place| options.takes(&self.fields[*place].name)).collect();
        self.order.sort_by(|one, other| self.fields[*one].name.cmp(&self.fields[*other].name));
        for (rank, place) in self.order.iter().enumerate() {
            let comma = if rank == 0 { "" } else { ", " };
            self.fields[*place].head = format!("{comma}\"{}\": ", self.fields[*place].name).into_bytes();
        }
    }

    /// Reads a record of the known shape; false sends it the long way.
    pub(crate) fn read(&mut self, text: &str, way: ShortWay<'_>) -> bool {
        if self.fields.is_empty() {
            return false;
        }
        self.tokens.clear();
        self.unescaped.clear();
        match way {
            ShortWay::Json => self.read_json(text),
            ShortWay::Row { delimiter, columns } => self.read_row(text, delimiter, columns),
        }
    }

    fn read_row(&mut self, text: &str, delimiter: u8, columns: &[Option<(String, Kind)>]) -> bool {
        if has_backslash_quote(text.as_bytes()) {
            return false;
        }
        for (place, field) in Fields::of(text.as_bytes(), delimiter).enumerate() {
            let Some(Some((_, kind))) = columns.get(place) else { return false };
            let token = if field.is_plain { field_token(text, field.range, *kind) } else { None };
            let Some(token) = token else { return false };
            self.tokens.push(token);
        }
        self.tokens.len() == self.fields.len() && columns.len() == self.fields.len()
    }

    fn read_json(&mut self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let mut at = 0;
        let last = self.fields.len() - 1;
        if bytes.first() != Some(&b'{') {
            return false;
        }
        at += 1;
        for (place, field) in self.fields.iter().enumerate() {
            at = skip_space(bytes, at);
            if !bytes[at..].starts_with(&field.quoted) {
                return false;
            }
            at = skip_space(bytes, at + field.quoted.len());
            if bytes.get(at) != Some(&b':') {
                return false;
            }
            at = skip_space(bytes, at + 1);
            let Some((token, end)) = token_at(text, at, &mut self.unescaped) else { return false };
            self.tokens.push(token);
            at = skip_space(bytes, end);
            let expected = if place == last { b'}' } else { b',' };
            if bytes.get(at) != Some(&expected) {
                return false;
            }
            at += 1;
        }
        at == bytes.len()
    }

    /// Whether the table takes all values as they are; where there is no table, what they are is noted.
    pub(crate) fn fits(&mut self, has_table: bool, text: &str) -> bool {
        if has_table {
            return self
                .fields
                .iter()
                .zip(&self.tokens)
                .all(|(field, token)| field.kind.is_some_and(|kind| fits(*token, kind, text)));
        }
        for (field, token) in self.fields.iter_mut().zip(&self.tokens) {
            note(&mut field.seen, kind_of_token(*token));
        }
        true
    }

    /// Gives the survey what was noted since the shape was learnt.
    pub(crate) fn tell(&mut self, survey: &mut Survey) {
        for field in &mut self.fields {
            field.seen.drain(..).for_each(|kind| survey.see(&field.name, kind));
        }
    }

    /// Appends the canonical form of the record that was read.
    pub(crate) fn write_form(&self, text: &str, out: &mut Vec<u8>) {
        out.push(b'{');
        for place in &self.order {
            out.extend_from_slice(&self.fields[*place].head);
            match self.tokens[*place] {
                Token::Null => out.extend_from_slice(b"null"),
                Token::Bool(true) => out.extend_from_slice(b"true"),
                Token::Bool(false) => out.extend_from_slice(b"false"),
                Token::Integer(number) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
                Token::Float { number, .. } => write_float(number, out),
                Token::PlainInteger { start, end } | Token::PlainFloat { start, end } => {
                    out.extend_from_slice(&text.as_bytes()[start..end]);
                }
                token @ (Token::Text { .. } | Token::Unescaped { .. }) => {
                    write_text(self.text(token, text), self.exact, out);
                }
            }
        }
        out.push(b'}');
    }

    /// The bytes of a text token.
    pub(crate) fn text<'a>(&'a self, token: Token, text: &'a str) -> &'a str {
        match token {
            Token::Text { start, end } => &text[start..end],
            Token::Unescaped { start, end } => &self.unescaped[start..end],
            _ => "",
        }
    }

    /// Notes where the fields stand among the columns that are written.
    pub(crate) fn aim(&mut self, columns: &[Column]) {
        for field in &mut self.fields {
            field.column = columns.iter().position(|column| column.name == field.name);
        }
    }

    /// The values of the record that was read, each with its column's place.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (Option<usize>, Token)> {
        self.fields.iter().map(|field| field.column).zip(self.tokens.iter().copied())
    }

    /// The digits of a numeric token as they stand in the record.
    pub(crate) fn digits(token: Token, text: &str) -> Option<&str> {
        match token {
            Token::PlainInteger { start, end } | Token::PlainFloat { start, end } => Some(&text[start..end]),
            Token::Float { start, end, .. } => Some(&text[start as usize..end as usize]),
            _ => None,
        }
    }

    /// The number of a numeric token; `None` for all others.
    pub(crate) fn number(token: Token, text: &str) -> Option<Number> {
        match token {
            Token::Integer(number) => Some(Number::Integer(number)),
            Token::Float { number, .. } => Some(Number::Float(number)),
            Token::PlainInteger { start, end } => text[start..end].parse().ok().map(Number::Integer),
            Token::PlainFloat { start, end } => text[start..end].parse().ok().map(Number::Float),
            _ => None,
        }
    }
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The scalar that begins at `at`, and where it ends; `None` for lists, objects and all that is wrong.
fn token_at(text: &str, at: usize, unescaped: &mut String) -> Option<(Token, usize)> {
    let bytes = text.as_bytes();
    let word = |word: &str, token| bytes[at..].starts_with(word.as_bytes()).then_some((token, at + word.len()));
    match bytes.get(at)? {
        b'"' => {
            let start = at + 1;
            let end = start + plain_length(&bytes[start..]);
            if bytes.get(end) == Some(&b'"') {
                return Some((Token::Text { start, end }, end + 1));
            }
            let (plain, end) = string_at(text, at)?;
            let start = unescaped.len();
            unescaped.push_str(&plain);
            Some((Token::Unescaped { start, end: unescaped.len() }, end))
        }
        b'-' | b'0'..=b'9' => match plain_number(&bytes[at..]) {
            Some(PlainNumber { length, is_float }) => {
                let (start, end) = (at, at + length);
                Some((
                    if is_float { Token::PlainFloat { start, end } } else { Token::PlainInteger { start, end } },
                    end,
                ))
            }
            None => number_token_at(text, at),
        },
        b't' => word("true", Token::Bool(true)),
        b'f' => word("false", Token::Bool(false)),
        b'n' => word("null", Token::Null),
        _ => None,
    }
}

/// A number that is not plain; `None` for one that no float holds.
fn number_token_at(text: &str, at: usize) -> Option<(Token, usize)> {
    match number_at(text, at)? {
        (Value::Integer(number), end) => Some((Token::Integer(number), end)),
        (Value::Decimal(written), end) => {
            let number: f64 = written.parse().ok()?;
            if is_float_as_printed(number, &written) {
                return Some((Token::PlainFloat { start: at, end }, end));
            }
            let is_short = written.bytes().filter(u8::is_ascii_digit).count() <= DIGITS_EXACT_MAX && number.is_normal();
            // a record has at most 32 MiB
            is_short.then_some((Token::Float { number, start: at as u32, end: end as u32 }, end))
        }
        _ => None,
    }
}

/// A field of CSV as a value of its column's kind; `None` where it has to be looked at.
fn field_token(text: &str, Range { start, end }: Range<usize>, kind: Kind) -> Option<Token> {
    let field = &text[start..end];
    if field.is_empty() {
        return Some(Token::Null);
    }
    match kind {
        Kind::Text | Kind::Short { .. } | Kind::Other(_) => Some(Token::Text { start, end }),
        Kind::Boolean => match field {
            "true" => Some(Token::Bool(true)),
            "false" => Some(Token::Bool(false)),
            _ => None,
        },
        Kind::Integer { .. } | Kind::Float | Kind::Real | Kind::Numeric | Kind::Decimal { .. } | Kind::Number => {
            let is_number = matches!(field.as_bytes()[0], b'-' | b'0'..=b'9');
            let (token, after) = if is_number { token_at(text, start, &mut String::new())? } else { return None };
            (after == end).then_some(token)
        }
        Kind::Json | Kind::Bytes | Kind::Array(_) => None,
    }
}

fn kind_of_token(token: Token) -> Option<Kind> {
    match token {
        Token::Null => None,
        Token::Bool(_) => Some(Kind::Boolean),
        Token::Integer(number) => Some(kind_of_integer(number)),
        Token::PlainInteger { start, end } => Some(kind_of_digits(end - start)),
        Token::Float { .. } | Token::PlainFloat { .. } => Some(Kind::Float),
        Token::Text { .. } | Token::Unescaped { .. } => Some(Kind::Text),
    }
}

/// Whether a value goes into a column without a second look.
pub(crate) fn fits(token: Token, kind: Kind, text: &str) -> bool {
    match token {
        Token::Null => true,
        Token::Text { start, end } => match kind {
            Kind::Short { letters } => has_letters(&text[start..end], letters),
            Kind::Other(form) => form.keeps(&text[start..end]),
            kind => kind == Kind::Text,
        },
        Token::Unescaped { .. } => matches!(kind, Kind::Text | Kind::Other(Form::Any)),
        Token::Bool(_) => kind == Kind::Boolean,
        Token::PlainInteger { start, end } => match kind {
            Kind::Integer { bits } => bits == 64 || end - start <= if bits == 32 { 9 } else { 4 },
            Kind::Float => end - start <= DIGITS_EXACT_MAX,
            Kind::Decimal { digits, scale } => has_room(end - start, 0, digits, scale),
            kind => matches!(kind, Kind::Numeric | Kind::Number),
        },
        Token::Integer(_) => matches!(kind, Kind::Integer { bits: 64 } | Kind::Numeric | Kind::Number),
        Token::PlainFloat { start, end } => match kind {
            Kind::Decimal { digits, scale } => {
                let decimals = decimals(&text[start..end]);
                has_room(end - start - 1 - decimals, decimals, digits, scale)
            }
            kind => matches!(kind, Kind::Float | Kind::Numeric | Kind::Number),
        },
        Token::Float { .. } => matches!(kind, Kind::Float | Kind::Numeric | Kind::Number),
    }
}

/// Whether so many places before and behind the point are surely within a column's digits.
fn has_room(whole: usize, decimals: usize, digits: u16, scale: i16) -> bool {
    let scale = usize::try_from(scale).ok();
    scale.is_some_and(|scale| decimals <= scale && whole + scale <= usize::from(digits))
}

/// The digits behind the point of a plain number.
fn decimals(number: &str) -> usize {
    memchr::memchr(b'.', number.as_bytes()).map_or(0, |point| number.len() - point - 1)
}
