//! `dc actor-worker`: started by `dc run` in place of an app that works for queues of Dramatiq.

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops::{self, ActorWorkerOptions};

/// Work for queues of Dramatiq by a program: what `dc run` starts
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What it is told, as JSON
    options: String,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    ops::work_for_queues(context, &ActorWorkerOptions::from_json(&args.options)?)
}
