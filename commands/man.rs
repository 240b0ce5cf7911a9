//! `dc man`: writes the man pages from the definitions of the command line.

use std::path::PathBuf;

use clap::CommandFactory;
use data_collector::context::Context;
use data_collector::error::{OrFail, Result, file_error};

use crate::arguments::Arguments;

/// Write the man pages into a folder
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder
    folder: PathBuf,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    std::fs::create_dir_all(&args.folder)
        .map_err(|cause| file_error(format!("make the folder {}", args.folder.display()), cause))?;
    // the pages stand in the checkout: they name the version and no commit
    let mut command = Arguments::command().disable_help_subcommand(true).long_version(None);
    command.build();
    pages(&command, &args.folder, "dc")?;
    context.shell().note(&format!("the man pages are in {}", args.folder.display()));
    Ok(())
}

/// The page of a command and those of its subcommands: dc(1), dc-merge(1), dc-merge-undo(1).
fn pages(command: &clap::Command, folder: &std::path::Path, name: &str) -> Result<()> {
    page(command, folder, name)?;
    let mut shown = command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set());
    shown.try_for_each(|subcommand| pages(subcommand, folder, &format!("{name}-{}", subcommand.get_name())))
}

fn page(command: &clap::Command, folder: &std::path::Path, name: &str) -> Result<()> {
    let mut text = Vec::new();
    let command = command.clone().display_name(name.to_owned());
    let page = clap_mangen::Man::new(command)
        .date("")
        .source(concat!("dc ", env!("CARGO_PKG_VERSION")))
        .manual("Data Collector");
    page.render(&mut text).or_fail(|| format!("write the page {name}"))?;
    let file = folder.join(format!("{name}.1"));
    std::fs::write(&file, text).map_err(|cause| file_error(format!("write {}", file.display()), cause))
}
