//! From the bytes of one record to its fields: parsed, renamed, and, for CSV, converted to its columns' kinds.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::db::{Form, Kind, Table, as_hashed, text, wider};
use crate::error::{Error, ErrorKind, Result};
use crate::formats::refusal;
use crate::hash::RESERVED;
use crate::merge::plan::description::Merge;
use crate::merge::plan::format::Format;
use crate::merge::plan::mapping::Mapping;
use crate::merge::read::names::Wanted;
use crate::merge::read::pass::{Chunk, Place};
use crate::merge::read::reject::{BACKSLASH_QUOTE, FaultKind, Reject, Spot};
use crate::merge::read::row::{Fields, has_backslash_quote, is_quoted_by_backslash};
use crate::merge::read::source::Source;
use crate::merge::read::survey::{Survey, kind_of};
use crate::merge::read::typed::{Typing, flattened};
use crate::record::{Record, Value, parse_json};

/// The most bytes of a value that an error shows.
const SHOWN_BYTES_MAX: usize = 60;

/// Reads records of one set of sources.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    mapping: Mapping,
    /// For each source the columns of a CSV file, `None` for those left out.
    columns: Vec<Vec<Option<(String, Kind)>>>,
    /// The table's columns in which a number of JSON becomes something else: text, or a float.
    turning: HashMap<String, Turning>,
    /// For each source whether its values are texts that stand for numbers as well.
    untyped: Vec<bool>,
    /// How fields of text become values.
    typing: Arc<Typing>,
    /// What stands between the names when nested objects become columns.
    flatten: Option<String>,
    /// The columns that flags ask for.
    pub(crate) wanted: Arc<Wanted>,
}

/// A column that makes something else of JSON's numbers.
#[derive(Debug, Clone)]
struct Turning {
    kind: Kind,
    /// Whether it has done so.
    is_met: Arc<AtomicBool>,
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
    pub(crate) spot: Option<Spot>,
    pub(crate) reason: String,
    pub(crate) kind: FaultKind,
}

impl Fault {
    /// The record in `raw` as a reject; `at` is its source, its line there, and its place among all inputs.
    pub(crate) fn reject(self, (source, line, place): (usize, u64, u64), raw: &[u8]) -> Reject {
        let Self { spot, reason, kind } = self;
        Reject { source, line, spot, reason, raw: Some(raw.to_vec()), fault: kind, place: Some(place) }
    }
}

impl Reader {
    /// A reader that takes the kinds of CSV columns from the table, else from the survey.
    pub(crate) fn new(merge: &Merge, sources: &[Source], table: Option<&Table>, survey: &Survey) -> Result<Self> {
        let (mapping, wanted) = (&merge.mapping, Wanted::by(merge));
        let kind = |name: &str| {
            // what is not loaded is not converted either
            if RESERVED.contains(&name) && !(merge.own_id && name == "id") {
                return Kind::Text;
            }
            let known = table.and_then(|table| table.column(name)).map(|column| column.kind);
            known.or(survey.kind(name)).unwrap_or(Kind::Text)
        };
        let mut columns = Vec::with_capacity(sources.len());
        for source in sources {
            let named: Vec<Option<String>> =
                source.header.iter().map(|name| mapping.apply(Cow::Borrowed(name)).map(Cow::into_owned)).collect();
            source.header.iter().for_each(|name| wanted.see(name, true));
            named.iter().flatten().for_each(|name| wanted.see(name, false));
            let mut seen = HashSet::new();
            if let Some(twice) = named.iter().flatten().find(|name| !seen.insert(name.as_str())) {
                return Err(Error::new(
                    ErrorKind::Usage,
                    format!("rename a column of {}: `{twice}` would stand twice", source.name),
                ));
            }
            columns.push(named.into_iter().map(|name| name.map(|name| (name.clone(), kind(&name)))).collect());
        }
        let turns = |kind| matches!(kind, Kind::Text | Kind::Short { .. } | Kind::Other(_) | Kind::Float | Kind::Real);
        let known = table.into_iter().flat_map(|table| &table.columns);
        let turning = known
            .filter(|column| turns(column.kind))
            .map(|column| (column.name.clone(), Turning { kind: column.kind, is_met: Arc::default() }));
        let untyped: Vec<bool> = sources.iter().map(Source::is_untyped).collect();
        let kinds = match untyped.contains(&true) {
            true => survey.names().chain(names_of(table)).map(|name| (name.to_owned(), kind(name))).collect(),
            false => HashMap::new(),
        };
        let typing = Arc::new(Typing { notation: merge.reading.notation.clone(), kinds });
        let (flatten, turning) = (merge.reading.flatten.clone(), turning.collect());
        Ok(Self { mapping: mapping.clone(), columns, turning, untyped, typing, flatten, wanted: Arc::new(wanted) })
    }

    /// How plain records of a source can be read the short way; `None` where each field has to be looked at.
    pub(crate) fn short_way(&self, source: usize, format: Format) -> Option<ShortWay<'_>> {
        match format {
            Format::Csv { delimiter } => {
                let columns = &self.columns[source];
                let is_plain = self.typing.notation.is_plain() && columns.iter().all(Option::is_some);
                is_plain.then_some(ShortWay::Row { delimiter, columns })
            }
            Format::Ndjson | Format::JsonArray => {
                let is_plain = self.mapping.is_empty() && self.flatten.is_none() && !self.untyped[source];
                is_plain.then_some(ShortWay::Json)
            }
        }
    }

    /// Reads one record of a source.
    pub(crate) fn read<'a>(&'a self, source: usize, format: Format, bytes: &'a [u8]) -> Result<Record<'a>, Fault> {
        match format {
            Format::Csv { delimiter } => self.read_row(source, delimiter, bytes),
            Format::Ndjson | Format::JsonArray => self.read_json(source, bytes, false),
        }
    }

    /// What can be read of a record that cannot be taken: values that their columns do not take stay as they are.
    pub(crate) fn read_leniently<'a>(&'a self, source: usize, format: Format, bytes: &'a [u8]) -> Option<Record<'a>> {
        let Format::Csv { delimiter } = format else {
            return self.read_json(source, bytes, true).ok();
        };
        let columns = &self.columns[source];
        if Fields::of(bytes, delimiter).count() != columns.len() {
            return None;
        }
        let mut record = Record { fields: Vec::with_capacity(columns.len()) };
        for (field, column) in Fields::of(bytes, delimiter).zip(columns) {
            let Some((name, kind)) = column else { continue };
            let text = String::from_utf8(field.value(bytes).into_owned()).ok()?;
            let value = self.typing.value(Cow::Borrowed(&text), *kind).ok().map(Value::into_owned);
            record.fields.push((Cow::Borrowed(name), value.unwrap_or(Value::from(text))));
        }
        Some(record)
    }

    /// A record of JSON; with `is_lenient` texts stay that their columns do not take.
    fn read_json<'a>(&self, source: usize, bytes: &'a [u8], is_lenient: bool) -> Result<Record<'a>, Fault> {
        let text = std::str::from_utf8(bytes).map_err(|cause| not_utf8(cause.valid_up_to()))?;
        let value = parse_json(text).map_err(|error| match refusal(text) {
            Some(refusal) => Fault {
                spot: refusal.column.map(|column| Spot::Column(column.into_owned())),
                reason: refusal.reason.into_owned(),
                kind: FaultKind::Record,
            },
            None => Fault { spot: Some(Spot::Byte(error.offset + 1)), reason: error.reason, kind: FaultKind::Record },
        })?;
        let Value::Object(mut fields) = value else {
            return Err(Fault {
                spot: None,
                reason: format!("it is {}, and a record is an object", value.kind_name()),
                kind: FaultKind::Record,
            });
        };
        if let Some(between) = &self.flatten {
            fields = flattened(fields, between).map_err(twice("flattening"))?;
        }
        if self.wanted.is_open() {
            fields.iter().for_each(|(name, _)| self.wanted.see(name, true));
        }
        if self.mapping.is_empty() {
            if self.wanted.is_open() {
                fields.iter().for_each(|(name, _)| self.wanted.see(name, false));
            }
            self.settle(source, &mut fields, is_lenient)?;
            return Ok(Record { fields });
        }
        let mut mapped: Vec<(Cow<'a, str>, Value<'a>)> = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            let Some(name) = self.mapping.apply(name) else { continue };
            if mapped.iter().any(|(known, _)| *known == name) {
                return Err(twice("renaming")(name.into_owned()));
            }
            mapped.push((name, value));
        }
        if self.wanted.is_open() {
            mapped.iter().for_each(|(name, _)| self.wanted.see(name, false));
        }
        self.settle(source, &mut mapped, is_lenient)?;
        Ok(Record { fields: mapped })
    }

    /// Makes of values what their columns make of them.
    fn settle(&self, source: usize, fields: &mut [(Cow<'_, str>, Value<'_>)], is_lenient: bool) -> Result<(), Fault> {
        if !self.untyped[source] {
            self.turn(fields);
            return Ok(());
        }
        for (name, value) in fields {
            let Value::Text(text) = &*value else { continue };
            let kind = self.typing.kind(name);
            match self.typing.value(Cow::Borrowed(text.as_ref()), kind).map(Value::into_owned) {
                Ok(typed) => *value = typed,
                Err(()) if is_lenient => {}
                Err(()) => return Err(misfit(name, value, kind)),
            }
        }
        Ok(())
    }

    /// Makes numbers and truth values what their columns make of them, as it is done with CSV.
    fn turn(&self, fields: &mut [(Cow<'_, str>, Value<'_>)]) {
        if self.turning.is_empty() {
            return;
        }
        for (name, value) in fields {
            let is_scalar = !matches!(value, Value::Null | Value::Text(_) | Value::Array(_) | Value::Object(_));
            if is_scalar && let Some(Turning { kind, is_met }) = self.turning.get(name.as_ref()) {
                *value = as_hashed(std::mem::replace(value, Value::Null), *kind);
                is_met.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Whether a number or truth value of JSON went into a column that makes something else of it.
    pub(crate) fn has_turned(&self, column: &str) -> bool {
        self.turning.get(column).is_some_and(|turning| turning.is_met.load(Ordering::Relaxed))
    }

    fn read_row<'a>(&'a self, source: usize, delimiter: u8, bytes: &'a [u8]) -> Result<Record<'a>, Fault> {
        let columns = &self.columns[source];
        let count = Fields::of(bytes, delimiter).count();
        let is_escaped = has_backslash_quote(bytes) && is_quoted_by_backslash(bytes, delimiter);
        if is_escaped || count != columns.len() {
            let reason = match is_escaped {
                true => BACKSLASH_QUOTE.to_owned(),
                false => format!("it has {count} fields, and the header has {}", columns.len()),
            };
            return Err(Fault { spot: None, reason, kind: FaultKind::Record });
        }
        let mut record = Record { fields: Vec::with_capacity(columns.len()) };
        for (field, column) in Fields::of(bytes, delimiter).zip(columns) {
            let Some((name, kind)) = column else { continue };
            let wrong = |valid| Fault { spot: Some(Spot::Column(name.clone())), ..not_utf8(valid) };
            let text = match field.value(bytes) {
                Cow::Borrowed(text) => {
                    Cow::Borrowed(std::str::from_utf8(text).map_err(|cause| wrong(cause.valid_up_to()))?)
                }
                Cow::Owned(text) => {
                    Cow::Owned(String::from_utf8(text).map_err(|cause| wrong(cause.utf8_error().valid_up_to()))?)
                }
            };
            let value = match self.typing.value(text, *kind) {
                Ok(value) => value,
                Err(()) => {
                    let text = String::from_utf8_lossy(&field.value(bytes)).into_owned();
                    return Err(misfit(name, &Value::from(text), *kind));
                }
            };
            record.fields.push((Cow::Borrowed(name), value));
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
                    note(seen, self.typing.guessed(text));
                }
            }
        }
        for (column, seen) in columns.iter().zip(seen) {
            if let Some((name, _)) = column {
                seen.into_iter().for_each(|kind| survey.see(name, kind));
            }
        }
    }

    /// Notes the kinds of all texts of a chunk of converted records.
    pub(crate) fn survey_texts(&self, chunk: &Chunk, survey: &mut Survey) {
        for Place { range, .. } in &chunk.records {
            let record = self.read_leniently(chunk.source, Format::Ndjson, &chunk.bytes[range.clone()]);
            for (at, (name, value)) in record.iter().flat_map(|record| &record.fields).enumerate() {
                let kind = match value {
                    Value::Text(text) => self.typing.guessed(text),
                    other => kind_of(other),
                };
                survey.see_at(at, name, kind);
            }
        }
    }

    /// The names of a source's CSV columns after renaming.
    pub(crate) fn header(&self, source: usize) -> impl Iterator<Item = &str> {
        self.columns[source].iter().flatten().map(|(name, _)| name.as_str())
    }
}

fn names_of(table: Option<&Table>) -> impl Iterator<Item = &str> {
    table.into_iter().flat_map(|table| &table.columns).map(|column| column.name.as_str())
}

fn twice(after: &'static str) -> impl Fn(String) -> Fault {
    move |name| Fault {
        spot: Some(Spot::Column(name)),
        reason: format!("the name stands twice after {after}"),
        kind: FaultKind::Record,
    }
}

fn not_utf8(valid: usize) -> Fault {
    Fault { spot: Some(Spot::Byte(valid + 1)), reason: "it is not UTF-8 there".to_owned(), kind: FaultKind::Record }
}

/// A value that its column does not take.
pub(crate) fn misfit(column: &str, value: &Value<'_>, kind: Kind) -> Fault {
    let wider = wider(value, kind);
    let value = text(value);
    let mut end = value.len().min(SHOWN_BYTES_MAX);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    let dots = if end < value.len() { "..." } else { "" };
    let is_float = matches!(kind, Kind::Float | Kind::Real | Kind::Number);
    let is_number = value.trim().parse::<f64>().is_ok_and(f64::is_finite);
    let is_of_numbers = is_float || matches!(kind, Kind::Integer { .. } | Kind::Numeric | Kind::Decimal { .. });
    let why = if is_number && is_of_numbers && parse_json(value.trim()).is_err() {
        "; numbers have no sign but `-`, no zeros in front, and digits on both sides of the point"
    } else if is_number && is_float {
        ", which would round it"
    } else {
        ""
    };
    Fault {
        spot: Some(Spot::Column(column.to_owned())),
        reason: format!("`{}{dots}` does not fit, the column is {}{why}", &value[..end], kind_words(kind)),
        kind: FaultKind::Misfit { column: column.to_owned(), wider },
    }
}

/// A kind in the words of an error message.
fn kind_words(kind: Kind) -> Cow<'static, str> {
    Cow::Borrowed(match kind {
        Kind::Boolean => "boolean",
        Kind::Integer { bits: 16 } => "an integer of 16 bits",
        Kind::Integer { bits: 32 } => "an integer of 32 bits",
        Kind::Integer { .. } => "an integer of 64 bits",
        Kind::Float => "a floating-point number",
        Kind::Real => "a floating-point number of 32 bits",
        Kind::Numeric => "a number",
        Kind::Decimal { digits, scale } => return Cow::Owned(Form::Decimal { digits, scale }.words()),
        Kind::Number => "a number that SQLite keeps as a float",
        Kind::Text => "text",
        Kind::Short { letters } => return Cow::Owned(Form::Letters(letters).words()),
        Kind::Json => "JSON",
        Kind::Bytes => "bytes, written as \\x and hex digits",
        Kind::Array(Form::Any) => "an array",
        Kind::Array(form) => return Cow::Owned(format!("an array, and each element {}", form.words())),
        Kind::Other(form) => return Cow::Owned(form.words()),
    })
}

/// Notes a kind, once.
pub(crate) fn note(seen: &mut Vec<Option<Kind>>, kind: Option<Kind>) {
    if seen.last() != Some(&kind) && !seen.contains(&kind) {
        seen.push(kind);
    }
}
