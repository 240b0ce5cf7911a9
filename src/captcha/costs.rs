//! What captchas have cost a process: handed in when it ends, and written to the row of its run.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

/// What captchas have cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Costs {
    /// How many were solved.
    pub solved: u64,
    /// What they cost, in the currency of the account.
    pub cost: f64,
    /// How long they took together, in milliseconds.
    pub total_ms: u64,
}

static COSTS: LazyLock<Mutex<Costs>> = LazyLock::new(Mutex::default);

/// What captchas have cost this process so far.
pub fn report() -> Costs {
    *COSTS.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn count(cost: f64, took: Duration) {
    let mut costs = COSTS.lock().unwrap_or_else(PoisonError::into_inner);
    costs.solved += 1;
    costs.cost += cost;
    costs.total_ms += u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
}
