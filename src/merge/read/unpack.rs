//! Inputs that are packed with gzip or zstd, unpacked; and files that hold no records as text, by name.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use super::source::WINDOW_BYTES;
use crate::context::Cancellation;
use crate::error::{Error, OrFail, Result, file_error};
use crate::formats::{spool_error, temporary_file};

/// Unpacks gzip and zstd, known by their first bytes.
pub(crate) fn unpack(name: &str, mut file: File, cancellation: &Cancellation) -> Result<File> {
    let mut magic = [0; 8];
    let count = file.read_at(&mut magic, 0).map_err(|cause| file_error(format!("read {name}"), cause))?;
    let reader: Box<dyn Read> = match &magic[..count] {
        [0x1f, 0x8b, ..] => Box::new(Members::new(file)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::Decoder::new(file).or_fail(|| format!("unpack {name}"))?),
        _ => {
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

/// Refuses a file that is no text, with what turns it into one.
///
/// # Errors
/// What it is, for one of the kinds that people meet.
pub(crate) fn check_text(name: &str, start: &[u8]) -> Result<()> {
    match foreign(start) {
        Some((what, hint)) => Err(Error::failed(format!("read {name}: it is {what}")).hint(hint)),
        None => Ok(()),
    }
}

/// What a file is that holds no records as text, and what turns it into one.
fn foreign(start: &[u8]) -> Option<(&'static str, &'static str)> {
    Some(match start {
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
