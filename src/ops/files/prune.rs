//! `dc files prune`: what the janitor of a manager does, at once.

use std::fmt;

use serde::Serialize;

use super::{count, size};
use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::shell::visible_line;
use crate::storage::{PruneFilesOptions, PruneFilesReport, Storage};

/// What went, or would go.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct FilesPruned(pub PruneFilesReport);

impl FilesPruned {
    /// Whether every store was looked at.
    pub fn is_well(&self) -> bool {
        self.0.away.is_empty()
    }
}

impl fmt::Display for FilesPruned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PruneFilesReport { names, files, bytes, needed, strays, left, first, away, dry_run } = &self.0;
        let were = if *dry_run { "would be deleted" } else { "deleted" };
        if *dry_run {
            for row in first {
                let until = row.kept_until.map(clock::local).unwrap_or_default();
                writeln!(formatter, "{}  {}, kept until {until}", row.id, visible_line(&row.name))?;
            }
        }
        let of_files = if *dry_run { String::new() } else { format!(" of {}", count(*files, "file")) };
        write!(formatter, "{}{of_files} {were}, {}", count(*names, "name"), size(*bytes))?;
        let more = [
            (*needed, "needed by unfinished tasks or published apps, and kept"),
            (*strays, if *dry_run { "known to nobody, would be deleted" } else { "known to nobody, deleted" }),
            (*left, "could not be deleted"),
        ];
        for (number, words) in more.into_iter().filter(|(number, _)| *number > 0) {
            write!(formatter, "; {number} {words}")?;
        }
        away.iter().try_for_each(|(store, reason)| write!(formatter, "\nstore `{store}` left out: {reason}"))
    }
}

/// Deletes what is over its time, and what nobody knows.
///
/// # Errors
/// What the database says.
pub fn prune_files(context: &Context, dry_run: bool) -> Result<FilesPruned> {
    Storage::open(context)?.prune(PruneFilesOptions { dry_run, strays: true }).map(FilesPruned)
}
