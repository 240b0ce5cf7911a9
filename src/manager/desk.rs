//! What the scheduler needs of the world, behind traits: where decisions are written down, what starts an app, and what
//! time it is. So months can pass in seconds, and every step can be made to fail.

use std::time::Duration;

use chrono::NaiveDateTime;

use crate::error::Result;
use crate::ident::{AppName, RuntimeId, host};
use crate::tables::{
    Backoff, Claim, Decision, DueApp, DuePlace, NewRun, OccurrenceRow, OccurrenceState, Pause, RunEnd, RunLimits, Store,
};

/// What the runs of schedules are started by, in the table of runs.
pub const BY_SCHEDULE: &str = "manager";

/// Where decisions are written down: the database.
pub(super) trait Desk {
    /// The apps that are due and may work on a machine with `labels`, after a place.
    fn due_apps(
        &mut self,
        now: NaiveDateTime,
        labels: &[String],
        after: Option<DuePlace>,
        count: i64,
    ) -> Result<Vec<DueApp>>;
    /// The times in which nothing was to be started, and that had not ended at `since`.
    fn pauses(&mut self, _since: NaiveDateTime) -> Result<Vec<Pause>> {
        Ok(Vec::new())
    }
    /// When the first one is after that.
    fn next_due(&mut self, after: NaiveDateTime) -> Result<Option<NaiveDateTime>>;
    /// Writes decisions down; what may start comes back.
    fn decide(
        &mut self,
        decided: &[(DueApp, Decision)],
        limits: &RunLimits,
        by: &str,
        now: NaiveDateTime,
    ) -> Result<Vec<Claim>>;
    /// What waits and may start on a machine with `labels`.
    fn startable(
        &mut self,
        limits: &RunLimits,
        labels: &[String],
        now: NaiveDateTime,
        count: i64,
    ) -> Result<Vec<Claim>>;
    /// Claims what waits.
    fn claim(&mut self, waiting: &Claim, limits: &RunLimits, by: &str, now: NaiveDateTime) -> Result<Option<Claim>>;
    /// Claims that are older than `before` and may start on a machine with `labels`.
    fn old_claims(&mut self, before: NaiveDateTime, labels: &[String], count: i64) -> Result<Vec<OccurrenceRow>>;
    /// The claims of this manager that may start on a machine with `labels`, and that no run has followed.
    fn own_claims(&mut self, by: &str, labels: &[String], count: i64) -> Result<Vec<OccurrenceRow>>;
    /// Takes such a claim over.
    fn take_over(&mut self, old: &OccurrenceRow, by: &str, now: NaiveDateTime) -> Result<Option<Claim>>;
    /// Ends a claim without a start.
    fn settle(&mut self, claim: &Claim, state: OccurrenceState, reason: &str, now: NaiveDateTime) -> Result<bool>;
    /// Ends a claim whose start failed: that is a failure of the app.
    fn fail(&mut self, claim: &Claim, reason: &str, _backoff: Backoff, now: NaiveDateTime) -> Result<bool> {
        self.settle(claim, OccurrenceState::Skipped, reason, now)
    }
}

/// What starts apps.
pub(super) trait Starter {
    /// Starts `dc run` for a claim, detached. An error says why it could not be.
    fn start(&mut self, claim: &Claim) -> Result<()>;
    /// Whether a `dc run` that was started for this claim, by its number, has not ended.
    fn follows(&self, occurrence: i64, fence: i64) -> bool;
    /// Whether the app stands on this machine.
    fn has(&self, _app: &AppName) -> bool {
        true
    }
    /// Whether it stands here as it is registered.
    fn has_as(&self, _app: &AppName, _definition: &str) -> bool {
        true
    }
    /// The claims whose `dc run` has ended without success, and what it said last.
    fn failed(&mut self) -> Vec<Failed>;
    /// Has the open run of an app end.
    fn replace(&mut self, app_id: i64) -> Result<()>;
}

/// A `dc run` that ended without success.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    /// What it was started for.
    pub(super) claim: Claim,
    /// Its exit status.
    pub(super) status: i32,
    /// Its last words.
    pub(super) said: String,
}

/// Two clocks: one that people may set, and one that only goes on.
pub(super) trait Clock {
    /// The wall clock, UTC.
    fn now(&self) -> NaiveDateTime;
    /// The time since some moment.
    fn elapsed(&self) -> Duration;
}

impl Desk for Store {
    fn due_apps(
        &mut self,
        now: NaiveDateTime,
        labels: &[String],
        after: Option<DuePlace>,
        count: i64,
    ) -> Result<Vec<DueApp>> {
        self.apps().due(now, labels, after, count)
    }

    fn pauses(&mut self, since: NaiveDateTime) -> Result<Vec<Pause>> {
        Self::pauses(self).since(since)
    }

    fn next_due(&mut self, after: NaiveDateTime) -> Result<Option<NaiveDateTime>> {
        self.apps().next_due(after)
    }

    fn decide(
        &mut self,
        decided: &[(DueApp, Decision)],
        limits: &RunLimits,
        by: &str,
        now: NaiveDateTime,
    ) -> Result<Vec<Claim>> {
        self.occurrences().decide(decided, limits, by, now)
    }

    fn startable(
        &mut self,
        limits: &RunLimits,
        labels: &[String],
        now: NaiveDateTime,
        count: i64,
    ) -> Result<Vec<Claim>> {
        self.occurrences().startable(limits, labels, now, count)
    }

    fn claim(&mut self, waiting: &Claim, limits: &RunLimits, by: &str, now: NaiveDateTime) -> Result<Option<Claim>> {
        self.occurrences().claim(waiting, limits, by, now)
    }

    fn old_claims(&mut self, before: NaiveDateTime, labels: &[String], count: i64) -> Result<Vec<OccurrenceRow>> {
        self.occurrences().old_claims(before, labels, count)
    }

    fn own_claims(&mut self, by: &str, labels: &[String], count: i64) -> Result<Vec<OccurrenceRow>> {
        self.occurrences().own_claims(by, labels, count)
    }

    fn take_over(&mut self, old: &OccurrenceRow, by: &str, now: NaiveDateTime) -> Result<Option<Claim>> {
        self.occurrences().take_over(old, by, now)
    }

    fn settle(&mut self, claim: &Claim, state: OccurrenceState, reason: &str, now: NaiveDateTime) -> Result<bool> {
        self.occurrences().settle(claim, state, reason, now)
    }

    fn fail(&mut self, claim: &Claim, reason: &str, backoff: Backoff, now: NaiveDateTime) -> Result<bool> {
        let run = NewRun {
            runtime: RuntimeId::at(now),
            app_id: claim.app_id,
            started_at: now,
            args: None,
            started_by: BY_SCHEDULE.to_owned(),
            host: host(),
            boot_id: None,
            pid_namespace: None,
            lease: Duration::ZERO,
            pid: None,
            pid_started: None,
            occurrence: Some((claim.occurrence, claim.fence)),
            serves: false,
        };
        let is_failed = self.runs().fail_to_start(&run, &RunEnd::not_begun(now, reason.to_owned(), backoff))?;
        // it runs by now, started by hand maybe: then only this moment is lost
        Ok(is_failed || self.occurrences().settle(claim, OccurrenceState::Skipped, reason, now)?)
    }
}
