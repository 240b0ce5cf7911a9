//! What apps write and what defines them.

use std::io::{self, Read};

use chrono::{DateTime, TimeDelta};

use super::definition::AppDefinition;
use super::definition::fields::Fields;
use super::line::{LineReader, Piece};
use super::protocol::Message;
use super::record::{CRITICAL, DEBUG};
use super::schedule::{CronPattern, Schedule};
use crate::fuzzing::halves;
use crate::zone::Zone;

/// The most bytes of a piece here.
const PIECE_BYTES_MAX: usize = 64 * 1024;
/// How many bytes a long line is made of.
const LONG_BYTES: usize = 3 * PIECE_BYTES_MAX;

/// Hands out so many bytes at a time.
struct Drops<'a>(&'a [u8], usize);

impl Read for Drops<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(self.0.len()).min(buffer.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

/// Any output: the same pieces however it arrives, no byte lost, no piece too long, no NUL in a text. The first byte says
/// how it arrives, and whether the rest is repeated until it makes lines longer than a piece.
pub fn line(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let is_long = *first >= 0x80 && !rest.is_empty();
    let bytes = if is_long { rest.repeat(LONG_BYTES / rest.len() + 1) } else { rest.to_vec() };
    let pieces: Vec<Piece> =
        LineReader::with_limit(&*bytes, PIECE_BYTES_MAX).map(|piece| piece.expect("no error")).collect();
    let step = if is_long { 1_000 + usize::from(*first) } else { 1 + usize::from(*first & 0x0f) };
    let again: Vec<Piece> =
        LineReader::with_limit(Drops(&bytes, step), PIECE_BYTES_MAX).map(|piece| piece.expect("no error")).collect();
    assert!(again == pieces, "in steps of {step}");
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut is_inside = false;
    for piece in &pieces {
        assert!(!piece.text.contains('\0'));
        let content = piece.raw.as_deref().unwrap_or(piece.text.as_bytes());
        assert!(content.len() <= PIECE_BYTES_MAX);
        assert_eq!(piece.part.is_some_and(|part| part > 0), is_inside);
        match is_inside {
            true => lines.last_mut().expect("a line").extend_from_slice(content),
            false => lines.push(content.to_vec()),
        }
        is_inside = !piece.last;
    }
    assert!(!is_inside, "the last line has an end");
    let mut expected: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let tail = expected.pop().unwrap_or_default();
    let mut expected: Vec<&[u8]> = expected.iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    expected.extend((!tail.is_empty()).then_some(tail));
    assert!(lines == expected, "the lines are those of the output");
}

/// Any line: a record has a level and no NUL, counts are not negative, blanks around it mean nothing.
pub fn message(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let message = Message::of(text);
    assert_eq!(Message::of(&format!(" {text}\t")), message);
    match &message {
        Message::Record { level, message, .. } => {
            assert!((DEBUG..=CRITICAL).contains(level) && level % 10 == 0);
            assert!(!message.contains('\0'));
        }
        Message::Progress { task_size, solved, failed } => {
            assert!([task_size, solved, failed].into_iter().flatten().all(|count| *count >= 0));
        }
        Message::Captcha { solved, cost, total_ms } => assert!(*solved >= 0 && *cost >= 0.0 && *total_ms >= 0),
        Message::Replayed { answered, missing } => assert!(*answered >= 0 && *missing >= 0),
        Message::NextRun { .. } | Message::Functions { .. } | Message::Requests { .. } | Message::Text { .. } => {}
    }
}

/// A pattern, and behind the mark a zone: each moment at which it is due lies behind the one before, and is the first.
pub fn cron(data: &[u8]) {
    let Some((text, zone)) = halves(data) else { return };
    let Ok(pattern) = CronPattern::read(text) else { return };
    assert_eq!(CronPattern::read(pattern.as_str()).expect("a pattern"), pattern);
    let zone = Zone::named(zone.trim()).unwrap_or(Zone::UTC);
    let schedule = Schedule::Cron(pattern);
    // the night of a change of the clock in Europe, and a leap day
    for start in [1_774_656_000, 1_835_222_400] {
        let mut at = DateTime::from_timestamp(start, 0).expect("a moment").naive_utc();
        for _ in 0..3 {
            let Some(due) = schedule.next(at, &zone) else { break };
            assert!(due > at);
            let just_before = due - TimeDelta::microseconds(1);
            assert_eq!(schedule.next(just_before, &zone), Some(due));
            at = due;
        }
    }
}

/// Any text as an app.toml: what is read is stored and read again as it is.
pub fn app_toml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = Fields::from_toml("app.toml", text).and_then(|fields| fields.definition());
    match read {
        Ok(definition) => {
            let stored = definition.to_json();
            assert!(!definition.command.is_empty());
            assert_eq!(AppDefinition::from_json(&stored).expect("a definition"), definition, "{stored}");
        }
        Err(error) => assert!(error.to_string().contains("app.toml")),
    }
    let _ = AppDefinition::from_json(text);
}
