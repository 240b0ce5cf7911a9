//! The folder where log records wait on disk. Each process writes files of its own, and holds a lock as long as it lives;
//! files whose owner is gone are taken over by the next process that comes.
//!
//! `OWNER.lock`, `OWNER.SINK.NUMBER.ndjson`; beside them `refused.ndjson` and `damaged-*`, which are for people.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::{Result, file_error};
use crate::ident::{RuntimeId, new_identity};

/// The end of the name of a file with lines.
const PART: &str = ".ndjson";
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
    /// Our own lock, taken with the first file.
    own: Mutex<Option<File>>,
    /// The locks of owners that are gone, whose files we deliver.
    adopted: Mutex<Vec<(String, File)>>,
}

impl Folder {
    /// The folder, with what others have left in it. It is made when the first line has to wait.
    pub(super) fn open(path: &Path) -> Self {
        let owner = new_identity();
        let mut adopted = Vec::new();
        for other in owners(path).into_iter().take(ADOPTED_MAX) {
            let lock = OpenOptions::new().create(true).truncate(false).write(true).open(lock_of(path, &other));
            // a lock that is held has a living owner; a folder that cannot be written is not ours to clear
            if let Ok(lock) = lock
                && lock.try_lock().is_ok()
            {
                adopted.push((other, lock));
            }
        }
        Self { path: path.to_owned(), owner, own: Mutex::default(), adopted: Mutex::new(adopted) }
    }

    /// For each sink the files that others have left, oldest first.
    pub(super) fn left(&self) -> BTreeMap<String, Vec<PathBuf>> {
        let mut left: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for (owner, _) in self.adopted.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            for (sink, path) in parts_of(&self.path, owner) {
                left.entry(sink).or_default().push(path);
            }
        }
        left.values_mut().for_each(|paths| paths.sort());
        left
    }

    /// A new file for lines of `sink`; files are read in the order of their numbers.
    pub(super) fn create(&self, sink: &str, number: u64) -> Result<(PathBuf, File)> {
        fs::create_dir_all(&self.path).map_err(|cause| self.failed("make", &self.path, cause))?;
        self.lock()?;
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
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner).take();
        let adopted = std::mem::take(&mut *self.adopted.lock().unwrap_or_else(PoisonError::into_inner));
        for (owner, _lock) in adopted.into_iter().chain(own.map(|lock| (self.owner.clone(), lock))) {
            if parts_of(&self.path, &owner).is_empty() {
                let _ = fs::remove_file(lock_of(&self.path, &owner));
            }
        }
    }

    fn lock(&self) -> Result<()> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.is_none() {
            let path = lock_of(&self.path, &self.owner);
            let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(FILE_MODE).open(&path);
            let lock = lock.map_err(|cause| self.failed("make", &path, cause))?;
            lock.lock().map_err(|cause| self.failed("lock", &path, cause))?;
            *own = Some(lock);
        }
        Ok(())
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

fn lock_of(folder: &Path, owner: &str) -> PathBuf {
    folder.join(format!("{owner}.lock"))
}

/// Owner and sink of a file with lines.
fn owner_and_sink(name: &str) -> Option<(&str, &str)> {
    let (owner, rest) = name.strip_suffix(PART)?.split_once('.')?;
    let (sink, number) = rest.rsplit_once('.')?;
    (number.bytes().all(|byte| byte.is_ascii_digit())).then_some((owner, sink))
}

fn names_in(folder: &Path) -> Vec<String> {
    // a folder that is not there holds nothing
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn owners(folder: &Path) -> Vec<String> {
    let names = names_in(folder);
    let with_lines = names.iter().filter_map(|name| owner_and_sink(name)).map(|(owner, _)| owner);
    let with_locks = names.iter().filter_map(|name| name.strip_suffix(".lock"));
    let is_owner = |name: &&str| name.parse::<RuntimeId>().is_ok();
    let mut owners: Vec<String> = with_lines.chain(with_locks).filter(is_owner).map(str::to_owned).collect();
    owners.sort();
    owners.dedup();
    owners
}

fn parts_of(folder: &Path, owner: &str) -> Vec<(String, PathBuf)> {
    let names = names_in(folder);
    let own = names.iter().filter_map(|name| owner_and_sink(name).map(|(of, sink)| (of, sink, name)));
    own.filter(|(of, ..)| *of == owner).map(|(_, sink, name)| (sink.to_owned(), folder.join(name))).collect()
}
