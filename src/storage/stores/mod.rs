//! The kinds of stores.

pub(super) mod folder;
pub(super) mod s3;
