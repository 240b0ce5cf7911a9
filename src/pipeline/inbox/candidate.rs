//! Whether a file is complete.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use nix::libc;

use crate::apps::{Complete, is_open_for_writing};

/// A file as it was seen last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) inode: u64,
    pub(super) bytes: u64,
    /// Seconds and nanoseconds.
    pub(super) modified: (i64, i64),
}

/// What is known of a file that was not complete when it was seen first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) stamp: Stamp,
    /// Since when it is as it is.
    pub(super) same_since: Instant,
    /// The look that saw it last.
    pub(super) look: u64,
}

/// What is to be done with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It is complete.
    Take,
    /// It is not, for this reason; when it may be.
    Wait(String, Option<Duration>),
}

impl Stamp {
    pub(super) fn of(data: &std::fs::Metadata) -> Self {
        Self { inode: data.ino(), bytes: data.size(), modified: (data.mtime(), data.mtime_nsec()) }
    }
}

/// Judges a regular file. `same_for` is how long it has not changed, as far as this process has seen.
pub(super) fn judge(complete: &Complete, path: &Path, data: &std::fs::Metadata, same_for: Duration) -> Judgement {
    let file = match open(path) {
        Ok(file) => file,
        Err(cause) => return Judgement::Wait(format!("it cannot be read: {cause}"), None),
    };
    // whoever has it open for writing has not done with it, however long nothing comes
    if is_open_for_writing(&file) == Some(true) {
        return Judgement::Wait("a process has it open for writing".to_owned(), Some(Duration::from_millis(500)));
    }
    match complete {
        Complete::Quiet(quiet) => {
            let quiet_for = age(data).unwrap_or_default().max(same_for);
            match quiet.checked_sub(quiet_for).filter(|rest| !rest.is_zero()) {
                None => Judgement::Take,
                Some(rest) => Judgement::Wait(format!("it changed {} s ago", quiet_for.as_secs()), Some(rest)),
            }
        }
        Complete::Marker(end) => {
            let mut marker = path.as_os_str().to_owned();
            marker.push(end);
            match Path::new(&marker).exists() {
                true => Judgement::Take,
                false => Judgement::Wait(format!("no file with the end `{end}` stands beside it"), None),
            }
        }
        Complete::Rename | Complete::Lease => Judgement::Take,
    }
}

/// Opens a file as it is, not what it points to, and without waiting for a pipe.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

/// How long ago a file or its name changed, by the clock; `None` for a moment that is yet to come.
fn age(data: &std::fs::Metadata) -> Option<Duration> {
    let changed = (data.mtime(), data.mtime_nsec()).max((data.ctime(), data.ctime_nsec()));
    let since = Duration::new(u64::try_from(changed.0).ok()?, u32::try_from(changed.1).ok()?);
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?.checked_sub(since)
}
