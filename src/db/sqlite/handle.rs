//! A handle of an SQLite file as both planes set it up. The data goes through rusqlite and the framework's tables through
//! diesel, which have a type of handle each; what a session is, is said here, once.

use std::path::Path;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// How long a statement waits for another writer.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// The page cache of a connection, in KiB: what keeps memory bounded at any table size.
pub(super) const CACHE_KIB: u32 = 2 * 1024;

/// What setting up a session needs of a driver.
pub(crate) trait SqliteHandle {
    /// The driver's error.
    type Failure;

    /// Runs statements whose rows are of no interest.
    fn run(&mut self, sql: &str) -> Result<(), Self::Failure>;

    /// Runs a statement that gives one row of one column, `journal_mode`.
    fn journal_mode(&mut self, sql: &str) -> Result<String, Self::Failure>;
}

/// Sets a session up, whatever SQLite was compiled with.
pub(crate) fn set_up<H: SqliteHandle>(handle: &mut H) -> Result<(), H::Failure> {
    let busy_ms = BUSY_TIMEOUT.as_millis();
    handle.run(&format!(
        "PRAGMA busy_timeout = {busy_ms}; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -{CACHE_KIB}; PRAGMA temp_store = FILE"
    ))
}

/// Readers and a writer do not wait for each other with a write-ahead log. The file remembers it; a file system that
/// cannot (a network share) keeps the mode it has, which is safe, only slower.
pub(crate) fn write_ahead<H: SqliteHandle>(handle: &mut H) -> Result<(), H::Failure> {
    if handle.journal_mode("PRAGMA journal_mode")? != "wal" {
        handle.journal_mode("PRAGMA journal_mode = WAL")?;
    }
    Ok(())
}

/// Makes the folder of a file that is about to be made.
///
/// # Errors
/// Permission: whatever is in the way lies in rights or in the place itself.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(|cause| {
        Error::new(ErrorKind::Permission, format!("make the folder {} for the database", folder.display()))
            .because(cause)
            .hint("check the path, and whether this user may write there")
    })
}

impl SqliteHandle for rusqlite::Connection {
    type Failure = rusqlite::Error;

    fn run(&mut self, sql: &str) -> rusqlite::Result<()> {
        self.execute_batch(sql)
    }

    fn journal_mode(&mut self, sql: &str) -> rusqlite::Result<String> {
        self.query_row(sql, [], |row| row.get(0))
    }
}
