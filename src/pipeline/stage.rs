//! What a stage is given, and what it gives.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::context::Cancellation;
use crate::error::{Error, ErrorKind, Result};
use crate::tables::LogLevel;

/// A stage at work: one for each thread of a worker, so it may keep what it needs from document to document.
pub trait Stage: Send {
    /// Works on one document.
    fn work(&mut self, job: &Job<'_>) -> Worked;
}

/// One document in one stage.
pub struct Job<'a> {
    /// The number of the task.
    pub task: i64,
    /// The pipeline's full name.
    pub pipeline: &'a str,
    /// The stage.
    pub stage: &'a str,
    /// The number of the attempt, from 1.
    pub attempt: i64,
    /// The document's name as it came.
    pub name: &'a str,
    /// The SHA-256 of the document, in hex.
    pub sha256: &'a str,
    /// What the stage before gave.
    pub input: Given,
    /// The pipeline's folder.
    pub folder: &'a Path,
    /// How long it may take.
    pub timeout: Duration,
    /// Set when the task is taken away, or everything is to stop.
    pub cancellation: &'a Cancellation,
    pub(super) document: Lazy<'a>,
    pub(super) make_scratch: &'a dyn Fn() -> Result<PathBuf>,
    pub(super) say: Voice<'a>,
}

/// What logs a line of a document.
pub(super) type Voice<'a> = &'a (dyn Fn(LogLevel, &str) + Sync);

/// The path of a document, found when it is asked for.
pub(super) struct Lazy<'a> {
    pub(super) path: OnceCell<PathBuf>,
    pub(super) find: Box<dyn Fn() -> Result<PathBuf> + 'a>,
}

impl Job<'_> {
    /// The original, as a file that is only to be read.
    ///
    /// # Errors
    /// What the storage says.
    pub fn document(&self) -> Result<&Path> {
        if let Some(path) = self.document.path.get() {
            return Ok(path);
        }
        let path = (self.document.find)()?;
        Ok(self.document.path.get_or_init(|| path))
    }

    /// An empty folder for this attempt alone, made when it is first asked for; it goes with the attempt.
    ///
    /// # Errors
    /// What the file system says.
    pub fn scratch(&self) -> Result<PathBuf> {
        (self.make_scratch)()
    }

    /// Logs a line that belongs to this document.
    pub fn say(&self, level: LogLevel, message: &str) {
        (self.say)(level, message);
    }
}

/// What the stages before gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// No stage gave anything.
    Nothing,
    /// A text of JSON.
    Json(String),
    /// A file that is no JSON.
    File(PathBuf),
}

impl Given {
    /// As a value: null where nothing was given.
    ///
    /// # Errors
    /// Why the input is no JSON.
    pub fn value(&self) -> std::result::Result<Value, Failure> {
        match self {
            Self::Nothing => Ok(Value::Null),
            Self::Json(text) => serde_json::from_str(text)
                .map_err(|cause| Failure::permanent(format!("what the stage before gave is no JSON: {cause}"))),
            Self::File(path) => {
                Err(Failure::permanent(format!("what the stage before gave is no JSON: {}", path.display())))
            }
        }
    }
}

/// What a stage gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Nothing of its own: the next stage is given what this one was.
    Same,
    /// A text of JSON.
    Json(String),
    /// A file, which is stored.
    File(PathBuf),
}

impl Output {
    /// A value as JSON.
    pub fn of(value: &Value) -> Self {
        Self::Json(value.to_string())
    }
}

/// Why a stage did not do its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The document is not right, and never will be.
    Permanent,
    /// It may go better another time.
    Passing,
    /// What the stage needs is away, for every document.
    Blocked,
    /// What worked on the document died.
    Died,
}

impl FailureKind {
    /// The word in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Passing => "passing",
            Self::Blocked => "blocked",
            Self::Died => "died",
        }
    }
}

/// A stage that did not do its part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// Why, in words.
    pub message: String,
}

impl Failure {
    /// The document is not right, and never will be.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Permanent, message: message.into() }
    }

    /// It may go better another time.
    pub fn passing(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Passing, message: message.into() }
    }

    /// What the stage needs is away, for every document.
    pub fn blocked(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Blocked, message: message.into() }
    }

    /// What worked on the document died.
    pub fn died(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Died, message: message.into() }
    }

    /// What an error of dc's own is to a stage: a database that is away blocks it, a setting does as well.
    pub fn of(error: &Error) -> Self {
        let mut message = error.to_string();
        for cause in error.causes() {
            message.push_str(&format!(": {cause}"));
        }
        if let Some(hint) = error.hint_text() {
            message.push_str(&format!(" ({hint})"));
        }
        let kind = match error.kind() {
            _ if error.is_temporary() => FailureKind::Blocked,
            ErrorKind::Settings | ErrorKind::Permission => FailureKind::Blocked,
            ErrorKind::Usage | ErrorKind::Refused => FailureKind::Permanent,
            _ => FailureKind::Passing,
        };
        Self { kind, message }
    }
}

/// What came of working on a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worked {
    /// What the stage gives, or why it did not do its part.
    pub result: std::result::Result<Output, Failure>,
    /// What its process took, where it has one of its own.
    pub spent: Spent,
}

/// What a process took, and how it ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Processor time, in milliseconds.
    pub cpu_ms: Option<i64>,
    /// The most memory, in KiB.
    pub memory_peak_kib: Option<i64>,
    /// The exit status.
    pub exit_code: Option<i64>,
    /// The signal that ended it.
    pub signal: Option<i64>,
}

impl From<std::result::Result<Output, Failure>> for Worked {
    fn from(result: std::result::Result<Output, Failure>) -> Self {
        Self { result, spent: Spent::default() }
    }
}
