//! Inputs of a merge, against the long way: each record read on its own, hashed on its own, and converted by `fit`.

use std::collections::BTreeMap;

use super::context;
use crate::db::{Connection, Kind, Table, TableName, as_hashed, fit};
use crate::hash::{Canonical, HashOptions, RESERVED, Sha, hash_bytes};
use crate::merge::{Format, Input, Merge};
use crate::record::{Record, Value, parse_json};

/// The active rows by their hash, as text.
type Rows = BTreeMap<Sha, Vec<(String, String)>>;

/// Any lines as NDJSON.
pub fn ndjson(data: &[u8]) {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let lines = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data).split(|byte| *byte == b'\n');
    let lines: Vec<&[u8]> = lines.filter(|line| !line.iter().all(blank)).collect();
    compare(data, Format::Ndjson, |_| Some(lines.iter().filter_map(|line| record_of(line)).collect()));
}

/// Any text as one array.
pub fn json_array(data: &[u8]) {
    let text = std::str::from_utf8(data).ok().map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
    // one with a bad element cannot be read at once, and is not compared
    let items = match text.map(parse_json) {
        Some(Ok(Value::Array(items))) => Some(items),
        _ => None,
    };
    let record = |item: &Value<'_>| match item {
        Value::Object(fields) => Some(Record { fields: fields.clone() }.into_owned()),
        _ => None,
    };
    compare(data, Format::JsonArray, |_| Some(items.as_ref()?.iter().filter_map(record).collect()));
}

/// Any text as CSV.
pub fn csv(data: &[u8]) {
    let rows = rows_of(data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data));
    let Some((header, rows)) = rows.split_first() else { return };
    let name = |(at, name): (usize, &Vec<u8>)| match String::from_utf8_lossy(name).trim() {
        "" => format!("column_{}", at + 1),
        name => name.to_owned(),
    };
    let header: Vec<String> = header.iter().enumerate().map(name).collect();
    compare(data, Format::Csv { delimiter: b',' }, |table| {
        Some(rows.iter().filter_map(|row| record_of_row(row, &header, table)).collect())
    });
}

fn record_of(line: &[u8]) -> Option<Record<'_>> {
    match parse_json(std::str::from_utf8(line).ok()?) {
        Ok(Value::Object(fields)) => Some(Record { fields }),
        _ => None,
    }
}

/// The rows of CSV, one byte after the other. A row whose quotes are escaped by a backslash has no fields: a quoted part ends
/// in one and its field goes on, or a quote stands in a later field.
fn rows_of(bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), Vec::new());
    let (mut is_quoted, mut is_start, mut is_row) = (false, true, false);
    let (mut last, mut has_backslash, mut is_doubtful, mut is_bad) = (0, false, false, false);
    let mut bytes = bytes.iter().copied().peekable();
    let mut finish = |row: &mut Vec<Vec<u8>>, field: &mut Vec<u8>, is_row: bool, is_bad: bool| {
        row.push(std::mem::take(field));
        let mut row = std::mem::take(row);
        if is_bad && !rows.is_empty() {
            row.clear();
        }
        // a line without anything is no row
        rows.extend(is_row.then_some(row));
    };
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if is_quoted && bytes.peek() == Some(&b'"') => field.extend(bytes.next()),
            b'"' if is_quoted => {
                is_quoted = false;
                let mut ahead = bytes.clone();
                let is_end = match ahead.next() {
                    Some(b'\r') => matches!(ahead.next(), None | Some(b'\n')),
                    next => matches!(next, None | Some(b',' | b'\n')),
                };
                is_bad |= last == b'\\' && !is_end;
                has_backslash |= last == b'\\';
            }
            _ if is_quoted => field.push(byte),
            b'"' if is_start => is_quoted = true,
            b',' => {
                row.push(std::mem::take(&mut field));
                is_doubtful |= has_backslash;
            }
            b'\n' => {
                finish(&mut row, &mut field, is_row, is_bad);
                (is_start, is_row) = (true, false);
                (last, has_backslash, is_doubtful, is_bad) = (0, false, false, false);
                continue;
            }
            b'\r' if matches!(bytes.peek(), None | Some(b'\n')) => continue,
            _ => {
                is_bad |= byte == b'"' && is_doubtful;
                field.push(byte);
            }
        }
        last = byte;
        is_row = true;
        is_start = byte == b',' && !is_quoted;
    }
    if is_row && !is_quoted {
        finish(&mut row, &mut field, true, is_bad);
    }
    rows
}

fn record_of_row<'a>(row: &[Vec<u8>], header: &'a [String], table: &Table) -> Option<Record<'a>> {
    let mut fields = Vec::new();
    for (name, field) in header.iter().zip(row) {
        let text = String::from_utf8(field.clone()).ok()?;
        let kind = table.column(name).map_or(Kind::Text, |column| column.kind);
        fields.push((name.as_str().into(), value_of(text, kind)?));
    }
    (row.len() == header.len()).then_some(Record { fields })
}

/// A field as the kind of its column has it.
fn value_of(text: String, kind: Kind) -> Option<Value<'static>> {
    if text.is_empty() {
        return Some(Value::Null);
    }
    let number = || match parse_json(text.trim()).ok()?.into_owned() {
        Value::Null | Value::Bool(_) | Value::Text(_) | Value::Array(_) | Value::Object(_) => None,
        number => Some(number),
    };
    Some(match kind {
        Kind::Boolean => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" => Value::Bool(true),
            "false" | "f" => Value::Bool(false),
            "1" => Value::Integer(1),
            "0" => Value::Integer(0),
            _ => return None,
        },
        Kind::Integer { .. } | Kind::Float | Kind::Real | Kind::Numeric | Kind::Decimal { .. } | Kind::Number => {
            number()?
        }
        _ => Value::Text(text.into()),
    })
}

/// Merges the bytes twice: into a table that is still to be made, and into that table emptied, which has its columns
/// already. Where both are done, the rows are those that the long way makes of the records.
fn compare<'a>(data: &[u8], format: Format, records: impl Fn(&Table) -> Option<Vec<Record<'a>>>) {
    let (folder, context) = context(&[("DC_DB_MAIN_URL", "sqlite:it.db")]);
    let (input, rejects) = (folder.path().join("input"), folder.path().join("rejects"));
    std::fs::write(&input, data).expect("a file");
    let mut database = Connection::open(&context, "main").expect("a database");
    let _ = database.execute("PRAGMA synchronous = OFF", &[]);
    let merge = Merge::into("t").format(format).rejects(&rejects).allow_empty(true).threads(1);
    let name: TableName = "t".parse().expect("a name");
    for merge in [merge.clone().create(true), merge] {
        if merge.run_inputs(&mut database, &[Input::File(input.clone())]).is_err() {
            return;
        }
        let Ok(table) = database.table(&name) else { return };
        let Some(records) = records(&table) else { return };
        let found = stored(&mut database, &table);
        let mut expected = Rows::new();
        for (sha, row) in records.iter().filter_map(|record| expected_row(record, &table)) {
            // of records with one hash the first is kept
            expected.entry(sha).or_insert(row);
        }
        assert_eq!(found, expected, "{table:?}");
        database.execute("DELETE FROM t", &[]).expect("an empty table");
    }
}

fn expected_row(record: &Record<'_>, table: &Table) -> Option<(Sha, Vec<(String, String)>)> {
    let (mut row, mut hashed) = (Vec::new(), record.clone());
    for (name, value) in &mut hashed.fields {
        if let Some(column) = table.column(name) {
            *value = as_hashed(value.clone(), column.kind);
        }
    }
    for column in table.columns.iter().filter(|column| !RESERVED.contains(&column.name.as_str())) {
        let fitted = fit(record.get(&column.name).unwrap_or(&Value::Null), column.kind)?;
        row.push((column.name.clone(), format!("{:?}", as_stored(fitted.to_value(), column.kind))));
    }
    let form = hash_bytes(Canonical::keeping_digits().of(&hashed, &HashOptions::default()));
    Some((form, row))
}

fn stored(database: &mut Connection, table: &Table) -> Rows {
    let rows = database.query("SELECT * FROM t", &[]).expect("rows");
    let of = |row: Vec<Value<'static>>| {
        let mut sha = Sha([0; 32]);
        let mut values = Vec::new();
        for (column, value) in rows.columns.iter().zip(row) {
            match (column.as_str(), &value) {
                ("sha", Value::Bytes(bytes)) => sha.0.copy_from_slice(bytes),
                (name, _) if RESERVED.contains(&name) => {}
                (name, _) => values.push((name.to_owned(), format!("{value:?}"))),
            }
        }
        (sha, values)
    };
    let found: Rows = rows.rows.iter().cloned().map(of).collect();
    assert!(found.len() == rows.rows.len() && table.columns.len() == rows.columns.len(), "no row stands twice");
    found
}

/// SQLite keeps a truth value as a number, a number of any precision as text, and knows no negative zero.
fn as_stored(value: Option<Value<'_>>, kind: Kind) -> Value<'_> {
    match value {
        None => Value::Null,
        Some(Value::Bool(flag)) => Value::Integer(flag.into()),
        Some(Value::Float(0.0)) => Value::Float(0.0),
        Some(Value::Integer(number)) if kind == Kind::Numeric => Value::from(number.to_string()),
        Some(other) => other,
    }
}
