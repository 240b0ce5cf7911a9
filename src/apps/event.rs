//! What a run tells while it goes on, and how it came to its end.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use super::identity::ProcessIdentity;
use super::line::Piece;
use super::system_call::Usage;

/// The exit status of a run that took too long.
const STATUS_TIMEOUT: i32 = 124;
/// The exit status of a run that was asked to stop.
const STATUS_INTERRUPTED: i32 = 130;
/// What a shell adds to the number of the signal that ended a program.
const STATUS_SIGNAL: i32 = 128;

/// Where an app wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What a run tells while it goes on.
#[derive(Debug)]
pub enum Event {
    /// The main process has started; told first, from the thread that supervises.
    Started(ProcessIdentity),
    /// The app wrote a line, or a part of a long one; told in order, from a thread for each stream.
    Line {
        /// Where.
        stream: Stream,
        /// What.
        piece: Piece,
    },
    /// A stream broke; nothing more comes from it.
    Unreadable {
        /// Which.
        stream: Stream,
        /// Why.
        cause: io::Error,
    },
}

/// How a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The program ended by itself with this status.
    Exit(i32),
    /// This signal ended the program, and it was not passed on by us.
    Signal(i32),
    /// It took too long and was ended.
    Timeout,
    /// It was asked to stop by this signal, and ended or was ended.
    Stopped(i32),
}

impl Ended {
    /// The exit status to pass on: 124 for the time limit, else the program's own, and where a signal ended it 130 if it
    /// was asked to stop, 128 + n if not.
    pub fn exit_status(&self) -> i32 {
        match (self.how, self.own_status) {
            (How::Stopped(_), Some(status)) => status,
            (how, _) => how.exit_status(),
        }
    }
}

impl How {
    /// The exit status of a program of which nothing else is known.
    fn exit_status(self) -> i32 {
        match self {
            Self::Exit(status) => status,
            Self::Signal(signal) => STATUS_SIGNAL + signal,
            Self::Timeout => STATUS_TIMEOUT,
            Self::Stopped(_) => STATUS_INTERRUPTED,
        }
    }

    pub(super) fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exit(code),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

/// A run that is over: nothing of it runs any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How the main process ended.
    pub how: How,
    /// The status with which the program itself ended, whatever it was asked for; `None` where a signal ended it.
    pub own_status: Option<i32>,
    /// The processes that still ran when the main process had ended or was killed, and were ended.
    pub leftovers: usize,
    /// Those of them that could not be killed: of another user, or stuck in the system.
    pub survivors: usize,
    /// What all of its processes have used.
    pub usage: Usage,
    /// How long it took, to the end of the last process.
    pub elapsed: Duration,
}
