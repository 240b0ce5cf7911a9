//! Dead letters of Dramatiq's queues, whoever worked there: they are looked at, and sent again.

use serde::Serialize;

use super::json::Json;
use super::message::{Message, now_ms};
use super::queues::{check_queue, dead_letters_of, priority_max, topology};
use super::worker::Post;
use crate::broker::{self, Broker, Verdict};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::tables::Store;

/// The most dead letters of a queue that are looked at.
pub const DEAD_MAX: usize = 10_000;
/// The longest reason that is shown.
const REASON_CHARS_MAX: usize = 500;

/// A message that nobody executes any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// Its identity; `None` for what is no message of Dramatiq.
    pub message_id: Option<String>,
    /// Its actor.
    pub actor: Option<String>,
    /// Its queue.
    pub queue: String,
    /// How often it was tried again.
    pub retries: i64,
    /// Why it failed: the last line of the traceback, or what a worker of this house wrote down.
    pub reason: Option<String>,
    /// How long ago it was first sent, in milliseconds.
    pub age_ms: Option<i64>,
}

/// Which dead letters are sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resent {
    /// These, by their identities.
    Ids(Vec<String>),
    /// All.
    All,
}

/// The dead letters of queues, the oldest of each first; a queue that is not there has none. While it is looked at them
/// nobody else sees them.
///
/// # Errors
/// Usage, for a name that is none; settings, when no broker is configured; temporary, when it is away.
pub fn dead(context: &Context, queues: &[String]) -> Result<Vec<DeadLetter>> {
    let mut broker = connected(context)?;
    let mut letters = Vec::new();
    for queue in queues {
        check_queue(queue)?;
        look_through(broker.as_mut(), queue, &mut |body| {
            letters.push(letter(queue, body));
            Ok(Verdict::Back)
        })?;
    }
    tell_reasons(context, &mut letters);
    Ok(letters)
}

/// Sends dead letters again, as if they were sent for the first time, and takes them out of the dead letters then. Which.
///
/// # Errors
/// As [`dead`]; not found, when one that is named is in none of the queues; what the database says. What was sent until
/// then is sent.
pub fn resend(context: &Context, queues: &[String], which: &Resent) -> Result<Vec<String>> {
    let mut broker = connected(context)?;
    let mut store = Store::ready(context)?;
    let mut post = Post::start(context, queues, topology(queues, priority_max(context)?))?;
    let mut sent = Vec::new();
    for queue in queues {
        check_queue(queue)?;
        look_through(broker.as_mut(), queue, &mut |body| {
            let Ok(message) = Message::read(body) else { return Ok(Verdict::Back) };
            let id = message.message_id.clone();
            let is_wanted = match which {
                Resent::All => true,
                Resent::Ids(ids) => ids.contains(&id),
            };
            if !is_wanted {
                return Ok(Verdict::Back);
            }
            // it is a new message from now on, whatever is known of it
            store.actor_messages().forget(std::slice::from_ref(&id))?;
            post.send(vec![again(message).envelope()])?;
            sent.push(id);
            Ok(Verdict::Done)
        })?;
    }
    match which {
        Resent::Ids(ids) => match ids.iter().find(|id| !sent.contains(id)) {
            Some(id) => {
                let message = format!("send {id} again: it is with the dead letters of {}", queues.join(", "));
                Err(Error::new(ErrorKind::NotFound, message.replace("it is with", "it is not with"))
                    .hint("`dc tasks --dead` lists them"))
            }
            None => Ok(sent),
        },
        Resent::All => Ok(sent),
    }
}

/// Looks through the dead letters of a queue, the oldest first, and does with each message what `each` says, which is also
/// given why it failed as far as it stands there.
///
/// # Errors
/// Temporary, when the broker is away.
pub fn look_at_dead(
    broker: &mut dyn Broker,
    queue: &str,
    each: &mut dyn FnMut(&Message, Option<String>) -> Verdict,
) -> Result<()> {
    look_through(broker, queue, &mut |body| {
        // what is no message of Dramatiq is another's
        Ok(Message::read(body).map_or(Verdict::Back, |message| each(&message, reason(&message))))
    })
}

fn connected(context: &Context) -> Result<Box<dyn Broker>> {
    let none = || {
        Error::new(ErrorKind::Settings, "look at dead letters: no broker is configured")
            .hint("[broker] url = \"amqp://..\" in dc.toml, or DC_BROKER_URL")
    };
    broker::connect(context)?.ok_or_else(none)
}

fn look_through(broker: &mut dyn Broker, queue: &str, each: &mut dyn FnMut(&[u8]) -> Result<Verdict>) -> Result<()> {
    let looked = broker.look_through(&dead_letters_of(queue), DEAD_MAX, &mut |message| each(&message.body));
    match looked {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        looked => looked,
    }
}

fn letter(queue: &str, body: &[u8]) -> DeadLetter {
    let queue = queue.to_owned();
    match Message::read(body) {
        Ok(message) => DeadLetter {
            queue,
            retries: message.retries(),
            reason: reason(&message),
            age_ms: Some(now_ms().saturating_sub(message.message_timestamp)),
            message_id: Some(message.message_id),
            actor: Some(message.actor_name),
        },
        Err(error) => {
            let reason = Some(error.to_string());
            DeadLetter { message_id: None, actor: None, queue, retries: 0, reason, age_ms: None }
        }
    }
}

/// Why a message failed the last time but one, as its worker wrote it on it: the last line of a traceback.
fn reason(message: &Message) -> Option<String> {
    let traceback = message.options.get("traceback").and_then(Json::as_text)?;
    traceback.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(shortened)
}

/// What workers of this house wrote down is newer than what stands on the message: that was written before its last try.
fn tell_reasons(context: &Context, letters: &mut [DeadLetter]) {
    let Ok(mut store) = Store::ready(context) else { return };
    for letter in letters {
        let Some(message_id) = &letter.message_id else { continue };
        // a list without reasons is better than none
        let Ok(Some(row)) = store.actor_messages().find(message_id) else { continue };
        if let Some(reason) = row.reason {
            letter.reason = Some(shortened(&reason));
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(REASON_CHARS_MAX).collect()
}

fn again(mut message: Message) -> Message {
    for option in ["retries", "traceback", "requeue_timestamp"] {
        message.options.remove(option);
    }
    message.due()
}
