//! `dc files`: one operation each.

mod check;
mod find;
mod hold;
mod keep;
mod list;
mod prune;
mod relocate;
mod retention;
mod take;

pub use crate::storage::{CheckReport, PruneFilesOptions};
pub use check::{FilesCheck, check_files};
pub(in crate::ops) use find::content_range;
pub use hold::{HoldReport, hold_files, release_files};
pub use keep::{FilesKept, KeepFilesOptions, keep_files};
pub use list::{FileList, FileListOptions, ListedFile, list_files, show_files};
pub use prune::{FilesPruned, prune_files};
pub use relocate::{FilesMoved, MoveFilesOptions, move_files};
pub use retention::{RetentionList, add_retention, list_retentions};
pub use take::{TakenFile, take_file};

/// Bytes as people read them.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut amount, mut unit) = (bytes as f64, 0);
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{amount:.1} {}", UNITS[unit]) }
}

/// `1 file`, `2 files`.
pub(super) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
