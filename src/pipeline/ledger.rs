//! What becomes of a document after a stage has worked on it.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};

use super::plan::Plan;
use super::stage::{Failure, FailureKind};
use crate::tables::{DEATHS_MAX, Fate, TaskState};

/// The longest pause before another attempt.
const RETRY_MAX: Duration = Duration::from_secs(3_600);

/// How an attempt of a stage came to its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome<'a> {
    pub(super) task_id: i64,
    /// The place of the stage.
    pub(super) stage: usize,
    /// The number of the attempt.
    pub(super) attempt: i64,
    /// Why the stage did not do its part.
    pub(super) failure: Option<&'a Failure>,
    pub(super) is_cancelled: bool,
}

/// What becomes of a document, of which something died so often before. `now` is the database's time, `share` spreads what
/// failed together (0 to 1).
pub(super) fn fate(plan: &Plan, outcome: &Outcome<'_>, deaths: i64, now: NaiveDateTime, share: f64) -> Fate {
    let Some(Failure { kind, .. }) = outcome.failure else {
        return match plan.order.get(outcome.stage + 1) {
            Some(next) => Fate::Next(next.clone()),
            None => Fate::Done,
        };
    };
    if outcome.is_cancelled {
        return Fate::Again { not_before: None, counts: false };
    }
    let stage = &plan.stages[outcome.stage].definition;
    match kind {
        FailureKind::Permanent => Fate::Ended(TaskState::Rejected),
        FailureKind::Blocked => Fate::Again { not_before: None, counts: false },
        FailureKind::Died if deaths + 1 >= DEATHS_MAX => Fate::Ended(TaskState::Quarantined),
        FailureKind::Died => Fate::Suspect,
        FailureKind::Passing if outcome.attempt >= i64::from(stage.attempts) => Fate::Ended(TaskState::Failed),
        FailureKind::Passing => {
            let doublings = u32::try_from(outcome.attempt - 1).unwrap_or_default().min(20);
            let pause = stage.retry_after.saturating_mul(1 << doublings).min(RETRY_MAX).mul_f64(0.75 + share / 2.0);
            let not_before = now.checked_add_signed(TimeDelta::from_std(pause).unwrap_or_default());
            Fate::Again { not_before, counts: true }
        }
    }
}
