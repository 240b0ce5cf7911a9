//! What comes back from one exchange: its head, and a body that is still to be read.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, HeaderName};
use url::Url;

use super::decode::Stream;
use super::metrics;
use super::polite::Leave;

/// So much of a body that nobody wants is read, so that its connection can be used again.
const DRAIN_BYTES_MAX: u64 = 64 << 10;

/// What comes back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) url: Url,
    pub(super) body: Stream,
    /// What was answered before it led here.
    pub(super) history: Vec<(u16, Url)>,
    /// Both end with the body.
    pub(super) meter: Meter,
    pub(super) leave: Option<Leave>,
}

impl Answer {
    /// A header as text.
    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// How long the server asks to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.header(ureq::http::header::RETRY_AFTER).and_then(super::retry::retry_after)
    }

    /// Throws the body away.
    pub(super) fn drain(self) {
        let _ = io::copy(&mut self.body.take(DRAIN_BYTES_MAX), &mut io::sink());
    }
}

/// Measures an exchange until its end, and counts it then.
pub(super) struct Meter {
    began: Instant,
    is_error: bool,
    counts: bool,
}

impl Meter {
    pub(super) fn start(counts: bool) -> Self {
        Self { began: Instant::now(), is_error: true, counts }
    }

    /// How it went, as far as is known.
    pub(super) fn note(&mut self, is_error: bool) {
        self.is_error = is_error;
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.counts {
            metrics::count(self.began.elapsed(), self.is_error);
        }
    }
}
