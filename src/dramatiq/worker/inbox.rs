//! What has come and is not executed yet. Each stays with the broker until it is settled, so all of this may be lost.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use crate::broker::Delivery;
use crate::dramatiq::message::Message;

/// How long one waits that somebody else executes.
const LATER: Duration = Duration::from_secs(1);

/// A message that has come.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) message: Message,
    pub(super) delivery: Delivery,
    pub(super) priority: i64,
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// To be executed, the lowest priority first.
    waiting: BinaryHeap<Reverse<Place>>,
    /// To be executed when nothing else is.
    suspects: Vec<Arrival>,
    /// To be looked at again.
    later: Vec<(Instant, Arrival)>,
    /// Delayed, by the moment at which it is due, in milliseconds since 1970.
    held: BTreeMap<(i64, u64), Arrival>,
    count: u64,
}

#[derive(Debug)]
struct Place {
    key: (i64, u64),
    arrival: Arrival,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Place {}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl Inbox {
    /// One is to be executed.
    pub(super) fn wait(&mut self, arrival: Arrival) {
        self.count += 1;
        self.waiting.push(Reverse(Place { key: (arrival.priority, self.count), arrival }));
    }

    /// One is to be executed alone.
    pub(super) fn suspect(&mut self, arrival: Arrival) {
        self.suspects.push(arrival);
    }

    /// One is to be looked at again in a while.
    pub(super) fn later(&mut self, arrival: Arrival) {
        self.later.push((Instant::now() + LATER, arrival));
    }

    /// One is delayed.
    pub(super) fn hold(&mut self, eta_ms: i64, arrival: Arrival) {
        self.count += 1;
        self.held.insert((eta_ms, self.count), arrival);
    }

    /// The next ones to be executed: one alone where one is under suspicion, else at most `count`.
    pub(super) fn next(&mut self, count: usize, is_idle: bool) -> (Vec<Arrival>, bool) {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.later).into_iter().partition(|(at, _)| *at <= now);
        self.later = later;
        for (_, arrival) in due {
            self.wait(arrival);
        }
        match self.suspects.is_empty() {
            false if is_idle => (vec![self.suspects.remove(0)], true),
            false => (Vec::new(), false),
            true => {
                let next = std::iter::from_fn(|| self.waiting.pop()).take(count);
                (next.map(|Reverse(place)| place.arrival).collect(), is_idle && count == 1)
            }
        }
    }

    /// Those that are due.
    pub(super) fn due(&mut self, now_ms: i64) -> Vec<Arrival> {
        let later = self.held.split_off(&(now_ms.saturating_add(1), 0));
        std::mem::replace(&mut self.held, later).into_values().collect()
    }

    /// Those that wait for too long, and of too many the farthest, with the moments at which they are due.
    pub(super) fn too_long(&mut self, latest_ms: i64, count_max: usize) -> Vec<(i64, Arrival)> {
        let mut long: Vec<_> = self.held.split_off(&(latest_ms.saturating_add(1), 0)).into_iter().collect();
        while self.held.len() > count_max {
            long.extend(self.held.pop_last());
        }
        long.into_iter().map(|((eta_ms, _), arrival)| (eta_ms, arrival)).collect()
    }

    /// How long nothing of this is to be done; `None` where nothing is foreseen.
    pub(super) fn rest(&self, now_ms: i64) -> Option<Duration> {
        let held = self.held.keys().next();
        let held = held.map(|(eta_ms, _)| Duration::from_millis(eta_ms.saturating_sub(now_ms).max(0).unsigned_abs()));
        let later = self.later.iter().map(|(at, _)| at.saturating_duration_since(Instant::now())).min();
        held.into_iter().chain(later).min()
    }

    /// Whether anything is to be executed now.
    pub(super) fn has_work(&self) -> bool {
        !self.waiting.is_empty() || !self.suspects.is_empty()
    }

    /// Gives all of some queues back.
    pub(super) fn give_back(&mut self, is_of: impl Fn(&str) -> bool) {
        let stays = |arrival: &Arrival| !is_of(&arrival.delivery.queue);
        self.waiting =
            std::mem::take(&mut self.waiting).into_iter().filter(|Reverse(place)| stays(&place.arrival)).collect();
        self.suspects.retain(stays);
        self.later.retain(|(_, arrival)| stays(arrival));
        self.held.retain(|_, arrival| stays(arrival));
    }
}
