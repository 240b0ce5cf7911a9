//! A process that holds secrets: no core dump, and no other process of the same user looks into it.

use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Keeps this process from being dumped or looked into (its memory, its environment, its descriptors), and the programs
/// that it starts from dumping core. Called before the first secret is read; what the system refuses is only told.
pub fn guard() {
    if let Err(cause) = set_dumpable(false) {
        log::warn!("this process can be dumped and looked into: {cause}");
    }
    let set = getrlimit(Resource::RLIMIT_CORE).and_then(|(_, hard)| setrlimit(Resource::RLIMIT_CORE, 0, hard));
    if let Err(cause) = set {
        log::warn!("core dumps stay possible: {cause}");
    }
}
