//! The input against the table: what is new, unchanged, twice, changed, gone.

pub(crate) mod active;
pub(crate) mod join;
pub(crate) mod key;
pub(crate) mod keys;
pub(crate) mod same;
pub(crate) mod sides;
pub(crate) mod twins;
