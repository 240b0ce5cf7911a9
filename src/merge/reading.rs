//! From the bytes of one record to its fields: parsed, renamed, and, for CSV, converted to its columns' kinds.

use std::borrow::Cow;

use super::format::{Format, split_row};
use super::input::Source;
use super::pass::{Chunk, Place};
use super::reject::{FaultKind, Reject};
use super::survey::{Survey, kind_of_field};
use crate::db::{Kind, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Record, Value, parse_json};

/// The most bytes of a value that an error shows.
const SHOWN_BYTES_MAX: usize = 60;

/// Which fields are left out or get another name, before anything else happens to a record.
#[derive(Debug, Clone, Default)]
pub(super) struct Mapping {
    pub(super) ignore: Vec<String>,
    pub(super) rename: Vec<(String, String)>,
}

impl Mapping {
    fn apply<'a>(&self, name: Cow<'a, str>) -> Option<Cow<'a, str>> {
        if self.ignore.iter().any(|ignored| *ignored == name) {
            return None;
        }
        match self.rename.iter().find(|(old, _)| *old == name) {
            Some((_, new)) => Some(Cow::Owned(new.clone())),
            None => Some(name),
        }
    }

    fn is_empty(&self) -> bool {
        self.ignore.is_empty() && self.rename.is_empty()
    }
}

/// Reads records of one set of sources.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    mapping: Mapping,
    /// For each source the columns of a CSV file, `None` for those left out.
    columns: Vec<Vec<Option<(String, Kind)>>>,
}

/// Why a record cannot be read.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) column: Option<String>,
    pub(super) reason: String,
    pub(super) kind: FaultKind,
}

impl Fault {
    pub(super) fn reject(self, source: usize, line: u64, raw: &[u8]) -> Reject {
        Reject { source, line, column: self.column, reason: self.reason, raw: Some(raw.to_vec()), fault: self.kind }
    }
}

impl Reader {
    /// A reader that takes the kinds of CSV columns from the table, else from the survey.
    pub(super) fn new(sources: &[Source], mapping: &Mapping, table: Option<&Table>, survey: &Survey) -> Result<Self> {
        let kind = |name: &str| {
            let known = table.and_then(|table| table.column(name)).map(|column| column.kind);
            known.or(survey.kind(name)).unwrap_or(Kind::Text)
        };
        let mut columns = Vec::with_capacity(sources.len());
        for source in sources {
            let named: Vec<Option<String>> =
                source.header.iter().map(|name| mapping.apply(Cow::Borrowed(name)).map(Cow::into_owned)).collect();
            if let Some(twice) = named
                .iter()
                .enumerate()
                .find_map(|(place, name)| name.as_ref().filter(|_| named[..place].contains(name)))
            {
                return Err(Error::new(
                    ErrorKind::Usage,
                    format!("rename a column of {}: `{twice}` would stand twice", source.name),
                ));
            }
            columns.push(named.into_iter().map(|name| name.map(|name| (name.clone(), kind(&name)))).collect());
        }
        Ok(Self { mapping: mapping.clone(), columns })
    }

    /// Whether records come as JSON and are taken as they are: then the short way is open to them.
    pub(super) fn is_direct(&self, format: Format) -> bool {
        self.mapping.is_empty() && !matches!(format, Format::Csv { .. })
    }

    /// Reads one record of a source.
    pub(super) fn read<'a>(&self, source: usize, format: Format, bytes: &'a [u8]) -> Result<Record<'a>, Fault> {
        match format {
            Format::Csv { delimiter } => self.read_row(source, delimiter, bytes),
            Format::Ndjson | Format::JsonArray => self.read_json(bytes),
        }
    }

    fn read_json<'a>(&self, bytes: &'a [u8]) -> Result<Record<'a>, Fault> {
        let text = std::str::from_utf8(bytes).map_err(|cause| not_utf8(cause.valid_up_to()))?;
        let value = parse_json(text).map_err(|error| Fault {
            column: Some(format!("byte {}", error.offset + 1)),
            reason: error.reason,
            kind: FaultKind::Record,
        })?;
        let Value::Object(fields) = value else {
            return Err(Fault {
                column: None,
                reason: format!("it is {}, and a record is an object", value.kind_name()),
                kind: FaultKind::Record,
            });
        };
        if self.mapping.is_empty() {
            return Ok(Record { fields });
        }
        let mut mapped: Vec<(Cow<'a, str>, Value<'a>)> = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            let Some(name) = self.mapping.apply(name) else { continue };
            if mapped.iter().any(|(known, _)| *known == name) {
                return Err(Fault {
                    column: Some(format!("column `{name}`")),
                    reason: "the name stands twice after renaming".to_owned(),
                    kind: FaultKind::Record,
                });
            }
            mapped.push((name, value));
        }
        Ok(Record { fields: mapped })
    }

    fn read_row(&self, source: usize, delimiter: u8, bytes: &[u8]) -> Result<Record<'static>, Fault> {
        let columns = &self.columns[source];
        let mut fields = Vec::with_capacity(columns.len());
        split_row(bytes, delimiter, &mut fields);
        if fields.len() != columns.len() {
            let reason = format!("it has {} fields, and the header has {}", fields.len(), columns.len());
            return Err(Fault { column: None, reason, kind: FaultKind::Record });
        }
        let mut record = Record { fields: Vec::with_capacity(columns.len()) };
        for (field, column) in fields.into_iter().zip(columns) {
            let Some((name, kind)) = column else { continue };
            let text = String::from_utf8(field).map_err(|cause| Fault {
                column: Some(format!("column `{name}`")),
                ..not_utf8(cause.utf8_error().valid_up_to())
            })?;
            let value = convert(text, *kind).map_err(|text| misfit(name, &text, kind_words(*kind)))?;
            record.fields.push((Cow::Owned(name.clone()), value));
        }
        Ok(record)
    }

    /// Notes the kinds of all fields of a chunk of CSV.
    pub(super) fn survey_rows(&self, chunk: &Chunk, delimiter: u8, survey: &mut Survey) {
        let columns = &self.columns[chunk.source];
        let mut fields = Vec::with_capacity(columns.len());
        for Place { range, .. } in &chunk.records {
            split_row(&chunk.bytes[range.clone()], delimiter, &mut fields);
            for (field, column) in fields.iter().zip(columns) {
                if let (Some((name, _)), Ok(text)) = (column, std::str::from_utf8(field)) {
                    survey.see(name, kind_of_field(text));
                }
            }
        }
    }

    /// The names of a source's CSV columns after renaming.
    pub(super) fn header(&self, source: usize) -> impl Iterator<Item = &str> {
        self.columns[source].iter().flatten().map(|(name, _)| name.as_str())
    }
}

fn not_utf8(valid: usize) -> Fault {
    Fault {
        column: Some(format!("byte {}", valid + 1)),
        reason: "it is not UTF-8 there".to_owned(),
        kind: FaultKind::Record,
    }
}

/// A value that its column does not take.
pub(super) fn misfit(column: &str, value: &str, kind: &str) -> Fault {
    let mut end = value.len().min(SHOWN_BYTES_MAX);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    let dots = if end < value.len() { "..." } else { "" };
    Fault {
        column: Some(format!("column `{column}`")),
        reason: format!("`{}{dots}` does not fit, the column is {kind}", &value[..end]),
        kind: FaultKind::Record,
    }
}

/// A kind in the words of an error message.
pub(super) fn kind_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "boolean",
        Kind::Integer { bits: 16 } => "an integer of 16 bits",
        Kind::Integer { bits: 32 } => "an integer of 32 bits",
        Kind::Integer { .. } => "an integer of 64 bits",
        Kind::Float => "a floating-point number",
        Kind::Numeric => "a number",
        Kind::Text => "text",
        Kind::Json => "JSON",
        Kind::Bytes => "bytes, written as \\x and hex digits",
        Kind::Other => "of another type",
    }
}

/// A CSV field as a value of its column's kind; the same data then has the same hash as from JSON.
fn convert(field: String, kind: Kind) -> Result<Value<'static>, String> {
    if field.is_empty() {
        return Ok(Value::Null);
    }
    let number = |field: String| match parse_json(field.trim()) {
        Ok(value @ (Value::Integer(_) | Value::BigInteger(_) | Value::Float(_))) => Ok(value.into_owned()),
        _ => Err(field),
    };
    match kind {
        Kind::Text | Kind::Other | Kind::Bytes => Ok(Value::from(field)),
        Kind::Boolean => match field.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => Ok(Value::Bool(true)),
            "false" | "f" | "0" => Ok(Value::Bool(false)),
            _ => Err(field),
        },
        Kind::Integer { .. } => match number(field.clone())? {
            value @ Value::Integer(_) => Ok(value),
            _ => Err(field),
        },
        Kind::Float => match number(field.clone())? {
            Value::Integer(number) => Ok(Value::Float(number as f64)),
            Value::BigInteger(digits) => digits.parse().map(Value::Float).map_err(|_| field),
            value => Ok(value),
        },
        Kind::Numeric => number(field),
        Kind::Json => parse_json(&field).map(Value::into_owned).map_err(|_| field.clone()),
    }
}
