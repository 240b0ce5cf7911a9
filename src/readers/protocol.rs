//! What is said between the pool and the processes that read for it: a line of JSON each way.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::instructions::Instructions;
use crate::documents::{Attached, Page, SearchablePage};
use crate::error::{Error, ErrorKind, Result};

/// What a process is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Question {
    /// How pages are read from now on.
    Instructions(Box<Instructions>),
    /// How many pages a file has.
    Open(#[serde(with = "super::paths")] PathBuf),
    /// What a page says, read with so many threads.
    Page {
        #[serde(with = "super::paths")]
        file: PathBuf,
        page: usize,
        threads: usize,
    },
    /// Draw a page as a PNG, at most so many pixels across and down.
    Draw {
        #[serde(with = "super::paths")]
        file: PathBuf,
        page: usize,
        side_max: usize,
        #[serde(with = "super::paths")]
        to: PathBuf,
    },
    /// Write the files that a file carries into a folder.
    Unpack {
        #[serde(with = "super::paths")]
        file: PathBuf,
        #[serde(with = "super::paths")]
        to: PathBuf,
    },
    /// Write the file with its text.
    Write {
        #[serde(with = "super::paths")]
        file: PathBuf,
        #[serde(with = "super::paths")]
        to: PathBuf,
        pages: Vec<SearchablePage>,
    },
}

/// What it answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Ready,
    Opened {
        pages: usize,
    },
    Page(Box<Page>),
    Drawn,
    Unpacked {
        attached: Vec<Attached>,
    },
    /// With what people should know of the file, a sentence each.
    Written {
        notes: Vec<String>,
    },
    Failed {
        kind: String,
        message: String,
        hint: Option<String>,
    },
}

impl Answer {
    pub(super) fn of(error: &Error) -> Self {
        let kind = format!("{:?}", error.kind());
        let mut message = error.message().to_owned();
        for cause in error.causes() {
            message.push_str(&format!(": {cause}"));
        }
        Self::Failed { kind, message, hint: error.hint_text().map(str::to_owned) }
    }

    /// The answer, or the error that it tells.
    pub(super) fn check(self) -> Result<Self> {
        let Self::Failed { kind, message, hint } = self else { return Ok(self) };
        let kinds = [
            ErrorKind::Failed,
            ErrorKind::Usage,
            ErrorKind::Settings,
            ErrorKind::Permission,
            ErrorKind::NotFound,
            ErrorKind::Refused,
            ErrorKind::Busy,
            ErrorKind::Timeout,
        ];
        let kind = kinds.into_iter().find(|known| format!("{known:?}") == kind).unwrap_or(ErrorKind::Failed);
        let error = Error::new(kind, message);
        Err(match hint {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }
}
