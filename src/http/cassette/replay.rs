//! Serves a cassette: each exchange once, in the order in which it was recorded among those that ask the same.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ureq::http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::super::answer::{Answer, Meter};
use super::super::asked::Asked;
use super::super::decode::Stream;
use super::super::failure::{Failure, Stage};
use super::super::hide::Hider;
use super::entry::{AskedEntry, Content, Entry};
use crate::error::{Error, ErrorKind, Result, file_error};

/// A cassette that is served.
pub(in crate::http) struct Replay {
    folder: PathBuf,
    shelf: Mutex<Vec<Kept>>,
}

/// Where an exchange stands.
struct Kept {
    at: String,
    method: String,
    url: String,
    /// The path, and the names of the parameters.
    shape: String,
    body: Option<Content>,
    file: PathBuf,
    offset: u64,
    is_served: bool,
}

impl Replay {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let failed = |cause| file_error(format!("read the cassette {}", folder.display()), cause);
        let mut shelf = Vec::new();
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder).map_err(failed)?.flatten().map(|it| it.path()).collect();
        files.retain(|path| path.extension().is_some_and(|it| it == "ndjson"));
        files.sort();
        for path in files {
            let mut lines = BufReader::new(File::open(&path).map_err(failed)?);
            let (mut offset, mut line) = (0, String::new());
            while lines.read_line(&mut line).map_err(failed)? > 0 {
                // the last line may be half written, where the process was killed
                match serde_json::from_str::<Entry>(&line) {
                    Ok(Entry { at, request: AskedEntry { method, url, body, .. }, .. }) => {
                        let shape = shape(&url);
                        shelf.push(Kept { at, method, url, shape, body, file: path.clone(), offset, is_served: false });
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
        Ok(Self { folder: folder.to_owned(), shelf: Mutex::new(shelf) })
    }

    /// What was answered then.
    pub(in crate::http) fn answer(
        &self,
        hider: &Hider,
        asked: &Asked<'_>,
        mut meter: Meter,
    ) -> Result<Answer, Failure> {
        let entry = self.take(&AskedEntry::of(hider, asked)).map_err(Failure::unsendable)?;
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
        Ok(Answer { status: answer.status, headers, url: asked.url.clone(), body, meter, leave: None })
    }

    /// The exchange that is asked for: the same in everything, else but for the body, else but for the values of the
    /// URL's parameters. Where all of them were served, the last one again.
    fn take(&self, asked: &AskedEntry) -> Result<Entry> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let shape = shape(&asked.url);
        let exact = |kept: &Kept| kept.method == asked.method && kept.url == asked.url && kept.body == asked.body;
        let by_url = |kept: &Kept| kept.method == asked.method && kept.url == asked.url;
        let by_shape = |kept: &Kept| kept.method == asked.method && kept.shape == shape;
        let ways: [&dyn Fn(&Kept) -> bool; 3] = [&exact, &by_url, &by_shape];
        let fresh = ways.iter().find_map(|way| shelf.iter().position(|kept| !kept.is_served && way(kept)));
        let again = || ways[..2].iter().find_map(|way| shelf.iter().rposition(way));
        let place = fresh.or_else(again);
        let Some(place) = place else {
            let message = format!("replay {} {}: the cassette has no such exchange", asked.method, asked.url);
            let hint = format!("look at what it has: grep -h '\"url\"' {}/*.ndjson", self.folder.display());
            return Err(Error::new(ErrorKind::NotFound, message).hint(hint));
        };
        if fresh.is_none() {
            log::warn!("{} {} is asked for more often than it was recorded", asked.method, asked.url);
        }
        shelf[place].is_served = true;
        read_at(&shelf[place].file, shelf[place].offset)
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

fn shape(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return url.to_owned() };
    let mut names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    names.sort();
    format!("{}{}?{}", url.origin().ascii_serialization(), url.path(), names.join("&"))
}

/// Breaks off.
struct Broken(String);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, self.0.clone()))
    }
}
