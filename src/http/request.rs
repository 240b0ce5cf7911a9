//! `Request`: the one class for HTTP. A session with its cookies, connections, proxies and manners, shared by all clones
//! and threads.

use std::sync::Arc;

use ureq::http::Method;

use super::call::Call;
use super::options::RequestOptions;
use super::session::Session;
use crate::context::Context;
use crate::error::Result;

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
