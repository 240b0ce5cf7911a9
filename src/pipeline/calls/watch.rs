//! Looks after the queues that actors are asked through: who works for them, which questions are dead letters, and whether
//! answers wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use super::ticket::Ticket;
use super::told::{Answer, Origin, Told, Voice};
use crate::broker::{Broker, Verdict, connect};
use crate::context::Context;
use crate::dramatiq::{dead_letters_of, look_at_dead};
use crate::error::{OrFail, Result};
use crate::pipeline::stage::Failure;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(2);

/// What was seen last.
struct Seen {
    /// How many workers take from a queue, by its name.
    listeners: BTreeMap<String, u64>,
    /// How many answers wait that nobody has taken.
    answers: u64,
    /// Since when the broker is away; also before the first look.
    away: Option<Instant>,
}

/// The watch; it ends with this.
pub(super) struct Watch {
    seen: Arc<Mutex<Seen>>,
    /// Held for the thread, which ends without it.
    _stop: Sender<()>,
}

/// The thread's own state.
struct Watching {
    context: Context,
    queues: Vec<String>,
    /// The queue that answers to our questions go into.
    replies: String,
    voice: Voice,
    seen: Arc<Mutex<Seen>>,
    broker: Option<Box<dyn Broker>>,
    /// How many dead letters each queue had after the last look.
    known: BTreeMap<String, u64>,
    /// Dead letters that were told.
    told: BTreeSet<String>,
    /// Those whose end is written down.
    settled: BTreeSet<String>,
    settle: Sender<String>,
    settling: Receiver<String>,
}

impl Watch {
    /// Starts to look after queues.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(context: &Context, queues: Vec<String>, replies: String, voice: Voice) -> Result<Self> {
        let (settle, settling) = unbounded();
        let (stop, stopped) = bounded(0);
        let seen = Seen { listeners: BTreeMap::new(), answers: 0, away: Some(Instant::now()) };
        let seen = Arc::new(Mutex::new(seen));
        let watching = Watching {
            context: context.clone(),
            queues,
            replies,
            voice,
            seen: Arc::clone(&seen),
            broker: None,
            known: BTreeMap::new(),
            told: BTreeSet::new(),
            settled: BTreeSet::new(),
            settle,
            settling,
        };
        let thread = std::thread::Builder::new().name("watch".to_owned());
        thread.spawn(move || watching.run(&stopped)).or_fail(|| "start a thread for the broker".to_owned())?;
        Ok(Self { seen, _stop: stop })
    }

    /// How many workers take from a queue; `None` while the broker is away.
    pub(super) fn listeners(&self, queue: &str) -> Option<u64> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.listeners.get(queue).copied().filter(|_| seen.away.is_none())
    }

    /// Whether answers wait that nobody has taken, as far as is known.
    pub(super) fn has_answers(&self) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).answers > 0
    }

    /// For how long the broker has been away.
    pub(super) fn away(&self) -> Option<Duration> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).away.map(|since| since.elapsed())
    }
}

impl Watching {
    fn run(mut self, stopped: &Receiver<()>) {
        loop {
            if let Err(error) = self.look() {
                log::debug!("the queues of actors are not looked at: {error}");
                self.broker = None;
                self.known.clear();
                self.see(|seen| seen.away = seen.away.or_else(|| Some(Instant::now())));
            }
            if !matches!(stopped.recv_timeout(EVERY), Err(RecvTimeoutError::Timeout)) {
                return;
            }
        }
    }

    fn see(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn look(&mut self) -> Result<()> {
        let mut broker = match self.broker.take() {
            Some(broker) => broker,
            None => match connect(&self.context)? {
                Some(broker) => broker,
                None => return Ok(()),
            },
        };
        self.settled.extend(self.settling.try_iter());
        let answers = broker.depths(&[self.replies.clone(), dead_letters_of(&self.replies)])?;
        let answers = answers.into_iter().flatten().map(|depth| depth.messages).sum();
        let mut listeners = BTreeMap::new();
        for queue in self.queues.clone() {
            let depths = broker.depths(&[queue.clone(), dead_letters_of(&queue)])?;
            // a queue that nobody has declared yet has no worker
            let of = |place: usize| depths.get(place).copied().flatten();
            listeners.insert(queue.clone(), of(0).map_or(0, |depth| depth.consumers));
            let dead = of(1).map_or(0, |depth| depth.messages);
            let is_news = self.known.get(&queue) != Some(&dead) || !self.settled.is_empty();
            if dead > 0 && is_news {
                let gone = self.look_through(broker.as_mut(), &queue)?;
                self.known.insert(queue, dead - gone.min(dead));
            } else {
                self.known.insert(queue, dead);
            }
        }
        self.see(|seen| *seen = Seen { listeners, answers, away: None });
        // what another worker has taken out is not looked for again
        for gone in std::mem::take(&mut self.settled) {
            self.told.remove(&gone);
        }
        self.broker = Some(broker);
        Ok(())
    }

    /// Tells of our questions among the dead letters, and takes those out whose end is written down; how many.
    fn look_through(&mut self, broker: &mut dyn Broker, queue: &str) -> Result<u64> {
        let Self { replies, voice, told, settled, settle, .. } = self;
        let mut gone = 0;
        look_at_dead(broker, queue, &mut |message, reason| {
            let Some(ticket) = Ticket::of_question(message, replies) else { return Verdict::Back };
            if settled.remove(&ticket.message_id) {
                told.remove(&ticket.message_id);
                gone += 1;
                return Verdict::Done;
            }
            if told.insert(ticket.message_id.clone()) {
                let failure = failed(&message.actor_name, queue, reason.as_deref());
                let answer = Answer { ticket, result: Err(failure), origin: Origin::DeadLetter(settle.clone()) };
                voice.say(Told::Answer(answer));
            }
            Verdict::Back
        })?;
        Ok(gone)
    }
}

fn failed(actor: &str, queue: &str, reason: Option<&str>) -> Failure {
    let reason = reason.unwrap_or("the log of its worker tells why");
    Failure::passing(format!("the actor `{actor}` gave it up, a dead letter of the queue `{queue}`: {reason}"))
}
