//! How a whole tree of processes is kept together, so that none escapes: the best way that this machine allows.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use nix::sys::prctl;

/// Where control groups of version 2 are mounted, as a rule.
const MOUNTS: &str = "/proc/self/mounts";
/// Our own place among them.
const OWN: &str = "/proc/self/cgroup";

/// The way in which processes are kept together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confinement {
    /// A control group (version 2) below this folder: killed as one by the kernel.
    ControlGroup(PathBuf),
    /// This process adopts every orphan of its own, and sweeps.
    Subreaper,
    /// Only the process group: a process that starts a session of its own escapes.
    Group,
}

impl Confinement {
    /// The best way on this machine, for this user.
    pub fn of_this_machine() -> Self {
        match writable_group() {
            Some(folder) => Self::ControlGroup(folder),
            None if prctl::get_child_subreaper().is_ok() && fs::metadata("/proc/self/stat").is_ok() => Self::Subreaper,
            None => Self::Group,
        }
    }
}

impl fmt::Display for Confinement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ControlGroup(folder) => {
                write!(formatter, "kept together by control groups below {}, and by sweeping", folder.display())
            }
            Self::Subreaper => {
                formatter.write_str("kept together by adopting orphans and sweeping (no control group may be made)")
            }
            Self::Group => formatter.write_str("kept together by process groups only"),
        }
    }
}

/// The folder of our own control group, where groups may be made below it.
fn writable_group() -> Option<PathBuf> {
    let folder = own_group()?;
    // making one is the only sure way to know; it is gone at once
    let probe = folder.join(format!("dc-probe-{}", std::process::id()));
    fs::create_dir(&probe).ok()?;
    let can_kill = probe.join("cgroup.kill").exists();
    fs::remove_dir(&probe).ok()?;
    can_kill.then_some(folder)
}

/// The folder of our own control group, whether or not we may make groups below it.
pub(super) fn own_group() -> Option<PathBuf> {
    let mounts = fs::read_to_string(MOUNTS).ok()?;
    let mount = mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        let (_, place, kind) = (words.next()?, words.next()?, words.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(place))
    })?;
    let own = fs::read_to_string(OWN).ok()?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(mount.join(own))
}
