//! Taking a file: moved out of everybody's way first, stored then, and noted last. A worker that dies in between leaves a
//! file behind that the next one adopts.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

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
use crate::storage::{KeepOptions, KeptFile, Storage, original, written};
use crate::tables::{FolderRow, Found, NewDocument};

/// So many files are stored together, and noted in one transaction.
const BATCH: usize = 128;
/// A file that was taken, that nobody knows, and that no worker has in hand, is adopted after so long; or later, where the file
/// system has no locks by which that is known.
const STRAY_AGE: Duration = Duration::from_secs(10);
const STRAY_AGE_WITHOUT_LOCKS: Duration = Duration::from_secs(60);
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
    /// The locks that say that these files are in hand.
    pub(super) in_hand: Vec<File>,
    /// Files that are known to be those of tasks.
    pub(super) known: BTreeSet<PathBuf>,
    /// Since when it could not be noted.
    pub(super) unnoted_since: Option<Instant>,
}

impl Taker {
    /// Takes these files; how many it was. One that cannot be taken stays, and is told.
    ///
    /// # Errors
    /// What concerns all files: the database, or the disk. They are back where they were then.
    pub(super) fn take_all(
        &mut self,
        look: &mut Look,
        files: &[PathBuf],
        news: &Sender<()>,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<usize> {
        let mut count = 0;
        for some in files.chunks(BATCH) {
            if is_stopped() {
                break;
            }
            count += self.take_some(look, some)?;
            self.flush(news)?;
        }
        Ok(count)
    }

    fn take_some(&mut self, look: &mut Look, paths: &[PathBuf]) -> Result<usize> {
        let mut held = Vec::with_capacity(paths.len());
        for path in paths {
            let one = match self.plan.definition.copy {
                true => self.see(path),
                false => move_away(&look.folder, path),
            };
            match one {
                Ok(Some(one)) => held.push(one),
                Ok(None) => {}
                Err(error) if error.is_temporary() => {
                    held.iter().for_each(put_back);
                    return Err(error);
                }
                Err(error) => refuse(look, path, &error),
            }
        }
        let (new, known): (Vec<Held>, Vec<Held>) = held.into_iter().partition(|held| !held.is_known);
        let stored = self.store(&new).inspect_err(|_| new.iter().for_each(put_back))?;
        let mut count = 0;
        for (held, stored) in new.iter().zip(stored) {
            match stored {
                Ok(true) => {
                    count += 1;
                    self.remove_marker(held);
                    look.copied.extend(held.stays());
                }
                // it is written to
                Ok(false) => put_back(held),
                Err(error) => {
                    put_back(held);
                    refuse(look, &held.origin, &error);
                }
            }
        }
        look.copied.extend(known.iter().filter_map(Held::stays));
        self.in_hand.extend(new.into_iter().filter_map(|held| held.in_hand));
        Ok(count)
    }

    /// A file that stays where it is, as it is now.
    fn see(&mut self, path: &Path) -> Result<Option<Held>> {
        let data =
            fs::symlink_metadata(path).map_err(|cause| file_error(format!("look at {}", path.display()), cause))?;
        let before = regular(path, &data)?;
        let changed = DateTime::from_timestamp(data.ctime(), u32::try_from(data.ctime_nsec()).unwrap_or_default());
        let since = changed.unwrap_or_default().naive_utc();
        let shown = written(path.as_os_str())?;
        let is_known = self.storage.tables().tasks().was_found(self.app_id, &shown, since)?;
        Ok(Some(Held {
            origin: path.to_owned(),
            at: path.to_owned(),
            name: name_of(path).to_owned(),
            before,
            is_known,
            in_hand: None,
        }))
    }

    /// Stores files, and has them noted; for each whether it has not changed meanwhile.
    fn store(&mut self, files: &[Held]) -> Result<Vec<Result<bool>>> {
        let options = |held: &Held| KeepOptions {
            app_id: Some(self.app_id),
            runtime: self.runtime.clone(),
            name: Some(held.name.clone()),
            retention: self.plan.definition.retention.clone(),
            is_given: held.at != held.origin,
            ..KeepOptions::default()
        };
        let keep: Vec<(&Path, KeepOptions)> = files.iter().map(|held| (held.at.as_path(), options(held))).collect();
        let kept = self.storage.keep_paths(&keep)?;
        failpoint::point("pipeline.stored")?;
        Ok(files.iter().zip(kept).map(|(held, kept)| self.stored(held, kept)).collect())
    }

    fn stored(&mut self, held: &Held, kept: Result<KeptFile>) -> Result<bool> {
        let path = &held.at;
        let kept = match kept {
            Err(error) if error.kind() == ErrorKind::Busy && stamp(path)? != held.before => return Ok(false),
            kept => kept?,
        };
        let file = open(path).map_err(|cause| file_error(format!("open {}", path.display()), cause))?;
        if stamp(path)? != held.before || is_open_for_writing(&file) == Some(true) {
            return Ok(false);
        }
        let is_moved = held.at != held.origin;
        self.pending.push(NewDocument {
            app_id: self.app_id,
            sha256: kept.row.sha256,
            file_id: kept.row.id,
            name: written(&held.name)?,
            origin: (!held.origin.as_os_str().is_empty()).then(|| written(held.origin.as_os_str())).transpose()?,
            work: is_moved.then(|| Ok((written(path.as_os_str())?, self.host.clone()))).transpose()?,
            stage: self.plan.order.first().cloned().unwrap_or_default(),
            priority: 0,
        });
        Ok(true)
    }

    fn remove_marker(&self, held: &Held) {
        let Complete::Marker(end) = &self.plan.definition.complete else { return };
        if held.stays().is_some() {
            return;
        }
        let mut marker = held.origin.as_os_str().to_owned();
        marker.push(end);
        // one that stays is a marker for the next file of this name: it is told
        if let Err(cause) = fs::remove_file(&marker) {
            log::warn!("the marker of {} stays: {cause}", held.origin.display());
        }
    }

    /// Notes what was stored.
    pub(super) fn flush(&mut self, news: &Sender<()>) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let failed = self.unnoted_since.get_or_insert_with(Instant::now);
        if failed.elapsed() > STRAY_AGE_WITHOUT_LOCKS / 2 {
            self.leave_what_was_adopted()?;
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
        self.in_hand.clear();
        self.unnoted_since = None;
        // a bell that rings already rings for this, too
        let _ = news.try_send(());
        Ok(())
    }

    /// Leaves out what could not be noted for so long that another machine has adopted it: it is no duplicate of itself.
    fn leave_what_was_adopted(&mut self) -> Result<()> {
        let path_of = |document: &NewDocument| document.work.as_ref().map(|(path, _)| path.clone());
        let paths: Vec<String> = self.pending.iter().filter_map(path_of).collect();
        let adopted: BTreeSet<String> =
            self.storage.tables().tasks().at_work(self.app_id, &paths)?.into_iter().map(|(path, _)| path).collect();
        self.pending.retain(|document| path_of(document).is_none_or(|path| !adopted.contains(&path)));
        Ok(())
    }

    /// Adopts what was taken by a worker that died before it was noted.
    pub(super) fn adopt(&mut self, folder: &Path, news: &Sender<()>) -> Result<()> {
        let work = work_folder(folder);
        let Ok(entries) = fs::read_dir(&work) else { return Ok(()) };
        let mut paths: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| is_marked(path)).collect();
        paths.sort_unstable();
        self.known.retain(|known| known.parent() != Some(work.as_path()) || paths.binary_search(known).is_ok());
        paths.retain(|path| !self.known.contains(path));
        for some in paths.chunks(BATCH) {
            let names: Vec<String> = some.iter().map(|path| written(path.as_os_str())).collect::<Result<_>>()?;
            let known = self.storage.tables().tasks().at_work(self.app_id, &names)?;
            let mut strays = Vec::new();
            for (path, shown) in some.iter().zip(&names) {
                if known.iter().any(|(at, _)| at == shown) {
                    self.known.insert(path.clone());
                    continue;
                }
                let Some(in_hand) = stray(path) else { continue };
                log::warn!("{} was taken by a worker that died: it goes on", path.display());
                match stamp(path) {
                    Ok(before) => strays.push(Held::stray(path, before)),
                    Err(error) => log::warn!("{} cannot go on: {error}", path.display()),
                }
                self.in_hand.push(in_hand);
            }
            for (held, stored) in strays.iter().zip(self.store(&strays)?) {
                if let Err(error) = stored {
                    log::warn!("{} cannot go on: {error}", held.at.display());
                }
            }
            self.flush(news)?;
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

/// A file that somebody took and nobody has in hand any more, taken in hand; `None` for all others.
fn stray(path: &Path) -> Option<File> {
    let data = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    let since = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(data.ctime()).ok()?);
    let age = since.elapsed().ok()?;
    let file = File::open(path).ok()?;
    let least = match file.try_lock() {
        Ok(()) => STRAY_AGE,
        Err(TryLockError::WouldBlock) => return None,
        Err(TryLockError::Error(_)) => STRAY_AGE_WITHOUT_LOCKS,
    };
    (age > least).then_some(file)
}

/// Whether a file in the folder of what was taken has one of our marks: others are somebody's own.
fn is_marked(path: &Path) -> bool {
    let name = name_of(path).as_bytes();
    let mark = name.get(..MARK_BYTES - 1).and_then(|mark| std::str::from_utf8(mark).ok());
    name.get(MARK_BYTES - 1) == Some(&b'-') && mark.is_some_and(|mark| uuid::Uuid::try_parse(mark).is_ok())
}

/// A file that is about to be stored.
struct Held {
    /// Where it was found; empty where nobody knows.
    origin: PathBuf,
    /// Where it is.
    at: PathBuf,
    /// Its name.
    name: OsString,
    /// What it was like when it came here.
    before: Stamp,
    /// Whether it was found before, as it is.
    is_known: bool,
    /// The lock that says that it is in hand, until it is noted.
    in_hand: Option<File>,
}

impl Held {
    /// What a worker that died had moved here.
    fn stray(path: &Path, before: Stamp) -> Self {
        let bytes = name_of(path).as_bytes();
        let name = bytes.get(MARK_BYTES..).filter(|rest| !rest.is_empty()).unwrap_or(bytes);
        let (origin, name) = (PathBuf::new(), OsStr::from_bytes(name).to_owned());
        Self { origin, at: path.to_owned(), name, before, is_known: false, in_hand: None }
    }

    /// Where it stays, and what it was like.
    fn stays(&self) -> Option<(PathBuf, Stamp)> {
        (self.at == self.origin).then(|| (self.origin.clone(), self.before))
    }
}

/// Moves a file away from everybody else; `None` when somebody was faster.
fn move_away(folder: &Path, path: &Path) -> Result<Option<Held>> {
    let (name, work) = (name_of(path), work_folder(folder));
    let mut mark = OsString::from(format!("{}-", new_identity()));
    mark.push(cut(name));
    let at = work.join(mark);
    let moved = match move_to(path, &at) {
        Err(Errno::ENOENT) if !work.exists() => {
            fs::create_dir_all(&work).map_err(|cause| file_error(format!("make {}", work.display()), cause))?;
            move_to(path, &at)
        }
        moved => moved,
    };
    match moved {
        Err(Errno::ENOENT) => return Ok(None),
        moved => {
            moved.map_err(|errno| file_error(format!("move {} into {WORK_SHOWN}", path.display()), errno.into()))?
        }
    }
    // where there are no locks, age has to tell
    let in_hand = File::open(&at).ok().filter(|file| file.try_lock().is_ok());
    failpoint::point("pipeline.taken")?;
    let held = stamp(&at).map(|before| Held {
        origin: path.to_owned(),
        name: name.to_owned(),
        before,
        is_known: false,
        at: at.clone(),
        in_hand,
    });
    held.map(Some).inspect_err(|_| {
        let _ = move_to(&at, path);
    })
}

fn refuse(look: &mut Look, path: &Path, error: &Error) {
    log::warn!("{} is not taken: {error}", path.display());
    look.refuse(path, error.to_string());
}

/// Back to where it was, unless something else stands there by now.
fn put_back(held: &Held) {
    if held.at != held.origin {
        let _ = move_to(&held.at, &held.origin);
    }
}

fn name_of(path: &Path) -> &OsStr {
    path.file_name().unwrap_or(path.as_os_str())
}

/// The folder of what was taken, for messages.
const WORK_SHOWN: &str = "work/";

/// Moves a file where nothing stands yet.
pub(super) fn move_to(from: &Path, to: &Path) -> std::result::Result<(), Errno> {
    renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE)
}

fn stamp(path: &Path) -> Result<Stamp> {
    let data = fs::symlink_metadata(path).map_err(|cause| file_error(format!("look at {}", path.display()), cause))?;
    regular(path, &data)
}

fn regular(path: &Path, data: &fs::Metadata) -> Result<Stamp> {
    match data.is_file() {
        true => Ok(Stamp::of(data)),
        false => Err(Error::failed(format!("take {}: it is no file", path.display()))),
    }
}

/// The end of a name, short enough for something to be put before it.
fn cut(name: &OsStr) -> OsString {
    let bytes = name.as_bytes();
    OsStr::from_bytes(&bytes[bytes.len().saturating_sub(NAME_BYTES_MAX)..]).to_owned()
}
