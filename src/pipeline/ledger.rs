//! What becomes of a document after a stage has worked on it.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};

use super::hand::Report;
use super::plan::Plan;
use super::stage::{Failure, FailureKind};
use crate::tables::{DEATHS_MAX, Fate, TaskState};

/// The longest pause before another attempt.
const RETRY_MAX: Duration = Duration::from_secs(3_600);

/// What becomes of a document, of which something died so often before. `now` is the database's time, `share` spreads what
/// failed together (0 to 1).
pub(super) fn fate(plan: &Plan, report: &Report, deaths: i64, now: NaiveDateTime, share: f64) -> Fate {
    let Some(Failure { kind, .. }) = &report.failure else {
        return match plan.order.get(report.order.stage + 1) {
            Some(next) => Fate::Next(next.clone()),
            None => Fate::Done,
        };
    };
    if report.is_cancelled {
        return Fate::Again { not_before: None, counts: false };
    }
    let stage = &plan.stages[report.order.stage].definition;
    match kind {
        FailureKind::Permanent => Fate::Ended(TaskState::Rejected),
        FailureKind::Blocked => Fate::Again { not_before: None, counts: false },
        FailureKind::Died if deaths + 1 >= DEATHS_MAX => Fate::Ended(TaskState::Quarantined),
        FailureKind::Died => Fate::Suspect,
        FailureKind::Passing if report.attempt.attempt >= i64::from(stage.attempts) => Fate::Ended(TaskState::Failed),
        FailureKind::Passing => {
            let doublings = u32::try_from(report.attempt.attempt - 1).unwrap_or_default().min(20);
            let pause = stage.retry_after.saturating_mul(1 << doublings).min(RETRY_MAX).mul_f64(0.75 + share / 2.0);
            let not_before = now.checked_add_signed(TimeDelta::from_std(pause).unwrap_or_default());
            Fate::Again { not_before, counts: true }
        }
    }
}
