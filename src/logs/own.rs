//! What the pipeline has to say of itself: it must not go round in circles, and waits for nobody.

use std::cell::Cell;

use super::line::{Draft, Head};
use crate::bound;
use crate::clock;
use crate::tables::LogLevel;

/// The source of what the pipeline says of itself.
pub(super) const OWN: &str = "data_collector::logs";

thread_local! {
    /// Set on the threads of a pipeline.
    static IN_PIPELINE: Cell<bool> = const { Cell::new(false) };
}

/// Runs a thread of a pipeline.
pub(super) fn in_pipeline<T>(work: impl FnOnce() -> T) -> T {
    IN_PIPELINE.set(true);
    work()
}

/// What the pipeline has to say of itself. It never waits.
pub(super) fn tell(level: log::Level, text: &str) {
    let was_inside = IN_PIPELINE.replace(true);
    log::log!(target: OWN, level, "{text}");
    IN_PIPELINE.set(was_inside);
}

/// A line of the pipeline itself.
pub(super) fn own_line(level: LogLevel, message: &str) -> Vec<u8> {
    let mut line = Vec::new();
    let head = Head { time: clock::now(), level, source: OWN, message };
    Draft::begin(&mut line, head, &bound::current()).finish();
    line
}

/// Whether this thread is one of a pipeline, or says something for it.
pub(super) fn is_in_pipeline() -> bool {
    IN_PIPELINE.get()
}
