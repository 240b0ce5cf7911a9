//! The worker's side of the database: messages are counted before they are executed, and parked when they wait for long.

use std::time::{Duration, Instant};

use chrono::{NaiveDateTime, TimeDelta};

use crate::apps::ProcessIdentity;
use crate::clock;
use crate::context::Context;
use crate::dramatiq::judge::{Asking, judge};
use crate::error::Result;
use crate::ident::{host, new_identity};
use crate::tables::{ActorWorkerRow, MessageTurn, ParkedMessageRow, Store, TurnReport};

/// How long the database is left alone after it failed.
const PAUSE: Duration = Duration::from_millis(500);
/// How often it is looked what is due of the parked.
const PARKED_EVERY: Duration = Duration::from_secs(5);
/// How many parked messages are taken at once, and for how long nobody else takes them.
const PARKED: (i64, Duration) = (200, Duration::from_secs(60));

/// The database, as long as the worker works.
pub(super) struct Journal {
    store: Store,
    row: ActorWorkerRow,
    queues: Vec<String>,
    lease: Duration,
    seen: Instant,
    parked: Instant,
    failed: Option<Instant>,
}

impl Journal {
    /// Opens it, and makes the worker known.
    ///
    /// # Errors
    /// What the database says.
    pub(super) fn open(context: &Context, queues: &[String]) -> Result<Self> {
        let mut store = Store::ready(context)?;
        let (identity, now, lease) = (ProcessIdentity::own()?, clock::now(), context.settings().run.lease);
        let row = ActorWorkerRow {
            id: new_identity(),
            host: host(),
            boot_id: identity.space.boot,
            pid_namespace: identity.space.namespaces,
            pid: i64::from(identity.pid),
            pid_started: i64::try_from(identity.start_ticks).unwrap_or(i64::MAX),
            queues: queues.join(" "),
            started_at: now,
            lease_until: now,
            ended_at: None,
        };
        store.actor_workers().see(&row, lease)?;
        let now = Instant::now();
        Ok(Self { store, row, queues: queues.to_vec(), lease, seen: now, parked: now, failed: None })
    }

    /// Whether it may be asked: after a failure it is left alone for a while.
    pub(super) fn is_ready(&self) -> bool {
        self.failed.is_none_or(|at| at.elapsed() >= PAUSE)
    }

    /// Writes what has ended and counts what is to begin; `None` while the database is away: then nothing has begun.
    pub(super) fn turn(&mut self, mut turn: MessageTurn, is_alone: bool) -> Option<TurnReport> {
        turn.worker.clone_from(&self.row.id);
        let asking = Asking { worker: self.row.id.clone(), is_alone };
        self.attempt(|store, _| {
            store.actor_messages().turn(&turn, &|wanted, row, worker, now| judge(&asking, wanted, (row, worker, now)))
        })
    }

    /// Renews the lease, when it is time to.
    pub(super) fn renew(&mut self) {
        if self.seen.elapsed() >= self.lease / 3 && self.is_ready() {
            let lease = self.lease;
            if self.attempt(|store, row| store.actor_workers().see(row, lease)).is_some() {
                self.seen = Instant::now();
            }
        }
    }

    /// Parks messages; false while the database is away.
    pub(super) fn park(&mut self, rows: &[ParkedMessageRow]) -> bool {
        self.attempt(|store, _| store.parked_messages().park(rows)).is_some()
    }

    /// Parked messages that are due, when it is time to look.
    pub(super) fn parked(&mut self) -> Vec<ParkedMessageRow> {
        if self.parked.elapsed() < PARKED_EVERY || !self.is_ready() {
            return Vec::new();
        }
        self.parked = Instant::now();
        let queues = self.queues.clone();
        self.attempt(|store, row| store.parked_messages().take(&row.id, &queues, PARKED)).unwrap_or_default()
    }

    /// Parked messages were sent.
    pub(super) fn sent(&mut self, ids: &[String]) {
        // what is not noted is sent once more, and was counted by then
        self.attempt(|store, row| store.parked_messages().sent(&row.id, ids));
    }

    /// The worker has ended in order.
    pub(super) fn end(&mut self) {
        self.attempt(|store, row| store.actor_workers().end(&row.id));
    }

    fn attempt<T>(&mut self, work: impl FnOnce(&mut Store, &ActorWorkerRow) -> Result<T>) -> Option<T> {
        match work(&mut self.store, &self.row) {
            Ok(value) => {
                if self.failed.take().is_some() {
                    log::warn!("the database is back, and messages are executed again");
                }
                Some(value)
            }
            Err(error) => {
                if self.failed.is_none() {
                    log::error!("no message is executed meanwhile, for none can be counted: {error}");
                }
                self.failed = Some(Instant::now());
                None
            }
        }
    }
}

/// A moment in milliseconds since 1970 as the database has it; one out of all reach is the farthest.
pub(super) fn moment(ms: i64) -> NaiveDateTime {
    let farthest = clock::now() + TimeDelta::days(36_500);
    chrono::DateTime::from_timestamp_millis(ms).map_or(farthest, clock::cut).min(farthest)
}
