//! The folder where log records wait on disk. Each process writes files of its own for each sink, and holds a lock as
//! long as it lives; files whose owner is gone are taken over by the next process with that sink.
//!
//! `OWNER.SINK.lock`, `OWNER.SINK.PLACE.ndjson`; beside them `refused.ndjson` and `damaged-*`, which are for people.
//! PLACE is where the file's first byte stands in the stream of the owner's lines.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::aside::{self, FILE_MODE};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::ident::{RuntimeId, new_identity};

/// The end of the name of a file with lines.
const PART: &str = ".ndjson";
/// The end of the name of a lock.
const LOCK: &str = ".lock";
/// How many owners that are gone are taken over at once; each costs an open file.
const ADOPTED_MAX: usize = 200;

/// A place of a file has so many digits.
const PLACE_DIGITS: usize = 20;
/// Files of older versions are numbered, with fewer digits; none of them is larger than this many bits can count.
const NUMBER_DIGITS: usize = 10;
const NUMBERED_BITS: u32 = 26;

/// A file with lines that wait.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LineFile {
    /// The stream that its lines are of: the identity of the process that wrote them.
    pub(super) owner: String,
    /// Where its first byte stands in the stream.
    pub(super) start: u64,
    pub(super) path: PathBuf,
}

/// The folder, with the locks that this process holds.
pub(super) struct Folder {
    path: PathBuf,
    owner: String,
    locks: Mutex<Vec<Lock>>,
}

/// As long as it is held, the files of one owner for one sink belong to this process.
struct Lock {
    owner: String,
    sink: String,
    _file: File,
}

impl Folder {
    /// The folder. It is made when the first line has to wait.
    pub(super) fn new(path: &Path) -> Self {
        Self::owned_by(path, &new_identity())
    }

    /// The folder, for lines that have an identity already.
    pub(super) fn owned_by(path: &Path, owner: &str) -> Self {
        Self { path: path.to_owned(), owner: owner.to_owned(), locks: Mutex::default() }
    }

    /// Takes over what processes that are gone have left for a sink: the files, oldest first.
    pub(super) fn adopt(&self, sink: &str) -> Vec<LineFile> {
        let mut adopted = Vec::new();
        for owner in owners(&self.path, sink).into_iter().take(ADOPTED_MAX) {
            let lock = OpenOptions::new().create(true).truncate(false).write(true).open(self.lock_of(&owner, sink));
            // a lock that is held has a living owner; a folder that cannot be written is not ours to clear
            if let Ok(file) = lock
                && file.try_lock().is_ok()
            {
                adopted.extend(parts_of(&self.path, &owner, sink));
                self.locks().push(Lock { owner, sink: sink.to_owned(), _file: file });
            }
        }
        adopted
    }

    /// A new file for lines of `sink`, whose first byte stands at `start` in the stream; files are read in this order.
    pub(super) fn create(&self, sink: &str, start: u64) -> Result<(PathBuf, File)> {
        fs::create_dir_all(&self.path).map_err(|cause| self.failed("make", &self.path, cause))?;
        self.lock(sink)?;
        let path = self.path.join(format!("{}.{sink}.{start:0PLACE_DIGITS$}{PART}", self.owner));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(&path);
        file.map(|file| (path.clone(), file)).map_err(|cause| self.failed("make", &path, cause))
    }

    /// Keeps a line that a sink refused for good, with the reason.
    pub(super) fn refuse(&self, sink: &str, reason: &str, line: &[u8]) -> Result<()> {
        aside::keep(&self.path, sink, reason, line)
    }

    /// Deletes what there is of our own for `sink`: it is written anew.
    ///
    /// # Errors
    /// Busy while another process delivers it.
    pub(super) fn clear(&self, sink: &str) -> Result<()> {
        fs::create_dir_all(&self.path).map_err(|cause| self.failed("make", &self.path, cause))?;
        self.lock(sink)?;
        for LineFile { path, .. } in parts_of(&self.path, &self.owner, sink) {
            fs::remove_file(&path).map_err(|cause| self.failed("delete", &path, cause))?;
        }
        Ok(())
    }

    /// Keeps damaged bytes of a file; tells where.
    pub(super) fn set_aside(&self, part: &Path, file: &File, range: Range<u64>) -> Result<PathBuf> {
        let name = part.file_name().unwrap_or_default().to_string_lossy();
        let path = self.path.join(format!("damaged-{name}-{}-{}", range.start, range.end));
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or_default()];
        file.read_exact_at(&mut bytes, range.start).map_err(|cause| self.failed("read", part, cause))?;
        let kept = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&path);
        kept.and_then(|mut file| file.write_all(&bytes)).map_err(|cause| self.failed("write", &path, cause))?;
        Ok(path)
    }

    /// The identity of this process here: its lines are a stream of this name.
    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves what is still here to the next process. A lock goes with the last of its files.
    pub(super) fn release(&self) {
        for Lock { owner, sink, _file } in self.locks().drain(..) {
            if parts_of(&self.path, &owner, &sink).is_empty() {
                let _ = fs::remove_file(self.lock_of(&owner, &sink));
            }
        }
    }

    /// Takes our own lock for a sink, with its first file.
    fn lock(&self, sink: &str) -> Result<()> {
        let mut locks = self.locks();
        if locks.iter().any(|lock| lock.owner == self.owner && lock.sink == sink) {
            return Ok(());
        }
        let path = self.lock_of(&self.owner, sink);
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(FILE_MODE).open(&path);
        let file = file.map_err(|cause| self.failed("make", &path, cause))?;
        if file.try_lock().is_err() {
            return Err(Error::new(
                ErrorKind::Busy,
                format!("lock {}: another dc delivers its records", path.display()),
            ));
        }
        locks.push(Lock { owner: self.owner.clone(), sink: sink.to_owned(), _file: file });
        Ok(())
    }

    fn locks(&self) -> MutexGuard<'_, Vec<Lock>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_of(&self, owner: &str, sink: &str) -> PathBuf {
        self.path.join(format!("{owner}.{sink}{LOCK}"))
    }

    fn failed(&self, what: &str, path: &Path, cause: std::io::Error) -> crate::error::Error {
        file_error(format!("{what} {}", path.display()), cause)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.release();
    }
}

/// The file of this name, if it has lines for `sink`.
fn line_file(folder: &Path, name: &str, sink: &str) -> Option<LineFile> {
    let (owner, rest) = name.split_once('.')?;
    let digits = rest.strip_prefix(sink)?.strip_prefix('.')?.strip_suffix(PART)?;
    let is_ours = digits.bytes().all(|byte| byte.is_ascii_digit()) && owner.parse::<RuntimeId>().is_ok();
    let number: u64 = digits.parse().ok().filter(|_| is_ours)?;
    let start = if digits.len() > NUMBER_DIGITS { number } else { number << NUMBERED_BITS };
    Some(LineFile { owner: owner.to_owned(), start, path: folder.join(name) })
}

fn names_in(folder: &Path) -> Vec<String> {
    // a folder that is not there holds nothing
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// All files with lines for `sink`.
fn line_files(folder: &Path, sink: &str) -> impl Iterator<Item = LineFile> {
    names_in(folder).into_iter().filter_map(move |name| line_file(folder, &name, sink))
}

/// Who has files with lines for `sink`, in the order of time: identities grow with it.
fn owners(folder: &Path, sink: &str) -> BTreeSet<String> {
    line_files(folder, sink).map(|file| file.owner).collect()
}

/// The files of an owner for `sink`, in their order.
fn parts_of(folder: &Path, owner: &str, sink: &str) -> Vec<LineFile> {
    let mut files: Vec<LineFile> = line_files(folder, sink).filter(|file| file.owner == owner).collect();
    files.sort_unstable();
    files
}
