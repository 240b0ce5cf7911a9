//! Sending messages from programs.

use super::message::{Message, now_ms};
use super::queues::{base_of, check_queue, priority_max, topology};
use super::worker::Post;
use crate::context::Context;
use crate::error::Result;

/// Sends messages to actors, in Rust or Python. The queues are made where they are not there.
pub struct Sender {
    post: Post,
}

impl Sender {
    /// A way to these queues. It connects when there is something to send.
    ///
    /// # Errors
    /// Usage, for a name that is none for a queue; when the system gives no thread.
    pub fn start(context: &Context, queues: &[String]) -> Result<Self> {
        queues.iter().try_for_each(|queue| check_queue(queue))?;
        let topology = topology(queues, priority_max(context)?);
        Ok(Self { post: Post::start(context, queues, topology)? })
    }

    /// Sends messages, and waits until the broker has them all.
    ///
    /// # Errors
    /// Temporary, when the broker is away or does not confirm in time: any of them may have arrived, and the same ones may
    /// be sent again, for they keep their identities.
    pub fn send(&mut self, messages: &[Message]) -> Result<()> {
        let now_ms = now_ms();
        let envelope = |message: &Message| match message.options.given("delay").and_then(|delay| delay.as_whole()) {
            None => message.envelope(),
            Some(delay_ms) => {
                let mut message = message.clone();
                message.options.remove("delay");
                message.delayed(now_ms.saturating_add(delay_ms)).envelope()
            }
        };
        self.post.send(messages.iter().map(envelope).collect())
    }
}

/// Sends messages, and waits until the broker has them all. Whoever sends often keeps a [`Sender`].
///
/// # Errors
/// As [`Sender::send`].
pub fn send(context: &Context, messages: &[Message]) -> Result<()> {
    let mut queues: Vec<String> = messages.iter().map(|message| base_of(&message.queue_name).to_owned()).collect();
    queues.sort();
    queues.dedup();
    Sender::start(context, &queues)?.send(messages)
}
