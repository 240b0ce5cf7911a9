//! Proxies, in turns: one that failed or was banned is left alone for a while, the longer the more often it happens.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::{Proxy, ProxyProtocol};

use super::options::Proxying;
use crate::error::{Error, ErrorKind, Result};

/// The longest time for which a proxy is left alone.
const COOL_DOWN_MAX: Duration = Duration::from_secs(3_600);

/// So many exchanges in a row that break off are a proxy's fault.
const DOUBTS_MAX: u32 = 2;

/// One proxy.
pub(super) struct Way {
    pub(super) proxy: Proxy,
    /// `socks5://host:1080`, without its login.
    pub(super) label: String,
    state: Mutex<WayState>,
}

#[derive(Default)]
struct WayState {
    strikes: u32,
    doubts: u32,
    alone_until: Option<Instant>,
}

impl Way {
    /// Whether plain HTTP is passed on by it, instead of through a tunnel.
    pub(super) fn passes_on(&self) -> bool {
        self.proxy.protocol() == ProxyProtocol::Http
    }
}

/// The proxies of a session.
pub(super) struct Proxies {
    ways: Vec<Arc<Way>>,
    next: Mutex<usize>,
    cool_down: Duration,
}

impl Proxies {
    /// # Errors
    /// Settings, for what is no proxy.
    pub(super) fn new(options: &Proxying) -> Result<Self> {
        let ways = options.proxies.iter().map(|url| {
            let shown = url.reveal().rsplit_once('@').map_or(url.reveal(), |(_, place)| place);
            let wrong = || {
                Error::new(ErrorKind::Settings, format!("use the proxy `{shown}`"))
                    .hint("write http://host:port, https://, socks5:// or socks5h://, with or without user:password@")
            };
            let proxy = Proxy::new(url.reveal()).map_err(|_| wrong())?;
            let label = format!("{}:{}", proxy.host(), proxy.port());
            Ok(Arc::new(Way { proxy, label, state: Mutex::default() }))
        });
        Ok(Self { ways: ways.collect::<Result<_>>()?, next: Mutex::new(0), cool_down: options.cool_down })
    }

    /// The next proxy that is not left alone, waiting for one until `deadline`; `None` without any proxies.
    ///
    /// # Errors
    /// Busy, when all are left alone for longer than that.
    pub(super) fn take(&self, deadline: Option<Instant>) -> Result<Option<Arc<Way>>> {
        if self.ways.is_empty() {
            return Ok(None);
        }
        loop {
            let now = Instant::now();
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let mut soonest: Option<Instant> = None;
            for step in 0..self.ways.len() {
                let place = (*next + step) % self.ways.len();
                let state = self.ways[place].state.lock().unwrap_or_else(PoisonError::into_inner);
                match state.alone_until.filter(|until| *until > now) {
                    Some(until) => soonest = Some(soonest.map_or(until, |known| known.min(until))),
                    None => {
                        *next = place + 1;
                        return Ok(Some(Arc::clone(&self.ways[place])));
                    }
                }
            }
            drop(next);
            let until = soonest.unwrap_or(now);
            if deadline.is_some_and(|deadline| until > deadline) {
                let count = self.ways.len();
                return Err(Error::new(
                    ErrorKind::Busy,
                    format!(
                        "use a proxy: all {count} have failed or are banned, the first is free again in {} s",
                        (until - now).as_secs()
                    ),
                ));
            }
            std::thread::sleep((until - now).min(Duration::from_secs(1)));
        }
    }

    /// It did not work: it is left alone.
    pub(super) fn ban(&self, way: &Way, why: &str) {
        let mut state = way.state.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = self.cool_down.saturating_mul(1 << state.strikes.min(16)).min(COOL_DOWN_MAX);
        state.strikes += 1;
        state.doubts = 0;
        state.alone_until = Some(Instant::now() + pause);
        log::warn!("the proxy {} is left alone for {} s: {why}", way.label, pause.as_secs());
    }

    /// An exchange broke off: it may be the proxy's fault, or that of the server behind it, or of a connection that was
    /// kept for too long. The second time in a row it counts.
    pub(super) fn doubt(&self, way: &Way, why: &str) {
        let doubts = {
            let mut state = way.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.doubts += 1;
            state.doubts
        };
        if doubts >= DOUBTS_MAX {
            self.ban(way, why);
        }
    }

    /// It works.
    pub(super) fn praise(&self, way: &Way) {
        let mut state = way.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.strikes = 0;
        state.doubts = 0;
    }
}
