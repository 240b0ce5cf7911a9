//! A bucket: signed calls, and lists of what is in it.

use url::Url;

use super::answer::{self, Page};
use super::sign::{self, Credentials, Signed};
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Body, Call, Method, Request, Response};

/// The most files of one answer.
pub(super) const PAGE_MAX: u32 = 1_000;

/// A bucket.
pub(super) struct Bucket {
    /// The name of the store, for messages.
    pub(super) store: String,
    pub(super) name: String,
    pub(super) region: String,
    /// The path of the bucket itself, encoded; empty where the host names it.
    pub(super) base: String,
    pub(super) url: Url,
    pub(super) who: Credentials,
    pub(super) request: Request,
}

impl Bucket {
    /// A signed call of a key; the bucket itself has none. `sha256` is that of the body.
    pub(super) fn call(&self, method: Method, key: &str, query: &[(&str, &str)], sha256: &str) -> Call {
        let path = match (key, self.base.as_str()) {
            ("", "") => "/".to_owned(),
            ("", base) => base.to_owned(),
            (key, base) => format!("{base}/{}", sign::encoded(key, true)),
        };
        let host = match (self.url.host_str().unwrap_or_default(), self.url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let signed = Signed { method: method.as_str(), host: &host, path: &path, query, sha256, at: clock::now() };
        let headers = sign::headers(&signed, &self.region, &self.who);
        let query = if query.is_empty() { String::new() } else { format!("?{}", sign::query(query)) };
        let call = self.request.call(method, &format!("{}://{host}{path}{query}", self.url.scheme()));
        headers.into_iter().fold(call, |call, (name, value)| call.header(name, value))
    }

    /// Makes a call, whatever its answer.
    ///
    /// # Errors
    /// Failed and temporary when no answer came.
    pub(super) fn send(
        &self,
        method: Method,
        key: &str,
        query: &[(&str, &str)],
        (body, sha256): (Body, &str),
    ) -> Result<Response> {
        let call = self.call(method, key, query, sha256).body(body);
        call.send().map_err(|error| error.within(format!("use the store `{}`", self.store)))
    }

    /// As [`Bucket::send`], for answers that must be good.
    ///
    /// # Errors
    /// What the server says.
    pub(super) fn ask(
        &self,
        method: Method,
        key: &str,
        query: &[(&str, &str)],
        body: (Body, &str),
    ) -> Result<Response> {
        let answer = self.send(method, key, query, body)?;
        match answer.is_success() && answer::failure(answer.bytes()).is_none() {
            true => Ok(answer),
            false => Err(self.refused(answer)),
        }
    }

    /// The error of an answer that is none of success.
    pub(super) fn refused(&self, answer: Response) -> Error {
        let said = answer::failure(answer.bytes());
        let what = format!("use the store `{}`, bucket `{}`", self.store, self.name);
        let status = answer.status();
        let error = match answer.ok() {
            Err(error) => Error::new(error.kind(), what).temporary(error.is_temporary() || status >= 500),
            // a failure in the body of an answer that began well
            Ok(_) => Error::failed(what).temporary(true),
        };
        let error = match (&said, error.kind()) {
            (Some(said), _) => error.because(said.to_string()),
            (None, _) => error.because(format!("the server answers {status}")),
        };
        match (said.as_ref().map(|said| said.code.as_str()), error.kind()) {
            (Some("NoSuchBucket"), _) => error.hint("make the bucket, or name another one"),
            (Some("RequestTimeTooSkewed"), _) => error.hint("set the clock right: timedatectl set-ntp true"),
            (_, ErrorKind::Permission) => {
                error.hint("check `access_key`, `secret_key` and `region`, and the policy of the bucket")
            }
            _ => error,
        }
    }

    /// A page of what is in it.
    ///
    /// # Errors
    /// What the server says.
    pub(super) fn list(&self, prefix: &str, after: Option<&str>, count: u32) -> Result<Page> {
        let count = count.to_string();
        let mut query =
            vec![("encoding-type", "url"), ("list-type", "2"), ("max-keys", count.as_str()), ("prefix", prefix)];
        query.extend(after.map(|token| ("continuation-token", token)));
        let answer = self.ask(Method::GET, "", &query, (Body::None, sign::EMPTY_SHA256))?;
        answer::page(answer.bytes()).map_err(|error| error.within(format!("use the store `{}`", self.store)))
    }
}
