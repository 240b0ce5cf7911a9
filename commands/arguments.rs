//! What stands on the command line, for every subcommand alike.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use data_collector::settings::Source;
use data_collector::shell::{ColorChoice, ShellOptions};

use crate::{
    actor_worker, completions, deploy, doctor, files, html, logs, man, manager, merge, ocr, run, secrets, tasks,
};

const ABOUT: &str = "Run, watch and merge what collects your data";

const EXAMPLES: &str = "\
Examples:
  dc run demo/standards/countries     run an app; the first time the database makes itself
  dc merge companies companies.csv    load a file: only what changed is touched
  dc logs companies --level error     what went wrong
  dc manager start                    keep the schedules of all apps
  dc secrets set API_KEY              a secret for your apps, encrypted
  dc files keep invoice.pdf           store a file, found again by its content
  dc tasks                            documents of pipelines: how far they are, what went wrong
  dc ocr scan.pdf                     what a scan, a PDF or a picture says
  dc html h1 https://example.com/     what a selector finds in a page
  dc doctor                           what is wrong, and how to mend it
  dc deploy                           bring the schema and the apps up to date

Exit status: 0 done; 1 failed; 2 usage; 3 settings; 4 secret or permission; 5 not found; 6 refused by
a guard; 75 busy, try again; 124 timeout; 130 interrupted. `dc run` passes the app's own status on.";

/// What dc(1) says besides.
const OUTPUT: &str = "\
Output: text of others (apps, files, databases) is shown with signs for control characters and for
marks that turn the order of letters, on a terminal and in a pipe alike, which may end on one. JSON
escapes them. What you ask for as it is (secrets, stored files, the text of pages, the output of an
app) goes through a pipe byte for byte, and is made visible on a terminal.";

/// The command line.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{OUTPUT}"))]
#[command(name = "dc", version, long_version = env!("DC_VERSION"), about = ABOUT, propagate_version = true, infer_subcommands = false, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print reports as JSON: one object, or one a line where rows stream
    #[arg(long, global = true, display_order = 901)]
    json: bool,
    /// Say no more than the result and errors
    #[arg(short, long, global = true, display_order = 902)]
    quiet: bool,
    /// Say more; twice for still more
    #[arg(short, long, global = true, display_order = 903, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// When to use colour
    #[arg(long, global = true, display_order = 904, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
    /// The settings file; its folder is the project [env: DC_CONFIG]
    #[arg(long, global = true, display_order = 905, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Work as if started in this folder's project
    #[arg(short = 'C', long, global = true, display_order = 906, value_name = "DIR")]
    project: Option<PathBuf>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Deploy(deploy::Args),
    Run(run::Args),
    // boxed: it has by far the most flags, and the others should not carry its size
    Merge(Box<merge::Args>),
    Logs(logs::Args),
    Manager(manager::Args),
    Secrets(secrets::Args),
    Files(Box<files::Args>),
    Tasks(Box<tasks::Args>),
    Ocr(Box<ocr::Args>),
    Html(html::Args),
    #[command(hide = true)]
    OcrWorker(ocr::WorkerArgs),
    #[command(hide = true)]
    PipelineWorker(tasks::WorkerArgs),
    #[command(hide = true)]
    ActorWorker(actor_worker::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    #[command(hide = true)]
    Man(man::Args),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl Arguments {
    pub(crate) fn shell_options(&self) -> ShellOptions {
        let color = match self.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        ShellOptions { json: self.json, quiet: self.quiet, verbose: self.verbose, color }
    }

    pub(crate) fn source(&self) -> Source {
        Source { folder: self.project.clone(), config: self.config.clone() }
    }
}

/// Reads `NAME=VALUE`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (left, right) = text.split_once('=').ok_or("write NAME=VALUE")?;
    if left.is_empty() {
        Err("the name before `=` is missing".to_owned())
    } else {
        Ok((left.to_owned(), right.to_owned()))
    }
}
