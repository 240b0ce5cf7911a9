//! RabbitMQ behind a trait: messages are sent and confirmed, and come and are settled after the work. What they mean stands
//! above; whatever has to be kept stands in the database, so a broker that is away delays and never loses.

mod address;
#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/targets/broker.rs"]
pub(crate) mod fuzzing;
mod link;
mod message;
mod publisher;
mod rabbit;
mod table;
mod tls_stream;
mod topology;

pub use link::{Link, Sign, Subscription, listen};
pub use message::{Delivery, Envelope, Message, Properties, Verdict};
pub use publisher::Publisher;
pub use topology::{Argument, Binding, Exchange, ExchangeKind, Queue, Topology};

use std::time::Duration;

use crate::context::Context;
use crate::error::Result;
use crate::settings::Secret;

/// What the framework asks of a message broker: one connection, used by one thread.
pub trait Broker: Send {
    /// Makes exchanges, queues and bindings that are not there.
    ///
    /// # Errors
    /// Settings for a queue that is there with other arguments, permission, or temporary.
    fn declare(&mut self, topology: &Topology) -> Result<()>;

    /// Sends messages, and waits until the broker has them all; for each whether a queue took it.
    ///
    /// # Errors
    /// Temporary, when the broker is away or does not confirm within `patience`: any of them may have arrived.
    fn publish(&mut self, envelopes: &[Envelope], patience: Duration) -> Result<Vec<Taken>>;

    /// Waits for messages and gives them to `each` until it says stop, or the connection is gone. After a stop it waits
    /// until what was delivered is settled, for `subscription.drain` at most.
    ///
    /// # Errors
    /// Temporary, with the reason why the connection is gone; as [`Broker::declare`] for a queue that is not there.
    fn consume(&mut self, subscription: &Subscription, each: &mut dyn FnMut(Event) -> Next) -> Result<()>;

    /// How many messages wait in each queue, and who takes from it; `None` for one that is not there.
    ///
    /// # Errors
    /// Temporary, when the broker is away.
    fn depths(&mut self, queues: &[String]) -> Result<Vec<Option<Depth>>>;

    /// Looks at what waits in a queue, in its order, at most `count` messages, and settles each as `each` says. Nobody
    /// else gets them meanwhile.
    ///
    /// # Errors
    /// Not found for a queue that is not there; temporary, when the broker is away: unsettled ones are back.
    fn look_through(
        &mut self,
        queue: &str,
        count: usize,
        each: &mut dyn FnMut(&Message) -> Result<Verdict>,
    ) -> Result<()>;
}

/// What became of a message that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// A queue has it.
    ByQueue,
    /// No queue is bound for its key: it is nowhere.
    ByNobody,
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Messages that wait.
    pub messages: u64,
    /// Who takes from it.
    pub consumers: u64,
}

/// What a consumer is told.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are deliveries")]
pub enum Event {
    /// The queues are there; messages will come.
    Ready,
    /// A message has come.
    Delivery(Delivery),
    /// Nothing has come for a while.
    Quiet,
}

/// Whether a consumer goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It does.
    On,
    /// It ends.
    Stop,
}

/// The broker of the settings; `None` where none is configured.
///
/// # Errors
/// Settings, when its URL cannot be read; temporary, when it is away.
pub fn connect(context: &Context) -> Result<Option<Box<dyn Broker>>> {
    let Some(url) = url(context)? else { return Ok(None) };
    let certificates = context.settings().section("broker").text("certificates")?;
    let certificates = certificates.map(|path| context.settings().project.root.join(path));
    let broker = rabbit::Rabbit::connect(&address::Address::read(&url)?, certificates.as_deref())?;
    Ok(Some(Box::new(broker)))
}

/// Whether a broker is configured.
///
/// # Errors
/// Settings, when its section cannot be read.
pub fn is_configured(context: &Context) -> Result<bool> {
    url(context).map(|url| url.is_some())
}

fn url(context: &Context) -> Result<Option<Secret>> {
    context.settings().section("broker").secret("url")
}
