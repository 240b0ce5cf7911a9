//! What becomes of an app's output besides the log: passed through, or its last lines kept for a failure.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use crate::apps::{Piece, Stream};
use crate::shell::VisibleWriter;
use crate::tables::LogLevel;

/// How many lines are kept for a failure.
const LINES_KEPT_MAX: usize = 20;

/// What becomes of an app's output besides the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Echo {
    /// Nothing is shown; the last lines are kept for a failure.
    #[default]
    Silent,
    /// Each stream goes to its own.
    Through,
    /// Both go to standard error: standard output is for the report.
    ToStderr,
}

impl Echo {
    pub(super) fn start(self) -> Running {
        Running { echo: self, last: Mutex::new(VecDeque::new()) }
    }
}

/// The output of one run.
pub(super) struct Running {
    echo: Echo,
    last: Mutex<VecDeque<String>>,
}

/// A log record that an app has printed.
pub(super) struct Said<'a> {
    pub(super) level: LogLevel,
    pub(super) message: &'a str,
    /// Each with its value as JSON.
    pub(super) fields: &'a [(String, String)],
}

impl Said<'_> {
    /// As people read it: level, message, fields; what has several lines stands below.
    fn words(&self) -> String {
        let mut words = format!("{:<8} {}", self.level.name(), self.message);
        let mut below = String::new();
        for (name, value) in self.fields {
            let text = serde_json::from_str::<String>(value).ok();
            match text.as_deref() {
                Some(text) if text.contains('\n') => {
                    text.lines().for_each(|line| below.extend(["\n    ", line]));
                }
                Some(text) if !text.is_empty() && !text.contains([' ', '"', '=']) => {
                    let _ = write!(words, "  {name}={text}");
                }
                _ => {
                    let _ = write!(words, "  {name}={value}");
                }
            }
        }
        words + &below
    }
}

impl Running {
    /// A line that is a record: on a terminal as people read it, elsewhere as it came.
    pub(super) fn record(&self, stream: Stream, piece: &Piece, said: &Said<'_>) {
        let is_for_people = match (self.echo, stream) {
            // what is kept for a failure is for people
            (Echo::Silent, _) => true,
            (Echo::Through, Stream::Stdout) => std::io::stdout().is_terminal(),
            _ => std::io::stderr().is_terminal(),
        };
        match is_for_people {
            true => self.line(stream, &Piece { text: said.words(), raw: None, part: piece.part, last: piece.last }),
            false => self.line(stream, piece),
        }
    }

    pub(super) fn line(&self, stream: Stream, piece: &Piece) {
        if self.echo == Echo::Silent {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            for line in piece.text.lines() {
                if last.len() == LINES_KEPT_MAX {
                    last.pop_front();
                }
                last.push_back(line.to_owned());
            }
            return;
        }
        let bytes = piece.raw.as_deref().unwrap_or(piece.text.as_bytes());
        let end: &[u8] = if piece.last { b"\n" } else { b"" };
        // a reader that has gone is no reason to stop the app: its output is in the log
        let _ = match (self.echo, stream) {
            (Echo::Through, Stream::Stdout) => {
                let out = std::io::stdout().lock();
                let is_terminal = out.is_terminal();
                write_line(out, is_terminal, bytes, end)
            }
            _ => {
                let err = std::io::stderr().lock();
                let is_terminal = err.is_terminal();
                write_line(err, is_terminal, bytes, end)
            }
        };
    }

    pub(super) fn last_lines(&self) -> Vec<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}

/// Byte for byte, but to a terminal: what an app prints of the data that it collects is not the terminal's to act on.
fn write_line(mut out: impl Write, is_terminal: bool, bytes: &[u8], end: &[u8]) -> std::io::Result<()> {
    if is_terminal {
        let mut shown = VisibleWriter::new(&mut out, false);
        shown.write_all(bytes)?;
        shown.write_all(end)?;
        return shown.flush();
    }
    out.write_all(bytes)?;
    out.write_all(end)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_as_words_with_its_fields_and_a_traceback_below() {
        let fields = [("page", "7"), ("who", "\"a b\""), ("tag", "\"x\""), ("exception", "\"Traceback:\\n  f()\"")];
        let fields: Vec<(String, String)> = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let said = Said { level: LogLevel::Error, message: "no answer", fields: &fields };
        assert_eq!(said.words(), "ERROR    no answer  page=7  who=\"a b\"  tag=x\n    Traceback:\n      f()");
    }
}
