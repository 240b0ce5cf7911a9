//! A record that cannot be taken: where it stands and why; kept in a file when the user asked for that.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use serde::Serialize;

use crate::db::Kind;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::formats::refusal;
use crate::merge::plan::format::Format;
use crate::merge::read::source::Source;
use crate::merge::spool::Spool;

/// Where in a record its fault stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spot {
    /// The column of this name.
    Column(String),
    /// The byte, from 1.
    Byte(usize),
}

impl fmt::Display for Spot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(name) => write!(formatter, "column `{name}`"),
            Self::Byte(byte) => write!(formatter, "byte {byte}"),
        }
    }
}

/// The reason for a row of CSV whose quotes are written as some programs do it.
pub(crate) const BACKSLASH_QUOTE: &str = "a backslash stands before a quote inside of quotes; CSV doubles such a quote";

/// A bad record, or a fault of its source that nothing can follow.
#[derive(Debug, Clone)]
pub(crate) struct Reject {
    pub(crate) source: usize,
    /// From 1.
    pub(crate) line: u64,
    pub(crate) spot: Option<Spot>,
    pub(crate) reason: String,
    /// The record as it came; `None` when it was too long to be kept.
    pub(crate) raw: Option<Vec<u8>>,
    /// What kind of fault it is.
    pub(crate) fault: FaultKind,
    /// Its place among the bytes of all inputs; `None` where it cannot be read again.
    pub(crate) place: Option<u64>,
}

/// Records that were rejected before they could be compared.
pub(crate) struct Rejected {
    /// Their places.
    pub(crate) places: Spool,
    /// Those that cannot be read again.
    pub(crate) unplaced: u64,
}

/// What a bad record means for the rest of the merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// This record alone is bad; it can be set aside.
    Record,
    /// As a bad record, because a column does not take its value.
    Misfit {
        /// The column.
        column: String,
        /// The kind of column that would.
        wider: Option<Kind>,
    },
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
        Self { source, line, spot: None, reason, raw: None, fault: FaultKind::Source, place: None }
    }

    /// The error that stops a merge here.
    pub(crate) fn into_error(self, sources: &[Source], may_reject: bool) -> Error {
        let source = sources.get(self.source);
        let name = source.map_or("the input", |source| source.name.as_str());
        let (unit, line) = source.map_or(("line", self.line), |source| (source.unit(), source.place(self.line)));
        if let FaultKind::UnknownColumn { column, table } = self.fault {
            let what = format!(
                "find the column `{column}` in the table `{table}`: it is in the input ({unit} {line} of {name})"
            );
            return Error::new(ErrorKind::NotFound, what).hint(format!(
                "add it with `dc merge {table} ... --evolve`, or leave it out with `--ignore {column}`"
            ));
        }
        let column = self.spot.map(|spot| format!(", {spot}")).unwrap_or_default();
        let error = Error::failed(format!("take the record in {name}, {unit} {line}{column}: {}", self.reason));
        let is_cut_line = source.is_some_and(|source| source.format == Format::Ndjson)
            && self.reason.starts_with("it ends in the middle");
        if let (FaultKind::Misfit { column, wider: Some(_) }, false) = (&self.fault, may_reject) {
            return error.hint(format!(
                "let `--evolve` make the column `{column}` wide enough, mend the input, or set such records aside with \
                 `--rejects FILE`; nothing was changed"
            ));
        }
        if self.reason == BACKSLASH_QUOTE && !may_reject {
            let file = name.trim_matches('`');
            return error.hint(format!(
                r#"double such quotes: `dc merge TABLE -- sed 's/\\"/""/g' {file}`; nothing was changed"#
            ));
        }
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
    byte: Option<usize>,
    reason: &'a str,
    record: Option<std::borrow::Cow<'a, str>>,
}

/// Takes bad records: stops at the first, or writes them to a file.
pub(crate) struct Rejects {
    file: Option<(BufWriter<File>, String)>,
    pub(crate) count: u64,
}

impl Rejects {
    /// Without a path the first bad record is an error. What a path held before is gone: see [`check_rejects`].
    pub(crate) fn to(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self { file: None, count: 0 }) };
        let name = path.display().to_string();
        let file = open(path).map_err(|cause| file_error(format!("write the rejects to {name}"), cause))?;
        Ok(Self { file: Some((BufWriter::new(file), name)), count: 0 })
    }

    /// Whether bad records are set aside.
    pub(crate) fn are_kept(&self) -> bool {
        self.file.is_some()
    }

    /// As [`Rejects::take`], with what helps where bad records are not set aside.
    pub(crate) fn take_with(&mut self, reject: Reject, sources: &[Source], hint: &str) -> Result<()> {
        match self.are_kept() {
            true => self.take(reject, sources),
            false => Err(reject.into_error(sources, true).hint(format!("{hint}; nothing was changed"))),
        }
    }

    /// Forgets all of them: the input is read from its start.
    pub(crate) fn begin_anew(&mut self) -> Result<()> {
        self.count = 0;
        let Some((file, name)) = &mut self.file else { return Ok(()) };
        let emptied = file.flush().and_then(|()| file.get_ref().set_len(0)).and_then(|()| file.rewind());
        emptied.map_err(|cause| file_error(format!("write the rejects to {name}"), cause))
    }

    pub(crate) fn take(&mut self, reject: Reject, sources: &[Source]) -> Result<()> {
        let Some((file, name)) = &mut self.file else { return Err(reject.into_error(sources, false)) };
        if !matches!(reject.fault, FaultKind::Record | FaultKind::Misfit { .. }) {
            return Err(reject.into_error(sources, true));
        }
        let source = sources.get(reject.source);
        let raw = reject.raw.as_deref().map(String::from_utf8_lossy);
        // a record that could not be converted brings with it what it was
        let refused = raw.as_deref().and_then(refusal).map(|refusal| refusal.record);
        let line = Line {
            file: source.map_or("", |source| source.name.as_str()),
            line: source.map_or(reject.line, |source| source.place(reject.line)),
            column: match &reject.spot {
                Some(Spot::Column(name)) => Some(name),
                _ => None,
            },
            byte: match reject.spot {
                Some(Spot::Byte(byte)) => Some(byte),
                _ => None,
            },
            reason: &reject.reason,
            record: refused.or(raw.as_deref().map(std::borrow::Cow::Borrowed)),
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

/// A pipe that nobody reads is an error at once, and not waited for.
fn open(path: &Path) -> std::io::Result<File> {
    let file =
        File::options().write(true).create(true).truncate(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    if file.metadata()?.file_type().is_fifo() {
        // its reader may be slower than we are
        fcntl(&file, FcntlArg::F_SETFL(OFlag::empty()))?;
    }
    Ok(file)
}

/// The first bytes of an SQLite database.
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";
/// What SQLite keeps beside a database, by the ends of the names. They may be made at any moment, and are not ours to touch.
const SQLITE_SIDES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Refuses to write bad records over an input, or over a database.
///
/// # Errors
/// Usage, with the file.
pub(crate) fn check_rejects(path: Option<&Path>, sources: &[Source]) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let refused = |what: &str| {
        let what = format!("write the rejects to {}: it is {what}", path.display());
        Err(Error::new(ErrorKind::Usage, what).hint("name another file; nothing was changed"))
    };
    if database_beside(path).is_some_and(|database| is_sqlite(&database)) {
        return refused("a part of an SQLite database");
    }
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(()) };
    if metadata.is_dir() {
        return refused("a folder");
    }
    let identity = (metadata.dev(), metadata.ino());
    if metadata.is_file() && sources.iter().any(|source| source.identity == Some(identity)) {
        return refused("an input of this merge");
    }
    if metadata.is_file() && is_sqlite(path) { refused("an SQLite database") } else { Ok(()) }
}

fn is_sqlite(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(SQLITE_MAGIC.len() as u64).read_to_end(&mut start));
    read.is_ok() && start == SQLITE_MAGIC
}

/// The database that a file would be a part of, by its name, and behind links.
fn database_beside(path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = path.file_name()?.to_str()?;
    let database = SQLITE_SIDES.iter().find_map(|side| name.strip_suffix(side))?;
    Some(path.with_file_name(database))
}
