//! How many requests a process has made, how many failed and how long they took: handed in when it ends, and written to
//! the row of its run.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A step of the scale is an eighth of a doubling: the times that are told are at most 9 % too long.
const STEPS: f64 = 8.0;

/// The requests of a process, or of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestTimes {
    /// Requests that were sent, repetitions too.
    pub count: u64,
    /// Those that failed, or were answered with 400 and above.
    #[serde(default)]
    pub errors: u64,
    /// How long all of them took, in milliseconds.
    #[serde(default)]
    pub total_ms: f64,
    /// How many took up to so many milliseconds: pairs, in order. Of it the p95 is made, also over several processes.
    #[serde(default)]
    pub times: Vec<(f64, u64)>,
}

static SEEN: LazyLock<Mutex<RequestTimes>> = LazyLock::new(Mutex::default);

/// The requests of this process so far.
pub fn report() -> RequestTimes {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Counts a request.
pub(super) fn count(took: Duration, is_error: bool) {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).note(took, is_error);
}

impl RequestTimes {
    fn note(&mut self, took: Duration, is_error: bool) {
        let ms = took.as_secs_f64() * 1_000.0;
        self.count += 1;
        self.errors += u64::from(is_error);
        self.total_ms += ms;
        let upper = 2_f64.powf((ms.max(0.01).log2() * STEPS).ceil() / STEPS);
        self.put(upper, 1);
    }

    fn put(&mut self, upper: f64, count: u64) {
        match self.times.binary_search_by(|(known, _)| known.total_cmp(&upper)) {
            Ok(place) => self.times[place].1 += count,
            Err(place) => self.times.insert(place, (upper, count)),
        }
    }

    /// Adds those of another process.
    pub fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.errors = self.errors.saturating_add(other.errors);
        self.total_ms += other.total_ms;
        let mut times: BTreeMap<u64, (f64, u64)> = BTreeMap::new();
        for (upper, count) in self.times.iter().chain(&other.times).filter(|(upper, _)| *upper >= 0.0) {
            let known = &mut times.entry(upper.to_bits()).or_insert((*upper, 0)).1;
            *known = known.saturating_add(*count);
        }
        self.times = times.into_values().collect();
    }

    /// How long one took on average, in milliseconds.
    pub fn mean_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total_ms / self.count as f64)
    }

    /// How long all but the slowest twentieth took, in milliseconds.
    pub fn p95_ms(&self) -> Option<f64> {
        let counted: u64 = self.times.iter().map(|(_, count)| count).sum();
        let wanted = (counted as f64 * 0.95).ceil() as u64;
        let mut seen = 0;
        self.times
            .iter()
            .find(|(_, count)| {
                seen += count;
                seen >= wanted.max(1)
            })
            .map(|(upper, _)| *upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p95_survives_the_sum_of_processes() {
        let mut all = RequestTimes::default();
        for _ in 0..2 {
            let mut one = RequestTimes::default();
            (1..=100).for_each(|ms| one.note(Duration::from_millis(ms), ms % 10 == 0));
            all.add(&one);
        }
        assert_eq!((all.count, all.errors), (200, 20));
        assert_eq!(all.mean_ms(), Some(50.5));
        let p95 = all.p95_ms().expect("some");
        assert!((95.0..104.0).contains(&p95), "{p95}");
        assert_eq!(RequestTimes::default().p95_ms(), None);
    }
}
