//! Lines that wait on disk for one sink, in their order. They survive the death of the process, and what the disk has
//! damaged is set aside while the rest is delivered.
//!
//! A file begins with a line that says up to where its lines were delivered; the lines follow. It goes when all are.
//! Each line keeps its place in the stream of its process, so that a sink knows it again.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use memchr::{memchr, memmem};

use super::folder::{Folder, LineFile};
use super::line::{Line, LinePlace, is_whole, seal};
use super::lines::Lines;
use crate::error::{Error, Result, file_error};

/// A file takes no more lines when it has so many bytes.
const PART_BYTES_MAX: u64 = 16 << 20;
/// What is read at once; it grows with a line that does not fit.
const WINDOW_BYTES: usize = 256 * 1024;
/// Where a stream begins: the lines that a file has of its own stand before those of the stream.
pub(super) const PLACE_FIRST: u64 = 1 << 32;
/// How a line with a record begins.
const RECORD: &[u8] = b"{\"time\":\"";
/// How a line begins that is about the lines behind it.
const NOTE: &[u8] = b"{\"dc\":";
/// Where the count of delivered bytes stands in the first line, and how many digits it has.
const DONE: &[u8] = b"\"done\":\"";
const DONE_DIGITS: usize = 20;

/// The lines that wait on disk for one sink.
pub(super) struct Backlog {
    folder: Arc<Folder>,
    sink: String,
    parts: VecDeque<Part>,
    bytes: u64,
    bytes_max: u64,
    /// The bytes that wait for the same sink elsewhere.
    bytes_beside: u64,
}

/// One file.
struct Part {
    path: PathBuf,
    /// Whose lines they are.
    stream: Arc<str>,
    /// Where the file's first byte stands in the stream.
    start: u64,
    /// Opened when it is needed: there may be many.
    file: Option<File>,
    /// Where the first undelivered line begins.
    done: u64,
    length: u64,
    /// Up to here damage was told.
    told: u64,
    /// Whether it takes more lines.
    is_open: bool,
}

/// Lines read from disk, and where each ends.
pub(super) struct Chunk {
    pub(super) lines: Lines,
    ends: Vec<u64>,
    stream: Arc<str>,
    start: u64,
}

impl Chunk {
    /// The lines, as a sink gets them.
    pub(super) fn as_lines(&self) -> Vec<Line<'_>> {
        let place = |line: usize| LinePlace { stream: &self.stream, end: self.start + self.ends[line] };
        (0..self.lines.len()).map(|line| Line::new(self.lines.get(line), place(line))).collect()
    }
}

/// A part of a file that the disk has damaged.
pub(super) struct Damage {
    pub(super) part: PathBuf,
    pub(super) range: Range<u64>,
    /// Where it was kept, or why it could not be.
    pub(super) kept: Result<PathBuf>,
}

impl Backlog {
    /// The lines of `sink`, beginning with those that processes which are gone have left.
    pub(super) fn new(folder: Arc<Folder>, sink: &str, bytes_max: u64) -> Self {
        let left = folder.adopt(sink).into_iter();
        let parts: VecDeque<Part> = left.filter_map(|file| Part::left(file, sink)).collect();
        let bytes = parts.iter().map(Part::rest).sum();
        Self { parts, bytes, ..Self::empty(folder, sink, bytes_max) }
    }

    /// The lines of `sink` without any of others.
    pub(super) fn empty(folder: Arc<Folder>, sink: &str, bytes_max: u64) -> Self {
        Self { folder, sink: sink.to_owned(), parts: VecDeque::new(), bytes: 0, bytes_max, bytes_beside: 0 }
    }

    /// An empty one for the same sink, which shares its room: for what does not wait behind these lines.
    pub(super) fn beside(&self) -> Self {
        let empty = Self::empty(Arc::clone(&self.folder), &self.sink, self.bytes_max);
        Self { bytes_beside: self.bytes, ..empty }
    }

    /// Takes note of how many bytes wait for the same sink elsewhere.
    pub(super) fn note_beside(&mut self, bytes: u64) {
        self.bytes_beside = bytes;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The bytes that wait.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds lines behind all others; the first begins at `place` in the stream.
    ///
    /// # Errors
    /// When there is no room: on the disk, or for this sink. Nothing is added then.
    pub(super) fn append(&mut self, lines: &[u8], place: u64) -> Result<()> {
        let waiting = self.bytes + self.bytes_beside;
        if waiting + lines.len() as u64 > self.bytes_max {
            return Err(Error::failed(format!(
                "keep more log records: {} MiB wait for `{}`",
                waiting >> 20,
                self.sink
            )));
        }
        let takes = |part: &Part| part.is_open && part.length < PART_BYTES_MAX && part.end() == place;
        let has_room = self.parts.back().is_some_and(takes);
        if !has_room {
            let is_only = self.parts.len() == 1;
            if let Some(part) = self.parts.back_mut() {
                part.close(!is_only);
            }
            let part = self.make(place, &[])?;
            self.parts.push_back(part);
        }
        let Some(part) = self.parts.back_mut() else { return Ok(()) };
        part.append(lines).inspect(|()| self.bytes += lines.len() as u64)
    }

    /// Adds lines before all others, with the reason why they could not be delivered; the first begins at `place` in
    /// the stream.
    ///
    /// # Errors
    /// When the disk has no room.
    pub(super) fn prepend(&mut self, lines: &[&[u8]], place: u64, reason: &str) -> Result<()> {
        let note = note(&[("sink", &self.sink), ("error", reason)]);
        let mut part = self.make(place, &note)?;
        let written = lines.iter().try_for_each(|bytes| part.append(bytes));
        if let Err(error) = written {
            part.remove();
            return Err(error);
        }
        part.is_open = self.parts.is_empty();
        self.bytes += part.rest();
        self.parts.push_front(part);
        Ok(())
    }

    /// The next lines, without taking them; damage that is met is set aside and given to `tell`.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn read(
        &mut self,
        lines_max: usize,
        bytes_max: usize,
        mut tell: impl FnMut(Damage),
    ) -> Result<Option<Chunk>> {
        loop {
            let Some(part) = self.parts.front_mut() else { return Ok(None) };
            if part.done >= part.length {
                self.drop_first();
                continue;
            }
            let Found { lines, ends, damaged, end } = part.read(lines_max, bytes_max)?;
            let (path, told) = (part.path.clone(), part.told);
            for range in damaged.into_iter().filter(|range| range.end > told) {
                let kept = part.file().and_then(|file| self.folder.set_aside(&path, file, range.clone()));
                tell(Damage { part: path.clone(), range, kept });
            }
            part.told = told.max(end);
            if !lines.is_empty() {
                return Ok(Some(Chunk { lines, ends, stream: Arc::clone(&part.stream), start: part.start }));
            }
            self.advance_to(end)?;
        }
    }

    /// Notes that the first `count` lines of what was read are delivered.
    ///
    /// # Errors
    /// When that cannot be noted: they would be delivered again after a kill.
    pub(super) fn advance(&mut self, chunk: &Chunk, count: usize) -> Result<()> {
        match count.checked_sub(1).and_then(|last| chunk.ends.get(last)) {
            Some(end) => self.advance_to(*end),
            None => Ok(()),
        }
    }

    /// Leaves the first file behind, which cannot be read.
    pub(super) fn skip_first(&mut self) -> Option<PathBuf> {
        let part = self.parts.pop_front()?;
        self.bytes -= part.rest();
        Some(part.path)
    }

    fn advance_to(&mut self, end: u64) -> Result<()> {
        let Some(part) = self.parts.front_mut() else { return Ok(()) };
        self.bytes -= end.saturating_sub(part.done);
        part.done = end;
        if part.done >= part.length {
            self.drop_first();
            return Ok(());
        }
        let header = header(&self.sink, end);
        let path = part.path.clone();
        part.file()?.write_all_at(&header, 0).map_err(|cause| file_error(format!("write {}", path.display()), cause))
    }

    fn drop_first(&mut self) {
        if let Some(part) = self.parts.pop_front() {
            part.remove();
        }
    }

    /// A file whose lines begin at `place` in the stream, behind a `note` on them.
    fn make(&self, place: u64, note: &[u8]) -> Result<Part> {
        let header = header(&self.sink, 0);
        let start = place.saturating_sub((header.len() + note.len()) as u64);
        let (path, file) = self.folder.create(&self.sink, start)?;
        let stream = self.folder.owner().into();
        let mut part = Part { path, stream, start, file: Some(file), done: 0, length: 0, told: 0, is_open: true };
        if let Err(error) = [&header, note].into_iter().try_for_each(|bytes| part.append(bytes)) {
            part.remove();
            return Err(error);
        }
        part.done = header.len() as u64;
        Ok(part)
    }
}

/// What a look into a file found.
struct Found {
    lines: Lines,
    /// Where each of them ends.
    ends: Vec<u64>,
    damaged: Vec<Range<u64>>,
    /// The end of what was looked at.
    end: u64,
}

impl Part {
    /// A file that another process has left; `None` when it is gone.
    fn left(LineFile { owner, start, path }: LineFile, sink: &str) -> Option<Self> {
        let length = fs::metadata(&path).ok()?.len();
        let stream = owner.into();
        let mut part = Self { path, stream, start, file: None, done: 0, length, told: 0, is_open: false };
        let size = header(sink, 0).len();
        let mut first = vec![0; size];
        let is_header = part.file().is_ok_and(|file| file.read_exact_at(&mut first, 0).is_ok());
        // a first line that is damaged is told like any other; better deliver twice than not at all
        if is_header && first.pop() == Some(b'\n') && is_whole(&first) {
            part.done = done(&first).unwrap_or_default().max(size as u64).min(length);
        }
        part.file = None;
        Some(part)
    }

    fn rest(&self) -> u64 {
        self.length - self.done
    }

    /// Where the next line would begin in the stream.
    fn end(&self) -> u64 {
        self.start + self.length
    }

    fn file(&mut self) -> Result<&File> {
        if self.file.is_none() {
            let file = OpenOptions::new().read(true).write(true).open(&self.path);
            self.file = Some(file.map_err(|cause| file_error(format!("open {}", self.path.display()), cause))?);
        }
        self.file.as_ref().ok_or_else(|| Error::failed(format!("open {}", self.path.display())))
    }

    /// Takes no more lines; with `release` its file is opened again when it is its turn.
    fn close(&mut self, release: bool) {
        self.is_open = false;
        if release {
            self.file = None;
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let length = self.length;
        let file = self.file()?;
        if let Err(cause) = file.write_all_at(bytes, length) {
            // half a line would be told as damage
            let _ = file.set_len(length);
            return Err(file_error(format!("write {}", self.path.display()), cause));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn read(&mut self, lines_max: usize, bytes_max: usize) -> Result<Found> {
        let mut wanted = WINDOW_BYTES.min(bytes_max.max(1));
        loop {
            let (start, size) = (self.done, usize::try_from(self.rest()).unwrap_or(usize::MAX).min(wanted));
            let mut window = vec![0; size];
            let path = self.path.clone();
            let read = self.file()?.read_exact_at(&mut window, start);
            read.map_err(|cause| file_error(format!("read {}", path.display()), cause))?;
            let is_last = start + size as u64 == self.length;
            match look(&window, start, is_last, lines_max) {
                Some(found) => return Ok(found),
                None => wanted = wanted.saturating_mul(2),
            }
        }
    }

    fn remove(self) {
        if let Err(cause) = fs::remove_file(&self.path) {
            log::warn!("{} was delivered and could not be deleted: {cause}", self.path.display());
        }
    }
}

/// The whole lines at the start of `window`; `None` when not even one ends in it.
fn look(window: &[u8], start: u64, is_last: bool, lines_max: usize) -> Option<Found> {
    let mut found = Found { lines: Lines::default(), ends: Vec::new(), damaged: Vec::new(), end: start };
    let mut at = 0;
    while at < window.len() && found.lines.len() < lines_max {
        let (line_end, next) = match memchr(b'\n', &window[at..]) {
            Some(length) => (at + length, at + length + 1),
            // a last line without its end was being written when the process died
            None if is_last => (window.len(), window.len()),
            None => break,
        };
        found.take(&window[at..line_end], start + at as u64, start + next as u64);
        at = next;
    }
    (at > 0).then_some(found)
}

impl Found {
    /// Takes a line that stands at `start`; the next one begins at `end`.
    fn take(&mut self, line: &[u8], start: u64, end: u64) {
        self.end = end;
        if is_whole(line) {
            return self.keep(line, end);
        }
        // where the damage is the line feed itself, two records stand in one line
        let starts: Vec<usize> = memmem::find_iter(line, RECORD).filter(|at| *at > 0).collect();
        let mut at = 0;
        for next in starts.into_iter().chain([line.len() + 1]) {
            let piece = &line[at..next - 1];
            let shorter = piece.split_last().map_or(piece, |(_, shorter)| shorter);
            if let Some(whole) = [piece, shorter].into_iter().find(|piece| is_whole(piece)) {
                // each has an end of its own: one may be delivered without the other
                self.keep(whole, if next > line.len() { end } else { start + next as u64 });
            } else {
                self.damaged.push(start + at as u64..start + (next - 1) as u64);
            }
            at = next;
        }
    }

    fn keep(&mut self, line: &[u8], end: u64) {
        if line.starts_with(NOTE) {
            return;
        }
        let mut whole = Vec::with_capacity(line.len() + 1);
        whole.extend_from_slice(line);
        whole.push(b'\n');
        self.lines.push(&whole);
        self.ends.push(end);
    }
}

/// A line about the lines behind it.
fn note(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut line = b"{\"dc\":\"backlog\"".to_vec();
    for (name, value) in fields {
        line.extend_from_slice(format!(",\"{name}\":{}", serde_json::Value::from(*value)).as_bytes());
    }
    seal(&mut line, 0);
    line
}

/// The first line of a file: of one length for a sink, so that it can be written over.
fn header(sink: &str, done: u64) -> Vec<u8> {
    note(&[("sink", sink), ("done", &format!("{done:0DONE_DIGITS$}"))])
}

fn done(header: &[u8]) -> Option<u64> {
    let start = memmem::find(header, DONE)? + DONE.len();
    std::str::from_utf8(header.get(start..start + DONE_DIGITS)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
