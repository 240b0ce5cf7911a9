//! A control group (version 2) for one run: whatever an app starts is in it, and the kernel kills it as one. It helps where
//! groups may be made; where they may not, the tree of processes is found by looking.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::confinement::own_group;

/// What the names of our groups begin with.
const PREFIX: &str = "dc-";
/// How often an empty group is tried to be removed: its processes may need a moment to vanish.
const REMOVE_TRIES: u32 = 20;
const REMOVE_PAUSE: Duration = Duration::from_millis(5);

/// The group of one run; it goes with this value.
pub(super) struct ControlGroup {
    folder: PathBuf,
}

impl ControlGroup {
    /// Makes a group for the run with this marker; `None` where that is not allowed.
    pub(super) fn make(marker: &OsStr) -> Option<Self> {
        let folder = own_group()?.join(name(marker)?);
        fs::create_dir(&folder).ok()?;
        let group = Self { folder };
        // a kernel before 5.14 cannot kill it as one
        group.folder.join("cgroup.kill").exists().then_some(group)
    }

    /// The group that a run of this machine has left behind.
    pub(super) fn left_by(runtime: &str) -> Option<Self> {
        let folder = own_group()?.join(name(OsStr::new(runtime))?);
        folder.is_dir().then_some(Self { folder })
    }

    /// The processes in such a group, which stays.
    pub(super) fn pids_left_by(runtime: &str) -> Vec<i32> {
        let Some(group) = Self::left_by(runtime) else { return Vec::new() };
        // to look is not to remove
        std::mem::ManuallyDrop::new(group).pids()
    }

    /// The folder of its files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a process writes `0` to enter the group.
    pub(super) fn door(&self) -> Option<File> {
        OpenOptions::new().write(true).open(self.folder.join("cgroup.procs")).ok()
    }

    /// The processes in it, and in groups that they have made below it.
    pub(super) fn pids(&self) -> Vec<i32> {
        let mut pids = Vec::new();
        collect(&self.folder, &mut pids);
        pids
    }

    /// Kills all of them at once, those that are being forked included.
    pub(super) fn kill(&self) {
        // where it is refused, the sweep sees to it
        let _ = fs::write(self.folder.join("cgroup.kill"), "1");
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        for _ in 0..REMOVE_TRIES {
            if remove(&self.folder) {
                return;
            }
            thread::sleep(REMOVE_PAUSE);
        }
    }
}

/// A marker as a folder's name: it is a UUID, as a rule.
fn name(marker: &OsStr) -> Option<String> {
    let marker = marker.to_str()?;
    let is_plain = marker.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_plain && !marker.is_empty()).then(|| format!("{PREFIX}{marker}"))
}

fn collect(folder: &Path, pids: &mut Vec<i32>) {
    let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
    for below in below(folder) {
        collect(&below, pids);
    }
}

/// The groups below; an app may have made some.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

fn remove(folder: &Path) -> bool {
    for below in below(folder) {
        remove(&below);
    }
    fs::remove_dir(folder).is_ok() || !folder.exists()
}
