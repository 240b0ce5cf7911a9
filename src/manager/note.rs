//! The note about a command, as it travels over the broker: "look". What is to be done stands in the database, so a note
//! that is lost or doubled costs a second and nothing else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::broker::{
    self, Argument, Binding, Delivery, Envelope, Exchange, ExchangeKind, Link, Properties, Publisher, Queue, Sign,
    Subscription, Topology, Verdict,
};
use crate::context::Context;
use crate::error::Result;

/// The exchange that notes go through.
const EXCHANGE: &str = "dc_commands";
/// The key that reaches all managers; each has its own besides, its identity.
const BROADCAST: &str = "all";
/// Where messages go that cannot be understood.
const DEAD_LETTERS: &str = "dc_commands.dead";
/// A manager's queue goes when it was away for so long.
const QUEUE_EXPIRES_MS: i64 = 60_000;
/// Notes that are on their way to a manager at once.
const PREFETCH: u16 = 32;
/// How long a note may take to be confirmed; a broker that is short of memory would hold us for longer.
const ANNOUNCE_LIMIT: Duration = Duration::from_secs(3);
/// How long notes that have come are waited for at the end.
const DRAIN: Duration = Duration::from_secs(1);

/// A command that was written down, for all managers to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandNote {
    /// Its number in `command_log`.
    pub command: i64,
    /// What is to be done, for people who read messages: `START`.
    pub name: String,
    /// The app's full name.
    pub app: String,
    /// Who gave it.
    pub by: String,
}

impl CommandNote {
    /// The note as JSON.
    pub(super) fn to_json(&self) -> Vec<u8> {
        // texts and a number always serialise
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a note.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn from_json(bytes: &[u8]) -> std::result::Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|cause| cause.to_string())
    }
}

/// Tells all managers about a command, if a broker is configured. It takes at most a few seconds.
///
/// # Errors
/// Temporary, when the broker is away, or does not confirm in time.
pub fn announce(context: &Context, note: &CommandNote) -> Result<()> {
    if !broker::is_configured(context)? {
        return Ok(());
    }
    let properties = Properties { content_type: Some("application/json".to_owned()), ..Properties::default() };
    let (exchange, key) = (EXCHANGE.to_owned(), BROADCAST.to_owned());
    let envelope = Envelope { exchange, key, body: note.to_json(), properties };
    // where no manager listens, nobody is to be told
    Publisher::start(context, common())?.publish(vec![envelope], ANNOUNCE_LIMIT).map(drop)
}

/// Listens for notes, if a broker is configured, for as long as the link lives.
///
/// # Errors
/// Settings, when the broker's section cannot be read; when the system gives no thread.
pub fn listen(
    context: &Context,
    manager: &str,
    mut each: impl FnMut(CommandNote) + Send + 'static,
) -> Result<Option<Link>> {
    let queue = format!("{EXCHANGE}.{manager}");
    let own = Queue { name: queue.clone(), is_durable: false, arguments: Vec::new() };
    let own = own.with("x-expires", Argument::Number(QUEUE_EXPIRES_MS)).dead_letters(DEAD_LETTERS);
    let mut topology = common();
    topology.queues.push(own);
    topology.bindings = [BROADCAST, manager]
        .map(|key| Binding { exchange: EXCHANGE.to_owned(), queue: queue.clone(), key: key.to_owned() })
        .to_vec();
    let meanwhile = "commands travel by the database";
    let (queues, is_first) = (vec![queue], false);
    let subscription = Subscription { topology, queues, prefetch: PREFETCH, is_first, drain: DRAIN, meanwhile };
    broker::listen(context, subscription, move |sign| match sign {
        Sign::Delivery(delivery) => each_note(delivery, &mut each),
        Sign::Up | Sign::Down => {}
    })
}

fn each_note(delivery: Delivery, each: &mut impl FnMut(CommandNote)) {
    match CommandNote::from_json(&delivery.message.body) {
        Ok(note) => {
            delivery.settle(Verdict::Done);
            each(note);
        }
        Err(reason) => {
            log::warn!("a message was put with the dead letters: {reason}");
            delivery.settle(Verdict::Dead);
        }
    }
}

/// What all who send or hear notes declare.
fn common() -> Topology {
    Topology {
        exchanges: vec![Exchange { name: EXCHANGE.to_owned(), kind: ExchangeKind::Direct }],
        queues: vec![Queue::durable(DEAD_LETTERS)],
        bindings: Vec::new(),
    }
}
