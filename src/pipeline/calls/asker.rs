//! The thread that puts questions together and sends them, so that neither the storage nor the broker holds the foreman up.

use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::question::question;
use super::told::{Asked, Question, Told, Voice};
use crate::context::{Cancellation, Context};
use crate::dramatiq::{Message, Sender as Post};
use crate::error::Result;
use crate::failpoint;
use crate::pipeline::kept::opened;
use crate::pipeline::stage::Failure;
use crate::storage::Storage;

/// So many questions go out together.
const BATCH_MAX: usize = 64;
/// How long sending is retried while the broker is unreachable, before the stage is blocked, and the pause between two tries: a
/// single closed connection is not worth a message.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(500);

/// What it is asked for.
pub(super) enum Request {
    /// Put this together.
    PutTogether(Box<Asked>),
    /// Send these.
    Send(Vec<Question>),
}

/// The thread's own state.
pub(super) struct Asker {
    pub(super) context: Context,
    /// The pipeline.
    pub(super) pipeline: String,
    /// The queue that answers go into.
    pub(super) replies: String,
    pub(super) post: Post,
    pub(super) storage: Option<Storage>,
    pub(super) voice: Voice,
    /// Set when the worker is to end: then nothing is tried again.
    pub(super) closing: Cancellation,
}

impl Asker {
    /// Works until nobody asks any more.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let mut questions = Vec::new();
            for request in std::iter::once(first).chain(requests.try_iter()).take(BATCH_MAX) {
                match request {
                    Request::PutTogether(asked) => self.put_together(*asked),
                    Request::Send(some) => questions.extend(some),
                }
            }
            if !questions.is_empty() {
                self.send(questions);
            }
        }
    }

    fn put_together(&mut self, asked: Asked) {
        let message = opened(&mut self.storage, &self.context)
            .and_then(|storage| question(storage, &self.pipeline, &self.replies, (&asked.claimed, &asked.call)));
        self.voice.say(match message {
            Ok(message) => Told::Ready(Box::new(Question { asked, message })),
            Err(error) => Told::Unready(Box::new(asked), Failure::of(&error)),
        });
    }

    fn send(&mut self, questions: Vec<Question>) {
        let sent = self.try_send(questions.iter().map(|question| &question.message));
        let calls = questions.into_iter().map(|question| question.asked.call.row).collect();
        self.voice.say(match sent {
            Ok(()) => Told::Sent(calls),
            Err(error) => Told::Unsent(calls, Failure { message: Failure::of(&error).message, ..Failure::blocked("") }),
        });
    }

    fn try_send<'a>(&mut self, messages: impl Iterator<Item = &'a Message>) -> Result<()> {
        let messages: Vec<Message> = messages.cloned().collect();
        let began = Instant::now();
        // sent twice they keep their identities, and one answer counts
        while let Err(error) = self.post.send(&messages) {
            if !error.is_temporary() || self.closing.is_cancelled() || began.elapsed() >= PATIENCE {
                return Err(error);
            }
            std::thread::sleep(PAUSE);
        }
        failpoint::point("pipeline.sent")
    }
}
