//! A file that gets its name when it is complete: a kill leaves nothing behind.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::libc::O_TMPFILE;
use nix::unistd::linkat;
use tempfile::NamedTempFile;

use crate::error::{OrFail, Result, file_error};

/// A file as any that is written: readable for all, as far as the user's mask lets it.
const MODE: u32 = 0o666;

/// A file that is being written.
pub(super) enum Unnamed {
    /// It has no name at all.
    Nameless(File),
    /// It has a passing one: the file system knows no files without.
    Passing(NamedTempFile),
}

impl Unnamed {
    /// On the file system of a folder.
    pub(super) fn new_in(folder: &Path) -> Result<Self> {
        let nameless = OpenOptions::new().read(true).write(true).custom_flags(O_TMPFILE).mode(MODE).open(folder);
        if let Ok(file) = nameless {
            return Ok(Self::Nameless(file));
        }
        let what = || format!("write into {}", folder.display());
        NamedTempFile::new_in(folder).map(Self::Passing).map_err(|cause| file_error(what(), cause))
    }

    /// Where other processes reach it while this one runs.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::Nameless(file) => PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd())),
            Self::Passing(file) => file.path().to_owned(),
        }
    }

    /// More of it.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Nameless(file) => file.write_all(bytes),
            Self::Passing(file) => file.write_all(bytes),
        }
    }

    /// Gives it its name, in place of whatever had it.
    pub(super) fn name(self, target: &Path) -> Result<()> {
        let what = || format!("write {}", target.display());
        match self {
            Self::Nameless(file) => {
                let own = format!("/proc/self/fd/{}", file.as_raw_fd());
                let link = |to: &Path| linkat(AT_FDCWD, own.as_str(), AT_FDCWD, to, AtFlags::AT_SYMLINK_FOLLOW);
                if link(target).is_ok() {
                    return Ok(());
                }
                // a name that is taken can only be taken over from another one
                let passing = target.with_file_name(format!(".dc-ocr-{}", std::process::id()));
                let _ = std::fs::remove_file(&passing);
                link(&passing).or_fail(what)?;
                std::fs::rename(&passing, target).map_err(|cause| {
                    let _ = std::fs::remove_file(&passing);
                    file_error(what(), cause)
                })
            }
            Self::Passing(file) => {
                // a passing file is for its owner alone
                let _ = file.as_file().set_permissions(PermissionsExt::from_mode(0o644));
                file.persist(target).map(drop).or_fail(what)
            }
        }
    }
}
