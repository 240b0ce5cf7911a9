//! `dc tasks`

mod dead;

use std::path::PathBuf;

use clap_complete::engine::ArgValueCompleter;
use data_collector::context::Context;
use data_collector::error::{Error, ErrorKind, Result};
use data_collector::ops::{
    self, AddTasksOptions, OutputOptions, RetryTasksOptions, TaskChoice, TaskEnd, TaskListOptions, WorkOptions,
};

use crate::completions;

const EXAMPLES: &str = "\
Examples:
  dc tasks                                      pipelines at a glance, and their last documents
  dc tasks invoices --state rejected,failed     what did not come through
  dc tasks invoices --watch                     the same, renewed each second
  dc tasks why scans/4711.pdf                   what became of a file, and why it waits
  dc tasks why --row invoices 12                of which document a row is
  dc tasks show 12                              attempts, times, memory, errors, outputs
  dc tasks add invoices scan.pdf --priority 5   a file that is in no watched folder
  \"$DC_BIN\" tasks add invoices page.pdf --json  the same from another app
  dc tasks edit 12                              mend what a stage was given, then go on
  dc tasks retry --pipeline invoices --error KeyError --from parse --rate 10/min
  dc tasks cancel 12 13                         take documents out
  dc tasks output 12 --stage parse | jq .       what a stage gave
  dc tasks document 12 --output scan.pdf        the original
  dc tasks --dead                               dead letters of the Dramatiq queues of workers and apps
  dc tasks --dead ner default                   of these queues
  dc tasks --dead ner --resend ID               send one again, with its retries reset
  dc tasks --dead ner --all                     send all again";

const STATES: [&str; 7] = ["waiting", "running", "done", "rejected", "failed", "quarantined", "cancelled"];

/// Show, retry, edit and cancel documents of pipelines and dead letters
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, after_help = "`dc tasks --help` has examples")]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    dead: dead::DeadArgs,
}

impl Args {
    /// Whether an editor is opened.
    pub(crate) fn is_edit(&self) -> bool {
        matches!(self.command, Some(Command::Edit { .. }))
    }
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show everything known about tasks
    Show {
        /// Numbers of tasks
        #[arg(required = true, value_name = "ID")]
        tasks: Vec<i64>,
    },
    /// Explain what happened to a file, a task, or the document of a row
    Why(WhyArgs),
    /// Add files to a pipeline; they stay where they are
    Add(AddArgs),
    /// Retry tasks
    Retry(RetryArgs),
    /// Edit the input of a task's stage and retry the stage
    Edit {
        /// Number of a task
        #[arg(value_name = "ID")]
        task: i64,
    },
    /// Cancel tasks
    Cancel {
        #[command(flatten)]
        which: WhichArgs,
        /// Reason to show to others
        #[arg(long)]
        reason: Option<String>,
    },
    /// Quarantine tasks until somebody looks at them
    Quarantine {
        #[command(flatten)]
        which: WhichArgs,
        /// Reason to show to others
        #[arg(long)]
        reason: Option<String>,
    },
    /// Print the output of a stage
    Output {
        /// Number of a task
        #[arg(value_name = "ID")]
        task: i64,
        /// Stage, instead of the last one with an output
        #[arg(long)]
        stage: Option<String>,
    },
    /// Print the original document and verify it
    Document {
        /// Number of a task
        #[arg(value_name = "ID")]
        task: i64,
        /// Write into this file; never replaces an existing one
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only this pipeline: group/parent/name, or an unambiguous tail of it
    #[arg(value_name = "PIPELINE", add = ArgValueCompleter::new(completions::apps))]
    pipelines: Vec<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Number of tasks to list
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(i64).range(0..))]
    limit: i64,
    /// Refresh every second until Ctrl-C
    #[arg(short, long)]
    watch: bool,
}

#[derive(Debug, clap::Args)]
struct FilterArgs {
    /// Only tasks in these states
    #[arg(long = "state", value_name = "STATE", value_delimiter = ',', value_parser = STATES)]
    states: Vec<String>,
    /// Only tasks in this stage
    #[arg(long)]
    stage: Option<String>,
    /// Only tasks with this text in their error, ignoring case
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// Only tasks changed since then: 30m, 2h, 7d, 2026-11-20
    #[arg(short, long, value_name = "TIME")]
    since: Option<String>,
}

impl FilterArgs {
    fn choice(self) -> TaskChoice {
        let Self { states, stage, error, since } = self;
        TaskChoice { states, stage, error, since, ..TaskChoice::default() }
    }
}

#[derive(Debug, clap::Args)]
struct WhichArgs {
    /// Numbers of tasks, instead of filters
    #[arg(value_name = "ID", conflicts_with_all = ["pipelines", "states", "stage", "error", "since", "limit"])]
    tasks: Vec<i64>,
    /// Only tasks of this pipeline; repeatable
    #[arg(long = "pipeline", value_name = "PIPELINE", add = ArgValueCompleter::new(completions::apps))]
    pipelines: Vec<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Largest number of tasks, oldest first
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = clap::value_parser!(i64).range(1..))]
    limit: Option<i64>,
    /// Do not ask before many tasks or several pipelines
    #[arg(short, long)]
    yes: bool,
}

impl WhichArgs {
    fn choice(self) -> TaskChoice {
        let Self { tasks: ids, pipelines, filter, limit, yes } = self;
        TaskChoice { ids, pipelines, limit, yes, ..filter.choice() }
    }
}

#[derive(Debug, clap::Args)]
struct WhyArgs {
    /// Path, name, task number, or 8 digits of a SHA-256
    #[arg(value_name = "FILE|ID|SHA", required_unless_present = "row")]
    what: Option<String>,
    /// Document of a row: the table and the `id` of the row
    #[arg(long, num_args = 2, value_names = ["TABLE", "ID"], conflicts_with = "what")]
    row: Option<Vec<String>>,
    /// Database of the table
    #[arg(long, value_name = "NAME", requires = "row")]
    database: Option<String>,
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// Pipeline
    #[arg(add = ArgValueCompleter::new(completions::apps))]
    pipeline: String,
    /// Files to store; - for standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Priority; the highest goes first
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i64>,
    /// Name to use instead of the file's own
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, clap::Args)]
struct RetryArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// Stage to begin with, instead of the one where each ended
    #[arg(long, value_name = "STAGE")]
    from: Option<String>,
    /// Spread them over time: 5/s, 10/min, 100/h
    #[arg(long)]
    rate: Option<String>,
    /// Only show what would be retried
    #[arg(long)]
    dry_run: bool,
}

/// What `dc run` starts for a pipeline
#[derive(Debug, clap::Args)]
pub(crate) struct WorkerArgs {
    /// Pipeline
    app: String,
    /// Go on when nothing waits
    #[arg(long)]
    stay: bool,
    /// The SHA-256 of its files, where they were fetched
    #[arg(long, value_name = "SHA256")]
    fetched: Option<String>,
}

pub(crate) fn worker(context: &Context, args: WorkerArgs) -> Result<()> {
    let WorkerArgs { app, stay, fetched } = args;
    let report = ops::work(context, &WorkOptions { app, stay, fetched })?;
    context.shell().print(&report)?;
    // a worker that stays was told to end, and the next one goes on
    if stay { Ok(()) } else { report.check() }
}

pub(crate) fn run(context: &Context, args: Args) -> Result<i32> {
    let shell = context.shell();
    let done = match args.command {
        None if args.dead.is_meant() => dead::run(context, args.dead),
        None => list(context, args.list),
        Some(Command::Show { tasks }) => shell.print(&ops::show_tasks(context, &tasks)?),
        Some(Command::Why(args)) => why(context, args),
        Some(Command::Add(AddArgs { pipeline, files, priority, name })) => {
            let options = AddTasksOptions { pipeline, files, name, priority };
            let added = ops::add_tasks(context, &options, &mut std::io::stdin().lock())?;
            shell.print(&added)?;
            return Ok(i32::from(!added.is_well()));
        }
        Some(Command::Retry(RetryArgs { which, from, rate, dry_run })) => {
            let options = RetryTasksOptions { choice: which.choice(), from, rate, dry_run };
            shell.print(&ops::retry_tasks(context, &options)?)
        }
        Some(Command::Edit { task }) => shell.print(&ops::edit_task(context, task)?),
        Some(Command::Cancel { which, reason }) => end(context, which, TaskEnd::Cancel, reason),
        Some(Command::Quarantine { which, reason }) => end(context, which, TaskEnd::Quarantine, reason),
        Some(Command::Output { task: id, stage }) => {
            let options = OutputOptions { id, stage, to_terminal: shell.out_is_terminal() };
            ops::take_output(context, &options, &mut *shell.data(false)).map(drop)
        }
        Some(Command::Document { task, output }) => document(context, task, output),
    };
    done.map(|()| 0)
}

fn list(context: &Context, args: ListArgs) -> Result<()> {
    let ListArgs { pipelines, filter, limit: count, watch } = args;
    let choice = TaskChoice { pipelines, ..filter.choice() };
    let options = TaskListOptions { choice, count };
    let shell = context.shell();
    match watch {
        true => ops::watch_tasks(context, &options, &mut |list| shell.print_anew(list)),
        false => shell.print(&ops::list_tasks(context, &options)?),
    }
}

fn why(context: &Context, args: WhyArgs) -> Result<()> {
    let WhyArgs { what, row, database } = args;
    let stories = match row.as_deref() {
        Some([table, id]) => {
            let number = id.parse().map_err(|_| {
                Error::new(ErrorKind::Usage, format!("read `{id}` as the id of a row")).hint("--row TABLE ID")
            })?;
            ops::why_row(context, database.as_deref(), table, number)?
        }
        _ => ops::why_tasks(context, &what.unwrap_or_default())?,
    };
    context.shell().print(&stories)
}

fn end(context: &Context, which: WhichArgs, end: TaskEnd, reason: Option<String>) -> Result<()> {
    context.shell().print(&ops::end_tasks(context, &which.choice(), end, reason.as_deref())?)
}

fn document(context: &Context, task: i64, output: Option<PathBuf>) -> Result<()> {
    let shell = context.shell();
    if output.is_none() && shell.out_is_terminal() {
        return Err(Error::new(ErrorKind::Usage, "print a document to a terminal")
            .hint("redirect it (`dc tasks document ID >FILE`), or name a file: --output FILE"));
    }
    let taken = ops::take_document(context, task, output.as_deref(), &mut std::io::stdout().lock())?;
    match taken.output {
        Some(_) => shell.print(&taken),
        None => Ok(()),
    }
}
