//! Where a run spends its time: functions that `#[fun_watch]` watches, counted and timed while they are called.

mod report;
mod tally;
mod watched;

pub use data_collector_macros::fun_watch;
pub use report::report;
pub use watched::{Call, Watched, failed, solved, watch};
