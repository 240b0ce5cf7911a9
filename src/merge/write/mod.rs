//! What the comparison found, into the table: rows retired and inserted, guards asked, the history written.

pub(crate) mod done;
pub(crate) mod exchange;
pub(crate) mod first;
pub(crate) mod guard;
pub(crate) mod load;
pub(crate) mod retire;
pub(crate) mod shape;
pub(crate) mod update;
pub(crate) mod widen;
