//! `dc run`: starts an app, stays with it, and leaves one row in `runtime`, whatever happens.

mod echo;
mod given;
mod keeper;
mod launch;
mod listener;
mod outcome;
mod overlong;
mod record;
mod tape;
mod together;
mod tried;

pub use echo::Echo;
pub use outcome::RunReport;
pub use tape::TapeOptions;
pub(super) use tape::folder as cassettes;
pub use tried::{TriedRun, try_run};

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;

use super::actors::ActorWorkerOptions;
use super::deploy::{DeployOptions, deploy};
use crate::apps::{AppDefinition, Ended, Fields, FoundApp, How, Launch, Overlap, ProcessIdentity, Signals, supervise};
use crate::clock;
use crate::context::Context;
use crate::die;
use crate::ends::{Ends, KeptEnd};
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::http::Recorded as RecordedRun;
use crate::ident::{AppName, RuntimeId, host};
use crate::logs::{Capture, Captured, LaneReport, RunOfApp};
use crate::manager::{Owner, UNHEARD_PATIENCE, close_gone, close_lost};
use crate::publish::{FetchedApp, PlacedApp, find_placed_app};
use crate::redact::Redactor;
use crate::settings::MAIN;
use crate::tables::{
    AppRow, Backoff, Claim, LogLevel, Missing, NewRun, OccurrenceState, RunEnd, RunOutcome, RunRow, SchemaState,
    StartRun, Store, hex_text,
};
use crate::telemetry::Telemetry;
use given::Given;
use keeper::Keeper;
use launch::{app_launch, own_variables};
use listener::{Listener, Recorded};
use outcome::{end_of, outcome_of};
use record::Record;
use tape::{Tape, replay_words};

/// The exit status of a run that somebody else has closed: however its app ended, nobody recorded that.
const STATUS_LOST: i32 = 130;

/// How long a database is waited for that does not answer, at the start and at the end.
const STORE_PATIENCE: Duration = Duration::from_secs(10);
/// The pause before its start is recorded again.
const START_PAUSE: Duration = Duration::from_millis(500);
/// How often a run that was left behind by a dead dc is closed before we give up.
const ORPHANS_MAX: usize = 3;

/// What `dc run` is asked for.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// The app: its full name, or a tail that no other app has.
    pub app: String,
    /// What the app is given as `DC_ARGS`, as JSON.
    pub args: Option<String>,
    /// What becomes of its output besides the log.
    pub echo: Echo,
    /// The occurrence that a manager has claimed, and the number of the claim.
    pub occurrence: Option<(i64, i64)>,
    /// Whether it works a pipeline off for as long as the pipeline is in service: what a manager starts on each machine.
    pub serves: bool,
    /// What becomes of its requests.
    pub tape: TapeOptions,
    /// Who or what started it, where that is not the person at the keyboard.
    pub started_by: Option<String>,
}

/// Runs an app to its end.
///
/// # Errors
/// Not found for an unknown app or program; busy (75) when it runs already; settings for a broken app.toml. An app that
/// starts and fails is no error: its status is in the report.
pub fn run(context: &Context, options: &RunOptions) -> Result<RunReport> {
    let (options, replayed) = tape::prepare(context, options)?;
    let options = &options;
    let arguments = arguments_of(options)?;
    let PlacedApp { app: found, fetched } = find_placed_app(context, &options.app)?;
    let (mut store, app) = registered(context, &found, fetched.is_some())?;
    let given = Given::to(context, &found)?;
    let signals = Signals::forwarded()?;
    // times in the database are those of its clock
    let (started_at, began) = (store.now()?, Instant::now());
    let runtime = RuntimeId::at(started_at);
    let recorded = RecordedRun {
        runtime: runtime.to_string(),
        app: found.name.to_string(),
        args: arguments.clone(),
        started_at: tape::moment(started_at),
    };
    let tape = Tape::start(context, options, replayed, &recorded)?;
    Runner {
        context,
        options,
        found,
        fetched,
        app,
        arguments,
        runtime,
        started_at,
        began,
        tape,
        redactor: given.redactor(context.settings()),
        given,
    }
    .run(store, signals)
}

fn arguments_of(options: &RunOptions) -> Result<String> {
    let text = options.args.as_deref().unwrap_or("{}");
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(cause) => Err(Error::new(ErrorKind::Usage, format!("read the arguments `{text}` as JSON"))
            .because(cause)
            .hint("quote them for the shell: --args '{\"year\": 2026}'")),
    }
}

/// The app's row. On the embedded default everything is deployed by itself, elsewhere `dc deploy` has to be told.
fn registered(context: &Context, found: &FoundApp, is_fetched: bool) -> Result<(Store, AppRow)> {
    if context.settings().database(MAIN)?.is_default && !is_fetched {
        let mut store = Store::open(context, Missing::Create)?;
        if matches!(store.schema_state()?, SchemaState::Current)
            && let Some(row) =
                store.apps().named(&found.name)?.filter(|row| row.definition == found.definition.to_json())
        {
            return Ok((store, row));
        }
        deploy(context, &DeployOptions::default())?;
    }
    let mut store = Store::ready(context)?;
    match store.apps().named(&found.name)? {
        Some(row) => Ok((store, row)),
        None => Err(Error::new(ErrorKind::NotFound, format!("find the app `{}` in the database", found.name))
            .hint("`dc deploy` registers what stands under apps/")),
    }
}

/// One run, with everything that it is about.
struct Runner<'a> {
    context: &'a Context,
    options: &'a RunOptions,
    found: FoundApp,
    /// Where it was fetched from, with the lock that keeps its folder.
    fetched: Option<FetchedApp>,
    app: AppRow,
    arguments: String,
    runtime: RuntimeId,
    started_at: NaiveDateTime,
    began: Instant,
    tape: Tape,
    redactor: Redactor,
    given: Given,
}

impl Runner<'_> {
    fn run(self, mut store: Store, mut signals: Signals) -> Result<RunReport> {
        if let Err(error) = Ends::of(self.context.settings()).deliver(&mut store) {
            log::warn!("the ends of runs before this one wait on: {error}");
        }
        // what the settings can make fail fails before there is a run
        let capture = Capture::start(self.context, &self.of_app())?;
        let launch = self.launch()?;
        self.open(&mut store)?;
        let mut record = Record::new(self.context, &self.runtime);
        let database = store.label().to_owned();
        let keeper = Keeper::default();
        let heart = keeper.heart(self.runtime.clone(), self.context.settings().run.lease, signals.sender());
        let heard =
            Recorded { capture, telemetry: Telemetry::start(store, self.runtime.clone(), self.started_at, heart)? };
        let listener = Listener::new(heard, self.options.echo.start(), &self.redactor);
        if let Some(fetched) = &self.fetched {
            listener.heard.capture.record(LogLevel::Info, "dc", &fetched.words, &Fields::new());
        }
        let ended = listener.during(|| supervise(&launch, &|event| listener.handle(event), &mut signals));
        let ended_at = clock::after(self.started_at, self.began.elapsed());
        let was_stopped = matches!(&ended, Ok(Ended { how: How::Stopped(_), .. }));
        let lost = keeper.lost().filter(|_| was_stopped).map(|reason| lost_words(&reason));
        self.log_ending(&ended, lost.as_deref(), &listener.heard.capture);
        self.tell_replayed(listener.replayed());
        let Listener { heard: Recorded { capture, telemetry }, echo, .. } = listener;
        let told = telemetry.totals();
        let mut end = end_of(&ended, ended_at, capture.counts(), &told, self.definition());
        end.backoff = self.backoff();
        end.reason = lost.clone().or(end.reason);
        let kept = KeptEnd {
            database,
            runtime: self.runtime.to_string(),
            app_id: self.app.id,
            end,
            functions: told.functions,
        };
        let was_lost = lost.is_some();
        if !was_lost {
            record.keep(&kept)?;
        }
        let captured = capture.finish(self.context.settings().log.flush);
        let store = telemetry.finish(STORE_PATIENCE);
        match lost {
            None => record.deliver(store, &kept),
            Some(_) => record.leave(),
        }
        let mut report = self.report(&kept.end, &ended, captured, echo.last_lines());
        if was_lost {
            report.exit_status = STATUS_LOST;
        }
        match ended {
            Ok(_) => Ok(report),
            Err(error) => Err(error.within(format!("run {}", self.found.name))),
        }
    }

    fn definition(&self) -> &AppDefinition {
        &self.found.definition
    }

    /// Records the run, after closing what a dead dc left behind.
    fn open(&self, store: &mut Store) -> Result<()> {
        let identity = ProcessIdentity::own()?;
        // the app is given them as they are
        let mut arguments = Vec::with_capacity(self.arguments.len());
        self.redactor.json("", &self.arguments, &mut arguments);
        let new = NewRun {
            runtime: self.runtime.clone(),
            app_id: self.app.id,
            started_at: self.started_at,
            args: Some(String::from_utf8_lossy(&arguments).into_owned()),
            started_by: self.options.started_by.clone().unwrap_or_else(|| self.context.settings().user.clone()),
            host: host(),
            boot_id: Some(identity.space.boot),
            pid_namespace: identity.space.namespaces,
            lease: self.context.settings().run.lease,
            pid: Some(i64::from(identity.pid)),
            pid_started: i64::try_from(identity.start_ticks).ok(),
            occurrence: self.options.occurrence,
            serves: self.options.serves,
        };
        for _ in 0..ORPHANS_MAX {
            match self.start(store, &new)? {
                StartRun::Started => return Ok(()),
                // it was recorded, and the answer to that was lost
                StartRun::Busy(own) if own.runtime == new.runtime.as_str() => return Ok(()),
                StartRun::Busy(other) => match Owner::of_run(&other, store.now()?) {
                    Owner::Gone => {
                        let grace = self.definition().grace.unwrap_or(self.context.settings().run.grace);
                        close_gone(self.context, store, &other, grace)?;
                    }
                    Owner::Unheard => {
                        // the database may just be back, and its owner about to be heard of
                        std::thread::sleep(UNHEARD_PATIENCE);
                        close_lost(store, &other)?;
                    }
                    owner => {
                        self.give_way(store, &other)?;
                        return Err(busy(&other, owner));
                    }
                },
                StartRun::Superseded => return Err(superseded(&self.found.name)),
            }
        }
        Err(Error::new(ErrorKind::Busy, format!("run {}: other runs of it come and go", self.found.name)))
    }

    /// Records the run. A database that is away is waited for, at least once more: it may have recorded the run already.
    fn start(&self, store: &mut Store, new: &NewRun) -> Result<StartRun> {
        let mut is_again = false;
        loop {
            match store.runs().start(new) {
                Err(error) if error.is_temporary() && (!is_again || self.began.elapsed() < STORE_PATIENCE) => {
                    log::warn!("the start of the run is recorded again: {error}");
                    is_again = true;
                    std::thread::sleep(START_PAUSE);
                }
                Err(error) if error.is_temporary() => {
                    self.keep_start(store.label(), &error);
                    return Err(error);
                }
                outcome => return outcome,
            }
        }
    }

    /// Whether the run was recorded is not known, and its app does not start: if it was, that is how it ended, and no failure
    /// of the app.
    fn keep_start(&self, database: &str, error: &Error) {
        let ended_at = clock::after(self.started_at, self.began.elapsed());
        let reason = format!("the app was not started, since the database went away: {error}");
        let end = RunEnd { code: RunOutcome::Interrupted, ..RunEnd::not_begun(ended_at, reason, Backoff::default()) };
        let (runtime, app_id) = (self.runtime.to_string(), self.app.id);
        let kept = KeptEnd { database: database.to_owned(), runtime, app_id, end, functions: Vec::new() };
        if let Err(error) = Record::new(self.context, &self.runtime).keep(&kept) {
            log::warn!("{error}");
        }
    }

    /// The occurrence of an app that was started by somebody else meanwhile waits or is left out, as the app wants it.
    fn give_way(&self, store: &mut Store, other: &RunRow) -> Result<()> {
        let Some((occurrence, fence)) = self.options.occurrence else { return Ok(()) };
        let app = self.found.name.clone();
        let claim = Claim { occurrence, fence, app_id: self.app.id, app, due_at: self.started_at };
        let state = match self.definition().overlap {
            Overlap::Skip => OccurrenceState::Skipped,
            Overlap::Queue | Overlap::Replace => OccurrenceState::Queued,
        };
        let reason = format!("run {} by {} goes on", other.runtime, other.started_by);
        let now = store.now()?;
        store.occurrences().settle(&claim, state, &reason, now).map(|_| ())
    }

    fn of_app(&self) -> RunOfApp {
        RunOfApp { runtime: self.runtime.to_string(), app_id: self.app.id, app: self.found.name.to_string() }
    }

    fn launch(&self) -> Result<Launch> {
        let (name, id) = (&self.found.name, self.app.id);
        let own = own_variables(self.context, (name, id), self.runtime.as_str(), &self.arguments)?;
        let own = own.into_iter().chain(self.tape.environment());
        let launch = app_launch(self.context, &self.found, &self.given, own.collect());
        let dc = || std::env::current_exe().or_fail(|| "find the path of dc itself".to_owned());
        Ok(match (&self.definition().pipeline, ActorWorkerOptions::of(self.definition(), launch.grace)) {
            // its stages are worked off by dc itself
            (Some(_), _) => Launch { program: dc()?, arguments: self.worker_arguments(), ..launch },
            // a worker of ours takes its messages, and starts its program
            (None, Some(worker)) => {
                Launch { program: dc()?, arguments: vec!["actor-worker".into(), worker.to_json().into()], ..launch }
            }
            (None, None) => launch,
        })
    }

    fn worker_arguments(&self) -> Vec<OsString> {
        let stay = self.options.serves.then(|| "--stay".to_owned());
        let fetched = self.fetched.iter().flat_map(|it| ["--fetched".to_owned(), hex_text(&it.sha256)]);
        let words = ["pipeline-worker".to_owned(), self.found.name.to_string()];
        words.into_iter().chain(stay).chain(fetched).map(OsString::from).collect()
    }

    /// What dc itself has to say about the end, so that `dc logs` tells the whole story.
    fn log_ending(&self, ended: &Result<Ended>, lost: Option<&str>, capture: &Capture) {
        let say = |level: LogLevel, message: String| capture.record(level, "dc", &message, &Fields::new());
        match ended {
            Err(error) => say(LogLevel::Critical, error.to_string()),
            Ok(ended) => {
                if ended.leftovers > 0 {
                    say(
                        LogLevel::Warning,
                        format!("{} processes that the app had left running were ended", ended.leftovers),
                    );
                }
                if ended.survivors > 0 {
                    say(LogLevel::Error, format!("{} processes could not be ended", ended.survivors));
                }
                if let Some(lost) = lost {
                    return say(LogLevel::Error, lost.to_owned());
                }
                if let (outcome, Some(reason)) = outcome_of(ended.how, self.definition())
                    && outcome != RunOutcome::Ok
                {
                    say(LogLevel::Error, reason);
                }
            }
        }
    }

    fn report(&self, end: &RunEnd, ended: &Result<Ended>, captured: Captured, last_lines: Vec<String>) -> RunReport {
        self.tell_sinks(&captured.sinks);
        if let Some(words) = self.tape.made_words(self.runtime.as_str()) {
            self.context.shell().note(&words);
        }
        let (status, elapsed) = match ended {
            Ok(ended) => (ended.exit_status(), ended.elapsed),
            Err(_) => (1, Duration::ZERO),
        };
        RunReport {
            app: self.found.name.to_string(),
            runtime: self.runtime.to_string(),
            code: end.code,
            exit_status: status,
            reason: end.reason.clone(),
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            log_lines: end.log_lines,
            exceptions: end.exceptions,
            cpu_user_ms: end.cpu_user_ms,
            cpu_system_ms: end.cpu_system_ms,
            memory_peak_kib: end.memory_peak_kib,
            cassette: self.tape.made().map(Path::to_owned),
            last_lines,
        }
    }

    fn backoff(&self) -> Backoff {
        let settings = &self.context.settings().manager;
        Backoff { first: settings.backoff, max: settings.backoff_max, jitter: die::share() }
    }

    /// Tells how far a cassette went that was played back.
    fn tell_replayed(&self, replayed: Option<(i64, i64)>) {
        if let Some(passed) = self.tape.replayed(replayed) {
            self.context.shell().note(&replay_words(&passed));
        }
    }

    /// Tells what did not reach its sink, and where it is.
    fn tell_sinks(&self, sinks: &[LaneReport]) {
        let shell = self.context.shell();
        let folder = self.context.settings().log.folder.display();
        for LaneReport { sink, dropped, refused, waiting_bytes, away, .. } in sinks {
            if *dropped > 0 {
                shell.note(&format!("warning: {dropped} log records for `{sink}` were dropped"));
            }
            if *refused > 0 {
                shell.note(&format!(
                    "warning: `{sink}` refused {refused} log records; they are in {folder}/refused.ndjson"
                ));
            }
            if *waiting_bytes > 0 {
                let why = away.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                let size = waiting_bytes.div_ceil(1024);
                shell.note(&format!(
                    "warning: {size} KiB of log records wait in {folder} for `{sink}`, the next run delivers them{why}"
                ));
            }
        }
    }
}

fn superseded(app: &AppName) -> Error {
    let message = format!("run {app}: the manager that asked for it was thought gone, and another one has taken over");
    Error::new(ErrorKind::Busy, message)
}

fn busy(other: &RunRow, owner: Owner) -> Error {
    let since = clock::local(other.started_at);
    let error =
        Error::new(ErrorKind::Busy, format!("run {}: it runs already, since {since} on {}", other.app, other.host));
    match owner {
        Owner::Unknown => error.hint(format!("if that machine is gone: dc manager send stop {} --force", other.app)),
        _ => error.hint(format!("watch it: `dc logs --runtime {} --follow`", other.runtime)),
    }
}

/// What is said of a run that somebody else has closed.
fn lost_words(reason: &str) -> String {
    format!("was stopped, and nothing more of it is recorded: its run was closed meanwhile ({reason})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_run_is_no_failure_of_the_app() {
        let definition = AppDefinition::from_json(r#"{"command":["./main"]}"#).expect("a definition");
        assert_eq!(outcome_of(How::Stopped(15), &definition).0, RunOutcome::Interrupted);
        assert_eq!(outcome_of(How::Exit(3), &definition).0, RunOutcome::Failed);
    }
}
