//! What travels with a question and comes back with its answer: of which attempt it is.

use crate::dramatiq::{Json, Message};
use crate::error::Result;
use crate::tables::CallRow;

/// The actor that answers are for, in name: no worker knows it, they are taken from their queue by workers of pipelines.
const ACTOR: &str = "collector_reply";

/// Which attempt a question is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pipeline) struct Ticket {
    pub(in crate::pipeline) task_id: i64,
    pub(in crate::pipeline) stage: String,
    pub(in crate::pipeline) attempt: i64,
    fence: i64,
    pub(super) message_id: String,
}

impl Ticket {
    /// That of a call.
    pub(in crate::pipeline) fn of(call: &CallRow) -> Self {
        Self {
            task_id: call.task_id,
            stage: call.stage.clone(),
            attempt: call.attempt,
            fence: call.fence,
            message_id: call.message_id.clone(),
        }
    }

    /// The message that brings the answer into a queue: Dramatiq puts what the actor gives behind its arguments.
    ///
    /// # Errors
    /// None that is known: numbers and texts have a form in JSON.
    pub(super) fn reply(&self, queue: &str) -> Result<Message> {
        Message::new(queue, ACTOR)
            .keyword("task", &self.task_id)?
            .keyword("stage", &self.stage)?
            .keyword("attempt", &self.attempt)?
            .keyword("fence", &self.fence)?
            .keyword("call", &self.message_id)
    }

    /// Reads it from the message that brings an answer.
    pub(super) fn read(reply: &Message) -> Option<Self> {
        let fields = &reply.kwargs;
        let number = |name: &str| fields.get(name).and_then(Json::as_whole);
        let text = |name: &str| fields.get(name).and_then(Json::as_text);
        Some(Self {
            task_id: number("task")?,
            stage: text("stage")?,
            attempt: number("attempt")?,
            fence: number("fence")?,
            message_id: text("call")?,
        })
    }

    /// Reads it from a question whose answer goes into this queue; `None` for a message of others.
    pub(super) fn of_question(question: &Message, queue: &str) -> Option<Self> {
        let reply = Message::of(question.options.given("pipe_target")?).ok()?;
        (reply.queue_name == queue).then(|| Self::read(&reply)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_comes_back_as_it_went() {
        let ticket = Ticket { task_id: 7, stage: "ner".into(), attempt: 2, fence: 9, message_id: "5e3a".into() };
        let question = Message::new("ner", "find").pipe(&ticket.reply("replies").expect("a message"));
        let question = Message::read(question.to_json().as_bytes()).expect("a message");
        assert_eq!(Ticket::of_question(&question, "replies"), Some(ticket));
        assert_eq!(Ticket::of_question(&question, "others"), None);
        assert_eq!(Ticket::of_question(&Message::new("ner", "find"), "replies"), None);
        let other = Message::new("ner", "find").pipe(&Message::new("replies", "load"));
        assert_eq!(Ticket::of_question(&other, "replies"), None);
    }
}
