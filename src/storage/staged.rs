//! A file that is still on its way: it has no name that counts, and goes when it is dropped.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::unistd::geteuid;
use tempfile::{NamedTempFile, TempPath};

use super::path::PART;
use crate::apps::is_open_for_writing;
use crate::error::{Result, file_error};
use crate::ident::new_identity;

/// A stored file is not written again.
const MODE: u32 = 0o440;
/// How often its folder is made anew that somebody else took away because it was empty.
const FOLDER_ATTEMPTS_MAX: usize = 5;

/// How putting a file went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is there, and safe.
    Done,
    /// Something stands there already.
    Taken,
}

/// A file on its way.
pub struct Staged {
    file: File,
    /// `None` once it has its place.
    path: Option<TempPath>,
    /// Whether its bytes outlast a power cut.
    is_safe: bool,
    /// The permissions that a shared file had before.
    shared: Option<Permissions>,
    /// The SHA-256 of its bytes.
    pub(super) sha256: Vec<u8>,
    /// How many bytes it has.
    pub(super) bytes: u64,
}

impl Staged {
    /// An empty one in the folder that `folder` makes.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn make(folder: impl Fn() -> Result<std::path::PathBuf>) -> Result<Self> {
        let mut attempts = 1;
        loop {
            let folder = folder()?;
            let made = tempfile::Builder::new()
                .prefix(".")
                .suffix(PART)
                .permissions(Permissions::from_mode(MODE))
                .tempfile_in(&folder);
            match made {
                Ok(made) => {
                    let (file, path) = NamedTempFile::into_parts(made);
                    return Ok(Self {
                        file,
                        path: Some(path),
                        is_safe: false,
                        shared: None,
                        sha256: Vec::new(),
                        bytes: 0,
                    });
                }
                Err(cause) if cause.kind() == std::io::ErrorKind::NotFound && attempts < FOLDER_ATTEMPTS_MAX => {
                    attempts += 1;
                }
                Err(cause) => return Err(file_error(format!("make a file in {}", folder.display()), cause)),
            }
        }
    }

    /// The bytes of a file that was given away, under a second name in `folder`: nothing is copied. From now on only its
    /// owner's readers come in. `None` where its bytes might change or cannot have a second name: it has one already, is
    /// somebody else's, stands on another disk, or is open for writing.
    pub(super) fn share(folder: &Path, path: &Path, source: &File) -> Option<Self> {
        let data = source.metadata().ok().filter(|data| data.nlink() == 1 && data.uid() == geteuid().as_raw())?;
        let name = folder.join(format!(".{}{PART}", new_identity()));
        fs::hard_link(path, &name).ok()?;
        let name = TempPath::try_from_path(name).ok()?;
        let same = name.metadata().ok().filter(|same| same.dev() == data.dev() && same.ino() == data.ino());
        let file = source.try_clone().ok().filter(|_| same.is_some())?;
        file.set_permissions(Permissions::from_mode(MODE)).ok()?;
        let shared = Some(data.permissions());
        let staged = Self { file, path: Some(name), is_safe: false, shared, sha256: Vec::new(), bytes: 0 };
        // whoever could open it for writing has it open by now
        (is_open_for_writing(&staged.file) == Some(false)).then_some(staged)
    }

    /// Whether its bytes are those of a file that was given away, and are there already.
    pub(super) fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// The file itself, open for writing unless it is shared.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Where it is for now; `None` once it has its place.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Makes its bytes safe.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn sync(&mut self) -> Result<()> {
        let path = self.path.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
        self.file.sync_all().map_err(|cause| file_error(format!("store {path}"), cause))?;
        self.is_safe = true;
        Ok(())
    }

    /// Gives it its name in the same file system, once its bytes are safe; nothing is replaced.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn name(&mut self, path: &Path) -> Result<Put> {
        if !self.is_safe {
            self.sync()?;
        }
        let failed = |cause| file_error(format!("store {}", path.display()), cause);
        let Some(staged) = self.path.take() else { return Ok(Put::Taken) };
        match staged.persist_noclobber(path) {
            Ok(()) => Ok(Put::Done),
            Err(refused) => {
                self.path = Some(refused.path);
                match refused.error.kind() {
                    std::io::ErrorKind::AlreadyExists => Ok(Put::Taken),
                    _ => Err(failed(refused.error)),
                }
            }
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // it is not kept here: whoever gave it away gets it back as it was
        if let (Some(_), Some(before)) = (&self.path, self.shared.take()) {
            let _ = self.file.set_permissions(before);
        }
    }
}
