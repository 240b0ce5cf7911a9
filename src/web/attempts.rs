//! How often tokens are tried: a few times a minute from one address, and not often from all of them together.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So long a failure counts.
const WINDOW: Duration = Duration::from_secs(60);
/// So many failures of one address.
const ONE_MAX: usize = 5;
/// So many of all.
const ALL_MAX: usize = 60;

/// The failures of the last minute.
#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<IpAddr, Vec<Instant>>>);

impl Attempts {
    /// How long somebody has to wait before the next try; `None` where they may try.
    pub(super) fn wait(&self, from: IpAddr) -> Option<Duration> {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for moments in failures.values_mut() {
            moments.retain(|moment| moment.elapsed() < WINDOW);
        }
        failures.retain(|_, moments| !moments.is_empty());
        let all = failures.values().map(Vec::len).sum::<usize>();
        let own = failures.get(&from);
        let is_full = own.is_some_and(|moments| moments.len() >= ONE_MAX) || all >= ALL_MAX;
        let oldest = own.and_then(|moments| moments.first()).or_else(|| failures.values().flatten().min());
        is_full.then(|| oldest.map_or(WINDOW, |oldest| WINDOW.saturating_sub(oldest.elapsed())))
    }

    /// Notes a failure.
    pub(super) fn note(&self, from: IpAddr) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.entry(from).or_default().push(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_often_waits_and_others_do_not() {
        let attempts = Attempts::default();
        let address = |last: u8| IpAddr::from([10, 0, 0, last]);
        (0..ONE_MAX).for_each(|_| {
            assert_eq!(attempts.wait(address(1)), None);
            attempts.note(address(1));
        });
        assert!(attempts.wait(address(1)).is_some_and(|wait| wait > Duration::from_secs(50)));
        assert_eq!(attempts.wait(address(2)), None);
        (0..ALL_MAX as u8).for_each(|last| attempts.note(address(last + 10)));
        assert!(attempts.wait(address(2)).is_some(), "many addresses are one attacker");
    }
}
