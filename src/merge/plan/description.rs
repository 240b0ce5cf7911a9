//! What a merge is asked for, before anything is looked at.

use std::path::PathBuf;

use super::format::Format;
use super::limit::MaxGone;
use super::mapping::Mapping;
use super::progress::{Meter, Progress};
use crate::context::Cancellation;
use crate::db::Gone;
use crate::formats::Reading;
use crate::hash::{Columns, HashOptions};

/// One merge, to be described and run.
///
/// ```no_run
/// # use data_collector::{context::Context, error::Result, merge::Merge, ops::connect};
/// # fn example(context: &Context, companies: Vec<serde_json::Value>) -> Result<()> {
/// let mut database = connect(context, "main")?;
/// let report = Merge::into("companies").key(["vat_no"]).scope("country", "HR").run(&mut database, companies)?;
/// println!("{} new, {} gone", report.counts.new, report.counts.gone);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Merge {
    pub(crate) table: String,
    pub(crate) key: Vec<String>,
    pub(crate) scope: Vec<(String, String)>,
    pub(crate) own_scope: bool,
    pub(crate) gone: Gone,
    pub(crate) hash: HashOptions,
    pub(crate) mapping: Mapping,
    pub(crate) types: Vec<(String, String)>,
    pub(crate) create: bool,
    pub(crate) evolve: bool,
    pub(crate) own_id: bool,
    pub(crate) update: bool,
    pub(crate) dry_run: bool,
    pub(crate) allow_empty: bool,
    pub(crate) max_gone: MaxGone,
    pub(crate) rejects: Option<PathBuf>,
    pub(crate) format: Option<Format>,
    pub(crate) delimiter: Option<u8>,
    pub(crate) encoding: Option<String>,
    pub(crate) reading: Reading,
    pub(crate) threads: usize,
    pub(crate) cancellation: Cancellation,
    pub(crate) progress: Meter,
    pub(crate) runtime: Option<String>,
    pub(crate) expect_end: bool,
    pub(crate) sample: usize,
}

impl Merge {
    /// A merge into `TABLE` or `SCHEMA.TABLE`, with the defaults of `dc merge`.
    pub fn into(table: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            key: Vec::new(),
            scope: Vec::new(),
            own_scope: false,
            gone: Gone::Archive,
            hash: HashOptions::default(),
            mapping: Mapping::default(),
            types: Vec::new(),
            create: false,
            evolve: false,
            own_id: false,
            update: false,
            dry_run: false,
            allow_empty: false,
            max_gone: MaxGone::Share { percent: 50, rows: 20 },
            rejects: None,
            format: None,
            delimiter: None,
            encoding: None,
            reading: Reading::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            cancellation: Cancellation::default(),
            progress: Meter::default(),
            runtime: None,
            expect_end: false,
            sample: 0,
        }
    }

    /// The columns that name a thing: a new and a gone record of one key count as changed.
    #[must_use]
    pub fn key<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.key = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Compares only the active rows whose `column` is `value` (empty: null). May be said several times.
    #[must_use]
    pub fn scope(mut self, column: impl Into<String>, value: impl Into<String>) -> Self {
        self.scope.push((column.into(), value.into()));
        self
    }

    /// For many small scopes, such as one a document, whose values the caller alone writes: a row is in scope only where it
    /// has them letter for letter, so that the table is not looked through for other spellings, and a table that is made gets
    /// an index over the columns of the scope.
    #[must_use]
    pub fn own_scope(mut self, is_own: bool) -> Self {
        self.own_scope = is_own;
        self
    }

    /// What becomes of rows that have vanished from the source.
    #[must_use]
    pub fn gone(mut self, gone: Gone) -> Self {
        self.gone = gone;
        self
    }

    /// Hashes only these columns.
    #[must_use]
    pub fn hash_on<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.hash.columns = Columns::Only(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Hashes all columns but these.
    #[must_use]
    pub fn hash_except<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.hash.columns = Columns::Except(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Takes text as it is: case, white space and Unicode form count.
    #[must_use]
    pub fn exact(mut self, exact: bool) -> Self {
        self.hash.exact = exact;
        self
    }

    /// Leaves columns of the input out, before anything else.
    #[must_use]
    pub fn ignore<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.mapping.ignore.extend(columns.into_iter().map(Into::into));
        self
    }

    /// Gives a column of the input another name, before it is hashed.
    #[must_use]
    pub fn rename(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.mapping.rename.push((from.into(), to.into()));
        self
    }

    /// Makes a missing table from what the input holds.
    #[must_use]
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Gives a column that is made this type instead of the inferred one, in the words of the database:
    /// `numeric(20,4)`, `date`, `varchar(2)`.
    #[must_use]
    pub fn column_type(mut self, column: impl Into<String>, declared: impl Into<String>) -> Self {
        self.types.push((column.into(), declared.into()));
        self
    }

    /// Adds columns that the input has and the table lacks, and widens those that do not take a value.
    #[must_use]
    pub fn evolve(mut self, evolve: bool) -> Self {
        self.evolve = evolve;
        self
    }

    /// Loads `id` from the records instead of letting the table number its rows; it still is no part of the hash.
    #[must_use]
    pub fn own_id(mut self, own_id: bool) -> Self {
        self.own_id = own_id;
        self
    }

    /// Changes rows in place by their key: the columns that a record has are written, all others stay, and rows that no record
    /// names stay too. There is no history of it, and no undo. It needs a key.
    #[must_use]
    pub fn update(mut self, update: bool) -> Self {
        self.update = update;
        self
    }

    /// Does all but commit.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Lets an empty input through the guard.
    #[must_use]
    pub fn allow_empty(mut self, allow: bool) -> Self {
        self.allow_empty = allow;
        self
    }

    /// How many rows may go.
    #[must_use]
    pub fn max_gone(mut self, max: MaxGone) -> Self {
        self.max_gone = max;
        self
    }

    /// Sets bad records aside in this file instead of stopping at the first.
    #[must_use]
    pub fn rejects(mut self, file: impl Into<PathBuf>) -> Self {
        self.rejects = Some(file.into());
        self
    }

    /// How files are read, where their names and first bytes do not tell.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// What stands between two fields of CSV.
    #[must_use]
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = Some(delimiter);
        self
    }

    /// The encoding of the input where it is not UTF-8, by its label in the WHATWG Encoding Standard: `windows-1250`,
    /// `iso-8859-2`, `utf-16le`. UTF-16 with a byte order mark is recognised.
    #[must_use]
    pub fn encoding(mut self, label: impl Into<String>) -> Self {
        self.encoding = Some(label.into());
        self
    }

    /// How workbooks, XML, HTML, archives and lines of fixed width are read, and how fields of text are written.
    #[must_use]
    pub fn reading(mut self, reading: Reading) -> Self {
        self.reading = reading;
        self
    }

    /// How many threads parse and hash; the cores of the machine by default.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Stops between two steps when this is cancelled; nothing has changed then.
    #[must_use]
    pub fn cancellation(mut self, cancellation: Cancellation) -> Self {
        self.cancellation = cancellation;
        self
    }

    /// Is told how far the merge is, on whichever thread it works.
    #[must_use]
    pub fn progress(mut self, told: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.progress = Meter::telling(told);
        self
    }

    /// Asks for the closing line `{"dc":"end","records":N}` at the end of each input: one that broke off has none.
    #[must_use]
    pub fn expect_end(mut self, expect: bool) -> Self {
        self.expect_end = expect;
        self
    }

    /// Has the report show so many records, and the columns with their types.
    #[must_use]
    pub fn sample(mut self, records: usize) -> Self {
        self.sample = records;
        self
    }

    /// The run that the report and the history name, where it is another than that of the connection.
    #[must_use]
    pub fn runtime(mut self, runtime: Option<String>) -> Self {
        self.runtime = runtime;
        self
    }
}
