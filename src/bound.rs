//! What stands on every record without being said each time: app, run, function and thread.
//!
//! A binding holds on the thread that made it until its guard goes, and on the threads that are started with
//! [`spawn`] or with a closure from [`carry`] while it holds. What [`bind_process`] binds holds everywhere.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
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
    /// All but the function, as it stands in a line: `,"app_id":7,"app":"a/b/c"`.
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
        self
    }

    /// App and run as they stand in a line of JSON, with a comma before each.
    pub(crate) fn written(&self) -> &[u8] {
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
        for (name, value) in [("app", &self.app), ("runtime", &self.runtime)] {
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
    /// The innermost watched function: set and reset with every call, so it has to be cheap.
    static FUNCTION: Cell<Option<&'static str>> = const { Cell::new(None) };
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
    let function = if bound.function.is_some() { None } else { FUNCTION.get() };
    Binding::enter(Arc::new(bound.within(&current())), function)
}

/// Ends a binding when it goes.
#[must_use = "the binding ends when this goes"]
#[derive(Debug)]
pub struct Binding {
    before: Option<Arc<Bound>>,
    #[expect(dead_code, reason = "held for its end")]
    function: Function,
}

impl Binding {
    fn enter(bound: Arc<Bound>, function: Option<&'static str>) -> Self {
        Self { before: HERE.replace(Some(bound)), function: Function::enter(function) }
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        HERE.set(self.before.take());
    }
}

/// Binds the name of a function on this thread until the guard goes.
pub fn enter_function(name: &'static str) -> Function {
    Function::enter(Some(name))
}

/// Ends the binding of a function when it goes.
#[must_use = "the binding ends when this goes"]
#[derive(Debug)]
pub struct Function {
    before: Option<&'static str>,
    not_send: PhantomData<*const ()>,
}

impl Function {
    fn enter(name: Option<&'static str>) -> Self {
        Self { before: FUNCTION.replace(name), not_send: PhantomData }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        FUNCTION.set(self.before);
    }
}

/// What is bound on this thread now.
pub(crate) fn current() -> Arc<Bound> {
    HERE.with_borrow(Clone::clone).unwrap_or_else(|| PROCESS.read().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Appends function and thread, as they stand in a line of JSON.
pub(crate) fn write_here(bound: &Bound, out: &mut Vec<u8>) {
    if let Some(name) = FUNCTION.get().or(bound.function.as_deref()) {
        out.extend_from_slice(b",\"function\":");
        write_text(name, true, out);
    }
    THREAD.with(|written| out.extend_from_slice(written));
}

/// Takes the bindings of this thread along: the closure has them wherever it runs.
pub fn carry<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let (bound, function) = (current(), FUNCTION.get());
    move || {
        let _binding = Binding::enter(bound, function);
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
        let bound = current();
        let mut written = bound.written().to_vec();
        write_here(&bound, &mut written);
        let text = String::from_utf8(written).expect("text");
        text.split(",\"thread\"").next().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_binding_nests_and_reaches_threads_that_are_started_inside() {
        let _outer = bind(Bound::default().app("a/b/c").app_id(7));
        {
            let _inner = bind(Bound::default().function("fetch"));
            assert_eq!(here(), r#","app_id":7,"app":"a/b/c","function":"fetch""#);
            let there = || {
                let mut written = Vec::new();
                write_here(&Bound::default(), &mut written);
                (here(), written)
            };
            let (bound, thread) = spawn("worker", there).expect("a thread").join().expect("an end");
            assert_eq!(bound, here());
            assert!(thread.ends_with(br#","thread":"worker""#));
            let _call = enter_function("parse");
            assert_eq!(here(), r#","app_id":7,"app":"a/b/c","function":"parse""#);
        }
        assert_eq!(here(), r#","app_id":7,"app":"a/b/c""#);
        assert_eq!(std::thread::spawn(here).join().expect("an end"), "");
    }
}
