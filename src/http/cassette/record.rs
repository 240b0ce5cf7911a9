//! Writes exchanges to a cassette, each when it is over. Several processes of a run write a file each.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ureq::http::HeaderMap;

use super::super::answer::Answer;
use super::super::asked::Asked;
use super::super::decode::Stream;
use super::super::failure::{Failure, Stage};
use super::super::hide::{Hider, Side};
use super::entry::{AnswerEntry, AskedEntry, Content, Entry, FailureEntry};
use super::key::Key;
use crate::clock;
use crate::error::{ErrorKind, Result, file_error};
use crate::ident::new_identity;

/// Of a larger body the rest is not recorded, and a replay says so.
const BODY_BYTES_MAX: usize = 64 << 20;
/// What tells that a body was too large.
const TOO_LARGE: &str = "it was too large to be recorded";

/// A cassette that is written.
pub(in crate::http) struct Record {
    file: Arc<Output>,
    key: Key,
}

/// A file that is made when there is something to write.
struct Output {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl Record {
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let path = folder.join(format!("{}.ndjson", new_identity()));
        std::fs::create_dir_all(folder).map_err(|cause| file_error(format!("make {}", folder.display()), cause))?;
        Ok(Self { file: Arc::new(Output { path, file: Mutex::default() }), key: Key::of(folder)? })
    }

    /// Writes down what came of an exchange; an answer when its body has been read.
    pub(in crate::http) fn keep(
        &self,
        hider: &Arc<Hider>,
        asked: &Asked<'_>,
        outcome: Result<Answer, Failure>,
    ) -> Result<Answer, Failure> {
        let request = AskedEntry::of(hider, Some(&self.key), asked);
        let at = format!("{}Z", clock::now().format("%Y-%m-%dT%H:%M:%S%.6f"));
        match outcome {
            Err(failure) => {
                let failed = FailureEntry {
                    stage: stage_name(failure.stage).to_owned(),
                    kind: if failure.error.kind() == ErrorKind::Timeout { "timeout" } else { "failed" }.to_owned(),
                    text: hider.text(&words(&failure)),
                };
                self.file.write(&Entry { at, request, response: None, failure: Some(failed), ms: 0 });
                Err(failure)
            }
            Ok(answer) => {
                let taped = Taped {
                    inner: answer.body,
                    bytes: Vec::new(),
                    is_done: false,
                    cut: None,
                    entry: Some((at, request)),
                    status: answer.status,
                    headers: shown_headers(hider, &answer.headers, asked.unpack),
                    kind: answer
                        .headers
                        .get("content-type")
                        .map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned()),
                    began: Instant::now(),
                    took_ms: answer.meter.elapsed().as_millis() as u64,
                    hider: Arc::clone(hider),
                    file: Arc::clone(&self.file),
                };
                Ok(Answer { body: Box::new(taped) as Stream, ..answer })
            }
        }
    }
}

impl Output {
    /// What cannot be recorded is told, and does no harm to the run.
    fn write(&self, entry: &Entry) {
        let mut line = serde_json::to_vec(entry).unwrap_or_default();
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match file.take() {
            Some(open) => Ok(open),
            None => File::create(&self.path),
        };
        if let Err(cause) = open.and_then(|open| file.insert(open).write_all(&line)) {
            log::error!("an exchange was not recorded in {}: {cause}", self.path.display());
        }
    }
}

fn words(failure: &Failure) -> String {
    failure.error.causes().join(": ")
}

pub(super) fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Connecting => "connecting",
        Stage::Sent => "sent",
        Stage::Unsendable => "unsendable",
    }
}

/// The body is kept unpacked, so what tells of its packing and its way is left out.
fn shown_headers(hider: &Arc<Hider>, headers: &HeaderMap, is_unpacked: bool) -> Vec<(String, String)> {
    let left_out: &[&str] = match is_unpacked {
        true => &["content-encoding", "content-length", "transfer-encoding", "connection", "keep-alive"],
        false => &["transfer-encoding", "connection", "keep-alive"],
    };
    let kept = headers.iter().filter(|(name, _)| !left_out.contains(&name.as_str()));
    let shown = kept.map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.as_str().to_owned(), hider.header(name.as_str(), &value))
    });
    shown.collect()
}

/// A body that is written down while it is read.
struct Taped {
    inner: Stream,
    bytes: Vec<u8>,
    is_done: bool,
    cut: Option<String>,
    entry: Option<(String, AskedEntry)>,
    status: u16,
    headers: Vec<(String, String)>,
    kind: Option<String>,
    began: Instant,
    took_ms: u64,
    hider: Arc<Hider>,
    file: Arc<Output>,
}

impl Read for Taped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(0) => {
                self.is_done = self.is_done || !buffer.is_empty();
                Ok(0)
            }
            Ok(count) => {
                match self.bytes.len() + count > BODY_BYTES_MAX {
                    true => self.cut = Some(TOO_LARGE.to_owned()),
                    false if self.cut.is_none() => self.bytes.extend_from_slice(&buffer[..count]),
                    false => {}
                }
                Ok(count)
            }
            Err(cause) => {
                self.cut.get_or_insert(self.hider.text(&cause.to_string()));
                Err(cause)
            }
        }
    }
}

impl Drop for Taped {
    fn drop(&mut self) {
        let Some((at, request)) = self.entry.take() else { return };
        let body = self.hider.body(Side::Answer, self.kind.as_deref().unwrap_or_default(), &self.bytes);
        let mut headers = std::mem::take(&mut self.headers);
        if body.len() != self.bytes.len() {
            // what was hidden has made it shorter
            headers.retain(|(name, _)| name != "content-length" && name != "content-range");
        }
        let response = AnswerEntry { status: self.status, headers, body: Content::of(&body), cut: self.cut.take() };
        let ms = self.took_ms + self.began.elapsed().as_millis() as u64;
        self.file.write(&Entry { at, request, response: Some(response), failure: None, ms });
    }
}
