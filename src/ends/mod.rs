//! How runs ended, kept on disk until their database has it: it may be unreachable at that moment, or the disk full, and an
//! end that was seen is worth more than any guess. Whoever comes next on this machine delivers what waits.

mod folder;
mod kept;
mod room;

pub use folder::Ends;
pub use kept::KeptEnd;
pub use room::Room;
