//! What process 1 of a container has to do: processes that lose their parent become its children, and stay as zombies
//! until it has taken their ends.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nix::unistd::getpid;

use super::process::ProcessStat;
use super::system_call::reap;

/// After this time nobody else in this process waits for a child that has ended.
const UNWANTED_AFTER: Duration = Duration::from_secs(2);

/// Whether this is process 1, with which the container ends and all processes in it.
pub fn is_first_process() -> bool {
    getpid().as_raw() == 1
}

/// The ended children that were seen, each with the moment.
#[derive(Debug, Default)]
pub struct Orphans(BTreeMap<(i32, u64), Instant>);

impl Orphans {
    /// Takes the ends of children that nobody has waited for; how many there were.
    pub fn reap(&mut self) -> usize {
        let children = ProcessStat::children(getpid().as_raw()).unwrap_or_default();
        let ended = children.iter().filter(|child| !child.is_running()).map(|child| (child.pid, child.start_ticks));
        let now = Instant::now();
        let before = std::mem::take(&mut self.0);
        self.0 = ended.map(|child| (child, before.get(&child).copied().unwrap_or(now))).collect();
        let unwanted = self.0.iter().filter(|(_, seen)| seen.elapsed() >= UNWANTED_AFTER);
        unwanted.filter(|((pid, _), _)| matches!(reap(*pid, false), Ok(Some(_)))).count()
    }
}
