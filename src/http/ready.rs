//! A call that can be sent: checked, and with all that the session adds.

use std::time::Instant;

use ureq::http::{HeaderMap, Method};
use url::Url;

use super::body::Body;
use super::options::{Auth, Timeouts};
use super::retry::Retries;

/// A call that can be sent.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    pub(super) auth: Option<Auth>,
    pub(super) timeouts: Timeouts,
    pub(super) retries: Retries,
    pub(super) deadline: Option<Instant>,
    pub(super) redirects_max: u32,
    pub(super) unpack: bool,
    pub(super) body_bytes_max: u64,
}
