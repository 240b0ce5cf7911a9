//! The inputs of a merge: opened, unpacked, and made readable from any place, since new records are read a second time.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, ErrorKind, OrFail, Result, file_error};
use crate::hash::write_json;
use crate::merge::plan::format::Format;
use crate::merge::read::cut::{Cut, cut};
use crate::merge::read::row::Fields;
use crate::merge::temporary::{spool_error, temporary_file};
use crate::record::to_value;

/// The most bytes one record may have. It bounds the memory, whatever the input.
pub const RECORD_BYTES_MAX: usize = 32 << 20;
/// What is read at once.
pub(crate) const WINDOW_BYTES: usize = 128 * 1024;

/// Where records come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file, or anything that can be read under a path.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// One input, readable from any place.
#[derive(Debug)]
pub(crate) struct Source {
    /// What to call it in messages.
    pub(crate) name: String,
    pub(crate) format: Format,
    /// The place of its first byte among the bytes of all inputs.
    pub(crate) base: u64,
    /// Where the records begin, behind a byte order mark, a header or `[`.
    pub(crate) start: u64,
    pub(crate) length: u64,
    /// The line at `start`, from 1.
    pub(crate) start_line: u64,
    /// The names of a CSV file's columns.
    pub(crate) header: Vec<String>,
    file: File,
}

impl Source {
    /// Reads at a place of this source, as much as there is up to the length of `buffer`.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(file_error(format!("read {}", self.name), cause)),
            }
        }
        Ok(filled)
    }

    /// The line of a place, counted from the start of the file: only errors ask for it.
    pub(crate) fn line_of(&self, offset: u64) -> u64 {
        let mut line = 1;
        let mut at = 0;
        let mut buffer = vec![0; WINDOW_BYTES];
        while at < offset {
            let Ok(count) = self.read_at(&mut buffer, at) else { break };
            if count == 0 {
                break;
            }
            let part = count.min(usize::try_from(offset - at).unwrap_or(count));
            line += memchr::memchr_iter(b'\n', &buffer[..part]).count() as u64;
            at += part as u64;
        }
        line
    }
}

/// How inputs shall be read where their names and first bytes do not tell.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reading {
    pub(crate) format: Option<Format>,
    pub(crate) delimiter: Option<u8>,
}

/// Opens all inputs; their bytes are numbered through.
pub(crate) fn open_all(inputs: &[Input], reading: Reading) -> Result<Vec<Source>> {
    let mut sources: Vec<Source> = Vec::with_capacity(inputs.len());
    let mut base = 0;
    for input in inputs {
        let source = open(input, reading, base)?;
        base += source.length;
        sources.push(source);
    }
    Ok(sources)
}

/// Writes records to a spool, one a line, so that they can be read like a file.
pub(crate) fn spool_records<T: Serialize>(records: impl IntoIterator<Item = T>) -> Result<Source> {
    let mut spool = std::io::BufWriter::new(temporary_file()?);
    let mut line = Vec::new();
    for (place, record) in records.into_iter().enumerate() {
        let value = to_value(&record).map_err(|error| error.within(format!("take record {}", place + 1)))?;
        line.clear();
        write_json(&value, &mut line);
        line.push(b'\n');
        spool.write_all(&line).map_err(spool_error)?;
    }
    let file = spool.into_inner().map_err(|cause| spool_error(cause.into_error()))?;
    finish("the records".to_owned(), file, Reading { format: Some(Format::Ndjson), delimiter: None }, 0)
}

fn open(input: &Input, reading: Reading, base: u64) -> Result<Source> {
    let (name, file, hint) = match input {
        Input::Stdin => ("standard input".to_owned(), spool(std::io::stdin().lock())?, None),
        Input::File(path) => {
            let name = path.display().to_string();
            let fail = |cause| file_error(format!("open {name}"), cause);
            let file = File::open(path).map_err(fail)?;
            let metadata = file.metadata().map_err(fail)?;
            if metadata.is_dir() {
                return Err(
                    Error::new(ErrorKind::Usage, format!("read {name}: it is a folder")).hint("name the files in it")
                );
            }
            let file = if metadata.is_file() { file } else { spool(file)? };
            (name, file, format_by_name(path))
        }
    };
    let file = unpack(&name, file)?;
    finish(name, file, Reading { format: reading.format.or(hint), ..reading }, base)
}

/// Keeps what can be read only once. The file has no name, so a kill leaves nothing behind.
fn spool(mut reader: impl Read) -> Result<File> {
    let mut file = temporary_file()?;
    std::io::copy(&mut reader, &mut file).map_err(spool_error)?;
    file.seek(SeekFrom::Start(0)).map_err(spool_error)?;
    Ok(file)
}

/// Unpacks gzip and zstd, known by their first bytes.
fn unpack(name: &str, mut file: File) -> Result<File> {
    let mut magic = [0; 4];
    let count = file.read_at(&mut magic, 0).map_err(|cause| file_error(format!("read {name}"), cause))?;
    let reader: Box<dyn Read> = match &magic[..count] {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(file)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::Decoder::new(file).or_fail(|| format!("unpack {name}"))?),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            return Err(Error::failed(format!("read {name}: it is UTF-16 and must be UTF-8"))
                .hint(format!("iconv -f UTF-16 -t UTF-8 {name} | dc merge TABLE -")));
        }
        _ => {
            file.seek(SeekFrom::Start(0)).map_err(|cause| file_error(format!("read {name}"), cause))?;
            return Ok(file);
        }
    };
    let mut reader = std::io::BufReader::with_capacity(WINDOW_BYTES, reader);
    let mut unpacked = temporary_file()?;
    let mut buffer = vec![0; WINDOW_BYTES];
    loop {
        let count = reader.read(&mut buffer).map_err(|cause| {
            Error::failed(format!("unpack {name}"))
                .because(cause)
                .hint("the file is damaged or cut short: fetch it again; nothing was changed")
        })?;
        if count == 0 {
            return Ok(unpacked);
        }
        unpacked.write_all(&buffer[..count]).map_err(spool_error)?;
    }
}

fn format_by_name(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_str()?.to_lowercase();
    let name = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "csv" => Some(Format::Csv { delimiter: b',' }),
        "tsv" => Some(Format::Csv { delimiter: b'\t' }),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        _ => None,
    }
}

/// Looks at the first bytes: a byte order mark, the format, a header.
fn finish(name: String, file: File, reading: Reading, base: u64) -> Result<Source> {
    let length = file.metadata().map_err(|cause| file_error(format!("read {name}"), cause))?.len();
    let mut source =
        Source { name, format: Format::Ndjson, base, start: 0, length, start_line: 1, header: Vec::new(), file };
    let mut first = vec![0; WINDOW_BYTES];
    let count = source.read_at(&mut first, 0)?;
    first.truncate(count);
    if first.starts_with(b"\xef\xbb\xbf") {
        source.start = 3;
    }
    let mark = usize::try_from(source.start).unwrap_or(0);
    let blanks = first[mark..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let opening = first.get(mark + blanks).copied();
    source.format = match (reading.format, opening) {
        (Some(format), _) => format,
        (None, Some(b'[')) => Format::JsonArray,
        (None, Some(b'{')) => Format::Ndjson,
        (None, _) => Format::Csv { delimiter: b',' },
    };
    if let (Format::Csv { .. }, Some(delimiter)) = (source.format, reading.delimiter) {
        source.format = Format::Csv { delimiter };
    }
    let all_blank = opening.is_none() && blanks + mark == first.len() && (first.len() as u64) == length;
    if all_blank {
        source.format = Format::Ndjson;
        source.start = length;
        return Ok(source);
    }
    match source.format {
        Format::Ndjson => {}
        Format::JsonArray => open_array(&mut source, &first, mark + blanks)?,
        Format::Csv { delimiter } => read_header(&mut source, delimiter)?,
    }
    Ok(source)
}

fn open_array(source: &mut Source, first: &[u8], opening: usize) -> Result<()> {
    if first.get(opening) != Some(&b'[') {
        return Err(Error::failed(format!("read {} as a JSON array: it does not begin with `[`", source.name))
            .hint("for one object a line, use `--format ndjson`"));
    }
    source.start = opening as u64 + 1;
    source.start_line += memchr::memchr_iter(b'\n', &first[..opening]).count() as u64;
    Ok(())
}

fn read_header(source: &mut Source, delimiter: u8) -> Result<()> {
    let wrong = |source: &Source, reason: String| {
        let what = format!("read the header of {}, line {}: {reason}", source.name, source.start_line);
        Error::failed(what)
            .hint("mend the first line; `--format` and `--delimiter` say how to read it; nothing was changed")
    };
    let mut window = vec![0; WINDOW_BYTES.min(RECORD_BYTES_MAX)];
    loop {
        let count = source.read_at(&mut window, source.start)?;
        let last = source.start + count as u64 == source.length;
        let (record, consumed) = match cut(source.format, &window[..count], last, &mut false) {
            Cut::Piece { record, consumed } => (record, consumed),
            _ => return Err(wrong(source, "it is no row of names".to_owned())),
        };
        let lines = memchr::memchr_iter(b'\n', &window[..consumed]).count() as u64;
        source.start += consumed as u64;
        if let Some(record) = record {
            if window[record.clone()].contains(&b'\r') {
                return Err(wrong(source, "its lines end in lone carriage returns".to_owned())
                    .hint(format!("tr '\\r' '\\n' < {} | dc merge TABLE -", source.name)));
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
    let mut names: Vec<String> = Vec::new();
    for (place, field) in Fields::of(row, delimiter).enumerate() {
        let name = String::from_utf8(field.value(row).into_owned())
            .map_err(|_| format!("column {} is not UTF-8", place + 1))?;
        let name = name.trim().to_owned();
        if name.is_empty() {
            return Err(format!("column {} has no name", place + 1));
        }
        if names.contains(&name) {
            return Err(format!("the name `{name}` stands twice"));
        }
        names.push(name);
    }
    Ok(names)
}
