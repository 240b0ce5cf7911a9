//! Merge, the heart: records are hashed, compared with the table, new ones inserted, vanished ones archived, in one
//! transaction and in bounded memory.
//!
//! A first pass hashes everything and writes (hash, place) to a spool in buckets; the active rows do the same with
//! (hash, row). Bucket by bucket the two are joined; only what is new is read again and inserted.
//!
//! The way is straight: `plan` says what is asked for and into which table, `read` turns inputs into records and their
//! hashes, `compare` finds what differs, `write` changes the table, and `steps` walks through them once. Each knows
//! those before it alone.

mod changed;
mod compare;
mod explain;
mod history;
mod nearest;
mod phases;
mod plan;
mod read;
mod report;
mod show;
mod spool;
mod steps;
mod undo;
mod write;

pub use changed::{ChangedRowsPage, ChangedSide, changed};
pub use explain::{Explained, Explanation, explain};
pub use history::{PastMerge, beginning, history};
pub use phases::Phases;
pub use plan::description::Merge;
pub use plan::format::Format;
pub use plan::limit::MaxGone;
pub use plan::progress::Progress;
pub(crate) use read::pieces::pieces;
pub use read::source::{Input, Produce, RECORD_BYTES_MAX};
pub use report::{Counts, MergeReport, OtherType, Sample, SampleColumn, WidenedColumn};
pub use show::{AsOf, show};
pub use undo::{UndoReport, UndoneMerge, undo};
