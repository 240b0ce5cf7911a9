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
        file.set_permissions(Permissions::from_mode(data.mode() & MODE)).ok()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Given {
        folder: tempfile::TempDir,
        source: File,
    }

    impl Given {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("given");
            fs::write(&path, "bytes").expect("a file");
            fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("its mode");
            Self { source: File::open(path).expect("a file"), folder }
        }

        fn path(&self) -> std::path::PathBuf {
            self.folder.path().join("given")
        }

        fn share(&self) -> Option<Staged> {
            Staged::share(self.folder.path(), &self.path(), &self.source)
        }

        /// Its inode, its mode, how many names it has, and how many files are in the folder.
        fn look(&self) -> (u64, u32, u64, usize) {
            let data = fs::metadata(self.path()).expect("the file");
            let files = fs::read_dir(self.folder.path()).expect("the folder").count();
            (data.ino(), data.mode() & 0o777, data.nlink(), files)
        }
    }

    #[test]
    fn a_file_that_was_given_away_is_shared_until_it_is_given_back() {
        let given = Given::new();
        let (inode, ..) = given.look();
        let staged = given.share().expect("shared");
        assert!(staged.is_shared());
        assert_eq!(given.look(), (inode, MODE, 2, 2));
        drop(staged);
        assert_eq!(given.look(), (inode, 0o644, 1, 1));
        let mut staged = given.share().expect("shared");
        let place = given.folder.path().join("place");
        assert_eq!(staged.name(&place).expect("placed"), Put::Done);
        drop(staged);
        assert_eq!(given.look(), (inode, MODE, 2, 2));
        assert_eq!(fs::metadata(place).expect("the place").ino(), inode);
    }

    #[test]
    fn a_file_whose_bytes_may_change_is_copied() {
        let given = Given::new();
        let writer = fs::OpenOptions::new().append(true).open(given.path()).expect("a writer");
        assert!(given.share().is_none(), "it is open for writing");
        assert_eq!((given.look().1, given.look().2), (0o644, 1));
        drop(writer);
        let second = given.folder.path().join("second");
        fs::hard_link(given.path(), &second).expect("a second name");
        assert!(given.share().is_none(), "it has a second name");
        fs::remove_file(second).expect("removed");
        let other = Given::new();
        assert!(Staged::share(given.folder.path(), &other.path(), &given.source).is_none(), "it is another file");
        assert_eq!(given.look().3, 1);
        assert!(given.share().is_some());
    }
}
