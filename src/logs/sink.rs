//! What a sink is.

use std::time::Duration;

use super::line::Line;
use crate::context::Context;
use crate::error::Result;
use crate::settings::Section;

/// Where log records go. A sink is used by one thread, and may take its time: nobody waits for it.
pub trait Sink: Send {
    /// Delivers the lines, oldest first. All are of one stream ([`Line::place`]).
    ///
    /// # Errors
    /// How many were taken, and whether the next one is refused for good or the sink itself is away.
    fn write(&mut self, lines: &[Line<'_>]) -> Result<(), Undelivered>;

    /// How many lines it gets at once, and how long a line waits for company.
    fn limits(&self) -> Limits {
        Limits::default()
    }
}

/// How a sink is given its lines.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most lines at once.
    pub lines_max: usize,
    /// The most bytes at once; a single longer line comes alone.
    pub bytes_max: usize,
    /// How long a line waits for others.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { lines_max: 5_000, bytes_max: 1 << 20, linger: Duration::ZERO }
    }
}

/// Lines that were not delivered.
#[derive(Debug)]
pub struct Undelivered {
    /// How many of the lines were.
    pub taken: usize,
    /// Why not the next one.
    pub why: Why,
}

/// Why a line was not delivered.
#[derive(Debug)]
pub enum Why {
    /// The sink will never take this line: it is set aside, and the next one follows.
    Refused(String),
    /// The sink cannot take any line now: they wait on disk, and it is tried again.
    Away {
        /// What is wrong.
        reason: String,
        /// When the sink said to come back.
        after: Option<Duration>,
    },
}

impl Undelivered {
    /// The sink is away; it took `taken` lines before.
    pub fn away(taken: usize, reason: impl ToString) -> Self {
        Self { taken, why: Why::Away { reason: reason.to_string(), after: None } }
    }

    /// The line behind the first `taken` is refused for good.
    pub fn refused(taken: usize, reason: impl ToString) -> Self {
        Self { taken, why: Why::Refused(reason.to_string()) }
    }
}

/// One line of the table of sinks.
pub struct Entry {
    /// What a person writes into `[log] sinks`.
    pub name: &'static str,
    /// Opens the sink with its section of the settings. It reaches for nothing yet: a server that is away is the
    /// business of [`Sink::write`].
    pub open: fn(&Context, Section<'_>) -> Result<Box<dyn Sink>>,
}
