//! A user who is not root, for tests that run as root: what root may, and how its processes look, says nothing.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::same_by;

/// A user who is not root, with a dc that he can start. Root's files in /proc are root's whether dc protects them or not.
pub(crate) struct Stranger {
    pub(crate) id: u32,
    dc: TempDir,
}

impl Stranger {
    /// Gives him a project, with all that is in it.
    pub(crate) fn with(project: &Path) -> Self {
        let own = nix::unistd::Uid::effective();
        let id = if own.is_root() { 65_534 } else { own.as_raw() };
        let dc = tempfile::tempdir().expect("a folder");
        fs::copy(env!("CARGO_BIN_EXE_dc"), dc.path().join("dc")).expect("a program");
        for folder in [project, dc.path()] {
            give(folder, id);
        }
        Self { id, dc }
    }

    pub(crate) fn command(&self, command: &Command) -> Command {
        let mut command = same_by(&self.dc.path().join("dc"), &[], command);
        if nix::unistd::Uid::effective().is_root() {
            command.uid(self.id).gid(self.id);
        }
        command
    }
}

fn give(path: &Path, id: u32) {
    std::os::unix::fs::chown(path, Some(id), Some(id)).expect("an owner");
    if path.is_dir() {
        fs::read_dir(path).expect("a folder").flatten().for_each(|entry| give(&entry.path(), id));
    }
}
