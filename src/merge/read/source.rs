//! One input of a merge, readable from any place, since new records are read a second time.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

pub use crate::formats::RECORD_BYTES_MAX;

use crate::context::Cancellation;
use crate::error::{Error, Result, file_error};
use crate::formats::{Origin, Part};
use crate::merge::plan::format::Format;

/// What is read at once.
pub(crate) const WINDOW_BYTES: usize = 128 * 1024;

/// Where records come from.
#[derive(Debug, Clone)]
pub enum Input {
    /// A file, or anything that can be read under a path.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// What somebody makes, who says when it is complete.
    Produced(Arc<dyn Produce>),
}

/// Makes an input, as a program does whose output it is.
pub trait Produce: fmt::Debug + Send + Sync {
    /// What to call it in messages.
    fn name(&self) -> String;

    /// Writes the whole input, and returns when it is complete.
    ///
    /// # Errors
    /// When it is not complete, for whatever reason: nothing is merged then.
    fn produce(&self, into: &mut File, cancellation: &Cancellation) -> Result<()>;
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
    /// How many records its closing line tells of, where one is asked for.
    pub(crate) told: Option<u64>,
    /// The names of a CSV file's columns.
    pub(crate) header: Vec<String>,
    /// The device and the number of the file that it came from.
    pub(crate) identity: Option<(u64, u64)>,
    /// Where its records stood in a file of another format, from which they were converted.
    origin: Option<Origin>,
    file: File,
}

impl Source {
    /// A source over a file in UTF-8, which is not looked at yet.
    pub(crate) fn over(name: String, file: File, identity: Option<(u64, u64)>, base: u64) -> Result<Self> {
        let length = file.metadata().map_err(|cause| file_error(format!("read {name}"), cause))?.len();
        let header = Vec::new();
        let (format, origin) = (Format::Ndjson, None);
        Ok(Self { name, format, base, start: 0, length, start_line: 1, told: None, header, identity, origin, file })
    }

    /// A source over records that were converted from a part of a file.
    pub(crate) fn converted(name: &str, part: Part, identity: Option<(u64, u64)>, base: u64) -> Result<Self> {
        let name = part.name.map_or_else(|| name.to_owned(), |of| format!("{name}, {of}"));
        Ok(Self { origin: Some(part.origin), ..Self::over(name, part.records, identity, base)? })
    }

    /// Whether its values are texts that stand for numbers as well, as fields of CSV do.
    pub(crate) fn is_untyped(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.is_untyped)
    }

    /// The place that people know of the record in this line: its row in a sheet, its line in an XML file.
    pub(crate) fn place(&self, line: u64) -> u64 {
        self.origin.as_ref().map_or(line, |origin| origin.place(line))
    }

    /// What is counted there.
    pub(crate) fn unit(&self) -> &'static str {
        self.origin.as_ref().map_or("line", |origin| origin.unit)
    }

    /// Reads at a place of this source, as much as there is up to the length of `buffer`.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        // behind it stands nothing that counts: a closing line, or what was appended since
        let room = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let room = room.min(buffer.len());
        let mut filled = 0;
        while filled < room {
            match self.file.read_at(&mut buffer[filled..room], offset + filled as u64) {
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
        1 + self.lines_between(0, offset)
    }

    /// The ends of lines between two places.
    pub(crate) fn lines_between(&self, from: u64, offset: u64) -> u64 {
        let (mut lines, mut at) = (0, from);
        let mut buffer = vec![0; WINDOW_BYTES];
        while at < offset {
            let Ok(count) = self.read_at(&mut buffer, at) else { break };
            if count == 0 {
                break;
            }
            let part = count.min(usize::try_from(offset - at).unwrap_or(count));
            lines += memchr::memchr_iter(b'\n', &buffer[..part]).count() as u64;
            at += part as u64;
        }
        lines
    }

    /// Refuses a source that ended at `end` although it was longer when it was opened; `has_ended` when less was read than
    /// was asked for.
    ///
    /// # Errors
    /// When the file has become shorter since.
    pub(crate) fn check_length(&self, end: u64, has_ended: bool) -> Result<()> {
        if !has_ended || end >= self.length {
            return Ok(());
        }
        let what = format!("read {}: it became shorter while it was read", self.name);
        Err(Error::failed(what)
            .hint("merge a copy of it, or wait until it is complete; nothing was changed")
            .temporary(true))
    }
}
