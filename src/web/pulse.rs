//! How a manager is, as it says itself after each pass.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::manager::ManagerState;

/// A manager whose last pass is longer ago is not well.
const WELL: Duration = Duration::from_secs(30);

/// How a manager is: written by its loop, read by whoever asks.
#[derive(Clone)]
pub struct Pulse(Arc<Mutex<Beat>>);

/// The last sign of life.
#[derive(Clone)]
pub(super) struct Beat {
    pub(super) state: ManagerState,
    at: Instant,
}

impl Beat {
    /// How long it is ago.
    pub(super) fn age(&self) -> Duration {
        self.at.elapsed()
    }

    /// Whether the loop turns, with or without a database.
    pub(super) fn is_alive(&self) -> bool {
        self.age() < WELL
    }
}

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Beat { state: ManagerState::default(), at: Instant::now() })))
    }
}

impl Pulse {
    /// Notes how the manager is.
    pub fn note(&self, state: &ManagerState) {
        let state = ManagerState { events: Vec::new(), ..state.clone() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Beat { state, at: Instant::now() };
    }

    pub(super) fn last(&self) -> Beat {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
