//! Files that keep what does not fit into memory. They have no name, so a kill leaves nothing behind.

use std::fs::File;

use crate::error::{Error, Result, file_error};

/// A new one, empty.
pub(crate) fn temporary_file() -> Result<File> {
    tempfile::tempfile().map_err(spool_error)
}

/// A failure of the temporary folder, which a person can move.
pub(crate) fn spool_error(cause: std::io::Error) -> Error {
    let folder = std::env::temp_dir();
    file_error(format!("write a temporary file in {}", folder.display()), cause)
        .hint("free some space there, or set TMPDIR to a folder with more; nothing was changed")
}
