//! `dc man`: writes the man pages from the definitions of the command line and of the files that people write.

mod file;
mod notes;

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use data_collector::context::Context;
use data_collector::error::{OrFail, Result, file_error};
use data_collector::ops;

use crate::arguments::Arguments;

/// What pages name at their foot.
const SOURCE: &str = concat!("dc ", env!("CARGO_PKG_VERSION"));
const MANUAL: &str = "Data Collector";

/// Write the man pages into man1 and man5 of a folder
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder to write them into
    folder: PathBuf,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    // the pages stand in the checkout: they name the version and no commit
    let mut command = Arguments::command().disable_help_subcommand(true).long_version(None);
    command.build();
    pages(&command, &args.folder, "dc")?;
    for file in ops::FILES {
        write(&args.folder, (file.name, 5), &file::page(file))?;
    }
    context.shell().note(&format!("the man pages are in {}", args.folder.display()));
    Ok(())
}

/// The page of a command and those of its subcommands: dc(1), dc-merge(1), dc-merge-undo(1).
fn pages(command: &clap::Command, folder: &Path, name: &str) -> Result<()> {
    page(command, folder, name)?;
    let mut shown = command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set());
    shown.try_for_each(|subcommand| pages(subcommand, folder, &format!("{name}-{}", subcommand.get_name())))
}

fn page(command: &clap::Command, folder: &Path, name: &str) -> Result<()> {
    let command = command.clone().display_name(name.to_owned());
    let behind = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
    let has_subcommands = command.get_subcommands().any(|subcommand| !subcommand.is_hide_set());
    let page = clap_mangen::Man::new(command).date("").source(SOURCE).manual(MANUAL);
    let mut text = Vec::new();
    let rendered = page
        .render_title(&mut text)
        .and_then(|()| page.render_name_section(&mut text))
        .and_then(|()| page.render_synopsis_section(&mut text))
        .and_then(|()| page.render_description_section(&mut text))
        .and_then(|()| page.render_options_section(&mut text))
        .and_then(|()| if has_subcommands { page.render_subcommands_section(&mut text) } else { Ok(()) });
    rendered.or_fail(|| format!("write the page {name}"))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    write(folder, (name, 1), &(text + &notes::sections(&behind.unwrap_or_default())))
}

/// Writes a page where `man` looks for it: `man1/dc.1`.
fn write(folder: &Path, (name, section): (&str, u8), text: &str) -> Result<()> {
    let folder = folder.join(format!("man{section}"));
    std::fs::create_dir_all(&folder)
        .map_err(|cause| file_error(format!("make the folder {}", folder.display()), cause))?;
    let path = folder.join(format!("{name}.{section}"));
    std::fs::write(&path, text).map_err(|cause| file_error(format!("write {}", path.display()), cause))
}
