//! The inputs of a merge, opened: unpacked, turned into UTF-8, and kept where they can be read only once.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use serde::Serialize;

use super::closing::take_closing_line;
use super::encoding::to_utf8;
use super::header::look;
use super::source::{Input, Source, WINDOW_BYTES};
use crate::context::Cancellation;
use crate::error::{Error, ErrorKind, OrFail, Result, file_error};
use crate::failpoint;
use crate::hash::write_json;
use crate::merge::plan::description::Merge;
use crate::merge::plan::format::Format;
use crate::merge::temporary::{spool_error, temporary_file};
use crate::record::to_value;

/// How long a silent pipe is waited for before somebody may have asked to stop.
const SILENCE_MAX: Duration = Duration::from_millis(200);
/// Pieces of a pipe that wait to be kept.
const PIECES_WAITING_MAX: usize = 4;

/// Opens all inputs; their bytes are numbered through.
pub(crate) fn open_all(merge: &Merge, inputs: &[Input]) -> Result<Vec<Source>> {
    let mut sources: Vec<Source> = Vec::with_capacity(inputs.len());
    let mut base = 0;
    for input in inputs {
        let source = open(merge, input, base)?;
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
    Source::over("the records".to_owned(), file, None, 0)
}

fn open(merge: &Merge, input: &Input, base: u64) -> Result<Source> {
    let cancellation = &merge.cancellation;
    let (name, file, identity, by_name) = match input {
        Input::Stdin => {
            let handle = std::io::stdin().as_fd().try_clone_to_owned();
            let handle = File::from(handle.map_err(|cause| file_error("read standard input", cause))?);
            let identity = identity(&handle);
            ("standard input".to_owned(), spool(|| Ok(handle), "standard input", cancellation)?, identity, None)
        }
        Input::File(path) => {
            let name = path.display().to_string();
            let fail = |cause| file_error(format!("open {name}"), cause);
            let metadata = std::fs::metadata(path).map_err(fail)?;
            if metadata.file_type().is_fifo() {
                let file = path.clone();
                let file = spool(move || File::open(file), &name, cancellation)?;
                return in_utf8(merge, (name, file), None, format_by_name(path), base);
            }
            let file = File::open(path).map_err(fail)?;
            if metadata.is_dir() {
                let what = format!("read {name}: it is a folder");
                return Err(Error::new(ErrorKind::Usage, what).hint("name the files in it"));
            }
            let identity = identity(&file);
            // what says that it is empty may be made while it is read, as the files under /proc are
            let is_kept = metadata.is_file() && metadata.len() > 0;
            let file = if is_kept { file } else { spool(|| Ok(file), &name, cancellation)? };
            let by_name = format_by_name(path);
            (name, file, identity, by_name)
        }
        Input::Produced(producer) => {
            let mut file = temporary_file()?;
            producer.produce(&mut file, cancellation)?;
            file.seek(SeekFrom::Start(0)).map_err(spool_error)?;
            failpoint::point("merge.produced")?;
            (producer.name(), file, None, None)
        }
    };
    in_utf8(merge, (name, file), identity, by_name, base)
}

/// A source over a file that was opened, unpacked and turned into UTF-8.
fn in_utf8(
    merge: &Merge,
    (name, file): (String, File),
    identity: Option<(u64, u64)>,
    by_name: Option<Format>,
    base: u64,
) -> Result<Source> {
    let file = unpack(&name, file, &merge.cancellation)?;
    let file = to_utf8(&name, file, merge)?;
    let mut source = Source::over(name, file, identity, base)?;
    if merge.expect_end {
        take_closing_line(&mut source, &merge.table)?;
    }
    look(source, merge, by_name)
}

fn identity(file: &File) -> Option<(u64, u64)> {
    file.metadata().ok().filter(|data| data.is_file()).map(|data| (data.dev(), data.ino()))
}

/// Keeps what can be read only once. Another thread opens and reads it, so that nobody has to wait for a silent pipe, or for
/// one that nobody writes into, who was asked to stop.
fn spool(
    open: impl FnOnce() -> std::io::Result<File> + Send + 'static,
    name: &str,
    cancellation: &Cancellation,
) -> Result<File> {
    let (sender, pieces) = sync_channel::<std::io::Result<Vec<u8>>>(PIECES_WAITING_MAX);
    std::thread::spawn(move || {
        let mut reader = match open() {
            Ok(reader) => reader,
            Err(cause) => {
                let _ = sender.send(Err(cause));
                return;
            }
        };
        loop {
            let mut piece = vec![0; WINDOW_BYTES];
            let read = match reader.read(&mut piece) {
                Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
                Ok(0) => return,
                Ok(count) => {
                    piece.truncate(count);
                    Ok(piece)
                }
                Err(cause) => Err(cause),
            };
            let has_failed = read.is_err();
            if sender.send(read).is_err() || has_failed {
                return;
            }
        }
    });
    let mut file = temporary_file()?;
    loop {
        cancellation.check()?;
        match pieces.recv_timeout(SILENCE_MAX) {
            Ok(piece) => {
                let piece = piece.map_err(|cause| file_error(format!("read {name}"), cause))?;
                file.write_all(&piece).map_err(spool_error)?;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    file.seek(SeekFrom::Start(0)).map_err(spool_error)?;
    Ok(file)
}

/// Unpacks gzip and zstd, known by their first bytes; names what is neither and no text.
fn unpack(name: &str, mut file: File, cancellation: &Cancellation) -> Result<File> {
    let mut magic = [0; 8];
    let count = file.read_at(&mut magic, 0).map_err(|cause| file_error(format!("read {name}"), cause))?;
    let reader: Box<dyn Read> = match &magic[..count] {
        [0x1f, 0x8b, ..] => Box::new(Members::new(file)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::Decoder::new(file).or_fail(|| format!("unpack {name}"))?),
        start => {
            if let Some((what, hint)) = foreign(start) {
                return Err(Error::failed(format!("read {name}: it is {what}")).hint(hint));
            }
            file.seek(SeekFrom::Start(0)).map_err(|cause| file_error(format!("read {name}"), cause))?;
            return Ok(file);
        }
    };
    let mut reader = BufReader::with_capacity(WINDOW_BYTES, reader);
    let mut unpacked = temporary_file()?;
    let mut buffer = vec![0; WINDOW_BYTES];
    loop {
        cancellation.check()?;
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

/// What a file is that holds no records as text, and what turns it into one.
fn foreign(start: &[u8]) -> Option<(&'static str, &'static str)> {
    let by_office = "save it as CSV (UTF-8) in the program that made it, or `libreoffice --convert-to csv FILE`";
    Some(match start {
        [b'P', b'K', 3, 4, ..] => (
            "a ZIP archive, or a workbook (xlsx, ods)",
            "unpack it with `unzip`; of a workbook, save the sheet as CSV (UTF-8)",
        ),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => ("a workbook of an old form (xls)", by_office),
        [b'P', b'A', b'R', b'1', ..] => {
            ("Parquet", "write it as NDJSON, say with `duckdb -c \"COPY 'FILE' TO '/dev/stdout' (FORMAT json)\"`")
        }
        [b'B', b'Z', b'h', ..] => ("packed with bzip2", "dc merge TABLE -- bzip2 -dc FILE"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => ("packed with xz", "dc merge TABLE -- xz -dc FILE"),
        [b'7', b'z', 0xbc, 0xaf, ..] => ("packed with 7-Zip", "unpack it with `7z x`"),
        [b'%', b'P', b'D', b'F', ..] => ("a PDF", "dc merge TABLE -- dc ocr FILE --tables csv"),
        _ => return None,
    })
}

/// The members of a gzip file, one behind the other. Zeros behind the last one are padding, as on tapes.
struct Members {
    member: Option<flate2::bufread::GzDecoder<BufReader<File>>>,
}

impl Members {
    fn new(file: File) -> Self {
        Self { member: Some(flate2::bufread::GzDecoder::new(BufReader::with_capacity(WINDOW_BYTES, file))) }
    }
}

impl Read for Members {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let Some(mut rest) = self.member.take().map(flate2::bufread::GzDecoder::into_inner) else { break };
            if skip_zeros(&mut rest)? {
                self.member = Some(flate2::bufread::GzDecoder::new(rest));
            }
        }
        Ok(0)
    }
}

/// Whether anything but zeros follows.
fn skip_zeros(rest: &mut BufReader<File>) -> std::io::Result<bool> {
    loop {
        let bytes = rest.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let is_more = zeros < bytes.len();
        rest.consume(zeros);
        if is_more {
            return Ok(true);
        }
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
