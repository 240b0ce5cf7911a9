//! `dc query`

use std::io::Read;

use clap::ValueEnum;
use data_collector::context::Context;
use data_collector::error::{Error, ErrorKind, Result};
use data_collector::ops::{self, QueryFormat, QueryOptions};

const EXAMPLES: &str = "\
Examples:
  dc query 'SELECT * FROM companies LIMIT 10'                 as a table
  dc query 'SELECT name FROM companies WHERE vat_no = ?' --param HR123
  dc query 'SELECT * FROM companies' --format csv >all.csv    every row, as it comes
  dc query 'SELECT count(*) AS n FROM t' --json               one JSON object a row
  dc query --database warehouse - <report.sql                 the statement from standard input
  dc query \"UPDATE companies SET note = NULL\" --write

Without --write the database itself refuses every change: an SQLite file is opened for reading, PostgreSQL and
MariaDB read in a READ ONLY transaction. SQL Server has none, so there --write is needed for every statement.
A value of --param is JSON where it is that (5, true, null, \"5\") and text elsewhere; `?` takes the next one, $1 the
first. A table shows the first 1000 rows; JSON and CSV give all, in bounded memory.";

/// Ask a configured database
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, after_help = "`dc query --help` has examples")]
pub(crate) struct Args {
    /// One statement; `-` reads it from standard input
    sql: String,
    /// Configured database to use
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// Value of the next placeholder: JSON, or text
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    param: Vec<String>,
    /// Allow the statement to change data
    #[arg(long)]
    write: bool,
    /// Format of rows [default: table; with --json: json]
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// First 1000 rows, for people
    Table,
    /// One object per line
    Json,
    /// With a header row
    Csv,
}

/// The longest statement that is read.
const SQL_BYTES_MAX: u64 = 16 << 20;

pub(crate) fn run(context: &Context, args: Args) -> Result<()> {
    let shell = context.shell();
    let format = match args.format {
        Some(Format::Json) => QueryFormat::Json,
        Some(Format::Csv) => QueryFormat::Csv,
        None if shell.is_json() => QueryFormat::Json,
        Some(Format::Table) | None => QueryFormat::Table,
    };
    let sql = if args.sql == "-" { statement()? } else { args.sql };
    let Args { database, param: parameters, write, .. } = args;
    let options = QueryOptions { sql, database, parameters, write, format };
    let mut out = std::io::BufWriter::new(shell.data(format == QueryFormat::Json));
    let report = ops::query(context, &options, &mut out)?;
    // it may hold the lock of what is printed to next
    drop(out);
    if report.is_written && report.changed.is_none() { Ok(()) } else { shell.print(&report) }
}

fn statement() -> Result<String> {
    let mut sql = String::new();
    let read = std::io::stdin().lock().take(SQL_BYTES_MAX).read_to_string(&mut sql);
    read.map(|_| sql).map_err(|cause| Error::new(ErrorKind::Usage, "read the statement").because(cause))
}
