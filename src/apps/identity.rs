//! Which process: the identity that tells it from a later one with the same number, and from one of another container or
//! machine whose processes are numbered anew.

use std::fs;
use std::io;
use std::sync::OnceLock;

use super::process::ProcessStat;
use crate::error::{Result, file_error};

/// Where the numbers and start times of processes mean the same as here: one boot of one machine, and there one PID
/// namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProcessSpace {
    /// The machine's boot, a UUID.
    pub boot: String,
    /// The namespaces of process numbers and of the time since boot, as `/proc/self/ns` names them; `None` in what an
    /// older dc wrote.
    pub namespaces: Option<String>,
    /// Whether /proc shows this space: one that was not mounted anew shows another.
    is_shown: bool,
}

/// A process since it started: a number alone may be given to another process later.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProcessIdentity {
    /// Where its number means something.
    pub space: ProcessSpace,
    /// The number of the process.
    pub pid: i32,
    /// When it started, in clock ticks since the boot.
    pub start_ticks: u64,
}

/// What can be seen of a process from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// That very process runs.
    Alive,
    /// It has ended.
    Gone,
    /// Nothing: it is numbered elsewhere, on another machine or in another namespace.
    Elsewhere,
}

impl ProcessSpace {
    /// The space that a row names. What an older dc wrote has no namespace.
    pub fn named(boot: String, namespaces: Option<String>) -> Self {
        Self { boot, namespaces, is_shown: true }
    }

    /// The space of this process.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn own() -> Result<Self> {
        static OWN: OnceLock<ProcessSpace> = OnceLock::new();
        if let Some(own) = OWN.get() {
            return Ok(own.clone());
        }
        let file = "/proc/sys/kernel/random/boot_id";
        let boot = fs::read_to_string(file).map_err(|cause| file_error(format!("read {file}"), cause))?;
        let pid = namespace("pid").map_err(|cause| file_error("read /proc/self/ns/pid".to_owned(), cause))?;
        // a kernel before 5.6 has no namespace of time; in one, processes seem to have started at another time
        let namespaces = match namespace("time") {
            Ok(time) => format!("{pid} {time}"),
            Err(_) => pid,
        };
        let shown = fs::read_link("/proc/self").ok().and_then(|path| path.to_str()?.parse::<i32>().ok());
        let is_shown = shown == Some(nix::unistd::getpid().as_raw());
        let own = Self { boot: boot.trim().to_owned(), namespaces: Some(namespaces), is_shown };
        Ok(OWN.get_or_init(|| own).clone())
    }

    /// Whether both are surely the same, and its processes can be looked at.
    fn is_shown_here(&self) -> bool {
        Self::own().is_ok_and(|own| {
            let is_same = self.namespaces.is_none() || self.namespaces == own.namespaces;
            own.is_shown && own.boot == self.boot && is_same
        })
    }
}

impl ProcessIdentity {
    /// The identity of the process that has this number now; `None` when there is none.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn of(pid: i32) -> Result<Option<Self>> {
        let Some(stat) = ProcessStat::of(pid) else { return Ok(None) };
        Ok(Some(Self { space: ProcessSpace::own()?, pid, start_ticks: stat.start_ticks }))
    }

    /// The identity of this process.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn own() -> Result<Self> {
        let gone = || file_error("read /proc/self/stat".to_owned(), io::ErrorKind::NotFound.into());
        let stat = ProcessStat::own().ok_or_else(gone)?;
        let pid = nix::unistd::getpid().as_raw();
        Ok(Self { space: ProcessSpace::own()?, pid, start_ticks: stat.start_ticks })
    }

    /// What can be seen of it from here. One that has ended and waits for its parent is gone.
    pub fn look(&self) -> Sight {
        if !self.space.is_shown_here() {
            return Sight::Elsewhere;
        }
        let same = |stat: ProcessStat| stat.start_ticks == self.start_ticks && stat.is_running();
        match ProcessStat::of(self.pid).is_some_and(same) {
            true => Sight::Alive,
            false => Sight::Gone,
        }
    }
}

/// A namespace of this process, for example `pid:[4026531836]`.
fn namespace(kind: &str) -> io::Result<String> {
    let link = fs::read_link(format!("/proc/self/ns/{kind}"))?;
    Ok(link.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_alive_until_its_process_ends() {
        let own = ProcessIdentity::own().expect("an identity");
        assert_eq!(own.look(), Sight::Alive);
        assert_eq!(ProcessIdentity { start_ticks: own.start_ticks + 1, ..own.clone() }.look(), Sight::Gone);
        let mut child = std::process::Command::new("true").spawn().expect("a child");
        let pid = i32::try_from(child.id()).expect("a number");
        let identity = ProcessIdentity::of(pid).expect("/proc");
        child.wait().expect("its end");
        assert!(identity.is_none_or(|identity| identity.look() == Sight::Gone));
        assert_eq!(ProcessIdentity::of(i32::MAX).expect("/proc"), None);
    }

    #[test]
    fn what_another_boot_or_namespace_numbers_cannot_be_seen() {
        let own = ProcessIdentity::own().expect("an identity");
        let seen = |space| ProcessIdentity { space, ..own.clone() }.look();
        let ProcessSpace { boot, namespaces, .. } = own.space.clone();
        assert_eq!(seen(ProcessSpace::named(boot.clone(), namespaces.clone())), Sight::Alive);
        assert_eq!(seen(ProcessSpace::named(boot.clone(), None)), Sight::Alive, "an older dc knew no namespaces");
        assert_eq!(seen(ProcessSpace::named(boot, Some("pid:[1]".to_owned()))), Sight::Elsewhere);
        assert_eq!(seen(ProcessSpace::named("another".to_owned(), namespaces)), Sight::Elsewhere);
    }
}
