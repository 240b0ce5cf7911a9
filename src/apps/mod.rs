//! Apps as the system sees them: their definitions, their output, and the processes that they become.
//!
//! Nothing here knows a database: definitions are read from files, and what a run does is told as events.

mod definition;
mod definition_fields;
mod folder;
mod line;
mod protocol;
mod schedule;

pub use definition::{AppDefinition, CatchUp, DEFAULT_PROGRAM, DEFINITION_FILE, Overlap};
pub use folder::{FoundApp, choose, find_apps};
pub use line::{LINE_BYTES_MAX, LineReader, Piece};
pub use protocol::{CRITICAL, DEBUG, ERROR, INFO, Message, WARNING};
pub use schedule::{CronPattern, Schedule};
