//! `dc manager web`

use std::path::PathBuf;
use std::time::Duration;

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::web;

/// How often the wish to end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Local port, or ADDRESS:PORT, which needs [web] token
    #[arg(long, value_name = "PLACE", default_value = "9187", conflicts_with = "export")]
    listen: String,
    /// Write the pages as files into this folder instead
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<()> {
    let shell = context.shell();
    if let Some(folder) = &args.export {
        return shell.print(&web::export(context, folder)?);
    }
    let address = web::serve(context, &args.listen, None)?;
    shell.note(&format!("the dashboard is at {address}"));
    while !context.cancellation().is_cancelled() {
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
