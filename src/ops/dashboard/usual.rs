//! What is usual for an app: how long it takes and how much it brings, by its last good runs.

use chrono::NaiveDateTime;

use crate::tables::{RunMark, RunOutcome};

/// With fewer good runs nothing is usual yet.
const RUNS_MIN: usize = 5;
/// A run is stuck when it takes so many times as long as usual,
const TIMES_LONGER: f64 = 3.0;
/// and so much longer, in seconds.
const SECONDS_LONGER: f64 = 300.0;
/// A volume is unusual below or above so many times the band of the others.
const BAND: f64 = 2.0;

/// The median length of the good runs, in seconds; `None` where there is none.
pub(super) fn seconds(runs: &[RunMark]) -> Option<f64> {
    let good = runs.iter().filter(|run| run.code == RunOutcome::Ok);
    let mut lengths: Vec<f64> = good.map(|run| run.seconds(run.started_at)).collect();
    lengths.sort_by(f64::total_cmp);
    (!lengths.is_empty()).then(|| lengths[lengths.len() / 2])
}

/// How long the open run has taken, and what is usual, where that is far too long.
pub(super) fn stuck(runs: &[RunMark], now: NaiveDateTime) -> Option<(f64, f64)> {
    let open = runs.first().filter(|run| run.is_open() && run.code == RunOutcome::Running)?;
    let good = runs.iter().filter(|run| run.code == RunOutcome::Ok).count();
    let usual = seconds(runs).filter(|_| good >= RUNS_MIN)?;
    let taken = open.seconds(now);
    (taken > usual * TIMES_LONGER && taken > usual + SECONDS_LONGER).then_some((taken, usual))
}

/// What the last good run solved, and the least and most of those before it, where it lies far outside of them.
pub(super) fn volume(runs: &[RunMark]) -> Option<(i64, i64, i64)> {
    let mut good = runs.iter().filter(|run| run.code == RunOutcome::Ok).map(|run| run.solved);
    let last = good.next()?;
    let earlier: Vec<i64> = good.collect();
    if earlier.len() < RUNS_MIN || runs.first()?.code != RunOutcome::Ok {
        return None;
    }
    let (least, most) = (*earlier.iter().min()?, *earlier.iter().max()?);
    let is_outside = (last as f64) < least as f64 / BAND || last as f64 > most as f64 * BAND;
    (most > 0 && is_outside).then_some((last, least, most))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::clock;

    fn run(code: RunOutcome, seconds: i64, solved: i64) -> RunMark {
        let started_at = clock::now() - TimeDelta::days(1);
        let ended_at = Some(started_at + TimeDelta::seconds(seconds)).filter(|_| code != RunOutcome::Running);
        let (runtime, host) = ("r".to_owned(), "h".to_owned());
        RunMark { runtime, app_id: 1, code, started_at, ended_at, exceptions: 0, solved, failed: 0, host }
    }

    #[test]
    fn a_run_is_stuck_far_beyond_what_is_usual() {
        let mut runs = vec![run(RunOutcome::Running, 0, 0)];
        runs.extend((0..5).map(|_| run(RunOutcome::Ok, 100, 0)));
        let now = |after: i64| runs[0].started_at + TimeDelta::seconds(after);
        assert_eq!(stuck(&runs, now(399)), None);
        assert_eq!(stuck(&runs, now(401)), Some((401.0, 100.0)));
        assert_eq!(stuck(&runs[..5], now(9_999)), None, "four good runs are too few");
    }

    #[test]
    fn a_volume_is_unusual_far_outside_of_its_band() {
        let with = |last: i64| {
            let mut runs = vec![run(RunOutcome::Ok, 1, last)];
            runs.extend([100, 110, 90, 100, 120].map(|solved| run(RunOutcome::Ok, 1, solved)));
            volume(&runs)
        };
        assert_eq!((with(45), with(240)), (None, None));
        assert_eq!((with(44), with(241)), (Some((44, 90, 120)), Some((241, 90, 120))));
    }
}
