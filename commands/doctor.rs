//! `dc doctor`

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops;

const EXAMPLES: &str = "\
Examples:
  dc doctor             what is well and what is not, each finding with the command that mends it
  dc doctor --json      the same for a program

It ends with 1 when something does not work, with 0 when all is well or only less well.";

/// Check everything dc depends on, and print the commands that fix it
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, after_help = "`dc doctor --help` has examples")]
pub(crate) struct Args {}

pub(crate) fn run(context: &Context, _: &Args) -> Result<i32> {
    let diagnosis = ops::doctor(context)?;
    context.shell().print(&diagnosis)?;
    Ok(i32::from(!diagnosis.is_well()))
}
