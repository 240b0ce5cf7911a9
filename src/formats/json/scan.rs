//! JSON byte by byte: over what is not wanted without keeping it, and into a line what is.

use std::fs::File;
use std::io::{BufRead, BufReader};

use crate::context::Cancellation;
use crate::error::{Error, Result, file_error};
use crate::formats::spool::RECORD_BYTES_MAX;

/// What is read at once.
const WINDOW_BYTES: usize = 128 * 1024;
/// The longest name of a member.
const NAME_BYTES_MAX: usize = 1 << 20;

/// Reads a document once, from its start to its end.
pub(super) struct Scanner<'a> {
    name: &'a str,
    reader: BufReader<File>,
    /// From 1.
    pub(super) line: u64,
    cancellation: &'a Cancellation,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(name: &'a str, file: File, cancellation: &'a Cancellation) -> Self {
        Self { name, reader: BufReader::with_capacity(WINDOW_BYTES, file), line: 1, cancellation }
    }

    pub(super) fn wrong(&self, reason: &str) -> Error {
        Error::failed(format!("read {}, line {}: {reason}", self.name, self.line))
            .hint("it is not JSON there, or was cut short; nothing was changed")
    }

    fn fill(&mut self) -> Result<&[u8]> {
        self.reader.fill_buf().map_err(|cause| file_error(format!("read {}", self.name), cause))
    }

    /// The next byte, which stays.
    pub(super) fn peek(&mut self) -> Result<Option<u8>> {
        if self.reader.buffer().is_empty() {
            self.cancellation.check()?;
        }
        Ok(self.fill()?.first().copied())
    }

    /// The next byte.
    fn next(&mut self) -> Result<Option<u8>> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.line += u64::from(byte == b'\n');
            self.reader.consume(1);
        }
        Ok(byte)
    }

    /// Passes over a byte order mark.
    pub(super) fn skip_mark(&mut self) -> Result<()> {
        if self.fill()?.starts_with(b"\xef\xbb\xbf") {
            self.reader.consume(3);
        }
        Ok(())
    }

    /// The next byte that is no blank; it stays.
    pub(super) fn peek_solid(&mut self) -> Result<Option<u8>> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek()? {
            self.next()?;
        }
        self.peek()
    }

    /// Takes the next byte that is no blank.
    pub(super) fn solid(&mut self) -> Result<u8> {
        self.peek_solid()?;
        self.next()?.ok_or_else(|| self.wrong("it ends in the middle"))
    }

    /// The name of a member, behind which a colon stands; as it is written, and read.
    pub(super) fn member(&mut self) -> Result<String> {
        if self.peek_solid()? != Some(b'"') {
            return Err(self.wrong("a name in quotes was expected"));
        }
        let mut raw = Vec::new();
        self.string(|byte| {
            raw.push(byte);
            raw.len() <= NAME_BYTES_MAX
        })?;
        let name = std::str::from_utf8(&raw).ok().and_then(|raw| serde_json::from_str::<String>(raw).ok());
        let name = name.ok_or_else(|| self.wrong("a name in quotes was expected"))?;
        if self.solid()? != b':' {
            return Err(self.wrong("`:` was expected"));
        }
        Ok(name)
    }

    /// A string with its quotes, byte by byte.
    fn string(&mut self, mut each: impl FnMut(u8) -> bool) -> Result<()> {
        let mut is_escaped = false;
        let mut is_inside = false;
        loop {
            let Some(byte) = self.next()? else { return Err(self.wrong("it ends in the middle of a string")) };
            // a line of the spool must not be broken; the parser refuses either in a string
            if !each(if byte == b'\n' { b'\r' } else { byte }) {
                return Err(self.too_long());
            }
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' if is_inside => return Ok(()),
                _ => is_inside = true,
            }
        }
    }

    fn too_long(&self) -> Error {
        self.wrong(&format!("a record is longer than {} MiB", RECORD_BYTES_MAX >> 20))
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self) -> Result<()> {
        self.value(&mut |_| true)
    }

    /// The value as one line.
    pub(super) fn copy(&mut self, line: &mut Vec<u8>) -> Result<()> {
        line.clear();
        self.value(&mut |byte| {
            line.push(byte);
            line.len() <= RECORD_BYTES_MAX
        })
    }

    fn value(&mut self, each: &mut impl FnMut(u8) -> bool) -> Result<()> {
        let Some(first) = self.peek_solid()? else { return Err(self.wrong("it ends in the middle")) };
        match first {
            b'"' => return self.string(&mut *each),
            b'{' | b'[' => {}
            b',' | b':' | b'}' | b']' => return Err(self.wrong("a value was expected")),
            _ => {
                // a number or a word
                while let Some(byte) = self.peek()? {
                    if matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n') {
                        return Ok(());
                    }
                    if !each(byte) {
                        return Err(self.too_long());
                    }
                    self.next()?;
                }
                return Ok(());
            }
        }
        let mut depth = 0_usize;
        loop {
            let Some(byte) = self.peek()? else { return Err(self.wrong("it ends in the middle of a value")) };
            if byte == b'"' {
                self.string(&mut *each)?;
                continue;
            }
            if !each(if byte == b'\n' { b' ' } else { byte }) {
                return Err(self.too_long());
            }
            self.next()?;
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
    }
}
