//! Notes between the machines that work a pipeline off: "there is something for this stage". They only say look: what is to
//! be done, once, is decided by the claim in the database, so a note that is lost, late or doubled changes nothing.

use std::collections::VecDeque;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use serde::{Deserialize, Serialize};

use crate::broker::{
    self, Argument, Binding, Delivery, Envelope, Exchange, ExchangeKind, Link, Properties, Publisher, Queue, Sign,
    Subscription, Topology, Verdict,
};
use crate::context::Context;
use crate::error::{OrFail, Result};

/// The exchange that notes go through; their keys are `<pipeline>.<stage>`.
const EXCHANGE: &str = "collector.tasks";
/// Where messages go that cannot be understood.
const DEAD_LETTERS: &str = "collector.tasks.dead";
/// A queue keeps so many notes: the oldest go, since whoever looks finds all that waits.
const NOTES_MAX: i64 = 100_000;
/// Notes that are on their way to a worker at once, for each document that it works on.
const AHEAD: usize = 2;
/// How long the broker has to confirm notes.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many notes go out together.
const BATCH_MAX: usize = 256;
/// So many notes wait to go out; more are not sent, since nothing depends on them.
const WAITING_MAX: usize = 10_000;

/// A note about a document that waits.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    task: i64,
    pipeline: String,
    stage: String,
}

/// What tells other machines, and hears of them; without a broker nothing does.
pub(super) struct Notes {
    pipeline: String,
    herald: Option<SyncSender<(i64, String)>>,
    heard: Receiver<Delivery>,
    /// Notes that have come, and whose work is not done.
    held: VecDeque<Delivery>,
    link: Option<Link>,
}

impl Notes {
    /// Listens for notes to these stages, if a broker is configured; `news` is told when one has come.
    ///
    /// # Errors
    /// Settings, when the broker's section cannot be read; when the system gives no thread.
    pub(super) fn start(
        context: &Context,
        pipeline: &str,
        (order, mine): (&[String], &[String]),
        hands: usize,
        news: Sender<()>,
    ) -> Result<Self> {
        let (sender, heard) = unbounded();
        let (pipeline, held) = (pipeline.replace('/', "."), VecDeque::new());
        if !broker::is_configured(context)? {
            return Ok(Self { pipeline, herald: None, heard, held, link: None });
        }
        let topology = topology(&pipeline, order);
        let subscription = Subscription {
            topology: topology.clone(),
            queues: mine.iter().map(|stage| queue(&pipeline, stage)).collect(),
            prefetch: u16::try_from(hands * AHEAD).unwrap_or(u16::MAX),
            is_first: false,
            drain: Duration::from_secs(1),
            meanwhile: "documents are looked for in the database",
        };
        let link = broker::listen(context, subscription, move |sign| {
            if let Sign::Delivery(delivery) = sign {
                match serde_json::from_slice::<Note>(&delivery.message.body) {
                    Ok(_) => {
                        // the worker may have ended
                        let _ = sender.send(delivery);
                        let _ = news.try_send(());
                    }
                    Err(cause) => {
                        log::warn!("a message was put with the dead letters: {cause}");
                        delivery.settle(Verdict::Dead);
                    }
                }
            }
        })?;
        let herald = herald(Publisher::start(context, topology)?, pipeline.clone())?;
        Ok(Self { pipeline, herald: Some(herald), heard, held, link })
    }

    /// Tells other machines of documents that wait for a stage.
    pub(super) fn tell(&self, task: i64, stage: &str) {
        let Some(herald) = &self.herald else { return };
        if let Err(TrySendError::Full(_)) = herald.try_send((task, stage.to_owned())) {
            log::debug!("{WAITING_MAX} notes wait for the broker: {} is found in the database", self.pipeline);
        }
    }

    /// Takes the notes that have come.
    pub(super) fn take(&mut self) {
        self.held.extend(self.heard.try_iter());
    }

    /// So many documents are done: as many notes are. With nothing under way all are.
    pub(super) fn done(&mut self, count: usize, is_idle: bool) {
        let count = if is_idle { self.held.len() } else { count.min(self.held.len()) };
        for delivery in self.held.drain(..count) {
            delivery.settle(Verdict::Done);
        }
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        // what is held goes back, for another machine to look
        self.held.clear();
        self.link = None;
    }
}

/// A thread that sends notes, many at once. What the broker does not take is not sent again.
fn herald(publisher: Publisher, pipeline: String) -> Result<SyncSender<(i64, String)>> {
    let (sender, received) = sync_channel::<(i64, String)>(WAITING_MAX);
    let run = move || {
        while let Ok(first) = received.recv() {
            let notes: Vec<Envelope> = std::iter::once(first)
                .chain(received.try_iter())
                .take(BATCH_MAX)
                .map(|(task, stage)| envelope(&pipeline, task, stage))
                .collect();
            let count = notes.len();
            if let Err(error) = publisher.publish(notes, PATIENCE) {
                log::debug!("{count} notes were not sent: {error}");
            }
        }
    };
    std::thread::Builder::new()
        .name("herald".to_owned())
        .spawn(run)
        .or_fail(|| "start a thread for the broker".to_owned())?;
    Ok(sender)
}

fn envelope(pipeline: &str, task: i64, stage: String) -> Envelope {
    let key = format!("{pipeline}.{stage}");
    let note = Note { task, pipeline: pipeline.to_owned(), stage };
    let properties =
        Properties { content_type: Some("application/json".to_owned()), is_persistent: true, ..Properties::default() };
    // texts and a number always serialise
    let body = serde_json::to_vec(&note).unwrap_or_default();
    Envelope { exchange: EXCHANGE.to_owned(), key, body, properties }
}

fn queue(pipeline: &str, stage: &str) -> String {
    format!("{EXCHANGE}.{pipeline}.{stage}")
}

fn topology(pipeline: &str, order: &[String]) -> Topology {
    let of_stage = |stage: &String| {
        Queue::durable(queue(pipeline, stage))
            .dead_letters(DEAD_LETTERS)
            .with("x-max-length", Argument::Number(NOTES_MAX))
    };
    let binding = |stage: &String| Binding {
        exchange: EXCHANGE.to_owned(),
        queue: queue(pipeline, stage),
        key: format!("{pipeline}.{stage}"),
    };
    Topology {
        exchanges: vec![Exchange { name: EXCHANGE.to_owned(), kind: ExchangeKind::Topic }],
        queues: order.iter().map(of_stage).chain([Queue::durable(DEAD_LETTERS)]).collect(),
        bindings: order.iter().map(binding).collect(),
    }
}
