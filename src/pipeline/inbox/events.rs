//! The system's word that something happened in a folder. Network file systems say nothing of what others do: there the
//! folder is looked at every two seconds.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::statfs::statfs;
use nix::unistd::read;

/// File systems whose changes from elsewhere nobody tells.
const NETWORKS: &[(i64, &str)] = &[
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x0102_1997, "9P"),
    (0x5346_414f, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x6573_5546, "FUSE"),
    (0x7375_7245, "Coda"),
    (0x564c, "NCP"),
];
/// After the first event more of them are waited for, so that a hundred files are one look.
const GATHER: Duration = Duration::from_millis(5);

/// What tells of changes.
pub(super) struct Events {
    inotify: Option<Inotify>,
    are_enough: bool,
}

impl Events {
    pub(super) fn of(folders: &[PathBuf], recursive: bool) -> Self {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok();
        let flags = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CREATE;
        let watched = inotify.as_ref().is_some_and(|inotify| {
            folders.iter().all(|folder| inotify.add_watch(folder, flags | AddWatchFlags::IN_ONLYDIR).is_ok())
        });
        // folders that come later are not watched: below the first level all is looked at
        let are_enough = watched && !recursive && folders.iter().all(|folder| network_file_system(folder).is_none());
        Self { inotify, are_enough }
    }

    /// Whether changes are told.
    pub(super) fn are_enough(&self) -> bool {
        self.are_enough
    }

    /// How changes are heard of.
    pub(super) fn way(&self) -> &'static str {
        if self.are_enough { "events" } else { "polling" }
    }

    /// Waits for an event, a ring, or for `pause`.
    pub(super) fn wait(&self, bell: BorrowedFd<'_>, pause: Duration) {
        let mut watched = vec![PollFd::new(bell, PollFlags::POLLIN)];
        watched.extend(self.inotify.as_ref().map(|inotify| PollFd::new(inotify.as_fd(), PollFlags::POLLIN)));
        let timeout = PollTimeout::try_from(pause + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        // a failure of poll is a look too many
        let _ = poll(&mut watched, timeout);
        let has_event = watched.get(1).and_then(PollFd::any).unwrap_or_default();
        let has_rung = watched[0].any().unwrap_or_default();
        drop(watched);
        if has_event {
            std::thread::sleep(GATHER);
            while self.inotify.as_ref().is_some_and(|inotify| inotify.read_events().is_ok_and(|some| !some.is_empty()))
            {
            }
        }
        if has_rung {
            let _ = read(bell, &mut [0; 64]);
        }
    }
}

/// The kind of the network file system that a folder is on; `None` for one of this machine.
pub fn network_file_system(folder: &Path) -> Option<&'static str> {
    let kind = statfs(folder).ok()?.filesystem_type().0 & 0xffff_ffff;
    NETWORKS.iter().find(|(magic, _)| *magic == kind).map(|(_, name)| *name)
}
