//! Proxies, in turns: one that failed is left alone for a while, the longer the more often it happens. A server that refuses one of
//! them bans it only if it serves another one: then that host is not asked by it for a while. What all are refused is an answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ureq::{Proxy, ProxyProtocol};

use super::options::Proxying;
use crate::error::{Error, ErrorKind, Result};

/// The longest time for which a proxy is left alone.
const COOL_DOWN_MAX: Duration = Duration::from_secs(3_600);
/// How long a host is not asked by a proxy that it bans, and the longest time; it doubles with each time in a row.
const BAN: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(86_400));

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
    /// The hosts that ban it: how often in a row, and until when they are not asked.
    bans: HashMap<String, (u32, Instant)>,
}

impl Way {
    fn lock(&self) -> MutexGuard<'_, WayState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one talks to it over TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.proxy.protocol() == ProxyProtocol::Https
    }

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

    /// The next proxy for a host that is not left alone, waiting for one until `deadline`; `None` without any proxies. One that the
    /// host bans is taken only where it bans all.
    ///
    /// # Errors
    /// Busy, when all are left alone for longer than that.
    pub(super) fn take(&self, host: &str, deadline: Option<Instant>) -> Result<Option<Arc<Way>>> {
        if self.ways.is_empty() {
            return Ok(None);
        }
        loop {
            let now = Instant::now();
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut soonest, mut banned): (Option<Instant>, Option<(Instant, usize)>) = (None, None);
            for step in 0..self.ways.len() {
                let place = (*next + step) % self.ways.len();
                let state = self.ways[place].lock();
                let ban = state.bans.get(host).map(|(_, until)| *until).filter(|until| *until > now);
                match (state.alone_until.filter(|until| *until > now), ban) {
                    (Some(until), _) => soonest = Some(soonest.map_or(until, |known| known.min(until))),
                    (None, Some(until)) => {
                        banned = Some(banned.map_or((until, place), |known| known.min((until, place))));
                    }
                    (None, None) => {
                        *next = place + 1;
                        return Ok(Some(Arc::clone(&self.ways[place])));
                    }
                }
            }
            if let Some((_, place)) = banned {
                *next = place + 1;
                return Ok(Some(Arc::clone(&self.ways[place])));
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
        let mut state = way.lock();
        let pause = self.cool_down.saturating_mul(1 << state.strikes.min(16)).min(COOL_DOWN_MAX);
        state.strikes += 1;
        state.doubts = 0;
        state.alone_until = Some(Instant::now() + pause);
        log::warn!("the proxy {} is left alone for {} s: {why}", way.label, pause.as_secs());
    }

    /// Another proxy for a host than those that it refused; `None` where nothing else is left.
    pub(super) fn other(&self, host: &str, refused: &[Arc<Way>]) -> Option<Arc<Way>> {
        let now = Instant::now();
        let is_free = |way: &&Arc<Way>| {
            let state = way.lock();
            let is_banned = state.bans.get(host).is_some_and(|(_, until)| *until > now);
            let is_alone = state.alone_until.is_some_and(|until| until > now);
            !is_banned && !is_alone && !refused.iter().any(|known| Arc::ptr_eq(known, way))
        };
        self.ways.iter().find(is_free).map(Arc::clone)
    }

    /// A host refused a proxy and served another one: it bans it.
    pub(super) fn ban_for(&self, host: &str, way: &Way, why: &str) {
        let mut state = way.lock();
        let strikes = state.bans.get(host).map_or(0, |(strikes, _)| *strikes);
        let pause = BAN.0.saturating_mul(1 << strikes.min(16)).min(BAN.1);
        state.bans.insert(host.to_owned(), (strikes + 1, Instant::now() + pause));
        log::warn!("{host} is not asked by the proxy {} for {} s: {why}", way.label, pause.as_secs());
    }

    /// An exchange broke off: it may be the proxy's fault, or that of the server behind it, or of a connection that was
    /// kept for too long. The second time in a row it counts.
    pub(super) fn doubt(&self, way: &Way, why: &str) {
        let doubts = {
            let mut state = way.lock();
            state.doubts += 1;
            state.doubts
        };
        if doubts >= DOUBTS_MAX {
            self.ban(way, why);
        }
    }

    /// It works for a host.
    pub(super) fn praise(&self, host: &str, way: &Way) {
        let mut state = way.lock();
        state.strikes = 0;
        state.doubts = 0;
        state.bans.remove(host);
    }
}
