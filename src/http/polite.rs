//! How gently a host is treated: so many requests a second, so many at once, and none while it asks to be left alone.
//! What is known of a host is shared by all threads and sessions of the process; where a host has limits, by all processes of
//! the machine (`machine.rs`), and its rate by all machines that share a database (`commons.rs`).

use std::collections::HashMap;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::commons::{Commons, short};
use super::machine::{self, Asker, Place, Turn};
use super::politeness::Politeness;

/// Hosts that are remembered; beyond that those that nobody uses are forgotten.
const HOSTS_MAX: usize = 10_000;
/// How long a host is left alone that answers 429 and does not say how long; it doubles with each time in a row.
const ALONE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// So much time of a rate is taken at once from what machines share.
const GRANT: Duration = Duration::from_millis(250);
/// Where that gives nothing, it is asked again after so long.
const GRANTS_AWAY: Duration = Duration::from_secs(30);

static HOSTS: LazyLock<Mutex<HashMap<String, Arc<Host>>>> = LazyLock::new(Mutex::default);

/// What is known of a host.
pub(super) struct Host {
    /// With its port.
    name: String,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    /// When the next request may go.
    next: Option<Instant>,
    /// Until then the host asks to be left alone.
    alone_until: Option<Instant>,
    /// How often in a row it has asked without saying for how long.
    strikes: u32,
    /// Requests under way.
    active: usize,
    granted: Granted,
}

/// Moments that were taken from what machines share.
#[derive(Default)]
enum Granted {
    #[default]
    None,
    /// A thread asks for more.
    Asked,
    /// So many, the first of them then, and one so often.
    Moments { next: Instant, every: Duration, left: u32 },
    /// There are none to be had until then: this machine counts by itself.
    Away(Instant),
}

/// The host asks to be left alone for longer than anybody waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong(pub(super) Duration);

/// Leave for one request; it ends when this goes.
pub(super) struct Leave {
    host: Arc<Host>,
    /// Given back before threads of this process that wait are woken.
    place: Option<Place>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        drop(self.place.take());
        self.host.lock().active -= 1;
        self.host.freed.notify_one();
    }
}

/// The host of this name, with its port.
pub(super) fn host(name: &str) -> Arc<Host> {
    let mut hosts = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(host) = hosts.get(name) {
        return Arc::clone(host);
    }
    if hosts.len() >= HOSTS_MAX {
        hosts.retain(|_, host| Arc::strong_count(host) > 1);
    }
    let new = || Arc::new(Host { name: name.to_owned(), state: Mutex::default(), freed: Condvar::new() });
    Arc::clone(hosts.entry(name.to_owned()).or_insert_with(new))
}

impl Host {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for leave to send a request, until `deadline` at the most.
    pub(super) fn wait(
        self: &Arc<Self>,
        limits: Politeness,
        deadline: Option<Instant>,
        commons: Option<&dyn Commons>,
    ) -> Result<Leave, TooLong> {
        let mut asker = limits.has_limits().then(|| Asker::of(&self.name)).flatten();
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let is_full = limits.concurrency.is_some_and(|max| state.active >= max.max(1));
            let from = [state.alone_until, state.next.filter(|_| limits.rate.is_some())];
            let from = from.into_iter().flatten().max().filter(|from| *from > now);
            if let Some(from) = from.filter(|from| deadline.is_some_and(|deadline| *from > deadline)) {
                return Err(TooLong(from - now));
            }
            let mut until = if is_full { deadline } else { from };
            // a host that is free is not what a call waited for whose time is over: the exchange says that
            if !is_full && from.is_none() {
                if let (Some(rate), Some(commons)) = (limits.rate, commons)
                    && state.granted.is_to_be_asked(now)
                {
                    state.granted = Granted::Asked;
                    drop(state);
                    let granted = Granted::ask(commons, &self.name, rate);
                    state = self.lock();
                    state.granted = granted;
                    self.freed.notify_all();
                    continue;
                }
                match state.turn(limits, asker.as_mut(), now) {
                    Turn::Goes(place) => {
                        if let Some(rate) = limits.rate {
                            // a moment that was missed is not made up for
                            state.next = Some(now + Politeness::apart(rate));
                        }
                        state.active += 1;
                        return Ok(Leave { host: Arc::clone(self), place });
                    }
                    Turn::Waits(wait) if deadline.is_some_and(|deadline| now + wait > deadline) => {
                        return Err(TooLong(wait));
                    }
                    Turn::Waits(wait) => until = Some(now + wait),
                }
            }
            if deadline.is_some_and(|deadline| now >= deadline) {
                return Err(TooLong(Duration::ZERO));
            }
            let pause = until.map_or(Duration::from_secs(1), |until| until - now).min(Duration::from_secs(1));
            state = self.freed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Remembers that the host asks to be left alone, for all who ask it.
    pub(super) fn leave_alone(&self, how_long: Option<Duration>, limits: Politeness, commons: Option<&dyn Commons>) {
        let mut state = self.lock();
        let pause = how_long.unwrap_or_else(|| {
            let doublings = state.strikes.min(10);
            state.strikes += 1;
            ALONE.0.saturating_mul(1 << doublings).min(ALONE.1)
        });
        let until = Instant::now() + pause;
        state.alone_until = Some(state.alone_until.map_or(until, |known| known.max(until)));
        drop(state);
        if limits.has_limits() {
            machine::leave_alone(&self.name, pause);
            if let Some(commons) = commons {
                commons.leave_alone(&short(&self.name), pause);
            }
        }
    }

    /// Remembers that it answers as it should.
    pub(super) fn answers(&self) {
        self.lock().strikes = 0;
    }
}

impl Granted {
    fn ask(commons: &dyn Commons, host: &str, rate: f64) -> Self {
        let (every, count) = (Politeness::apart(rate), (rate * GRANT.as_secs_f64()).ceil() as u32);
        let count = count.max(1);
        match commons.take_moments(&short(host), every, count) {
            Some(wait) => Self::Moments { next: Instant::now() + wait, every, left: count },
            None => Self::Away(Instant::now() + GRANTS_AWAY),
        }
    }

    /// Leaves out the moments that nobody took, but for the last one.
    fn is_to_be_asked(&mut self, now: Instant) -> bool {
        match self {
            Self::None => true,
            Self::Asked => false,
            Self::Away(until) => *until <= now,
            Self::Moments { next, every, left } => {
                while *left > 0 && *next + *every <= now {
                    (*next, *left) = (*next + *every, *left - 1);
                }
                *left == 0
            }
        }
    }
}

impl State {
    /// Whether others leave it to us to go: those of other machines, and of this one.
    fn turn(&mut self, limits: Politeness, asker: Option<&mut Asker>, now: Instant) -> Turn {
        // a rate that is shared with other machines is shared by all of this one, too
        let mut limits_here = limits;
        if limits.rate.is_some() {
            match &self.granted {
                Granted::Asked => return Turn::Waits(Duration::from_millis(5)),
                Granted::Moments { next, .. } if *next > now => return Turn::Waits(*next - now),
                Granted::Moments { .. } => limits_here.rate = None,
                Granted::None | Granted::Away(_) => {}
            }
        }
        let turn = match asker {
            Some(asker) if limits_here.has_limits() => asker.take(limits_here),
            _ => Turn::Goes(None),
        };
        if let (Turn::Goes(_), None, Granted::Moments { next, every, left }) =
            (&turn, limits_here.rate, &mut self.granted)
        {
            (*next, *left) = (*next + *every, left.saturating_sub(1));
        }
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_keep_their_distance_and_their_number() {
        let host = host("polite.test:1");
        let limits = Politeness { rate: Some(50.0), concurrency: Some(2) };
        let began = Instant::now();
        let leaves: Vec<Leave> = (0..2).map(|_| host.wait(limits, None, None).expect("leave")).collect();
        assert!(began.elapsed() >= Duration::from_millis(20), "{:?}", began.elapsed());
        let soon = Instant::now() + Duration::from_millis(50);
        assert!(host.wait(limits, Some(soon), None).is_err(), "a third at once");
        drop(leaves);
        assert!(host.wait(limits, Some(soon + Duration::from_secs(5)), None).is_ok());
    }

    /// What machines share, told by one clock.
    #[derive(Default)]
    struct Shared(Mutex<Option<Instant>>);

    impl Commons for Shared {
        fn take_moments(&self, _: &str, every: Duration, count: u32) -> Option<Duration> {
            let mut next = self.0.lock().expect("alone");
            let now = Instant::now();
            let first = next.map_or(now, |next| next.max(now));
            *next = Some(first + every * count);
            Some(first - now)
        }

        fn leave_alone(&self, _: &str, _: Duration) {}

        fn health(&self, _: &[String]) -> Option<Vec<crate::http::ProxyHealth>> {
            None
        }

        fn tell(&self, _: crate::http::ProxyHealth) {}

        fn take_proxy(&self, _: &str, _: &[String], _: Duration) -> Option<Result<usize, Duration>> {
            None
        }
    }

    #[test]
    fn two_machines_have_one_rate_together() {
        let shared = Arc::new(Shared::default());
        let limits = Politeness { rate: Some(100.0), concurrency: None };
        let began = Instant::now();
        // two names, so that nothing but the commons joins them
        let machines: Vec<_> = ["one.test:1", "two.test:1"]
            .map(|name| {
                let (host, shared) = (super::host(name), Arc::clone(&shared));
                std::thread::spawn(move || {
                    (0..20).for_each(|_| drop(host.wait(limits, None, Some(&*shared)).map_err(|_| ()).expect("leave")));
                })
            })
            .into();
        machines.into_iter().for_each(|machine| machine.join().expect("an end"));
        // 40 requests at 100 a second, but for what each had taken and did not use
        assert!(began.elapsed() >= Duration::from_millis(380), "{:?}", began.elapsed());
        // the moments that were taken and not used are not made up for in one burst
        let host = super::host("one.test:1");
        std::thread::sleep(Duration::from_millis(400));
        let began = Instant::now();
        (0..4).for_each(|_| drop(host.wait(limits, None, Some(&*shared)).map_err(|_| ()).expect("leave")));
        assert!(began.elapsed() >= Duration::from_millis(29), "{:?}", began.elapsed());
    }

    #[test]
    fn a_free_host_is_not_blamed_for_time_that_is_over() {
        let host = host("free.test:1");
        let over = Instant::now();
        assert!(host.wait(Politeness::default(), Some(over), None).is_ok());
        host.leave_alone(Some(Duration::from_secs(60)), Politeness::default(), None);
        assert!(host.wait(Politeness::default(), Some(over), None).is_err());
    }

    #[test]
    fn a_host_that_asks_for_it_is_left_alone_by_everybody() {
        let host = host("alone.test:1");
        host.leave_alone(Some(Duration::from_millis(100)), Politeness::default(), None);
        let began = Instant::now();
        let other = super::host("alone.test:1");
        let threads = (0..4).map(|_| {
            let other = Arc::clone(&other);
            std::thread::spawn(move || drop(other.wait(Politeness::default(), None, None)))
        });
        threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().expect("an end"));
        assert!(began.elapsed() >= Duration::from_millis(100));
        host.leave_alone(Some(Duration::from_secs(3_600)), Politeness::default(), None);
        let soon = Instant::now() + Duration::from_secs(1);
        let refused = host.wait(Politeness::default(), Some(soon), None).err().expect("too long");
        assert!(refused.0 > Duration::from_secs(3_000));
    }
}
