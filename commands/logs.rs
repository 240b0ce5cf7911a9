//! `dc logs`

use clap_complete::engine::ArgValueCompleter;
use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops::{self, LogLine, LogsOptions, ProfileOptions, PruneOptions};
use data_collector::shell::Paint;

use crate::completions;

const EXAMPLES: &str = "\
Examples:
  dc logs                                 the last lines of all apps
  dc logs companies --level error         what went wrong with one
  dc logs --since 2h --follow             the last two hours, and what comes
  dc logs --text timeout --since 1d       where a word stands, in either case
  dc logs --grep 'page [0-9]+ of'         where a regular expression matches
  dc logs --runtime last --json           everything of the last run, for a program
  dc logs --after 1500 --json             what was stored after a record, for a program that goes on
  dc logs --runs companies                the runs: how long, how they ended
  dc logs companies --profile             where its last run spent its time
  dc logs prune --older-than 90d          delete what is old
  dc logs resend                          send records again that a sink refused

--follow shows each record once, as soon as its transaction ends; a database that is
unreachable is waited for. --after is for programs: records come in the order of their
id, and none will ever come before the last one shown, so that id is where to go on.
On PostgreSQL it stops before an id that a transaction which writes into `logs` still
holds, and says so; transactions that do not write into `logs` never matter.

The database searches for --text, and for the plain text in --grep. A text in the context
is found as it is meant (C:\\Temp) and as JSON writes it (C:\\\\Temp). On PostgreSQL an
index of pg_trgm on message and context is used where there is one.";

/// What dc-logs(1) says of how lines are shown.
const SHOWN: &str = "\
Control characters, marks that turn the order of letters and letters without a width are shown as
signs (␛[2J, <U+202E>), and the further lines of a record are indented: on a terminal, and in a pipe,
which may end on one. With --json they are escaped, and the values are the same. --raw shows lines
exactly as they were stored.";

/// Show what apps wrote, and how their runs ended
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{SHOWN}"), after_help = "`dc logs --help` has examples")]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    care: Option<Care>,
    /// Only this app: group/parent/name, or an unambiguous tail of it
    #[arg(add = ArgValueCompleter::new(completions::apps))]
    app: Option<String>,
    /// Only this level and above: debug, info, warning, error, critical
    #[arg(short, long, conflicts_with = "runs")]
    level: Option<String>,
    /// Only since then: 30m, 2h, 7d, 2026-11-20, "2026-11-20 06:00" (local time)
    #[arg(short, long, value_name = "TIME", conflicts_with = "runs")]
    since: Option<String>,
    /// Only until then; takes the same values
    #[arg(short, long, value_name = "TIME", conflicts_with_all = ["runs", "follow"])]
    until: Option<String>,
    /// Only lines with this text in message or context, ignoring case
    #[arg(short, long, conflicts_with_all = ["runs", "grep"])]
    text: Option<String>,
    /// Only lines that this regular expression matches
    #[arg(short, long, value_name = "REGEX", conflicts_with = "runs")]
    grep: Option<String>,
    /// Only this run; `last` for the newest
    #[arg(short, long, value_name = "RUN")]
    runtime: Option<String>,
    /// Number of lines or runs to show
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(i64).range(0..))]
    tail: i64,
    /// Show everything stored after this record (the `id` of --json)
    #[arg(long, value_name = "ID", conflicts_with_all = ["runs", "tail"])]
    after: Option<i64>,
    /// Keep showing new records until Ctrl-C
    #[arg(short, long, conflicts_with = "runs")]
    follow: bool,
    /// Show lines exactly as stored, with their control characters
    #[arg(long, conflicts_with_all = ["runs", "json"])]
    raw: bool,
    /// Show a table of runs instead
    #[arg(long)]
    runs: bool,
    /// Show where a run spent its time, by function [default: the last run]
    #[arg(long, value_name = "RUN", num_args = 0..=1, default_missing_value = "last")]
    #[arg(conflicts_with_all = ["runs", "level", "since", "until", "text", "grep"])]
    #[arg(conflicts_with_all = ["after", "follow", "raw", "runtime"])]
    profile: Option<String>,
}

/// The care of the log
#[derive(Debug, clap::Subcommand)]
enum Care {
    /// Delete old log records in small batches
    Prune(PruneArgs),
    /// Resend records that a sink refused
    #[command(after_long_help = RESEND, after_help = "`dc logs resend --help` says which these are")]
    Resend(ResendArgs),
}

const RESEND: &str = "\
A sink refuses a record for good only if the record itself is wrong: the database
names one of its values or a constraint, and says so again when the record comes
alone. The record is then kept in .dc/log/refused.ndjson, with the reason. Whatever
else a database says (no room, no right, a lock, a missing table, a server that goes
down), the records wait, and are delivered later without being asked for.

Mend what the reason names, and send them again. The database stores none twice.
Exits with 1 if records are refused again, with 75 if the sink is unreachable:
then they wait, and the next run delivers them.";

#[derive(Debug, clap::Args)]
struct ResendArgs {
    /// Only count them
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
struct PruneArgs {
    /// Delete what is older than this: 90d, 12h, 2026-11-20
    #[arg(long, value_name = "TIME")]
    older_than: String,
    /// Only count them
    #[arg(long)]
    dry_run: bool,
    /// Rewrite an SQLite file made by an older dc so that it shrinks; blocks others
    #[arg(long, conflicts_with = "dry_run")]
    rewrite: bool,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<()> {
    let shell = context.shell();
    match args.care {
        Some(Care::Prune(PruneArgs { older_than, dry_run, rewrite })) => {
            return shell.print(&ops::prune(context, &PruneOptions { older_than, dry_run, rewrite })?);
        }
        Some(Care::Resend(ResendArgs { dry_run })) => {
            let report = ops::resend(context, dry_run)?;
            shell.print(&report)?;
            return report.failure().map_or(Ok(()), Err);
        }
        None => {}
    }
    let Args { app, level, since, until, text, grep, runtime, tail, after, follow, raw, runs, profile, care: _ } = args;
    if let Some(run) = profile {
        return shell.print(&ops::profile(context, &ProfileOptions { app, run })?);
    }
    let options = LogsOptions { app, level, since, until, text, pattern: grep, runtime, tail, after, follow };
    if runs {
        return shell.print(&ops::runs(context, &options)?);
    }
    ops::logs(context, &options, |line| match (raw, shell.is_json()) {
        (true, _) => shell.raw_line(&line.raw()),
        (false, true) => shell.print(line),
        (false, false) => shell.painted_line(&line.to_string(), paint(line)),
    })
}

fn paint(line: &LogLine) -> Option<Paint> {
    match line.level_name {
        "ERROR" | "CRITICAL" => Some(Paint::Red),
        "WARNING" => Some(Paint::Yellow),
        "DEBUG" => Some(Paint::Dim),
        _ => None,
    }
}
