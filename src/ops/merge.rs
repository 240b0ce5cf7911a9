//! `dc merge`: the merge of files or standard input, with the settings' guard, attributed to the run around it.

mod producer;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::connect;
use super::trial::leave_report;
use crate::context::Context;
use crate::db::Gone;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::formats::Reading;
use crate::ident::new_identity;
use crate::merge::{Explained, Explanation, Format, Input, MaxGone, Merge, MergeReport, Progress, explain};
use crate::settings::MAIN;
use crate::shell::Bar;
use producer::Producer;

/// What `dc merge` is asked for.
#[derive(Debug, Clone, Default)]
pub struct MergeOptions {
    /// The table.
    pub table: String,
    /// Files; `-` for standard input.
    pub files: Vec<PathBuf>,
    /// The program whose output is merged when it has ended with 0, and its arguments; empty for files.
    pub command: Vec<OsString>,
    /// Each input ends with a line that tells how many records it has.
    pub expect_end: bool,
    /// The configured database; `main` when `None`.
    pub database: Option<String>,
    /// Key columns.
    pub key: Vec<String>,
    /// Columns and the values they must have.
    pub scope: Vec<(String, String)>,
    /// What becomes of vanished rows.
    pub gone: Gone,
    /// Hash only these.
    pub hash_on: Vec<String>,
    /// Hash all but these.
    pub hash_except: Vec<String>,
    /// Text as it is.
    pub exact: bool,
    /// Columns of the input to leave out.
    pub ignore: Vec<String>,
    /// Columns of the input to call otherwise.
    pub rename: Vec<(String, String)>,
    /// Columns that are made, and their types.
    pub types: Vec<(String, String)>,
    /// Make a missing table.
    pub create: bool,
    /// Add missing columns.
    pub evolve: bool,
    /// Change rows in place.
    pub update: bool,
    /// All but commit.
    pub dry_run: bool,
    /// Let an empty input through.
    pub allow_empty: bool,
    /// How many rows may go; from the settings when `None`.
    pub max_gone: Option<MaxGone>,
    /// Where bad records go.
    pub rejects: Option<PathBuf>,
    /// How the files are read.
    pub format: Option<Format>,
    /// Between two fields of CSV.
    pub delimiter: Option<u8>,
    /// The encoding of the input, where it is not UTF-8.
    pub encoding: Option<String>,
    /// How other formats are read.
    pub reading: Reading,
    /// Threads that parse and hash.
    pub threads: Option<usize>,
}

impl MergeOptions {
    /// A file that is not there is named before a table that is not there either.
    fn check_files(&self) -> Result<()> {
        for file in self.files.iter().filter(|file| file.as_os_str() != "-") {
            std::fs::metadata(file).map_err(|cause| file_error(format!("open {}", file.display()), cause))?;
        }
        Ok(())
    }

    fn inputs(&self) -> Result<Vec<Input>> {
        if !self.command.is_empty() {
            return Ok(vec![Input::Produced(Arc::new(Producer::new(self.command.clone())?))]);
        }
        let input = |file: &PathBuf| if file.as_os_str() == "-" { Input::Stdin } else { Input::File(file.clone()) };
        Ok(if self.files.is_empty() { vec![Input::Stdin] } else { self.files.iter().map(input).collect() })
    }

    fn describe(&self, context: &Context) -> Result<Merge> {
        if !self.hash_on.is_empty() && !self.hash_except.is_empty() {
            return Err(
                Error::new(ErrorKind::Usage, "use --hash-on and --hash-except together").hint("say one of them")
            );
        }
        let guard = &context.settings().merge;
        let default = MaxGone::Share { percent: guard.max_gone_percent, rows: guard.max_gone_rows };
        let mut merge = Merge::into(&self.table)
            .key(self.key.clone())
            .gone(self.gone)
            .exact(self.exact)
            .ignore(self.ignore.clone())
            .create(self.create)
            .evolve(self.evolve)
            .update(self.update)
            .dry_run(self.dry_run || context.settings().trial.is_some())
            .sample(context.settings().trial.as_ref().map_or(0, |trial| trial.records))
            .expect_end(self.expect_end)
            .allow_empty(self.allow_empty)
            .max_gone(self.max_gone.unwrap_or(default))
            .cancellation(context.cancellation().clone());
        merge = self.scope.iter().fold(merge, |merge, (column, value)| merge.scope(column, value));
        merge = self.types.iter().fold(merge, |merge, (column, declared)| merge.column_type(column, declared));
        merge = self.rename.iter().fold(merge, |merge, (from, to)| merge.rename(from, to));
        if !self.hash_on.is_empty() {
            merge = merge.hash_on(self.hash_on.clone());
        }
        if !self.hash_except.is_empty() {
            merge = merge.hash_except(self.hash_except.clone());
        }
        merge = self.rejects.iter().fold(merge, |merge, file| match &context.settings().trial {
            None => merge.rejects(file),
            // a run that is only tried leaves no file behind
            Some(trial) => merge.rejects(trial.folder.join(format!("{}.rejects", new_identity()))),
        });
        merge = self.format.into_iter().fold(merge, Merge::format);
        merge = self.delimiter.into_iter().fold(merge, Merge::delimiter);
        merge = self.encoding.iter().fold(merge, |merge, label| merge.encoding(label));
        merge = merge.reading(self.reading.clone());
        Ok(self.threads.into_iter().fold(merge, Merge::threads))
    }
}

/// Merges records into a table.
///
/// # Errors
/// As [`Merge::run_inputs`], and those of opening the database.
pub fn merge(context: &Context, options: &MergeOptions) -> Result<MergeReport> {
    let name = options.database.as_deref().unwrap_or(MAIN);
    options.check_files()?;
    let bar = context.shell().progress();
    let merge = options.describe(context)?.progress(move |progress| show(&bar, progress));
    let inputs = options.inputs()?;
    let mut database = connect(context, name)?;
    let report = merge.run_inputs(&mut database, &inputs)?;
    if let Some(trial) = &context.settings().trial {
        leave_report(trial, &report)?;
    }
    Ok(report)
}

fn show(bar: &Bar, progress: Progress) {
    match progress {
        Progress::Reading { bytes } => bar.count_bytes(bytes, "reading"),
        Progress::Writing { records } => bar.count_rows(records, "writing"),
        Progress::Advanced(by) => bar.advance(by),
        Progress::Ended => bar.end(),
    }
}

/// What `dc merge --hash-only` is asked for.
#[derive(Debug, Clone, Default)]
pub struct HashOnlyOptions(pub MergeOptions);

/// Gives the canonical form and the hash of each record to `each`. Touches no database.
///
/// # Errors
/// As [`explain`].
pub fn hash_only(
    context: &Context,
    options: &HashOnlyOptions,
    each: impl FnMut(&Explanation) -> Result<()>,
) -> Result<Explained> {
    explain(&options.0.describe(context)?, &options.0.inputs()?, each)
}
