//! `dc schema`

use clap::builder::PossibleValuesParser;
use data_collector::context::Context;
use data_collector::error::{Error, ErrorKind, Result};
use data_collector::ops;

const EXAMPLES: &str = "\
Examples:
  dc schema dc.toml >.dc/dc.toml.json     then `#:schema .dc/dc.toml.json` as the first line of dc.toml
  dc schema app.toml                      the fields of an app, for an editor that completes them";

/// Print the JSON Schema of a file, for editors that complete and check it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// File whose fields to describe
    #[arg(value_parser = PossibleValuesParser::new(ops::FILES.iter().map(|file| file.name)))]
    file: String,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let file = ops::FILES.iter().find(|file| file.name == args.file);
    let unknown = || Error::new(ErrorKind::NotFound, format!("describe {}", args.file));
    context.shell().raw_line(&file.ok_or_else(unknown)?.schema().to_string())
}
