//! The clocks of this machine.

use std::time::{Duration, Instant};

use chrono::NaiveDateTime;

use super::desk::Clock;
use crate::clock;

/// The system's own.
pub(super) struct SystemClock(Instant);

impl SystemClock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> NaiveDateTime {
        clock::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
