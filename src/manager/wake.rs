//! What wakes a manager before its time: a command that has come, or the wish to stop.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::context::Cancellation;

/// How often a sleeping manager looks whether it is to stop: a signal can do no more than set a flag.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Wakes a manager; cheap to share.
#[derive(Clone, Default)]
pub struct Waker(Arc<(Mutex<bool>, Condvar)>);

impl Waker {
    /// Has the manager look again now.
    pub fn wake(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Sleeps until woken, cancelled, or for `pause`.
    pub(super) fn sleep(&self, pause: Duration, cancellation: &Cancellation) {
        let until = Instant::now() + pause;
        let mut is_woken = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_woken && !cancellation.is_cancelled() {
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                break;
            }
            let step = rest.min(LOOK_EVERY);
            is_woken = self.0.1.wait_timeout(is_woken, step).unwrap_or_else(PoisonError::into_inner).0;
        }
        *is_woken = false;
    }
}
