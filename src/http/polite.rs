//! How gently a host is treated: so many requests a second, so many at once, and none while it asks to be left alone.
//! What is known of a host is shared by all threads and sessions of the process.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Hosts that are remembered; beyond that those that nobody uses are forgotten.
const HOSTS_MAX: usize = 10_000;
/// How long a host is left alone that answers 429 and does not say how long; it doubles with each time in a row.
const ALONE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How gently a host is treated.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Politeness {
    /// Requests a second; `None` for as many as come.
    pub rate: Option<f64>,
    /// Requests at once; `None` for as many as come.
    pub concurrency: Option<usize>,
}

static HOSTS: LazyLock<Mutex<HashMap<String, Arc<Host>>>> = LazyLock::new(Mutex::default);

/// What is known of a host.
#[derive(Default)]
pub(super) struct Host {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    /// When the next request may go.
    next: Option<Instant>,
    /// Until then the host asks to be left alone.
    alone_until: Option<Instant>,
    /// How often in a row it has asked without saying for how long.
    strikes: u32,
    /// Requests under way.
    active: usize,
}

/// The host asks to be left alone for longer than anybody waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong(pub(super) Duration);

/// Leave for one request; it ends when this goes.
pub(super) struct Leave(Arc<Host>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.lock().active -= 1;
        self.0.freed.notify_one();
    }
}

/// The host of this name, with its port.
pub(super) fn host(name: &str) -> Arc<Host> {
    let mut hosts = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(host) = hosts.get(name) {
        return Arc::clone(host);
    }
    if hosts.len() >= HOSTS_MAX {
        hosts.retain(|_, host| Arc::strong_count(host) > 1);
    }
    Arc::clone(hosts.entry(name.to_owned()).or_default())
}

impl Host {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for leave to send a request, until `deadline` at the most.
    pub(super) fn wait(self: &Arc<Self>, limits: Politeness, deadline: Option<Instant>) -> Result<Leave, TooLong> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let is_full = limits.concurrency.is_some_and(|max| state.active >= max.max(1));
            let from = [state.alone_until, state.next.filter(|_| limits.rate.is_some())];
            let from = from.into_iter().flatten().max().filter(|from| *from > now);
            if let Some(from) = from.filter(|from| deadline.is_some_and(|deadline| *from > deadline)) {
                return Err(TooLong(from - now));
            }
            // a host that is free is not what a call waited for whose time is over: the exchange says that
            if !is_full && from.is_none() {
                if let Some(rate) = limits.rate {
                    // a moment that was missed is not made up for
                    state.next = Some(now + Duration::from_secs_f64(1.0 / rate));
                }
                state.active += 1;
                return Ok(Leave(Arc::clone(self)));
            }
            if deadline.is_some_and(|deadline| now >= deadline) {
                return Err(TooLong(Duration::ZERO));
            }
            let until = if is_full { deadline } else { from };
            let pause = until.map_or(Duration::from_secs(1), |until| until - now).min(Duration::from_secs(1));
            state = self.freed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Remembers that the host asks to be left alone, for all who ask it.
    pub(super) fn leave_alone(&self, how_long: Option<Duration>) {
        let mut state = self.lock();
        let pause = how_long.unwrap_or_else(|| {
            let doublings = state.strikes.min(10);
            state.strikes += 1;
            ALONE.0.saturating_mul(1 << doublings).min(ALONE.1)
        });
        let until = Instant::now() + pause;
        state.alone_until = Some(state.alone_until.map_or(until, |known| known.max(until)));
    }

    /// Remembers that it answers as it should.
    pub(super) fn answers(&self) {
        self.lock().strikes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_keep_their_distance_and_their_number() {
        let host = host("polite.test:1");
        let limits = Politeness { rate: Some(50.0), concurrency: Some(2) };
        let began = Instant::now();
        let leaves: Vec<Leave> = (0..2).map(|_| host.wait(limits, None).expect("leave")).collect();
        assert!(began.elapsed() >= Duration::from_millis(20), "{:?}", began.elapsed());
        let soon = Instant::now() + Duration::from_millis(50);
        assert!(host.wait(limits, Some(soon)).is_err(), "a third at once");
        drop(leaves);
        assert!(host.wait(limits, Some(soon + Duration::from_secs(5))).is_ok());
    }

    #[test]
    fn a_free_host_is_not_blamed_for_time_that_is_over() {
        let host = host("free.test:1");
        let over = Instant::now();
        assert!(host.wait(Politeness::default(), Some(over)).is_ok());
        host.leave_alone(Some(Duration::from_secs(60)));
        assert!(host.wait(Politeness::default(), Some(over)).is_err());
    }

    #[test]
    fn a_host_that_asks_for_it_is_left_alone_by_everybody() {
        let host = host("alone.test:1");
        host.leave_alone(Some(Duration::from_millis(100)));
        let began = Instant::now();
        let other = super::host("alone.test:1");
        let threads = (0..4).map(|_| {
            let other = Arc::clone(&other);
            std::thread::spawn(move || drop(other.wait(Politeness::default(), None)))
        });
        threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().expect("an end"));
        assert!(began.elapsed() >= Duration::from_millis(100));
        host.leave_alone(Some(Duration::from_secs(3_600)));
        let soon = Instant::now() + Duration::from_secs(1);
        let refused = host.wait(Politeness::default(), Some(soon)).err().expect("too long");
        assert!(refused.0 > Duration::from_secs(3_000));
    }
}
