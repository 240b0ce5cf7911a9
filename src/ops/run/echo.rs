//! What becomes of an app's output besides the log: passed through, or its last lines kept for a failure.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use crate::apps::{Piece, Stream};

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
            (Echo::Through, Stream::Stdout) => write_line(&mut std::io::stdout().lock(), bytes, end),
            _ => write_line(&mut std::io::stderr().lock(), bytes, end),
        };
    }

    pub(super) fn last_lines(&self) -> Vec<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}

fn write_line(out: &mut impl Write, bytes: &[u8], end: &[u8]) -> std::io::Result<()> {
    out.write_all(bytes)?;
    out.write_all(end)?;
    out.flush()
}
