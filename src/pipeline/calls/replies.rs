//! Answers as they come by the broker.

use super::ticket::Ticket;
use super::told::{Answer, Origin, Told, Voice};
use crate::broker::{Delivery, Link, Sign, Subscription, Topology, Verdict, listen as listen_to};
use crate::context::Context;
use crate::dramatiq::{Json, Message, dead_letters_of};
use crate::error::Result;
use crate::pipeline::kept::keep;
use crate::pipeline::stage::{Failure, Output};
use crate::pipeline::stages::failure;
use crate::storage::Storage;
use crate::tables::StageOutput;

/// So many answers are here at once, taken and not written down.
const PREFETCH: u16 = 256;

/// Who takes answers.
pub(super) struct Taker {
    pub(super) context: Context,
    pub(super) app_id: i64,
    pub(super) runtime: Option<String>,
    pub(super) storage: Option<Storage>,
    pub(super) voice: Voice,
}

/// Takes answers out of a queue, and out of its dead letters: a worker of Dramatiq in Python works for each queue that it
/// sends to, and puts the answers there that it takes, since no actor is theirs. It gets those alone that find no room here.
///
/// # Errors
/// Settings, when the broker's section cannot be read; when the system gives no thread.
pub(super) fn listen(mut taker: Taker, replies: &str, topology: Topology) -> Result<Option<Link>> {
    let context = taker.context.clone();
    let subscription = Subscription {
        topology,
        queues: vec![replies.to_owned(), dead_letters_of(replies)],
        prefetch: PREFETCH,
        is_first: true,
        drain: std::time::Duration::from_secs(1),
        meanwhile: "answers of actors wait there",
    };
    listen_to(&context, subscription, move |sign| {
        if let Sign::Delivery(delivery) = sign {
            taker.take(delivery);
        }
    })
}

impl Taker {
    fn take(&mut self, delivery: Delivery) {
        let reply = Message::read(&delivery.message.body);
        let read = reply.and_then(|reply| {
            let ticket = Ticket::read(&reply);
            let given = reply.args.into_iter().next_back().unwrap_or_else(Json::null);
            ticket.map(|ticket| (ticket, given)).ok_or_else(|| crate::error::Error::failed("find its task"))
        });
        match read {
            Ok((ticket, given)) => {
                let result = self.result(&ticket, &given);
                self.voice.say(Told::Answer(Answer { ticket, result, origin: Origin::Reply(Box::new(delivery)) }));
            }
            Err(error) => {
                log::warn!("a message of `{}` is no answer of an actor, and is dropped: {error}", delivery.queue);
                delivery.settle(Verdict::Done);
            }
        }
    }

    fn result(&mut self, ticket: &Ticket, given: &Json) -> std::result::Result<Option<StageOutput>, Failure> {
        if let Some(failure) = failure(given.text()) {
            return Err(failure);
        }
        let output = output(given)?;
        let owner = (&self.context, self.app_id, self.runtime.as_deref());
        keep(&mut self.storage, owner, (ticket.task_id, &ticket.stage), &output).map_err(|error| Failure::of(&error))
    }
}

/// What an actor gave: nothing of its own, or JSON that others can read, too.
fn output(given: &Json) -> std::result::Result<Output, Failure> {
    if given.is_null() {
        return Ok(Output::Same);
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(given.text()) {
        Ok(_) => Ok(Output::Json(given.text().to_owned())),
        Err(cause) => {
            let why = "its actor's answer is no JSON that other programs read (NaN, Infinity)";
            Err(Failure::passing(format!("{why}: {cause}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_json_that_others_can_read() {
        let read = |text: &str| output(&Json::read(text).expect("JSON"));
        assert_eq!(read("null"), Ok(Output::Same));
        assert_eq!(read(r#"{"a":1.10}"#), Ok(Output::Json(r#"{"a":1.10}"#.to_owned())));
        for odd in ["NaN", "[Infinity]", "{\"a\":[-Infinity]}"] {
            assert!(read(odd).is_err_and(|failure| failure.message.contains("no JSON")), "{odd}");
        }
    }
}
