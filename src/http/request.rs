//! `Request`: the one class for HTTP. A session with its cookies, connections, proxies and manners, shared by all clones
//! and threads.

use std::sync::Arc;

use ureq::http::Method;
use url::Url;

use super::call::Call;
use super::options::RequestOptions;
use super::session::Session;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};

/// Makes requests. A clone is the same session.
///
/// ```no_run
/// use data_collector::http::Request;
///
/// # fn example(context: &data_collector::context::Context) -> data_collector::error::Result<()> {
/// let request = Request::new(context)?;
/// let page: serde_json::Value = request.get("https://api.example.com/companies").query("page", "1").send()?.ok()?.json()?;
/// request.post("https://api.example.com/login").json(&serde_json::json!({"user": "me"}))?.send()?.ok()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Request(pub(super) Arc<Session>);

impl Request {
    /// A session as `[http]` of the settings has it.
    ///
    /// # Errors
    /// Settings, for what is not what it takes there.
    pub fn new(context: &Context) -> Result<Self> {
        Self::with(context, RequestOptions::of(context.settings())?)
    }

    /// A session with options of its own.
    ///
    /// # Errors
    /// Settings for a proxy that is none; what the file of cookies, the cassette or the system says.
    pub fn with(context: &Context, options: RequestOptions) -> Result<Self> {
        Ok(Self(Arc::new(Session::open(context, options)?)))
    }

    /// A call of any method.
    pub fn call(&self, method: Method, url: &str) -> Call {
        Call::new(&self.0, method, url)
    }

    /// GET.
    pub fn get(&self, url: &str) -> Call {
        self.call(Method::GET, url)
    }

    /// HEAD.
    pub fn head(&self, url: &str) -> Call {
        self.call(Method::HEAD, url)
    }

    /// POST.
    pub fn post(&self, url: &str) -> Call {
        self.call(Method::POST, url)
    }

    /// PUT.
    pub fn put(&self, url: &str) -> Call {
        self.call(Method::PUT, url)
    }

    /// PATCH.
    pub fn patch(&self, url: &str) -> Call {
        self.call(Method::PATCH, url)
    }

    /// DELETE.
    pub fn delete(&self, url: &str) -> Call {
        self.call(Method::DELETE, url)
    }

    /// OPTIONS.
    pub fn options(&self, url: &str) -> Call {
        self.call(Method::OPTIONS, url)
    }

    /// The cookies that the session sends to a URL: their names and values, as a form with a token wants them.
    ///
    /// # Errors
    /// Usage, for what is no URL.
    pub fn cookies(&self, url: &str) -> Result<Vec<(String, String)>> {
        Ok(self.0.jar.of(&parsed(url)?))
    }

    /// One of the cookies that the session sends to a URL.
    ///
    /// # Errors
    /// As [`Request::cookies`].
    pub fn cookie(&self, url: &str, name: &str) -> Result<Option<String>> {
        Ok(self.cookies(url)?.into_iter().find(|(known, _)| known == name).map(|(_, value)| value))
    }

    /// Sets a cookie as an answer of this URL would: `lang=hr; Path=/; Max-Age=3600`.
    ///
    /// # Errors
    /// Usage, for what is no URL, or no cookie that this URL may set.
    pub fn set_cookie(&self, url: &str, cookie: &str) -> Result<()> {
        let url = parsed(url)?;
        match self.0.jar.take(&url, std::iter::once(cookie.as_bytes())) {
            1 => Ok(()),
            _ => {
                let name = cookie.split('=').next().unwrap_or_default().trim();
                let place = self.0.hider.place(&url);
                Err(Error::new(
                    ErrorKind::Usage,
                    format!("set the cookie `{name}` for {place}: it may not be set there"),
                )
                .hint("name=value; Path=/; Domain= is that of the URL or above; and the session keeps cookies"))
            }
        }
    }

    /// Forgets all cookies of the session, and of the file in which it keeps them.
    ///
    /// # Errors
    /// What the file system says.
    pub fn clear_cookies(&self) -> Result<()> {
        self.0.jar.clear()
    }

    /// Whether answers come from a cassette, so that there is nothing to wait for.
    pub fn is_replayed(&self) -> bool {
        self.0.replay().is_some()
    }

    /// Writes kept cookies now; it happens by itself when the session ends.
    ///
    /// # Errors
    /// What the file system says.
    pub fn keep_cookies(&self) -> Result<()> {
        self.0.jar.keep()
    }
}

fn parsed(url: &str) -> Result<Url> {
    Url::parse(url).map_err(|cause| {
        let shown = url.split(['?', '#']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
        Error::new(ErrorKind::Usage, format!("use the URL `{shown}`")).because(cause)
    })
}
