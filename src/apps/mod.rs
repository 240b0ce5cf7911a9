//! Apps as the system sees them: their definitions, their output, and the processes that they become.
//!
//! Nothing here knows a database: definitions are read from files, and what a run does is told as events.

mod child;
mod choose;
mod confinement;
mod control_group;
mod definition;
mod event;
mod folder;
#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/targets/apps.rs"]
pub(crate) mod fuzzing;
mod identity;
mod launch;
mod limits;
mod line;
mod order;
mod orphans;
mod output;
mod pipeline;
mod process;
mod process_tree;
mod protocol;
mod record;
mod schedule;
mod signals;
mod supervision;
mod survivors;
mod system_call;

pub use child::supervise;
pub use choose::choose;
pub use confinement::Confinement;
pub(crate) use definition::flaw::{pipeline_error, stage_error};
pub use definition::{
    ActorQueues, AppDefinition, CatchUp, DEFAULT_PROGRAM, DEFINITION, DEFINITION_FILE, Overlap, Tell,
};
pub use event::{Ended, Event, How, Stream};
pub use folder::{BrokenApp, FoundApp, app_names, find_app, find_apps, is_app, look_for_apps};
pub use identity::{ProcessIdentity, ProcessSpace, Sight};
pub use launch::{Launch, RUNTIME_VARIABLE};
pub use limits::{Limits, limits_in_words};
pub use line::{LINE_BYTES_MAX, LineReader, Piece};
pub use orphans::{Orphans, is_first_process};
pub use pipeline::{Complete, PipelineDefinition, StageDefinition, StageWork};
pub use protocol::Message;
pub(crate) use protocol::level_in;
pub use record::{CRITICAL, DEBUG, ERROR, Fields, INFO, WARNING};
pub use schedule::{AT_BOOT, CronPattern, Schedule};
pub use signals::{SignalSender, Signals};
pub use survivors::end_survivors;
pub use system_call::{Usage, is_open_for_writing};
pub(crate) use system_call::{ends_with_us, in_own_session_with as detach};
