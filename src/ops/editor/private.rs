//! A file for an editor, in memory: under a real path, since the editor may be a server that was started long before us
//! and opens it by itself; in a folder that only we can enter, on a tmpfs; gone with us, also when a signal ends us.
//!
//! The folder is locked as long as we live. One that is not locked was left by a kill, and the next edit removes it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use nix::sys::statfs::{TMPFS_MAGIC, fstatfs};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result, file_error};
use crate::ident::new_identity;
use crate::settings::Settings;

/// What the name of a private folder begins with.
const FOLDER: &str = "dc-edit-";
/// The most bytes that are taken back.
const BYTES_MAX: u64 = 16 << 20;
/// How often another dc may come between a folder and its lock.
const TRIES_MAX: usize = 8;
/// Where others can write too, this bit keeps them from what is ours.
const STICKY: u32 = 0o1000;
/// ramfs, which never leaves memory either.
const RAMFS: i64 = 0x8584_58f6;

/// The file, until it goes.
pub(super) struct PrivateFile {
    folder: PathBuf,
    path: PathBuf,
    _lock: Flock<File>,
}

impl PrivateFile {
    /// Makes it in the first folder in memory that there is; what killed processes have left in any of them is removed.
    ///
    /// # Errors
    /// Refused, with what is wrong with each, where none is in memory.
    pub(super) fn make(settings: &Settings, name: &str, text: &[u8], command: &str) -> Result<Self> {
        let named = settings.path_variable("XDG_RUNTIME_DIR");
        let runtime = PathBuf::from(format!("/run/user/{}", nix::unistd::geteuid()));
        let mut places: Vec<PathBuf> = named.into_iter().chain([runtime, "/dev/shm".into()]).collect();
        places.dedup();
        Self::make_in(&places, name, text).map_err(|reasons| {
            let message = format!("give the text to an editor: no file system in memory is there ({reasons})");
            Error::new(ErrorKind::Refused, message)
                .hint(format!("`mount -t tmpfs tmpfs DIR && chmod 700 DIR`, then `XDG_RUNTIME_DIR=DIR {command}`"))
        })
    }

    fn make_in(places: &[PathBuf], name: &str, text: &[u8]) -> Result<Self, String> {
        let mut reasons = Vec::new();
        for place in places {
            let made = check(place).and_then(|()| {
                sweep(place);
                Self::new(place, name, text).map_err(|cause| cause.to_string())
            });
            match made {
                Ok(made) => return Ok(made),
                Err(reason) => reasons.push(format!("{}: {reason}", place.display())),
            }
        }
        Err(reasons.join("; "))
    }

    fn new(place: &Path, name: &str, text: &[u8]) -> std::io::Result<Self> {
        for _ in 0..TRIES_MAX {
            let folder = place.join(format!("{FOLDER}{}", new_identity()));
            DirBuilder::new().mode(0o700).create(&folder)?;
            // before it was locked another dc may have taken it for one that was left
            let Some(lock) = lock(&folder).filter(|_| folder.is_dir()) else { continue };
            let path = folder.join(name);
            let made = Self { folder, path, _lock: lock };
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            options.open(&made.path)?.write_all(text)?;
            return Ok(made);
        }
        Err(std::io::Error::other("no folder can be locked there"))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What stands in it now: the editor may have put another file in its place.
    pub(super) fn read(&self) -> Result<Zeroizing<Vec<u8>>> {
        let read = open(&self.path, false).and_then(|file| read_limited(&file));
        read.map_err(|cause| file_error(format!("read what was edited in {}", self.path.display()), cause))
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// Wipes and removes a private folder, with what an editor has put beside the file.
pub(super) fn remove(folder: &Path) {
    for left in fs::read_dir(folder).into_iter().flatten().flatten() {
        let _ = wipe(&left.path());
    }
    let _ = fs::remove_dir_all(folder);
}

/// Whether a folder is in memory, and nobody else can put another one in place of ours.
fn check(place: &Path) -> Result<(), String> {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(place);
    let file = opened.map_err(|cause| cause.to_string())?;
    let kind = fstatfs(file.as_fd()).map_err(|cause| cause.to_string())?.filesystem_type();
    if kind != TMPFS_MAGIC && kind.0 as i64 != RAMFS {
        return Err("it is on a disk".to_owned());
    }
    let data = file.metadata().map_err(|cause| cause.to_string())?;
    let is_ours = data.uid() == nix::unistd::geteuid().as_raw() && data.mode() & 0o022 == 0;
    let is_shared = data.mode() & STICKY != 0;
    if is_ours || is_shared { Ok(()) } else { Err("others can write there".to_owned()) }
}

/// Removes what killed processes of this user have left.
fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let is_named = entry.file_name().to_string_lossy().starts_with(FOLDER);
        if is_named && let Some(_lock) = lock(&entry.path()) {
            remove(&entry.path());
        }
    }
}

/// Locks a folder of ours; `None` while its process lives, and for what is none of ours.
fn lock(folder: &Path) -> Option<Flock<File>> {
    let flags = libc::O_NOFOLLOW | libc::O_DIRECTORY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(folder).ok()?;
    let is_ours = file.metadata().ok()?.uid() == nix::unistd::geteuid().as_raw();
    if is_ours { Flock::lock(file, FlockArg::LockExclusiveNonblock).ok() } else { None }
}

/// Nothing is followed, and nothing waits.
fn open(path: &Path, is_written: bool) -> std::io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).write(is_written).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(std::io::Error::other("it is no file")) }
}

/// Overwrites a file: it may have another name elsewhere.
fn wipe(path: &Path) -> std::io::Result<()> {
    let mut file = open(path, true)?;
    let length = usize::try_from(file.metadata()?.len().min(BYTES_MAX)).unwrap_or_default();
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&vec![0; length])
}

fn read_limited(file: &File) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let length = usize::try_from(file.metadata()?.len().min(BYTES_MAX)).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > BYTES_MAX {
        true => Err(std::io::Error::other(format!("it is larger than {} MiB", BYTES_MAX >> 20))),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_a_killed_dc_left_is_wiped_and_what_lives_stays() {
        let parent = tempfile::tempdir().expect("a folder");
        let alive = PrivateFile::new(parent.path(), "secrets.env", b"a text").expect("a file");
        let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
        assert_eq!((mode(alive.folder()), mode(alive.path())), (0o700, 0o600));
        let left = parent.path().join(format!("{FOLDER}x"));
        let (saved, other) = (parent.path().join("saved"), parent.path().join("other"));
        fs::create_dir(&left).expect("a folder");
        fs::write(left.join("secrets.env~"), "an old text").expect("a file");
        fs::hard_link(left.join("secrets.env~"), &saved).expect("a second name");
        fs::write(&other, "not ours to wipe").expect("a file");
        std::os::unix::fs::symlink(&other, left.join("link")).expect("a link");
        std::os::unix::fs::symlink(parent.path(), parent.path().join(format!("{FOLDER}y"))).expect("a link");
        sweep(parent.path());
        assert!(!left.exists());
        assert_eq!(fs::read(&saved).expect("bytes"), [0; 11]);
        assert_eq!(fs::read_to_string(&other).expect("a text"), "not ours to wipe");
        assert_eq!(*alive.read().expect("a text"), b"a text");
        let folder = alive.folder().to_owned();
        drop(alive);
        assert!(!folder.exists());
    }

    #[test]
    fn where_nothing_is_in_memory_it_is_refused_and_says_why() {
        let places = [PathBuf::from("/proc"), "/nowhere".into()];
        let reasons = PrivateFile::make_in(&places, "secrets.env", b"x").err().expect("a refusal");
        assert!(reasons.contains("/proc: it is on a disk") && reasons.contains("/nowhere: No such file"), "{reasons}");
    }
}
