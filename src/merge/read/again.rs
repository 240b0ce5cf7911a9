//! The second pass: only the new records are read again, in the order of the input.

use std::ops::ControlFlow;

use crate::context::Cancellation;
use crate::error::{Error, Result};
use crate::merge::read::cut::{Cut, cut};
use crate::merge::read::reader::Reader;
use crate::merge::read::reject::{FaultKind, Reject};
use crate::merge::read::source::{RECORD_BYTES_MAX, Source, WINDOW_BYTES};
use crate::merge::spool::{Entry, Spool};
use crate::record::Record;

/// Calls `each` with the bytes of every selected record, its source and its entry, until it breaks off.
pub(crate) fn each_selected(
    sources: &[Source],
    selected: &Spool,
    cancellation: &Cancellation,
    mut each: impl FnMut(&[u8], usize, Entry) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut entries = Vec::new();
    let mut window = Window::default();
    for bucket in 0..selected.buckets() {
        selected.read(bucket, &mut entries)?;
        for entry in &entries {
            cancellation.check()?;
            let source = source_of(sources, entry.place);
            let bytes = window.record(sources, source, entry.place)?;
            if each(bytes, source, *entry)?.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Reads a selected record. It could be read in the first pass, so a fault now means that the input is another.
pub(crate) fn read_again<'a>(
    sources: &[Source],
    reader: &'a Reader,
    (bytes, source, entry): (&'a [u8], usize, Entry),
) -> Result<Record<'a>> {
    reader.read(source, sources[source].format, bytes).map_err(|_| changed(sources, entry.place))
}

/// The input is not what it was in the first pass.
pub(crate) fn changed(sources: &[Source], place: u64) -> Error {
    let name = &sources[source_of(sources, place)].name;
    Error::failed(format!("read {name} again: it was changed meanwhile"))
        .hint("merge a copy of it, or wait until it is complete; nothing was changed in the table")
        .temporary(true)
}

/// Reads records again that cannot be taken after all, in the order of the input: what was read and counted for one
/// serves the next.
pub(crate) struct Again<'a> {
    sources: &'a [Source],
    window: Window,
    /// A source, an offset in it, and its line.
    counted: (usize, u64, u64),
}

impl<'a> Again<'a> {
    pub(crate) fn new(sources: &'a [Source]) -> Self {
        Self { sources, window: Window::default(), counted: (0, 0, 1) }
    }

    /// The record at a place, as a reject.
    pub(crate) fn reject(&mut self, place: u64, reason: String) -> Reject {
        let (source, line) = self.line(place);
        let raw = self.window.record(self.sources, source, place).map(<[u8]>::to_vec).ok();
        Reject { source, line, spot: None, reason, raw, fault: FaultKind::Record, place: Some(place) }
    }

    /// The source of a place, and its line there.
    pub(crate) fn line(&mut self, place: u64) -> (usize, u64) {
        let source = source_of(self.sources, place);
        let offset = place - self.sources[source].base;
        let (from, line) = match self.counted {
            (counted, from, line) if counted == source && from <= offset => (from, line),
            _ => (0, 1),
        };
        let line = line + self.sources[source].lines_between(from, offset);
        self.counted = (source, offset, line);
        (source, line)
    }
}

fn source_of(sources: &[Source], place: u64) -> usize {
    sources.partition_point(|source| source.base <= place).saturating_sub(1)
}

/// A part of one source, kept while records are taken from it.
#[derive(Default)]
struct Window {
    source: usize,
    bytes: Vec<u8>,
    /// The place of the first byte in the source.
    offset: u64,
}

impl Window {
    /// The bytes of the record that begins at `place`.
    fn record(&mut self, sources: &[Source], place_of: usize, place: u64) -> Result<&[u8]> {
        let source = &sources[place_of];
        let offset = place - source.base;
        let mut wanted = WINDOW_BYTES;
        loop {
            let inside =
                self.source == place_of && offset >= self.offset && offset < self.offset + self.bytes.len() as u64;
            if inside {
                // the place is inside the window, whose length fits into memory
                let start = (offset - self.offset) as usize;
                let last = self.offset + self.bytes.len() as u64 >= source.length;
                if let Cut::Piece { record: Some(range), .. } =
                    cut(source.format, &self.bytes[start..], last, &mut false)
                {
                    return Ok(&self.bytes[start + range.start..start + range.end]);
                }
                if last || self.bytes.len() - start >= RECORD_BYTES_MAX * 2 {
                    return Err(
                        Error::failed(format!("read {} again: it was changed meanwhile", source.name)).temporary(true)
                    );
                }
                if start == 0 {
                    wanted = self.bytes.len() * 2;
                }
            }
            self.bytes.resize(wanted, 0);
            let count = source.read_at(&mut self.bytes, offset)?;
            source.check_length(offset + count as u64, count < wanted)?;
            self.bytes.truncate(count);
            self.source = place_of;
            self.offset = offset;
            if count == 0 {
                return Err(
                    Error::failed(format!("read {} again: it was cut short meanwhile", source.name)).temporary(true)
                );
            }
        }
    }
}
