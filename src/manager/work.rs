//! One manager at work: pass after pass over schedules, commands, what was left behind and what fails.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde::Serialize;

use super::clocks::SystemClock;
use super::commands::{self, Scene};
use super::failures;
use super::launcher::Launcher;
use super::runs::{Orphans, ask_to_end};
use super::scheduler::{Pass, Scheduler};
use super::wake::Waker;
use crate::apps::ProcessIdentity;
use crate::broker::{self, Link};
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::{host, new_identity};
use crate::tables::{AppCommand, ManagerRow, MessageRow, Old, RunLimits, StopWish, Store};

/// How often a manager says that it lives.
const SEEN_EVERY: Duration = Duration::from_secs(5);
/// A manager that was not seen for so long is taken for gone, where its process cannot be looked at.
const GONE_AFTER: TimeDelta = TimeDelta::seconds(60);
/// How often runs are looked at whose `dc run` may be gone, and apps that fail.
const CARE_EVERY: Duration = Duration::from_secs(2);
/// How often what is old is deleted.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
/// Rows that are deleted at once.
const PRUNE_BATCH: i64 = 1_000;
/// The longest pause while the database is away.
const AWAY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// Messages that are told at once.
const MESSAGES_MAX: i64 = 100;
/// How long apps that are taken along have to end.
const ALONG_PATIENCE: Duration = Duration::from_secs(120);

/// A manager.
pub struct Manager {
    context: Context,
    id: String,
    host: String,
    scheduler: Scheduler<Store, Launcher, SystemClock>,
    orphans: Orphans,
    waker: Waker,
    state: ManagerState,
    seen: Option<Instant>,
    cared: Option<Instant>,
    pruned: Option<Instant>,
    /// The last message that was told.
    told: String,
    wish: StopWish,
}

/// What a manager has done since it started.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ManagerState {
    /// Its identity.
    pub id: String,
    /// Passes.
    pub passes: u64,
    /// Occurrences that it started.
    pub started: u64,
    /// Occurrences that it decided otherwise.
    pub settled: u64,
    /// How long the last pass took, in milliseconds.
    pub pass_ms: u64,
    /// Why the database cannot be reached, while it cannot.
    pub away: Option<String>,
    /// What was started and decided in the last pass, and messages to people, each with its time; a message goes on in
    /// lines that are set in.
    #[serde(skip)]
    pub events: Vec<String>,
}

impl Manager {
    /// A manager of the project, known to the database.
    ///
    /// # Errors
    /// What the database says.
    pub fn start(context: &Context) -> Result<Self> {
        let settings = &context.settings().manager;
        get_key_ready(context)?;
        let mut store = Store::ready(context)?;
        let (id, host) = (new_identity(), host());
        let identity = ProcessIdentity::own()?;
        let now = clock::now();
        store.managers().register(&ManagerRow {
            id: id.clone(),
            host: host.clone(),
            boot_id: identity.boot,
            pid: i64::from(identity.pid),
            pid_started: i64::try_from(identity.start_ticks).unwrap_or(i64::MAX),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_by: context.settings().user.clone(),
            started_at: now,
            seen_at: now,
            ended_at: None,
            stop_flag: StopWish::None.id(),
        })?;
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let groups = settings.group_max_running.iter().map(|(name, limit)| (name.clone(), number(*limit)));
        let limits = RunLimits { all: number(settings.max_running), groups: groups.collect() };
        let told = store.outbox().last()?;
        let launcher = Launcher::new(context)?;
        Ok(Self {
            context: context.clone(),
            scheduler: Scheduler::new(id.clone(), limits, store, launcher, SystemClock::new()),
            host,
            orphans: Orphans::default(),
            waker: Waker::default(),
            state: ManagerState { id: id.clone(), ..ManagerState::default() },
            id,
            seen: None,
            cared: None,
            pruned: None,
            told,
            wish: StopWish::None,
        })
    }

    /// A way to wake it.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Listens to the broker, if one is configured: a note wakes the manager. As long as the link lives.
    ///
    /// # Errors
    /// Settings, when the broker's section cannot be read.
    pub fn link(&self) -> Result<Option<Link>> {
        let waker = self.waker();
        broker::listen(&self.context, &self.id, move |note| {
            log::debug!("a note about command {} has come", note.command);
            waker.wake();
        })
    }

    /// Its identity.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it has done.
    pub fn state(&self) -> &ManagerState {
        &self.state
    }

    /// The database, for what is shown of it.
    pub fn store(&mut self) -> &mut Store {
        &mut self.scheduler.desk
    }

    /// One pass; how long to wait for the next one. A database that is away is waited for; whatever was not done then
    /// is done later.
    ///
    /// # Errors
    /// What is no passing failure: the schema is not there, or not ours to write.
    pub fn pass(&mut self) -> Result<Duration> {
        let began = Instant::now();
        self.state.events.clear();
        let passed = self.try_pass();
        self.state.passes += 1;
        self.state.pass_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match passed {
            Ok(pause) => {
                if let Some(reason) = self.state.away.take() {
                    log::warn!("the database is back; it was away: {reason}");
                }
                Ok(pause)
            }
            Err(error) if error.is_temporary() => {
                if self.state.away.is_none() {
                    log::warn!("the database is away, and waited for: {error}");
                }
                self.state.away = Some(error.to_string());
                Ok(AWAY_PAUSE_MAX.min(Duration::from_millis(500) + began.elapsed()))
            }
            Err(error) => Err(error),
        }
    }

    /// Sleeps until it is woken, is to stop, or for `pause`.
    pub fn sleep(&self, pause: Duration) {
        self.waker.sleep(pause, self.context.cancellation());
    }

    /// Whether somebody asked it to stop.
    pub fn wish(&self) -> StopWish {
        match (self.context.cancellation().is_cancelled(), self.wish) {
            (true, StopWish::None) => StopWish::Stop,
            (_, wish) => wish,
        }
    }

    /// Ends: nothing more is started. With `along` the apps of this machine are ended first.
    ///
    /// # Errors
    /// What the database says; busy when apps do not end.
    pub fn end(mut self, along: bool) -> Result<usize> {
        let ended = if along { self.end_apps() } else { Ok(0) };
        let told = self.scheduler.desk.managers().end(&self.id);
        ended.and_then(|count| told.map(|()| count))
    }

    fn try_pass(&mut self) -> Result<Duration> {
        let is_due = |last: Option<Instant>, every: Duration| last.is_none_or(|last| last.elapsed() >= every);
        if is_due(self.seen, SEEN_EVERY) {
            self.wish = self.scheduler.desk.managers().see(&self.id)?;
            self.seen = Some(Instant::now());
        }
        self.scheduler.forgives = failures::look(&mut self.scheduler.desk)?;
        let Pass { started, settled, clock_jump_ms, pause, events } = self.scheduler.pass()?;
        self.state.events = events;
        self.state.started += started as u64;
        self.state.settled += settled as u64;
        if let Some(jump_ms) = clock_jump_ms {
            let seconds = jump_ms / 1_000;
            log::error!("the clock was set by {seconds} s: nothing is started until it has been steady for a while");
        }
        self.command()?;
        if is_due(self.cared, CARE_EVERY) {
            self.care()?;
            self.cared = Some(Instant::now());
        }
        if is_due(self.pruned, PRUNE_EVERY) && self.prune()? {
            self.pruned = Some(Instant::now());
        }
        Ok(pause)
    }

    fn command(&mut self) -> Result<()> {
        for app_id in self.scheduler.starter.replaced() {
            // the manager of its machine ends it
            for run in self.scheduler.desk.runs().open()?.iter().filter(|run| run.app_id == app_id) {
                let by = "overlap = \"replace\"";
                self.scheduler.desk.commands().request(app_id, AppCommand::Stop, Some(&run.runtime), by)?;
                log::info!("run {} of {} gives way to the next one", run.runtime, run.app);
            }
        }
        let Scheduler { desk, starter, .. } = &mut self.scheduler;
        let open = desk.runs().open()?;
        let managers = desk.managers().all()?;
        let scene = Scene { by: &self.id, host: &self.host, open: &open, managers: &living(&managers, &self.host) };
        commands::carry_out(desk, starter, &scene)
    }

    fn care(&mut self) -> Result<()> {
        let store = &mut self.scheduler.desk;
        let open = store.runs().open()?;
        self.orphans.look(&self.context, &open, &self.host);
        for gone in
            store.managers().all()?.iter().filter(|manager| manager.id != self.id && !is_alive(manager, &self.host))
        {
            store.managers().end(&gone.id)?;
        }
        let messages = store.outbox().after(&self.told, MESSAGES_MAX)?;
        if let Some(last) = messages.last() {
            self.told.clone_from(&last.id);
        }
        self.state.events.extend(messages.iter().map(|MessageRow { kind, subject, body, .. }| {
            let body: String = body.lines().map(|line| format!("\n  {line}")).collect();
            format!("{} {kind}: {subject}{body}", clock::local(clock::now()))
        }));
        Ok(())
    }

    /// Deletes some of what is old; whether that was all.
    fn prune(&mut self) -> Result<bool> {
        let keep = self.context.settings().manager.keep.and_then(|keep| TimeDelta::from_std(keep).ok());
        let Some(before) = keep.and_then(|keep| clock::now().checked_sub_signed(keep)) else { return Ok(true) };
        let mut is_all = true;
        for what in Old::ALL {
            let deleted = self.scheduler.desk.old(what).delete(before, PRUNE_BATCH)?;
            is_all = is_all && deleted < PRUNE_BATCH.unsigned_abs();
            if deleted > 0 {
                log::info!("{deleted} old {} were deleted", what.name());
            }
        }
        Ok(is_all)
    }

    /// Ends the runs of this machine, and waits for them.
    fn end_apps(&mut self) -> Result<usize> {
        let ours = |store: &mut Store, host: &str| -> Result<Vec<_>> {
            Ok(store.runs().open()?.into_iter().filter(|run| run.host == host).collect())
        };
        let running = ours(&mut self.scheduler.desk, &self.host)?;
        let asked = running.iter().filter(|run| ask_to_end(run, &self.host)).count();
        let began = Instant::now();
        while !ours(&mut self.scheduler.desk, &self.host)?.is_empty() || self.orphans.count() > 0 {
            if began.elapsed() > ALONG_PATIENCE {
                return Err(Error::new(ErrorKind::Busy, "end all apps: some do not end")
                    .hint("`dc run --list` shows which run; `dc manager send stop APP` tries again"));
            }
            self.care()?;
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(asked)
    }
}

/// Derives the key of the secrets once for all apps: a wrong password is told now, and not by each of them.
fn get_key_ready(context: &Context) -> Result<()> {
    let secrets = context.secrets();
    if secrets.exists() && !secrets.can_open() {
        log::warn!("no password for {} is given: apps that need secrets will not start", secrets.path().display());
        return Ok(());
    }
    secrets.hand_over().map(drop)
}

/// The managers that work.
pub(super) fn living(managers: &[ManagerRow], host: &str) -> Vec<ManagerRow> {
    managers.iter().filter(|manager| is_alive(manager, host)).cloned().collect()
}

/// Whether a manager works: its process lives, where that can be seen; else it was seen lately.
pub fn is_alive(manager: &ManagerRow, host: &str) -> bool {
    let identity = (manager.host == host).then(|| {
        Some(ProcessIdentity {
            boot: manager.boot_id.clone(),
            pid: i32::try_from(manager.pid).ok()?,
            start_ticks: u64::try_from(manager.pid_started).ok()?,
        })
    });
    match identity.flatten() {
        Some(identity) => identity.is_alive(),
        None => clock::now() - manager.seen_at < GONE_AFTER,
    }
}
