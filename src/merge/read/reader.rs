//! From the bytes of one record to its fields: parsed, renamed, and, for CSV, converted to its columns' kinds.

use std::borrow::Cow;

use crate::db::{Kind, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::merge::plan::format::Format;
use crate::merge::plan::mapping::Mapping;
use crate::merge::read::pass::{Chunk, Place};
use crate::merge::read::reject::{FaultKind, Reject};
use crate::merge::read::row::Fields;
use crate::merge::read::source::Source;
use crate::merge::read::survey::{Survey, kind_of_field};
use crate::record::{Record, Value, parse_json};

/// The most bytes of a value that an error shows.
const SHOWN_BYTES_MAX: usize = 60;

/// Reads records of one set of sources.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    mapping: Mapping,
    /// For each source the columns of a CSV file, `None` for those left out.
    columns: Vec<Vec<Option<(String, Kind)>>>,
}

/// The form of the records that go the short way.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ShortWay<'a> {
    Json,
    Row { delimiter: u8, columns: &'a [Option<(String, Kind)>] },
}

/// Why a record cannot be read.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) column: Option<String>,
    pub(crate) reason: String,
    pub(crate) kind: FaultKind,
}

impl Fault {
    pub(crate) fn reject(self, source: usize, line: u64, raw: &[u8]) -> Reject {
        Reject { source, line, column: self.column, reason: self.reason, raw: Some(raw.to_vec()), fault: self.kind }
    }
}

impl Reader {
    /// A reader that takes the kinds of CSV columns from the table, else from the survey.
    pub(crate) fn new(sources: &[Source], mapping: &Mapping, table: Option<&Table>, survey: &Survey) -> Result<Self> {
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

    /// How plain records of a source can be read the short way; `None` where each field has to be looked at.
    pub(crate) fn short_way(&self, source: usize, format: Format) -> Option<ShortWay<'_>> {
        match format {
            Format::Csv { delimiter } => {
                let columns = &self.columns[source];
                columns.iter().all(Option::is_some).then_some(ShortWay::Row { delimiter, columns })
            }
            Format::Ndjson | Format::JsonArray => self.mapping.is_empty().then_some(ShortWay::Json),
        }
    }

    /// Reads one record of a source.
    pub(crate) fn read<'a>(&'a self, source: usize, format: Format, bytes: &'a [u8]) -> Result<Record<'a>, Fault> {
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

    fn read_row<'a>(&'a self, source: usize, delimiter: u8, bytes: &'a [u8]) -> Result<Record<'a>, Fault> {
        let columns = &self.columns[source];
        let count = Fields::of(bytes, delimiter).count();
        if count != columns.len() {
            let reason = format!("it has {count} fields, and the header has {}", columns.len());
            return Err(Fault { column: None, reason, kind: FaultKind::Record });
        }
        let mut record = Record { fields: Vec::with_capacity(columns.len()) };
        for (field, column) in Fields::of(bytes, delimiter).zip(columns) {
            let Some((name, kind)) = column else { continue };
            let wrong = |valid| Fault { column: Some(format!("column `{name}`")), ..not_utf8(valid) };
            let text = match field.value(bytes) {
                Cow::Borrowed(text) => {
                    Cow::Borrowed(std::str::from_utf8(text).map_err(|cause| wrong(cause.valid_up_to()))?)
                }
                Cow::Owned(text) => {
                    Cow::Owned(String::from_utf8(text).map_err(|cause| wrong(cause.utf8_error().valid_up_to()))?)
                }
            };
            let value = convert(&text, *kind).map_err(|()| misfit(name, &text, kind_words(*kind)))?;
            record.fields.push((Cow::Borrowed(name), value.unwrap_or(Value::Text(text))));
        }
        Ok(record)
    }

    /// Notes the kinds of all fields of a chunk of CSV.
    pub(crate) fn survey_rows(&self, chunk: &Chunk, delimiter: u8, survey: &mut Survey) {
        let columns = &self.columns[chunk.source];
        let mut seen: Vec<Vec<Option<Kind>>> = vec![Vec::new(); columns.len()];
        for Place { range, .. } in &chunk.records {
            let row = &chunk.bytes[range.clone()];
            for (field, seen) in Fields::of(row, delimiter).zip(&mut seen) {
                if let Ok(text) = std::str::from_utf8(&field.value(row)) {
                    note(seen, kind_of_field(text));
                }
            }
        }
        for (column, seen) in columns.iter().zip(seen) {
            if let Some((name, _)) = column {
                seen.into_iter().for_each(|kind| survey.see(name, kind));
            }
        }
    }

    /// The names of a source's CSV columns after renaming.
    pub(crate) fn header(&self, source: usize) -> impl Iterator<Item = &str> {
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
pub(crate) fn misfit(column: &str, value: &str, kind: &str) -> Fault {
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
pub(crate) fn kind_words(kind: Kind) -> &'static str {
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

/// Notes a kind, once.
pub(crate) fn note(seen: &mut Vec<Option<Kind>>, kind: Option<Kind>) {
    if seen.last() != Some(&kind) && !seen.contains(&kind) {
        seen.push(kind);
    }
}

/// A CSV field as a value of its column's kind, `None` for its text; the same data then has the same hash as from JSON.
fn convert(field: &str, kind: Kind) -> Result<Option<Value<'static>>, ()> {
    if field.is_empty() {
        return Ok(Some(Value::Null));
    }
    let number = || match parse_json(field.trim()) {
        Ok(value @ (Value::Integer(_) | Value::BigInteger(_) | Value::Float(_))) => Ok(value.into_owned()),
        _ => Err(()),
    };
    Ok(Some(match kind {
        Kind::Text | Kind::Other | Kind::Bytes => return Ok(None),
        Kind::Boolean => match field.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => Value::Bool(true),
            "false" | "f" | "0" => Value::Bool(false),
            _ => return Err(()),
        },
        Kind::Integer { .. } => match number()? {
            value @ Value::Integer(_) => value,
            _ => return Err(()),
        },
        Kind::Float => match number()? {
            Value::Integer(number) => Value::Float(number as f64),
            Value::BigInteger(digits) => Value::Float(digits.parse().map_err(|_| ())?),
            value => value,
        },
        Kind::Numeric => number()?,
        Kind::Json => parse_json(field).map_err(|_| ())?.into_owned(),
    }))
}
