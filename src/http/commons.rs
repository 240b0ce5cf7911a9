//! What all apps and machines of a house know together of hosts and proxies. It stands in the database, above this room, which
//! says by itself how it is reached. Where it cannot be reached, limits hold for a machine, and proxies are judged by a process.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::context::Context;
use crate::hash::hash_bytes;

/// The most letters of a name in the database.
const NAME_CHARS_MAX: usize = 200;

/// What all apps and machines know together. Nothing here takes longer than an answer of the database; `None` says that it does
/// not answer, or is not shared.
pub trait Commons: Send + Sync {
    /// Takes the moments for `count` requests to a host, one `every` so often; how long it is until the first of them.
    fn take_moments(&self, host: &str, every: Duration, count: u32) -> Option<Duration>;

    /// Tells that a host asks to be left alone.
    fn leave_alone(&self, host: &str, how_long: Duration);

    /// What is known against these proxies.
    fn health(&self, proxies: &[String]) -> Option<Vec<ProxyHealth>>;

    /// Tells what a proxy has come to. With no strikes it is forgotten.
    fn tell(&self, health: ProxyHealth);

    /// Takes the first of these proxies that may ask a domain, which then rests from it; how long it is until there is one
    /// otherwise.
    fn take_proxy(&self, domain: &str, proxies: &[String], rest: Duration) -> Option<Result<usize, Duration>>;
}

/// What a proxy has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyHealth {
    /// The proxy, without its login.
    pub proxy: String,
    /// The host that refuses it; empty where it fails for all.
    pub host: String,
    /// How often in a row.
    pub strikes: u32,
    /// How long until it may be tried again.
    pub left: Duration,
    /// Why.
    pub reason: String,
}

/// Opens it; `None` where a project has none.
pub type OpenCommons = fn(&Context) -> Option<Arc<dyn Commons>>;

/// One for the process.
static OPEN: OnceLock<OpenCommons> = OnceLock::new();

/// Says how it is opened. The first one counts; `tables::share_hosts` does it.
pub fn set_commons(open: OpenCommons) {
    OPEN.get_or_init(|| open);
}

pub(super) fn open(context: &Context) -> Option<Arc<dyn Commons>> {
    OPEN.get().and_then(|open| open(context))
}

/// A name that fits into the database, and into a folder.
pub(super) fn short(name: &str) -> String {
    match name.len() {
        0..=NAME_CHARS_MAX => name.replace('/', "_"),
        _ => hash_bytes(name.as_bytes()).to_string(),
    }
}
