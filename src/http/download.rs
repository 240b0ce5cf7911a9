//! A body into a file: streamed, taken up where it broke off, and there under its name only when it is whole.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use ureq::http::{HeaderValue, Method, header};

use super::answer::Answer;
use super::call::Call;
use super::decode::unpack;
use super::ready::Ready;
use super::session::Session;
use super::{lanes, send};
use crate::error::{Error, ErrorKind, Result, file_error};

/// Bytes that are copied at once.
const COPY_BYTES: usize = 64 << 10;

/// How a download goes.
#[derive(Debug, Clone, Default)]
pub struct DownloadOptions {
    /// Begin anew, even where a part is there.
    pub anew: bool,
}

/// What was downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The file.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// Of these, the bytes that were there from before.
    pub resumed_from: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// What is known of a part, beside it.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    url: String,
    /// A strong ETag, or the time of the last change: what tells that the rest belongs to the part.
    validator: Option<String>,
    /// How long all of it is.
    #[serde(default)]
    total: Option<u64>,
}

impl Call {
    /// Downloads into `path`. What is there under this name is replaced when the download is whole, and not before; until
    /// then it grows in `path.part`, where a later call for the same URL takes it up, if the server can tell that nothing
    /// has changed. What is asked for by another method than GET is never taken up, and begins anew.
    ///
    /// # Errors
    /// As [`Call::send`], also for a status that is none of success; what the file system says; busy when another
    /// download into this file is under way.
    pub fn download(self, path: impl AsRef<Path>, options: &DownloadOptions) -> Result<Download> {
        let session = std::sync::Arc::clone(&self.session);
        let ready = self.ready(false)?;
        // it takes as long as it takes, unless this call has a time of its own: a server's silence ends it
        let deadline = ready.deadline.filter(|_| self.has_own_time);
        Part::open(path.as_ref())?.fill(&session, Ready { deadline, ..ready }, options)
    }

    /// As [`Call::download`], for a tokio program.
    ///
    /// # Errors
    /// As [`Call::download`].
    pub async fn download_async(self, path: impl AsRef<Path>, options: &DownloadOptions) -> Result<Download> {
        let (max, path, options) = (self.session.lanes_max, path.as_ref().to_owned(), options.clone());
        lanes::run(max, move || self.download(path, &options)).await
    }
}

impl Mark {
    /// Whether the rest in an answer is of the same version: there are servers that overlook `If-Range`.
    fn is_same(&self, answer: &Answer, total: Option<u64>) -> bool {
        let is_length = match (self.total, total) {
            (Some(known), Some(told)) => known == told,
            _ => true,
        };
        let told = [header::ETAG, header::LAST_MODIFIED].map(|name| answer.header(name).map(str::to_owned));
        let is_tag = |text: &str| text.starts_with(['"', 'W']) && text.contains('"');
        let is_version = match &self.validator {
            Some(known) if is_tag(known) => told[0].as_ref().is_none_or(|tag| tag == known),
            Some(known) => told[1].as_ref().is_none_or(|moment| moment == known),
            None => true,
        };
        is_length && is_version
    }
}

/// A file that grows.
struct Part {
    path: PathBuf,
    part: PathBuf,
    mark: PathBuf,
    file: File,
}

impl Part {
    fn open(path: &Path) -> Result<Self> {
        let beside = |end: &str| {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(end);
            path.with_file_name(name)
        };
        let (part, mark) = (beside(".part"), beside(".part.json"));
        let what = || format!("download into {}", path.display());
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|cause| file_error(what(), cause))?;
        }
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&part);
        let file = file.map_err(|cause| file_error(what(), cause))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(ErrorKind::Busy, format!("{}: another download into it is under way", what())));
            }
            // a file system without locks
            Err(TryLockError::Error(cause)) => log::debug!("{} cannot be locked: {cause}", part.display()),
        }
        Ok(Self { path: path.to_owned(), part, mark, file })
    }

    fn fill(mut self, session: &Session, mut call: Ready, options: &DownloadOptions) -> Result<Download> {
        let began = Instant::now();
        let mut resumed_from = None;
        let (mut failures, mut farthest) = (0, 0);
        let may_repeat = call.retries.allows(&call.method);
        if options.anew {
            self.begin_anew()?;
        }
        loop {
            session.cancellation.check()?;
            if call.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                let what = format!("download into {}: the time for it is over", self.path.display());
                return Err(Error::new(ErrorKind::Timeout, what).hint("the same call goes on where it broke off"));
            }
            let have = if call.method == Method::GET { self.resumable(session, &mut call)? } else { 0 };
            let answer = send::open(session, &call).inspect_err(|_| self.forget_nothing())?;
            let had = match self.begin(session, &call, answer, have)? {
                Begun::Whole => return self.finish(began, resumed_from.unwrap_or(have)),
                Begun::Anew => continue,
                Begun::At(had, answer) => {
                    resumed_from.get_or_insert(had);
                    farthest = had.max(farthest);
                    match self.copy(session, *answer, had) {
                        Ok(()) => return self.finish(began, resumed_from.unwrap_or_default()),
                        Err(error) if !error.is_temporary() || !may_repeat => return Err(error),
                        Err(error) => {
                            let now = self.file.metadata().map_or(0, |data| data.len());
                            // what makes headway may break off as often as it likes; the same bytes again are none
                            failures = if now > farthest { 1 } else { failures + 1 };
                            farthest = now.max(farthest);
                            if failures > call.retries.max {
                                return Err(error.hint("the same call goes on where it broke off"));
                            }
                            log::debug!("taken up again at {now}: {error}");
                        }
                    }
                    had
                }
            };
            log::debug!("an attempt began at {had}");
            if session.replay().is_none() {
                std::thread::sleep(call.retries.pause_after(failures.max(1)));
            }
        }
    }

    /// What is known of the part.
    fn mark(&self) -> Mark {
        std::fs::read(&self.mark).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// A part without a byte is of no use to the next call.
    fn forget_nothing(&self) {
        if self.file.metadata().is_ok_and(|data| data.len() == 0) {
            let _ = std::fs::remove_file(&self.part);
            let _ = std::fs::remove_file(&self.mark);
        }
    }

    /// How many bytes are there that the server may go on from; asks for the rest then.
    fn resumable(&mut self, session: &Session, call: &mut Ready) -> Result<u64> {
        call.headers.remove(header::RANGE);
        call.headers.remove(header::IF_RANGE);
        let mark = self.mark();
        let have = self.file.metadata().map_err(|cause| self.failed(cause))?.len();
        let validator = mark.validator.filter(|_| mark.url == session.hider.url(&call.url) && have > 0);
        let Some(validator) = validator.and_then(|text| HeaderValue::from_str(&text).ok()) else { return Ok(0) };
        if let Ok(range) = HeaderValue::from_str(&format!("bytes={have}-")) {
            call.headers.insert(header::RANGE, range);
            call.headers.insert(header::IF_RANGE, validator);
        }
        Ok(have)
    }

    /// Looks what the server has understood.
    fn begin(&mut self, session: &Session, call: &Ready, answer: Answer, have: u64) -> Result<Begun> {
        let range = answer.header(header::CONTENT_RANGE).and_then(content_range);
        let is_same = self.mark().is_same(&answer, range.and_then(|(_, total)| total));
        match answer.status {
            206 if range.is_some_and(|(start, _)| start == Some(have)) && is_same => {
                Ok(Begun::At(have, Box::new(answer)))
            }
            416 if have > 0 && range.is_some_and(|(_, total)| total == Some(have)) => Ok(Begun::Whole),
            206 | 416 if have > 0 => {
                answer.drain();
                self.begin_anew()?;
                Ok(Begun::Anew)
            }
            200..=205 | 207..=299 => {
                self.begin_anew()?;
                self.remember(session, call, &answer)?;
                Ok(Begun::At(0, Box::new(answer)))
            }
            _ => {
                let mut answer = answer;
                let body = super::exchange::read_all(&mut answer.body, 1 << 16).unwrap_or_default();
                let response = super::response::Response {
                    status: answer.status,
                    headers: answer.headers,
                    url: answer.url,
                    body,
                    history: answer.history,
                    attempts: 1,
                    elapsed: Duration::ZERO,
                    is_unchanged: false,
                    hider: std::sync::Arc::clone(&session.hider),
                };
                self.forget_nothing();
                match response.ok() {
                    Err(error) => Err(error),
                    Ok(_) => Err(Error::failed("download: the answer has no body")),
                }
            }
        }
    }

    fn remember(&self, session: &Session, call: &Ready, answer: &Answer) -> Result<()> {
        let strong = answer.header(header::ETAG).filter(|tag| !tag.starts_with("W/"));
        let is_packed = answer.headers.contains_key(header::CONTENT_ENCODING);
        let validator = strong.or_else(|| answer.header(header::LAST_MODIFIED)).filter(|_| !is_packed);
        let total = answer.header(header::CONTENT_LENGTH).and_then(|text| text.trim().parse().ok());
        let total = total.filter(|_| !is_packed);
        let mark = Mark { url: session.hider.url(&call.url), validator: validator.map(str::to_owned), total };
        let text = serde_json::to_vec(&mark).unwrap_or_default();
        std::fs::write(&self.mark, text).map_err(|cause| self.failed(cause))
    }

    fn copy(&mut self, session: &Session, answer: Answer, had: u64) -> Result<()> {
        let place = session.hider.place(&answer.url);
        let is_packed = answer.headers.contains_key(header::CONTENT_ENCODING);
        let expected = match answer.header(header::CONTENT_RANGE).and_then(content_range) {
            Some((_, total)) => total,
            None => answer.header(header::CONTENT_LENGTH).and_then(|text| text.trim().parse().ok()),
        };
        let encoding = answer.header(header::CONTENT_ENCODING).unwrap_or_default().to_owned();
        let Answer { body, mut meter, leave, .. } = answer;
        let mut body = unpack(&encoding, body)?;
        self.file.seek(SeekFrom::Start(had)).map_err(|cause| self.failed(cause))?;
        let (mut buffer, mut length) = (vec![0; COPY_BYTES], had);
        loop {
            session.cancellation.check()?;
            let count = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(cause) => {
                    meter.note(true);
                    return Err(super::failure::Failure::body(&place, &cause).error);
                }
            };
            self.file.write_all(&buffer[..count]).map_err(|cause| self.failed(cause))?;
            length += count as u64;
        }
        drop(leave);
        match expected.filter(|_| !is_packed) {
            Some(expected) if expected != length => {
                meter.note(true);
                let message = format!("read the answer from {place}: it has {length} of {expected} bytes");
                Err(Error::failed(message).temporary(true))
            }
            _ => Ok(()),
        }
    }

    fn begin_anew(&mut self) -> Result<()> {
        let _ = std::fs::remove_file(&self.mark);
        self.file.set_len(0).map_err(|cause| self.failed(cause))
    }

    /// Gives it its name, once it is safe on the disk.
    fn finish(self, began: Instant, resumed_from: u64) -> Result<Download> {
        self.file.sync_all().map_err(|cause| self.failed(cause))?;
        let bytes = self.file.metadata().map_err(|cause| self.failed(cause))?.len();
        std::fs::rename(&self.part, &self.path).map_err(|cause| self.failed(cause))?;
        let _ = std::fs::remove_file(&self.mark);
        Ok(Download { path: self.path, bytes, resumed_from, elapsed: began.elapsed() })
    }

    fn failed(&self, cause: std::io::Error) -> Error {
        file_error(format!("download into {}", self.path.display()), cause)
    }
}

enum Begun {
    /// All of it is there.
    Whole,
    /// The part is of no use.
    Anew,
    /// The answer goes on from here.
    At(u64, Box<Answer>),
}

/// `bytes 100-199/1000` or `bytes */1000`: where it starts, and how many there are.
fn content_range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let start = range.split_once('-').and_then(|(start, _)| start.trim().parse().ok());
    Some((start, total.trim().parse().ok()))
}
