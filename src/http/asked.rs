//! What is asked in one exchange.

use std::time::Instant;

use ureq::http::{HeaderMap, Method};
use url::Url;

use super::body::Body;
use super::options::Timeouts;
use super::proxies::Way;

/// What is asked.
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: &'a Body,
    pub(super) timeouts: Timeouts,
    pub(super) deadline: Option<Instant>,
    pub(super) way: Option<&'a Way>,
    /// A body that is packed is unpacked.
    pub(super) unpack: bool,
}
