//! Answers that are kept with what tells whether they have changed: their ETag, or the time of their last change. The server is asked
//! each time; where it says "not changed", the answer of last time is handed over, and says so.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::cassette::Key;
use super::hide::Hider;
use super::options::Auth;
use super::ready::Ready;
use super::response::Response;
use crate::error::{Result, file_error};
use crate::hash::hash_bytes;
use crate::redact::is_secret_parameter;

const NOT_CHANGED: u16 = 304;
/// Headers of a request by which a server may choose what it answers.
const CHOOSING: [HeaderName; 4] = [header::AUTHORIZATION, header::ACCEPT, header::ACCEPT_LANGUAGE, header::USER_AGENT];

/// A folder of answers.
pub(super) struct Cache {
    folder: PathBuf,
    key: Key,
}

/// What is known of an answer, beside its body.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    url: String,
    etag: Option<String>,
    last_modified: Option<String>,
    headers: Vec<(String, String)>,
    /// The hash of the body: what belongs together is known by it.
    body: String,
}

/// An answer of last time.
pub(super) struct Known {
    mark: Mark,
    body: Vec<u8>,
}

impl Cache {
    /// # Errors
    /// What the file system says.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|cause| file_error(format!("make {}", folder.display()), cause))?;
        Ok(Self { folder: folder.to_owned(), key: Key::of(folder)? })
    }

    /// The answer of last time, if one is kept; asks whether it has changed then.
    pub(super) fn ask(&self, call: &mut Ready) -> Option<Known> {
        let is_asked_otherwise = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::RANGE]
            .iter()
            .any(|it| call.headers.contains_key(it));
        if call.method != Method::GET || is_asked_otherwise {
            return None;
        }
        let name = self.name(call);
        let mark: Mark = serde_json::from_slice(&fs::read(self.path(&name, "json")).ok()?).ok()?;
        let body = fs::read(self.path(&name, "body")).ok()?;
        if hash_bytes(&body).to_string() != mark.body {
            log::debug!("what is kept of {} is not whole: it is asked for anew", mark.url);
            return None;
        }
        let value = |text: &Option<String>| text.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
        let (etag, moment) = (value(&mark.etag), value(&mark.last_modified));
        call.headers.extend(etag.map(|etag| (header::IF_NONE_MATCH, etag)));
        call.headers.extend(moment.map(|moment| (header::IF_MODIFIED_SINCE, moment)));
        Some(Known { mark, body })
    }

    /// Keeps an answer that can be asked for again, or hands over the one of last time.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn settle(
        &self,
        hider: &Hider,
        call: &Ready,
        known: Option<Known>,
        mut response: Response,
    ) -> Result<Response> {
        match known {
            Some(known) if response.status == NOT_CHANGED => {
                response.status = 200;
                response.is_unchanged = true;
                response.body = known.body;
                for (name, value) in known.mark.headers {
                    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                        // what this answer says itself is newer
                        if !response.headers.contains_key(&name) || name == header::CONTENT_LENGTH {
                            response.headers.insert(name, value);
                        }
                    }
                }
                Ok(response)
            }
            _ => {
                if call.method == Method::GET && response.status == 200 && !call.headers.contains_key(header::RANGE) {
                    self.keep(hider, call, &response)?;
                }
                Ok(response)
            }
        }
    }

    fn keep(&self, hider: &Hider, call: &Ready, response: &Response) -> Result<()> {
        let text = |name: HeaderName| response.header(name.as_str()).map(str::to_owned);
        let (etag, last_modified) = (text(header::ETAG), text(header::LAST_MODIFIED));
        let is_never_alike = text(header::VARY).is_some_and(|vary| vary.trim() == "*");
        let may_not = text(header::CACHE_CONTROL).is_some_and(|words| words.to_ascii_lowercase().contains("no-store"));
        if (etag.is_none() && last_modified.is_none()) || is_never_alike || may_not {
            return Ok(());
        }
        let mark = Mark {
            url: hider.url(&call.url),
            etag,
            last_modified,
            headers: shown(&response.headers),
            body: hash_bytes(&response.body).to_string(),
        };
        let name = self.name(call);
        self.write(&name, "body", &response.body)?;
        self.write(&name, "json", &serde_json::to_vec(&mark).unwrap_or_default())
    }

    fn write(&self, name: &str, end: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(name, end);
        let failed = |cause| file_error(format!("keep {}", path.display()), cause);
        // for the user alone, and whole under its name
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        file.persist(&path).map_err(|refused| failed(refused.error)).map(drop)
    }

    fn path(&self, name: &str, end: &str) -> PathBuf {
        self.folder.join(format!("{name}.{end}"))
    }

    /// One name for what is asked alike, which tells nothing of it.
    fn name(&self, call: &Ready) -> String {
        let mut asked = format!("{}\n{}\n", call.method, call.url).into_bytes();
        for name in CHOOSING {
            asked.extend_from_slice(call.headers.get(name).map_or(b"", HeaderValue::as_bytes));
            asked.push(b'\n');
        }
        if let Some(Auth::Basic(name, secret) | Auth::Digest(name, secret)) = &call.auth {
            asked.extend_from_slice(format!("{name}:{}", secret.reveal()).as_bytes());
        }
        if let Some(Auth::Bearer(secret)) = &call.auth {
            asked.extend_from_slice(secret.reveal().as_bytes());
        }
        self.key.sign(&asked)[..32].to_owned()
    }
}

/// The headers of an answer without those that are credentials.
fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let all = headers.iter().filter(|(name, _)| !is_secret_parameter(name.as_str()) && *name != header::SET_COOKIE);
    all.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}
