//! How full queues are, with those that delay and those of dead letters.

use super::queues::{DEAD, DELAYED};
use crate::broker;
use crate::context::Context;
use crate::error::Result;

/// How full a queue is, with the two that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueDepth {
    /// The queue.
    pub queue: String,
    /// Messages that wait to be worked on.
    pub waiting: u64,
    /// Messages that wait for their time.
    pub delayed: u64,
    /// Dead letters.
    pub dead: u64,
    /// Consumers of the queue.
    pub consumers: u64,
}

/// How full these queues are. A queue that was never declared is empty. `None` where no broker is configured.
///
/// # Errors
/// Settings, when the broker's URL cannot be read; temporary, when it is unreachable.
pub fn depths(context: &Context, queues: &[String]) -> Result<Option<Vec<QueueDepth>>> {
    let Some(mut broker) = broker::connect(context)? else { return Ok(None) };
    let names: Vec<String> =
        queues.iter().flat_map(|queue| ["", DELAYED, DEAD].map(|end| format!("{queue}{end}"))).collect();
    let found = broker.depths(&names)?;
    let depth = |(queue, found): (&String, &[Option<broker::Depth>])| {
        let messages = |place: usize| found[place].map_or(0, |depth| depth.messages);
        QueueDepth {
            queue: queue.clone(),
            waiting: messages(0),
            delayed: messages(1),
            dead: messages(2),
            consumers: found[0].map_or(0, |depth| depth.consumers),
        }
    };
    Ok(Some(queues.iter().zip(found.chunks(3)).map(depth).collect()))
}
