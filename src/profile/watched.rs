//! A watched function: what the attribute puts around its body.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use super::tally::Tally;
use crate::bound::{Function, enter_function};

/// All functions that were called, in the order of their first calls.
static CALLED: Mutex<Vec<&'static Tally>> = Mutex::new(Vec::new());

thread_local! {
    /// The innermost watched function of this thread.
    static INNERMOST: Cell<Option<&'static Tally>> = const { Cell::new(None) };
}

/// A function that is watched: one static for each.
pub struct Watched {
    module: &'static str,
    name: &'static str,
    tally: OnceLock<&'static Tally>,
}

impl Watched {
    /// The function `name` of a module.
    pub const fn new(module: &'static str, name: &'static str) -> Self {
        Self { module, name, tally: OnceLock::new() }
    }

    /// Begins a call, which ends when the value goes.
    pub fn call(&'static self) -> Call {
        let tally = self.tally();
        Call { tally, started: Instant::now(), inside: Inside::enter(tally), has_ended: false }
    }

    fn tally(&'static self) -> &'static Tally {
        self.tally.get_or_init(|| {
            // as long as the process: functions do not go away
            let tally: &'static Tally = Box::leak(Box::new(Tally::new(self.module, self.name)));
            CALLED.lock().unwrap_or_else(PoisonError::into_inner).push(tally);
            tally
        })
    }
}

/// All functions that were called.
pub(super) fn called() -> Vec<&'static Tally> {
    CALLED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// One call of a watched function. Going away in a panic it counts as failed.
#[must_use = "the call ends when this goes"]
pub struct Call {
    tally: &'static Tally,
    started: Instant,
    #[expect(dead_code, reason = "held for its end")]
    inside: Inside,
    has_ended: bool,
}

impl Call {
    /// Ends the call.
    pub fn end(mut self, is_failure: bool) {
        self.count(is_failure);
    }

    fn count(&mut self, is_failure: bool) {
        self.has_ended = true;
        let elapsed = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.tally.count(elapsed, is_failure);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.has_ended {
            self.count(std::thread::panicking());
        }
    }
}

/// As long as it lives, the function is the innermost one of this thread.
struct Inside {
    before: Option<&'static Tally>,
    #[expect(dead_code, reason = "held for its end")]
    function: Function,
}

impl Inside {
    fn enter(tally: &'static Tally) -> Self {
        Self { before: INNERMOST.replace(Some(tally)), function: enter_function(tally.name) }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INNERMOST.set(self.before);
    }
}

/// Counts items that the innermost watched function of this thread has solved.
pub fn solved(count: u64) {
    if let Some(tally) = INNERMOST.get() {
        tally.add_items(count, 0);
    }
}

/// Counts items that the innermost watched function of this thread could not solve.
pub fn failed(count: u64) {
    if let Some(tally) = INNERMOST.get() {
        tally.add_items(0, count);
    }
}

/// Watches a future from its first poll to its end; one that is dropped before counts as failed.
pub fn watch<F: Future>(
    watched: &'static Watched,
    future: F,
    is_failure: impl FnOnce(&F::Output) -> bool,
) -> impl Future<Output = F::Output> {
    Watching { tally: watched.tally(), started: None, future: Box::pin(future), is_failure: Some(is_failure) }
}

struct Watching<F, J> {
    tally: &'static Tally,
    started: Option<Instant>,
    future: Pin<Box<F>>,
    /// Taken at the end.
    is_failure: Option<J>,
}

// the future is pinned by its box
impl<F, J> Unpin for Watching<F, J> {}

impl<F: Future, J: FnOnce(&F::Output) -> bool> Future for Watching<F, J> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.started.get_or_insert_with(Instant::now);
        let outcome = {
            let _inside = Inside::enter(self.tally);
            self.future.as_mut().poll(context)
        };
        if let Poll::Ready(outcome) = &outcome {
            let is_failure = self.is_failure.take().is_some_and(|is_failure| is_failure(outcome));
            self.count(is_failure);
        }
        outcome
    }
}

impl<F, J> Watching<F, J> {
    fn count(&self, is_failure: bool) {
        let elapsed = self.started.map_or(0, |started| u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX));
        self.tally.count(elapsed, is_failure);
    }
}

impl<F, J> Drop for Watching<F, J> {
    fn drop(&mut self) {
        if self.started.is_some() && self.is_failure.is_some() {
            self.count(true);
        }
    }
}
