//! The first page of a source: what it is, and what its records hold.

use std::collections::HashSet;
use std::fmt;
use std::io::Write;
use std::path::Path;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::db::Connection;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::http::Request;
use crate::merge::{Input, Merge, MergeReport, SampleColumn};

/// A longer page is cut nowhere: it is refused.
const BYTES_MAX: u64 = 64 << 20;
/// Records that are looked at for a key.
const RECORDS: usize = 200;
/// So deep a list of records is looked for.
const DEPTH_MAX: usize = 6;
/// Of so many first fields two may name a thing together.
const PAIRED_MAX: usize = 4;
/// What names a thing, the likeliest first.
const KEY_ENDS: [&str; 10] = ["id", "_no", "code", "key", "number", "isin", "oib", "vat", "iso", "symbol"];
/// The source of an app that names none.
const OWN: &[u8] = br#"[
  {"code": "HR", "name": "Croatia", "joined": "2013-07-01", "area": 56594},
  {"code": "SI", "name": "Slovenia", "joined": "2004-05-01", "area": 20273}
]
"#;

/// What a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// JSON, with the way to the list of records.
    Json { path: Vec<String> },
    /// One object of JSON.
    Object,
    /// One object a line.
    Ndjson,
    /// Fields between delimiters, with a header.
    Csv { delimiter: char },
    /// Something else, which a person has to read first.
    Other(&'static str),
}

/// The first page.
#[derive(Debug)]
pub(super) struct Sample {
    /// Where it came from, if that is a URL.
    pub(super) url: Option<String>,
    /// What its file is called in the app's folder.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) shape: Shape,
    pub(super) columns: Vec<SampleColumn>,
    pub(super) count: u64,
    /// The framework's own names among its fields: they are renamed.
    pub(super) reserved: Vec<String>,
    /// What most likely names a thing.
    pub(super) key: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl Sample {
    /// # Errors
    /// What fetching or reading says; usage for an empty source.
    pub(super) fn of(context: &Context, from: Option<&str>) -> Result<Self> {
        let (url, bytes) = match from {
            None => (None, OWN.to_vec()),
            Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
                let answer = Request::new(context)?.get(url).body_bytes_max(BYTES_MAX).send()?.ok()?;
                (Some(url.to_owned()), answer.into_bytes())
            }
            Some(file) => (None, read(Path::new(file))?),
        };
        if bytes.trim_ascii().is_empty() {
            return Err(Error::new(ErrorKind::Usage, format!("use {}: it is empty", from.unwrap_or("the source"))));
        }
        let shape = shape_of(&bytes);
        let name = format!("sample.{}", shape.extension(url.as_deref().or(from)));
        let mut sample = Self {
            url,
            name,
            bytes,
            shape,
            columns: Vec::new(),
            count: 1,
            reserved: Vec::new(),
            key: Vec::new(),
            notes: Vec::new(),
        };
        match &sample.shape {
            Shape::Other(what) => sample.notes.push(format!(
                "the app does not understand {what} yet: it gives one record with the size of the page; say in it what the records are"
            )),
            _ => {
                if let Err(error) = sample.look(context) {
                    sample.notes.push(format!("its records could not be read: {error}"));
                }
            }
        }
        Ok(sample)
    }

    /// The text of the sample, as far as it is text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).trim_start_matches('\u{feff}').to_owned()
    }

    /// Has a merge that changes nothing tell what the fields are.
    fn look(&mut self, context: &Context) -> Result<()> {
        let mut report = self.try_merge(context)?;
        if !report.reserved_columns.is_empty() {
            self.reserved = report.reserved_columns.clone();
            report = self.try_merge(context)?;
            let names = self.reserved.join("`, `");
            self.notes.push(format!("dc has columns `{names}` of its own, so those of the source are renamed"));
        }
        self.count = report.counts.read;
        let found = report.sample.map(|sample| (sample.columns, sample.records)).unwrap_or_default();
        self.columns = found.0;
        self.key = key_of(&self.columns, &found.1);
        if self.key.is_empty() {
            self.notes.push(
                "no field, and no two of the first, have other values in each record: name a key, so that changes are seen as such".to_owned(),
            );
        }
        Ok(())
    }

    fn try_merge(&self, context: &Context) -> Result<MergeReport> {
        let text = self.text();
        let (records, ending) = match &self.shape {
            Shape::Json { path } => (inner(&text, path).unwrap_or_default(), ".json"),
            Shape::Object => (format!("[{text}]"), ".json"),
            Shape::Ndjson => (text, ".ndjson"),
            Shape::Csv { .. } | Shape::Other(_) => (text, ".csv"),
        };
        let failed = |cause| file_error("write a temporary file", cause);
        let mut file = tempfile::Builder::new().suffix(ending).tempfile().map_err(failed)?;
        file.write_all(records.as_bytes()).map_err(failed)?;
        let mut merge = Merge::into("sample").create(true).dry_run(true).sample(RECORDS);
        for name in &self.reserved {
            merge = merge.rename(name, renamed(name));
        }
        if let Shape::Csv { delimiter } = self.shape {
            merge = merge.delimiter(u8::try_from(delimiter).unwrap_or(b','));
        }
        merge.run_inputs(&mut Connection::in_memory(context)?, &[Input::File(file.path().to_owned())])
    }
}

/// What a field is called whose name dc has for a column of its own.
pub(super) fn renamed(name: &str) -> String {
    format!("source_{name}")
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let failed = |cause| file_error(format!("read {}", file.display()), cause);
    let length = std::fs::metadata(file).map_err(failed)?.len();
    if length > BYTES_MAX {
        let message = format!("use {}: a sample has at most {} MiB", file.display(), BYTES_MAX >> 20);
        return Err(Error::new(ErrorKind::Usage, message).hint("cut a part out of it: its first records are enough"));
    }
    std::fs::read(file).map_err(failed)
}

fn shape_of(bytes: &[u8]) -> Shape {
    match bytes {
        [b'%', b'P', b'D', b'F', ..] => return Shape::Other("a PDF"),
        [b'P', b'K', 3, 4, ..] => return Shape::Other("a ZIP archive or a workbook"),
        [0x1f, 0x8b, ..] => return Shape::Other("gzip"),
        _ => {}
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Shape::Other("text in another encoding than UTF-8") };
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.chars().next() {
        Some('<') => {
            let start: String = text.chars().take(2_000).collect::<String>().to_ascii_lowercase();
            let is_html = start.contains("<html") || start.contains("<!doctype html");
            return Shape::Other(if is_html { "HTML" } else { "XML" });
        }
        Some('[') => return Shape::Json { path: Vec::new() },
        Some('{') => {
            return match serde_json::from_str::<Value>(text) {
                Ok(page) => list_in(&page).map_or(Shape::Object, |path| Shape::Json { path }),
                Err(_) => Shape::Ndjson,
            };
        }
        _ => {}
    }
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: &char| header.matches(*delimiter).count();
    match [',', ';', '\t', '|'].into_iter().max_by_key(count).filter(|delimiter| count(delimiter) > 0) {
        Some(delimiter) => Shape::Csv { delimiter },
        None => Shape::Other("plain text"),
    }
}

/// The way to the first list of objects, nearest to the top.
fn list_in(page: &Value) -> Option<Vec<String>> {
    let mut level: Vec<(Vec<String>, &Map<String, Value>)> = vec![(Vec::new(), page.as_object()?)];
    for _ in 0..DEPTH_MAX {
        let is_list = |value: &Value| value.as_array().is_some_and(|items| items.first().is_some_and(Value::is_object));
        for (path, object) in &level {
            if let Some((name, _)) = object.iter().find(|(_, value)| is_list(value)) {
                return Some([path.clone(), vec![name.clone()]].concat());
            }
        }
        let below = level.iter().flat_map(|(path, object)| {
            let inner = object.iter().filter_map(|(name, value)| Some((name, value.as_object()?)));
            inner.map(move |(name, value)| ([path.clone(), vec![name.clone()]].concat(), value))
        });
        level = below.collect();
    }
    None
}

/// The text of what stands there, with every digit.
fn inner(text: &str, path: &[String]) -> Option<String> {
    let Some((name, rest)) = path.split_first() else { return Some(text.to_owned()) };
    let mut fields: std::collections::HashMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    inner(fields.remove(name)?.get(), rest)
}

/// The field that has another value in each record, and looks like a name; else two fields that have so together.
fn key_of(columns: &[SampleColumn], records: &[String]) -> Vec<String> {
    let rows: Vec<Map<String, Value>> = records.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let is_unique = |names: &[&str]| {
        let mut seen = HashSet::new();
        let plain = |value: &Value| (value.is_string() || value.is_i64()).then(|| value.to_string());
        rows.iter().all(|row| {
            let values: Option<Vec<String>> = names.iter().map(|name| plain(row.get(*name)?)).collect();
            values.is_some_and(|values| seen.insert(values))
        })
    };
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let unique: Vec<&str> = names.iter().copied().filter(|name| is_unique(&[name])).collect();
    let by_name = KEY_ENDS.iter().find_map(|end| unique.iter().find(|name| name.to_lowercase().ends_with(end)));
    let first = names.first().filter(|name| unique.contains(name));
    if let Some(one) = by_name.or(first) {
        return vec![(*one).to_owned()];
    }
    let start = &names[..names.len().min(PAIRED_MAX)];
    let pairs = (0..start.len()).flat_map(|one| (one + 1..start.len()).map(move |other| [start[one], start[other]]));
    let pair = pairs.into_iter().find(|pair| rows.len() > 1 && is_unique(pair));
    pair.map(|pair| pair.map(str::to_owned).to_vec()).unwrap_or_default()
}

impl Shape {
    fn extension(&self, from: Option<&str>) -> String {
        match self {
            Self::Json { .. } | Self::Object => "json".to_owned(),
            Self::Ndjson => "ndjson".to_owned(),
            Self::Csv { .. } => "csv".to_owned(),
            Self::Other("HTML") => "html".to_owned(),
            Self::Other("XML") => "xml".to_owned(),
            Self::Other("a PDF") => "pdf".to_owned(),
            Self::Other(_) => {
                let path = from.unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
                let ending = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
                let is_short = |ending: &&str| ending.len() <= 5 && ending.chars().all(|it| it.is_ascii_alphanumeric());
                ending.filter(is_short).unwrap_or("txt").to_owned()
            }
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json { path } if path.is_empty() => formatter.write_str("a JSON array"),
            Self::Json { path } => write!(formatter, "JSON with its records in `{}`", path.join(".")),
            Self::Object => formatter.write_str("one object of JSON"),
            Self::Ndjson => formatter.write_str("NDJSON"),
            Self::Csv { delimiter: '\t' } => formatter.write_str("CSV with tabs"),
            Self::Csv { delimiter } => write!(formatter, "CSV with `{delimiter}`"),
            Self::Other(what) => formatter.write_str(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_known_by_its_first_page() {
        let path = |names: &[&str]| Shape::Json { path: names.iter().map(|name| (*name).to_owned()).collect() };
        for (text, shape) in [
            ("[{\"a\":1}]", path(&[])),
            ("{\"meta\":{\"n\":1},\"data\":{\"items\":[{\"a\":1}]}}", path(&["data", "items"])),
            ("{\"tags\":[1,2],\"rows\":[{\"a\":1}]}", path(&["rows"])),
            ("{\"a\":1}", Shape::Object),
            ("{\"a\":1}\n{\"a\":2}\n", Shape::Ndjson),
            ("\u{feff}a;b\n1;2\n", Shape::Csv { delimiter: ';' }),
            ("<!DOCTYPE html><p>", Shape::Other("HTML")),
            ("<rates/>", Shape::Other("XML")),
            ("just words", Shape::Other("plain text")),
        ] {
            assert_eq!(shape_of(text.as_bytes()), shape, "{text}");
        }
    }

    #[test]
    fn a_key_is_a_field_or_two_that_differ_in_each_record() {
        let of = |records: &[&str]| {
            let first: Map<String, Value> = serde_json::from_str(records[0]).expect("a record");
            let column = |name: &String| SampleColumn { name: name.clone(), declared: String::new() };
            let columns: Vec<SampleColumn> = first.keys().map(column).collect();
            key_of(&columns, &records.iter().map(|record| (*record).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(&[r#"{"name":"a","vat_no":"1"}"#, r#"{"name":"b","vat_no":"2"}"#]), ["vat_no"]);
        assert_eq!(of(&[r#"{"day":"a","rate":1.5}"#, r#"{"day":"b","rate":2.5}"#]), ["day"]);
        assert_eq!(
            of(&[r#"{"day":"a","c":"x","n":1}"#, r#"{"day":"a","c":"y","n":1}"#, r#"{"day":"b","c":"x","n":1}"#]),
            ["day", "c"]
        );
        assert!(of(&[r#"{"a":"x","b":1.5}"#, r#"{"a":"x","b":2.5}"#]).is_empty());
        assert!(of(&[r#"{"a":null}"#, r#"{"a":"x"}"#]).is_empty());
    }

    #[test]
    fn numbers_in_a_page_keep_their_digits() {
        let text = "{\"a\": {\"b\": [{\"n\": 12345678901234567890.10}]}}";
        assert_eq!(
            inner(text, &["a".to_owned(), "b".to_owned()]).as_deref(),
            Some("[{\"n\": 12345678901234567890.10}]")
        );
    }
}
