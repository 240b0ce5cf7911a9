//! The canonical form of a record: the one text that its hash is taken of.

use super::number::write_float;
use super::text::write_text;
use crate::record::{Digits, Record, Value, is_float};

/// The framework's own columns; they never take part in a hash.
pub const RESERVED: [&str; 5] = ["sha", "id", "archive", "date_created", "date_modified"];

/// Which columns take part in the hash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Columns {
    /// All but the framework's own.
    #[default]
    All,
    /// Of those, only these.
    Only(Vec<String>),
    /// Of those, all but these.
    Except(Vec<String>),
}

/// How a record is hashed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HashOptions {
    /// Which columns take part.
    pub columns: Columns,
    /// Take text as it is: no NFC, no lower-casing, white space stays.
    pub exact: bool,
}

impl HashOptions {
    /// Whether a column takes part in the hash.
    pub fn takes(&self, column: &str) -> bool {
        if RESERVED.contains(&column) {
            return false;
        }
        match &self.columns {
            Columns::All => true,
            Columns::Only(names) => names.iter().any(|name| name == column),
            Columns::Except(names) => !names.iter().any(|name| name == column),
        }
    }
}

/// The canonical form of many records: it remembers the order of their names, which the records of one source share.
#[derive(Debug, Clone, Default)]
pub struct Canonical {
    /// Where the fields of the last record stand, sorted by name.
    order: Vec<usize>,
    /// Their names in that order, and how they are written; `None` for one that takes no part.
    heads: Vec<(String, Option<Vec<u8>>)>,
    form: Vec<u8>,
    keeps_digits: bool,
}

impl Canonical {
    /// The form as a merge takes it: a number that no float holds counts by its digits, so that two such numbers of one
    /// float are two. All others are what the documented hash makes of them.
    pub fn keeping_digits() -> Self {
        Self { keeps_digits: true, ..Self::default() }
    }

    /// The canonical form of `record`, until the next one. The options must be those of the last call.
    pub fn of(&mut self, record: &Record<'_>, options: &HashOptions) -> &[u8] {
        let fields = &record.fields;
        let is_known = |(place, (name, _)): (&usize, &(String, _))| fields[*place].0 == *name;
        if self.order.len() != fields.len() || !self.order.iter().zip(&self.heads).all(is_known) {
            self.learn(record, options);
        }
        self.form.clear();
        self.form.push(b'{');
        for (place, (_, head)) in self.order.iter().zip(&self.heads) {
            let Some(head) = head else { continue };
            if self.form.len() > 1 {
                self.form.extend_from_slice(b", ");
            }
            self.form.extend_from_slice(head);
            let style = Style::Canonical { exact: options.exact, keeps_digits: self.keeps_digits };
            write_value(&fields[*place].1, style, &mut self.form);
        }
        self.form.push(b'}');
        &self.form
    }

    fn learn(&mut self, record: &Record<'_>, options: &HashOptions) {
        self.order = (0..record.fields.len()).collect();
        // UTF-8 sorts by bytes as it sorts by code points
        self.order.sort_unstable_by_key(|place| &record.fields[*place].0);
        let head = |place: &usize| {
            let name = record.fields[*place].0.as_ref();
            let mut head = Vec::with_capacity(name.len() + 4);
            write_text(name, true, &mut head);
            head.extend_from_slice(b": ");
            (name.to_owned(), options.takes(name).then_some(head))
        };
        self.heads = self.order.iter().map(head).collect();
    }
}

/// Writes the canonical form of `record` to `out`.
pub fn canonical(record: &Record<'_>, options: &HashOptions, out: &mut Vec<u8>) {
    out.extend_from_slice(Canonical::default().of(record, options));
}

/// Writes a value as plain JSON: nothing normalised, names in their own order.
pub fn write_json(value: &Value<'_>, out: &mut Vec<u8>) {
    write_value(value, Style::AsIs, out);
}

#[derive(Clone, Copy)]
enum Style {
    /// Sorted names and, unless exact, normalised text.
    Canonical { exact: bool, keeps_digits: bool },
    /// Names in their order, text untouched.
    AsIs,
}

impl Style {
    fn is_exact(self) -> bool {
        matches!(self, Self::AsIs | Self::Canonical { exact: true, .. })
    }
}

fn write_value(value: &Value<'_>, style: Style, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Integer(number) => out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes()),
        Value::BigInteger(digits) => out.extend_from_slice(digits.as_bytes()),
        Value::Float(number) => write_float(*number, out),
        Value::Decimal(digits) => write_decimal(digits, style, out),
        Value::Text(text) => write_text(text, style.is_exact(), out),
        Value::Bytes(bytes) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            write_text(&format!("\\x{hex}"), true, out);
        }
        Value::Array(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.extend_from_slice(b", ");
                }
                write_value(item, style, out);
            }
            out.push(b']');
        }
        Value::Object(fields) => write_object(fields.iter().map(|(name, value)| (name.as_ref(), value)), style, out),
    }
}

/// A number as it is written, or, in the canonical form, as the float that it is.
fn write_decimal(digits: &str, style: Style, out: &mut Vec<u8>) {
    match (style, digits.parse()) {
        (Style::AsIs, _) | (_, Err(_)) => out.extend_from_slice(digits.as_bytes()),
        (Style::Canonical { keeps_digits: true, .. }, _) if !is_float(digits) => {
            let mut form = String::with_capacity(digits.len());
            match Digits::of(digits) {
                Some(value) => value.write(&mut form),
                None => form.push_str(digits),
            }
            out.extend_from_slice(form.as_bytes());
        }
        (_, Ok(number)) => write_float(number, out),
    }
}

fn write_object<'r, 'v: 'r>(fields: impl Iterator<Item = (&'r str, &'r Value<'v>)>, style: Style, out: &mut Vec<u8>) {
    let mut fields: Vec<(&str, &Value<'_>)> = fields.collect();
    if matches!(style, Style::Canonical { .. }) {
        // UTF-8 sorts by bytes as it sorts by code points
        fields.sort_unstable_by_key(|(name, _)| *name);
    }
    out.push(b'{');
    for (place, (name, value)) in fields.into_iter().enumerate() {
        if place > 0 {
            out.extend_from_slice(b", ");
        }
        write_text(name, true, out);
        out.extend_from_slice(b": ");
        write_value(value, style, out);
    }
    out.push(b'}');
}
