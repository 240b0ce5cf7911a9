//! What is sent, and what comes.

use std::fmt;

use crossbeam_channel::Sender;
use serde_json::{Map, Value};

/// A message that is to be sent.
#[derive(Clone, PartialEq)]
pub struct Envelope {
    /// The exchange; empty for the one that leads straight to the queue of the key's name.
    pub exchange: String,
    /// The routing key.
    pub key: String,
    /// The content.
    pub body: Vec<u8>,
    /// What stands on the envelope.
    pub properties: Properties,
}

/// What stands on a message beside its content.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Properties {
    /// The media type of the content.
    pub content_type: Option<String>,
    /// Whether it outlasts the broker's restart.
    pub is_persistent: bool,
    /// The priority, where the queue has priorities: the highest goes first.
    pub priority: Option<u8>,
    /// The message's identity.
    pub message_id: Option<String>,
    /// More, by name.
    pub headers: Map<String, Value>,
}

/// A message that has come.
#[derive(Clone, PartialEq)]
pub struct Message {
    /// The exchange that it was sent to.
    pub exchange: String,
    /// The routing key that it was sent with.
    pub key: String,
    /// The content.
    pub body: Vec<u8>,
    /// What stands on the envelope.
    pub properties: Properties,
    /// Whether it was delivered before, and not settled.
    pub is_redelivered: bool,
}

/// A message that the broker keeps until it is settled. One that is dropped goes back into its queue.
#[derive(Debug)]
pub struct Delivery {
    /// The queue that it came from.
    pub queue: String,
    /// The message.
    pub message: Message,
    pub(super) tag: u64,
    pub(super) settlements: Option<Sender<Settlement>>,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is done, and goes.
    Done,
    /// It goes to the dead letters of its queue, if that has any.
    Dead,
    /// It goes back into its queue.
    Back,
}

/// The verdict on a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settlement {
    pub(super) tag: u64,
    pub(super) verdict: Verdict,
}

impl Delivery {
    /// Settles it. When the connection that it came by is gone, the broker delivers it again.
    pub fn settle(mut self, verdict: Verdict) {
        self.send(verdict);
    }

    fn send(&mut self, verdict: Verdict) {
        if let Some(settlements) = self.settlements.take() {
            // without its connection a delivery is settled already: it is in its queue again
            let _ = settlements.send(Settlement { tag: self.tag, verdict });
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.send(Verdict::Back);
    }
}

/// The content may be anybody's data: it is never printed.
impl fmt::Debug for Envelope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exchange, key, body, .. } = self;
        write!(formatter, "a message of {} bytes to `{exchange}` with the key `{key}`", body.len())
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exchange, key, body, .. } = self;
        write!(formatter, "a message of {} bytes from `{exchange}` with the key `{key}`", body.len())
    }
}
