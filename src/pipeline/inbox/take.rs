//! Taking a file: moved out of everybody's way first, stored then, and noted last. A worker that dies in between leaves a
//! file behind that the next one adopts.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::DateTime;
use crossbeam_channel::Sender;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use super::super::plan::Plan;
use super::candidate::{Stamp, open};
use super::look::{Look, Seen};
use super::work_folder;
use crate::apps::{Complete, is_open_for_writing};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::failpoint;
use crate::ident::new_identity;
use crate::storage::{KeepOptions, Storage, original, written};
use crate::tables::{FolderRow, Found, NewDocument};

/// So many documents are noted in one transaction.
const BATCH: usize = 64;
/// A file that was taken and that nobody knows is adopted after so long.
const STRAY_AGE: Duration = Duration::from_secs(60);
/// A name of more bytes is cut in the folder of what was taken; the whole one stands in the database.
const NAME_BYTES_MAX: usize = 200;
/// The length of what is put before a name there, with the dash behind it.
const MARK_BYTES: usize = 37;

/// Takes files for a pipeline.
pub(super) struct Taker {
    pub(super) plan: Arc<Plan>,
    pub(super) app_id: i64,
    pub(super) runtime: Option<String>,
    pub(super) host: String,
    pub(super) storage: Storage,
    /// Is told of new tasks.
    pub(super) found: Sender<i64>,
    /// Stored, and not noted yet.
    pub(super) pending: Vec<NewDocument>,
}

impl Taker {
    /// Takes these files; how many it was. One that cannot be taken stays, and is told.
    ///
    /// # Errors
    /// What concerns all files: the database, or the disk.
    pub(super) fn take_all(
        &mut self,
        look: &mut Look,
        files: &[PathBuf],
        news: &Sender<()>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<usize> {
        let mut count = 0;
        for path in files {
            if is_stopped() {
                break;
            }
            let taken = match self.plan.definition.copy {
                true => self.copy(look, path),
                false => self.take(&look.folder, path),
            };
            match taken {
                Ok(true) => count += 1,
                Ok(false) => {}
                Err(error) if error.is_temporary() || error.kind() == ErrorKind::Refused => return Err(error),
                Err(error) => log::warn!("{} is not taken: {error}", path.display()),
            }
            if self.pending.len() >= BATCH {
                self.flush(news)?;
            }
        }
        self.flush(news)?;
        Ok(count)
    }

    /// Takes one file; false when somebody else has, or it is written to again.
    fn take(&mut self, folder: &Path, path: &Path) -> Result<bool> {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let work = work_folder(folder);
        let cut = cut(name);
        let mut mark = std::ffi::OsString::from(format!("{}-", new_identity()));
        mark.push(&cut);
        let taken = work.join(mark);
        match move_to(path, &taken) {
            Err(Errno::ENOENT) if !work.exists() => {
                let made = fs::create_dir(&work);
                made.or_else(|cause| match cause.kind() {
                    std::io::ErrorKind::AlreadyExists => Ok(()),
                    _ => Err(cause),
                })
                .map_err(|cause| file_error(format!("make {}", work.display()), cause))?;
                return self.take(folder, path);
            }
            // somebody was faster
            Err(Errno::ENOENT) => return Ok(false),
            moved => {
                moved.map_err(|errno| file_error(format!("move {} into {WORK_SHOWN}", path.display()), errno.into()))?
            }
        }
        failpoint::point("pipeline.taken")?;
        let stored = self.store(&taken, written(name)?, Some(written(path.as_os_str())?));
        match stored {
            Ok(true) => {
                if let Complete::Marker(end) = &self.plan.definition.complete {
                    let mut marker = path.as_os_str().to_owned();
                    marker.push(end);
                    // one that stays is a marker for the next file of this name: it is told
                    if let Err(cause) = fs::remove_file(&marker) {
                        log::warn!("the marker of {} stays: {cause}", path.display());
                    }
                }
                Ok(true)
            }
            Ok(false) => {
                // it is written to: back to where it was, unless something else stands there by now
                let _ = move_to(&taken, path);
                Ok(false)
            }
            Err(error) => {
                let _ = move_to(&taken, path);
                Err(error)
            }
        }
    }

    /// Takes a copy of one file, unless it was taken as it is; false when it is written to again.
    fn copy(&mut self, look: &mut Look, path: &Path) -> Result<bool> {
        let before = stamp(path)?;
        let shown = written(path.as_os_str())?;
        let data =
            fs::symlink_metadata(path).map_err(|cause| file_error(format!("look at {}", path.display()), cause))?;
        let changed = DateTime::from_timestamp(data.ctime(), u32::try_from(data.ctime_nsec()).unwrap_or_default());
        let since = changed.unwrap_or_default().naive_utc();
        let is_known = self.storage.tables().tasks().was_found(self.app_id, &shown, since)?;
        if !is_known && !self.store(path, written(path.file_name().unwrap_or(path.as_os_str()))?, Some(shown))? {
            return Ok(false);
        }
        look.copied.insert(path.to_owned(), before);
        Ok(!is_known)
    }

    /// Stores a file that was taken, and has it noted; false when it changes.
    fn store(&mut self, taken: &Path, name: String, origin: Option<String>) -> Result<bool> {
        let before = stamp(taken)?;
        let options = KeepOptions {
            app_id: Some(self.app_id),
            runtime: self.runtime.clone(),
            name: Some(original(&name).to_string_lossy().into_owned()).filter(|_| name.is_ascii()),
            retention: self.plan.definition.retention.clone(),
            ..KeepOptions::default()
        };
        let kept = match self.storage.keep_path(taken, &options) {
            Err(error) if error.kind() == ErrorKind::Busy && stamp(taken)? != before => return Ok(false),
            kept => kept?,
        };
        let file = open(taken).map_err(|cause| file_error(format!("open {}", taken.display()), cause))?;
        if stamp(taken)? != before || is_open_for_writing(&file) == Some(true) {
            return Ok(false);
        }
        failpoint::point("pipeline.stored")?;
        self.pending.push(NewDocument {
            app_id: self.app_id,
            sha256: kept.row.sha256,
            file_id: kept.row.id,
            name,
            origin,
            work: match self.plan.definition.copy {
                true => None,
                false => Some((written(taken.as_os_str())?, self.host.clone())),
            },
            stage: self.plan.order.first().cloned().unwrap_or_default(),
            priority: 0,
        });
        Ok(true)
    }

    /// Notes what was stored.
    pub(super) fn flush(&mut self, news: &Sender<()>) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let found = self.storage.tables().tasks().take_in(&self.pending)?;
        for (document, found) in self.pending.drain(..).zip(found) {
            if let Found::New(task, _) = found {
                // the worker may have ended
                let _ = self.found.send(task);
            }
            match found {
                Found::New(task, Some(before)) => {
                    log::info!(task = task; "{} has other bytes than in task {before}", document.name);
                }
                Found::New(task, None) => log::debug!(task = task; "{} was found", document.name),
                Found::Known(task) => {
                    log::info!(task = task; "{} came before, as task {task}: nothing is to be done", document.name);
                    // its bytes are stored
                    if let Some((path, _)) = &document.work {
                        let _ = fs::remove_file(original(path));
                    }
                }
            }
        }
        // a bell that rings already rings for this, too
        let _ = news.try_send(());
        Ok(())
    }

    /// Adopts what was taken by a worker that died before it was noted.
    pub(super) fn adopt(&mut self, folder: &Path) -> Result<()> {
        let work = work_folder(folder);
        let Ok(entries) = fs::read_dir(&work) else { return Ok(()) };
        let old = |path: &Path| {
            let changed = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
            let since = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(changed.ctime()).ok()?);
            (since.elapsed().ok()? > STRAY_AGE).then_some(())
        };
        let paths: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| old(path).is_some()).collect();
        for some in paths.chunks(BATCH) {
            let names: Vec<String> = some.iter().map(|path| written(path.as_os_str())).collect::<Result<_>>()?;
            let known = self.storage.tables().tasks().at_work(self.app_id, &self.host, &names)?;
            for (path, shown) in some.iter().zip(&names) {
                if known.iter().any(|(at, _)| at == shown) {
                    continue;
                }
                let name = path.file_name().unwrap_or_default();
                let name = String::from_utf8_lossy(name.as_encoded_bytes()).into_owned();
                let name = name.get(MARK_BYTES..).filter(|rest| !rest.is_empty()).unwrap_or(&name).to_owned();
                log::warn!("{} was taken by a worker that died: it goes on", path.display());
                if let Err(error) = self.store(path, name, None) {
                    log::warn!("{} cannot go on: {error}", path.display());
                }
            }
        }
        Ok(())
    }

    /// Notes what was seen in a folder.
    pub(super) fn note(&mut self, look: &Look, seen: &Seen, way: &str) -> Result<()> {
        let row = FolderRow {
            app_id: self.app_id,
            host: self.host.clone(),
            folder: look.folder.to_string_lossy().into_owned(),
            looked_at: crate::clock::now(),
            way: way.to_owned(),
            waiting_count: i64::try_from(seen.waiting_count).unwrap_or(i64::MAX),
            waiting: serde_json::to_string(&seen.waiting).unwrap_or_default(),
            ignored: i64::try_from(seen.ignored).unwrap_or(i64::MAX),
            error: seen.error.clone(),
        };
        self.storage.tables().tasks().note_folder(&row)
    }
}

/// The folder of what was taken, for messages.
const WORK_SHOWN: &str = "work/";

/// Moves a file where nothing stands yet.
pub(super) fn move_to(from: &Path, to: &Path) -> std::result::Result<(), Errno> {
    renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE)
}

fn stamp(path: &Path) -> Result<Stamp> {
    let data = fs::symlink_metadata(path).map_err(|cause| file_error(format!("look at {}", path.display()), cause))?;
    if !data.is_file() {
        return Err(Error::failed(format!("take {}: it is no file", path.display())));
    }
    Ok(Stamp::of(&data))
}

/// The end of a name, short enough for something to be put before it.
fn cut(name: &OsStr) -> std::ffi::OsString {
    use std::os::unix::ffi::OsStrExt;
    let bytes = name.as_bytes();
    OsStr::from_bytes(&bytes[bytes.len().saturating_sub(NAME_BYTES_MAX)..]).to_owned()
}
