//! Taking messages: those of several queues by one channel, each unsettled until the work is done.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use amiquip::{Channel, Consumer, ConsumerMessage, ConsumerOptions};
use crossbeam_channel::{Receiver, RecvTimeoutError, Select, Sender, unbounded};

use super::super::message::Settlement;
use super::super::table::arguments;
use super::super::{Argument, Delivery, Event, Message, Next, Subscription, Verdict};
use super::{failed, message};
use crate::error::Result;

/// The priority of a consumer that goes first; others have 0.
const PRIORITY: i64 = 10;
/// How often a consumer looks up.
const LOOK_UP_EVERY: Duration = Duration::from_millis(200);

/// How taking messages has ended.
pub(super) enum End {
    /// As it was asked for.
    Stopped,
    /// The connection is gone.
    Gone,
}

pub(super) fn consume(
    channel: &Channel,
    subscription: &Subscription,
    each: &mut dyn FnMut(Event) -> Next,
) -> Result<End> {
    let fail = |cause| failed("listen to the broker", &cause);
    channel.qos(0, subscription.prefetch, false).map_err(fail)?;
    let mut consumers = Vec::with_capacity(subscription.queues.len());
    for queue in &subscription.queues {
        let priority = subscription.is_first.then(|| ("x-priority".to_owned(), Argument::Number(PRIORITY)));
        let options = ConsumerOptions { arguments: arguments(priority.as_slice()), ..ConsumerOptions::default() };
        consumers.push((queue.as_str(), channel.basic_consume(queue, options).map_err(fail)?));
    }
    let (settlements, settled) = unbounded();
    let mut taking = Taking { channel, consumers, unsettled: HashMap::new(), settlements, settled };
    let end = taking.run(each)?;
    if matches!(end, End::Stopped) {
        return taking.drain(subscription.drain);
    }
    Ok(end)
}

struct Taking<'a> {
    channel: &'a Channel,
    consumers: Vec<(&'a str, Consumer<'a>)>,
    /// What was delivered and is not settled, by its tag, without its content.
    unsettled: HashMap<u64, amiquip::Delivery>,
    settlements: Sender<Settlement>,
    settled: Receiver<Settlement>,
}

/// What has come.
enum Came {
    Message(usize, Box<ConsumerMessage>),
    Settlement(Settlement),
    Nothing,
    Gone,
}

impl Taking<'_> {
    fn run(&mut self, each: &mut dyn FnMut(Event) -> Next) -> Result<End> {
        let mut next = each(Event::Ready);
        let mut looked = Instant::now();
        while next == Next::On {
            next = match self.wait() {
                Came::Message(place, message) => match *message {
                    ConsumerMessage::Delivery(delivery) => each(Event::Delivery(self.delivery(place, delivery))),
                    _ => return Ok(End::Gone),
                },
                Came::Settlement(settlement) => {
                    self.settle(settlement)?;
                    Next::On
                }
                Came::Nothing => Next::On,
                Came::Gone => return Ok(End::Gone),
            };
            if next == Next::On && looked.elapsed() >= LOOK_UP_EVERY {
                looked = Instant::now();
                next = each(Event::Quiet);
            }
        }
        Ok(End::Stopped)
    }

    fn wait(&self) -> Came {
        let mut select = Select::new();
        let settled = select.recv(&self.settled);
        for (_, consumer) in &self.consumers {
            select.recv(consumer.receiver());
        }
        let Ok(ready) = select.select_timeout(LOOK_UP_EVERY) else { return Came::Nothing };
        // the first place is that of the settlements
        match ready.index().checked_sub(settled + 1) {
            None => ready.recv(&self.settled).map_or(Came::Nothing, Came::Settlement),
            Some(place) => match self.consumers.get(place) {
                Some((_, consumer)) => match ready.recv(consumer.receiver()) {
                    Ok(message) => Came::Message(place, Box::new(message)),
                    Err(_) => Came::Gone,
                },
                None => Came::Gone,
            },
        }
    }

    fn delivery(&mut self, place: usize, mut delivery: amiquip::Delivery) -> Delivery {
        let queue = self.consumers.get(place).map_or("", |(queue, _)| queue).to_owned();
        let (tag, message) = (delivery.delivery_tag(), message(&mut delivery));
        self.unsettled.insert(tag, delivery);
        Delivery { queue, message, tag, settlements: Some(self.settlements.clone()) }
    }

    fn settle(&mut self, Settlement { tag, verdict }: Settlement) -> Result<()> {
        let Some(delivery) = self.unsettled.remove(&tag) else { return Ok(()) };
        settle(self.channel, delivery, verdict)
    }

    /// Takes nothing more, and waits for the verdicts on what was delivered. The rest goes back with the channel.
    fn drain(&mut self, patience: Duration) -> Result<End> {
        let until = Instant::now() + patience;
        for (_, consumer) in &self.consumers {
            consumer.cancel().map_err(|cause| failed("take nothing more from the broker", &cause))?;
        }
        while !self.unsettled.is_empty() {
            match self.settled.recv_deadline(until) {
                Ok(settlement) => self.settle(settlement)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok(End::Stopped)
    }
}

fn settle(channel: &Channel, delivery: amiquip::Delivery, verdict: Verdict) -> Result<()> {
    match verdict {
        Verdict::Done => delivery.ack(channel),
        Verdict::Dead => delivery.reject(channel, false),
        Verdict::Back => delivery.reject(channel, true),
    }
    .map_err(|cause| failed("settle a message", &cause))
}

pub(super) fn look_through(
    channel: &Channel,
    queue: &str,
    count: usize,
    each: &mut dyn FnMut(&Message) -> Result<Verdict>,
) -> Result<()> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let got = channel.basic_get(queue, false);
        let got = got.map_err(|cause| failed(&format!("look into the queue `{queue}`"), &cause))?;
        let Some(mut got) = got else { break };
        let verdict = each(&message(&mut got.delivery))?;
        // none goes back before the last was seen, or it would come again
        seen.push((got.delivery, verdict));
    }
    // backwards: what goes back takes its place at the head
    for (delivery, verdict) in seen.into_iter().rev() {
        settle(channel, delivery, verdict)?;
    }
    Ok(())
}
