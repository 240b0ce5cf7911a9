//! `dc merge history`, `dc merge show` and `dc merge undo`

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops;

/// What was merged before
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Past {
    /// List the merges that changed something, newest first
    History(HistoryArgs),
    /// Print a table as it is or was, one JSON object per row
    Show(ShowArgs),
    /// Undo a run's merges, if nothing later touched the same rows
    Undo(UndoArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct HistoryArgs {
    /// Only this table
    table: Option<String>,
    /// Configured database to use
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

const SHOW_EXAMPLES: &str = "\
Examples:
  dc merge show companies                             the active rows
  dc merge show companies --as-of 2026-11-20          as they were on that day, at midnight
  dc merge show companies --as-of 2h                  as they were two hours ago
  dc merge show companies --as-of RUN                 as a run (or a merge) left them
  diff <(dc merge show t --as-of 1d) <(dc merge show t)    what changed since yesterday

Rows that a merge deleted (--gone delete) are in no past.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = SHOW_EXAMPLES, after_help = "`dc merge show --help` has examples")]
pub(crate) struct ShowArgs {
    /// Table, or SCHEMA.TABLE
    table: String,
    /// Time (2h, 2026-11-20, "2026-11-20 06:00"), run or merge
    #[arg(long, value_name = "TIME|RUN")]
    as_of: Option<String>,
    /// Print id, sha, archive, date_created and date_modified too
    #[arg(long)]
    all: bool,
    /// Configured database to use
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

const UNDO_HELP: &str = "\
Rows that the run inserted are deleted, rows that it archived are active again, a table or a column that it
made is dropped when nothing is left in it: all of its merges in one database, in one transaction. It is
refused when later merges touched the same rows, and when rows were deleted (--gone delete). At the end the
hashes of the active rows must add up to what they were; otherwise nothing is changed.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = UNDO_HELP)]
pub(crate) struct UndoArgs {
    /// Run or merge to undo; `dc merge history` lists them
    run: String,
    /// Run, then roll back
    #[arg(long)]
    dry_run: bool,
    /// Configured database to use
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

pub(crate) fn run(context: &Context, past: Past) -> Result<()> {
    let shell = context.shell();
    match past {
        Past::History(HistoryArgs { table, database }) => {
            shell.print(&ops::merge_history(context, database.as_deref(), table.as_deref())?)
        }
        Past::Show(ShowArgs { table, as_of, all, database }) => {
            let as_of = ops::read_as_of(as_of.as_deref())?;
            if as_of.is_moment() {
                // without a zone it is not plain which moment is meant
                shell.note(&format!("note: as of {as_of}"));
            }
            ops::show_table(context, database.as_deref(), &table, &as_of, all, &mut |line| shell.json_line(line))
        }
        Past::Undo(UndoArgs { run, dry_run, database }) => {
            shell.print(&ops::undo_merges(context, database.as_deref(), &run, dry_run)?)
        }
    }
}
