//! What is counted of one function, without a lock: many threads may call it at once.

use std::sync::atomic::{AtomicU64, Ordering};

/// Parts of each power of two: a time is known to a thirty-second of it.
const PART_BITS: u32 = 5;
const PARTS: usize = 1 << PART_BITS;
/// Buckets for every number of nanoseconds.
const BUCKETS: usize = (64 - PART_BITS as usize) * PARTS + PARTS;

/// The counts of one function.
pub(super) struct Tally {
    pub(super) module: &'static str,
    pub(super) name: &'static str,
    failures: AtomicU64,
    solved: AtomicU64,
    failed: AtomicU64,
    total_ns: AtomicU64,
    min_ns: AtomicU64,
    max_ns: AtomicU64,
    buckets: Box<[AtomicU64]>,
}

/// The counts at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) calls: u64,
    pub(super) failures: u64,
    pub(super) solved: u64,
    pub(super) failed: u64,
    pub(super) total_ns: u64,
    pub(super) median_ns: u64,
    pub(super) min_ns: u64,
    pub(super) max_ns: u64,
}

impl Tally {
    pub(super) fn new(module: &'static str, name: &'static str) -> Self {
        Self {
            module,
            name,
            failures: AtomicU64::new(0),
            solved: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            total_ns: AtomicU64::new(0),
            min_ns: AtomicU64::new(u64::MAX),
            max_ns: AtomicU64::new(0),
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Counts a call that has ended.
    pub(super) fn count(&self, elapsed_ns: u64, is_failure: bool) {
        self.buckets[bucket(elapsed_ns)].fetch_add(1, Ordering::Relaxed);
        self.total_ns.fetch_add(elapsed_ns, Ordering::Relaxed);
        // read first: the extremes seldom move, and a write would take the line from the other threads
        if elapsed_ns < self.min_ns.load(Ordering::Relaxed) {
            self.min_ns.fetch_min(elapsed_ns, Ordering::Relaxed);
        }
        if elapsed_ns > self.max_ns.load(Ordering::Relaxed) {
            self.max_ns.fetch_max(elapsed_ns, Ordering::Relaxed);
        }
        if is_failure {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn add_items(&self, solved: u64, failed: u64) {
        self.solved.fetch_add(solved, Ordering::Relaxed);
        self.failed.fetch_add(failed, Ordering::Relaxed);
    }

    /// The counts of now; `None` when the function was not called.
    pub(super) fn counts(&self) -> Option<Counts> {
        let buckets: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let calls: u64 = buckets.iter().sum();
        if calls == 0 {
            return None;
        }
        let (min_ns, max_ns) = (self.min_ns.load(Ordering::Relaxed), self.max_ns.load(Ordering::Relaxed));
        let mut before = 0;
        let half = buckets.iter().position(|count| {
            before += count;
            before * 2 >= calls
        });
        let median_ns = middle(half.unwrap_or_default()).clamp(min_ns.min(max_ns), max_ns);
        Some(Counts {
            calls,
            failures: self.failures.load(Ordering::Relaxed),
            solved: self.solved.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            total_ns: self.total_ns.load(Ordering::Relaxed),
            median_ns,
            min_ns,
            max_ns,
        })
    }
}

/// Small numbers have a bucket each, larger ones share the parts of their power of two.
fn bucket(number: u64) -> usize {
    let power = 63 - (number | 1).leading_zeros();
    if power < PART_BITS {
        return number as usize;
    }
    let shift = power - PART_BITS;
    let part = (number >> shift) as usize & (PARTS - 1);
    (shift as usize + 1) * PARTS + part
}

/// The number in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    if bucket < PARTS {
        return bucket as u64;
    }
    let (shift, part) = (bucket / PARTS - 1, bucket % PARTS);
    let start = ((PARTS + part) as u64) << shift;
    start + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_near_its_numbers() {
        for number in (0..63).flat_map(|power| [1_u64 << power, (1 << power) + 7, (3 << power) / 2]) {
            let near = middle(bucket(number));
            assert!(near.abs_diff(number) <= number / PARTS as u64, "{number}: {near}");
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }

    #[test]
    fn many_threads_count_every_call() {
        let tally = Tally::new("m", "f");
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let tally = &tally;
                scope.spawn(move || (0..1_000).for_each(|call| tally.count(1_000 * (thread + 1), call % 10 == 0)));
            }
        });
        let counts = tally.counts().expect("calls");
        assert_eq!((counts.calls, counts.failures, counts.total_ns), (4_000, 400, 10_000_000));
        assert_eq!((counts.min_ns, counts.max_ns), (1_000, 4_000));
        assert!(counts.median_ns.abs_diff(2_000) < 70, "{counts:?}");
    }
}
