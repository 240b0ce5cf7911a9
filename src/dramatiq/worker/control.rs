//! The thread of a worker that decides: what has come, what runs, what has ended. It alone speaks with the database and
//! sends; whatever has gathered while it did so is one transaction the next time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::Signal;
use super::hands::{Hands, Job, Watch};
use super::inbox::{Arrival, Inbox};
use super::journal::{Journal, moment};
use super::post::{Post, Sending};
use crate::broker::{Delivery, Envelope, Verdict};
use crate::dramatiq::actors::Actors;
use crate::dramatiq::after::{After, after};
use crate::dramatiq::call::{Failure, FailureKind};
use crate::dramatiq::json::Json;
use crate::dramatiq::message::{Message, milliseconds, now_ms};
use crate::dramatiq::queues::{DELAYED, base_of};
use crate::tables::{Judgement, MessageEnd, MessageTurn, ParkedMessageRow, WantedMessage};

/// A broker lets a consumer hold a message for 30 minutes; what waits for longer is parked in the database.
const HOLD_MAX: Duration = Duration::from_secs(20 * 60);
/// Of more that are delayed the farthest are parked, so that the broker goes on to deliver.
const HELD_MAX: usize = 750;
/// The longest sleep, and the one while something runs that has a limit.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(100));
/// How long what the broker refuses is not sent again.
const REFUSED_PAUSE: Duration = Duration::from_secs(15);
/// How long what has ended is tried to be written at the end.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// A message that is executed.
struct Running {
    number: u64,
    message: Arc<Message>,
    deliveries: Vec<Delivery>,
    deaths: i64,
    limit: Option<Duration>,
    watch: Arc<Watch>,
}

/// A message whose end is to be written.
struct Ended {
    message_id: String,
    deliveries: Vec<Delivery>,
    after: After,
}

/// A message whose end is written: what follows is sent, and then it is settled.
struct Following {
    message_id: String,
    deliveries: Vec<Delivery>,
    verdict: Verdict,
    follow: Vec<Message>,
    /// Nothing is sent before: the broker refused it.
    not_before: Option<Instant>,
}

/// The state of the worker.
pub(super) struct Control {
    actors: Arc<Actors>,
    journal: Journal,
    post: Post,
    hands: Hands,
    /// How many messages are counted as begun at once: those that run, and one for each thread to go on with.
    begun_max: usize,
    inbox: Inbox,
    running: HashMap<String, Running>,
    jobs: HashMap<u64, String>,
    last_job: u64,
    /// Whether what runs has to run alone.
    is_alone: bool,
    ended: Vec<Ended>,
    following: Vec<Following>,
    followed: Vec<String>,
    is_stopping: bool,
}

impl Control {
    pub(super) fn new(actors: Arc<Actors>, (journal, post, hands): (Journal, Post, Hands), threads: usize) -> Self {
        Self {
            actors,
            journal,
            post,
            hands,
            begun_max: threads * 2,
            inbox: Inbox::default(),
            running: HashMap::new(),
            jobs: HashMap::new(),
            last_job: 0,
            is_alone: false,
            ended: Vec::new(),
            following: Vec::new(),
            followed: Vec::new(),
            is_stopping: false,
        }
    }

    /// Works until it is told to end.
    pub(super) fn run(mut self, told: &Receiver<Signal>) {
        loop {
            let first = told.recv_timeout(self.rest()).ok();
            for signal in first.into_iter().chain(told.try_iter()) {
                match signal {
                    Signal::Delivery(delivery) => self.arrive(delivery),
                    Signal::Down(is_delayed) => self.inbox.give_back(|queue| queue.ends_with(DELAYED) == is_delayed),
                    Signal::Finished(number, outcome) => self.finish(number, &outcome),
                    Signal::Stop => {
                        self.is_stopping = true;
                        self.hands.stop();
                        self.inbox.give_back(|_| true);
                    }
                    Signal::End => return self.end(),
                }
            }
            self.look_at_the_time();
            self.send_due();
            self.park();
            self.journal.renew();
            self.turn();
            self.follow();
        }
    }

    fn rest(&self) -> Duration {
        let longest = if self.running.values().any(|running| running.limit.is_some()) { REST.1 } else { REST.0 };
        if self.inbox.has_work() && self.running.is_empty() && self.journal.is_ready() && !self.is_stopping {
            return Duration::ZERO;
        }
        let pending = !self.ended.is_empty() || !self.following.is_empty();
        let longest = if pending { REST.1 } else { longest };
        self.inbox.rest(now_ms()).map_or(longest, |rest| rest.min(longest))
    }

    /// A message has come: it waits for its turn, is delayed, or goes to the dead letters.
    fn arrive(&mut self, delivery: Delivery) {
        if self.is_stopping {
            return;
        }
        let mut message = match Message::read(&delivery.message.body) {
            Ok(message) => message,
            Err(error) => {
                log::error!("a message of `{}` goes to the dead letters: {error}", delivery.queue);
                return delivery.settle(Verdict::Dead);
            }
        };
        // Python's worker ends when another queue stands there than the one that it came by
        base_of(&delivery.queue).clone_into(&mut message.queue_name);
        if let Some(eta_ms) = message.eta(now_ms()) {
            return self.inbox.hold(eta_ms, Arrival { message, delivery, priority: 0 });
        }
        message.options.remove("eta");
        let Some(options) = self.actors.options(&message.actor_name) else {
            let Message { message_id, actor_name, .. } = &message;
            log::error!("message {message_id} goes to the dead letters: nobody knows the actor `{actor_name}`");
            return delivery.settle(Verdict::Dead);
        };
        if options.is_too_old(&message, now_ms()) {
            log::warn!("message {} is too old, and goes to the dead letters", message.message_id);
            return delivery.settle(Verdict::Dead);
        }
        let priority = options.priority;
        match self.running.get_mut(&message.message_id) {
            // it was delivered by a connection that is gone, and its execution goes on
            Some(running) if running.message.retries() == message.retries() => running.deliveries.push(delivery),
            Some(_) => self.inbox.later(Arrival { message, delivery, priority }),
            None => self.inbox.wait(Arrival { message, delivery, priority }),
        }
    }

    fn finish(&mut self, number: u64, outcome: &Result<Json, Failure>) {
        // whoever comes after its time is not heard
        let Some(message_id) = self.jobs.remove(&number) else { return };
        let Some(running) = self.running.remove(&message_id) else { return };
        self.is_alone = false;
        let after = after(&self.actors, &running.message, outcome, (running.deaths, now_ms()));
        if let Err(failure) = outcome
            && failure.kind != FailureKind::NotBegun
        {
            let what = if after.verdict == Verdict::Dead { "goes to the dead letters" } else { "is tried again" };
            log::warn!("message {message_id} for {} failed and {what}: {failure}", running.message.actor_name);
        }
        self.ended.push(Ended { message_id, deliveries: running.deliveries, after });
    }

    /// A thread cannot be stopped: its message is settled as failed, it is told so, and another one takes its place.
    fn look_at_the_time(&mut self) {
        let is_over = |running: &Running| {
            running.limit.zip(running.watch.started.get()).is_some_and(|(limit, began)| began.elapsed() >= limit)
        };
        let over: Vec<u64> =
            self.running.values().filter(|running| is_over(running)).map(|running| running.number).collect();
        for number in over {
            let running = self.jobs.get(&number).and_then(|message_id| self.running.get(message_id));
            let Some(running) = running else { continue };
            self.hands.give_up(&running.watch);
            let limit_ms = running.limit.map(milliseconds).unwrap_or_default();
            let failure = Failure::passing(format!("it took longer than {limit_ms} ms"));
            self.finish(number, &Err(failure.named("TimeLimitExceeded")));
        }
    }

    /// Delayed messages that are due go to the queue itself, where everybody takes them from.
    fn send_due(&mut self) {
        if !self.post.is_ready() {
            return;
        }
        let due = self.inbox.due(now_ms());
        let envelopes = due.iter().map(|arrival| arrival.message.clone().due().envelope()).collect();
        if self.post.try_send(envelopes) == Sending::Sent {
            due.into_iter().for_each(|arrival| arrival.delivery.settle(Verdict::Done));
        } else {
            due.into_iter().for_each(|arrival| self.inbox.hold(0, arrival));
        }
        let parked = self.journal.parked();
        let read = |row: &ParkedMessageRow| Message::read(row.body.as_bytes()).ok();
        let envelopes = parked.iter().filter_map(read).map(|message| message.due().envelope()).collect();
        if !parked.is_empty() && self.post.try_send(envelopes) == Sending::Sent {
            let ids: Vec<String> = parked.into_iter().map(|row| row.message_id).collect();
            self.journal.sent(&ids);
        }
    }

    /// What waits for longer than the broker allows, or is too much, waits in the database.
    fn park(&mut self) {
        let latest_ms = now_ms().saturating_add(milliseconds(HOLD_MAX));
        if !self.journal.is_ready() {
            return;
        }
        let long = self.inbox.too_long(latest_ms, HELD_MAX);
        if long.is_empty() {
            return;
        }
        let row = |(eta_ms, arrival): &(i64, Arrival)| ParkedMessageRow {
            message_id: arrival.message.message_id.clone(),
            queue: arrival.message.queue_name.clone(),
            body: arrival.message.to_json(),
            due_at: moment(*eta_ms),
        };
        let rows: Vec<ParkedMessageRow> = long.iter().map(row).collect();
        if self.journal.park(&rows) {
            long.into_iter().for_each(|(_, arrival)| arrival.delivery.settle(Verdict::Done));
        } else {
            long.into_iter().for_each(|(eta_ms, arrival)| self.inbox.hold(eta_ms, arrival));
        }
    }

    /// Writes what has ended and counts what begins, in one transaction.
    fn turn(&mut self) {
        if !self.journal.is_ready() {
            return;
        }
        let begun = self.running.len();
        let (next, is_alone) = match self.is_stopping || self.is_alone {
            true => (Vec::new(), false),
            false => self.inbox.next(self.begun_max.saturating_sub(begun), begun == 0),
        };
        if next.is_empty() && self.ended.is_empty() && self.followed.is_empty() {
            return;
        }
        let turn = MessageTurn {
            worker: String::new(),
            ended: self.ended.iter().map(end_of).collect(),
            followed: self.followed.clone(),
            wanted: next.iter().map(wanted_of).collect(),
        };
        let Some(report) = self.journal.turn(turn, is_alone) else {
            next.into_iter().for_each(|arrival| self.inbox.wait(arrival));
            return;
        };
        self.followed.clear();
        for Ended { message_id, deliveries, after } in std::mem::take(&mut self.ended) {
            let is_lost = report.lost.contains(&message_id);
            if is_lost {
                log::warn!("message {message_id} was taken over meanwhile: nothing follows from its execution here");
            }
            let (follow, verdict) = if is_lost { (Vec::new(), Verdict::Back) } else { (after.follow, after.verdict) };
            self.following.push(Following { message_id, deliveries, verdict, follow, not_before: None });
        }
        for (arrival, judgement) in next.into_iter().zip(report.judged) {
            self.begin(arrival, judgement, is_alone);
        }
    }

    fn begin(&mut self, arrival: Arrival, judgement: Judgement, is_alone: bool) {
        match judgement {
            Judgement::Run(deaths) => {
                self.is_alone = is_alone && deaths > 0;
                self.execute(arrival, deaths);
            }
            Judgement::Suspect => self.inbox.suspect(arrival),
            Judgement::Wait => self.inbox.later(arrival),
            Judgement::Settled { follow, is_dead } => {
                let verdict = if is_dead { Verdict::Dead } else { Verdict::Done };
                self.settled(arrival, follow.as_deref().map(messages_of).unwrap_or_default(), verdict);
            }
            Judgement::Dead(deaths) => {
                let failure = Failure::passing(format!("{deaths} workers died of it")).named("WorkerDied");
                let failure = Failure { kind: FailureKind::Death, ..failure };
                let after = after(&self.actors, &arrival.message, &Err(failure), (deaths, now_ms()));
                let Message { message_id, actor_name, .. } = &arrival.message;
                log::error!(
                    "message {message_id} for {actor_name} goes to the dead letters: {deaths} workers died of it"
                );
                self.settled(arrival, after.follow, Verdict::Dead);
            }
        }
    }

    fn settled(&mut self, arrival: Arrival, follow: Vec<Message>, verdict: Verdict) {
        let (message_id, deliveries) = (arrival.message.message_id, vec![arrival.delivery]);
        self.following.push(Following { message_id, deliveries, verdict, follow, not_before: None });
    }

    fn execute(&mut self, arrival: Arrival, deaths: i64) {
        let Arrival { message, delivery, .. } = arrival;
        let limit = self.actors.options(&message.actor_name).and_then(|options| options.time_limit(&message));
        self.last_job += 1;
        let (number, message, watch) = (self.last_job, Arc::new(message), Arc::new(Watch::default()));
        self.hands.give(Job { number, message: Arc::clone(&message), limit, watch: Arc::clone(&watch) });
        self.jobs.insert(number, message.message_id.clone());
        let running = Running { number, message, deliveries: vec![delivery], deaths, limit, watch };
        self.running.insert(running.message.message_id.clone(), running);
    }

    /// Sends what follows, and settles then. What the broker refuses holds nobody else up.
    fn follow(&mut self) {
        let now = Instant::now();
        let is_ready = self.post.is_ready();
        let can_go = |following: &Following| {
            following.follow.is_empty() || (is_ready && following.not_before.is_none_or(|at| at <= now))
        };
        let (ready, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.following).into_iter().partition(can_go);
        self.following = rest;
        match self.post.try_send(envelopes_of(&ready)) {
            Sending::Sent => ready.into_iter().for_each(|following| self.settle(following)),
            Sending::Away => self.following.extend(ready),
            Sending::Refused => {
                for mut following in ready {
                    match self.post.try_send(envelopes_of(std::slice::from_ref(&following))) {
                        Sending::Sent => self.settle(following),
                        Sending::Away => self.following.push(following),
                        Sending::Refused => {
                            following.not_before = Some(now + REFUSED_PAUSE);
                            self.following.push(following);
                        }
                    }
                }
            }
        }
    }

    fn settle(&mut self, following: Following) {
        let Following { message_id, deliveries, verdict, follow, .. } = following;
        if !follow.is_empty() {
            self.followed.push(message_id);
        }
        deliveries.into_iter().for_each(|delivery| delivery.settle(verdict));
    }

    /// Writes and sends what can be; what still runs is left, and was not finished.
    fn end(mut self) {
        let began = Instant::now();
        self.is_stopping = true;
        loop {
            self.turn();
            self.follow();
            let is_done = self.ended.is_empty() && self.following.is_empty() && self.followed.is_empty();
            if is_done || began.elapsed() > END_PATIENCE {
                break;
            }
            std::thread::sleep(REST.1);
        }
        self.journal.end();
    }
}

fn envelopes_of(all: &[Following]) -> Vec<Envelope> {
    all.iter().flat_map(|following| &following.follow).map(Message::envelope).collect()
}

fn end_of(ended: &Ended) -> MessageEnd {
    let After { state, follow, reason, is_death, .. } = &ended.after;
    let follow: Vec<Json> = follow.iter().map(Message::as_json).collect();
    MessageEnd {
        message_id: ended.message_id.clone(),
        state: *state,
        is_death: *is_death,
        follow: (!follow.is_empty()).then(|| Json::array(&follow).text().to_owned()),
        reason: reason.as_ref().map(|reason| reason.replace('\0', "\u{2400}")),
    }
}

fn wanted_of(arrival: &Arrival) -> WantedMessage {
    let message = &arrival.message;
    WantedMessage {
        message_id: message.message_id.clone(),
        queue: message.queue_name.clone(),
        actor: message.actor_name.clone(),
        retries: message.retries(),
        is_redelivered: arrival.delivery.message.is_redelivered,
    }
}

/// The messages of a JSON array that this house wrote.
fn messages_of(follow: &str) -> Vec<Message> {
    let items = Json::read(follow).ok().and_then(|array| array.items()).unwrap_or_default();
    items.iter().filter_map(|item| Message::of(item).ok()).collect()
}
