//! The queue of those who are about to write into one SQLite file.
//!
//! SQLite has whoever finds the file taken look again, after pauses of up to a tenth of a second: where many runs end at
//! once the file stands idle between two looks, and whoever came late and looks often goes first. Here they wait in the
//! system's own queue, a lock on a file beside the database, and the next one is woken at once. It is a courtesy: SQLite's
//! own lock decides, and whoever cannot queue goes on without.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::libc;

/// How long one waits: whoever is at the head may have been stopped by a signal.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long one does without after that.
const WITHOUT: Duration = Duration::from_secs(60);

/// The queue of one database.
pub(super) struct WriteQueue {
    file: PathBuf,
    database: PathBuf,
    without_until: Option<Instant>,
}

/// The place at the head of the queue, until it is dropped.
pub(super) struct Head(#[expect(dead_code, reason = "held for what dropping it does")] Flock<File>);

impl WriteQueue {
    /// The queue of an SQLite file. Its own file is made when it is first needed.
    pub(super) fn of(database: &Path) -> Self {
        let mut file = database.as_os_str().to_owned();
        file.push("-queue");
        Self { file: file.into(), database: database.to_owned(), without_until: None }
    }

    /// Waits for the head of the queue; `None` where that cannot be had.
    pub(super) fn wait(&mut self) -> Option<Head> {
        if self.without_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let file = self.open().ok()?;
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Some(Head(lock)),
            Err((file, nix::Error::EWOULDBLOCK)) => file,
            Err(_) => return None,
        };
        // a lock has no time-out: a thread waits for it, and gives it back when nobody takes it any more
        let (given, taken) = mpsc::sync_channel(0);
        let thread = thread::Builder::new().name("write queue".to_owned()).spawn(move || {
            if let Ok(lock) = Flock::lock(file, FlockArg::LockExclusive) {
                let _ = given.send(lock);
            }
        });
        match thread.ok().map(|_| taken.recv_timeout(PATIENCE)) {
            Some(Ok(lock)) => Some(Head(lock)),
            _ => {
                self.without_until = Some(Instant::now() + WITHOUT);
                None
            }
        }
    }

    /// The file of the queue, for whoever may read the database.
    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        match options.read(true).custom_flags(flags).open(&self.file) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            outcome => return outcome,
        }
        let mode = std::fs::metadata(&self.database)?.permissions().mode();
        match OpenOptions::new().write(true).create_new(true).custom_flags(flags).open(&self.file) {
            Ok(file) => {
                file.set_permissions(PermissionsExt::from_mode(mode & 0o666))?;
                Ok(file)
            }
            // another made it just now
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => options.open(&self.file),
            Err(cause) => Err(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_one_after_the_other_and_nobody_waits_for_ever() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("a.db");
        std::fs::write(&database, "").expect("a file");
        let queue = || WriteQueue::of(&database);
        let inside = std::sync::atomic::AtomicUsize::new(0);
        let order = std::sync::atomic::Ordering::SeqCst;
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut queue = queue();
                    for _ in 0..20 {
                        let head = queue.wait().expect("the head");
                        assert_eq!(inside.fetch_add(1, order), 0);
                        thread::sleep(Duration::from_micros(100));
                        inside.fetch_sub(1, order);
                        drop(head);
                    }
                });
            }
        });
        let head = queue().wait().expect("the head");
        let (mut second, began) = (queue(), Instant::now());
        assert!(second.wait().is_none() && began.elapsed() >= PATIENCE);
        let began = Instant::now();
        assert!(second.wait().is_none() && began.elapsed() < PATIENCE, "it does without for a while");
        drop(head);
        // whoever gave up stands in nobody's way
        assert!((0..100).any(|_| queue().wait().is_some()));
        assert_eq!(std::fs::metadata(folder.path().join("a.db-queue")).expect("a file").len(), 0);
    }

    #[test]
    fn where_there_is_no_place_for_it_all_goes_on_without() {
        assert!(WriteQueue::of(Path::new("/nowhere/a.db")).wait().is_none());
    }
}
