//! Hands out documents and writes down what became of them, for all threads of a worker: many in one transaction, whatever
//! has come together while the last one was written.

mod calls;
mod settle;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use crossbeam_channel::{Receiver, Sender};

use super::calls::Calls;
use super::care;
use super::hand::{Order, Report};
use super::inbox::Inbox;
use super::notes::Notes;
use super::plan::Plan;
use crate::context::{Cancellation, Context};
use crate::error::Result;
use crate::tables::{ClaimLimits, ClaimedTask, Store, TaskState, WorkerRow, meets};

/// So many documents are settled in one transaction.
const BATCH_MAX: usize = 256;
/// How long a worker with nothing to do waits before it looks again, if nothing wakes it.
const IDLE: Duration = Duration::from_millis(500);
/// How often it is looked whether tasks were taken away.
const VOID_EVERY: Duration = Duration::from_secs(1);
/// How often the tasks of workers that are gone are looked for, and whether this one is to end.
const CARE_EVERY: Duration = Duration::from_secs(2);
/// The longest pause while the database is away.
const AWAY_MAX: Duration = Duration::from_secs(5);
/// Documents are claimed ahead for so long, as fast as they were done last.
const AHEAD: Duration = Duration::from_millis(250);
/// So many documents are claimed ahead at most.
const AHEAD_MAX: usize = 512;
/// How often the progress is told.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// What a worker has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) done: u64,
    pub(super) ended: u64,
    pub(super) attempts: u64,
}

pub(super) struct Foreman<'a> {
    pub(super) context: &'a Context,
    pub(super) plan: Arc<Plan>,
    pub(super) store: Store,
    pub(super) row: WorkerRow,
    /// Where the files of what was begun are.
    pub(super) folder: PathBuf,
    pub(super) hands: usize,
    pub(super) stay: bool,
    pub(super) orders: Sender<Order>,
    /// What no hand has begun.
    pub(super) unbegun: Receiver<Order>,
    pub(super) reports: Receiver<Report>,
    /// Rings when there may be something new.
    pub(super) news: Receiver<()>,
    /// Set when nothing more is to be begun.
    pub(super) closing: Cancellation,
    pub(super) inbox: Option<Inbox>,
    pub(super) notes: Notes,
    /// What is with actors.
    pub(super) calls: Calls,
    /// Tasks that this machine found.
    pub(super) found: Receiver<i64>,
    /// The definition that was registered when it began: another one is another worker's.
    pub(super) registered: String,
    pub(super) tally: Tally,
    pub(super) state: State,
}

/// What changes while it works.
#[derive(Default)]
pub(super) struct State {
    under_way: BTreeMap<i64, UnderWay>,
    /// What could not be written down yet.
    unsaved: Vec<Report>,
    /// When documents were done lately.
    lately: VecDeque<Instant>,
    /// When one was done last.
    done: Option<Instant>,
    voided: Option<Instant>,
    cared: Option<Instant>,
    renewed: Option<Instant>,
    told: Option<Instant>,
    away_since: Option<Instant>,
    /// The database's time less that of this machine.
    offset: chrono::TimeDelta,
    is_ending: bool,
    /// Whether documents wait that are to be worked on alone.
    has_suspects: bool,
    /// Stages that people were told of.
    blocked: Vec<String>,
}

struct UnderWay {
    stage: usize,
    fence: i64,
    deaths: i64,
    cancellation: Cancellation,
}

impl Foreman<'_> {
    /// Works until nothing waits, or somebody asks it to end. A database that is away is waited for.
    pub(super) fn run(&mut self) -> Result<()> {
        loop {
            match self.turn() {
                Ok(true) => return Ok(()),
                Ok(false) => self.back(),
                Err(error) if error.is_temporary() => self.away(&error.to_string()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends: its row goes, with whatever it may still have.
    pub(super) fn leave(mut self) -> Result<(Tally, Store)> {
        self.inbox = None;
        let reason = "its worker ended";
        self.store.tasks().remove_worker(&self.row, Some(&[]), reason)?;
        Ok((self.tally, self.store))
    }

    /// One turn: takes reports, writes down, claims, hands out; whether it is over.
    fn turn(&mut self) -> Result<bool> {
        self.collect();
        if self.context.cancellation().is_cancelled() && !self.state.is_ending {
            self.state.is_ending = true;
            self.closing.cancel();
            for under_way in self.state.under_way.values() {
                under_way.cancellation.cancel();
            }
        }
        if is_due(self.state.renewed, self.lease() / 3) {
            self.renew()?;
        }
        self.settle()?;
        self.turn_of_calls()?;
        if is_due(self.state.cared, CARE_EVERY) {
            self.care()?;
        }
        if is_due(self.state.voided, VOID_EVERY) {
            self.give_up_void()?;
        }
        if !self.state.is_ending {
            self.claim()?;
        }
        self.tell_progress()?;
        if !(self.state.under_way.is_empty() && self.state.unsaved.is_empty() && self.calls.is_idle()) {
            return Ok(false);
        }
        let has_nothing = !self.stay && self.calls.is_empty() && self.inbox.as_ref().is_none_or(Inbox::is_empty);
        Ok(self.state.is_ending || has_nothing && self.is_empty()?)
    }

    /// Takes what has come, and waits for the first of it.
    fn collect(&mut self) {
        let wait = if self.state.unsaved.is_empty() { IDLE } else { Duration::ZERO };
        crossbeam_channel::select! {
            recv(self.reports) -> report => self.state.unsaved.extend(report),
            recv(self.news) -> _ => {}
            default(wait) => {}
        }
        self.notes.take();
        if let Some(first) = self.plan.order.first() {
            self.found.try_iter().for_each(|task| self.notes.tell(task, first));
        }
        // what has come together meanwhile is written down together
        let room = BATCH_MAX.saturating_sub(self.state.unsaved.len());
        self.state.unsaved.extend(self.reports.try_iter().take(room));
    }

    /// Claims as much as the hands will need until the next turn.
    fn claim(&mut self) -> Result<()> {
        let mut mine = self.stages();
        // what is an actor's is not for the hands
        mine.retain(|place| self.plan.stages[*place].actor().is_none());
        let is_alone = self.state.under_way.is_empty();
        let has_suspect = self.state.under_way.values().any(|under_way| under_way.deaths > 0);
        if has_suspect || (self.state.has_suspects && !is_alone) {
            // something died of it: it is worked on with nothing beside it, and does not wait for the end of all others
            return Ok(());
        }
        if self.state.has_suspects {
            // it comes first, whatever its stage
            let names: Vec<String> = mine.iter().map(|place| self.plan.order[*place].clone()).collect();
            let first = self.claim_some(&names, 1, true)?;
            self.state.has_suspects = first.iter().any(|claimed| claimed.task.deaths > 0);
            first.into_iter().for_each(|claimed| self.hand_out(claimed));
            if self.state.has_suspects {
                return Ok(());
            }
        }
        let (mut claimed, is_alone) = (Vec::new(), self.state.under_way.is_empty());
        let mut free = self.ahead().saturating_sub(self.state.under_way.len());
        let (limited, others): (Vec<usize>, Vec<usize>) =
            mine.iter().partition(|place| self.plan.stages[**place].definition.workers.is_some());
        for place in limited {
            let stage = self.plan.stages[place].definition.clone();
            let busy = self.state.under_way.values().filter(|under_way| under_way.stage == place).count();
            let room = (stage.workers.unwrap_or(1) as usize).saturating_sub(busy).min(free);
            let some = self.claim_some(std::slice::from_ref(&stage.name), room, is_alone && claimed.is_empty())?;
            free -= some.len().min(free);
            claimed.extend(some);
        }
        let names: Vec<String> = others.iter().map(|place| self.plan.order[*place].clone()).collect();
        let some = self.claim_some(&names, free, is_alone && claimed.is_empty())?;
        claimed.extend(some);
        if self.state.under_way.is_empty() && claimed.is_empty() {
            // whoever told of something meant what others have, or what is done
            self.notes.done(0, true);
        }
        claimed.into_iter().for_each(|claimed| self.hand_out(claimed));
        Ok(())
    }

    fn hand_out(&mut self, claimed: ClaimedTask) {
        let Some(stage) = self.plan.place(&claimed.task.stage) else { return };
        let cancellation = Cancellation::default();
        let under_way = UnderWay {
            stage,
            fence: claimed.task.fence,
            deaths: claimed.task.deaths,
            cancellation: cancellation.clone(),
        };
        self.state.under_way.insert(claimed.task.id, under_way);
        // the hands live as long as we do
        let _ = self.orders.send(Order { claimed, stage, cancellation });
    }

    fn claim_some(&mut self, stages: &[String], count: usize, is_alone: bool) -> Result<Vec<ClaimedTask>> {
        if count == 0 || stages.is_empty() {
            return Ok(Vec::new());
        }
        let limits = ClaimLimits {
            app_id: self.row.app_id,
            worker: &self.row.id,
            stages,
            order: &self.plan.order,
            count: i64::try_from(count).unwrap_or(i64::MAX),
            is_alone,
        };
        self.store.tasks().claim(&limits)
    }

    /// The stages that may work on this machine.
    fn stages(&self) -> Vec<usize> {
        let labels = &self.context.settings().manager.labels;
        (0..self.plan.stages.len()).filter(|place| meets(&self.plan.stages[*place].definition.on, labels)).collect()
    }

    /// The names of those that do not rest.
    fn free_stages(&self) -> Vec<String> {
        let names = self.stages().into_iter().map(|place| &self.plan.order[place]);
        names.filter(|stage| !self.state.blocked.contains(stage)).cloned().collect()
    }

    /// How many documents are to be here at once: for each hand one and one more, and what was done within the last moment.
    fn ahead(&mut self) -> usize {
        while self.state.lately.front().is_some_and(|done| done.elapsed() > AHEAD) {
            self.state.lately.pop_front();
        }
        (self.hands + self.state.lately.len()).min(AHEAD_MAX.max(self.hands))
    }

    /// Tasks that were taken away are given up.
    fn give_up_void(&mut self) -> Result<()> {
        let claims: Vec<(i64, i64)> = self.state.under_way.iter().map(|(id, it)| (*id, it.fence)).collect();
        if !claims.is_empty() {
            for task_id in self.store.tasks().void(&claims)? {
                if let Some(under_way) = self.state.under_way.get(&task_id) {
                    under_way.cancellation.cancel();
                }
            }
        }
        self.state.voided = Some(Instant::now());
        Ok(())
    }

    fn care(&mut self) -> Result<()> {
        if self.state.done.is_none_or(|done| done.elapsed() >= CARE_EVERY) {
            self.give_back_unbegun()?;
        }
        care::take_back(&mut self.store, &self.row, &self.folder, &self.plan.name)?;
        let blocks = self.store.tasks().blocks(Some(self.row.app_id))?;
        self.state.blocked = blocks.into_iter().map(|block| block.stage).collect();
        let free = self.free_stages();
        self.state.has_suspects = self.store.tasks().has_suspects(self.row.app_id, &free)?;
        let unsaved = self.state.unsaved.iter().map(|report| report.order.claimed.task.id);
        let here: Vec<i64> = self.state.under_way.keys().copied().chain(self.calls.asking()).chain(unsaved).collect();
        let lost = self.store.tasks().give_back_others(&self.row.id, &here)?;
        if lost > 0 {
            log::warn!("an answer of the database was lost: {lost} documents wait again");
        }
        self.state.cared = Some(Instant::now());
        if !self.state.is_ending && self.is_to_end()? {
            // what is begun comes to its end
            self.state.is_ending = true;
            self.closing.cancel();
        }
        Ok(())
    }

    /// Whether the pipeline was taken out of service or paused, or has changed: then another worker starts.
    fn is_to_end(&mut self) -> Result<bool> {
        if !self.stay {
            return Ok(false);
        }
        if self.store.pauses().current()?.is_some() {
            return Ok(true);
        }
        let Some(app) = self.store.apps().by_id(self.row.app_id)? else { return Ok(true) };
        Ok(app.disable || app.archive.is_some() || app.definition != self.registered || self.is_replaced()?)
    }

    /// Whether the files of a pipeline that was fetched were deployed anew.
    fn is_replaced(&mut self) -> Result<bool> {
        let Some(sha256) = &self.plan.fetched else { return Ok(false) };
        let published = self.store.publications().of_app(self.row.app_id)?;
        Ok(published.is_none_or(|published| published.sha256 != *sha256))
    }

    /// Renews the lease; a worker that was taken for gone begins anew, with nothing.
    fn renew(&mut self) -> Result<()> {
        let lease = self.lease();
        if !self.store.tasks().renew_worker(&self.row.id, lease)? {
            log::warn!("this worker was taken for gone: others have its documents, and it begins anew");
            for under_way in self.state.under_way.values() {
                under_way.cancellation.cancel();
            }
            let under_way: Vec<i64> = self.state.under_way.keys().copied().collect();
            self.store.tasks().came_back(&self.row.id, &under_way)?;
            self.store.tasks().register_worker(&self.row, lease)?;
        }
        self.state.offset = self.store.now()? - crate::clock::now();
        self.state.renewed = Some(Instant::now());
        Ok(())
    }

    fn lease(&self) -> Duration {
        self.context.settings().run.lease
    }

    fn now(&self) -> NaiveDateTime {
        crate::clock::now() + self.state.offset
    }

    /// Whether nothing waits that could be worked on now.
    fn is_empty(&mut self) -> Result<bool> {
        let free = self.free_stages();
        Ok(self.store.tasks().ready_count(self.row.app_id, &free)? == 0)
    }

    fn tell_progress(&mut self) -> Result<()> {
        if !is_due(self.state.told, PROGRESS_EVERY) {
            return Ok(());
        }
        self.state.told = Some(Instant::now());
        let ledger = self.store.tasks().ledger(self.row.app_id)?;
        let of = |state: TaskState| ledger.states.get(state.name()).copied().unwrap_or_default();
        let all: i64 = ledger.states.values().sum();
        let (solved, failed) =
            (of(TaskState::Done), of(TaskState::Rejected) + of(TaskState::Failed) + of(TaskState::Quarantined));
        let line = serde_json::json!({"dc": "progress", "task_size": all, "solved": solved, "failed": failed});
        self.context.shell().json_line(&line.to_string())
    }

    fn away(&mut self, reason: &str) {
        if self.state.away_since.is_none() {
            log::warn!("the database is away, and waited for: {reason}");
            self.state.away_since = Some(Instant::now());
        }
        let since = self.state.away_since.map(|since| since.elapsed()).unwrap_or_default();
        std::thread::sleep(AWAY_MAX.min(Duration::from_millis(200) + since / 4));
    }

    fn back(&mut self) {
        if let Some(since) = self.state.away_since.take() {
            log::warn!("the database is back after {} s", since.elapsed().as_secs());
        }
    }
}

fn is_due(last: Option<Instant>, every: Duration) -> bool {
    last.is_none_or(|last| last.elapsed() >= every)
}
