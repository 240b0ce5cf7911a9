//! The threads that work. One whose time is over cannot be stopped: it is left alone, and another one takes its place.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::Signal;
use crate::context::Cancellation;
use crate::dramatiq::actors::{Actors, Hand};
use crate::dramatiq::call::{Call, Failure, FailureKind};
use crate::dramatiq::json::Json;
use crate::dramatiq::message::Message;
use crate::error::{OrFail, Result};

/// A message that is to be executed.
pub(super) struct Job {
    pub(super) number: u64,
    pub(super) message: Arc<Message>,
    pub(super) limit: Option<Duration>,
    pub(super) watch: Arc<Watch>,
}

/// What is seen of a job from outside.
#[derive(Default)]
pub(super) struct Watch {
    /// When it began.
    pub(super) started: OnceLock<Instant>,
    /// Set when its time is over.
    pub(super) cancellation: Cancellation,
    /// Whether its thread was replaced.
    is_replaced: AtomicBool,
}

/// The threads.
pub(super) struct Hands {
    shared: Shared,
    jobs: Sender<Job>,
    /// How many there are meant to be.
    count: usize,
}

#[derive(Clone)]
struct Shared {
    actors: Arc<Actors>,
    waiting: Receiver<Job>,
    signals: Sender<Signal>,
    is_stopping: Arc<AtomicBool>,
    /// Those that were replaced and have not ended.
    given_up: Arc<AtomicUsize>,
}

impl Hands {
    /// Starts so many threads; what they have done goes to `signals`.
    pub(super) fn start(actors: Arc<Actors>, count: usize, signals: Sender<Signal>) -> Result<Self> {
        let (jobs, waiting) = unbounded();
        let shared = Shared { actors, waiting, signals, is_stopping: Arc::default(), given_up: Arc::default() };
        let hands = Self { shared, jobs, count };
        for _ in 0..count {
            hands.spawn()?;
        }
        Ok(hands)
    }

    /// Has a message executed.
    pub(super) fn give(&self, job: Job) {
        // the threads are there as long as this is
        let _ = self.jobs.send(job);
    }

    /// What has not begun is not done any more.
    pub(super) fn stop(&self) {
        self.shared.is_stopping.store(true, Ordering::Relaxed);
    }

    /// The time of a job is over: it is told so, and another thread takes the place of its own.
    pub(super) fn give_up(&self, watch: &Watch) {
        watch.cancellation.cancel();
        // as many may hang as there are meant to be; with more of them fewer are left to work
        if self.shared.given_up.load(Ordering::Relaxed) < self.count {
            match self.spawn() {
                Ok(()) => {
                    self.shared.given_up.fetch_add(1, Ordering::Relaxed);
                    watch.is_replaced.store(true, Ordering::Relaxed);
                }
                Err(error) => log::error!("no thread takes the place of one whose time is over: {error}"),
            }
        }
    }

    fn spawn(&self) -> Result<()> {
        let shared = self.shared.clone();
        let thread = std::thread::Builder::new().name("actor".to_owned());
        thread.spawn(move || shared.work()).map(drop).or_fail(|| "start a thread for actors".to_owned())
    }
}

impl Shared {
    fn work(self) {
        let mut hand = self.actors.hand();
        while let Ok(job) = self.waiting.recv() {
            let outcome = self.outcome(&mut hand, &job);
            if self.signals.send(Signal::Finished(job.number, outcome)).is_err() {
                break;
            }
            if job.watch.is_replaced.load(Ordering::Relaxed) {
                self.given_up.fetch_sub(1, Ordering::Relaxed);
                break;
            }
        }
    }

    fn outcome(&self, hand: &mut Hand, job: &Job) -> std::result::Result<Json, Failure> {
        if self.is_stopping.load(Ordering::Relaxed) {
            return Err(Failure { kind: FailureKind::NotBegun, ..Failure::passing("its worker ends") });
        }
        let began = *job.watch.started.get_or_init(Instant::now);
        let deadline = job.limit.and_then(|limit| began.checked_add(limit));
        hand.work(&Call { message: &job.message, cancellation: &job.watch.cancellation, deadline })
    }
}
