//! What a worker sends: retries, what is due, the next ones of pipes, and callbacks, also to queues of others.

use std::time::{Duration, Instant};

use crate::broker::{Envelope, Publisher, Taken, Topology, connect};
use crate::context::Context;
use crate::dramatiq::queues::{base_of, check_queue, priority_max, topology};
use crate::error::{Error, ErrorKind, Result};

/// How long the broker's word is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it is left alone after it failed.
const PAUSE: Duration = Duration::from_millis(500);

/// What became of messages that were to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    /// The broker has them.
    Sent,
    /// Any of them may not have arrived.
    Away,
    /// The broker does not take one of them.
    Refused,
}

/// The way to the broker.
pub(in crate::dramatiq) struct Post {
    context: Context,
    publisher: Publisher,
    /// The queues that are known to be there.
    known: Vec<String>,
    failed: Option<Instant>,
}

impl Post {
    /// A way to these queues, and to others when they are asked for.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(in crate::dramatiq) fn start(context: &Context, queues: &[String], topology: Topology) -> Result<Self> {
        let publisher = Publisher::start(context, topology)?;
        Ok(Self { context: context.clone(), publisher, known: queues.to_vec(), failed: None })
    }

    /// Whether it may be asked: after a failure it is left alone for a while.
    pub(super) fn is_ready(&self) -> bool {
        self.failed.is_none_or(|at| at.elapsed() >= PAUSE)
    }

    /// Sends messages.
    pub(super) fn try_send(&mut self, envelopes: Vec<Envelope>) -> Sending {
        if envelopes.is_empty() {
            return Sending::Sent;
        }
        match self.send(envelopes) {
            Ok(()) => {
                self.failed = None;
                Sending::Sent
            }
            Err(error) if error.kind() == ErrorKind::Busy => {
                if self.failed.is_none() {
                    log::warn!("messages are not sent, and tried again: {error}");
                }
                self.failed = Some(Instant::now());
                Sending::Away
            }
            Err(error) => {
                log::error!("a message that follows from another one is not sent: {error}");
                Sending::Refused
            }
        }
    }

    /// Sends messages, to queues that are declared before where they are not known.
    ///
    /// # Errors
    /// Temporary, when the broker is away; usage, for a queue whose name is none; what it refuses.
    pub(in crate::dramatiq) fn send(&mut self, envelopes: Vec<Envelope>) -> Result<()> {
        if envelopes.is_empty() {
            return Ok(());
        }
        for envelope in &envelopes {
            self.declare(base_of(&envelope.key))?;
        }
        let nobody = |key: &str| Error::new(ErrorKind::NotFound, format!("send to the queue `{key}`: it is not there"));
        let keys: Vec<String> = envelopes.iter().map(|envelope| envelope.key.clone()).collect();
        let taken = self.publisher.publish(envelopes, PATIENCE)?;
        match taken.iter().position(|taken| *taken == Taken::ByNobody) {
            None => Ok(()),
            Some(place) => {
                // somebody deleted it: the next try declares it again
                self.known.retain(|known| known != base_of(&keys[place]));
                Err(nobody(&keys[place]))
            }
        }
    }

    fn declare(&mut self, queue: &str) -> Result<()> {
        if self.known.iter().any(|known| known == queue) {
            return Ok(());
        }
        check_queue(queue)?;
        let none = || Error::new(ErrorKind::Settings, "send to the broker: none is configured").hint("[broker] url");
        let mut broker = connect(&self.context)?.ok_or_else(none)?;
        let queues = [queue.to_owned()];
        match broker.declare(&topology(&queues, priority_max(&self.context)?)) {
            Ok(()) => {}
            // it is there, with arguments that others have chosen
            Err(error) if error.kind() == ErrorKind::Settings => log::warn!("{error}"),
            Err(error) => return Err(error),
        }
        self.known.push(queue.to_owned());
        Ok(())
    }
}
