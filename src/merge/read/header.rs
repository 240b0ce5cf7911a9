//! The first bytes of a source: a byte order mark, the format, the names of the columns.

use std::collections::HashSet;

use super::cut::{Cut, cut};
use super::row::Fields;
use super::sniff::{Dialect, dialect_of};
use super::source::{RECORD_BYTES_MAX, Source, WINDOW_BYTES};
use crate::error::{Error, ErrorKind, Result};
use crate::merge::plan::description::Merge;
use crate::merge::plan::format::Format;

/// Looks at the first bytes; `by_name` is the format that the file's name tells of.
pub(crate) fn look(mut source: Source, merge: &Merge, by_name: Option<Format>) -> Result<Source> {
    if first_bytes(&source)?.starts_with(b"\xef\xbb\xbf") {
        source.start = 3;
    }
    let skipped_rows = merge.reading.skip_rows;
    skip_lines(&mut source, skipped_rows)?;
    let first = first_bytes(&source)?;
    let blanks = first.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let opening = first.get(blanks).copied();
    let is_whole = source.start + first.len() as u64 == source.length;
    if opening.is_none() && is_whole {
        source.start = source.length;
        return Ok(source);
    }
    source.format = match (merge.format.or(by_name), opening) {
        (Some(format), _) => format,
        // rows in front of a header are those of CSV
        (None, Some(b'[')) if skipped_rows == 0 => Format::JsonArray,
        (None, Some(b'{')) if skipped_rows == 0 => Format::Ndjson,
        (None, _) => Format::Csv { delimiter: b',' },
    };
    match source.format {
        Format::Ndjson => {}
        Format::JsonArray => open_array(&mut source, &first, blanks)?,
        Format::Csv { delimiter } => {
            let Dialect { delimiter, skipped } = match (merge.delimiter, delimiter) {
                (Some(delimiter), _) => Dialect { delimiter, skipped: 0 },
                (None, b'\t') => Dialect { delimiter, skipped: 0 },
                (None, _) => dialect_of(&first, is_whole),
            };
            source.format = Format::Csv { delimiter };
            source.start += skipped as u64;
            source.start_line += u64::from(skipped > 0);
            read_header(&mut source, delimiter)?;
            if merge.delimiter.is_none() {
                check_one_column(&source)?;
            }
        }
    }
    Ok(source)
}

/// The bytes at the start of the records.
fn first_bytes(source: &Source) -> Result<Vec<u8>> {
    let mut first = vec![0; WINDOW_BYTES];
    let count = source.read_at(&mut first, source.start)?;
    first.truncate(count);
    Ok(first)
}

/// Begins so many lines further on.
fn skip_lines(source: &mut Source, mut lines: u64) -> Result<()> {
    while lines > 0 && source.start < source.length {
        let bytes = first_bytes(source)?;
        let end = memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |end| end + 1);
        source.start += end as u64;
        if end == 0 || bytes[end - 1] == b'\n' || source.start >= source.length {
            source.start_line += 1;
            lines -= 1;
        }
    }
    Ok(())
}

/// Refuses a header of one name that looks like several.
fn check_one_column(source: &Source) -> Result<()> {
    let [name] = source.header.as_slice() else { return Ok(()) };
    let Some(found) = name.chars().find(|letter| matches!(letter, ',' | ';' | '\t' | '|' | ':' | '^' | '~')) else {
        return Ok(());
    };
    let shown = if found == '\t' { "tab".to_owned() } else { format!("'{found}'") };
    let what = format!("read the header of {}: `{name}` is one column, and looks like several", source.name);
    Err(Error::new(ErrorKind::Usage, what).hint(format!(
        "name what stands between fields: `--delimiter {shown}`, or `--delimiter ,` if it is one column; nothing was changed"
    )))
}

fn open_array(source: &mut Source, first: &[u8], opening: usize) -> Result<()> {
    if first.get(opening) != Some(&b'[') {
        return Err(Error::failed(format!("read {} as a JSON array: it does not begin with `[`", source.name))
            .hint("for one object a line, use `--format ndjson`"));
    }
    source.start += opening as u64 + 1;
    source.start_line += memchr::memchr_iter(b'\n', &first[..opening]).count() as u64;
    Ok(())
}

fn read_header(source: &mut Source, delimiter: u8) -> Result<()> {
    let wrong = |source: &Source, reason: String| {
        let what = format!("read the header of {}, line {}: {reason}", source.name, source.start_line);
        Error::failed(what)
            .hint("mend the first line; `--format` and `--delimiter` say how to read it; nothing was changed")
    };
    let mut window = vec![0; WINDOW_BYTES];
    loop {
        let count = source.read_at(&mut window, source.start)?;
        let last = source.start + count as u64 >= source.length;
        let (record, consumed) = match cut(source.format, &window[..count], last, &mut false) {
            Cut::Piece { record, consumed } => (record, consumed),
            Cut::More if count == window.len() && window.len() < RECORD_BYTES_MAX => {
                window.resize(window.len() * 2, 0);
                continue;
            }
            _ => return Err(wrong(source, "it is no row of names".to_owned())),
        };
        let lines = memchr::memchr_iter(b'\n', &window[..consumed]).count() as u64;
        source.start += consumed as u64;
        if let Some(record) = record {
            if window[record.clone()].contains(&b'\r') {
                return Err(wrong(source, "its lines end in lone carriage returns".to_owned())
                    .hint(format!("dc merge TABLE -- sed 's/\\r/\\n/g' {}", source.name)));
            }
            source.header = names_in(&window[record], delimiter).map_err(|reason| wrong(source, reason))?;
            source.start_line += lines;
            return Ok(());
        }
        source.start_line += lines;
        if source.start >= source.length {
            return Ok(());
        }
    }
}

fn names_in(row: &[u8], delimiter: u8) -> Result<Vec<String>, String> {
    let (mut names, mut seen) = (Vec::new(), HashSet::new());
    for (place, field) in Fields::of(row, delimiter).enumerate() {
        let name = String::from_utf8(field.value(row).into_owned())
            .map_err(|_| format!("column {} is not UTF-8", place + 1))?;
        let name = name.trim().to_owned();
        // a column without a name, as that of an index, is called by its place
        let name = if name.is_empty() { format!("column_{}", place + 1) } else { name };
        if !seen.insert(name.clone()) {
            return Err(format!("the name `{name}` stands twice"));
        }
        names.push(name);
    }
    Ok(names)
}
