//! One operation a subcommand: options in, report out, nothing printed.

mod merge;

pub use merge::{HashOnlyOptions, MergeOptions, hash_only, merge};
