//! Serves a cassette: each exchange once, in the order in which it was recorded among those that ask the same.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use super::super::answer::{Answer, Meter};
use super::super::asked::Asked;
use super::super::decode::Stream;
use super::super::failure::{Failure, Stage};
use super::super::hide::Hider;
use super::entry::{AskedEntry, Content, Entry, exchange_files};
use super::key::Key;
use crate::error::{Error, ErrorKind, Result, file_error};

/// A cassette that is served.
pub(in crate::http) struct Replay {
    folder: PathBuf,
    key: Option<Key>,
    shelf: Mutex<Vec<Kept>>,
    answered: AtomicI64,
    missing: AtomicI64,
}

/// Where an exchange stands.
struct Kept {
    at: String,
    method: String,
    url: String,
    body: Option<Content>,
    digest: Option<String>,
    file: PathBuf,
    offset: u64,
    is_served: bool,
}

impl Replay {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let failed = |cause| file_error(format!("read the cassette {}", folder.display()), cause);
        let mut shelf = Vec::new();
        for path in exchange_files(folder)? {
            let mut lines = BufReader::new(File::open(&path).map_err(failed)?);
            let (mut offset, mut line) = (0, String::new());
            while lines.read_line(&mut line).map_err(failed)? > 0 {
                // the last line may be half written, where the process was killed
                match serde_json::from_str::<Entry>(&line) {
                    Ok(Entry { at, request: AskedEntry { method, url, body, digest, .. }, .. }) => {
                        let file = path.clone();
                        shelf.push(Kept { at, method, url, body, digest, file, offset, is_served: false });
                    }
                    Err(cause) if line.ends_with('\n') => {
                        return Err(Error::failed(format!("read {} at byte {offset}", path.display())).because(cause));
                    }
                    Err(_) => {}
                }
                offset += line.len() as u64;
                line.clear();
            }
        }
        shelf.sort_by(|one, other| one.at.cmp(&other.at));
        let (answered, missing) = Default::default();
        Ok(Self { folder: folder.to_owned(), key: Key::find(folder)?, shelf: Mutex::new(shelf), answered, missing })
    }

    /// How many requests it has answered, and how many it does not have.
    pub(super) fn counts(&self) -> (i64, i64) {
        (self.answered.load(Ordering::Relaxed), self.missing.load(Ordering::Relaxed))
    }

    /// What was answered then.
    pub(in crate::http) fn answer(
        &self,
        hider: &Hider,
        asked: &Asked<'_>,
        mut meter: Meter,
    ) -> Result<Answer, Failure> {
        let entry = self.take(&AskedEntry::of(hider, self.key.as_ref(), asked)).map_err(Failure::unsendable)?;
        let place = hider.place(&asked.url);
        let Some(answer) = entry.response else {
            let failed = entry.failure.unwrap_or_else(|| super::entry::FailureEntry {
                stage: "sent".to_owned(),
                kind: "failed".to_owned(),
                text: "nothing was recorded".to_owned(),
            });
            let kind = if failed.kind == "timeout" { ErrorKind::Timeout } else { ErrorKind::Failed };
            let stage = match failed.stage.as_str() {
                "connecting" => Stage::Connecting,
                "unsendable" => Stage::Unsendable,
                _ => Stage::Sent,
            };
            let error = Error::new(kind, stage.message(&place)).because(failed.text);
            return Err(Failure { stage, error: error.temporary(stage != Stage::Unsendable) });
        };
        meter.note(answer.status >= 400);
        let mut headers = HeaderMap::new();
        for (name, value) in &answer.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
                headers.append(name, value);
            }
        }
        let bytes = Cursor::new(answer.body.bytes());
        let body: Stream = match answer.cut {
            Some(reason) => Box::new(bytes.chain(Broken(reason))),
            None => Box::new(bytes),
        };
        let (status, url) = (answer.status, asked.url.clone());
        Ok(Answer { status, headers, url, body, history: Vec::new(), meter, leave: None })
    }

    /// The exchange that is asked for: each once, in their order; where all of them were served, the last one again.
    fn take(&self, asked: &AskedEntry) -> Result<Entry> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |kept: &Kept| match (&kept.digest, &asked.digest) {
            (Some(kept), Some(asked)) => kept == asked,
            // a program that knows of no digest has recorded it
            _ => kept.method == asked.method && kept.url == asked.url && kept.body == asked.body,
        };
        let fresh = shelf.iter().position(|kept| !kept.is_served && is_same(kept));
        let Some(place) = fresh.or_else(|| shelf.iter().rposition(is_same)) else {
            self.missing.fetch_add(1, Ordering::Relaxed);
            return Err(self.unknown(asked, &shelf));
        };
        if fresh.is_none() {
            log::warn!("{} {} is asked for more often than it was recorded", asked.method, asked.url);
        }
        self.answered.fetch_add(1, Ordering::Relaxed);
        shelf[place].is_served = true;
        read_at(&shelf[place].file, shelf[place].offset)
    }

    /// What was never recorded, with what comes nearest to it.
    fn unknown(&self, asked: &AskedEntry, shelf: &[Kept]) -> Error {
        let message = format!("replay {} {}: the cassette has no such exchange", asked.method, asked.url);
        let likeness = |kept: &Kept| {
            let alike = kept.url.bytes().zip(asked.url.bytes()).take_while(|(one, other)| one == other).count();
            (kept.method == asked.method, kept.url == asked.url, alike)
        };
        let nearest = shelf.iter().max_by_key(|kept| likeness(kept)).map(|kept| {
            let differs = match (kept.method == asked.method && kept.url == asked.url, kept.body == asked.body) {
                (false, _) => "",
                (true, false) => ", with another body",
                (true, true) => ", which differs in what is hidden",
            };
            format!("the nearest is {} {}{differs}; ", kept.method, kept.url)
        });
        let list = format!("grep -h '\"url\"' {}/*.ndjson", self.folder.display());
        Error::new(ErrorKind::NotFound, message).hint(format!("{}all of them: {list}", nearest.unwrap_or_default()))
    }
}

fn read_at(path: &Path, offset: u64) -> Result<Entry> {
    let failed = |cause| file_error(format!("read {}", path.display()), cause);
    let mut file = File::open(path).map_err(failed)?;
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    let mut line = String::new();
    BufReader::new(file).read_line(&mut line).map_err(failed)?;
    serde_json::from_str(&line).map_err(|cause| Error::failed(format!("read {}", path.display())).because(cause))
}

/// Breaks off.
struct Broken(String);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, self.0.clone()))
    }
}
