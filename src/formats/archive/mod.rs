//! Archives: each member that is asked for is an input of its own. Nothing is written under a member's name.

mod bounded;
mod member;
mod tar;
pub(crate) mod zip;

use std::fs::File;
use std::os::unix::fs::FileExt;

pub use self::member::Member;
use super::reading::Reading;
use crate::context::Cancellation;
use crate::error::{Result, file_error};

/// The bytes that tell a tar file.
const TAR_BYTES: usize = 512;

/// The members of an archive that are asked for, in its order; `None` when the file is none.
///
/// # Errors
/// Not found, when no member has such a name; usage, when it is not clear which is meant; failed, for a damaged archive, an
/// encrypted member, or one that unpacks beyond all measure.
pub fn members(name: &str, file: &File, reading: &Reading, cancellation: &Cancellation) -> Result<Option<Vec<Member>>> {
    let mut start = [0; TAR_BYTES];
    let count = file.read_at(&mut start, 0).map_err(|cause| file_error(format!("read {name}"), cause))?;
    let start = &start[..count];
    if zip::is_zip(start) {
        return match zip::Zip::open(name, file)? {
            zip if zip.is_workbook() => Ok(None),
            zip => zip.members(reading, cancellation).map(Some),
        };
    }
    if tar::is_tar(start) {
        return tar::members(name, file, reading, cancellation).map(Some);
    }
    Ok(None)
}

/// Whether a file is an archive, and no workbook.
///
/// # Errors
/// When it cannot be read.
pub fn is_archive(name: &str, file: &File) -> Result<bool> {
    let mut start = [0; TAR_BYTES];
    let count = file.read_at(&mut start, 0).map_err(|cause| file_error(format!("read {name}"), cause))?;
    let start = &start[..count];
    Ok(tar::is_tar(start) || zip::is_zip(start) && !zip::Zip::open(name, file)?.is_workbook())
}
