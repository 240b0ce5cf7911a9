//! What a merge is asked for, and the table that it goes into.

pub(crate) mod description;
pub(crate) mod flags;
pub(crate) mod format;
pub(crate) mod limit;
pub(crate) mod mapping;
pub(crate) mod names;
pub(crate) mod progress;
pub(crate) mod scope;
pub(crate) mod target;
