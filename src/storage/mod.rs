//! Files that are kept, found again, and gone when their time is up. What identifies a file is its content: the SHA-256 of
//! its bytes. It stands in a store (a folder, a bucket of S3); the table `stored_files` has a row for each of its names.
//!
//! ```no_run
//! use std::io::Read;
//! use std::path::Path;
//! use data_collector::storage::{KeepOptions, Storage};
//!
//! # fn example(context: &data_collector::context::Context) -> data_collector::error::Result<()> {
//! let mut storage = Storage::open(context)?;
//! let options = KeepOptions { retention: Some("regulatory_7y".to_owned()), ..KeepOptions::of(context) };
//! let kept = storage.keep_path(Path::new("invoice.pdf"), &options)?;
//! println!("{} {}", kept.row.id, kept.row.sha256_hex());
//! let mut bytes = Vec::new();
//! storage.read(&kept.row, &mut bytes)?;
//! # Ok(())
//! # }
//! ```
//!
//! Order is all: bytes are on the disk before a row names them, and a row says that it is deleted before its bytes go. So a
//! kill at any step leaves a file that nobody knows at the worst, which [`Storage::check`] reports and the janitor takes
//! away a day later. A place that a deleted row has is never used again, so a deletion that comes late harms nobody.

mod alarm;
mod answers;
mod check;
mod digest;
mod disk;
mod janitor;
mod keep;
mod name;
mod network;
mod options;
mod path;
mod relocate;
mod source;
mod staged;
#[expect(clippy::module_inception, reason = "the type that the room is named for")]
mod storage;
mod store;
mod stores;

pub use answers::keep_answers;
pub use check::{CheckReport, Fault};
pub use digest::sha256_of;
pub use janitor::{PruneFilesOptions, PruneFilesReport};
pub use keep::{KeepOptions, KeptFile};
pub use name::{original, written};
pub use network::network_file_system;
pub use options::{MinFree, StorageOptions};
pub use path::{Dates, sha256_from};
pub use relocate::MovedFile;
pub use staged::{Put, Staged};
pub use storage::{Storage, StoreInUse};
pub use store::{Entry, FileStore, FoundFile, Given, Room};

use std::sync::{Mutex, PoisonError};

/// The kinds of stores, each with what opens it.
pub const STORES: &[Entry] = &[stores::folder::ENTRY, stores::s3::ENTRY];

static MORE: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// Adds a kind of store, for a program that embeds the library.
pub fn append_store(entry: Entry) {
    MORE.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
}

/// All kinds that there are.
fn kinds() -> Vec<Entry> {
    STORES.iter().copied().chain(MORE.lock().unwrap_or_else(PoisonError::into_inner).iter().copied()).collect()
}
