//! Runs of paper and ink, and what they say.

/// What runs say, from the first one on, and of how many runs that is; the first run is ink.
pub(super) struct Said {
    pub(super) kind: &'static str,
    pub(super) text: String,
    pub(super) runs: usize,
}

/// How many modules each of some runs has, where all are so many together.
pub(super) fn modules<const N: usize>(runs: &[usize], all: usize) -> Option<[usize; N]> {
    let runs: &[usize; N] = runs.get(..N)?.try_into().ok()?;
    let unit = runs.iter().sum::<usize>() as f64 / all as f64;
    if unit < 1.0 {
        return None;
    }
    let counts = runs.map(|run| (run as f64 / unit).round().max(1.0) as usize);
    (counts.iter().sum::<usize>() == all).then_some(counts)
}
