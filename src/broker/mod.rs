//! RabbitMQ, for what shall not wait: a note about a command reaches all managers at once. The command itself stands in
//! the database, so a broker that is away costs a second and nothing else.

mod address;
#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/targets/broker.rs"]
pub(crate) mod fuzzing;
mod link;
mod note;
mod rabbit;
mod tls_stream;

pub use link::{Link, listen};
pub use note::CommandNote;

use std::sync::mpsc::channel;
use std::time::Duration;

use crate::context::Context;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::settings::Secret;

/// How long a note may take to be confirmed; a broker that is short of memory would hold us for longer.
const ANNOUNCE_LIMIT: Duration = Duration::from_secs(3);

/// What the framework asks of a message broker.
pub trait Broker: Send {
    /// Publishes a note to all managers, and waits until the broker has it.
    ///
    /// # Errors
    /// Temporary, when the broker is away or does not confirm.
    fn publish(&mut self, note: &CommandNote) -> Result<()>;

    /// Waits for notes and gives them to `each` until it says stop, or the connection is gone.
    ///
    /// # Errors
    /// Temporary, with the reason why the connection is gone.
    fn consume(&mut self, manager: &str, each: &mut dyn FnMut(Notice) -> Next) -> Result<()>;
}

/// What a consumer is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The queue is there; notes will come.
    Ready,
    /// A note has come.
    Note(CommandNote),
    /// A message that cannot be understood was put with the dead letters, for this reason.
    Refused(String),
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

/// Tells all managers about a command, if a broker is configured. It takes at most a few seconds.
///
/// # Errors
/// Temporary, when the broker is away, or does not confirm in time.
pub fn announce(context: &Context, note: &CommandNote) -> Result<()> {
    if !is_configured(context)? {
        return Ok(());
    }
    let (sender, receiver) = channel();
    let (context, note) = (context.clone(), note.clone());
    let thread = std::thread::Builder::new().name("announce".to_owned());
    let publish = move || {
        let published = connect(&context).and_then(|broker| broker.map_or(Ok(()), |mut broker| broker.publish(&note)));
        // nobody may be waiting any more
        let _ = sender.send(published);
    };
    thread.spawn(publish).or_fail(|| "start a thread for the broker".to_owned())?;
    receiver.recv_timeout(ANNOUNCE_LIMIT).unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Busy, format!("hear from the broker within {} s", ANNOUNCE_LIMIT.as_secs())))
    })
}
