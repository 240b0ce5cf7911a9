//! Keeps answers in dated folders or in storage, with what was asked, and without what must not be seen.

use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use super::hide::{Hider, Side};
use super::keeper::Keeper;
use super::options::SaveAnswers;
use super::ready::Ready;
use super::response::Response;
use crate::clock;
use crate::context::Context;
use crate::error::{Result, file_error};

/// Letters of the host in a file's name.
const NAME_CHARS_MAX: usize = 60;

static COUNT: AtomicU64 = AtomicU64::new(1);

/// Where answers go: `193401.123456-4711-1-GET-example.com.json` beside `.meta.json`.
pub(super) enum Saver {
    /// Into a folder, in one for each day: `2026-11-25`.
    Folder(PathBuf),
    /// Into storage.
    Storage(Keeper),
}

impl Saver {
    /// # Errors
    /// Settings, where this program cannot keep answers in storage.
    pub(super) fn new(context: &Context, save: &SaveAnswers) -> Result<Self> {
        Ok(match save {
            SaveAnswers::Folder(folder) => Self::Folder(folder.clone()),
            SaveAnswers::Storage { retention } => Self::Storage(Keeper::of(context, retention.clone())?),
        })
    }

    /// Keeps a file; its number in storage.
    fn keep(&self, day: &str, name: &str, bytes: &[u8]) -> Result<Option<i64>> {
        let folder = match self {
            Self::Folder(folder) => folder.join(day),
            Self::Storage(keeper) => return keeper.keep(name, bytes).map(Some),
        };
        let written = fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join(name), bytes));
        written.map_err(|cause| file_error(format!("keep an answer in {}", folder.display()), cause))?;
        Ok(None)
    }

    /// # Errors
    /// What the file system or the storage says: an answer that was to be kept and is not is no success.
    pub(super) fn save(&self, hider: &Hider, call: &Ready, response: &Response) -> Result<()> {
        let now = clock::now();
        let day = now.format("%Y-%m-%d").to_string();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let host: String =
            response.url.host_str().unwrap_or_default().chars().filter(|it| !"/:[]".contains(*it)).collect();
        let host: String = host.chars().take(NAME_CHARS_MAX).collect();
        let name = format!("{}-{}-{count}-{}-{host}", now.format("%H%M%S%.6f"), std::process::id(), call.method);
        let kind = response.header("content-type").unwrap_or_default();
        // first what was asked: the answer may repeat it
        let (start, is_all) = call.body.start();
        let sent = hider.body(Side::Request, &call.body.content_type().unwrap_or_default(), &start).into_owned();
        let body = hider.body(Side::Answer, kind, &response.body);
        let file = format!("{name}.{}", extension(kind));
        let number = self.keep(&day, &file, &body)?;
        let shown = |headers: &ureq::http::HeaderMap| {
            let pairs = headers.iter().map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                json!([name.as_str(), hider.header(name.as_str(), &value)])
            });
            Value::Array(pairs.collect())
        };
        let mut meta = Map::new();
        meta.insert("at".to_owned(), format!("{}Z", now.format("%Y-%m-%dT%H:%M:%S%.6f")).into());
        meta.insert("method".to_owned(), call.method.as_str().into());
        meta.insert("url".to_owned(), hider.url(&call.url).into());
        meta.insert("answered_by".to_owned(), hider.url(&response.url).into());
        meta.insert("request_headers".to_owned(), shown(&call.headers));
        if !sent.is_empty() {
            meta.insert("request_body".to_owned(), String::from_utf8_lossy(&sent).into());
            meta.insert("request_body_is_whole".to_owned(), is_all.into());
        }
        meta.insert("status".to_owned(), response.status.into());
        meta.insert("headers".to_owned(), shown(&response.headers));
        meta.insert("body".to_owned(), file.into());
        meta.extend(number.map(|number| ("body_file".to_owned(), number.into())));
        meta.insert("bytes".to_owned(), response.body.len().into());
        if matches!(body, Cow::Owned(_)) {
            meta.insert("has_hidden".to_owned(), true.into());
        }
        meta.insert("attempts".to_owned(), response.attempts.into());
        meta.insert("elapsed_ms".to_owned(), (response.elapsed.as_millis() as u64).into());
        let text = serde_json::to_vec_pretty(&Value::Object(meta)).unwrap_or_default();
        self.keep(&day, &format!("{name}.meta.json"), &text).map(drop)
    }
}

fn extension(content_type: &str) -> &'static str {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/pdf" => "pdf",
        "application/zip" => "zip",
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "text/csv" => "csv",
        "text/html" => "html",
        kind if kind.contains("json") => "json",
        kind if kind.contains("xml") => "xml",
        kind if kind.starts_with("text/") => "txt",
        _ => "bin",
    }
}
