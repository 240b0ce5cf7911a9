//! What time it is: by the database's clock, which all managers share, and by the one of this machine that only goes on.

use std::time::{Duration, Instant};

use chrono::{NaiveDateTime, TimeDelta};

use super::desk::Clock;
use crate::clock;
use crate::error::Result;
use crate::tables::Store;

/// A clock that differs by so much from the database's is told.
const DIFFERS: TimeDelta = TimeDelta::seconds(2);
/// One that differs by so much decides nothing.
const WRONG: TimeDelta = TimeDelta::seconds(30);

/// The clocks of a manager.
pub(super) struct SystemClock {
    began: Instant,
    /// What the database's clock showed, and when it was asked; `None` for a file, which has none of its own.
    database: Option<(NaiveDateTime, Instant)>,
}

/// How the clock of this machine stands to the database's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// They agree.
    Right,
    /// It is ahead by so much, or behind where that is negative. What is due goes by the database's.
    Differs(TimeDelta),
    /// So much that one of them must be wrong.
    Wrong(TimeDelta),
}

impl SystemClock {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), database: None }
    }

    /// Asks the database what time it is, and goes by that from now on.
    pub(super) fn follow(&mut self, store: &mut Store) -> Result<Trust> {
        let asked = Instant::now();
        let there = store.now()?;
        let answered = Instant::now();
        // the answer was true about halfway
        let half = (answered - asked) / 2;
        let here = clock::now() - TimeDelta::from_std(half).unwrap_or_default();
        self.database = store.has_clock().then_some((there, answered - half));
        Ok(Trust::of(here - there))
    }
}

impl Trust {
    fn of(ahead: TimeDelta) -> Self {
        match ahead.abs() {
            difference if difference > WRONG => Self::Wrong(ahead),
            difference if difference > DIFFERS => Self::Differs(ahead),
            _ => Self::Right,
        }
    }

    /// What is said of it; nothing, where all is well.
    pub(super) fn words(self) -> Option<String> {
        let (Self::Differs(ahead) | Self::Wrong(ahead)) = self else { return None };
        let seconds = ahead.abs().num_milliseconds() as f64 / 1_000.0;
        let where_to = if ahead > TimeDelta::zero() { "ahead of" } else { "behind" };
        Some(format!("the clock of this machine is {seconds:.1} s {where_to} the database's"))
    }

    /// Whether both say the same of it.
    pub(super) fn is_as(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> NaiveDateTime {
        match self.database {
            Some((there, asked)) => clock::after(there, asked.elapsed()),
            None => clock::now(),
        }
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_told_that_differs_and_not_believed_that_is_wrong() {
        let of = |ms| Trust::of(TimeDelta::milliseconds(ms));
        assert!(of(2_000).is_as(Trust::Right) && of(-2_000).words().is_none());
        assert!(of(-2_500).words().is_some_and(|words| words.contains("2.5 s behind")));
        assert!(matches!(of(30_000), Trust::Differs(_)) && matches!(of(-30_001), Trust::Wrong(_)));
        assert!(of(3_600_000).words().is_some_and(|words| words.contains("3600.0 s ahead of")));
    }
}
