//! `dc tasks --dead`

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops::{self, DeadOptions};

#[derive(Debug, clap::Args)]
pub(super) struct DeadArgs {
    /// Dead letters of Dramatiq queues; all known queues if none is named
    #[arg(long, value_name = "QUEUE", num_args = 0..)]
    #[arg(conflicts_with_all = ["pipelines", "states", "stage", "error", "since", "limit", "watch"])]
    dead: Option<Vec<String>>,
    /// Send this dead letter again with retries reset; repeatable
    #[arg(long, value_name = "ID", requires = "dead")]
    resend: Vec<String>,
    /// Send all dead letters of these queues again
    #[arg(long, requires = "dead", conflicts_with = "resend")]
    all: bool,
}

impl DeadArgs {
    /// Whether dead letters are asked for.
    pub(super) fn is_meant(&self) -> bool {
        self.dead.is_some()
    }
}

pub(super) fn run(context: &Context, args: DeadArgs) -> Result<()> {
    let DeadArgs { dead, resend, all } = args;
    let resend = Some(resend).filter(|ids| !ids.is_empty());
    let options = DeadOptions { queues: dead.unwrap_or_default(), resend, all };
    context.shell().print(&ops::dead_letters(context, &options)?)
}
