//! A worker: it takes messages, counts them in the database, has them executed by its threads, sends what follows, and
//! settles them, in this order. A kill between any two steps delays a message and neither loses nor doubles an effect.

mod control;
mod hands;
mod inbox;
mod journal;
mod post;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, unbounded};

use super::actors::Actors;
use super::call::Failure;
use super::json::Json;
use super::queues::{DELAYED, check_queue, priority_max, topology};
use crate::broker::{Delivery, Link, Sign, Subscription, listen};
use crate::context::Context;
use crate::error::{Error, ErrorKind, OrFail, Result};
use control::Control;
use hands::Hands;
use journal::Journal;
pub(super) use post::Post;

/// The most threads of a worker.
const THREADS_MAX: usize = 1_024;
/// How many delayed messages of a queue are here at once; of more the farthest are parked in the database.
const DELAYED_MAX: u16 = 1_000;
/// How often it is looked whether somebody asked to stop.
const POLL: Duration = Duration::from_millis(100);

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// How many messages are executed at once.
    pub threads: usize,
    /// How many messages of a queue are here at once; `None` for twice the threads.
    pub prefetch: Option<u16>,
    /// Queues besides those of the actors.
    pub queues: Vec<String>,
    /// How long what runs is waited for at the end.
    pub grace: Duration,
}

impl Default for WorkerOptions {
    /// Eight threads, as a process of Dramatiq.
    fn default() -> Self {
        Self { threads: 8, prefetch: None, queues: Vec::new(), grace: Duration::from_secs(60) }
    }
}

/// What the worker's own thread is told.
enum Signal {
    /// A message has come.
    Delivery(Delivery),
    /// What came by this link is void: that of delays, or the other.
    Down(bool),
    /// A job has ended.
    Finished(u64, std::result::Result<Json, Failure>),
    /// Nothing more is begun.
    Stop,
    /// What can be settled is; the rest is left.
    End,
}

/// Executes messages until it is stopped or goes.
pub struct Worker {
    links: Vec<Link>,
    signals: Sender<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts to execute messages. A broker or a database that is away later is waited for.
    ///
    /// # Errors
    /// Settings, when no broker is configured; usage, for no queue, or a name that is none; what the database says.
    pub fn start(context: &Context, actors: Actors, options: &WorkerOptions) -> Result<Self> {
        let queues = queues(&actors, options)?;
        let threads = options.threads.clamp(1, THREADS_MAX);
        let topology = topology(&queues, priority_max(context)?);
        let actors = Arc::new(actors);
        let (signals, told) = unbounded();
        let journal = Journal::open(context, &queues)?;
        let post = Post::start(context, &queues, topology.clone())?;
        let hands = Hands::start(Arc::clone(&actors), threads, signals.clone())?;
        let control = Control::new(actors, (journal, post, hands), threads);
        let thread = std::thread::Builder::new().name("actors".to_owned());
        let thread = thread.spawn(move || control.run(&told)).or_fail(|| "start a thread for actors".to_owned())?;
        let mut worker = Self { links: Vec::new(), signals, thread: Some(thread) };
        let twice = u16::try_from(threads * 2).unwrap_or(u16::MAX);
        let delayed = queues.iter().map(|queue| format!("{queue}{DELAYED}")).collect();
        let prefetch = options.prefetch.unwrap_or(twice);
        for (queues, prefetch, is_delayed) in [(queues, prefetch, false), (delayed, DELAYED_MAX, true)] {
            let meanwhile = "messages wait there";
            let topology = topology.clone();
            let (is_first, drain) = (false, options.grace);
            let subscription = Subscription { topology, queues, prefetch, is_first, drain, meanwhile };
            let signals = worker.signals.clone();
            let each = move |sign: Sign| {
                let signal = match sign {
                    Sign::Delivery(delivery) => Signal::Delivery(delivery),
                    Sign::Down => Signal::Down(is_delayed),
                    Sign::Up => return,
                };
                // where nobody listens any more, the delivery goes back by itself
                let _ = signals.send(signal);
            };
            let none = || {
                Error::new(ErrorKind::Settings, "take messages from the broker: none is configured")
                    .hint("[broker] url = \"amqp://..\" in dc.toml, or DC_BROKER_URL")
            };
            worker.links.push(listen(context, subscription, each)?.ok_or_else(none)?);
        }
        Ok(worker)
    }

    /// Executes messages until somebody asks to stop, and ends in order.
    ///
    /// # Errors
    /// As [`Worker::start`].
    pub fn run(context: &Context, actors: Actors, options: &WorkerOptions) -> Result<()> {
        let worker = Self::start(context, actors, options)?;
        while !context.cancellation().is_cancelled() {
            std::thread::sleep(POLL);
        }
        worker.stop();
        Ok(())
    }

    /// Ends in order: what runs is waited for, what has not begun goes back.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.signals.send(Signal::Stop);
        // each waits until what it delivered is settled
        let ending: Vec<_> = self.links.drain(..).map(|link| std::thread::spawn(move || drop(link))).collect();
        for ended in ending {
            let _ = ended.join();
        }
        let _ = self.signals.send(Signal::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn queues(actors: &Actors, options: &WorkerOptions) -> Result<Vec<String>> {
    let mut queues = [actors.queues(), options.queues.clone()].concat();
    queues.sort();
    queues.dedup();
    queues.iter().try_for_each(|queue| check_queue(queue))?;
    match queues.is_empty() {
        true => Err(Error::new(ErrorKind::Usage, "start a worker: it has neither an actor nor a queue")),
        false => Ok(queues),
    }
}
