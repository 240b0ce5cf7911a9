//! `dc run`: starts an app, stays with it, and leaves one row in `runtime`, whatever happens.

mod echo;
mod given;
mod listener;
mod outcome;
mod tape;

pub use echo::Echo;
pub use outcome::RunReport;
pub use tape::TapeOptions;

use std::ffi::OsString;
use std::path::Path;

use chrono::NaiveDateTime;

use super::deploy::{DeployOptions, deploy};
use crate::apps::{
    AppDefinition, Ended, FoundApp, Launch, Overlap, ProcessIdentity, Signals, end_survivors, find_app, supervise,
};
use crate::clock;
use crate::context::Context;
use crate::die;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::http::Recorded;
use crate::ident::{AppName, RuntimeId, host};
use crate::logs::{Capture, Captured, LaneReport, RunOfApp};
use crate::redact::Redactor;
use crate::settings::MAIN;
use crate::tables::{
    AppRow, Backoff, Claim, LogLevel, Missing, NewRun, OccurrenceState, RunEnd, RunOutcome, RunRow, SchemaState,
    StartRun, Store,
};
use crate::telemetry::Telemetry;
use given::Given;
use listener::{Listener, Marks};
use outcome::{end_of, outcome_of};
use tape::Tape;

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
    let found = find_app(&context.settings().project.apps(), &options.app)?;
    let (store, app) = registered(context, &found)?;
    let given = Given::to(context, &found)?;
    let signals = Signals::forwarded()?;
    let (runtime, started_at) = (RuntimeId::new(), clock::now());
    let recorded = Recorded {
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
        app,
        arguments,
        runtime,
        started_at,
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
fn registered(context: &Context, found: &FoundApp) -> Result<(Store, AppRow)> {
    if context.settings().database(MAIN)?.is_default {
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
    app: AppRow,
    arguments: String,
    runtime: RuntimeId,
    started_at: NaiveDateTime,
    tape: Tape,
    redactor: Redactor,
    given: Given,
}

impl Runner<'_> {
    fn run(self, mut store: Store, mut signals: Signals) -> Result<RunReport> {
        self.open(&mut store)?;
        let listener = Listener {
            capture: Capture::start(self.context, &self.of_app())?,
            telemetry: Telemetry::start(store, self.app.id, self.started_at)?,
            echo: self.options.echo.start(),
            redactor: &self.redactor,
        };
        let ended = supervise(&self.launch()?, &|event| listener.handle(event), &mut signals);
        self.log_ending(&ended, &listener.capture);
        let Listener { telemetry, capture, echo, .. } = listener;
        let told = telemetry.finish();
        let captured = capture.finish(self.context.settings().log.flush);
        let (mut store, told) = told?;
        let end = RunEnd { backoff: self.backoff(), ..end_of(&ended, &captured, &told, self.definition()) };
        if let Err(error) = close(&mut store, &self.runtime, &end) {
            log::error!("the end of the run was not recorded: {error}");
        }
        if let Err(error) = store.functions().record(self.app.id, self.runtime.as_str(), &told.functions) {
            log::error!("the times of its functions were not recorded: {error}");
        }
        let report = self.report(&end, &ended, captured, echo.last_lines());
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
        let new = NewRun {
            runtime: self.runtime.clone(),
            app_id: self.app.id,
            started_at: self.started_at,
            args: Some(self.arguments.clone()),
            started_by: self.options.started_by.clone().unwrap_or_else(|| self.context.settings().user.clone()),
            host: host(),
            boot_id: Some(identity.boot.clone()),
            pid: Some(i64::from(identity.pid)),
            pid_started: i64::try_from(identity.start_ticks).ok(),
            occurrence: self.options.occurrence,
        };
        for _ in 0..ORPHANS_MAX {
            match store.runs().start(&new)? {
                StartRun::Started => return Ok(()),
                StartRun::Busy(other) if is_orphan(&other) => self.close_orphan(store, &other)?,
                StartRun::Busy(other) => {
                    self.give_way(store, &other)?;
                    return Err(busy(&other));
                }
                StartRun::Superseded => return Err(superseded(&self.found.name)),
            }
        }
        Err(Error::new(ErrorKind::Busy, format!("run {}: other runs of it come and go", self.found.name)))
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
        store.occurrences().settle(&claim, state, &reason, clock::now()).map(|_| ())
    }

    /// Ends what still runs of a run whose dc is gone, and closes it.
    fn close_orphan(&self, store: &mut Store, run: &RunRow) -> Result<()> {
        let runtime: RuntimeId = run.runtime.parse()?;
        let grace = self.definition().grace.unwrap_or(self.context.settings().run.grace);
        let survivors = end_survivors(runtime.as_str(), grace)?;
        log::warn!(
            "run {runtime} of {} was left behind by a dc that is gone; {survivors} of its processes were ended",
            run.app
        );
        store.runs().end(&runtime, &RunEnd::orphan(run)).map(|_| ())
    }

    fn of_app(&self) -> RunOfApp {
        RunOfApp { runtime: self.runtime.to_string(), app_id: self.app.id, app: self.found.name.to_string() }
    }

    fn launch(&self) -> Result<Launch> {
        let definition = self.definition();
        let settings = self.context.settings();
        let dc = std::env::current_exe().or_fail(|| "find the path of dc itself".to_owned())?;
        let own: Vec<(String, OsString)> = vec![
            ("DC_APP".to_owned(), self.found.name.to_string().into()),
            ("DC_APP_ID".to_owned(), self.app.id.to_string().into()),
            ("DC_RUNTIME".to_owned(), self.runtime.to_string().into()),
            ("DC_ARGS".to_owned(), self.arguments.clone().into()),
            ("DC_BIN".to_owned(), dc.into()),
            ("DC_CONFIG".to_owned(), settings.project.config.clone().into()),
        ];
        let set = definition.env.iter().map(|(name, value)| (name.clone(), value.clone().into()));
        let own = own.into_iter().chain(self.tape.environment()).chain(self.given.marks.clone());
        Ok(Launch {
            program: definition.program(&self.found.folder),
            arguments: definition.arguments().iter().map(OsString::from).collect(),
            folder: self.found.folder.clone(),
            environment: set.chain(own).collect(),
            environment_removed: self.given.removed.clone(),
            secrets: self.given.values.clone(),
            timeout: definition.timeout.or(settings.run.timeout),
            grace: definition.grace.unwrap_or(settings.run.grace),
            alone: true,
        })
    }

    /// What dc itself has to say about the end, so that `dc logs` tells the whole story.
    fn log_ending(&self, ended: &Result<Ended>, capture: &Capture) {
        let say = |level: LogLevel, message: String| capture.record(level, "dc", &message, &Marks::new());
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
        if let Some(folder) = self.tape.made() {
            let (runtime, folder) = (&self.runtime, folder.display());
            self.context.shell().note(&format!("recorded in {folder}; `dc run --replay {runtime}` plays it back"));
        }
        let (status, elapsed) = match ended {
            Ok(ended) => (ended.how.exit_status(), ended.elapsed),
            Err(_) => (1, std::time::Duration::ZERO),
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

/// Whether the dc that supervised a run is surely gone: this machine, and that very process no longer lives.
fn is_orphan(run: &RunRow) -> bool {
    let (Some(boot), Some(pid), Some(ticks)) = (&run.boot_id, run.pid, run.pid_started) else { return false };
    let (Ok(pid), Ok(start_ticks)) = (i32::try_from(pid), u64::try_from(ticks)) else { return false };
    run.host == host() && !ProcessIdentity { boot: boot.clone(), pid, start_ticks }.is_alive()
}

fn superseded(app: &AppName) -> Error {
    let message = format!("run {app}: the manager that asked for it was thought gone, and another one has taken over");
    Error::new(ErrorKind::Busy, message)
}

fn busy(other: &RunRow) -> Error {
    let since = clock::local(other.started_at);
    Error::new(ErrorKind::Busy, format!("run {}: it runs already, since {since} on {}", other.app, other.host))
        .hint(format!("watch it: `dc logs --runtime {} --follow`", other.runtime))
}

/// Closes the run; a database that is busy or away for a moment is waited for by the store itself.
fn close(store: &mut Store, runtime: &RuntimeId, end: &RunEnd) -> Result<()> {
    let mut tries = 0;
    loop {
        match store.runs().end(runtime, end) {
            Ok(_) => return Ok(()),
            Err(error) if error.is_temporary() && tries < CLOSE_TRIES_MAX => {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(500));
            }
            Err(error) => return Err(error),
        }
    }
}

/// How often the end of a run is tried to be recorded.
const CLOSE_TRIES_MAX: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::How;

    #[test]
    fn a_stopped_run_is_no_failure_of_the_app() {
        let definition = AppDefinition::from_json(r#"{"command":["./main"]}"#).expect("a definition");
        assert_eq!(outcome_of(How::Stopped(15), &definition).0, RunOutcome::Interrupted);
        assert_eq!(outcome_of(How::Exit(3), &definition).0, RunOutcome::Failed);
    }
}
