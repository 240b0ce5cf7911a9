//! A record that cannot be taken: where it stands and why; kept in a file when the user asked for that.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result, file_error};
use crate::merge::plan::format::Format;
use crate::merge::read::source::Source;

/// A bad record, or a fault of its source that nothing can follow.
#[derive(Debug, Clone)]
pub(crate) struct Reject {
    pub(crate) source: usize,
    /// From 1.
    pub(crate) line: u64,
    /// The column's name, or the byte in the record, from 1.
    pub(crate) column: Option<String>,
    pub(crate) reason: String,
    /// The record as it came; `None` when it was too long to be kept.
    pub(crate) raw: Option<Vec<u8>>,
    /// What kind of fault it is.
    pub(crate) fault: FaultKind,
}

/// What a bad record means for the rest of the merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// This record alone is bad; it can be set aside.
    Record,
    /// Nothing can be read behind it.
    Source,
    /// The table lacks this column: all records may have it, so the merge stops and names the flag.
    UnknownColumn {
        /// The column.
        column: String,
        /// The table.
        table: String,
    },
}

impl Reject {
    /// A fault that ends the source.
    pub(crate) fn fatal(source: usize, line: u64, reason: String) -> Self {
        Self { source, line, column: None, reason, raw: None, fault: FaultKind::Source }
    }

    /// The error that stops a merge here.
    pub(crate) fn into_error(self, sources: &[Source], may_reject: bool) -> Error {
        let source = sources.get(self.source);
        let name = source.map_or("the input", |source| source.name.as_str());
        if let FaultKind::UnknownColumn { column, table } = self.fault {
            let what = format!(
                "find the column `{column}` in the table `{table}`: it is in the input (line {} of {name})",
                self.line
            );
            return Error::new(ErrorKind::NotFound, what).hint(format!(
                "add it with `dc merge {table} ... --evolve`, or leave it out with `--ignore {column}`"
            ));
        }
        let column = self.column.map(|column| format!(", {column}")).unwrap_or_default();
        let error = Error::failed(format!("take the record in {name}, line {}{column}: {}", self.line, self.reason));
        let is_cut_line = source.is_some_and(|source| source.format == Format::Ndjson)
            && self.reason.starts_with("it ends in the middle");
        match (self.fault == FaultKind::Source, may_reject) {
            _ if is_cut_line => error.hint(
                "mend it, or set such records aside with `--rejects FILE`; an object over several lines goes into one \
                 array `[..]`, or through `jq -c .`; nothing was changed",
            ),
            (true, _) => error.hint("mend the input there; nothing was changed"),
            (false, true) => error,
            (false, false) => {
                error.hint("mend the input, or set such records aside with `--rejects FILE`; nothing was changed")
            }
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    line: u64,
    column: Option<&'a str>,
    reason: &'a str,
    record: Option<std::borrow::Cow<'a, str>>,
}

/// Takes bad records: stops at the first, or writes them to a file.
pub(crate) struct Rejects {
    file: Option<(BufWriter<File>, String)>,
    pub(crate) count: u64,
}

impl Rejects {
    /// Without a path the first bad record is an error.
    pub(crate) fn to(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self { file: None, count: 0 }) };
        let name = path.display().to_string();
        let file = File::create(path).map_err(|cause| file_error(format!("write the rejects to {name}"), cause))?;
        Ok(Self { file: Some((BufWriter::new(file), name)), count: 0 })
    }

    pub(crate) fn take(&mut self, reject: Reject, sources: &[Source]) -> Result<()> {
        let Some((file, name)) = &mut self.file else { return Err(reject.into_error(sources, false)) };
        if reject.fault != FaultKind::Record {
            return Err(reject.into_error(sources, true));
        }
        let line = Line {
            file: sources.get(reject.source).map_or("", |source| source.name.as_str()),
            line: reject.line,
            column: reject.column.as_deref(),
            reason: &reject.reason,
            record: reject.raw.as_deref().map(String::from_utf8_lossy),
        };
        let text = serde_json::to_string(&line).map_err(|cause| Error::failed("write a reject").because(cause))?;
        self.count += 1;
        writeln!(file, "{text}").map_err(|cause| file_error(format!("write the rejects to {name}"), cause))
    }

    /// Makes sure that all rejects are in the file.
    pub(crate) fn finish(&mut self) -> Result<()> {
        match &mut self.file {
            Some((file, name)) => {
                file.flush().map_err(|cause| file_error(format!("write the rejects to {name}"), cause))
            }
            None => Ok(()),
        }
    }
}
