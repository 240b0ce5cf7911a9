//! One manager at work: pass after pass over schedules, commands, what was left behind and what fails.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde::Serialize;

use super::clocks::{SystemClock, Trust};
use super::commands::{self, Scene};
use super::desk::{Clock, Starter};
use super::drift::{self, Drift};
use super::expectation;
use super::failures;
use super::fetcher::Fetcher;
use super::groups::check_groups;
use super::janitor::Janitor;
use super::launcher::Launcher;
use super::note;
use super::outlived::Outlived;
use super::owner::{Owner, ask_to_end, lives};
use super::pipelines;
use super::placement;
use super::runs::Care;
use super::scheduler::{Pass, Scheduler};
use super::triggers;
use super::wake::Waker;
use crate::apps::{AppDefinition, Orphans, ProcessIdentity, is_first_process};
use crate::broker::Link;
use crate::clock;
use crate::context::Context;
use crate::die;
use crate::ends::Ends;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::{host, new_identity};
use crate::tables::{
    AppCommand, Backoff, CommandFilter, LogLevel, ManagerRow, MessageKind, MessageRow, NewCommand, NewMessage, Old,
    Pause, RunLimits, RunRow, StopWish, Store,
};

/// How often a manager says that it lives.
const SEEN_EVERY: Duration = Duration::from_secs(5);
/// How often runs are looked at whose `dc run` may be gone, and apps that fail.
const CARE_EVERY: Duration = Duration::from_secs(2);
/// How often the database is asked for the time.
const CLOCK_EVERY: Duration = Duration::from_secs(60);
/// And while the clock of this machine is wrong.
const WRONG_CLOCK_EVERY: Duration = Duration::from_secs(5);
/// How often the folder of apps is compared with the registry, and it is asked which apps are overdue.
const DRIFT_EVERY: Duration = Duration::from_secs(30);
/// The pause between two passes that decide nothing.
const IDLE_PAUSE: Duration = Duration::from_secs(1);
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
    scheduler: Scheduler<Store, Launcher, SystemClock>,
    ends: Ends,
    care: Care,
    outlived: Outlived,
    /// Where this is process 1 of a container.
    orphans: Option<Orphans>,
    waker: Waker,
    state: ManagerState,
    seen: Option<Instant>,
    cared: Option<Instant>,
    pruned: Option<Instant>,
    janitor: Janitor,
    fetcher: Fetcher,
    timed: Option<Instant>,
    trust: Trust,
    looked: Option<Instant>,
    drift: Drift,
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
        check_groups(context, &mut store)?;
        let id = new_identity();
        let identity = ProcessIdentity::own()?;
        let now = store.now()?;
        let row = ManagerRow {
            id: id.clone(),
            host: host(),
            boot_id: identity.space.boot,
            pid_namespace: identity.space.namespaces,
            lease_until: None,
            pid: i64::from(identity.pid),
            pid_started: i64::try_from(identity.start_ticks).unwrap_or(i64::MAX),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_by: context.settings().user.clone(),
            started_at: now,
            seen_at: now,
            ended_at: None,
            stop_flag: StopWish::None.id(),
            labels: settings.labels.join(" "),
        };
        store.managers().register(&row, context.settings().run.lease)?;
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let groups = settings.group_max_running.iter().map(|(name, limit)| (name.clone(), number(*limit)));
        let limits = RunLimits { all: number(settings.max_running), groups: groups.collect() };
        let told = store.outbox().last()?;
        let launcher = Launcher::new(context)?;
        let backoff = Backoff { first: settings.backoff, max: settings.backoff_max, jitter: die::share() };
        let mut scheduler = Scheduler::new(id.clone(), limits, store, launcher, SystemClock::new());
        scheduler.backoff = backoff;
        // a claim is as good as a lease
        scheduler.claim_patience = context.settings().run.lease;
        scheduler.labels.clone_from(&settings.labels);
        Ok(Self {
            context: context.clone(),
            scheduler,
            ends: Ends::of(context.settings()),
            care: Care::default(),
            outlived: Outlived::default(),
            orphans: is_first_process().then(Orphans::default),
            waker: Waker::default(),
            state: ManagerState { id: id.clone(), ..ManagerState::default() },
            id,
            seen: None,
            cared: None,
            pruned: None,
            janitor: Janitor::default(),
            fetcher: Fetcher::default(),
            timed: None,
            trust: Trust::Right,
            looked: None,
            drift: Drift::default(),
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
        note::listen(&self.context, &self.id, move |note| {
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
                self.care.forget();
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
        let lease = self.context.settings().run.lease;
        if is_due(self.seen, SEEN_EVERY.min(lease / 3)) {
            self.wish = self.scheduler.desk.managers().see(&self.id, lease)?;
            self.seen = Some(Instant::now());
        }
        let is_wrong = matches!(self.trust, Trust::Wrong(_));
        if is_due(self.timed, if is_wrong { WRONG_CLOCK_EVERY } else { CLOCK_EVERY }) {
            self.check_clock()?;
            self.timed = Some(Instant::now());
        }
        if is_due(self.looked, DRIFT_EVERY) {
            self.look_for_drift()?;
            let now = self.scheduler.clock.now();
            expectation::tell(&mut self.scheduler.desk, now)?;
            placement::tell(&mut self.scheduler.desk, now)?;
            self.looked = Some(Instant::now());
        }
        let Scheduler { desk, starter, .. } = &mut self.scheduler;
        self.fetcher.look(&self.context, desk, starter)?;
        let paused = self.scheduler.desk.pauses().current()?;
        let Pass { started, settled, clock_jump_ms, pause, events } = match self.trust {
            // what is due meanwhile is decided afterwards
            _ if paused.is_some() => Pass { pause: IDLE_PAUSE, ..Pass::default() },
            Trust::Wrong(_) => Pass { pause: IDLE_PAUSE, ..Pass::default() },
            Trust::Right | Trust::Differs(_) => {
                let now = self.scheduler.clock.now();
                self.scheduler.forgives = failures::look(&mut self.scheduler.desk, now)?;
                triggers::look(&mut self.scheduler.desk, now)?;
                self.scheduler.pass()?
            }
        };
        self.state.events = events;
        self.state.started += started as u64;
        self.state.settled += settled as u64;
        if let Some(jump_ms) = clock_jump_ms {
            let seconds = jump_ms / 1_000;
            log::error!("the clock was set by {seconds} s: nothing is started until it has been steady for a while");
        }
        self.command(paused.as_ref())?;
        if is_due(self.cared, CARE_EVERY) {
            self.care()?;
            self.cared = Some(Instant::now());
        }
        // what is old, and what nobody knows, is decided by a clock
        if !matches!(self.trust, Trust::Wrong(_)) {
            if is_due(self.pruned, PRUNE_EVERY) && self.prune()? {
                self.pruned = Some(Instant::now());
            }
            self.janitor.look(&self.context)?;
        }
        Ok(pause)
    }

    /// Says what stands under `apps/` and is not registered so, or registers it where that was asked for.
    fn look_for_drift(&mut self) -> Result<()> {
        let store = &mut self.scheduler.desk;
        let mut drift = Drift::of(&self.context, store)?;
        if self.context.settings().manager.deploys && !(drift.new.is_empty() && drift.changed.is_empty()) {
            let registered = drift::register(&self.context, store)?;
            let names = [&registered.added[..], &registered.changed].concat().join(", ");
            log::info!("registered, as they stand under apps/: {names}");
            self.fetcher.publish(registered.added.into_iter().chain(registered.changed));
            drift = Drift::of(&self.context, store)?;
        }
        if drift != self.drift && drift.matters() {
            log::warn!("{drift}: `dc deploy` registers what can be read");
        }
        self.drift = drift;
        Ok(())
    }

    /// Asks the database for the time, by which everything is due. A machine whose clock is far from it decides nothing:
    /// one of both is wrong, and people have to look.
    fn check_clock(&mut self) -> Result<()> {
        let Scheduler { desk, clock, .. } = &mut self.scheduler;
        let trust = clock.follow(desk)?;
        let is_news = !trust.is_as(self.trust);
        match (trust, trust.words()) {
            (Trust::Wrong(_), Some(words)) if is_news => {
                let subject = format!("{words}: its manager on {} decides nothing", host());
                log::error!("{subject}; set it right: timedatectl set-ntp true");
                desk.outbox().tell(&NewMessage {
                    kind: MessageKind::Clock,
                    severity: LogLevel::Error,
                    app_id: None,
                    subject,
                    body: "Other managers go on. Set the clock right: timedatectl set-ntp true".to_owned(),
                })?;
            }
            (Trust::Differs(_), Some(words)) if is_news => {
                log::warn!("{words}: apps are due by the database's; set it right: timedatectl set-ntp true");
            }
            (Trust::Right, _) if is_news => log::warn!("the clock of this machine agrees with the database's again"),
            _ => {}
        }
        // not before that was told
        self.trust = trust;
        match trust {
            Trust::Wrong(_) => Ok(()),
            Trust::Right | Trust::Differs(_) => self.set_back(),
        }
    }

    /// Apps that wait longer than their schedule allows were decided by a clock that was wrong.
    fn set_back(&mut self) -> Result<()> {
        let backoff_max = self.context.settings().manager.backoff_max;
        let Scheduler { desk, clock, .. } = &mut self.scheduler;
        let now = clock.now();
        let retry_max = TimeDelta::from_std(backoff_max).ok().and_then(|pause| now.checked_add_signed(pause));
        for app in desk.apps().all()?.into_iter().filter(|app| !app.disable) {
            let Ok(definition) = AppDefinition::from_json(&app.definition) else { continue };
            let (Some(next_run), Some(due)) = (app.next_run, definition.next_run(now)) else { continue };
            let is_held = app.retry_at.zip(retry_max).is_some_and(|(retry_at, latest)| retry_at > latest);
            if (next_run > due || is_held) && desk.apps().set_back(&app, Some(due.min(next_run)))? {
                let due = clock::local(due.min(next_run));
                log::warn!(
                    "{} waited longer than its schedule allows, by a clock that was wrong: due at {due}",
                    app.name
                );
            }
        }
        Ok(())
    }

    fn command(&mut self, paused: Option<&Pause>) -> Result<()> {
        let replaced = self.scheduler.starter.replaced();
        for (place, app_id) in replaced.iter().enumerate() {
            if let Err(error) = self.replace(*app_id) {
                replaced[place..].iter().try_for_each(|app_id| self.scheduler.starter.replace(*app_id))?;
                return Err(error);
            }
        }
        let Scheduler { desk, starter, clock, limits, labels, is_alone, .. } = &mut self.scheduler;
        let now = clock.now();
        let managers: Vec<ManagerRow> =
            desk.managers().all()?.into_iter().filter(|manager| lives(manager, now)).collect();
        *is_alone = managers.len() < 2;
        let scene = Scene { by: &self.id, managers: &managers, now, limits, labels, paused };
        commands::carry_out(desk, starter, &scene)
    }

    /// Has the run of an app give way to the next one: the manager of its machine ends it.
    fn replace(&mut self, app_id: i64) -> Result<()> {
        let desk = &mut self.scheduler.desk;
        let asked = desk.commands().list(&CommandFilter::Open)?;
        let is_asked = |run: &RunRow| asked.iter().any(|command| command.args.as_deref() == Some(&run.runtime));
        for run in desk.runs().open()?.iter().filter(|run| run.app_id == app_id && !is_asked(run)) {
            let by = "overlap = \"replace\"";
            let (command, args) = (AppCommand::Stop, Some(run.runtime.as_str()));
            desk.commands().request(&NewCommand { app_id, command, args, by, expires: None })?;
            log::info!("run {} of {} gives way to the next one", run.runtime, run.app);
        }
        Ok(())
    }

    fn care(&mut self) -> Result<()> {
        if let Some(count) = self.orphans.as_mut().map(Orphans::reap).filter(|count| *count > 0) {
            log::debug!("{count} processes that had lost their parents have ended");
        }
        let may_start = !matches!(self.trust, Trust::Wrong(_)) && self.wish() == StopWish::None;
        let now = self.scheduler.clock.now();
        let store = &mut self.scheduler.desk;
        // an end that was seen comes before any guess
        self.ends.deliver(store)?;
        let open = store.runs().open()?;
        self.care.look(&self.context, store, &open, now)?;
        self.outlived.look(&self.context, store, now)?;
        if may_start && store.pauses().current()?.is_none() {
            pipelines::keep(store, &mut self.scheduler.starter, &self.scheduler.labels)?;
        }
        for gone in store.managers().all()?.iter().filter(|manager| manager.id != self.id && !lives(manager, now)) {
            store.managers().end(&gone.id)?;
        }
        let messages = store.outbox().after(&self.told, MESSAGES_MAX)?;
        if let Some(last) = messages.last() {
            self.told.clone_from(&last.id);
        }
        self.state.events.extend(messages.iter().map(|MessageRow { created_at, kind, subject, body, .. }| {
            let body: String = body.lines().map(|line| format!("\n  {line}")).collect();
            format!("{} {kind}: {subject}{body}", clock::local(*created_at))
        }));
        Ok(())
    }

    /// Deletes some of what is old; whether that was all.
    fn prune(&mut self) -> Result<bool> {
        self.ends.sweep(&mut self.scheduler.desk)?;
        let keep = self.context.settings().manager.keep.and_then(|keep| TimeDelta::from_std(keep).ok());
        let now = self.scheduler.clock.now();
        let (mut is_all, mut is_any) = (true, false);
        for what in Old::ALL {
            let keep = keep.into_iter().chain(what.kept_at_most()).min();
            let Some(before) = keep.and_then(|keep| now.checked_sub_signed(keep)) else { continue };
            let deleted = self.scheduler.desk.old(what).delete(before, PRUNE_BATCH)?;
            is_all = is_all && deleted < PRUNE_BATCH.unsigned_abs();
            is_any |= deleted > 0;
            if deleted > 0 {
                log::info!("{deleted} old {} were deleted", what.name());
            }
        }
        if is_any {
            self.scheduler.desk.shrink()?;
        }
        Ok(is_all)
    }

    /// Ends the runs of this machine, and waits for them.
    fn end_apps(&mut self) -> Result<usize> {
        let ours = |store: &mut Store| -> Result<Vec<_>> {
            let now = store.now()?;
            Ok(store.runs().open()?.into_iter().filter(|run| Owner::of_run(run, now).is_here()).collect())
        };
        let running = ours(&mut self.scheduler.desk)?;
        let asked = running.iter().filter(|run| ask_to_end(run)).count();
        let began = Instant::now();
        while !ours(&mut self.scheduler.desk)?.is_empty() || self.care.count() > 0 {
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
