//! How much of a file of strangers is read before it is refused.

use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};

/// The bounds of what one document may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes_max: usize,
    /// Pages of the document.
    pub pages_max: usize,
    /// Drawing operations of a page, with those of the forms it uses.
    pub operations_max: u64,
    /// Letters of a page.
    pub letters_max: usize,
    /// Forms inside forms, and graphics states inside each other.
    pub depth_max: usize,
    /// Pixels of a page that is rendered.
    pub pixels_max: usize,
    /// How long reading a page may take.
    pub time_max: Duration,
    /// Whether large files are shared with the system instead of being read: for a process of its own, which dies where
    /// somebody cuts a file off meanwhile.
    pub shares_files: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: 2 << 30,
            pages_max: 100_000,
            operations_max: 20_000_000,
            letters_max: 2_000_000,
            depth_max: 28,
            pixels_max: 100_000_000,
            time_max: Duration::from_secs(60),
            shares_files: false,
        }
    }
}

/// What is left of a page's bounds while it is read.
pub(super) struct Budget {
    limits: Limits,
    operations: u64,
    started: Instant,
}

/// The clock is looked at once in so many operations.
const CLOCK_EVERY: u64 = 1024;

impl Budget {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, operations: 0, started: Instant::now() }
    }

    /// One more drawing operation.
    pub(super) fn operation(&mut self) -> Result<()> {
        self.operations += 1;
        if self.operations > self.limits.operations_max {
            return Err(refused(format!("read the page: it draws more than {} times", self.limits.operations_max)));
        }
        if self.operations.is_multiple_of(CLOCK_EVERY) {
            self.clock()?;
        }
        Ok(())
    }

    /// So many letters in all.
    pub(super) fn letters(&self, count: usize) -> Result<()> {
        if count > self.limits.letters_max {
            return Err(refused(format!("read the page: it has more than {} letters", self.limits.letters_max)));
        }
        Ok(())
    }

    pub(super) fn clock(&self) -> Result<()> {
        if self.started.elapsed() > self.limits.time_max {
            let message = format!("read the page within {} s", self.limits.time_max.as_secs());
            return Err(Error::new(ErrorKind::Timeout, message));
        }
        Ok(())
    }

    pub(super) fn depth_max(&self) -> usize {
        self.limits.depth_max
    }
}

pub(super) fn refused(message: String) -> Error {
    Error::new(ErrorKind::Refused, message)
}
