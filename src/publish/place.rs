//! Where a fetched app stands: `.dc/fetched/<group>/<parent>/<name>/<hash>/`, made whole beside its place and then renamed.
//! Whoever runs it holds a shared lock on its folder, so that it stays while it is used.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::error::{Result, file_error};
use crate::ident::AppName;
use crate::settings::Settings;
use crate::tables::hex_text;

/// The folder of all fetched apps, in the project's.
const ROOT: &str = ".dc/fetched";
/// So many digits of the sum name a folder.
const DIGITS: usize = 16;
/// The end of what is not there as a whole yet, or not any more.
const PART: &str = ".part";
/// Held by whoever fetches an app, or takes old ones away.
const TURN: &str = ".lock";
/// The mode of its folder before the umask: the app may be of another user.
const MODE: u32 = 0o777;
/// What was replaced and is not used goes after so long: what a run that was killed has left may still be at work.
const UNUSED_STAY: Duration = Duration::from_secs(3_600);

/// The place of a fetched app.
pub(super) struct Place {
    /// The folder of all versions of the app.
    above: PathBuf,
    /// Its own.
    pub(super) folder: PathBuf,
}

/// A fetched app that is used: its folder stays until this is dropped.
#[derive(Debug)]
pub(super) struct InUse(#[expect(dead_code, reason = "held for the lock on it")] File);

impl Place {
    pub(super) fn of(settings: &Settings, app: &AppName, sha256: &[u8]) -> Self {
        let above = settings.project.root.join(ROOT).join(app.to_string());
        let folder = above.join(digits(sha256));
        Self { above, folder }
    }

    /// Whether it was fetched.
    pub(super) fn is_there(&self) -> bool {
        self.folder.is_dir()
    }

    /// Uses it; `None` where it is not there.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn enter(&self) -> Result<Option<InUse>> {
        let failed = |cause| file_error(format!("use {}", self.folder.display()), cause);
        let folder = match File::open(&self.folder) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        folder.lock_shared().map_err(failed)?;
        // it may have been taken away before it was locked
        let is_same = match self.folder.metadata() {
            Ok(data) => folder.metadata().is_ok_and(|own| (own.dev(), own.ino()) == (data.dev(), data.ino())),
            Err(_) => false,
        };
        // one that belongs to somebody else has its time from its owner
        let _ = folder.set_modified(SystemTime::now());
        Ok(is_same.then_some(InUse(folder)))
    }

    /// Waits until nobody else on this machine fetches this app.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn take_turn(&self) -> Result<File> {
        let failed = |cause| file_error(format!("make the folder {}", self.above.display()), cause);
        fs::create_dir_all(&self.above).map_err(failed)?;
        let turn = turn(&self.above).map_err(failed)?;
        turn.lock().map_err(failed)?;
        sweep(&self.above);
        Ok(turn)
    }

    /// Takes away the other versions that nobody uses, for who has the turn.
    pub(super) fn clear_others(&self) {
        for version in versions(&self.above).filter(|version| *version != self.folder) {
            take_away(&version);
        }
    }

    /// A folder beside its place, for who has the turn; it goes when it is dropped.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn part(&self) -> Result<TempDir> {
        let part = tempfile::Builder::new()
            .prefix(".")
            .suffix(PART)
            .permissions(Permissions::from_mode(MODE))
            .tempdir_in(&self.above);
        part.map_err(|cause| file_error(format!("make a folder in {}", self.above.display()), cause))
    }

    /// Gives what was made beside it its place.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn settle(&self, part: TempDir) -> Result<()> {
        let failed = |cause| file_error(format!("make the folder {}", self.folder.display()), cause);
        fs::rename(part.path(), &self.folder).map_err(failed)?;
        // what was there has another name now
        let _ = part.keep();
        File::open(&self.above).and_then(|above| above.sync_all()).map_err(failed)
    }
}

/// The name of the folder for a sum.
fn digits(sha256: &[u8]) -> String {
    let mut digits = hex_text(sha256);
    digits.truncate(DIGITS);
    digits
}

fn turn(above: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(above.join(TURN))
}

/// Takes away what was never finished: its maker had the turn, and is gone.
fn sweep(above: &Path) {
    for entry in fs::read_dir(above).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().ends_with(PART.as_bytes())
            && let Err(cause) = fs::remove_dir_all(entry.path())
        {
            log::warn!("{} stays for now: {cause}", entry.path().display());
        }
    }
}

/// Takes away the fetched apps of this project that are not among those that are wanted, and not used. What cannot be
/// taken away stays for the next time.
pub fn tidy(settings: &Settings, wanted: &[(AppName, Vec<u8>)]) {
    let root = settings.project.root.join(ROOT);
    let wanted: Vec<PathBuf> = wanted.iter().map(|(app, sha256)| Place::of(settings, app, sha256).folder).collect();
    let parents = folders(&root).flat_map(|group| folders(&group).collect::<Vec<_>>());
    for above in parents.flat_map(|parent| folders(&parent).collect::<Vec<_>>()) {
        let old: Vec<PathBuf> = versions(&above).filter(|version| !wanted.contains(version)).collect();
        // whoever fetches it now sees to it later
        if let (false, Ok(turn)) = (old.is_empty(), turn(&above))
            && turn.try_lock().is_ok()
        {
            sweep(&above);
            old.iter().for_each(|version| take_away(version));
        }
    }
}

fn folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir())
}

/// The versions of an app that are whole.
fn versions(above: &Path) -> impl Iterator<Item = PathBuf> {
    folders(above).filter(|version| !version.as_os_str().as_encoded_bytes().ends_with(PART.as_bytes()))
}

fn take_away(version: &Path) {
    if let Err(cause) = try_take_away(version) {
        log::warn!("{} stays for now: {cause}", version.display());
    }
}

fn try_take_away(version: &Path) -> io::Result<()> {
    let folder = File::open(version)?;
    let age = folder.metadata()?.modified()?.elapsed().unwrap_or_default();
    if age < UNUSED_STAY {
        return Ok(());
    }
    match folder.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(cause)) => return Err(cause),
    }
    let mut part = version.as_os_str().to_owned();
    part.push(PART);
    fs::rename(version, &part)?;
    fs::remove_dir_all(&part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Environment, Source};

    #[test]
    fn what_is_used_or_wanted_stays_and_what_is_old_goes() {
        let project = tempfile::tempdir().expect("a folder");
        let source = Source { folder: Some(project.path().to_owned()), config: None };
        let settings = Settings::load(&source, Environment::of([])).expect("settings");
        let app: AppName = "a/b/c".parse().expect("a name");
        let place = |number: u8| Place::of(&settings, &app, &[number; 32]);
        for number in 1..=4 {
            let place = place(number);
            let _turn = place.take_turn().expect("a turn");
            let part = place.part().expect("a folder");
            fs::write(part.path().join("main"), [number]).expect("a file");
            place.settle(part).expect("its place");
            assert!(place.is_there());
        }
        let used = place(2).enter().expect("no failure").expect("it is there");
        let age = |number: u8| {
            let folder = File::open(place(number).folder).expect("a folder");
            folder.set_modified(SystemTime::now() - 2 * UNUSED_STAY).expect("its age");
        };
        [1, 2, 3].into_iter().for_each(age);
        let there = || [1, 2, 3, 4].map(|number| place(number).is_there());
        tidy(&settings, &[(app.clone(), vec![3; 32])]);
        assert_eq!(there(), [false, true, true, true]);
        drop(used);
        tidy(&settings, &[]);
        assert_eq!(there(), [false, false, false, true], "the last one was used a moment ago");
        assert!(place(2).enter().expect("no failure").is_none());
        // what was left half made goes with the next turn
        let _left = place(1).part().expect("a folder").keep();
        let count = || fs::read_dir(&place(1).above).expect("a folder").flatten().count();
        assert_eq!(count(), 3);
        drop(place(1).take_turn().expect("a turn"));
        assert_eq!(count(), 2, "the last one and the lock");
    }
}
