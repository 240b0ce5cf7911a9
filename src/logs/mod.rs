//! What apps and dc itself have to say: records and captured lines go through one queue to the sinks. Nobody waits for
//! a sink, nothing is lost while the disk has room, and no credential is in it.

mod aside;
mod backlog;
mod capture;
mod facade;
mod folder;
#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/targets/logs.rs"]
pub(crate) mod fuzzing;
mod lane;
mod line;
mod lines;
mod memory;
mod own;
mod pipeline;
mod queue;
mod resend;
mod sink;
mod sinks;
mod waiting;

pub use crate::bound::{Binding, Bound, bind, bind_process, carry, spawn};
pub use capture::{Capture, Captured, RunOfApp};
pub use facade::{LogGuard, LogSetup, append_sink, flush, init};
pub use lane::LaneReport;
pub use line::{Line, LinePlace, LogRecord};
pub use pipeline::Pipeline;
pub use resend::{Resent, refused, resend};
pub use sink::{Entry, Limits, Sink, Undelivered, Why};
pub use waiting::{WaitingLines, waiting};

#[doc(hidden)]
pub use ::log as log_crate;
use sinks::{console, database, file, splunk};

/// The sinks that dc knows.
pub const SINKS: &[Entry] = &[console::ENTRY, database::ENTRY, splunk::ENTRY, file::ENTRY];

/// Logs what stops the work, as the level CRITICAL: key-values and message as in [`log::error!`].
#[macro_export]
macro_rules! critical {
    ($($key:ident = $value:expr),+; $($message:tt)+) => { $crate::logs::log_crate::error!(critical = true, $($key = $value),+; $($message)+) };
    ($($message:tt)+) => { $crate::logs::log_crate::error!(critical = true; $($message)+) };
}
