//! Stages whose work an actor of Dramatiq does, in Python or Rust, somewhere else. The document is handed over: a row in
//! `pipeline_calls`, then a message with a ticket (task, stage, attempt, claim) in its `pipe_target`, so that Dramatiq itself
//! sends what the actor gives into a queue of this pipeline. No worker has the document meanwhile: whichever hears the answer
//! writes it down, if the ticket is still that of the open call. What comes late or twice is taken, and changes nothing.

mod asker;
mod question;
mod replies;
mod ticket;
mod told;
mod watch;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use crossbeam_channel::{Receiver, Sender, unbounded};
use sha2::{Digest, Sha256};

use super::plan::Plan;
use super::stage::Failure;
use crate::broker::Link;
use crate::clock;
use crate::context::{Cancellation, Context};
use crate::dramatiq::{Sender as Post, queue_topology};
use crate::error::{OrFail, Result};
use crate::tables::{AppRow, CallRow, hex_text};
use asker::{Asker, Request};
use replies::Taker;
pub(super) use ticket::Ticket;
pub(super) use told::{Answer, Asked, Origin, Question};
use told::{Told, Voice};
use watch::Watch;

/// What the queues of answers are called.
const REPLIES: &str = "collector.replies";
/// How long a worker that ends when nothing is left waits for an unreachable broker.
const AWAY_MAX: Duration = Duration::from_secs(10);
/// So much of a pipeline's name stands in the name of its queue.
const NAME_CHARS_MAX: usize = 150;
/// Bytes of a hash that tell pipelines of one name apart, in databases that share a virtual host.
const HASH_BYTES: usize = 4;

/// What is with actors, as far as this worker knows, and what it was told.
pub(super) struct Calls {
    requests: Option<Sender<Request>>,
    told: Receiver<Told>,
    watch: Option<Watch>,
    /// Held for its thread.
    _link: Option<Link>,
    /// Claimed here, and not known to be sent: the stage, by the task.
    asking: BTreeMap<i64, String>,
    /// What is with actors, of all workers, when it was read last.
    pub(super) open: Vec<CallRow>,
    /// When that was.
    pub(super) looked: Option<Instant>,
    /// When it was claimed last, with nothing found.
    pub(super) found_nothing: Option<Instant>,
    /// Questions that are to be handed over.
    pub(super) ready: Vec<Question>,
    /// What could not be asked.
    pub(super) unready: Vec<(Asked, Failure)>,
    /// What the broker has.
    pub(super) sent: Vec<CallRow>,
    /// Answers that are not written down yet.
    pub(super) answers: Vec<Answer>,
}

impl Calls {
    /// Listens for answers, if the pipeline has a stage with an actor; `bell` rings when something has come. Nothing is tried
    /// again once `closing` is set.
    ///
    /// # Errors
    /// Settings, when the broker's section cannot be read; when the system gives no thread.
    pub(super) fn start(
        context: &Context,
        plan: &Plan,
        (app, runtime): (&AppRow, Option<String>),
        (bell, closing): (Sender<()>, Cancellation),
    ) -> Result<Self> {
        let (telling, told) = unbounded();
        let mut queues: Vec<String> = plan.actors().map(|(_, _, queue)| queue.to_owned()).collect();
        queues.sort();
        queues.dedup();
        if queues.is_empty() {
            return Ok(Self::of(None, told, None, None));
        }
        let replies = replies(&app.name.to_string(), app.created);
        let voice = Voice { told: telling, bell };
        let all = [queues.as_slice(), std::slice::from_ref(&replies)].concat();
        let (requests, received) = unbounded();
        let asker = Asker {
            context: context.clone(),
            pipeline: plan.name.clone(),
            replies: replies.clone(),
            post: Post::start(context, &all)?,
            storage: None,
            voice: voice.clone(),
            closing,
        };
        let thread = std::thread::Builder::new().name("asker".to_owned());
        thread.spawn(move || asker.run(&received)).or_fail(|| "start a thread for actors".to_owned())?;
        let topology = queue_topology(context, std::slice::from_ref(&replies))?;
        let taker = Taker { context: context.clone(), app_id: app.id, runtime, storage: None, voice: voice.clone() };
        let link = replies::listen(taker, &replies, topology)?;
        let watch = Watch::start(context, queues, replies, voice)?;
        Ok(Self::of(Some(requests), told, Some(watch), link))
    }

    fn of(requests: Option<Sender<Request>>, told: Receiver<Told>, watch: Option<Watch>, link: Option<Link>) -> Self {
        Self {
            requests,
            told,
            watch,
            _link: link,
            asking: BTreeMap::new(),
            open: Vec::new(),
            looked: None,
            found_nothing: None,
            ready: Vec::new(),
            unready: Vec::new(),
            sent: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Has a question put together.
    pub(super) fn ask(&mut self, asked: Asked) {
        let Some(requests) = &self.requests else { return };
        self.asking.insert(asked.claimed.task.id, asked.claimed.task.stage.clone());
        // the thread lives as long as this
        let _ = requests.send(Request::PutTogether(Box::new(asked)));
    }

    /// Has questions sent that were handed over.
    pub(super) fn send(&mut self, questions: Vec<Question>) {
        if let Some(requests) = self.requests.as_ref().filter(|_| !questions.is_empty()) {
            let _ = requests.send(Request::Send(questions));
        }
    }

    /// Takes what was told meanwhile.
    pub(super) fn take(&mut self) {
        for told in self.told.try_iter() {
            match told {
                Told::Ready(question) => self.ready.push(*question),
                Told::Unready(asked, failure) => {
                    self.asking.remove(&asked.claimed.task.id);
                    self.unready.push((*asked, failure));
                }
                Told::Sent(calls) => {
                    calls.iter().for_each(|call| drop(self.asking.remove(&call.task_id)));
                    self.sent.extend(calls);
                }
                Told::Unsent(calls, failure) => {
                    for call in calls {
                        self.asking.remove(&call.task_id);
                        self.answers.push(Answer::of(&call, failure.clone()));
                    }
                }
                Told::Answer(answer) => self.answers.push(answer),
            }
        }
    }

    /// What was claimed belongs to somebody else by now.
    pub(super) fn forget(&mut self, task_id: i64) {
        self.asking.remove(&task_id);
    }

    /// What was claimed here for actors, and is not known to be sent.
    pub(super) fn asking(&self) -> impl Iterator<Item = i64> {
        self.asking.keys().copied()
    }

    /// How many documents of a stage are with its actor, or about to be.
    pub(super) fn count(&self, stage: &str) -> usize {
        let open = self.open.iter().filter(|call| call.stage == stage && !self.asking.contains_key(&call.task_id));
        open.count() + self.asking.values().filter(|known| *known == stage).count()
    }

    /// Whether there are actors to ask.
    pub(super) fn has_actors(&self) -> bool {
        self.requests.is_some()
    }

    /// Whether every answer that was sent so far has arrived here, so that a call past its deadline has none. Unknown, and so
    /// false, while the broker is unreachable.
    pub(super) fn are_all_here(&self) -> bool {
        self.watch.as_ref().is_none_or(|watch| watch.away().is_none() && !watch.has_answers())
    }

    /// How many workers take from a queue; `None` while the broker is away.
    pub(super) fn listeners(&self, queue: &str) -> Option<u64> {
        self.watch.as_ref().and_then(|watch| watch.listeners(queue))
    }

    /// Whether nothing is under way in this worker.
    pub(super) fn is_idle(&self) -> bool {
        self.asking.is_empty() && self.answers.is_empty() && self.sent.is_empty()
    }

    /// Whether there is nothing to wait for: no document is with an actor, or the broker that brings the answers is away.
    pub(super) fn is_empty(&self) -> bool {
        let away = self.watch.as_ref().and_then(Watch::away);
        self.is_idle() && (self.open.is_empty() || away.is_some_and(|away| away > AWAY_MAX))
    }
}

impl Answer {
    /// That there will be none: concluded here.
    pub(super) fn of(call: &CallRow, failure: Failure) -> Self {
        Self { ticket: Ticket::of(call), result: Err(failure), origin: Origin::Here }
    }
}

/// The queue of the answers to a pipeline that was registered then.
fn replies(name: &str, created: NaiveDateTime) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' };
    let shown: String = name.replace('/', ".").chars().map(letter).take(NAME_CHARS_MAX).collect();
    let hash = Sha256::digest(format!("{name} {}", clock::utc(created)));
    format!("{REPLIES}.{shown}.{}", hex_text(&hash[..HASH_BYTES]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dramatiq::check_queue;

    #[test]
    fn each_pipeline_of_each_database_has_a_queue_of_its_own_that_dramatiq_takes() {
        let now = clock::now();
        let long = ["š".repeat(32), "b".repeat(64), "c".repeat(64)].join("/");
        for name in ["a/b/p", "hrvatska/računi/šifre", &long] {
            let queue = replies(name, now);
            assert!(check_queue(&queue).is_ok(), "{queue}");
            assert_eq!(queue, replies(name, now));
            assert_ne!(queue, replies(name, now + chrono::TimeDelta::microseconds(1)), "of another database");
        }
        assert!(replies("a/b/p", now).starts_with("collector.replies.a.b.p."));
        assert_ne!(replies("a/č/p", now), replies("a/ć/p", now));
    }
}
