//! The database as what all apps and machines know together of hosts and proxies. A thread of its own has the connection: calls
//! come from any thread, also from those of tokio.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use chrono::TimeDelta;

use super::proxy::ProxyRow;
use super::{Missing, SchemaState, Store};
use crate::context::Context;
use crate::error::Result;
use crate::http::{Commons, ProxyHealth, set_commons};
use crate::settings::{DatabaseSettings, Target};

/// A request does not wait for longer than that for what others know.
const PATIENCE: Duration = Duration::from_secs(3);
/// After it failed, the database is left alone for so long.
const AWAY: Duration = Duration::from_secs(30);
/// What is over is forgotten when it is over for so long.
const KEPT: TimeDelta = TimeDelta::days(2);
/// How often it is looked for that.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);

/// Lets the sessions of this process know of hosts and proxies what other apps and machines know.
pub fn share_hosts() {
    set_commons(open);
}

type Work = Box<dyn FnOnce(&mut Store) -> Result<()> + Send>;

/// One thread for each database of a process.
static KNOWN: LazyLock<Mutex<HashMap<String, Weak<Shared>>>> = LazyLock::new(Mutex::default);

fn open(context: &Context) -> Option<Arc<dyn Commons>> {
    let settings = context.settings().framework().ok()?;
    let key = match &settings.target {
        Target::Sqlite { path } => path.display().to_string(),
        Target::Server { url, .. } => url.reveal().to_owned(),
    };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shared) = known.get(&key).and_then(Weak::upgrade) {
        return Some(shared);
    }
    known.retain(|_, shared| shared.strong_count() > 0);
    let is_server = matches!(settings.target, Target::Server { .. });
    let shared = Arc::new(Shared { settings, is_server, thread: Mutex::default() });
    known.insert(key, Arc::downgrade(&shared));
    Some(shared)
}

/// The database, asked by a thread that begins with the first question.
struct Shared {
    settings: DatabaseSettings,
    is_server: bool,
    thread: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    work: Option<Sender<Work>>,
    /// It failed; until then it is not asked.
    away_until: Option<Instant>,
}

impl Shared {
    /// Has the thread do it. Whether it is asked at all.
    fn send(&self, work: Work) -> bool {
        let mut asked = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.away_until.is_some_and(|until| Instant::now() < until) {
            return false;
        }
        let work = match &asked.work {
            Some(sender) => match sender.send(work) {
                Ok(()) => return true,
                // it ended, as its database was away
                Err(back) => back.0,
            },
            None => work,
        };
        let (sender, waiting) = channel();
        let settings = self.settings.clone();
        let thread = std::thread::Builder::new().name("commons".to_owned());
        if thread.spawn(move || serve(&settings, &waiting)).is_err() {
            return false;
        }
        let is_sent = sender.send(work).is_ok();
        *asked = Asked { work: Some(sender), away_until: None };
        is_sent
    }

    /// Asks, and waits for the answer.
    fn ask<T: Send + 'static>(&self, work: impl FnOnce(&mut Store) -> Result<T> + Send + 'static) -> Option<T> {
        let (answer, waits) = channel();
        let work: Work = Box::new(move |store| {
            let done = work(store)?;
            // whoever asked may have gone on without it
            let _ = answer.send(done);
            Ok(())
        });
        if !self.send(work) {
            return None;
        }
        let answer = waits.recv_timeout(PATIENCE).ok();
        if answer.is_none() {
            let mut asked = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
            asked.away_until = Some(Instant::now() + AWAY);
        }
        answer
    }
}

/// Does what comes, until nobody is left who asks, or the database fails.
fn serve(settings: &DatabaseSettings, waiting: &Receiver<Work>) {
    let outcome = connect(settings).and_then(|store| match store {
        Some(store) => work_off(store, waiting),
        None => Ok(()),
    });
    if let Err(error) = outcome {
        log::warn!("what other apps know of hosts and proxies cannot be shared: {error}");
    }
}

fn work_off(mut store: Store, waiting: &Receiver<Work>) -> Result<()> {
    let mut tidied: Option<Instant> = None;
    loop {
        match waiting.recv_timeout(TIDY_EVERY) {
            Ok(work) => work(&mut store)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        if tidied.is_none_or(|at| at.elapsed() >= TIDY_EVERY) {
            store.hosts().forget(KEPT)?;
            store.proxies().forget(KEPT)?;
            tidied = Some(Instant::now());
        }
    }
}

/// The database as it is: requests make none, and bring none up to date.
fn connect(settings: &DatabaseSettings) -> Result<Option<Store>> {
    if let Target::Sqlite { path } = &settings.target
        && !path.exists()
    {
        return Ok(None);
    }
    let mut store = Store::connect(settings, Missing::Fail)?;
    Ok(matches!(store.schema_state()?, SchemaState::Current).then_some(store))
}

fn delta(length: Duration) -> TimeDelta {
    TimeDelta::from_std(length).unwrap_or(TimeDelta::days(1)).min(TimeDelta::days(1))
}

impl Commons for Shared {
    fn take_moments(&self, host: &str, every: Duration, count: u32) -> Option<Duration> {
        // on one machine its processes agree without a database
        if !self.is_server {
            return None;
        }
        let (host, every) = (host.to_owned(), delta(every));
        self.ask(move |store| store.hosts().take_moments(&host, every, count))?.to_std().ok()
    }

    fn leave_alone(&self, host: &str, how_long: Duration) {
        if self.is_server {
            let (host, how_long) = (host.to_owned(), delta(how_long));
            self.send(Box::new(move |store| store.hosts().leave_alone(&host, how_long)));
        }
    }

    fn health(&self, proxies: &[String]) -> Option<Vec<ProxyHealth>> {
        let proxies = proxies.to_vec();
        let rows = self.ask(move |store| store.proxies().health(&proxies))?;
        let health = rows.into_iter().map(|row| ProxyHealth {
            proxy: row.proxy,
            host: row.host,
            strikes: u32::try_from(row.strikes).unwrap_or_default(),
            left: row.left.to_std().unwrap_or_default(),
            reason: row.reason,
        });
        Some(health.collect())
    }

    fn tell(&self, health: ProxyHealth) {
        let ProxyHealth { proxy, host, strikes, left, reason } = health;
        let row = ProxyRow { proxy, host, strikes: strikes.into(), left: delta(left), reason };
        self.send(Box::new(move |store| store.proxies().note(&row)));
    }

    fn take_proxy(
        &self,
        domain: &str,
        proxies: &[String],
        rest: Duration,
    ) -> Option<std::result::Result<usize, Duration>> {
        let (domain, proxies, rest) = (domain.to_owned(), proxies.to_vec(), delta(rest));
        let taken = self.ask(move |store| store.proxies().take(&domain, &proxies, rest))?;
        Some(taken.map_err(|left| left.to_std().unwrap_or_default()))
    }
}
