//! A world in memory: a database that obeys the same conditions as the real ones, processes, clocks, and accidents.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta};

use crate::apps::AppDefinition;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::AppName;
use crate::manager::desk::{Clock, Desk, Failed, Starter};
use crate::tables::{Claim, Decision, DueApp, DuePlace, OccurrenceRow, OccurrenceState, RunLimits};

/// A generator of which the same seed gives the same numbers everywhere (xorshift64*).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % end
    }

    /// True in so many of a thousand throws.
    pub(super) fn permille(&mut self, count: u64) -> bool {
        self.below(1_000) < count
    }
}

pub(super) struct App {
    pub(super) id: i64,
    pub(super) name: AppName,
    pub(super) json: String,
    pub(super) definition: AppDefinition,
    pub(super) next_run: Option<NaiveDateTime>,
}

pub(super) struct Occurrence {
    pub(super) row: OccurrenceRow,
    /// How often a run of it has begun.
    pub(super) begun: u32,
}

/// A `dc run` on its way, or at work.
pub(super) struct Process {
    claim: Claim,
    manager: usize,
    begins_ms: i64,
    /// Set when it has begun.
    ends_ms: Option<i64>,
    /// It dies before it begins, with this status.
    dies: Option<i32>,
}

/// What goes wrong, in throws of a thousand.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Accidents {
    pub(super) fails_before: u64,
    pub(super) fails_after: u64,
    pub(super) crashes: u64,
    pub(super) dies: u64,
}

pub(super) struct World {
    pub(super) dice: Dice,
    /// The wall clock and the one that only goes on.
    pub(super) now_ms: i64,
    pub(super) elapsed_ms: i64,
    pub(super) apps: Vec<App>,
    /// Those that are settled, and those that are not.
    pub(super) settled: Vec<Occurrence>,
    pub(super) occurrences: Vec<Occurrence>,
    pub(super) decided: BTreeSet<(i64, NaiveDateTime)>,
    pub(super) processes: Vec<Process>,
    pub(super) failed: Vec<(usize, Failed)>,
    pub(super) is_down: bool,
    pub(super) accidents: Accidents,
    /// The manager whose last step killed it.
    pub(super) crashed: Option<usize>,
    /// What must never happen, and did.
    pub(super) wrong: Vec<String>,
}

impl World {
    pub(super) fn now(&self) -> NaiveDateTime {
        DateTime::from_timestamp_millis(self.now_ms).unwrap_or_default().naive_utc()
    }

    /// Time passes; processes begin and end.
    pub(super) fn pass(&mut self, ms: i64) {
        self.now_ms += ms;
        self.elapsed_ms += ms;
        let settled = self.occurrences.extract_if(.., |other| other.row.state.is_final());
        self.settled.extend(settled);
        let elapsed_ms = self.elapsed_ms;
        for mut process in std::mem::take(&mut self.processes) {
            if process.ends_ms.is_none() && process.begins_ms <= elapsed_ms && !self.is_down {
                match process.dies {
                    Some(status) => {
                        let failed = Failed { claim: process.claim, status, said: "it died".to_owned() };
                        self.failed.push((process.manager, failed));
                        continue;
                    }
                    None if !self.begin(&process.claim) => continue,
                    None => process.ends_ms = Some(elapsed_ms + 1_000 + self.dice.below(180_000) as i64),
                }
            }
            // the end of a run waits for the database too
            if process.ends_ms.is_some_and(|ends_ms| ends_ms <= elapsed_ms) && !self.is_down {
                self.end(&process.claim);
                continue;
            }
            self.processes.push(process);
        }
    }

    /// What `dc run` does first, in one transaction: the claim, and that the app does not run.
    fn begin(&mut self, claim: &Claim) -> bool {
        let runs = self
            .occurrences
            .iter()
            .any(|other| other.row.app_id == claim.app_id && other.row.state == OccurrenceState::Started);
        let Some(found) = self.occurrences.iter_mut().find(|other| other.row.id == claim.occurrence) else {
            return false;
        };
        let is_ours = found.row.fence == claim.fence && found.row.state == OccurrenceState::Claimed;
        if !is_ours {
            return false;
        }
        if runs {
            found.row.state = OccurrenceState::Queued;
            return false;
        }
        found.row.state = OccurrenceState::Started;
        found.begun += 1;
        if found.begun > 1 {
            self.wrong.push(format!("occurrence {} of {} began twice", claim.due_at, claim.app));
        }
        true
    }

    fn end(&mut self, claim: &Claim) {
        let ours = self.occurrences.iter_mut().find(|other| other.row.id == claim.occurrence);
        if let Some(found) = ours.filter(|found| found.row.state == OccurrenceState::Started) {
            found.row.state = OccurrenceState::Ran;
            found.row.reason = Some("it ended well".to_owned());
        }
    }

    /// One step of a database operation: it may fail before, it may fail after, and its caller may die with it.
    fn step<T>(&mut self, manager: usize, work: impl FnOnce(&mut Self) -> T) -> Result<T> {
        let away = || Err(Error::new(ErrorKind::Busy, "reach the database"));
        let Accidents { fails_before, fails_after, crashes, .. } = self.accidents;
        if self.is_down || self.crashed == Some(manager) || self.dice.permille(fails_before) {
            return away();
        }
        if self.dice.permille(crashes) {
            self.crashed = Some(manager);
            return away();
        }
        let done = work(self);
        if self.dice.permille(crashes) {
            self.crashed = Some(manager);
            return away();
        }
        if self.dice.permille(fails_after) { away() } else { Ok(done) }
    }

    fn renew(&mut self, claim: &Claim, state: OccurrenceState, by: &str, now: NaiveDateTime) -> Option<Claim> {
        let found = self.occurrences.iter_mut().find(|other| other.row.id == claim.occurrence)?;
        if found.row.fence != claim.fence || found.row.state != state {
            return None;
        }
        found.row.state = OccurrenceState::Claimed;
        found.row.fence += 1;
        found.row.claimed_by = Some(by.to_owned());
        found.row.claimed_at = Some(now);
        Some(Claim { fence: found.row.fence, ..claim.clone() })
    }

    fn insert(&mut self, app: &DueApp, decision: &Decision, by: &str, now: NaiveDateTime) -> Vec<Claim> {
        let mut claims = Vec::new();
        for verdict in &decision.verdicts {
            if !self.decided.insert((app.app_id, verdict.due_at)) {
                continue;
            }
            let id = self.decided.len() as i64;
            if verdict.state == OccurrenceState::Claimed {
                claims.push(Claim {
                    occurrence: id,
                    fence: 1,
                    app_id: app.app_id,
                    app: app.name.clone(),
                    due_at: verdict.due_at,
                });
            }
            let row = OccurrenceRow {
                id,
                app_id: app.app_id,
                app: app.name.clone(),
                due_at: verdict.due_at,
                state: verdict.state,
                reason: verdict.reason.clone(),
                fence: 1,
                claimed_by: Some(by.to_owned()),
                claimed_at: Some(now),
                runtime: None,
                ended_at: None,
                attempts: 0,
            };
            self.occurrences.push(Occurrence { row, begun: 0 });
        }
        claims
    }

    fn count(&self, app_id: i64, state: OccurrenceState) -> i64 {
        self.occurrences.iter().filter(|other| other.row.app_id == app_id && other.row.state == state).count() as i64
    }

    fn due(&self, now: NaiveDateTime, after: Option<DuePlace>, count: i64) -> Vec<DueApp> {
        let mut due: Vec<(NaiveDateTime, &App)> =
            self.apps.iter().filter_map(|app| Some((app.next_run.filter(|next| *next <= now)?, app))).collect();
        due.sort_by_key(|(next, app)| (*next, app.id));
        due.retain(|(next, app)| after.is_none_or(|after| (*next, app.id) > after));
        let shown = |(due_at, app): (NaiveDateTime, &App)| DueApp {
            app_id: app.id,
            name: app.name.clone(),
            definition: app.json.clone(),
            due_at,
            is_wish: false,
            retry_at: None,
            failures: 0,
            open_run: (self.count(app.id, OccurrenceState::Started) > 0).then(|| "a run".to_owned()),
            claimed: self.count(app.id, OccurrenceState::Claimed),
            queued: self.count(app.id, OccurrenceState::Queued),
        };
        due.into_iter().take(count as usize).map(shown).collect()
    }
}

/// A manager's way to the world.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) world: Rc<RefCell<World>>,
    pub(super) manager: usize,
}

impl Door {
    fn step<T>(&self, work: impl FnOnce(&mut World) -> T) -> Result<T> {
        self.world.borrow_mut().step(self.manager, work)
    }
}

impl Desk for Door {
    fn due_apps(
        &mut self,
        now: NaiveDateTime,
        _: &[String],
        after: Option<DuePlace>,
        count: i64,
    ) -> Result<Vec<DueApp>> {
        self.step(|world| world.due(now, after, count))
    }

    fn next_due(&mut self, after: NaiveDateTime) -> Result<Option<NaiveDateTime>> {
        self.step(|world| world.apps.iter().filter_map(|app| app.next_run).filter(|next| *next > after).min())
    }

    fn decide(
        &mut self,
        decided: &[(DueApp, Decision)],
        _: &RunLimits,
        by: &str,
        now: NaiveDateTime,
    ) -> Result<Vec<Claim>> {
        self.step(|world| {
            let mut claims = Vec::new();
            for (app, decision) in decided {
                let undecided =
                    world.apps.iter_mut().find(|known| known.id == app.app_id && known.next_run == Some(app.due_at));
                if let Some(known) = undecided {
                    known.next_run = decision.next_run;
                    claims.extend(world.insert(app, decision, by, now));
                }
            }
            claims
        })
    }

    fn startable(&mut self, _: &RunLimits, _: &[String], _: NaiveDateTime, count: i64) -> Result<Vec<Claim>> {
        self.step(|world| {
            let mut waiting: Vec<&OccurrenceRow> = world
                .occurrences
                .iter()
                .map(|other| &other.row)
                .filter(|row| row.state == OccurrenceState::Queued)
                .collect();
            waiting.sort_by_key(|row| row.due_at);
            let is_busy = |app_id: i64| {
                world.count(app_id, OccurrenceState::Started) + world.count(app_id, OccurrenceState::Claimed) > 0
            };
            let mut seen = Vec::new();
            waiting.retain(|row| {
                let is_first = !seen.contains(&row.app_id);
                seen.push(row.app_id);
                is_first && !is_busy(row.app_id)
            });
            let claim = |row: &OccurrenceRow| Claim {
                occurrence: row.id,
                fence: row.fence,
                app_id: row.app_id,
                app: row.app.clone(),
                due_at: row.due_at,
            };
            waiting.into_iter().take(count as usize).map(claim).collect()
        })
    }

    fn claim(&mut self, waiting: &Claim, _: &RunLimits, by: &str, now: NaiveDateTime) -> Result<Option<Claim>> {
        self.step(|world| world.renew(waiting, OccurrenceState::Queued, by, now))
    }

    fn old_claims(&mut self, before: NaiveDateTime, _: &[String], count: i64) -> Result<Vec<OccurrenceRow>> {
        self.step(|world| {
            let is_old = |row: &&OccurrenceRow| {
                row.state == OccurrenceState::Claimed && row.claimed_at.is_some_and(|claimed_at| claimed_at < before)
            };
            world.occurrences.iter().map(|other| &other.row).filter(is_old).take(count as usize).cloned().collect()
        })
    }

    fn own_claims(&mut self, by: &str, _: &[String], count: i64) -> Result<Vec<OccurrenceRow>> {
        self.step(|world| {
            let is_own =
                |row: &&OccurrenceRow| row.state == OccurrenceState::Claimed && row.claimed_by.as_deref() == Some(by);
            world.occurrences.iter().map(|other| &other.row).filter(is_own).take(count as usize).cloned().collect()
        })
    }

    fn take_over(&mut self, old: &OccurrenceRow, by: &str, now: NaiveDateTime) -> Result<Option<Claim>> {
        let claim = Claim {
            occurrence: old.id,
            fence: old.fence,
            app_id: old.app_id,
            app: old.app.clone(),
            due_at: old.due_at,
        };
        self.step(|world| world.renew(&claim, OccurrenceState::Claimed, by, now))
    }

    fn settle(&mut self, claim: &Claim, state: OccurrenceState, reason: &str, _: NaiveDateTime) -> Result<bool> {
        self.step(|world| {
            let ours = world.occurrences.iter_mut().find(|other| {
                other.row.id == claim.occurrence
                    && other.row.fence == claim.fence
                    && other.row.state == OccurrenceState::Claimed
            });
            let Some(found) = ours else { return false };
            found.row.state = state;
            found.row.reason = Some(reason.to_owned());
            true
        })
    }
}

impl Starter for Door {
    fn start(&mut self, claim: &Claim) -> Result<()> {
        let mut world = self.world.borrow_mut();
        if world.crashed == Some(self.manager) {
            return Err(Error::new(ErrorKind::Busy, "start anything: it is dead"));
        }
        let dies = world.accidents.dies;
        // a machine under load may take its time: longer than others have patience
        let delay_ms =
            if world.dice.permille(50) { 30_000 + world.dice.below(120_000) } else { world.dice.below(2_000) };
        let dies = world.dice.permille(dies).then_some(1);
        let begins_ms = world.elapsed_ms + delay_ms as i64;
        let process = Process { claim: claim.clone(), manager: self.manager, begins_ms, ends_ms: None, dies };
        world.processes.push(process);
        Ok(())
    }

    fn follows(&self, occurrence: i64, fence: i64) -> bool {
        let world = self.world.borrow();
        let failed = world.failed.iter().map(|(_, failed)| &failed.claim);
        let mut all = world.processes.iter().map(|process| &process.claim).chain(failed);
        all.any(|claim| (claim.occurrence, claim.fence) == (occurrence, fence))
    }

    fn failed(&mut self) -> Vec<Failed> {
        let mut world = self.world.borrow_mut();
        let (ours, others) = std::mem::take(&mut world.failed).into_iter().partition(|(of, _)| *of == self.manager);
        world.failed = others;
        let ours: Vec<(usize, Failed)> = ours;
        ours.into_iter().map(|(_, failed)| failed).collect()
    }

    fn replace(&mut self, app_id: i64) -> Result<()> {
        let mut world = self.world.borrow_mut();
        let elapsed_ms = world.elapsed_ms;
        for process in &mut world.processes {
            if process.claim.app_id == app_id && process.ends_ms.is_some() {
                process.ends_ms = Some(elapsed_ms + 500);
            }
        }
        Ok(())
    }
}

impl Clock for Door {
    fn now(&self) -> NaiveDateTime {
        self.world.borrow().now()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.world.borrow().elapsed_ms.unsigned_abs())
    }
}

/// The moments of a schedule in a stretch of time.
pub(super) fn moments(definition: &AppDefinition, from: NaiveDateTime, to: NaiveDateTime) -> Vec<NaiveDateTime> {
    let mut moments = Vec::new();
    let mut next = definition.next_run(from - TimeDelta::microseconds(1));
    while let Some(due_at) = next.filter(|due_at| *due_at <= to) {
        moments.push(due_at);
        next = definition.next_run(due_at);
    }
    moments
}
