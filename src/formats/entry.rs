//! A format as the registry has it.

use std::fs::File;

use super::flag::Flag;
use super::reading::Reading;
use super::spool::Part;
use crate::context::Cancellation;
use crate::error::Result;

/// One line of the table of formats.
#[derive(Debug, Clone, Copy)]
pub struct FormatEntry {
    /// What a person types: `--format xml`.
    pub name: &'static str,
    /// Other names that a person may type.
    pub also: &'static [&'static str],
    /// Whether a file is of this format.
    pub is_it: fn(&Start<'_>) -> bool,
    /// The flags that it knows.
    pub flags: &'static [Flag],
    /// Whether it is text: it is turned into UTF-8 first.
    pub is_text: bool,
    /// The encoding that a text tells of itself.
    pub told: fn(&[u8]) -> Option<String>,
    /// Turns a file into records, in one pass and in bounded memory.
    pub read: fn(Opened<'_>) -> Result<Vec<Part>>,
}

/// What a file is known by.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Its first bytes.
    pub bytes: &'a [u8],
    /// Its name's end behind the last point, in lower case.
    pub ending: Option<&'a str>,
    /// The file.
    pub file: &'a File,
    /// How it is to be read.
    pub reading: &'a Reading,
}

/// A file to be read.
#[derive(Debug)]
pub struct Opened<'a> {
    /// What to call it in messages.
    pub name: &'a str,
    /// The file, at its start.
    pub file: File,
    /// How it is to be read.
    pub reading: &'a Reading,
    /// The wish to stop.
    pub cancellation: &'a Cancellation,
}

/// For formats that are no text, or tell nothing of it.
pub(crate) fn says_nothing(_: &[u8]) -> Option<String> {
    None
}

impl Start<'_> {
    /// The first bytes behind a byte order mark and blanks.
    pub(crate) fn opening(&self) -> &[u8] {
        let bytes = self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self.bytes);
        bytes.trim_ascii_start()
    }
}
