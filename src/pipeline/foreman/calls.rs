//! Documents whose stage is an actor's: they are claimed, handed over and asked for, and what comes back is written down.

use std::time::{Duration, Instant};

use chrono::NaiveDateTime;

use super::super::calls::{Answer, Asked, Question, Ticket};
use super::super::hand::{Order, Report, say};
use super::super::ledger::{Outcome, fate};
use super::super::stage::{Failure, FailureKind};
use super::{BATCH_MAX, Foreman, is_due};
use crate::clock::{self, length_text};
use crate::context::Cancellation;
use crate::die;
use crate::dramatiq::Message;
use crate::error::Result;
use crate::failpoint;
use crate::tables::{AttemptEnd, CallRow, ClaimedTask, Fate, LogLevel, NewCall, Settled, meets};

/// How many documents are with an actor at once where app.toml says nothing: as many as two processes of Dramatiq work on.
const CALLS_MAX: u32 = 16;
/// How often it is read what is with actors.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often it is looked for what an actor has whose stage has none any more.
const LEFT_EVERY: Duration = Duration::from_secs(5);
/// How long it is not looked again for documents after none was found.
const PAUSE: Duration = Duration::from_millis(100);

impl Foreman<'_> {
    /// One turn of all that is with actors, or is to be.
    pub(super) fn turn_of_calls(&mut self) -> Result<()> {
        self.calls.take();
        let every = if self.calls.has_actors() { LOOK_EVERY } else { LEFT_EVERY };
        if is_due(self.calls.looked, every) {
            self.look_at_calls()?;
        }
        self.report_unready();
        self.hand_over()?;
        self.note_sent()?;
        self.settle_answers()?;
        if !self.state.is_ending {
            self.claim_for_actors()?;
        }
        Ok(())
    }

    /// Claims as much as may be with actors at once.
    fn claim_for_actors(&mut self) -> Result<()> {
        if !is_due(self.calls.found_nothing, PAUSE) {
            return Ok(());
        }
        let labels = &self.context.settings().manager.labels;
        let mine = self.plan.actors().filter(|(place, ..)| meets(&self.plan.stages[*place].definition.on, labels));
        let mine: Vec<(usize, String, String)> =
            mine.map(|(place, actor, queue)| (place, actor.to_owned(), queue.to_owned())).collect();
        let mut found = false;
        for (place, actor, queue) in mine {
            let stage = self.plan.stages[place].definition.clone();
            let is_vain = self.state.blocked.contains(&stage.name) && self.calls.listeners(&queue) == Some(0);
            let most = if is_vain { 0 } else { stage.workers.unwrap_or(CALLS_MAX) as usize };
            let room = most.saturating_sub(self.calls.count(&stage.name));
            // whatever something died of may come: nothing is worked on here
            for claimed in self.claim_some(std::slice::from_ref(&stage.name), room.min(BATCH_MAX), true)? {
                found = true;
                let row = self.new_row(&claimed, (&actor, &queue));
                let call = NewCall { row, timeout: stage.timeout };
                self.calls.ask(Asked { claimed, call, is_adopted: false });
            }
        }
        self.calls.found_nothing = (!found).then(Instant::now);
        Ok(())
    }

    fn new_row(&self, claimed: &ClaimedTask, (actor, queue): (&str, &str)) -> CallRow {
        let (task, now) = (&claimed.task, self.now());
        CallRow {
            task_id: task.id,
            app_id: task.app_id,
            stage: task.stage.clone(),
            attempt: task.attempts,
            fence: task.fence,
            message_id: Message::new(queue, actor).message_id,
            actor: actor.to_owned(),
            queue: queue.to_owned(),
            worker: self.row.id.clone(),
            host: self.row.host.clone(),
            runtime: self.row.runtime.clone(),
            sender: Some(self.row.id.clone()),
            asked_at: now,
            answer_until: now,
            input_sha256: claimed.input.as_ref().and_then(|input| input.sha256.clone()),
        }
    }

    /// Writes down that documents are with their actors from now on, and has the questions sent then.
    fn hand_over(&mut self) -> Result<()> {
        if self.calls.ready.is_empty() {
            return Ok(());
        }
        let new: Vec<NewCall> =
            self.calls.ready.iter().filter(|it| !it.asked.is_adopted).map(|it| it.asked.call.clone()).collect();
        let mut was_ours = self.store.tasks().hand_over(&new)?.into_iter();
        failpoint::point("pipeline.handed-over")?;
        let (mut questions, mut count): (Vec<Question>, usize) = (Vec::new(), 0);
        for question in std::mem::take(&mut self.calls.ready) {
            if question.asked.is_adopted {
                questions.push(question);
            } else if was_ours.next() == Some(true) {
                count += 1;
                self.calls.open.push(question.asked.call.row.clone());
                questions.push(question);
            } else {
                self.calls.forget(question.asked.claimed.task.id);
            }
        }
        self.tally.attempts += count as u64;
        self.notes.done(count, false);
        self.calls.send(questions);
        Ok(())
    }

    fn note_sent(&mut self) -> Result<()> {
        if !self.calls.sent.is_empty() {
            let sent: Vec<(i64, i64)> = self.calls.sent.iter().map(|call| (call.task_id, call.fence)).collect();
            self.store.tasks().note_sent(&sent)?;
            self.calls.sent.clear();
        }
        Ok(())
    }

    /// What could not be asked ends as any attempt that fails here.
    fn report_unready(&mut self) {
        for (asked, failure) in std::mem::take(&mut self.calls.unready) {
            let (row, now) = (&asked.call.row, clock::now());
            if asked.is_adopted {
                // its call stands in the database, and ends as one that was not sent
                self.calls.answers.push(Answer::of(row, failure));
                continue;
            }
            let Some(stage) = self.plan.place(&row.stage) else { continue };
            let row = CallRow { asked_at: now, ..row.clone() };
            let attempt = row.attempt_end(now, failure.kind.word(), Some(failure.message.clone()));
            let order = Order { claimed: asked.claimed, stage, cancellation: Cancellation::default() };
            let failure = Some(failure);
            self.state.unsaved.push(Report { order, attempt, failure, is_cancelled: false, is_begun: true });
        }
    }

    /// Reads what is with actors: what was not sent is sent, and what has had its time is over.
    fn look_at_calls(&mut self) -> Result<()> {
        self.calls.open = self.store.tasks().calls(self.row.app_id)?;
        self.calls.looked = Some(Instant::now());
        if self.calls.open.is_empty() {
            return Ok(());
        }
        let now = self.store.now()?;
        self.conclude(now);
        let is_of_others = |call: &CallRow| call.sender.as_ref().is_some_and(|sender| *sender != self.row.id);
        let may_adopt = self.calls.has_actors() && !self.state.is_ending;
        if may_adopt && self.calls.open.iter().any(is_of_others) {
            for (row, claimed) in self.store.tasks().adopt_calls(self.row.app_id, &self.row.id, &self.plan.order)? {
                let timeout = (row.answer_until - row.asked_at).to_std().unwrap_or_default();
                self.calls.ask(Asked { claimed, call: NewCall { row, timeout }, is_adopted: true });
            }
        }
        Ok(())
    }

    /// What has had its time is over, unless its answer may wait in the broker.
    fn conclude(&mut self, now: NaiveDateTime) {
        if !self.calls.are_all_here() {
            return;
        }
        let is_known = |call: &&CallRow| self.calls.answers.iter().any(|it| it.ticket == Ticket::of(call));
        let over = self.calls.open.iter().filter(|call| call.answer_until <= now && !is_known(call));
        let over: Vec<Answer> = over.map(|call| Answer::of(call, self.unanswered(call))).collect();
        self.calls.answers.extend(over);
    }

    /// Why an answer did not come in time: nobody works for the queue, or it takes too long.
    fn unanswered(&self, call: &CallRow) -> Failure {
        let CallRow { actor, queue, asked_at, answer_until, .. } = call;
        let timeout = length_text((*answer_until - *asked_at).to_std().unwrap_or_default());
        let none = format!("no answer of the actor `{actor}` within {timeout}");
        match self.calls.listeners(queue) {
            Some(0) => Failure::blocked(format!("{none}: nobody works for the queue `{queue}`")),
            _ => Failure::passing(none),
        }
    }

    /// The place of a stage, if an actor does its work.
    fn actor_stage(&self, stage: &str) -> Option<usize> {
        self.plan.place(stage).filter(|place| self.plan.stages[*place].actor().is_some())
    }

    /// Writes answers down, and lets the broker know then.
    fn settle_answers(&mut self) -> Result<()> {
        while !self.calls.answers.is_empty() {
            let count = self.calls.answers.len().min(BATCH_MAX);
            // those of other workers are not known yet
            self.calls.open = self.store.tasks().calls(self.row.app_id)?;
            let now = self.now();
            for failure in self.calls.answers[..count].iter_mut().filter_map(|answer| answer.result.as_mut().err()) {
                self.plan.redact(failure);
            }
            let ends: Vec<Option<End>> =
                self.calls.answers[..count].iter().map(|answer| self.end_of(answer, now)).collect();
            let settled: Vec<Settled> = ends.iter().flatten().map(|end| end.settled.clone()).collect();
            let mut was_open = self.store.tasks().settle_calls(self.row.app_id, &settled)?.into_iter();
            let answers: Vec<Answer> = self.calls.answers.drain(..count).collect();
            let mut resting: Vec<String> = Vec::new();
            for (Answer { ticket, result, origin }, end) in answers.into_iter().zip(ends) {
                let was_said = origin.settle(&ticket);
                match end.filter(|_| was_open.next() == Some(true)) {
                    Some(End { settled, stage }) => {
                        self.calls.open.retain(|call| call.task_id != settled.task_id);
                        let failure = result.as_ref().err();
                        // what fails together is one try of a stage that cannot work
                        let rests = failure.is_some_and(|failure| failure.kind == FailureKind::Blocked);
                        let is_told = rests && resting.contains(&ticket.stage);
                        if let Some(stage) = stage.filter(|_| !is_told) {
                            let (task_id, attempt) = (ticket.task_id, ticket.attempt);
                            let outcome = Outcome { task_id, stage, attempt, failure, is_cancelled: false };
                            self.follow(&outcome, &settled.fate, false)?;
                        }
                        if rests {
                            resting.push(ticket.stage);
                        }
                    }
                    None if was_said => tell_late(&ticket),
                    None => {}
                }
            }
        }
        Ok(())
    }

    /// What an answer makes of its task; `None` for one that is too late, or came before.
    fn end_of(&self, answer: &Answer, now: NaiveDateTime) -> Option<End> {
        let call = self.calls.open.iter().find(|call| Ticket::of(call) == answer.ticket)?;
        let (failure, output) = match &answer.result {
            Ok(output) => (None, output.clone()),
            Err(failure) => (Some(failure), None),
        };
        let word = failure.map_or("done", |failure| failure.kind.word());
        let error = failure.map(|failure| failure.message.clone());
        let attempt = AttemptEnd { output, ..call.attempt_end(now, word, error) };
        let (task_id, fence, stage) = (call.task_id, call.fence, self.actor_stage(&call.stage));
        let fate = match stage {
            Some(stage) => {
                let outcome = Outcome { task_id, stage, attempt: call.attempt, failure, is_cancelled: false };
                fate(&self.plan, &outcome, 0, now, die::share())
            }
            // a stage that has no actor any more begins anew, as app.toml has it now
            None => Fate::Again { not_before: None, counts: false },
        };
        Some(End { settled: Settled { task_id, fence, fate, attempt }, stage })
    }
}

/// How an answer ends an attempt.
struct End {
    settled: Settled,
    /// The place of the stage; `None` for one that has no actor any more.
    stage: Option<usize>,
}

fn tell_late(ticket: &Ticket) {
    let what = format!("an answer for attempt {} came too late, or twice: nothing is changed", ticket.attempt);
    say(ticket.task_id, &ticket.stage, LogLevel::Warning, &what);
}
