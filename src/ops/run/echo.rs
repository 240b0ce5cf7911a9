//! What becomes of an app's output besides the log: passed through, or its last lines kept for a failure.

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use crate::apps::{Piece, Stream};
use crate::shell::VisibleWriter;

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

impl Running {
    pub(super) fn line(&self, stream: Stream, piece: &Piece) {
        if self.echo == Echo::Silent {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.len() == LINES_KEPT_MAX {
                last.pop_front();
            }
            last.push_back(piece.text.clone());
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
