//! One process as /proc shows it, and the identity that tells it from a later one with the same number.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Result, file_error};

/// The most bytes of an environment that are searched; the system itself allows a little more.
const ENVIRON_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A process of this machine since it started: a number alone may be given to another process later.
///
/// It means nothing on another machine, or in a container that numbers its processes by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProcessIdentity {
    /// The machine's boot, a UUID.
    pub boot: String,
    /// The number of the process.
    pub pid: i32,
    /// When it started, in clock ticks since the boot.
    pub start_ticks: u64,
}

impl ProcessIdentity {
    /// The identity of the process that has this number now; `None` when there is none.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn of(pid: i32) -> Result<Option<Self>> {
        let Some(stat) = ProcessStat::of(pid) else { return Ok(None) };
        Ok(Some(Self { boot: boot()?, pid, start_ticks: stat.start_ticks }))
    }

    /// The identity of this process.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn own() -> Result<Self> {
        let gone = || file_error("read /proc/self/stat", io::ErrorKind::NotFound.into());
        Self::of(nix::unistd::getpid().as_raw())?.ok_or_else(gone)
    }

    /// Whether that very process still runs; one that has ended and waits for its parent does not.
    pub fn is_alive(&self) -> bool {
        let same = |stat: ProcessStat| stat.start_ticks == self.start_ticks && stat.is_running();
        boot().is_ok_and(|boot| boot == self.boot) && ProcessStat::of(self.pid).is_some_and(same)
    }
}

fn boot() -> Result<String> {
    let file = "/proc/sys/kernel/random/boot_id";
    let text = fs::read_to_string(file).map_err(|cause| file_error(format!("read {file}"), cause))?;
    Ok(text.trim().to_owned())
}

/// The fields of /proc/PID/stat that tell where a process belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProcessStat {
    pub(super) pid: i32,
    pub(super) state: u8,
    pub(super) parent: i32,
    pub(super) session: i32,
    pub(super) start_ticks: u64,
    /// Threads; more than one may go on when the first has ended.
    threads: u32,
}

impl ProcessStat {
    /// The process with this number, if there is one.
    pub(super) fn of(pid: i32) -> Option<Self> {
        Self::parse(pid, &fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Every process that can be seen.
    pub(super) fn all() -> io::Result<Vec<Self>> {
        let mut all = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let pid = entry?.file_name().to_str().and_then(|name| name.parse().ok());
            all.extend(pid.and_then(Self::of));
        }
        Ok(all)
    }

    /// The children that a process has now, without a look at all processes; `None` where the kernel has no such list.
    ///
    /// A child whose parent ends meanwhile may be left out, so this is for looking often, not for a last look.
    pub(super) fn children(pid: i32) -> Option<Vec<Self>> {
        let mut children = Vec::new();
        // a process that has ended meanwhile has no tasks and no children
        let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Some(children) };
        for task in tasks.flatten() {
            match listed(&task.path()) {
                Ok(numbers) => children.extend(numbers.into_iter().filter_map(Self::of)),
                Err(_) if task.path().join("stat").exists() => return None,
                Err(_) => {}
            }
        }
        Some(children)
    }

    /// The numbers of the children that the first thread of a process has now; `None` where the kernel has no such list.
    pub(super) fn children_of_first_thread(pid: i32) -> Option<Vec<i32>> {
        listed(Path::new(&format!("/proc/{pid}/task/{pid}"))).ok()
    }

    /// Whether it can still do anything: it has not ended.
    pub(super) fn is_running(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x') || self.threads > 1
    }

    /// Whether it stands still until somebody sends CONT.
    pub(super) fn is_stopped(&self) -> bool {
        self.state == b'T'
    }

    /// Whether its environment holds exactly this `NAME=value`. That of another user cannot be read and holds nothing.
    pub(super) fn has_variable(&self, variable: &[u8]) -> bool {
        let mut environ = Vec::new();
        let read = fs::File::open(format!("/proc/{}/environ", self.pid))
            .and_then(|file| file.take(ENVIRON_BYTES_MAX).read_to_end(&mut environ));
        read.is_ok() && environ.split(|byte| *byte == 0).any(|found| found == variable)
    }

    /// The command's name stands in parentheses and may itself hold spaces, parentheses and any bytes.
    fn parse(pid: i32, stat: &[u8]) -> Option<Self> {
        /// Where fields stand, counted from the one behind the name.
        const STATE: usize = 0;
        const PARENT: usize = 1;
        const SESSION: usize = 3;
        const THREADS: usize = 17;
        const START: usize = 19;
        let name_end = stat.iter().rposition(|byte| *byte == b')')?;
        let rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Self {
            pid,
            state: *fields.get(STATE)?.as_bytes().first()?,
            parent: fields.get(PARENT)?.parse().ok()?,
            session: fields.get(SESSION)?.parse().ok()?,
            start_ticks: fields.get(START)?.parse().ok()?,
            threads: fields.get(THREADS)?.parse().ok()?,
        })
    }
}

/// The numbers of the children of one thread, by its folder.
fn listed(task: &Path) -> io::Result<Vec<i32>> {
    let list = fs::read_to_string(task.join("children"))?;
    Ok(list.split_whitespace().filter_map(|child| child.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat = b"42 (a ) S 1 (\xff) Z 7 42 40 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 313773 0 0";
        let stat = ProcessStat::parse(42, stat).expect("fields");
        assert_eq!((stat.state, stat.parent, stat.session, stat.start_ticks), (b'Z', 7, 40, 313_773));
        assert!(!stat.is_running());
        let stat = b"42 (a) Z 7 42 40 0 -1 0 0 0 0 0 0 0 0 0 20 0 2 0 313773 0 0";
        assert!(ProcessStat::parse(42, stat).expect("fields").is_running(), "its other thread goes on");
        assert_eq!(ProcessStat::parse(42, b"42 (a) S 1"), None);
    }

    #[test]
    fn an_identity_is_alive_until_its_process_ends() {
        let own = ProcessIdentity::own().expect("an identity");
        assert!(own.is_alive());
        assert!(!ProcessIdentity { start_ticks: own.start_ticks + 1, ..own.clone() }.is_alive());
        assert!(!ProcessIdentity { boot: String::new(), ..own }.is_alive());
        let mut child = std::process::Command::new("true").spawn().expect("a child");
        let pid = i32::try_from(child.id()).expect("a number");
        let identity = ProcessIdentity::of(pid).expect("/proc");
        child.wait().expect("its end");
        assert!(identity.is_none_or(|identity| !identity.is_alive()));
        assert_eq!(ProcessIdentity::of(i32::MAX).expect("/proc"), None);
    }
}
