//! `Request`: the one class for HTTP. A session with its cookies, connections, proxies and manners, shared by all clones
//! and threads.

use std::sync::Arc;

use ureq::http::Method;

use super::agents::Agents;
use super::call::Call;
use super::cassette::{Record, Replay, Tape};
use super::cookies::Jar;
use super::hide::Hider;
use super::host::Hosts;
use super::options::{Auth, RequestOptions, Traffic};
use super::proxies::Proxies;
use super::save::Saver;
use crate::context::{Cancellation, Context};
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

/// What the clones of a session share.
pub(super) struct Session {
    pub(super) options: RequestOptions,
    pub(super) agents: Agents,
    pub(super) hosts: Hosts,
    pub(super) jar: Jar,
    pub(super) proxies: Proxies,
    pub(super) hider: Arc<Hider>,
    pub(super) saver: Option<Saver>,
    pub(super) cancellation: Cancellation,
    pub(super) lanes_max: usize,
    tape: Option<Arc<Tape>>,
}

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
        let mut secrets: Vec<String> =
            context.settings().secret_values().iter().map(|secret| secret.reveal().to_owned()).collect();
        match &options.auth {
            Some(Auth::Basic(_, secret) | Auth::Bearer(secret)) => secrets.push(secret.reveal().to_owned()),
            None => {}
        }
        let logins = options.proxying.proxies.iter().filter_map(|url| url::Url::parse(url.reveal()).ok());
        secrets.extend(logins.filter_map(|url| url.password().map(str::to_owned)));
        let hider = Arc::new(Hider::new(secrets));
        let tape = match options.traffic {
            Traffic::Collected => Tape::of(context.settings())?,
            Traffic::Own => None,
        };
        let lanes_max = context.settings().section("http").number("in_flight_max")?;
        Ok(Self(Arc::new(Session {
            agents: Agents::default(),
            hosts: Hosts::new(context, &options),
            jar: Jar::open(&options.cookies)?,
            proxies: Proxies::new(&options.proxying)?,
            saver: options.save.as_ref().map(|folder| Saver::new(folder)),
            hider,
            cancellation: context.cancellation().clone(),
            lanes_max: lanes_max.map_or(super::lanes::LANES_MAX, |max| max.max(1) as usize),
            tape,
            options,
        })))
    }

    /// A call of any method.
    pub fn call(&self, method: Method, url: &str) -> Call {
        Call::new(self, method, url)
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

impl Session {
    pub(super) fn replay(&self) -> Option<&Replay> {
        match self.tape.as_deref() {
            Some(Tape::Replay(replay)) => Some(replay),
            _ => None,
        }
    }

    pub(super) fn record(&self) -> Option<&Record> {
        match self.tape.as_deref() {
            Some(Tape::Record(record)) => Some(record),
            _ => None,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Err(error) = self.jar.keep() {
            log::error!("{error}");
        }
    }
}
