//! The sinks, a file each.

pub(super) mod console;
pub(super) mod database;
pub(super) mod file;
pub(super) mod splunk;
