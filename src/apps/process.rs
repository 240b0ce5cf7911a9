//! One process as /proc shows it.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of an environment that are searched; the system itself allows a little more.
const ENVIRON_BYTES_MAX: u64 = 4 * 1024 * 1024;

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

    /// This process, also where /proc shows another namespace.
    pub(super) fn own() -> Option<Self> {
        Self::parse(nix::unistd::getpid().as_raw(), &fs::read("/proc/self/stat").ok()?)
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
}
