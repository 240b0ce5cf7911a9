//! The documents of pipelines: what each is, how far it has come, who works on it, and what was done.
//!
//! A task exists when its row is committed, and belongs to whoever claimed it last: a claim carries a number (`fence`), and
//! whoever comes back with an older one writes nothing.

mod attempt;
mod block;
mod by_hand;
mod call;
mod claim;
mod count;
mod find;
mod found;
mod need;
mod outcome;
mod schema;
mod task;
mod watched;
mod worker;

pub use attempt::AttemptRow;
pub use block::BlockRow;
pub use by_hand::{EditedInput, Retrial};
pub use call::{CallRow, NewCall};
pub use claim::{ClaimLimits, ClaimedTask, StageOutput};
pub use count::{OldestTask, TaskCount};
pub use found::{Found, NewDocument};
pub(super) use need::needed_files;
pub use outcome::{AttemptEnd, Fate, Noted, Settled};
pub use task::{Ledger, TaskFilter, TaskRow, TaskState, Tasks};
pub use watched::FolderRow;
pub use worker::{DEATHS_MAX, LostWorker, WorkerRow};
