//! S3, of Amazon or of anybody who speaks like it: MinIO, Ceph. Bodies are streamed and signed with their own hash, so that
//! the server itself refuses what arrives otherwise.

mod answer;
mod bucket;
mod sign;
mod upload;

use std::io::Read;
use std::path::{Path, PathBuf};

use bucket::Bucket;
use url::Url;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::http::{Body, Method, Request, RequestOptions, Retries, Timeouts};
use crate::settings::Secret;
use crate::storage::staged::{Put, Staged};
use crate::storage::store::{Entry, FileStore, FoundFile, Given, Room};

/// This kind's line in the registry.
pub(in crate::storage) const ENTRY: Entry = Entry { name: "s3", open };

/// Where Amazon is, when nobody says.
const REGION: &str = "us-east-1";
/// Where files are on their way, below `[storage] root`.
const SPOOL: &str = ".spool";
/// How long a server may be silent: it puts the parts of a large file together.
const READ: std::time::Duration = std::time::Duration::from_secs(120);

struct S3 {
    bucket: Bucket,
    /// Stands before every path.
    prefix: String,
    spool: PathBuf,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn FileStore>> {
    let region = given.section.text("region")?.unwrap_or_else(|| REGION.to_owned());
    let name = given.needed("bucket")?;
    let endpoint = given.section.text("endpoint")?;
    let is_own = endpoint.is_some();
    let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
    let wrong = |what: String| {
        Error::new(ErrorKind::Settings, format!("use the store `{}`: {what}", given.name))
            .hint("endpoint = \"https://s3.example.com\"; addressing = \"path\" or \"virtual\"")
    };
    let mut url = Url::parse(&endpoint).map_err(|cause| wrong(format!("its `endpoint` is no URL: {cause}")))?;
    let host = url.host_str().map(str::to_owned);
    let Some(host) = host.filter(|_| matches!(url.scheme(), "http" | "https")) else {
        return Err(wrong(format!("its `endpoint` is `{endpoint}`")));
    };
    let is_virtual = match given.section.text("addressing")?.as_deref() {
        None => !is_own,
        Some("path") => false,
        Some("virtual") => true,
        Some(other) => return Err(wrong(format!("its `addressing` is `{other}`"))),
    };
    if is_virtual {
        url.set_host(Some(&format!("{name}.{host}"))).map_err(|cause| wrong(format!("its bucket: {cause}")))?;
    }
    let base = if is_virtual { String::new() } else { format!("/{}", sign::encoded(&name, false)) };
    let who = sign::Credentials {
        access_key: given.needed("access_key")?,
        secret_key: given.secret("secret_key")?,
        session_token: given.section.text("session_token")?.map(Secret::new),
    };
    let certificates = given.section.text("certificates")?;
    let options = RequestOptions {
        retries: Retries::default(),
        timeouts: Timeouts { read: READ, total: None, ..Timeouts::default() },
        certificates: certificates.map(|path| context.settings().project.root.join(path)),
        ..RequestOptions::own()
    };
    let prefix = given.section.text("prefix")?.unwrap_or_default();
    let prefix = match prefix.trim_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    let bucket = Bucket {
        store: given.name.to_owned(),
        name,
        region,
        base,
        url,
        who,
        request: Request::with(context, options)?,
    };
    Ok(Box::new(S3 { bucket, prefix, spool: given.root.join(SPOOL) }))
}

impl S3 {
    fn key(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

impl FileStore for S3 {
    fn label(&self) -> String {
        format!("s3://{}/{}", self.bucket.name, self.prefix)
    }

    fn reach(&mut self, _is_known: bool) -> Result<()> {
        self.bucket.list(&self.prefix, None, 1).map(drop)
    }

    fn staging(&self, _folder: &str) -> Result<PathBuf> {
        let failed = |cause| file_error(format!("make the folder {}", self.spool.display()), cause);
        std::fs::create_dir_all(&self.spool).map_err(failed)?;
        Ok(self.spool.clone())
    }

    /// What stands at the same key has the same bytes: their hash is in its name. So it may be written again.
    fn put(&mut self, staged: &mut Staged, path: &str) -> Result<Put> {
        let Some(file) = staged.path().map(Path::to_owned) else { return Ok(Put::Taken) };
        upload::upload(&self.bucket, &file, staged, &self.key(path)).map(|()| Put::Done)
    }

    fn size(&mut self, path: &str) -> Result<Option<u64>> {
        let answer = self.bucket.send(Method::HEAD, &self.key(path), &[], (Body::None, sign::EMPTY_SHA256))?;
        match answer.status() {
            404 => Ok(None),
            200 => Ok(answer.header("content-length").and_then(|text| text.trim().parse().ok())),
            _ => Err(self.bucket.refused(answer)),
        }
    }

    fn open(&mut self, path: &str) -> Result<Box<dyn Read + Send>> {
        let key = self.key(path);
        let call = self.bucket.call(Method::GET, &key, &[], sign::EMPTY_SHA256);
        let reading = call.open().map_err(|error| error.within(format!("read `{key}` of {}", self.label())))?;
        Ok(Box::new(reading))
    }

    fn delete(&mut self, path: &str) -> Result<bool> {
        let answer = self.bucket.send(Method::DELETE, &self.key(path), &[], (Body::None, sign::EMPTY_SHA256))?;
        match answer.status() {
            404 => Ok(false),
            200..=299 => Ok(true),
            _ => Err(self.bucket.refused(answer)),
        }
    }

    fn each(&mut self, visit: &mut dyn FnMut(FoundFile) -> Result<()>) -> Result<()> {
        let mut next = None;
        loop {
            let page = self.bucket.list(&self.prefix, next.as_deref(), bucket::PAGE_MAX)?;
            for mut found in page.files {
                if let Some(path) = found.path.strip_prefix(&self.prefix) {
                    found.path = path.to_owned();
                    visit(found)?;
                }
            }
            match page.next {
                Some(more) => next = Some(more),
                None => return Ok(()),
            }
        }
    }

    /// What is on its way needs room here.
    fn room(&self) -> Result<Option<Room>> {
        Ok(None)
    }
}
