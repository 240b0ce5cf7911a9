//! `dc completions`: the shell asks dc itself, so it knows the apps of the project one stands in.

use std::ffi::OsStr;

use clap::{CommandFactory, ValueEnum};
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::Shells;
use data_collector::context::Context;
use data_collector::error::{Error, ErrorKind, Result};
use data_collector::ops;
use data_collector::settings::{Environment, Settings, Source};

use crate::arguments::Arguments;

const EXAMPLES: &str = "\
Examples:
  dc completions bash >> ~/.bashrc
  dc completions zsh >> ~/.zshrc
  dc completions fish > ~/.config/fish/completions/dc.fish";

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Shell to complete for
    shell: Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let name = format!("{:?}", args.shell).to_lowercase();
    let shells = Shells::builtins();
    let unknown = || Error::new(ErrorKind::NotFound, format!("write completions for {name}"));
    let shell = shells.completer(&name).ok_or_else(unknown)?;
    let mut script = Vec::new();
    let written = shell.write_registration("COMPLETE", "dc", "dc", "dc", &mut script);
    written.map_err(|cause| unknown().because(cause))?;
    context.shell().raw_line(&String::from_utf8_lossy(&script))
}

/// Answers a shell that asks for completions, and ends; does nothing otherwise.
pub(crate) fn answer() {
    clap_complete::CompleteEnv::with_factory(Arguments::command).complete();
}

/// The names of the project's apps that go on as typed: in full, and their tails.
pub(crate) fn apps(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let names =
        Settings::load(&Source::default(), Environment::process()).and_then(|settings| ops::app_names(&settings));
    let names = names.unwrap_or_default();
    let tails = names.iter().flat_map(|name| [name.as_str(), name.rsplit('/').next().unwrap_or(name)]);
    tails.filter(|tail| tail.starts_with(typed.as_ref())).map(CompletionCandidate::new).collect()
}
