//! The scheduler: looks what is due, has it decided, and starts what was claimed. Whatever it knows it reads anew each
//! time, so it may die at any step, and a database that was away delays and never forgets.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};

use super::decide::{Decided, LATE, decide, start_of};
use super::desk::{Clock, Desk, Failed, Starter};
use crate::apps::AppDefinition;
use crate::clock;
use crate::error::Result;
use crate::failpoint;
use crate::ident::AppName;
use crate::tables::{Backoff, Claim, DueApp, DuePlace, OccurrenceRow, OccurrenceState, RunLimits};

/// Apps that are decided in one transaction.
const BATCH_MAX: i64 = 50;
/// Occurrences that are started from the queue, or taken over, in one pass.
const QUEUE_MAX: i64 = 50;
/// A claim that is not followed by a start for so long is taken over: whoever made it may be gone.
const CLAIM_PATIENCE: Duration = Duration::from_secs(60);
/// How often a claim is taken over before its occurrence is given up.
const CLAIMS_MAX: i64 = 5;
/// The longest pause between two passes: others may have changed what is due.
const PAUSE_MAX: Duration = Duration::from_millis(1_000);
/// Old claims are looked for this often.
const LOOK_BACK_EVERY: Duration = Duration::from_secs(5);
/// A wall clock that differs by more from the one that only goes on was set.
const JUMP_MIN: Duration = Duration::from_secs(120);
/// Nothing is decided for so long after the clock was set: it may be set back at once.
const JUMP_PAUSE: Duration = Duration::from_secs(30);

/// One manager's scheduler.
pub(super) struct Scheduler<D, S, C> {
    /// The manager's identity, which stands on its claims.
    by: String,
    pub(super) limits: RunLimits,
    /// The labels of this machine.
    pub(super) labels: Vec<String>,
    /// No other manager works: what stands here otherwise than it is registered is started all the same.
    pub(super) is_alone: bool,
    /// Apps that have failed too often are started all the same: there is an incident, and it is not their fault.
    pub(super) forgives: bool,
    /// A claim that is not followed by a start for so long is taken over.
    pub(super) claim_patience: Duration,
    /// The pause of an app whose start failed.
    pub(super) backoff: Backoff,
    pub(super) desk: D,
    pub(super) starter: S,
    pub(super) clock: C,
    /// By how much the wall clock is ahead of the one that only goes on, and when nothing is to be decided any longer.
    offset: Option<i64>,
    paused_until: Option<Duration>,
    looked_back: Option<Duration>,
    /// Claims that could not be started for the moment, with their numbers.
    put_off: BTreeSet<(i64, i64)>,
    definitions: Definitions,
}

/// What one pass has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pass {
    /// Occurrences started.
    pub(super) started: usize,
    /// Occurrences decided otherwise, or moved.
    pub(super) settled: usize,
    /// The clock was set; nothing is decided until it is trusted again.
    pub(super) clock_jump_ms: Option<i64>,
    /// How long to wait for the next pass.
    pub(super) pause: Duration,
    /// What was started and decided, in words.
    pub(super) events: Vec<String>,
}

impl<D: Desk, S: Starter, C: Clock> Scheduler<D, S, C> {
    pub(super) fn new(by: String, limits: RunLimits, desk: D, starter: S, clock: C) -> Self {
        Self {
            by,
            limits,
            labels: Vec::new(),
            is_alone: true,
            forgives: false,
            claim_patience: CLAIM_PATIENCE,
            backoff: Backoff::default(),
            desk,
            starter,
            clock,
            offset: None,
            paused_until: None,
            looked_back: None,
            put_off: BTreeSet::new(),
            definitions: Definitions::default(),
        }
    }

    /// One pass over everything that is due.
    ///
    /// # Errors
    /// What the database says: whatever was not decided is still there in the next pass.
    pub(super) fn pass(&mut self) -> Result<Pass> {
        let mut pass = Pass::default();
        self.settle_failed(&mut pass)?;
        pass.clock_jump_ms = self.watch_clock();
        if self.paused_until.is_some_and(|until| self.clock.elapsed() < until) {
            pass.pause = PAUSE_MAX;
            return Ok(pass);
        }
        // those that wait come first, or where there is little room they would wait for ever
        self.start_queued(&mut pass)?;
        let seen = self.start_due(&mut pass)?;
        let elapsed = self.clock.elapsed();
        if self.looked_back.is_none_or(|looked| elapsed >= looked + LOOK_BACK_EVERY) {
            self.looked_back = Some(elapsed);
            self.take_over(&mut pass)?;
        }
        pass.pause = self.pause(&seen)?;
        Ok(pass)
    }

    /// Decides what is due, some apps at a time.
    fn start_due(&mut self, pass: &mut Pass) -> Result<Seen> {
        let mut seen = Seen { until: self.clock.now(), ripe_at: None };
        let mut place: Option<DuePlace> = None;
        loop {
            let due = self.desk.due_apps(seen.until, &self.labels, place, BATCH_MAX)?;
            place = due.last().map(|app| (app.due_at, app.app_id));
            let is_full = due.len() as i64 >= BATCH_MAX;
            self.start_some(due, &mut seen, pass)?;
            if !is_full {
                return Ok(seen);
            }
        }
    }

    fn start_some(&mut self, due: Vec<DueApp>, seen: &mut Seen, pass: &mut Pass) -> Result<()> {
        let now = self.clock.now();
        let (mut decided, mut replaced) = (Vec::new(), Vec::new());
        let pauses = match due.iter().map(|app| app.due_at).min() {
            // only what is late may have been due while everything was paused
            Some(first) if now - first > span(PAUSE_MAX) => self.desk.pauses(first)?,
            _ => Vec::new(),
        };
        for app in due {
            let Some(definition) = self.definitions.of(&app) else { continue };
            let has_failed = definition.max_failures.is_some_and(|max| app.failures >= i64::from(max));
            if has_failed && !self.forgives {
                // it is taken out of service before the next pass, or an incident is noticed
                seen.ripe_at = Some(now);
                continue;
            }
            let is_here = match self.is_alone {
                true => self.starter.has(&app.name),
                false => self.starter.has_as(&app.name, &app.definition),
            };
            if now - app.due_at < span(LATE) && !is_here {
                // a manager of a machine that has it, as it is registered, is given the first minute
                let late_at = app.due_at + span(LATE);
                seen.ripe_at = Some(seen.ripe_at.map_or(late_at, |known| known.min(late_at)));
                continue;
            }
            match decide(&app, definition, &pauses, now) {
                Some(Decided { decision, replaces }) => {
                    replaced.extend(replaces.then_some(app.app_id));
                    decided.push((app, decision));
                }
                None => {
                    let start = start_of(&app, definition, app.due_at);
                    seen.ripe_at = Some(seen.ripe_at.map_or(start, |known| known.min(start)));
                }
            }
        }
        if decided.is_empty() {
            return Ok(());
        }
        let claims = match self.desk.decide(&decided, &self.limits, &self.by, now) {
            Ok(claims) => claims,
            Err(error) => {
                // it may be decided all the same, and then nobody else knows of it; whatever goes on has to give way
                replaced.into_iter().try_for_each(|app_id| self.starter.replace(app_id))?;
                return Err(error);
            }
        };
        pass.settled += decided.iter().map(|(_, decision)| decision.verdicts.len()).sum::<usize>() - claims.len();
        for (app, decision) in &decided {
            let told = decision.verdicts.iter().filter(|verdict| verdict.reason.is_some());
            pass.events.extend(told.map(|verdict| {
                let reason = verdict.reason.as_deref().unwrap_or_default();
                event(&app.name, verdict.due_at, now, &format!("{}: {reason}", verdict.state.name()))
            }));
        }
        for claim in claims {
            self.start(&claim, pass)?;
        }
        for app_id in replaced {
            self.starter.replace(app_id)?;
        }
        Ok(())
    }

    fn start_queued(&mut self, pass: &mut Pass) -> Result<()> {
        for waiting in self.desk.startable(&self.limits, &self.labels, self.clock.now(), QUEUE_MAX)? {
            let now = self.clock.now();
            if now - waiting.due_at < span(LATE) && !self.starter.has(&waiting.app) {
                continue;
            }
            if let Some(claim) = self.desk.claim(&waiting, &self.limits, &self.by, now)? {
                self.start(&claim, pass)?;
            }
        }
        Ok(())
    }

    /// Claims that nobody has followed: a new number, and another start. The old one, should it still come, is refused.
    fn take_over(&mut self, pass: &mut Pass) -> Result<()> {
        let now = self.clock.now();
        let mut old_claims = self.desk.old_claims(now - span(self.claim_patience), &self.labels, QUEUE_MAX)?;
        // our own that nothing follows: the answer to the claim was lost, and we were not told that it is ours
        let own_claims = self.desk.own_claims(&self.by, &self.labels, QUEUE_MAX)?;
        self.put_off.retain(|known| own_claims.iter().any(|own| (own.id, own.fence) == *known));
        for own in own_claims {
            let is_known = self.starter.follows(own.id, own.fence) || self.put_off.contains(&(own.id, own.fence));
            if !is_known && old_claims.iter().all(|old| old.id != own.id) {
                old_claims.push(own);
            }
        }
        for old in old_claims {
            if old.fence >= CLAIMS_MAX {
                let claim = claim_of(&old);
                let reason = format!("it did not start, tried {} times", old.fence);
                pass.settled += usize::from(self.desk.settle(&claim, OccurrenceState::Skipped, &reason, now)?);
            } else if let Some(claim) = self.desk.take_over(&old, &self.by, now)? {
                self.start(&claim, pass)?;
            }
        }
        Ok(())
    }

    fn start(&mut self, claim: &Claim, pass: &mut Pass) -> Result<()> {
        failpoint::point("manager.claimed")?;
        match self.starter.start(claim) {
            Ok(()) => {
                failpoint::point("manager.started")?;
                pass.started += 1;
                pass.events.push(event(&claim.app, claim.due_at, self.clock.now(), "started"));
            }
            Err(error) if error.is_temporary() => {
                // it stays claimed, and is taken over later
                self.put_off.insert((claim.occurrence, claim.fence));
                log::warn!("{} was not started now: {error}", claim.app);
            }
            Err(error) => {
                let reason = format!("it could not be started: {error}");
                self.desk.fail(claim, &reason, self.backoff, self.clock.now())?;
                pass.settled += 1;
                log::error!("{}: {reason}", claim.app);
            }
        }
        Ok(())
    }

    /// A `dc run` that ended badly before it had begun a run leaves its claim behind; one that had begun has settled it.
    fn settle_failed(&mut self, pass: &mut Pass) -> Result<()> {
        for Failed { claim, status, said } in self.starter.failed() {
            let now = self.clock.now();
            let settled = match status {
                // it runs already, by hand maybe: that is for the next pass to see
                75 => self.desk.settle(&claim, OccurrenceState::Queued, &format!("it waits: {said}"), now)?,
                status => {
                    let nowhere = match self.starter.has(&claim.app) {
                        true => String::new(),
                        false => " (no machine where a manager works has it)".to_owned(),
                    };
                    let reason = format!("`dc run` ended with status {status} before it began{nowhere}: {said}");
                    let is_failed = self.desk.fail(&claim, &reason, self.backoff, now)?;
                    if is_failed {
                        log::error!("{}: {reason}", claim.app);
                        pass.events.push(event(&claim.app, claim.due_at, now, &format!("failed: {reason}")));
                    }
                    is_failed
                }
            };
            pass.settled += usize::from(settled);
        }
        Ok(())
    }

    /// How far the wall clock was set since the last pass, if it was.
    fn watch_clock(&mut self) -> Option<i64> {
        let elapsed = self.clock.elapsed();
        let offset =
            self.clock.now().and_utc().timestamp_millis() - i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
        let jump = self.offset.map_or(0, |known| offset - known);
        self.offset = Some(offset);
        if jump.unsigned_abs() < JUMP_MIN.as_millis() as u64 {
            return None;
        }
        self.paused_until = Some(elapsed + JUMP_PAUSE);
        Some(jump)
    }

    /// Until the next moment that is known, or a little while.
    fn pause(&mut self, seen: &Seen) -> Result<Duration> {
        let next = self.desk.next_due(seen.until)?.into_iter().chain(seen.ripe_at).min();
        let pause = next.map_or(PAUSE_MAX, |next| (next - self.clock.now()).to_std().unwrap_or_default());
        Ok(pause.min(PAUSE_MAX))
    }
}

/// How far a pass has looked.
struct Seen {
    /// What is due later it has not seen.
    until: NaiveDateTime,
    /// When the first app is ripe that only waits for its jitter.
    ripe_at: Option<NaiveDateTime>,
}

/// The definitions of apps, read once as long as they stay the same.
#[derive(Default)]
struct Definitions(HashMap<i64, (String, Option<AppDefinition>)>);

impl Definitions {
    /// That of an app; `None` when it cannot be read, which is told once.
    fn of(&mut self, app: &DueApp) -> Option<&AppDefinition> {
        if self.0.get(&app.app_id).is_none_or(|(text, _)| *text != app.definition) {
            let definition = AppDefinition::from_json(&app.definition)
                .inspect_err(|error| {
                    log::error!("{} is left out: its stored definition cannot be read: {error}", app.name);
                })
                .ok();
            self.0.insert(app.app_id, (app.definition.clone(), definition));
        }
        self.0.get(&app.app_id).and_then(|(_, definition)| definition.as_ref())
    }
}

/// What was done, as one line.
fn event(app: &AppName, due_at: NaiveDateTime, now: NaiveDateTime, what: &str) -> String {
    format!("{} {app}, due {}: {what}", clock::local(now), &clock::local(due_at)[11..])
}

fn claim_of(row: &OccurrenceRow) -> Claim {
    Claim { occurrence: row.id, fence: row.fence, app_id: row.app_id, app: row.app.clone(), due_at: row.due_at }
}

fn span(length: Duration) -> TimeDelta {
    TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX)
}
