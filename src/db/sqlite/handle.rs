//! A handle of an SQLite file as both planes set it up. The data goes through rusqlite and the framework's tables
//! through diesel, which have a type of handle each; what a session is, is said here, once.

use std::os::unix::fs::OpenOptionsExt;
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

    /// Runs a query that gives one number, `it`.
    fn number(&mut self, sql: &str) -> Result<i64, Self::Failure>;
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
        shrinkable(handle)?;
        handle.journal_mode("PRAGMA journal_mode = WAL")?;
    }
    Ok(())
}

/// A new file can give pages back later; for one that has pages it is too late.
pub(crate) fn shrinkable<H: SqliteHandle>(handle: &mut H) -> Result<(), H::Failure> {
    match handle.number("SELECT page_count AS it FROM pragma_page_count")? {
        0 => handle.run("PRAGMA auto_vacuum = INCREMENTAL"),
        _ => Ok(()),
    }
}

/// Gives back up to so many free pages; how many are left. 0 also where the file gives none back: an older dc made it.
pub(crate) fn give_back<H: SqliteHandle>(handle: &mut H, pages: u32) -> Result<i64, H::Failure> {
    if !is_shrinkable(handle)? {
        return Ok(0);
    }
    handle.run(&format!("PRAGMA incremental_vacuum({pages})"))?;
    handle.number(FREE_PAGES)
}

/// Whether the file gives pages back.
pub(crate) fn is_shrinkable<H: SqliteHandle>(handle: &mut H) -> Result<bool, H::Failure> {
    Ok(handle.number("SELECT auto_vacuum AS it FROM pragma_auto_vacuum")? == INCREMENTAL)
}

/// How many bytes of the file nothing stands in.
pub(crate) fn free_bytes<H: SqliteHandle>(handle: &mut H) -> Result<i64, H::Failure> {
    Ok(handle.number(FREE_PAGES)? * handle.number("SELECT page_size AS it FROM pragma_page_size")?)
}

const FREE_PAGES: &str = "SELECT freelist_count AS it FROM pragma_freelist_count";
/// What `auto_vacuum` says of such a file.
const INCREMENTAL: i64 = 2;
/// What is kept in a database is nobody else's business. Its log and its index get the same mode, from SQLite.
const FILE_MODE: u32 = 0o600;

/// Makes a file that is not there, for its owner alone. One that is there keeps its mode: somebody may have opened it
/// to a group. Whoever opens the file says what is wrong with its place.
pub(crate) fn make_private(path: &Path) {
    let _ = std::fs::OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path);
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

    fn number(&mut self, sql: &str) -> rusqlite::Result<i64> {
        self.query_row(sql, [], |row| row.get(0))
    }
}
