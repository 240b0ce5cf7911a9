//! The folder where log records wait on disk. Each process writes files of its own for each sink, and holds a lock as
//! long as it lives; files whose owner is gone are taken over by the next process with that sink.
//!
//! `OWNER.SINK.lock`, `OWNER.SINK.NUMBER.ndjson`; beside them `refused.ndjson` and `damaged-*`, which are for people.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Result, file_error};
use crate::ident::{RuntimeId, new_identity};

/// The end of the name of a file with lines.
const PART: &str = ".ndjson";
/// The end of the name of a lock.
const LOCK: &str = ".lock";
/// What sinks refused for good.
const REFUSED: &str = "refused.ndjson";
/// How many owners that are gone are taken over at once; each costs an open file.
const ADOPTED_MAX: usize = 200;
/// Only the user reads what waits here: log records may be private.
const FILE_MODE: u32 = 0o600;

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
        Self { path: path.to_owned(), owner: new_identity(), locks: Mutex::default() }
    }

    /// Takes over what processes that are gone have left for a sink: the files, oldest first.
    pub(super) fn adopt(&self, sink: &str) -> Vec<PathBuf> {
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

    /// A new file for lines of `sink`; files are read in the order of their numbers.
    pub(super) fn create(&self, sink: &str, number: u64) -> Result<(PathBuf, File)> {
        fs::create_dir_all(&self.path).map_err(|cause| self.failed("make", &self.path, cause))?;
        self.lock(sink)?;
        let path = self.path.join(format!("{}.{sink}.{number:010}{PART}", self.owner));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(&path);
        file.map(|file| (path.clone(), file)).map_err(|cause| self.failed("make", &path, cause))
    }

    /// Keeps a line that a sink refused for good, with the reason.
    pub(super) fn refuse(&self, sink: &str, reason: &str, line: &[u8]) -> Result<()> {
        let path = self.path.join(REFUSED);
        let record: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
        let text = serde_json::json!({ "sink": sink, "error": reason, "record": record });
        fs::create_dir_all(&self.path).map_err(|cause| self.failed("make", &self.path, cause))?;
        let file = OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(&path);
        let written = file.and_then(|mut file| file.write_all(format!("{text}\n").as_bytes()));
        written.map_err(|cause| self.failed("write", &path, cause))
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
        file.lock().map_err(|cause| self.failed("lock", &path, cause))?;
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

/// The owner of a file with lines for `sink`.
fn owner_of<'a>(name: &'a str, sink: &str) -> Option<&'a str> {
    let (owner, rest) = name.split_once('.')?;
    let number = rest.strip_prefix(sink)?.strip_prefix('.')?.strip_suffix(PART)?;
    let is_ours = number.bytes().all(|byte| byte.is_ascii_digit()) && owner.parse::<RuntimeId>().is_ok();
    is_ours.then_some(owner)
}

fn names_in(folder: &Path) -> Vec<String> {
    // a folder that is not there holds nothing
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Who has files with lines for `sink`, in the order of time: identities grow with it.
fn owners(folder: &Path, sink: &str) -> BTreeSet<String> {
    names_in(folder).iter().filter_map(|name| owner_of(name, sink)).map(str::to_owned).collect()
}

/// The files of an owner for `sink`, in their order.
fn parts_of(folder: &Path, owner: &str, sink: &str) -> Vec<PathBuf> {
    let mut names = names_in(folder);
    names.retain(|name| owner_of(name, sink) == Some(owner));
    names.sort();
    names.into_iter().map(|name| folder.join(name)).collect()
}
