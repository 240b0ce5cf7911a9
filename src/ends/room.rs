//! The room on disk that a run takes at its start, so that a disk that is full at its end has a place for it.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::posix_fallocate;

use super::kept::{KEPT, KeptEnd, ROOM};
use crate::error::{Result, file_error};

/// The room that is taken. An end is about 700 bytes; its reason may be some lines.
const ROOM_BYTES: usize = 4096;
/// Only the user reads how runs ended: a reason may name what is private.
const FILE_MODE: u32 = 0o600;

/// The room of one run. What is not kept in it, or was recorded, goes with [`Room::leave`].
pub struct Room {
    path: PathBuf,
    file: File,
}

impl Room {
    /// Takes it for a run, in a folder that is made if need be.
    pub(super) fn take(folder: &Path, runtime: &str) -> Result<Self> {
        let path = folder.join(format!("{runtime}{ROOM}"));
        let failed = |what: &str, cause| file_error(format!("{what} {}", path.display()), cause);
        let create = || File::options().write(true).create_new(true).mode(FILE_MODE).open(&path);
        let file = match create() {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder).map_err(|cause| failed("make the folder of", cause))?;
                create()
            }
            made => made,
        };
        let file = file.map_err(|cause| failed("make", cause))?;
        let length = nix::libc::off_t::try_from(ROOM_BYTES).unwrap_or_default();
        let taken = match posix_fallocate(file.as_fd(), 0, length) {
            // not every file system can
            Err(nix::Error::EOPNOTSUPP | nix::Error::EINVAL) => file.write_all_at(&[0; ROOM_BYTES], 0),
            taken => taken.map_err(io::Error::from),
        };
        if let Err(cause) = taken {
            let _ = fs::remove_file(&path);
            return Err(failed("take room in", cause));
        }
        Ok(Self { path, file })
    }

    /// Keeps the end in the room that was taken; where it waits now.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&mut self, end: &KeptEnd) -> Result<&Path> {
        let failed = |path: &Path, cause| file_error(format!("keep the end of a run in {}", path.display()), cause);
        let (line, functions) = end.lines()?;
        self.file.write_all_at(&line, 0).map_err(|cause| failed(&self.path, cause))?;
        self.file.set_len(line.len() as u64).map_err(|cause| failed(&self.path, cause))?;
        // these have no room of their own
        if !end.functions.is_empty() && self.file.write_all_at(&functions, line.len() as u64).is_err() {
            let _ = self.file.set_len(line.len() as u64);
        }
        let kept = self.path.with_extension(KEPT.trim_start_matches('.'));
        fs::rename(&self.path, &kept).map_err(|cause| failed(&self.path, cause))?;
        self.path = kept;
        Ok(&self.path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the room back, with what is in it.
    pub fn leave(self) {
        // another process may have recorded it meanwhile
        let _ = fs::remove_file(&self.path);
    }
}
