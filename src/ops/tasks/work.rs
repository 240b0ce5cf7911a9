//! Documents of pipelines, worked off with the stages that dc has.

use super::{WorkOptions, WorkReport};
use crate::context::Context;
use crate::error::Result;
use crate::pipeline::{self, Workers};

/// Works a pipeline off with the stages that dc has.
///
/// # Errors
/// As [`pipeline::work`].
pub fn work(context: &Context, options: &WorkOptions) -> Result<WorkReport> {
    pipeline::work(context, options, &Workers::default())
}
