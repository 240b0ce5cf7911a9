//! `dc files`

use std::path::PathBuf;

use clap_complete::engine::ArgValueCompleter;
use data_collector::context::Context;
use data_collector::error::{Error, ErrorKind, Result};
use data_collector::ops::{self, FileListOptions, KeepFilesOptions, MoveFilesOptions};

use crate::completions;

const EXAMPLES: &str = "\
Examples:
  dc files keep invoice.pdf --retention regulatory_7y   store a file
  \"$DC_BIN\" files keep page.html --json                 the same from an app: prints one object
  curl -s URL | dc files keep - --name page.html        store standard input
  dc files list --app invoices                          list stored files, newest first
  dc files get 12 >invoice.pdf                          print a file, and verify it on the way
  dc files hold 12 --reason \"audit of 2026\"             never delete it, whatever its retention says
  dc files move --from local --to archive               move a whole store
  dc files prune --dry-run                              show what has expired
  dc files check                                        read every file back

The content identifies a file: the same bytes of one app are stored once, under as many names as they were kept.
With `[http] save = \"storage\"` in dc.toml every answer that an app in Rust gets is stored, too, beside a .meta.json
that names it (`body_file`), for as long as `save_retention` says.
A name with bytes that are not UTF-8 is shown with \\xNN in their place; a backslash is doubled.";

/// Store files, find them again, and delete them when they expire
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, after_help = "`dc files --help` has examples")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Store files
    Keep(KeepArgs),
    /// List stored files, newest first
    List(ListArgs),
    /// Show everything known about a file
    Show {
        /// Number, or SHA-256 or its first 8 digits
        #[arg(required = true, value_name = "ID|SHA")]
        files: Vec<String>,
    },
    /// Print the bytes of a file, and verify them
    Get {
        /// Number, or SHA-256 or its first 8 digits
        #[arg(value_name = "ID|SHA")]
        file: String,
        /// Write into this file; never replaces an existing one
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Keep files from being deleted, whatever their retention
    Hold {
        /// Numbers, or SHA-256s or their first 8 digits
        #[arg(required = true, value_name = "ID|SHA")]
        files: Vec<String>,
        /// Reason to show to others
        #[arg(long)]
        reason: String,
    },
    /// End a hold
    Release {
        /// Numbers, or SHA-256s or their first 8 digits
        #[arg(required = true, value_name = "ID|SHA")]
        files: Vec<String>,
    },
    /// Move files to another store
    Move(MoveArgs),
    /// Delete expired files, and files that no row knows
    Prune {
        /// Only show what would be deleted
        #[arg(long)]
        dry_run: bool,
    },
    /// Read every file back, and look for files that no row knows
    Check {
        /// Only this store
        #[arg(long, value_name = "NAME")]
        store: Option<String>,
    },
    /// List the retentions, or add one
    Retention {
        /// Name of a new retention, or of one that was added
        #[arg(requires = "days")]
        name: Option<String>,
        /// Days after which such a file expires
        days: Option<i64>,
        /// Purpose of the retention
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
    },
}

#[derive(Debug, clap::Args)]
struct KeepArgs {
    /// Files to store; - for standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Retention, such as regulatory_7y; `dc files retention` lists them
    #[arg(short, long)]
    retention: Option<String>,
    /// Store, instead of `[storage] store`
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// Name to keep it under, instead of the file's own
    #[arg(long)]
    name: Option<String>,
    /// App to keep it for, instead of the app that calls
    #[arg(long, add = ArgValueCompleter::new(completions::apps))]
    app: Option<String>,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only files of this app
    #[arg(long, add = ArgValueCompleter::new(completions::apps))]
    app: Option<String>,
    /// Only files kept by this run
    #[arg(long, value_name = "RUN")]
    runtime: Option<String>,
    /// Only files in this store
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// Only files with this name
    #[arg(long)]
    name: Option<String>,
    /// Only held files
    #[arg(long)]
    held: bool,
    /// Only files that the last check found damaged or missing
    #[arg(long)]
    faulty: bool,
    /// Include deleted files
    #[arg(long)]
    deleted: bool,
    /// Only numbers below this one, for the next page
    #[arg(long, value_name = "ID")]
    below: Option<i64>,
    /// Number of files to show
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(i64).range(0..))]
    tail: i64,
}

#[derive(Debug, clap::Args)]
struct MoveArgs {
    /// Numbers, or SHA-256s or their first 8 digits
    #[arg(value_name = "ID|SHA", conflicts_with_all = ["from", "app"])]
    files: Vec<String>,
    /// Store to move them to
    #[arg(long, value_name = "NAME")]
    to: String,
    /// All files of this store
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
    /// All files of this app
    #[arg(long, add = ArgValueCompleter::new(completions::apps))]
    app: Option<String>,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<i32> {
    let shell = context.shell();
    match args.command {
        Command::Keep(KeepArgs { files, retention, store, name, app }) => {
            let options = KeepFilesOptions { files, name, app, retention, store };
            let kept = ops::keep_files(context, &options, &mut std::io::stdin().lock())?;
            shell.print(&kept)?;
            Ok(i32::from(!kept.is_well()))
        }
        Command::List(ListArgs { app, runtime, store, name, held, faulty, deleted, below, tail }) => {
            let options = FileListOptions { app, runtime, store, name, held, faulty, deleted, below, count: tail };
            shell.print(&ops::list_files(context, &options)?).map(|()| 0)
        }
        Command::Show { files } => shell.print(&ops::show_files(context, &files)?).map(|()| 0),
        Command::Get { file, output } => get(context, &file, output),
        Command::Hold { files, reason } => shell.print(&ops::hold_files(context, &files, &reason)?).map(|()| 0),
        Command::Release { files } => shell.print(&ops::release_files(context, &files)?).map(|()| 0),
        Command::Move(MoveArgs { files, to, from, app }) => {
            let moved = ops::move_files(context, &MoveFilesOptions { files, from, app, to })?;
            shell.print(&moved)?;
            Ok(i32::from(!moved.is_well()))
        }
        Command::Prune { dry_run } => {
            let pruned = ops::prune_files(context, dry_run)?;
            shell.print(&pruned)?;
            Ok(i32::from(!pruned.is_well()))
        }
        Command::Check { store } => {
            let found = ops::check_files(context, store.as_deref())?;
            shell.print(&found)?;
            Ok(i32::from(!found.0.is_well()))
        }
        Command::Retention { name: Some(name), days: Some(days), description } => {
            shell.print(&ops::add_retention(context, &name, days, &description)?).map(|()| 0)
        }
        Command::Retention { .. } => shell.print(&ops::list_retentions(context)?).map(|()| 0),
    }
}

fn get(context: &Context, file: &str, output: Option<PathBuf>) -> Result<i32> {
    let shell = context.shell();
    if output.is_none() && shell.out_is_terminal() {
        return Err(Error::new(ErrorKind::Usage, "print a file to a terminal")
            .hint("redirect it (`dc files get ID >FILE`), or name a file: --output FILE"));
    }
    let taken = ops::take_file(context, file, output.as_deref(), &mut std::io::stdout().lock())?;
    match taken.output {
        Some(_) => shell.print(&taken).map(|()| 0),
        None => Ok(0),
    }
}
