//! The threads on which calls are made for tokio programs and for [`super::Fetches`]. A stack is reserved and not used:
//! of 512 KiB a call touches some tens, so that 500 calls in flight cost little more than their connections; benches/http
//! measures it.

use std::collections::VecDeque;
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::bound::carry;
use crate::error::{Error, Result};

/// Calls at once in a process, unless `[http] in_flight_max` says otherwise.
pub(super) const LANES_MAX: usize = 512;
/// What a thread reserves.
const STACK_BYTES: usize = 512 << 10;
/// How long a thread waits for more to do.
const IDLE: Duration = Duration::from_secs(5);

type Work = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Pool {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Work>,
    threads: usize,
    idle: usize,
}

static POOL: LazyLock<Pool> = LazyLock::new(Pool::default);

/// Runs `work` on a lane. When the future is dropped, work that has not begun is not done.
pub(super) async fn run<T: Send + 'static>(max: usize, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (answer, waits) = oneshot::channel();
    start(max, move || {
        if !answer.is_closed() {
            // whoever asked may have gone meanwhile
            let _ = answer.send(work());
        }
    })?;
    waits.await.unwrap_or_else(|_| Err(Error::failed("finish a request: its thread has ended")))
}

/// Has `work` done on a lane, when one is free.
///
/// # Errors
/// When the system gives no thread at all.
pub(super) fn start(max: usize, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let mut state = POOL.lock();
    state.waiting.push_back(Box::new(carry(work)));
    if state.idle >= state.waiting.len() || state.threads >= max {
        drop(state);
        POOL.arrived.notify_one();
        return Ok(());
    }
    let thread = std::thread::Builder::new().name("request".to_owned()).stack_size(STACK_BYTES);
    match thread.spawn(|| POOL.serve()) {
        Ok(_) => state.threads += 1,
        Err(cause) if state.threads == 0 => {
            state.waiting.clear();
            return Err(Error::failed("start a thread for a request").because(cause));
        }
        // those that are there do it
        Err(cause) => log::debug!("no more threads for requests: {cause}"),
    }
    Ok(())
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        let mut state = self.lock();
        loop {
            if let Some(work) = state.waiting.pop_front() {
                drop(state);
                // what one call does must not take the lane away from the others
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
                state = self.lock();
                continue;
            }
            state.idle += 1;
            let (back, waited) = self.arrived.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = back;
            state.idle -= 1;
            if waited.timed_out() && state.waiting.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}
