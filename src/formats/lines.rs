//! Lines of a text, each of bounded length.

use std::io::{BufRead, BufReader, Read};

use super::spool::RECORD_BYTES_MAX;
use crate::error::{Error, Result, file_error};

/// What is read at once.
const WINDOW_BYTES: usize = 128 * 1024;

/// Goes through the lines of a text in UTF-8, with or without carriage returns.
pub(crate) struct Lines<'a, R> {
    name: &'a str,
    reader: BufReader<R>,
    line: Vec<u8>,
    number: u64,
}

impl<'a, R: Read> Lines<'a, R> {
    pub(crate) fn of(name: &'a str, reader: R) -> Self {
        Self { name, reader: BufReader::with_capacity(WINDOW_BYTES, reader), line: Vec::new(), number: 0 }
    }

    /// The next line and its number, from 1; `Err` inside for a line that is not UTF-8.
    pub(crate) fn next_line(&mut self) -> Result<Option<(u64, Result<&str, usize>)>> {
        self.line.clear();
        let fail = |cause| file_error(format!("read {}", self.name), cause);
        let mut limited = (&mut self.reader).take(RECORD_BYTES_MAX as u64 + 1);
        let count = limited.read_until(b'\n', &mut self.line).map_err(fail)?;
        if count == 0 {
            return Ok(None);
        }
        self.number += 1;
        if count > RECORD_BYTES_MAX {
            let what =
                format!("read {}, line {}: it is longer than {} MiB", self.name, self.number, RECORD_BYTES_MAX >> 20);
            return Err(Error::failed(what));
        }
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = if self.number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        Ok(Some((self.number, std::str::from_utf8(line).map_err(|cause| cause.valid_up_to()))))
    }
}
