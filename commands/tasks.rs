//! `dc tasks`

mod dead;

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops::{self, WorkOptions};

const EXAMPLES: &str = "\
Examples:
  dc tasks --dead                    dead letters of the Dramatiq queues that workers and apps use
  dc tasks --dead ner default        of these queues
  dc tasks --dead ner --resend ID    send one again, with its retries reset
  dc tasks --dead ner --all          send all again";

/// Show tasks and dead letters, and send them again
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, after_help = "`dc tasks --help` has examples")]
pub(crate) struct Args {
    #[command(flatten)]
    dead: dead::DeadArgs,
}

/// What `dc run` starts for a pipeline
#[derive(Debug, clap::Args)]
pub(crate) struct WorkerArgs {
    /// The pipeline
    app: String,
    /// Go on when nothing waits
    #[arg(long)]
    stay: bool,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<()> {
    dead::run(context, args.dead)
}

pub(crate) fn worker(context: &Context, args: WorkerArgs) -> Result<()> {
    let WorkerArgs { app, stay } = args;
    let report = ops::work(context, &WorkOptions { app, stay })?;
    context.shell().print(&report)
}
