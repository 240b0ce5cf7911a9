//! What drives a PostgreSQL connection: a small tokio runtime for each, on the thread that uses the connection.

use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;

use diesel_async::async_connection_wrapper::BlockOn;
use tokio::runtime::Runtime;

thread_local! {
    /// The runtime that the wrapper built next on this thread shall get: diesel-async lets a wrapper ask for a
    /// runtime, but not be given the one on which its connection was made.
    static NEXT: RefCell<Option<Driver>> = const { RefCell::new(None) };
}

/// A runtime, shared between the connection and whoever made it.
#[derive(Clone)]
pub(crate) struct Driver(Option<Arc<Runtime>>);

impl From<Runtime> for Driver {
    fn from(runtime: Runtime) -> Self {
        Self(Some(Arc::new(runtime)))
    }
}

impl Driver {
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
        match &self.0 {
            Some(runtime) => runtime.block_on(future),
            None => unreachable!("a wrapper is only built inside Driver::hold"),
        }
    }

    fn get_runtime() -> Self {
        NEXT.with(|next| next.borrow().clone()).unwrap_or(Self(None))
    }
}
