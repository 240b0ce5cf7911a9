//! What drives a PostgreSQL connection: a small tokio runtime for each, on the thread that uses the connection. It waits
//! for an answer as long as it may, and then gives the connection up: a server that went silent must not hold us.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel_async::async_connection_wrapper::BlockOn;
use tokio::task::AbortHandle;

use crate::db::postgres::line::Line;

thread_local! {
    /// The driver that the wrapper built next on this thread shall get: diesel-async lets a wrapper ask for a
    /// runtime, but not be given the one on which its connection was made.
    static NEXT: RefCell<Option<Driver>> = const { RefCell::new(None) };
}

/// How long an answer may take, in milliseconds; shared with whoever changes it.
#[derive(Clone)]
pub(super) struct Patience(Arc<AtomicU64>);

impl Patience {
    fn of(patience: Duration) -> Self {
        let kept = Self(Arc::default());
        kept.set(patience);
        kept
    }

    /// Waits so long from now on.
    pub(super) fn set(&self, patience: Duration) {
        self.0.store(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// The line of a connection, shared between the connection and whoever made it.
#[derive(Clone)]
pub(crate) struct Driver(Option<Driven>);

#[derive(Clone)]
struct Driven {
    line: Arc<Line>,
    /// The task that carries the messages; without it, whoever waits for an answer is told that the connection is closed.
    task: AbortHandle,
    patience: Patience,
}

impl Driver {
    /// Drives the connection that a task on `line` carries; also gives what says how long it waits.
    pub(super) fn of(line: Line, task: AbortHandle, patience: Duration) -> (Self, Patience) {
        let patience = Patience::of(patience);
        (Self(Some(Driven { line: Arc::new(line), task, patience: patience.clone() })), patience)
    }

    /// Builds a wrapper that is driven by this runtime.
    pub(super) fn hold<T>(&self, build: impl FnOnce() -> T) -> T {
        NEXT.with(|next| next.replace(Some(self.clone())));
        let built = build();
        NEXT.with(RefCell::take);
        built
    }
}

impl BlockOn for Driver {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let Some(Driven { line, task, patience }) = &self.0 else {
            unreachable!("a wrapper is only built inside Driver::hold")
        };
        line.block_on(async {
            let mut answer = pin!(future);
            let patience = patience.get();
            if let Ok(answer) = tokio::time::timeout(patience, &mut answer).await {
                return answer;
            }
            ::log::warn!("the database said nothing for {} s; the connection is given up", patience.as_secs_f64());
            task.abort();
            answer.await
        })
    }

    fn get_runtime() -> Self {
        NEXT.with(|next| next.borrow().clone()).unwrap_or(Self(None))
    }
}
