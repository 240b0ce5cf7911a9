//! `dc merge`

mod past;
mod reading;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;
use data_collector::context::Context;
use data_collector::db::Gone;
use data_collector::error::{Error, Result};
use data_collector::merge::{Format, MaxGone};
use data_collector::ops::{self, HashOnlyOptions, MergeOptions};

use self::reading::ReadingArgs;

const EXAMPLES: &str = "\
Examples:
  dc merge companies companies.csv --create        make the table and load it
  dc merge companies companies.csv --key vat_no    load today's file: new, changed, gone
  dc merge companies hr.csv --scope country=HR     compare with the Croatian rows only
  dc merge rates --key day -- curl -fsS URL        run a program, and merge only if it succeeds
  dc merge rates - --key day <rates.csv            read standard input
  dc merge companies new.csv --dry-run             see what would happen
  dc merge prices prices.xlsx --sheet Today        read a sheet of a workbook
  dc merge items feed.xml --records //item         each <item> is a record
  dc merge --hash-only a.ndjson                    see why two records differ
  dc merge history companies                       what was merged, and by which run
  dc merge undo RUN                                take a run's merges back

Behind `--` stands a program that writes records to its standard output. It is merged when the program has ended
with exit status 0; one that fails, or is killed, changes nothing. In a pipe (`PROGRAM | dc merge TABLE`) a program
that dies looks like one that is done, and what it did not send is archived: use `--`, or have it write
{\"dc\":\"end\",\"records\":N} as its last line and say --expect-end. A JSON array that is not closed is never merged.

Input is NDJSON, JSON, CSV with a header, a workbook (xlsx, xls, xlsb, ods), XML, a table of an HTML page,
or lines of fixed width; plain, compressed with gzip or zstd, or in an archive (zip, tar). The format is known by
the first bytes or the name, the delimiter of CSV by the first rows or a line `sep=;`. UTF-16 is
recognised; name any other encoding with --encoding. A flag that does not apply to a format is an error.

Each record is hashed (case, white space and Unicode form do
not count, unless --exact); what the table lacks is inserted, what the input lacks is archived, all in
one transaction. A merge that fails, or is killed, changes nothing.

The records of the last merge are known when they come again, in whatever order: if the table still
holds what that merge left, they are not parsed, and the report says so (same_input with --json).

Values are stored as they came, or refused: no digit of a number is rounded. JSON is hashed as Python's
json prints it; a CSV field as JSON would be at its place (a number in a column of numbers, null if
empty, text elsewhere). A number that goes into a text column is hashed as text, and one that no float
holds by its digits, from CSV and JSON alike. --hash-only knows no table: there a number is always hashed as
a number, and a float as Python prints it.

With --evolve, columns that the table lacks are added, and columns that do not take a value become wider:
whole numbers 64 bits, then numeric, then text; a text column that holds nothing yet takes the type of what
comes. Rows stay as they are. Where numbers become text, rows of this input get their new hash in place; rows
outside of it (--scope, --gone keep) count as changed when they come again. An undo leaves columns wide.

The file of --rejects holds one JSON object a record: file, line, column or byte, reason, record.

With --rejects and --key, the row of a rejected record stays active; if the key of a rejected record
cannot be read, no row is taken for gone. A null key matches nothing. Two records that are one to the
hash and have different keys are no duplicates: the second is a bad record, unless --exact.

A table needs the columns sha (32 bytes, or text), archive, date_created and date_modified (timestamps);
--create makes them, with id and the index over the hashes of the active rows. An input's own columns of
these names are not loaded; --rename keeps them under another name.";

/// Load records into a table, touching only what changed
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, after_help = "`dc merge --help` has examples")]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    past: Option<past::Past>,
    /// Table, or SCHEMA.TABLE
    #[arg(required_unless_present = "hash_only")]
    table: Option<String>,
    /// Files to read; `-` or none reads standard input
    #[arg(conflicts_with = "command")]
    files: Vec<PathBuf>,
    /// Program whose output is merged once it has ended with status 0
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
    /// Configured database to merge into
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// Key column: a removed and an added record with the same key count as changed
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    key: Vec<String>,
    /// Compare only active rows with this value (nothing after `=`: null)
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = crate::arguments::pair)]
    scope: Vec<(String, String)>,
    /// Handling of rows that left the source
    #[arg(long, value_enum, default_value_t = GoneChoice::Archive)]
    gone: GoneChoice,
    /// Hash only these columns
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', conflicts_with = "hash_except")]
    hash_on: Vec<String>,
    /// Hash all columns but these
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    hash_except: Vec<String>,
    /// Distinguish case, white space and Unicode form
    #[arg(long)]
    exact: bool,
    /// Leave out a column of the input
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Rename a column of the input
    #[arg(long, value_name = "OLD=NEW", value_parser = crate::arguments::pair)]
    rename: Vec<(String, String)>,
    /// Create the table from the input if it is missing
    #[arg(long)]
    create: bool,
    /// Type of a new column, as the database names it: amount=numeric(20,4)
    #[arg(long, value_name = "COLUMN=TYPE", value_parser = crate::arguments::pair)]
    types: Vec<(String, String)>,
    /// Add missing columns, and widen those that do not take a value
    #[arg(long)]
    evolve: bool,
    /// Change rows in place by their key; no history, no undo
    #[arg(long, conflicts_with = "gone")]
    update: bool,
    /// Run, then roll back
    #[arg(long)]
    dry_run: bool,
    /// Accept an empty input, which archives everything in scope
    #[arg(long)]
    allow_empty: bool,
    /// Limit of vanished rows, as a number or percentage [default: 50%, and 20]
    #[arg(long, value_name = "ROWS|PERCENT%", value_parser = clap::builder::ValueParser::new(max_gone))]
    max_gone: Option<MaxGone>,
    /// Set bad records aside in this NDJSON file and continue
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Format of the input [default: told by name and first bytes]
    #[arg(long)]
    format: Option<String>,
    /// Field delimiter of CSV [default: what the first rows tell]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,
    /// Encoding of the input if it is not UTF-8: windows-1250, iso-8859-2, ..
    #[arg(long, value_name = "LABEL")]
    encoding: Option<String>,
    /// Refuse an input without `{"dc":"end","records":N}` as its last line
    #[arg(long)]
    expect_end: bool,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Threads that parse and hash [default: one per core]
    #[arg(long, value_name = "COUNT")]
    threads: Option<usize>,
    /// Print each record's canonical form and hash; use no database
    #[arg(long)]
    hash_only: bool,
}

/// Handling of a row that left the source
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GoneChoice {
    /// Keep it, with the time at which it left
    Archive,
    /// Delete it
    Delete,
    /// Keep it active
    Keep,
}

impl Args {
    pub(crate) fn is_undo(&self) -> bool {
        matches!(self.past, Some(past::Past::Undo(_)))
    }

    fn into_options(self) -> MergeOptions {
        let plain: Option<Format> = self.format.as_deref().and_then(|name| name.parse().ok());
        let other = self.format.filter(|_| plain.is_none());
        MergeOptions {
            table: self.table.unwrap_or_default(),
            files: self.files,
            command: self.command,
            expect_end: self.expect_end,
            database: self.database,
            key: self.key,
            scope: self.scope,
            gone: match self.gone {
                GoneChoice::Archive => Gone::Archive,
                GoneChoice::Delete => Gone::Delete,
                GoneChoice::Keep => Gone::Keep,
            },
            hash_on: self.hash_on,
            hash_except: self.hash_except,
            exact: self.exact,
            ignore: self.ignore,
            rename: self.rename,
            types: self.types,
            create: self.create,
            evolve: self.evolve,
            update: self.update,
            dry_run: self.dry_run,
            allow_empty: self.allow_empty,
            max_gone: self.max_gone,
            rejects: self.rejects,
            format: plain,
            delimiter: self.delimiter,
            encoding: self.encoding,
            reading: self.reading.into_reading(other),
            threads: self.threads,
        }
    }
}

pub(crate) fn run(context: &Context, mut args: Args) -> Result<()> {
    if let Some(past) = args.past.take() {
        return past::run(context, past);
    }
    if args.hash_only {
        return hash_only(context, args);
    }
    let report = ops::merge(context, &args.into_options())?;
    if !report.reserved_columns.is_empty() {
        let names = report.reserved_columns.join("`, `");
        context.shell().note(&format!("note: the columns `{names}` are the framework's own and were not loaded; `--rename {0}=source_{0}` keeps one", report.reserved_columns[0]));
    }
    if !report.generated_columns.is_empty() {
        let names = report.generated_columns.join("`, `");
        context.shell().note(&format!("note: the columns `{names}` are filled by the database and were not loaded; `--ignore` leaves them out of the hash too"));
    }
    for other in &report.other_types {
        let (column, declared, asked) = (&other.column, &other.declared, &other.asked);
        context.shell().note(&format!("note: the column `{column}` was there before, as {declared}; `--types {column}={asked}` changes nothing about it"));
    }
    // the run around us shows it at its end
    let is_tried = context.settings().trial.is_some() && !context.shell().is_json();
    if is_tried { Ok(()) } else { context.shell().print(&report) }
}

/// There is no table here, so the first word is a file too.
fn hash_only(context: &Context, args: Args) -> Result<()> {
    let mut options = args.into_options();
    if !options.table.is_empty() {
        options.files.insert(0, PathBuf::from(std::mem::take(&mut options.table)));
    }
    ops::hash_only(context, &HashOnlyOptions(options), |explanation| {
        context.shell().json_line(&explanation.to_string())
    })
    .map(|_| ())
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" | b"tab" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err("write one character, or `tab`".to_owned()),
    }
}

fn max_gone(text: &str) -> Result<MaxGone, Error> {
    text.parse()
}
