//! What stands on the command line, for every subcommand alike.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use data_collector::settings::Source;
use data_collector::shell::{ColorChoice, ShellOptions};

use crate::{
    actor_worker, completions, deploy, doctor, files, html, logs, man, manager, merge, new, ocr, query, run, schema,
    secrets, tasks,
};

const ABOUT: &str = "Run and schedule collectors, and merge their data";

const EXAMPLES: &str = "\
Examples:
  dc new demo/first/rates --python    a new app, with a sample and a test
  dc run demo/standards/countries     run an app; the first time the database makes itself
  dc merge companies companies.csv    load a file: only what changed is touched
  dc query 'SELECT * FROM companies'  ask a database, without a client of it
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
    /// Print reports as JSON: one object, or one per line for rows
    #[arg(long, global = true, display_order = 901)]
    json: bool,
    /// Print only the result and errors
    #[arg(short, long, global = true, display_order = 902)]
    quiet: bool,
    /// Print more; repeat for even more
    #[arg(short, long, global = true, display_order = 903, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// When to use colour
    #[arg(long, global = true, display_order = 904, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
    /// Settings file; its folder is the project [env: DC_CONFIG]
    #[arg(long, global = true, display_order = 905, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Work as if started in this folder's project
    #[arg(short = 'C', long, global = true, display_order = 906, value_name = "DIR")]
    project: Option<PathBuf>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    New(new::Args),
    Deploy(deploy::Args),
    Run(run::Args),
    // boxed: it has by far the most flags, and the others should not carry its size
    Merge(Box<merge::Args>),
    Query(query::Args),
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
    Schema(schema::Args),
    #[command(hide = true)]
    Man(man::Args),
}

impl Command {
    /// The name of a command that may write anything but its own output, where it is one.
    pub(crate) fn writes(&self) -> Option<&'static str> {
        match self {
            Self::New(_) => Some("new"),
            Self::Deploy(_) => Some("deploy"),
            Self::Run(args) => args.writes().then_some("run"),
            Self::Merge(args) => args.is_undo().then_some("merge undo"),
            Self::Logs(_) => Some("logs"),
            Self::Manager(_) => Some("manager"),
            Self::Secrets(_) => Some("secrets"),
            Self::Files(_) => Some("files"),
            Self::Tasks(_) => Some("tasks"),
            Self::PipelineWorker(_) => Some("pipeline-worker"),
            Self::ActorWorker(_) => Some("actor-worker"),
            Self::Html(_)
            | Self::Query(_)
            | Self::Ocr(_)
            | Self::OcrWorker(_)
            | Self::Doctor(_)
            | Self::Completions(_)
            | Self::Schema(_)
            | Self::Man(_) => None,
        }
    }
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// A help is one line in a window of 80 columns, beside or below its flag.
    const HELP_CHARS_MAX: usize = 80;
    /// How helps do not begin: the verb comes first, or the noun that is asked for.
    const FIRST_WORDS: &[&str] = &["a", "an", "the", "this", "it", "so", "what", "how", "whether", "there", "you"];

    fn check(command: &clap::Command, name: &str, wrong: &mut Vec<String>) {
        let helps = command.get_arguments().filter(|argument| !argument.is_hide_set()).map(|argument| {
            (format!("{name} {}", argument.get_id()), argument.get_help().map(ToString::to_string).unwrap_or_default())
        });
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        for (place, help) in helps.chain([(name.to_owned(), about)]) {
            let first = help.split(' ').next().unwrap_or_default();
            let is_plain = first.chars().next().is_some_and(|c| c.is_uppercase() || c == '`');
            let is_verb = !FIRST_WORDS.contains(&first.to_lowercase().as_str());
            let is_short = help.lines().all(|line| line.chars().count() <= HELP_CHARS_MAX);
            if !is_plain || !is_verb || !is_short || help.ends_with('.') && !help.ends_with("..") {
                wrong.push(format!("{place}: {help}"));
            }
        }
        for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
            check(subcommand, &format!("{name} {}", subcommand.get_name()), wrong);
        }
    }

    #[test]
    fn helps_are_short_and_say_what_to_do() {
        let mut command = Arguments::command();
        command.build();
        let mut wrong = Vec::new();
        check(&command, "dc", &mut wrong);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
