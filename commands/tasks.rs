//! `dc tasks`

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops::{self, WorkOptions};

/// What `dc run` starts for a pipeline
#[derive(Debug, clap::Args)]
pub(crate) struct WorkerArgs {
    /// The pipeline
    app: String,
    /// Go on when nothing waits
    #[arg(long)]
    stay: bool,
}

pub(crate) fn worker(context: &Context, args: WorkerArgs) -> Result<()> {
    let WorkerArgs { app, stay } = args;
    let report = ops::work(context, &WorkOptions { app, stay })?;
    context.shell().print(&report)
}
