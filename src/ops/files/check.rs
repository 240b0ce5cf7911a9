//! `dc files check`: everything read back.

use std::fmt;

use serde::Serialize;

use super::{count, size};
use crate::context::Context;
use crate::error::Result;
use crate::shell::visible_line;
use crate::storage::{CheckReport, Fault, Storage};

/// What was found.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct FilesCheck(pub CheckReport);

impl fmt::Display for FilesCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CheckReport { files, bytes, damaged, missing, strays, faults, unknown, away, elapsed_ms } = &self.0;
        for Fault { store, path, fault } in faults.iter().chain(unknown) {
            writeln!(formatter, "{store}: {}: {fault}", visible_line(path))?;
        }
        for (store, reason) in away {
            writeln!(formatter, "store `{store}` left out: {reason}")?;
        }
        let seconds = *elapsed_ms as f64 / 1_000.0;
        let (files, bytes) = (count(*files, "file"), size(*bytes));
        write!(
            formatter,
            "{files} read, {bytes}, {seconds:.1} s: {damaged} damaged, {missing} missing, {strays} unknown"
        )
    }
}

/// Reads all stored files back, of one store or of all.
///
/// # Errors
/// Settings for a store that is not there; what the database says.
pub fn check_files(context: &Context, store: Option<&str>) -> Result<FilesCheck> {
    Storage::open(context)?.check(store).map(FilesCheck)
}
