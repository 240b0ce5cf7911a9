//! Proxies, in turns: one that failed is left alone for a while, the longer the more often it happens. A server that refuses one of
//! them bans it only if it serves another one: then that host is not asked by it for a while. What all are refused is an answer.
//! What one app learns all know, by the database that they share (`commons.rs`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ureq::{Proxy, ProxyProtocol};

use super::commons::{Commons, ProxyHealth, short};
use super::options::Proxying;
use super::registries::site;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::hash_bytes;

/// The longest time for which a proxy is left alone.
const COOL_DOWN_MAX: Duration = Duration::from_secs(3_600);
/// How long a host is not asked by a proxy that it bans, and the longest time; it doubles with each time in a row.
const BAN: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(86_400));
/// How often it is looked for what others have learned.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// So many exchanges in a row that break off are a proxy's fault.
const DOUBTS_MAX: u32 = 2;

/// One proxy.
pub(super) struct Way {
    pub(super) proxy: Proxy,
    /// `socks5://host:1080`, without its login.
    pub(super) label: String,
    /// How all apps know it.
    name: String,
    state: Mutex<WayState>,
}

#[derive(Default)]
struct WayState {
    strikes: u32,
    doubts: u32,
    alone_until: Option<Instant>,
    /// The hosts that ban it: how often in a row, and until when they are not asked.
    bans: HashMap<String, (u32, Instant)>,
    /// The domains from which it rests, and until when.
    rests: HashMap<String, Instant>,
}

impl Way {
    fn new(url: &str) -> Result<Self> {
        let shown = url.rsplit_once('@').map_or(url, |(_, place)| place);
        let wrong = || {
            Error::new(ErrorKind::Settings, format!("use the proxy `{shown}`"))
                .hint("write http://host:port, https://, socks5:// or socks5h://, with or without user:password@")
        };
        let proxy = Proxy::new(url).map_err(|_| wrong())?;
        let label = format!("{}:{}", proxy.host(), proxy.port());
        // one gate may stand for many proxies, by its logins: six digits tell them apart and give none of them away
        let name = match proxy.username() {
            Some(_) => format!("{}#{:.6}", short(&label), hash_bytes(url.as_bytes()).to_string()),
            None => short(&label),
        };
        Ok(Self { proxy, label, name, state: Mutex::default() })
    }

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

impl WayState {
    /// Until when a host is not asked by it.
    fn banned_until(&self, host: &str, now: Instant) -> Option<Instant> {
        self.bans.get(host).map(|(_, until)| *until).filter(|until| *until > now)
    }

    /// Until when nobody is asked by it.
    fn alone_until(&self, now: Instant) -> Option<Instant> {
        self.alone_until.filter(|until| *until > now)
    }
}

/// The proxies of a session.
pub(super) struct Proxies {
    ways: Vec<Arc<Way>>,
    next: Mutex<usize>,
    cool_down: Duration,
    rest: Duration,
    commons: Option<Arc<dyn Commons>>,
    /// When it was looked last for what others have learned.
    looked: Mutex<Option<Instant>>,
}

impl Proxies {
    /// # Errors
    /// Settings, for what is no proxy.
    pub(super) fn new(options: &Proxying, commons: Option<Arc<dyn Commons>>) -> Result<Self> {
        let ways = options.proxies.iter().map(|url| Way::new(url.reveal()).map(Arc::new));
        Ok(Self {
            ways: ways.collect::<Result<_>>()?,
            next: Mutex::new(0),
            cool_down: options.cool_down,
            rest: options.rest,
            commons,
            looked: Mutex::default(),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ways.is_empty()
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
            self.look();
            let now = Instant::now();
            let places = self.in_turn();
            let free: Vec<&Arc<Way>> = places.iter().filter(|way| way.lock().alone_until(now).is_none()).collect();
            let mut welcome: Vec<&Arc<Way>> =
                free.iter().filter(|way| way.lock().banned_until(host, now).is_none()).copied().collect();
            if welcome.is_empty() {
                // where all are banned, the one whose ban is the first to end
                welcome = free;
                welcome.sort_by_key(|way| way.lock().banned_until(host, now));
            }
            let until = match self.rested(host, &welcome, now) {
                Ok(way) => return Ok(Some(way)),
                Err(Some(until)) => until,
                Err(None) => {
                    places.iter().filter_map(|way| way.lock().alone_until(now)).min().unwrap_or(now + LOOK_EVERY)
                }
            };
            if deadline.is_some_and(|deadline| until > deadline) {
                let count = self.ways.len();
                let left = (until - now).as_secs();
                let message = format!(
                    "use a proxy: all {count} have failed, are banned or rest, the first is free again in {left} s"
                );
                return Err(Error::new(ErrorKind::Busy, message));
            }
            std::thread::sleep((until - now).min(LOOK_EVERY));
        }
    }

    /// All of them, beginning with another one each time.
    fn in_turn(&self) -> Vec<Arc<Way>> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *next % self.ways.len();
        *next = first + 1;
        let (before, after) = self.ways.split_at(first);
        after.iter().chain(before).map(Arc::clone).collect()
    }

    /// The first of these that need not rest from the domain of a host; until when otherwise, and nothing where there are none.
    fn rested(&self, host: &str, ways: &[&Arc<Way>], now: Instant) -> Result<Arc<Way>, Option<Instant>> {
        let Some(first) = ways.first() else { return Err(None) };
        if self.rest.is_zero() {
            return Ok(Arc::clone(first));
        }
        let domain = short(site(host.rsplit_once(':').map_or(host, |(name, _)| name)));
        if let Some(commons) = &self.commons {
            let names: Vec<String> = ways.iter().map(|way| way.name.clone()).collect();
            match commons.take_proxy(&domain, &names, self.rest) {
                Some(Ok(place)) => return ways.get(place).map(|way| Arc::clone(way)).ok_or(None),
                Some(Err(left)) => return Err(Some(now + left)),
                None => {}
            }
        }
        let mut soonest: Option<Instant> = None;
        for way in ways {
            let mut state = way.lock();
            match state.rests.get(&domain).filter(|until| **until > now) {
                Some(until) => soonest = Some(soonest.map_or(*until, |known| known.min(*until))),
                None => {
                    state.rests.retain(|_, until| *until > now);
                    state.rests.insert(domain, now + self.rest);
                    return Ok(Arc::clone(way));
                }
            }
        }
        Err(soonest)
    }

    /// Takes over what others have learned.
    fn look(&self) {
        let Some(commons) = &self.commons else { return };
        // one thread looks, the others go on with what is known
        let Ok(mut looked) = self.looked.try_lock() else { return };
        if looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        let names: Vec<String> = self.ways.iter().map(|way| way.name.clone()).collect();
        let health = commons.health(&names);
        *looked = Some(Instant::now());
        let Some(health) = health else { return };
        let now = Instant::now();
        for way in &self.ways {
            let mut state = way.lock();
            let of_it = || health.iter().filter(|it| it.proxy == way.name);
            let own = of_it().find(|it| it.host.is_empty());
            state.strikes = own.map_or(0, |it| it.strikes);
            state.alone_until = own.map(|it| now + it.left);
            state.bans = of_it()
                .filter(|it| !it.host.is_empty())
                .map(|it| (it.host.clone(), (it.strikes, now + it.left)))
                .collect();
        }
    }

    fn tell(&self, way: &Way, host: &str, strikes: u32, left: Duration, why: &str) {
        if let Some(commons) = &self.commons {
            let (proxy, host) = (way.name.clone(), host.to_owned());
            commons.tell(ProxyHealth { proxy, host, strikes, left, reason: why.to_owned() });
        }
    }

    /// It did not work: it is left alone.
    pub(super) fn ban(&self, way: &Way, why: &str) {
        let (strikes, pause) = {
            let mut state = way.lock();
            let pause = self.cool_down.saturating_mul(1 << state.strikes.min(16)).min(COOL_DOWN_MAX);
            state.strikes += 1;
            state.doubts = 0;
            state.alone_until = Some(Instant::now() + pause);
            (state.strikes, pause)
        };
        self.tell(way, "", strikes, pause, why);
        log::warn!("the proxy {} is left alone for {} s: {why}", way.label, pause.as_secs());
    }

    /// Another proxy for a host than those that it refused; `None` where nothing else is left.
    pub(super) fn other(&self, host: &str, refused: &[Arc<Way>]) -> Option<Arc<Way>> {
        let now = Instant::now();
        let is_free = |way: &&Arc<Way>| {
            let state = way.lock();
            let is_free = state.banned_until(host, now).is_none() && state.alone_until(now).is_none();
            is_free && !refused.iter().any(|known| Arc::ptr_eq(known, way))
        };
        let free: Vec<&Arc<Way>> = self.ways.iter().filter(is_free).collect();
        self.rested(host, &free, now).ok()
    }

    /// A host refused a proxy and served another one: it bans it.
    pub(super) fn ban_for(&self, host: &str, way: &Way, why: &str) {
        let (strikes, pause) = {
            let mut state = way.lock();
            let strikes = state.bans.get(host).map_or(0, |(strikes, _)| *strikes);
            let pause = BAN.0.saturating_mul(1 << strikes.min(16)).min(BAN.1);
            state.bans.insert(host.to_owned(), (strikes + 1, Instant::now() + pause));
            (strikes + 1, pause)
        };
        self.tell(way, host, strikes, pause, why);
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
        let (had_failed, was_banned) = {
            let mut state = way.lock();
            state.doubts = 0;
            state.alone_until = None;
            (std::mem::take(&mut state.strikes) > 0, state.bans.remove(host).is_some())
        };
        if had_failed {
            self.tell(way, "", 0, Duration::ZERO, "");
        }
        if was_banned {
            self.tell(way, host, 0, Duration::ZERO, "");
        }
    }
}
