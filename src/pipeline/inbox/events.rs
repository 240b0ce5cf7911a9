//! The system's word that something happened in a folder. Network file systems say nothing of what others do: there the
//! folder is looked at every two seconds.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::unistd::read;

use crate::storage::network_file_system;

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
