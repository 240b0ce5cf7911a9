//! What drives a PostgreSQL connection: a small tokio runtime for each, on the thread that uses the connection.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;

use diesel_async::async_connection_wrapper::BlockOn;
use tokio::runtime::{Builder, Runtime};

use crate::error::{OrFail, Result};

thread_local! {
    /// The runtime that the wrapper built next on this thread shall get: diesel-async lets a wrapper ask for a
    /// runtime, but not be given the one on which its connection was made.
    static NEXT: RefCell<Option<Driver>> = const { RefCell::new(None) };
}

/// A runtime, shared between the connection and whoever made it.
#[derive(Clone)]
pub(crate) struct Driver(Option<Arc<Runtime>>);

impl Driver {
    /// A new runtime with time, which diesel-async's own has not and a connection time-out needs.
    pub(super) fn new() -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .or_fail(|| "start what drives a PostgreSQL connection".to_owned())?;
        Ok(Self(Some(Arc::new(runtime))))
    }

    /// Runs `future` here and waits for it.
    pub(super) fn run<F: Future>(&self, future: F) -> F::Output {
        match &self.0 {
            Some(runtime) => runtime.block_on(future),
            None => unreachable!("a wrapper is only built inside Driver::hold"),
        }
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
        self.run(future)
    }

    fn get_runtime() -> Self {
        NEXT.with(|next| next.borrow().clone()).unwrap_or(Self(None))
    }
}
