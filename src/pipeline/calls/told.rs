//! What the threads behind calls tell the foreman.

use crossbeam_channel::Sender;

use super::ticket::Ticket;
use crate::broker::{Delivery, Verdict};
use crate::dramatiq::Message;
use crate::pipeline::stage::Failure;
use crate::tables::{CallRow, ClaimedTask, NewCall, StageOutput};

/// A document that an actor is to be asked for.
pub(in crate::pipeline) struct Asked {
    pub(in crate::pipeline) claimed: ClaimedTask,
    pub(in crate::pipeline) call: NewCall,
    /// Whether its call stands in the database: another worker died before it had sent the message.
    pub(in crate::pipeline) is_adopted: bool,
}

/// A question that is put together.
pub(in crate::pipeline) struct Question {
    pub(in crate::pipeline) asked: Asked,
    pub(in crate::pipeline) message: Message,
}

/// What they tell.
pub(super) enum Told {
    /// A question is put together.
    Ready(Box<Question>),
    /// It could not be.
    Unready(Box<Asked>, Failure),
    /// The broker has these.
    Sent(Vec<CallRow>),
    /// The broker may not have these.
    Unsent(Vec<CallRow>, Failure),
    /// An answer has come, or that there will be none.
    Answer(Answer),
}

/// What came of a question.
pub(in crate::pipeline) struct Answer {
    pub(in crate::pipeline) ticket: Ticket,
    pub(in crate::pipeline) result: Result<Option<StageOutput>, Failure>,
    pub(in crate::pipeline) origin: Origin,
}

/// Where an answer comes from, to be told when it is written down.
pub(in crate::pipeline) enum Origin {
    /// It came by the broker.
    Reply(Box<Delivery>),
    /// The question is a dead letter, which may go.
    DeadLetter(Sender<String>),
    /// It was concluded here.
    Here,
}

impl Origin {
    /// The database has the answer, or it is of no use: it is not told again. Whether an actor gave it.
    pub(in crate::pipeline) fn settle(self, ticket: &Ticket) -> bool {
        match self {
            Self::Reply(delivery) => {
                delivery.settle(Verdict::Done);
                true
            }
            Self::DeadLetter(settled) => {
                // whoever looked for it may have ended
                let _ = settled.send(ticket.message_id.clone());
                false
            }
            Self::Here => false,
        }
    }
}

/// How a thread speaks to the foreman: the bell wakes it.
#[derive(Clone)]
pub(super) struct Voice {
    pub(super) told: Sender<Told>,
    pub(super) bell: Sender<()>,
}

impl Voice {
    pub(super) fn say(&self, told: Told) {
        // the foreman may have ended; a bell that rings already is enough
        let _ = self.told.send(told);
        let _ = self.bell.try_send(());
    }
}
