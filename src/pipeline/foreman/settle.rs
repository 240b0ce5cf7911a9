//! What became of documents is written down, and followed: other machines are told, people are, and a stage that cannot work
//! rests.

use std::sync::Arc;
use std::time::Instant;

use chrono::NaiveDateTime;

use super::super::care;
use super::super::hand::{Report, say};
use super::super::ledger::{Outcome, fate};
use super::super::stage::FailureKind;
use super::{BATCH_MAX, Foreman};
use crate::die;
use crate::error::Result;
use crate::tables::{Fate, LogLevel, MessageKind, NewMessage, Noted, Settled, TaskState, meets};

impl Foreman<'_> {
    /// Writes down what became of documents.
    pub(super) fn settle(&mut self) -> Result<()> {
        self.give_back()?;
        if self.state.unsaved.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let count = self.state.unsaved.len().min(BATCH_MAX);
        let settled: Vec<Settled> =
            self.state.unsaved[..count].iter().map(|report| self.settled(report, now)).collect();
        let noted = self.store.tasks().settle(self.row.app_id, &settled)?;
        let reports: Vec<Report> = self.state.unsaved.drain(..count).collect();
        self.notes.done(reports.len(), false);
        let mut failed = Ok(());
        for ((report, settled), noted) in reports.into_iter().zip(settled).zip(noted) {
            self.state.under_way.remove(&settled.task_id);
            let done = Instant::now();
            self.state.lately.push_back(done);
            self.state.done = Some(done);
            self.tally.attempts += 1;
            if noted == Noted::Lost {
                let what = "it was taken away meanwhile: what became of it is not written down";
                say(settled.task_id, &report.attempt.stage, LogLevel::Warning, what);
                continue;
            }
            let is_onward = noted == Noted::Onward;
            // what cannot be told of one document does not hold the others up
            let followed = self.follow(&outcome_of(&report), &settled.fate, is_onward);
            failed = failed.and(followed);
            if is_onward {
                self.go_on(report);
            }
        }
        failed
    }

    /// The same document in the next stage, for which it is claimed.
    fn go_on(&mut self, report: Report) {
        let Report { mut order, attempt, .. } = report;
        order.stage += 1;
        let task = &mut order.claimed.task;
        task.stage.clone_from(&self.plan.order[order.stage]);
        task.fence += 1;
        (task.attempts, task.deaths, task.not_before) = (1, 0, None);
        if attempt.output.is_some() {
            order.claimed.input = attempt.output;
        }
        self.hand_out(order.claimed);
    }

    fn settled(&self, report: &Report, now: NaiveDateTime) -> Settled {
        let task = &report.order.claimed.task;
        let fate = match fate(&self.plan, &outcome_of(report), task.deaths, now, die::share()) {
            Fate::Next(stage) if self.may_go_on(report.order.stage + 1) => {
                Fate::Onward { stage, priority: task.priority }
            }
            fate => fate,
        };
        Settled { task_id: task.id, fence: task.fence, fate, attempt: report.attempt.clone() }
    }

    /// Whether a document may go on here with a stage, as far as is known without asking: one whose places are counted, and one
    /// that rests, are asked for in the database. What is an actor's is not for the hands.
    fn may_go_on(&self, stage: usize) -> bool {
        let definition = &self.plan.stages[stage].definition;
        let labels = &self.context.settings().manager.labels;
        let is_free =
            !self.state.has_suspects && definition.workers.is_none() && !self.state.blocked.contains(&definition.name);
        let is_here = self.plan.stages[stage].actor().is_none();
        !self.state.is_ending && is_here && is_free && meets(&definition.on, labels)
    }

    /// Gives back what waits behind documents that take long: another worker may be free for it.
    pub(super) fn give_back_unbegun(&mut self) -> Result<()> {
        let claims: Vec<(i64, i64)> =
            self.unbegun.try_iter().map(|order| (order.claimed.task.id, order.claimed.task.fence)).collect();
        if claims.is_empty() {
            return Ok(());
        }
        claims.iter().for_each(|(task_id, _)| drop(self.state.under_way.remove(task_id)));
        // where the answer is lost, what a worker has and knows nothing of is given back a moment later
        self.store.tasks().give_back(&claims)
    }

    /// Gives back what was claimed and not begun.
    fn give_back(&mut self) -> Result<()> {
        let claims: Vec<(i64, i64)> = self.state.unsaved.iter().filter(|it| !it.is_begun).map(claim_of).collect();
        if claims.is_empty() {
            return Ok(());
        }
        self.store.tasks().give_back(&claims)?;
        self.state.unsaved.retain(|report| report.is_begun);
        for (task_id, _) in claims {
            self.state.under_way.remove(&task_id);
        }
        Ok(())
    }

    /// What follows from the end of an attempt.
    pub(super) fn follow(&mut self, outcome: &Outcome<'_>, fate: &Fate, is_onward: bool) -> Result<()> {
        let plan = Arc::clone(&self.plan);
        let Outcome { task_id, stage, failure, is_cancelled, .. } = *outcome;
        let stage = plan.order[stage].as_str();
        if let Fate::Next(next) | Fate::Onward { stage: next, .. } = fate
            && !is_onward
        {
            self.notes.tell(task_id, next);
        }
        if let (None, Some(place)) = (failure, self.state.blocked.iter().position(|known| known == stage)) {
            self.state.blocked.swap_remove(place);
            self.unblock(stage)?;
        }
        let Some(failure) = failure else {
            self.tally.done += u64::from(*fate == Fate::Done);
            if let (Fate::Done, Some(inbox)) = (fate, &self.inbox) {
                inbox.ended();
            }
            return Ok(());
        };
        if is_cancelled {
            return Ok(());
        }
        let message = &failure.message;
        match fate {
            Fate::Ended(state) => {
                self.tally.ended += 1;
                say(task_id, stage, LogLevel::Error, &format!("{}: {message}", state.name()));
                if *state == TaskState::Quarantined {
                    let (app_id, name) = (self.row.app_id, self.plan.name.clone());
                    care::quarantine(&mut self.store, app_id, &name, task_id, message)?;
                }
                if let Some(inbox) = &self.inbox {
                    inbox.ended();
                }
            }
            Fate::Again { .. } if failure.kind == FailureKind::Blocked => self.block(stage, message)?,
            _ => say(task_id, stage, LogLevel::Warning, &format!("it is tried again: {message}")),
        }
        Ok(())
    }

    /// A stage cannot work: it rests for all, and people are told once.
    fn block(&mut self, stage: &str, reason: &str) -> Result<()> {
        if !self.state.blocked.iter().any(|known| known == stage) {
            self.state.blocked.push(stage.to_owned());
        }
        if !self.store.tasks().block(self.row.app_id, stage, reason)? {
            return Ok(());
        }
        let subject = format!("{}: the stage `{stage}` cannot work", self.plan.name);
        log::error!(stage = stage; "the stage waits, and tries one document at a time: {reason}");
        self.tell(MessageKind::Blocked, LogLevel::Error, subject, format!("{reason}\nIt goes on by itself."))
    }

    fn unblock(&mut self, stage: &str) -> Result<()> {
        if self.store.tasks().unblock(self.row.app_id, stage)?.is_none() {
            return Ok(());
        }
        let subject = format!("{}: the stage `{stage}` works again", self.plan.name);
        log::warn!(stage = stage; "the stage works again");
        self.tell(MessageKind::Unblocked, LogLevel::Warning, subject, "What waited goes on.".to_owned())
    }

    fn tell(&mut self, kind: MessageKind, severity: LogLevel, subject: String, body: String) -> Result<()> {
        let message = NewMessage { kind, severity, app_id: Some(self.row.app_id), subject, body };
        self.store.outbox().tell(&message).map(drop)
    }
}

fn outcome_of(report: &Report) -> Outcome<'_> {
    let Report { order, attempt, failure, is_cancelled, .. } = report;
    let (task_id, failure) = (order.claimed.task.id, failure.as_ref());
    Outcome { task_id, stage: order.stage, attempt: attempt.attempt, failure, is_cancelled: *is_cancelled }
}

fn claim_of(report: &Report) -> (i64, i64) {
    let task = &report.order.claimed.task;
    (task.id, task.fence)
}
