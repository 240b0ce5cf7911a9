//! An SQLite file gives back what deleted rows have left free, a little at a time. PostgreSQL does that by itself.

use diesel::connection::SimpleConnection;

use super::Store;
use super::connection::Link;
use crate::db::sqlite::handle;
use crate::error::Result;

/// Pages that are given back in one short transaction: 4 MiB.
const PAGES_AT_ONCE: u32 = 1_024;

/// What is free in the file after it was made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shrinking {
    /// There is more to give back.
    GoesOn,
    /// Nothing is left to give back, or the server sees to it.
    Done,
    /// So many bytes are free and stay: an older dc made the file, and it has to be rewritten.
    NeedsRewriting(i64),
}

impl Store {
    /// Gives back a little of what is free. Others can write in between.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn shrink(&mut self) -> Result<Shrinking> {
        let shrinking = self.write("make the database smaller", |connection| {
            let Link::Sqlite(file) = connection else { return Ok(Shrinking::Done) };
            if !handle::is_shrinkable(file)? {
                let free = handle::free_bytes(file)?;
                return Ok(if free > 0 { Shrinking::NeedsRewriting(free) } else { Shrinking::Done });
            }
            let left = handle::give_back(file, PAGES_AT_ONCE)?;
            Ok(if left > 0 { Shrinking::GoesOn } else { Shrinking::Done })
        })?;
        if shrinking == Shrinking::Done
            && let Link::Sqlite(file) = &mut self.connection
        {
            // the file itself becomes smaller when the log goes into it; who reads meanwhile puts it off
            let _ = file.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        Ok(shrinking)
    }

    /// Rewrites the file, so that it gives back what is free, now and later. Others wait as long.
    ///
    /// # Errors
    /// Busy, while others work with it; what the disk says.
    pub fn rewrite(&mut self) -> Result<()> {
        let Link::Sqlite(file) = &mut self.connection else { return Ok(()) };
        let rewritten = file.batch_execute("PRAGMA auto_vacuum = INCREMENTAL; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
        rewritten.map_err(|cause| self.failure("rewrite the database", cause))
    }
}
