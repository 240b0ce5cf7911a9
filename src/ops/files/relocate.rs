//! `dc files move`: files to another store, one after the other.

use std::fmt;

use serde::Serialize;

use super::keep::FailedFile;
use super::{count, find, size};
use crate::apps::choose;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::storage::{MovedFile, Storage};
use crate::tables::{FileFilter, FileRow};

/// Rows that are read at once.
const PAGE_MAX: i64 = 500;
/// Files that are shown.
const SHOWN_MAX: usize = 100;

/// What `dc files move` is asked for.
#[derive(Debug, Clone, Default)]
pub struct MoveFilesOptions {
    /// Numbers and SHA-256s; empty for all that the others let through.
    pub files: Vec<String>,
    /// All of this store.
    pub from: Option<String>,
    /// All of this app.
    pub app: Option<String>,
    /// Where to.
    pub to: String,
}

/// What was moved.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FilesMoved {
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The first hundred.
    pub moved: Vec<MovedFile>,
    /// Those that were not.
    pub failed: Vec<FailedFile>,
    /// Where to.
    pub to: String,
}

impl FilesMoved {
    /// Whether all were moved.
    pub fn is_well(&self) -> bool {
        self.failed.is_empty()
    }
}

impl fmt::Display for FilesMoved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (files, bytes) = (count(self.files, "file"), size(self.bytes));
        write!(formatter, "{files} moved to `{}`, {bytes}", self.to)?;
        self.failed.iter().try_for_each(|it| write!(formatter, "\nnot moved: {}: {}", it.file, it.error))
    }
}

/// Moves files. Interrupted, what was moved stays moved; what fails is told, and the others go on.
///
/// # Errors
/// Usage when nothing says which; settings for a store that is not there; what the database says.
pub fn move_files(context: &Context, options: &MoveFilesOptions) -> Result<FilesMoved> {
    let MoveFilesOptions { files, from, app, to } = options;
    if files.is_empty() && from.is_none() && app.is_none() {
        return Err(Error::new(ErrorKind::Usage, "move files: nothing says which")
            .hint(format!("name them, or all of a store or an app: dc files move --from local --to {to}")));
    }
    let mut storage = Storage::open(context)?;
    let mut report = FilesMoved { to: to.clone(), ..FilesMoved::default() };
    if !files.is_empty() {
        for row in find::find_all(storage.tables(), files)? {
            one(context, &mut storage, (&row, to), &mut report)?;
        }
        return Ok(report);
    }
    let app_ids = match app {
        None => None,
        Some(typed) => {
            let known = storage.tables().apps().all()?;
            let name = choose(known.iter().map(|app| &app.name), typed)?;
            Some(known.iter().filter(|app| app.name == *name).map(|app| app.id).collect())
        }
    };
    let mut filter = FileFilter { app_ids, store: from.clone(), ..FileFilter::default() };
    loop {
        let rows = storage.tables().files().list(&filter, PAGE_MAX)?;
        let Some(last) = rows.last() else { return Ok(report) };
        filter.below = Some(last.id);
        for row in &rows {
            one(context, &mut storage, (row, to), &mut report)?;
        }
    }
}

fn one(context: &Context, storage: &mut Storage, (row, to): (&FileRow, &str), report: &mut FilesMoved) -> Result<()> {
    context.cancellation().check()?;
    match storage.move_file(row, to) {
        Ok(None) => {}
        Ok(Some(moved)) => {
            report.files += 1;
            report.bytes += moved.bytes;
            if report.moved.len() < SHOWN_MAX {
                report.moved.push(moved);
            }
        }
        Err(error) if matches!(error.kind(), ErrorKind::Settings | ErrorKind::Interrupted | ErrorKind::Refused) => {
            return Err(error);
        }
        Err(error) => report.failed.push(FailedFile {
            file: row.id.to_string(),
            error: error.to_string(),
            temporary: error.is_temporary(),
        }),
    }
    Ok(())
}
