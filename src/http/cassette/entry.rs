//! One exchange as it stands on a line of a cassette.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::super::asked::Asked;
use super::super::hide::{Hider, Side};
use super::key::Key;
use crate::error::{Result, file_error};

/// The files with the exchanges of a cassette, one of each process, in the order of their names.
///
/// # Errors
/// What the file system says.
pub(super) fn exchange_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |cause| file_error(format!("read the cassette {}", folder.display()), cause);
    let entries = std::fs::read_dir(folder).map_err(failed)?.flatten();
    let is_ours = |path: &PathBuf| path.extension().is_some_and(|it| it == "ndjson");
    let mut files: Vec<PathBuf> = entries.map(|it| it.path()).filter(is_ours).collect();
    files.sort();
    Ok(files)
}

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    /// When it was asked, RFC 3339 in UTC.
    pub(super) at: String,
    pub(super) request: AskedEntry,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<AnswerEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<FailureEntry>,
    /// How long it took, in milliseconds.
    pub(super) ms: u64,
}

/// What was asked, without what must not be seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AskedEntry {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<Content>,
    /// What tells it from all others, also from those that look alike since the same is hidden in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<String>,
}

/// What was answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AnswerEntry {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Content,
    /// The body broke off there, for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cut: Option<String>,
}

/// No answer came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FailureEntry {
    /// `connecting`, `sent` or `unsendable`.
    pub(super) stage: String,
    /// `failed` or `timeout`.
    pub(super) kind: String,
    pub(super) text: String,
}

/// Bytes: as text where they are that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Content {
    Text(String),
    Base64(String),
}

impl Content {
    pub(super) fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(STANDARD.encode(bytes)),
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Base64(text) => STANDARD.decode(text).unwrap_or_default(),
        }
    }
}

impl AskedEntry {
    /// What is asked, without what must not be seen.
    pub(super) fn of(hider: &Hider, key: Option<&Key>, asked: &Asked<'_>) -> Self {
        let headers = asked.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), hider.header(name.as_str(), &value))
        });
        let kind = asked.body.content_type().unwrap_or_default();
        let (mut start, _) = asked.body.start();
        if kind.starts_with("multipart/") {
            // the boundary of a form differs from time to time
            let boundary = kind.rsplit_once("boundary=").map_or("", |(_, it)| it);
            start = with_boundary(&start, boundary.as_bytes());
        }
        let digest = key.map(|key| key.digest(hider, asked, &kind, &start));
        let body = hider.body(Side::Request, &kind, &start);
        Self {
            method: asked.method.as_str().to_owned(),
            url: hider.url(&asked.url),
            headers: headers.collect(),
            body: (!body.is_empty()).then(|| Content::of(&body)),
            digest,
        }
    }
}

/// A form with `BOUNDARY` between its parts.
fn with_boundary(body: &[u8], boundary: &[u8]) -> Vec<u8> {
    let mut named = Vec::with_capacity(body.len());
    let mut from = 0;
    for place in memchr::memmem::find_iter(body, boundary).filter(|_| !boundary.is_empty()) {
        named.extend_from_slice(&body[from..place]);
        named.extend_from_slice(b"BOUNDARY");
        from = place + boundary.len();
    }
    named.extend_from_slice(&body[from..]);
    named
}
