//! The manager: keeps the schedules, carries commands out, and sees to what others have left behind. It starts nothing
//! but `dc run`, detached; so it may be stopped, killed or upgraded at any moment, and several may share one database.

mod clocks;
mod commands;
mod decide;
mod desk;
mod drift;
mod expectation;
mod failures;
mod fetcher;
#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/targets/note.rs"]
pub(crate) mod fuzzing;
mod groups;
mod janitor;
mod launcher;
mod note;
mod outlived;
mod owner;
mod pipelines;
mod placement;
mod runs;
mod scheduler;
#[cfg(test)]
mod simulation;
mod triggers;
mod wake;
mod work;

pub use desk::BY_SCHEDULE;
pub use drift::{Drift, registration};
pub use expectation::{Overdue, overdue};
pub use groups::check_groups;
pub use note::{CommandNote, announce, listen};
pub use owner::{Owner, UNHEARD_PATIENCE, lives, living, whereabouts};
pub use placement::lacking;
pub use runs::{close_gone, close_lost};
pub use triggers::waits_for;
pub use wake::Waker;
pub use work::{Manager, ManagerState};
