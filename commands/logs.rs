//! `dc logs`

use clap_complete::engine::ArgValueCompleter;
use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops::{self, LogLine, LogsOptions};
use data_collector::shell::{Paint, Shell};

use crate::completions;

const EXAMPLES: &str = "\
Examples:
  dc logs                                 the last lines of all apps
  dc logs companies --level error         what went wrong with one
  dc logs --since 2h --follow             the last two hours, and what comes
  dc logs --runtime last --json           everything of the last run, for a program
  dc logs --runs companies                the runs: how long, how they ended";

/// Show what apps wrote, and how their runs ended
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, after_help = "`dc logs --help` has examples")]
pub(crate) struct Args {
    /// Only this app: group/parent/name, or a tail that no other app has
    #[arg(add = ArgValueCompleter::new(completions::apps))]
    app: Option<String>,
    /// Only this level and above: debug, info, warning, error, critical
    #[arg(short, long, conflicts_with = "runs")]
    level: Option<String>,
    /// Only since: 30m, 2h, 7d, 2026-11-20, "2026-11-20 06:00" (your own zone)
    #[arg(short, long, value_name = "TIME", conflicts_with = "runs")]
    since: Option<String>,
    /// Only this run; `last` for the newest
    #[arg(short, long, value_name = "RUN")]
    runtime: Option<String>,
    /// Show so many lines (or runs)
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(i64).range(0..))]
    tail: i64,
    /// Go on showing what comes, until Ctrl-C
    #[arg(short, long, conflicts_with = "runs")]
    follow: bool,
    /// Show the table of runs instead
    #[arg(long)]
    runs: bool,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<()> {
    let Args { app, level, since, runtime, tail, follow, runs } = args;
    let options = LogsOptions { app, level, since, runtime, tail, follow };
    let shell = context.shell();
    if runs {
        return shell.print(&ops::runs(context, &options)?);
    }
    ops::logs(
        context,
        &options,
        |line| if shell.is_json() { shell.row(line) } else { shell.line(&painted(shell, line)) },
    )
}

fn painted(shell: &Shell, line: &LogLine) -> String {
    let text = line.to_string();
    match line.level_name {
        "ERROR" | "CRITICAL" => shell.paint(&text, Paint::Red),
        "WARNING" => shell.paint(&text, Paint::Yellow),
        "DEBUG" => shell.paint(&text, Paint::Dim),
        _ => text,
    }
}
