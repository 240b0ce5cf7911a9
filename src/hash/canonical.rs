//! The canonical form of a record: the one text that its hash is taken of.

use super::number::write_float;
use super::text::write_text;
use crate::record::{Record, Value};

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

/// Hashes many records: it remembers the order of their names, which the records of one source share.
#[derive(Debug, Clone, Default)]
pub struct Canonical {
    order: Vec<usize>,
    /// The canonical form of the last record.
    pub form: Vec<u8>,
}

impl Canonical {
    /// The canonical form of `record`, until the next one.
    pub fn of(&mut self, record: &Record<'_>, options: &HashOptions) -> &[u8] {
        let fields = &record.fields;
        let is_ascending = |order: &[usize]| order.is_sorted_by(|one, other| fields[*one].0 < fields[*other].0);
        if self.order.len() != fields.len() || !is_ascending(&self.order) {
            self.order = (0..fields.len()).collect();
            self.order.sort_unstable_by_key(|place| &fields[*place].0);
        }
        self.form.clear();
        self.form.push(b'{');
        for place in &self.order {
            let (name, value) = &fields[*place];
            if !options.takes(name) {
                continue;
            }
            if self.form.len() > 1 {
                self.form.extend_from_slice(b", ");
            }
            write_text(name, true, &mut self.form);
            self.form.extend_from_slice(b": ");
            write_value(value, Style::Canonical { exact: options.exact }, &mut self.form);
        }
        self.form.push(b'}');
        &self.form
    }
}

/// Writes the canonical form of `record` to `out`.
pub fn canonical(record: &Record<'_>, options: &HashOptions, out: &mut Vec<u8>) {
    let fields = record.fields.iter().filter(|(name, _)| options.takes(name));
    write_object(fields.map(|(name, value)| (name.as_ref(), value)), Style::Canonical { exact: options.exact }, out);
}

/// Writes a value as plain JSON: nothing normalised, names in their own order.
pub fn write_json(value: &Value<'_>, out: &mut Vec<u8>) {
    write_value(value, Style::AsIs, out);
}

#[derive(Clone, Copy)]
enum Style {
    /// Sorted names and, unless exact, normalised text.
    Canonical { exact: bool },
    /// Names in their order, text untouched.
    AsIs,
}

impl Style {
    fn is_exact(self) -> bool {
        matches!(self, Self::AsIs | Self::Canonical { exact: true })
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
