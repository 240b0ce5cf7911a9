//! `dc deploy`

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops::{self, DeployOptions};

const EXAMPLES: &str = "\
Examples:
  dc deploy --dry-run                                    see what would be done
  dc deploy                                              schema, codebooks and apps up to date
  dc deploy --rename companies=registry                  a folder was renamed: keep its runs and logs
  DC_DB_MAIN_URL=postgres://dc@localhost/dc dc deploy    the same on PostgreSQL
  dc deploy --sql > schema.sql                           let somebody run it who may make tables
  DC_DB_MAIN_URL=postgres://dc@localhost/dc dc deploy --copy-from sqlite:.dc/dc.db
                                                         move there with everything that was collected

Typed twice it changes nothing, typed twice at once the second waits. A database that a newer dc has
made is refused. An app that cannot be read is listed and holds up no other; the exit status is 1 then.
With `[deploy] publish = true` in dc.toml the files of each app's folder are stored as well (dc-files(1)):
a machine with the same setting that lacks the folder fetches it as it was deployed. Hidden files, caches,
watched folders and what `[deploy] ignore` names are left out; `.env` and private keys always, with a line.
`--copy-from` takes the name of a configured database or a URL without a password. It copies every row with its
number, reads it back and compares it, and keeps nothing if one differs; the old database stays as it is. Both
need the same version of dc, no manager and no run may be at work on the old one, and the new one must be empty.
Without a configured database the embedded SQLite file .dc/dc.db is used.";

/// Bring the schema, the codebooks and the registry of apps up to date
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, after_help = "`dc deploy --help` has examples")]
pub(crate) struct Args {
    /// Show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Rename a registered app; its runs and logs continue under the new name
    #[arg(long, value_name = "OLD=NEW", value_parser = crate::arguments::pair)]
    rename: Vec<(String, String)>,
    /// Print the SQL that the schema still needs, for a DBA to run
    #[arg(long, conflicts_with_all = ["dry_run", "rename", "copy_from"])]
    sql: bool,
    /// Copy dc's tables, merge history and merged tables from another database
    #[arg(long, value_name = "DATABASE")]
    copy_from: Option<String>,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<i32> {
    if args.sql {
        context.shell().print_data(&ops::deploy_sql(context)?)?;
        return Ok(0);
    }
    let options =
        DeployOptions { dry_run: args.dry_run, renames: args.rename.clone(), copy_from: args.copy_from.clone() };
    let report = ops::deploy(context, &options)?;
    context.shell().print(&report)?;
    // the others are registered, and somebody has to look at these
    Ok(i32::from(!report.is_whole()))
}
