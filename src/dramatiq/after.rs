//! What comes after an actor has done its work or could not: pure rules, as Dramatiq has them.

use super::actors::Actors;
use super::call::{Failure, FailureKind};
use super::json::{Fields, Json};
use super::message::{FAILURE_TARGET, Message};
use super::rules::{ActorOptions, target};
use crate::broker::Verdict;
use crate::tables::MessageState;

/// The deaths after which a message is a dead letter.
pub(super) const DEATHS_MAX: i64 = 2;

/// What comes after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct After {
    /// What is noted of the message.
    pub(super) state: MessageState,
    /// What becomes of its delivery.
    pub(super) verdict: Verdict,
    /// What is sent before that.
    pub(super) follow: Vec<Message>,
    /// Why it failed.
    pub(super) reason: Option<String>,
    /// Whether a process died of it.
    pub(super) is_death: bool,
}

/// What follows from the end of a message of which so many workers have died before.
pub(super) fn after(
    actors: &Actors,
    message: &Message,
    outcome: &Result<Json, Failure>,
    (deaths, now_ms): (i64, i64),
) -> After {
    let options = actors.options(&message.actor_name).cloned().unwrap_or_default();
    let scene = Scene { actors, message, options: &options, now_ms };
    match outcome {
        Ok(result) => scene.done(result),
        Err(failure) => match failure.kind {
            FailureKind::NotBegun => {
                After { state: MessageState::Back, verdict: Verdict::Back, ..scene.nothing(failure) }
            }
            FailureKind::Death if deaths + 1 < DEATHS_MAX => {
                let back = scene.nothing(failure);
                After { state: MessageState::Back, verdict: Verdict::Back, is_death: true, ..back }
            }
            FailureKind::Death => After { is_death: true, ..scene.dead(failure) },
            FailureKind::Permanent => scene.dead(failure),
            FailureKind::Passing => scene.failed(failure),
        },
    }
}

struct Scene<'a> {
    actors: &'a Actors,
    message: &'a Message,
    options: &'a ActorOptions,
    now_ms: i64,
}

impl Scene<'_> {
    fn done(&self, result: &Json) -> After {
        let (message, mut follow) = (self.message, Vec::new());
        let mut reason = None;
        if let Some(target) = message.options.given("pipe_target") {
            match Message::of(target) {
                Ok(next) => follow.push(self.piped(next, result)),
                Err(error) => reason = Some(format!("its pipe ends: {error}")),
            }
        }
        follow.extend(self.told("on_success", self.options.on_success.as_ref(), (message, result.clone())));
        After { state: MessageState::Done, verdict: Verdict::Done, follow, reason, is_death: false }
    }

    /// The next one of a pipe, with the result behind its own arguments.
    fn piped(&self, mut next: Message, result: &Json) -> Message {
        if !next.options.get("pipe_ignore").is_some_and(Json::is_truthy) && !self.options.pipe_ignore {
            next.args.push(result.clone());
        }
        match next.options.given("delay").and_then(Json::as_whole) {
            Some(delay_ms) => next.delayed(self.now_ms.saturating_add(delay_ms)),
            None => next,
        }
    }

    fn failed(&self, failure: &Failure) -> After {
        let (retries, retries_max) = (self.message.retries(), self.options.retries_max(self.message));
        let again = self.again(failure, retries);
        if retries_max.is_none_or(|most| retries < most) {
            let delay_ms = match failure.delay {
                Some(delay) => super::message::milliseconds(delay),
                None => self.options.backoff_ms(self.message, retries),
            };
            let mut follow: Vec<Message> = self.on_failure(&again, failure).into_iter().collect();
            follow.push(again.delayed(self.now_ms.saturating_add(delay_ms)));
            let reason = Some(failure.to_string());
            return After { state: MessageState::Retried, verdict: Verdict::Done, follow, reason, is_death: false };
        }
        let mut counts = Fields::default();
        counts.set("retries", Json::number(retries));
        counts.set("max_retries", retries_max.map_or_else(Json::null, Json::number));
        let exhausted = self.options.on_retry_exhausted.as_ref();
        let told = self.told("on_retry_exhausted", exhausted, (&again, counts.to_json()));
        let told = told.into_iter().chain(self.on_failure(&again, failure));
        let follow = told.chain(self.given_up(failure)).collect();
        After { follow, ..self.nothing(failure) }
    }

    /// The message as it is tried once more.
    fn again(&self, failure: &Failure, retries: i64) -> Message {
        let mut again = self.message.clone();
        again.options.set("retries", Json::number(retries.saturating_add(1)));
        again.options.set("traceback", Json::of_text(&failure.to_string()));
        again.options.set("requeue_timestamp", Json::number(self.now_ms));
        again
    }

    fn dead(&self, failure: &Failure) -> After {
        let follow = self.on_failure(self.message, failure).into_iter().chain(self.given_up(failure)).collect();
        After { follow, ..self.nothing(failure) }
    }

    /// What is sent when it never will be done: as the next one of a pipe, with the failure as the result.
    fn given_up(&self, failure: &Failure) -> Option<Message> {
        let mut next = Message::of(self.message.options.given(FAILURE_TARGET)?).ok()?;
        let kind = if failure.kind == FailureKind::Permanent { "permanent" } else { "passing" };
        let mut what = Fields::default();
        for (name, text) in [("dc", "fail"), ("kind", kind), ("msg", failure.to_string().as_str())] {
            what.set(name, Json::of_text(text));
        }
        next.args.push(what.to_json());
        Some(next)
    }

    /// A dead letter of which nobody is told.
    fn nothing(&self, failure: &Failure) -> After {
        let reason = Some(failure.to_string());
        After { state: MessageState::Failed, verdict: Verdict::Dead, follow: Vec::new(), reason, is_death: false }
    }

    fn on_failure(&self, message: &Message, failure: &Failure) -> Option<Message> {
        let mut what = Fields::default();
        what.set("type", Json::of_text(&failure.class));
        what.set("message", Json::of_text(&failure.message));
        self.told("on_failure", self.options.on_failure.as_ref(), (message, what.to_json()))
    }

    /// A message to the actor that is to be told, with what it is about and what is to be said.
    fn told(&self, option: &str, actor: Option<&String>, (about, what): (&Message, Json)) -> Option<Message> {
        let name = target(self.message, option, actor)?;
        let queue = self.actors.queue_of(&name).unwrap_or(&self.message.queue_name);
        let mut told = Message::new(queue, &name);
        told.args = vec![about.as_json(), what];
        Some(told)
    }
}

#[cfg(test)]
mod tests;
