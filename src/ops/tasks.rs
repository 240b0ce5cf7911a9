//! Documents of pipelines: worked off, and looked at.

mod dead;

use crate::context::Context;
use crate::error::Result;
use crate::pipeline::{self, Workers};
pub use crate::pipeline::{WorkOptions, WorkReport};
pub use dead::{DeadOptions, DeadReport, dead_letters};

/// Works a pipeline off with the stages that dc has.
///
/// # Errors
/// As [`pipeline::work`].
pub fn work(context: &Context, options: &WorkOptions) -> Result<WorkReport> {
    pipeline::work(context, options, &Workers::default())
}
