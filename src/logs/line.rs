//! A log record as one line of JSON: the form in which it waits in memory and on disk, from the moment it is written.
//!
//! `{"time":..,"level":"INFO","source":..,"message":..,"app_id":..,"runtime":..,"context":{..},"crc":"1a2b3c4d"}`
//! The last key is the CRC-32 of all bytes before its comma, so a line that was damaged on disk is noticed.

use std::borrow::Cow;
use std::cell::RefCell;

use chrono::{DateTime, NaiveDateTime};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::bound::{Bound, write_here};
use crate::hash::write_text;
use crate::tables::LogLevel;

/// What stands before the checksum, and how long the checksum with everything after it is.
const SEAL: &[u8] = b",\"crc\":\"";
const SEAL_BYTES: usize = SEAL.len() + 8 + 2;
/// How the time is written: always the same length, so that it sorts as it reads.
const SECOND_FORMAT: &str = "%Y-%m-%dT%H:%M:%S";
const TIME_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.fZ";

/// Writes one record; [`Draft::finish`] seals it.
pub(super) struct Draft<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    has_context: bool,
}

/// A record's own fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) time: NaiveDateTime,
    pub(super) level: LogLevel,
    pub(super) source: &'a str,
    pub(super) message: &'a str,
}

impl<'a> Draft<'a> {
    /// Begins a record at the end of `out`.
    pub(super) fn begin(out: &'a mut Vec<u8>, head: Head<'_>, bound: &Bound) -> Self {
        let start = out.len();
        out.extend_from_slice(b"{\"time\":\"");
        write_time(head.time, out);
        out.extend_from_slice(b"\",\"level\":\"");
        out.extend_from_slice(head.level.name().as_bytes());
        out.extend_from_slice(b"\",\"source\":");
        write_text(head.source, true, out);
        out.extend_from_slice(b",\"message\":");
        write_text(head.message, true, out);
        out.extend_from_slice(bound.written());
        Self { out, start, has_context: false }
    }

    /// Notes the function and the thread that are at work.
    pub(super) fn here(self, bound: &Bound) -> Self {
        write_here(bound, self.out);
        self
    }

    /// Where the value of a key of the context is to be written, as JSON.
    pub(super) fn key(&mut self, name: &str) -> &mut Vec<u8> {
        self.out.extend_from_slice(if self.has_context { b"," } else { b",\"context\":{" });
        self.has_context = true;
        write_text(name, true, self.out);
        self.out.push(b':');
        self.out
    }

    /// Seals the record; the line ends with a line feed.
    pub(super) fn finish(self) {
        if self.has_context {
            self.out.push(b'}');
        }
        seal(self.out, self.start);
    }
}

/// The line of a record that was kept in another form; `None` where it has no time.
pub(super) fn of_record(record: &LogRecord<'_>) -> Option<Vec<u8>> {
    let mut bound = Bound::default();
    if let Some(id) = record.app_id {
        bound = bound.app_id(id);
    }
    if let Some(app) = &record.app {
        bound = bound.app(app);
    }
    if let Some(run) = &record.runtime {
        bound = bound.runtime(run);
    }
    let head = Head { time: record.moment()?, level: record.level(), source: &record.source, message: &record.message };
    let mut line = Vec::new();
    let draft = Draft::begin(&mut line, head, &bound);
    for (name, value) in [("function", &record.function), ("thread", &record.thread)] {
        if let Some(value) = value {
            draft.out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            write_text(value, true, draft.out);
        }
    }
    if let Some(context) = record.context {
        draft.out.extend_from_slice(b",\"context\":");
        draft.out.extend_from_slice(context.get().as_bytes());
    }
    draft.finish();
    Some(line)
}

/// Closes the object that begins at `start` with its checksum.
pub(super) fn seal(out: &mut Vec<u8>, start: usize) {
    let checksum = crc32fast::hash(&out[start..]);
    out.extend_from_slice(SEAL);
    out.extend_from_slice(&hex(checksum));
    out.extend_from_slice(b"\"}\n");
}

/// Whether the line, without its line feed, is as it was written.
pub(super) fn is_whole(line: &[u8]) -> bool {
    let Some(sealed) = line.len().checked_sub(SEAL_BYTES) else { return false };
    let (content, end) = line.split_at(sealed);
    end.starts_with(SEAL) && end.ends_with(b"\"}") && end[SEAL.len()..SEAL.len() + 8] == hex(crc32fast::hash(content))
}

fn hex(number: u32) -> [u8; 8] {
    std::array::from_fn(|place| b"0123456789abcdef"[(number >> (28 - 4 * place)) as usize & 15])
}

thread_local! {
    /// The second that was written last: records come many to a second.
    static SECOND: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) };
}

fn write_time(time: NaiveDateTime, out: &mut Vec<u8>) {
    let micros = time.and_utc().timestamp_micros();
    let (second, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    SECOND.with_borrow_mut(|(known, text)| {
        if *known != second {
            *text = DateTime::from_timestamp(second, 0).unwrap_or_default().format(SECOND_FORMAT).to_string();
            *known = second;
        }
        out.extend_from_slice(text.as_bytes());
    });
    let digits: [u8; 6] = std::array::from_fn(|place| b'0' + (rest / 10_i64.pow(5 - place as u32) % 10) as u8);
    out.push(b'.');
    out.extend_from_slice(&digits);
    out.push(b'Z');
}

/// A whole line, as a sink gets it.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    bytes: &'a [u8],
    place: LinePlace<'a>,
}

/// Where a line stands among those that its process has for a sink. It is the same when the line is delivered again, by
/// whatever process and in whatever batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinePlace<'a> {
    /// The identity of the process's lines.
    pub stream: &'a str,
    /// Where the line ends in them: it grows from line to line.
    pub end: u64,
}

impl<'a> Line<'a> {
    /// A line without its line feed.
    pub(super) fn new(bytes: &'a [u8], place: LinePlace<'a>) -> Self {
        Self { bytes, place }
    }

    /// The line as it stands: one JSON object.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Where it stands among the lines of its process.
    pub fn place(self) -> LinePlace<'a> {
        self.place
    }

    /// The record that the line holds; `None` for a line that is none, which the pipeline never hands on.
    pub fn record(self) -> Option<LogRecord<'a>> {
        serde_json::from_slice(self.bytes).ok()
    }
}

/// A log record, read from its line.
#[derive(Debug, Clone, Deserialize)]
pub struct LogRecord<'a> {
    /// When it was written: UTC with microseconds, RFC 3339.
    #[serde(borrow)]
    pub time: Cow<'a, str>,
    /// How grave it is: DEBUG, INFO, WARNING, ERROR or CRITICAL.
    #[serde(borrow)]
    pub level: Cow<'a, str>,
    /// What wrote it: `stdout`, `stderr`, a module.
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    /// The message.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
    /// The app's row in `apps`.
    pub app_id: Option<i64>,
    /// The app's full name.
    #[serde(borrow)]
    pub app: Option<Cow<'a, str>>,
    /// The run.
    #[serde(borrow)]
    pub runtime: Option<Cow<'a, str>>,
    /// The function around it.
    #[serde(borrow)]
    pub function: Option<Cow<'a, str>>,
    /// The thread that wrote it.
    #[serde(borrow)]
    pub thread: Option<Cow<'a, str>>,
    /// Its key-values, as a JSON object.
    #[serde(borrow)]
    pub context: Option<&'a RawValue>,
}

impl LogRecord<'_> {
    /// The moment as the database stores it.
    pub fn moment(&self) -> Option<NaiveDateTime> {
        NaiveDateTime::parse_from_str(&self.time, TIME_FORMAT).ok()
    }

    /// The level as the database stores it.
    pub fn level(&self) -> LogLevel {
        let known = LogLevel::ALL.iter().find(|level| level.name() == self.level);
        known.copied().unwrap_or(LogLevel::Info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn line(message: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let bound = Bound::default().app("a/b/c").app_id(7);
        let head = Head { time: clock::now(), level: LogLevel::Warning, source: "here", message };
        let mut draft = Draft::begin(&mut out, head, &bound);
        draft.key("page").extend_from_slice(b"7");
        draft.key("a \"b\"").extend_from_slice(b"null");
        draft.finish();
        out
    }

    #[test]
    fn what_is_written_is_read() {
        let message = "č \"quoted\" \\ \n \u{1} 😀";
        let line = line(message);
        let bytes = line.strip_suffix(b"\n").expect("an end");
        assert!(is_whole(bytes));
        let record = Line::new(bytes, LinePlace::default()).record().expect("a record");
        assert_eq!((record.message.as_ref(), record.level(), record.app_id), (message, LogLevel::Warning, Some(7)));
        assert_eq!(record.app.as_deref(), Some("a/b/c"));
        assert_eq!(record.context.map(RawValue::get), Some(r#"{"page":7,"a \"b\"":null}"#));
        let age = clock::now() - record.moment().expect("a time");
        assert!(age.num_seconds() < 60 && age.num_microseconds().is_some_and(|age| age >= 0));
    }

    #[test]
    fn a_flipped_bit_and_a_missing_end_are_noticed() {
        let mut line = line("hello");
        line.pop();
        for bit in 0..line.len() * 8 {
            let mut damaged = line.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_whole(&damaged), "bit {bit}");
        }
        (0..line.len()).for_each(|end| assert!(!is_whole(&line[..end]), "{end} bytes"));
    }
}
