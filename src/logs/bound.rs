//! What stands on every record without being said each time: app, run, function and thread.
//!
//! A binding holds on the thread that made it until its guard goes, and on the threads that are started with
//! [`spawn`] or with a closure from [`carry`] while it holds. What [`bind_process`] binds holds everywhere.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::thread::JoinHandle;

use crate::error::{OrFail, Result};
use crate::hash::write_text;

/// Names that stand on records.
#[derive(Debug, Clone, Default)]
pub struct Bound {
    app_id: Option<i64>,
    app: Option<Arc<str>>,
    runtime: Option<Arc<str>>,
    function: Option<Arc<str>>,
    /// As it stands in a line: `,"app_id":7,"app":"a/b/c"`.
    written: Vec<u8>,
}

impl Bound {
    /// The app's row in `apps`.
    #[must_use]
    pub fn app_id(mut self, id: i64) -> Self {
        self.app_id = Some(id);
        self.write()
    }

    /// The app's full name.
    #[must_use]
    pub fn app(mut self, name: &str) -> Self {
        self.app = Some(name.into());
        self.write()
    }

    /// The run.
    #[must_use]
    pub fn runtime(mut self, id: &str) -> Self {
        self.runtime = Some(id.into());
        self.write()
    }

    /// The function that is at work.
    #[must_use]
    pub fn function(mut self, name: &str) -> Self {
        self.function = Some(name.into());
        self.write()
    }

    pub(super) fn written(&self) -> &[u8] {
        &self.written
    }

    /// What is said here wins, the rest comes from around it.
    fn within(mut self, outer: &Self) -> Self {
        self.app_id = self.app_id.or(outer.app_id);
        self.app = self.app.or_else(|| outer.app.clone());
        self.runtime = self.runtime.or_else(|| outer.runtime.clone());
        self.function = self.function.or_else(|| outer.function.clone());
        self.write()
    }

    fn write(mut self) -> Self {
        self.written.clear();
        if let Some(id) = self.app_id {
            self.written.extend_from_slice(format!(",\"app_id\":{id}").as_bytes());
        }
        for (name, value) in [("app", &self.app), ("runtime", &self.runtime), ("function", &self.function)] {
            if let Some(value) = value {
                self.written.extend_from_slice(format!(",\"{name}\":").as_bytes());
                write_text(value, true, &mut self.written);
            }
        }
        self
    }
}

static PROCESS: LazyLock<RwLock<Arc<Bound>>> = LazyLock::new(RwLock::default);

thread_local! {
    static HERE: RefCell<Option<Arc<Bound>>> = const { RefCell::new(None) };
    /// `,"thread":"name"` of this thread.
    static THREAD: Vec<u8> = thread_name();
}

fn thread_name() -> Vec<u8> {
    let mut written = Vec::new();
    if let Some(name) = std::thread::current().name() {
        written.extend_from_slice(b",\"thread\":");
        write_text(name, true, &mut written);
    }
    written
}

/// Binds for the whole process, besides what single threads bind.
pub fn bind_process(bound: Bound) {
    *PROCESS.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(bound);
}

/// Binds on this thread until the guard goes; what is bound already holds where `bound` says nothing.
pub fn bind(bound: Bound) -> Binding {
    let bound = Arc::new(bound.within(&current()));
    Binding { before: HERE.replace(Some(bound)), not_send: std::marker::PhantomData }
}

/// Ends a binding when it goes.
#[must_use = "the binding ends when this goes"]
#[derive(Debug)]
pub struct Binding {
    before: Option<Arc<Bound>>,
    not_send: std::marker::PhantomData<*const ()>,
}

impl Drop for Binding {
    fn drop(&mut self) {
        HERE.set(self.before.take());
    }
}

/// What is bound on this thread now.
pub(super) fn current() -> Arc<Bound> {
    HERE.with_borrow(Clone::clone).unwrap_or_else(|| PROCESS.read().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Appends what stands on a record of this thread.
pub(super) fn with_thread<T>(each: impl FnOnce(&[u8]) -> T) -> T {
    THREAD.with(|written| each(written))
}

/// Takes the bindings of this thread along: the closure has them wherever it runs.
pub fn carry<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let bound = current();
    move || {
        let _binding = Binding { before: HERE.replace(Some(bound)), not_send: std::marker::PhantomData };
        work()
    }
}

/// Starts a thread whose records have the bindings of this one.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(carry(work)).or_fail(|| format!("start the thread `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> String {
        String::from_utf8(current().written().to_vec()).expect("text")
    }

    #[test]
    fn a_binding_nests_and_reaches_threads_that_are_started_inside() {
        let _outer = bind(Bound::default().app("a/b/c").app_id(7));
        {
            let _inner = bind(Bound::default().function("fetch"));
            assert_eq!(here(), r#","app_id":7,"app":"a/b/c","function":"fetch""#);
            let there = spawn("worker", || (here(), with_thread(<[u8]>::to_vec))).expect("a thread");
            let (bound, thread) = there.join().expect("an end");
            assert_eq!(bound, here());
            assert_eq!(thread, br#","thread":"worker""#);
        }
        assert_eq!(here(), r#","app_id":7,"app":"a/b/c""#);
        assert_eq!(std::thread::spawn(here).join().expect("an end"), "");
    }
}
