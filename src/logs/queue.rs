//! The queue between those who write records and the one thread that hands them to the sinks. A writer copies its line
//! and goes on.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::lines::Lines;
use crate::settings::WhenFull;

/// The most records that wait here.
pub(super) const QUEUE_MAX: usize = 10_000;
/// The most bytes that wait here; a single longer record goes alone.
const QUEUE_BYTES_MAX: usize = 8 << 20;
/// How long the router naps when there is nothing to do, and how often before it sleeps. A nap ends by itself, so whoever
/// writes in these moments need not wake it.
const NAP: Duration = Duration::from_millis(1);
const NAPS_MAX: u32 = 20;
/// So many records at a time are a stream that will go on. Where fewer come a nap costs more than it saves: it is a
/// switch of threads, and a short run would be made of them.
const STREAM: usize = 8;

/// Lines in the order in which they were written.
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    emptied: Condvar,
    full: WhenFull,
}

#[derive(Default)]
struct State {
    lines: Lines,
    /// The router sleeps until it is woken.
    is_asleep: bool,
    /// The router is handing on what it took last.
    is_busy: bool,
    is_closed: bool,
    /// What the router took last was part of a stream.
    is_stream: bool,
    /// How many threads wait for room.
    waiting: usize,
    dropped: u64,
}

/// What the router took.
pub(super) struct Taken {
    pub(super) lines: Lines,
    /// How many records found no room since the last time.
    pub(super) dropped: u64,
}

impl Queue {
    pub(super) fn new(full: WhenFull) -> Self {
        Self { state: Mutex::default(), filled: Condvar::new(), emptied: Condvar::new(), full }
    }

    /// Adds a line with its line feed. A full queue drops it, or has the caller wait for the router, which itself waits
    /// for no sink unless it was told to ([`WhenFull::Block`]). False when the queue is closed.
    pub(super) fn push(&self, line: &[u8]) -> bool {
        let mut state = self.lock();
        while is_full(&state, line) && !state.is_closed {
            if self.full == WhenFull::DropNewest {
                state.dropped += 1;
                return true;
            }
            state.waiting += 1;
            state = self.emptied.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        if state.is_closed {
            return false;
        }
        self.add(state, line);
        true
    }

    /// As [`Queue::push`], for what the pipeline has to say itself: it never waits, and may be dropped.
    pub(super) fn push_or_drop(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.is_closed || is_full(&state, line) {
            state.dropped += 1;
            return;
        }
        self.add(state, line);
    }

    /// Takes what waits; waits itself where nothing does. `None` when the queue is closed and empty.
    pub(super) fn take(&self) -> Option<Taken> {
        let mut state = self.lock();
        self.end_work(&mut state);
        let mut naps = if state.is_stream { 0 } else { NAPS_MAX };
        while state.lines.is_empty() && state.dropped == 0 {
            if state.is_closed {
                return None;
            }
            state = if naps < NAPS_MAX {
                naps += 1;
                self.filled.wait_timeout(state, NAP).unwrap_or_else(PoisonError::into_inner).0
            } else {
                state.is_asleep = true;
                self.filled.wait(state).unwrap_or_else(PoisonError::into_inner)
            };
            state.is_asleep = false;
        }
        // the next ones are likely to be as many
        let room = Lines::with_capacity(state.lines.size().min(QUEUE_BYTES_MAX), state.lines.len());
        let lines = std::mem::replace(&mut state.lines, room);
        state.is_busy = true;
        state.is_stream = lines.len() >= STREAM;
        if state.waiting > 0 {
            self.emptied.notify_all();
        }
        Some(Taken { lines, dropped: std::mem::take(&mut state.dropped) })
    }

    /// Waits until all that was pushed before is handed on; false when that takes longer.
    pub(super) fn wait_until_empty(&self, until: Instant) -> bool {
        let mut state = self.lock();
        state.waiting += 1;
        while !state.lines.is_empty() || state.is_busy {
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                break;
            }
            state = self.emptied.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting -= 1;
        state.lines.is_empty() && !state.is_busy
    }

    /// Takes no more lines; the router ends when it has handed on the rest.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    fn add(&self, mut state: MutexGuard<'_, State>, line: &[u8]) {
        state.lines.push(line);
        let is_asleep = std::mem::take(&mut state.is_asleep);
        drop(state);
        if is_asleep {
            self.filled.notify_one();
        }
    }

    fn end_work(&self, state: &mut State) {
        state.is_busy = false;
        if state.waiting > 0 {
            self.emptied.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_full(state: &State, line: &[u8]) -> bool {
    let has_room = state.lines.is_empty() || state.lines.size() + line.len() <= QUEUE_BYTES_MAX;
    state.lines.len() >= QUEUE_MAX || !has_room
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_full_queue_drops_and_counts_or_makes_wait() {
        let queue = Queue::new(WhenFull::DropNewest);
        (0..QUEUE_MAX + 3).for_each(|_| assert!(queue.push(b"x\n")));
        let taken = queue.take().expect("lines");
        assert_eq!((taken.lines.len(), taken.dropped), (QUEUE_MAX, 3));
        queue.close();
        assert!(!queue.push(b"x\n") && queue.take().is_none());

        let queue = Arc::new(Queue::new(WhenFull::Spill));
        let writer = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || (0..3 * QUEUE_MAX).for_each(|_| assert!(queue.push(b"x\n")))
        });
        let mut count = 0;
        while count < 3 * QUEUE_MAX {
            count += queue.take().expect("lines").lines.len();
        }
        writer.join().expect("an end");
        assert!(!queue.wait_until_empty(Instant::now()), "what was taken is still being handed on");
    }
}
