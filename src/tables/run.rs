//! The beginning and the end of a run: the row of `runtime`, and the state of the app beside it.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as QueryError};

use super::app::Progress;
use super::app::WhichApps;
use super::codebook::{LogLevel, RunOutcome, RunStatus};
use super::connection::Link;
use super::outbox::{self, MessageKind, NewMessage};
use super::run_list::{RunRow, Runs, open_run};
use super::schema::{apps, runtime};
use super::{app, command, occurrence};
use crate::clock;
use crate::error::Result;
use crate::ident::RuntimeId;

/// How often a start is tried while other runs of the app come and go.
const START_ATTEMPTS_MAX: u32 = 5;

/// A run that begins.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its identity.
    pub runtime: RuntimeId,
    /// Its app.
    pub app_id: i64,
    /// When it begins.
    pub started_at: NaiveDateTime,
    /// What it is given, as JSON.
    pub args: Option<String>,
    /// Who or what started it: a person's name, `manager`, `cron`.
    pub started_by: String,
    /// The machine.
    pub host: String,
    /// Which boot of the machine: a process number means something only within it.
    pub boot_id: Option<String>,
    /// Its process, when that is known already.
    pub pid: Option<i64>,
    /// When the process started, in the kernel's clock ticks since boot: tells it from another of the same number.
    pub pid_started: Option<i64>,
    /// The occurrence that it is the run of, with the number of its claim.
    pub occurrence: Option<(i64, i64)>,
}

/// What came of a start.
#[derive(Debug, Clone)]
pub enum StartRun {
    /// The run is recorded.
    Started,
    /// The app runs already; this is its run. Nothing was changed.
    Busy(Box<RunRow>),
    /// The occurrence is no longer claimed by whoever started this: somebody else has taken it over, or settled it.
    Superseded,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// The outcome.
    pub code: RunOutcome,
    /// Its exit status, where it had one.
    pub exit_code: Option<i64>,
    /// The signal that killed it.
    pub signal: Option<i64>,
    /// The outcome in words.
    pub reason: Option<String>,
    /// How many log records of ERROR and above it wrote.
    pub exceptions: i64,
    /// How many log records it wrote.
    pub log_lines: i64,
    /// Processor time in the program itself, in milliseconds, with all its children.
    pub cpu_user_ms: i64,
    /// Processor time in the system on its behalf, in milliseconds.
    pub cpu_system_ms: i64,
    /// The most memory that one of its processes held, in KiB.
    pub memory_peak_kib: i64,
    /// How many tasks it had, as far as it told.
    pub task_size: Option<i64>,
    /// How many it solved.
    pub solved: i64,
    /// How many failed.
    pub failed: i64,
    /// Requests that it sent.
    pub http_requests: i64,
    /// Those that failed, or were answered with 400 and above.
    pub http_errors: i64,
    /// How long one took on average, in milliseconds.
    pub http_mean_ms: Option<f64>,
    /// How long all but the slowest twentieth took, in milliseconds.
    pub http_p95_ms: Option<f64>,
    /// Captchas that it had solved.
    pub captchas: i64,
    /// What they cost, in the currency of the account.
    pub captcha_cost: f64,
    /// How long they took together, in milliseconds.
    pub captcha_ms: i64,
    /// How long the app is not started again after a failure.
    pub backoff: Backoff,
}

impl RunEnd {
    /// The end of a run whose `dc run` is gone: nobody saw how the app ended.
    pub fn orphan(run: &RunRow) -> Self {
        Self {
            code: RunOutcome::OrphanPid,
            exit_code: None,
            signal: None,
            reason: Some("the dc that supervised it is gone".to_owned()),
            exceptions: run.exceptions,
            log_lines: run.log_lines,
            cpu_user_ms: 0,
            cpu_system_ms: 0,
            memory_peak_kib: 0,
            task_size: run.task_size,
            solved: run.solved,
            failed: run.failed,
            http_requests: 0,
            http_errors: 0,
            http_mean_ms: None,
            http_p95_ms: None,
            captchas: 0,
            captcha_cost: 0.0,
            captcha_ms: 0,
            backoff: Backoff::default(),
        }
    }
}

/// The pause after a failure: it doubles with each one in a row.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backoff {
    /// After the first.
    pub first: Duration,
    /// The longest.
    pub max: Duration,
    /// From 0 to 1: where in the last tenth of the pause it ends, so that not all apps come back at once.
    pub jitter: f64,
}

impl Backoff {
    /// The pause after so many failures in a row.
    pub fn after(&self, failures: i64) -> Duration {
        let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(0).min(30);
        let pause = self.first.saturating_mul(1 << doublings).min(self.max);
        pause.mul_f64(0.9 + 0.1 * self.jitter.clamp(0.0, 1.0))
    }
}

impl Runs<'_> {
    /// Records the beginning of a run, and the app as running. A second open run of one app is refused by an index
    /// of the database, whoever asks and from wherever.
    ///
    /// # Errors
    /// When the app does not exist or the identity is taken.
    pub fn start(&mut self, run: &NewRun) -> Result<StartRun> {
        let mut attempts = 1;
        loop {
            let outcome = self.0.attempt(|connection| match open_run(connection, run.app_id)? {
                Some(row) => Ok(StartRun::Busy(Box::new(row))),
                None if !begin(connection, run)? => Ok(StartRun::Superseded),
                None => start(connection, run).map(|()| StartRun::Started),
            });
            match outcome {
                // somebody else was faster: the next round finds their run, or none any more
                Err(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
                    if attempts < START_ATTEMPTS_MAX =>
                {
                    attempts += 1;
                }
                outcome => return outcome.map_err(|cause| self.0.failure("record the start of a run", cause)),
            }
        }
    }

    /// Records the run's process.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_pid(&mut self, run: &RuntimeId, pid: i64, pid_started: Option<i64>) -> Result<()> {
        self.0.write("record a run's process", |connection| {
            diesel::update(runtime::table.find(run.as_str()))
                .set((runtime::pid.eq(pid), runtime::pid_started.eq(pid_started)))
                .execute(connection)
                .map(drop)
        })
    }

    /// Records the end of a run, once: a run that has ended stays as it is. The app's counter of failures in a row
    /// goes to 0 after a good run and up by one after a failure; being stopped or interrupted leaves it alone.
    /// Returns whether the run was open.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn end(&mut self, run: &RuntimeId, end: &RunEnd) -> Result<bool> {
        self.0.write("record the end of a run", |connection| {
            let end = &outcome_of(connection, run, end)?;
            if !close(connection, run, end)? {
                return Ok(false);
            }
            settle(connection, run, end)?;
            let words = end.reason.as_deref().unwrap_or("it ended well");
            occurrence::end(connection, run.as_str(), words, clock::now())?;
            Ok(true)
        })
    }
}

/// Turns the claim of its occurrence into this run; false when the claim is no longer the last one.
fn begin(connection: &mut Link, run: &NewRun) -> QueryResult<bool> {
    match run.occurrence {
        Some((occurrence, fence)) => occurrence::begin(connection, occurrence, fence, run.runtime.as_str()),
        None => Ok(true),
    }
}

fn start(connection: &mut Link, run: &NewRun) -> QueryResult<()> {
    let row = (
        runtime::id.eq(run.runtime.as_str()),
        runtime::app_id.eq(run.app_id),
        runtime::code.eq(RunOutcome::Running.id()),
        runtime::started_at.eq(run.started_at),
        runtime::args.eq(&run.args),
        runtime::started_by.eq(&run.started_by),
        runtime::host.eq(&run.host),
        runtime::boot_id.eq(&run.boot_id),
        runtime::pid.eq(run.pid),
        runtime::pid_started.eq(run.pid_started),
    );
    diesel::insert_into(runtime::table).values(row).execute(connection)?;
    let state = (
        apps::status.eq(RunStatus::Running.id()),
        apps::last_run.eq(run.started_at),
        apps::task_size.eq(None::<i64>),
        apps::progress.eq(None::<f64>),
        apps::solved.eq(0_i64),
        apps::failed.eq(0_i64),
        apps::eta.eq(None::<NaiveDateTime>),
    );
    diesel::update(apps::table.find(run.app_id)).set(state).execute(connection).map(drop)
}

/// A run that was interrupted because a person told a manager to end it was stopped.
fn outcome_of(connection: &mut Link, run: &RuntimeId, end: &RunEnd) -> QueryResult<RunEnd> {
    let mut end = end.clone();
    if end.code == RunOutcome::Interrupted {
        let app_id: Option<i64> =
            runtime::table.find(run.as_str()).select(runtime::app_id).first(connection).optional()?;
        let Some(app_id) = app_id else { return Ok(end) };
        if command::is_being_stopped(connection, app_id)? {
            end.code = RunOutcome::Stopped;
        }
    }
    Ok(end)
}

/// Tells people when an app runs well again that was taken out of service.
fn tell_recovery(connection: &mut Link, app_id: i64, end: &RunEnd) -> QueryResult<()> {
    let was_out = outbox::last_kind(connection, app_id)?.is_some_and(|kind| kind == MessageKind::Disabled.name());
    if end.code != RunOutcome::Ok || !was_out {
        return Ok(());
    }
    let app = app::load(connection, WhichApps::One(app_id))?.pop().ok_or(diesel::NotFound)?;
    let message = NewMessage {
        kind: MessageKind::Recovered,
        severity: LogLevel::Info,
        app_id: Some(app_id),
        subject: format!("{} runs well again", app.name),
        body: String::new(),
    };
    outbox::append(connection, &message).map(drop)
}

/// Closes the row of the run; false when it was closed, or is not there.
fn close(connection: &mut Link, run: &RuntimeId, end: &RunEnd) -> QueryResult<bool> {
    let row = (
        runtime::code.eq(end.code.id()),
        runtime::ended_at.eq(clock::now()),
        runtime::exit_code.eq(end.exit_code),
        runtime::signal.eq(end.signal),
        runtime::reason.eq(&end.reason),
        runtime::exceptions.eq(end.exceptions),
        runtime::log_lines.eq(end.log_lines),
        runtime::cpu_user_ms.eq(end.cpu_user_ms),
        runtime::cpu_system_ms.eq(end.cpu_system_ms),
        runtime::memory_peak_kib.eq(end.memory_peak_kib),
        runtime::task_size.eq(end.task_size),
        runtime::solved.eq(end.solved),
        runtime::failed.eq(end.failed),
        runtime::http_requests.eq(end.http_requests),
        runtime::http_errors.eq(end.http_errors),
        runtime::http_mean_ms.eq(end.http_mean_ms),
        runtime::http_p95_ms.eq(end.http_p95_ms),
        runtime::captchas.eq(end.captchas),
        runtime::captcha_cost.eq(end.captcha_cost),
        runtime::captcha_ms.eq(end.captcha_ms),
    );
    let open = runtime::table.filter(runtime::id.eq(run.as_str()).and(runtime::ended_at.is_null()));
    Ok(diesel::update(open).set(row).execute(connection)? > 0)
}

/// Brings the app into the state after its run.
fn settle(connection: &mut Link, run: &RuntimeId, end: &RunEnd) -> QueryResult<()> {
    let (app_id, started_at): (i64, NaiveDateTime) =
        runtime::table.find(run.as_str()).select((runtime::app_id, runtime::started_at)).first(connection)?;
    let (disabled, failures): (bool, i64) =
        apps::table.find(app_id).select((apps::disable, apps::failures)).first(connection)?;
    let failed = end.code.is_failure();
    let status = match (disabled, failed) {
        (true, _) => RunStatus::Disabled,
        (false, true) => RunStatus::Failed,
        (false, false) => RunStatus::Idle,
    };
    let failures = match end.code {
        RunOutcome::Ok => 0,
        _ if failed => failures + 1,
        _ => failures,
    };
    let now = clock::now();
    let retry_at =
        failed.then(|| now.checked_add_signed(TimeDelta::from_std(end.backoff.after(failures)).ok()?)).flatten();
    let progress = Progress { task_size: end.task_size, solved: end.solved, failed: end.failed, started_at };
    let state = (
        apps::status.eq(status.id()),
        apps::failures.eq(failures),
        apps::retry_at.eq(retry_at),
        apps::task_size.eq(end.task_size),
        apps::progress.eq(progress.percent()),
        apps::solved.eq(end.solved),
        apps::failed.eq(end.failed),
        apps::eta.eq(None::<NaiveDateTime>),
    );
    diesel::update(apps::table.find(app_id)).set(state).execute(connection)?;
    tell_recovery(connection, app_id, end)
}
