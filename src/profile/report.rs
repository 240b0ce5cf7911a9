//! What was counted, as it is handed in at the end of a run.

use super::tally::{Counts, Tally};
use super::watched::called;
use crate::tables::FunctionTimes;

/// All functions that were called so far.
pub fn report() -> Vec<FunctionTimes> {
    called().into_iter().filter_map(|tally| Some(times(tally, &tally.counts()?))).collect()
}

fn times(tally: &Tally, counts: &Counts) -> FunctionTimes {
    let ms = |ns: u64| ns as f64 / 1e6;
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let (solved, failed) = match counts.solved + counts.failed {
        0 => (counts.calls.saturating_sub(counts.failures), counts.failures),
        _ => (counts.solved, counts.failed),
    };
    FunctionTimes {
        module: tally.module.to_owned(),
        name: tally.name.to_owned(),
        calls: number(counts.calls),
        solved: number(solved),
        failed: number(failed),
        success: counts.failures == 0,
        total_ms: ms(counts.total_ns),
        mean_ms: ms(counts.total_ns) / counts.calls as f64,
        median_ms: ms(counts.median_ns),
        min_ms: ms(counts.min_ns),
        max_ms: ms(counts.max_ns),
    }
}
