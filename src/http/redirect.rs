//! Where a redirect leads, and what is taken there: credentials stay with the server that they were meant for.

use ureq::http::{HeaderMap, Method, header};
use url::Url;

use super::answer::Answer;
use super::body::Body;
use super::ready::Ready;
use crate::error::{Error, Result};
use crate::redact::is_secret_parameter;

static NOTHING: Body = Body::None;

/// One step of the way.
pub(super) struct Hop<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: &'a Body,
    /// It still goes to the server that was named.
    pub(super) is_home: bool,
    /// What was answered before, and from where.
    pub(super) history: Vec<(u16, Url)>,
}

impl<'a> Hop<'a> {
    pub(super) fn first(call: &'a Ready) -> Self {
        Self {
            method: call.method.clone(),
            url: call.url.clone(),
            headers: call.headers.clone(),
            body: &call.body,
            is_home: true,
            history: Vec::new(),
        }
    }

    /// Where an answer leads; `None` when it leads nowhere.
    pub(super) fn next(&self, answer: &Answer) -> Option<Result<Self>> {
        if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let location = String::from_utf8_lossy(answer.headers.get(header::LOCATION)?.as_bytes()).into_owned();
        let url = match self.url.join(&location) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
            _ => return Some(Err(Error::failed("follow a redirect: it leads to no server of HTTP"))),
        };
        Some(Ok(self.to(url, answer)))
    }

    fn to(&self, mut url: Url, answer: &Answer) -> Self {
        // a place in a page is meant for the page that comes at last
        if url.fragment().is_none() {
            url.set_fragment(self.url.fragment());
        }
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let mut headers = self.headers.clone();
        let becomes_get = match answer.status {
            303 => self.method != Method::HEAD,
            301 | 302 => self.method == Method::POST,
            _ => false,
        };
        let (method, body) = if becomes_get { (Method::GET, &NOTHING) } else { (self.method.clone(), self.body) };
        if becomes_get {
            for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
                headers.remove(name);
            }
        }
        if self.url.host_str() != url.host_str() || self.url.port() != url.port() {
            // a name that was meant for another server
            headers.remove(header::HOST);
        }
        let is_home = self.is_home && is_same_server(&self.url, &url);
        if !is_home {
            let secret: Vec<_> = headers.keys().filter(|name| is_secret_parameter(name.as_str())).cloned().collect();
            for name in secret {
                headers.remove(name);
            }
        }
        let mut history = self.history.clone();
        history.push((answer.status, self.url.clone()));
        Self { method, url, headers, body, is_home, history }
    }
}

/// Whether a URL leads to the same server, or to the same one over TLS.
fn is_same_server(from: &Url, to: &Url) -> bool {
    let is_sealed = from.scheme() == "http" && to.scheme() == "https" && from.port().is_none() && to.port().is_none();
    from.origin() == to.origin() || is_sealed && from.host() == to.host()
}
