//! What a run may take of the machine, and whose it is: `user`, `nice`, `memory_max` and `cpu_max` in app.toml.

use std::fs;
use std::io;
use std::path::Path;

use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, User, geteuid, getgrouplist, setgid, setgroups, setuid};

use super::confinement::own_group;
use super::system_call::stand_back;
use crate::error::{Error, ErrorKind, Result};

/// The time in which a share of the processors is counted, in microseconds.
const CPU_PERIOD_US: u64 = 100_000;

/// What app.toml says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// The user whose processes they are; `None` for that of dc.
    pub user: Option<String>,
    /// How much they stand back behind others: -20 to 19.
    pub nice: Option<i8>,
    /// The most memory, in bytes.
    pub memory_max: Option<u64>,
    /// The most processor time, in hundredths of one processor.
    pub cpu_max: Option<u32>,
}

/// The limits as a new process sets them for itself, without a look at anything else: between fork and exec nothing may be
/// allocated.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    nice: Option<i8>,
    /// Where no control group holds the memory.
    address_space: Option<u64>,
    user: Option<Identity>,
}

#[derive(Debug)]
struct Identity {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

impl Limits {
    /// Has a control group keep what it can; the rest is for the process itself.
    ///
    /// # Errors
    /// Settings for a user that is not there; permission where dc may not start programs of another one.
    pub(super) fn bounds(&self, group: Option<&Path>) -> Result<Bounds> {
        let keeps = |file: &str, value: String| group.is_some_and(|group| fs::write(group.join(file), value).is_ok());
        let address_space = self.memory_max.filter(|bytes| !keeps("memory.max", bytes.to_string()));
        if let Some(share) = self.cpu_max
            && !keeps("cpu.max", format!("{} {CPU_PERIOD_US}", u64::from(share) * CPU_PERIOD_US / 100))
        {
            log::warn!("`cpu_max` is not kept: no control group of this machine counts processor time for dc");
        }
        Ok(Bounds { nice: self.nice, address_space, user: self.user.as_deref().map(identity).transpose()?.flatten() })
    }

    /// The user's own variables, where it is another one.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let user = self.user.as_deref().and_then(|name| User::from_name(name).ok().flatten());
        let Some(user) = user.filter(|user| user.uid != geteuid()) else { return Vec::new() };
        vec![("HOME", user.dir.display().to_string()), ("USER", user.name.clone()), ("LOGNAME", user.name)]
    }
}

/// `None` for the user that we are.
fn identity(name: &str) -> Result<Option<Identity>> {
    let user = User::from_name(name).ok().flatten().ok_or_else(|| {
        Error::new(ErrorKind::Settings, format!("start an app of the user `{name}`: there is no such user"))
            .hint("`getent passwd` shows the users")
    })?;
    if user.uid == geteuid() {
        return Ok(None);
    }
    if !geteuid().is_root() {
        return Err(Error::new(
            ErrorKind::Permission,
            format!("start an app of the user `{name}`: dc does not run as root"),
        )
        .hint("run the manager as root, or as that user, or leave `user` out"));
    }
    let failed = |cause| Error::failed(format!("read the groups of `{name}`")).because(cause);
    let c_name = std::ffi::CString::new(name).map_err(|cause| Error::failed("read a user's name").because(cause))?;
    let groups = getgrouplist(&c_name, user.gid).map_err(failed)?;
    Ok(Some(Identity { uid: user.uid, gid: user.gid, groups }))
}

impl Bounds {
    /// Sets them for this process; to be called between fork and exec.
    pub(super) fn set(&self) -> io::Result<()> {
        if let Some(nice) = self.nice {
            stand_back(nice)?;
        }
        if let Some(bytes) = self.address_space {
            setrlimit(Resource::RLIMIT_AS, bytes, bytes)?;
        }
        if let Some(Identity { uid, gid, groups }) = &self.user {
            setgroups(groups)?;
            setgid(*gid)?;
            setuid(*uid)?;
        }
        Ok(())
    }
}

/// By what limits are kept on this machine, for `dc doctor`.
pub fn limits_in_words() -> String {
    let controllers = own_group().and_then(|group| fs::read_to_string(group.join("cgroup.subtree_control")).ok());
    let has = |name: &str| controllers.as_deref().is_some_and(|list| list.split_whitespace().any(|word| word == name));
    let memory = if has("memory") { "by control groups" } else { "by a limit of each process's address space" };
    let cpu = if has("cpu") { "by control groups" } else { "not kept: no control group counts processor time for dc" };
    format!("memory_max {memory}; cpu_max {cpu}")
}
