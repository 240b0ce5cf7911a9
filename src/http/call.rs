//! One call: what is asked, and how. It is sent here and now, or by a tokio program that goes on meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;
use serde::Serialize;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use url::Url;

use super::body::{Body, Form};
use super::options::{Auth, Timeouts};
use super::ready::Ready;
use super::response::Response;
use super::retry::Retries;
use super::session::Session;
use super::{decode, lanes, send};
use crate::error::{Error, ErrorKind, Result};

/// One call. What is wrong with it is said when it is sent.
#[derive(Clone)]
#[must_use = "it is not sent yet"]
pub struct Call {
    pub(super) session: Arc<Session>,
    pub(super) method: Method,
    url: String,
    query: Vec<(String, String)>,
    /// Each with whether it stands beside others of its name.
    headers: Vec<(String, String, bool)>,
    pub(super) body: Body,
    auth: Option<Auth>,
    timeouts: Timeouts,
    /// The time was set for this call, and not for all.
    pub(super) has_own_time: bool,
    retries: Retries,
    redirects_max: u32,
    pub(super) body_bytes_max: u64,
}

impl Call {
    pub(super) fn new(session: &Arc<Session>, method: Method, url: &str) -> Self {
        let options = &session.options;
        Self {
            session: Arc::clone(session),
            method,
            url: url.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::None,
            auth: options.auth.clone(),
            timeouts: options.timeouts,
            has_own_time: false,
            retries: options.retries.clone(),
            redirects_max: options.redirects_max,
            body_bytes_max: options.body_bytes_max,
        }
    }

    /// Adds a parameter to the URL.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Sets a header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into(), false));
        self
    }

    /// Adds a header beside those of the same name.
    pub fn add_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into(), true));
        self
    }

    /// How many redirects are followed; 0 for none, then the redirect is the answer.
    pub fn redirects(mut self, max: u32) -> Self {
        self.redirects_max = max;
        self
    }

    /// Who asks.
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Brings something along.
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Brings pairs along, as a form sends them.
    pub fn form<K: AsRef<str>, V: AsRef<str>>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        self.body(Body::form(pairs))
    }

    /// Brings a value along as JSON.
    ///
    /// # Errors
    /// Usage, for a value that JSON cannot hold.
    pub fn json(self, value: &impl Serialize) -> Result<Self> {
        Ok(self.body(Body::json(value)?))
    }

    /// Brings a form with files along.
    pub fn multipart(self, form: Form) -> Self {
        self.body(Body::Multipart(form))
    }

    /// How long the call may take with all its attempts.
    pub fn timeout(mut self, total: Duration) -> Self {
        self.timeouts.total = Some(total);
        self.has_own_time = true;
        self
    }

    /// How long things may take.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self.has_own_time = true;
        self
    }

    /// What is tried again.
    pub fn retries(mut self, retries: Retries) -> Self {
        self.retries = retries;
        self
    }

    /// The most bytes of the answer's body, unpacked.
    pub fn body_bytes_max(mut self, max: u64) -> Self {
        self.body_bytes_max = max;
        self
    }

    /// Sends it and waits for the answer, of whatever status: [`Response::ok`] turns a bad one into an error.
    ///
    /// # Errors
    /// Usage for what cannot be sent; timeout; failed and temporary when no answer came.
    pub fn send(self) -> Result<Response> {
        let ready = self.ready(true)?;
        send::send(&self.session, &ready)
    }

    /// As [`Call::send`], for a tokio program: the call is made on a thread of a bounded pool, and many overlap.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn send_async(self) -> Result<Response> {
        let max = self.session.lanes_max;
        lanes::run(max, move || self.send()).await
    }

    pub(super) fn ready(&self, unpack: bool) -> Result<Ready> {
        let session = &self.session;
        let mut url = Url::parse(&self.url).map_err(|cause| {
            // the text may hold a login or a token
            let shown = self.url.split(['?', '#']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
            Error::new(ErrorKind::Usage, format!("use the URL `{}`", session.hider.text(shown))).because(cause)
        })?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            let message = format!("use the URL `{}`: it must begin with http:// or https://", session.hider.url(&url));
            return Err(Error::new(ErrorKind::Usage, message));
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let login = self.auth.clone().or_else(|| login_in(&url));
        let _ = url.set_username("");
        let _ = url.set_password(None);
        session.hider.learn_query(&url);
        if let Some(Auth::Basic(_, secret) | Auth::Digest(_, secret) | Auth::Bearer(secret)) = &login {
            session.hider.learn(secret.reveal());
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        let encoding = if unpack { decode::ACCEPTED } else { "identity" };
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(encoding));
        put(&mut headers, "User-Agent", &session.options.user_agent)?;
        if let Some(kind) = self.body.content_type() {
            put(&mut headers, "Content-Type", &kind)?;
        }
        for (name, value) in &session.options.headers {
            session.hider.learn_header(name, value);
            put(&mut headers, name, value)?;
        }
        for (name, value, is_beside) in &self.headers {
            session.hider.learn_header(name, value);
            match is_beside {
                true => add(&mut headers, name, value)?,
                false => put(&mut headers, name, value)?,
            }
        }
        Ok(Ready {
            method: self.method.clone(),
            url,
            headers,
            body: self.body.clone(),
            auth: login,
            timeouts: self.timeouts,
            retries: self.retries.clone(),
            redirects_max: self.redirects_max,
            deadline: self.timeouts.total.and_then(|total| Instant::now().checked_add(total)),
            unpack,
            body_bytes_max: self.body_bytes_max,
        })
    }
}

/// `user:password@` of a URL.
fn login_in(url: &Url) -> Option<Auth> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let password = url.password().map(decode);
    if url.username().is_empty() && password.is_none() {
        return None;
    }
    Some(Auth::Basic(decode(url.username()), crate::settings::Secret::new(password.unwrap_or_default())))
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<()> {
    let (name, value) = pair(name, value)?;
    headers.insert(name, value);
    Ok(())
}

fn add(headers: &mut HeaderMap, name: &str, value: &str) -> Result<()> {
    let (name, value) = pair(name, value)?;
    headers.append(name, value);
    Ok(())
}

fn pair(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let wrong =
        |what: &str| Error::new(ErrorKind::Usage, format!("send the header `{name}`: its {what} cannot be sent"));
    let key = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong("name"))?;
    let value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| wrong("value"))?;
    Ok((key, value))
}
