//! The end of a run: its row in `runtime`, and the state of the app after it. A guess, made where nobody saw the end, gives
//! way to the true end whenever that comes.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::app::{AppRow, Progress, WhichApps};
use super::codebook::{LogLevel, RunOutcome, RunStatus};
use super::connection::{Link, locked};
use super::outbox::{self, MessageKind, NewMessage};
use super::run_list::{RunRow, Runs};
use super::schema::{apps, incidents, logs, runtime};
use super::{app, command, occurrence};
use crate::clock;
use crate::error::Result;
use crate::ident::RuntimeId;

/// How long a kept app has to run to count as well, where it does not say.
const HEALTHY_AFTER: TimeDelta = TimeDelta::minutes(1);
/// And the workers of a pipeline.
const WORKER_HEALTHY_AFTER: TimeDelta = TimeDelta::seconds(5);
/// The longest pause of workers that end soon each time.
const WORKER_PAUSE_MAX: TimeDelta = TimeDelta::seconds(30);
/// The last lines of a run that people are told with its failure.
const LINES_TOLD: i64 = 10;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEnd {
    /// The outcome.
    #[serde(serialize_with = "number_of", deserialize_with = "outcome_of_number")]
    pub code: RunOutcome,
    /// When it ended, which may be long before this is written.
    pub ended_at: NaiveDateTime,
    /// Nobody saw it end: the true end replaces this one.
    pub is_guess: bool,
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
    /// The end of a run that nobody saw: the dc that supervised it is gone, or is not heard of. `now` is of the database's
    /// clock.
    pub fn guess(run: &RunRow, now: NaiveDateTime, code: RunOutcome, reason: String) -> Self {
        Self {
            is_guess: true,
            exceptions: run.exceptions,
            log_lines: run.log_lines,
            task_size: run.task_size,
            solved: run.solved,
            failed: run.failed,
            ..Self::of(code, now.max(run.started_at), reason)
        }
    }

    /// The end of a run that failed before it began.
    pub fn not_begun(now: NaiveDateTime, reason: String, backoff: Backoff) -> Self {
        Self { backoff, ..Self::of(RunOutcome::StartFailed, now, reason) }
    }

    /// The end of a run that used nothing.
    fn of(code: RunOutcome, ended_at: NaiveDateTime, reason: String) -> Self {
        Self {
            code,
            ended_at,
            is_guess: false,
            exit_code: None,
            signal: None,
            reason: Some(reason),
            exceptions: 0,
            log_lines: 0,
            cpu_user_ms: 0,
            cpu_system_ms: 0,
            memory_peak_kib: 0,
            task_size: None,
            solved: 0,
            failed: 0,
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

    /// The end of a run of this machine whose `dc run` is gone.
    pub fn orphan(run: &RunRow, now: NaiveDateTime) -> Self {
        Self::guess(run, now, RunOutcome::OrphanPid, "the dc that supervised it is gone".to_owned())
    }
}

/// What came of an end that was to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The run was open, and is closed.
    Closed,
    /// It had been closed by a guess, which gave way.
    Corrected,
    /// It had ended already, or its lease was renewed meanwhile: nothing was changed.
    Known,
    /// There is no such run.
    Missing,
}

/// The pause after a failure: it doubles with each one in a row.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
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
    /// Records the end of a run, once: a run whose end is known stays as it is, but a guess gives way to the true end. The
    /// app's counter of failures in a row goes to 0 after a good run and up by one after a failure; being stopped or
    /// interrupted leaves it alone. An app that has begun another run since keeps the state that this one gives it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn end(&mut self, run: &RuntimeId, end: &RunEnd) -> Result<Ending> {
        self.0.write("record the end of a run", |connection| end_run(connection, run, end, None))
    }

    /// Closes a run by a guess, if its lease is still the one that `run` tells of: an owner who was heard of meanwhile
    /// keeps it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn give_up(&mut self, run: &RunRow, guess: &RunEnd) -> Result<Ending> {
        let runtime: RuntimeId = run.runtime.parse()?;
        self.0.write("close a run that nobody owns", |connection| {
            end_run(connection, &runtime, guess, Some(run.lease_until))
        })
    }
}

/// What is known of a run before its end is recorded.
#[derive(Queryable, Selectable)]
#[diesel(table_name = runtime)]
struct Before {
    app_id: i64,
    code: i64,
    started_at: NaiveDateTime,
    ended_at: Option<NaiveDateTime>,
    is_guess: bool,
    lease_until: Option<NaiveDateTime>,
}

pub(super) fn end_run(
    connection: &mut Link,
    run: &RuntimeId,
    end: &RunEnd,
    lease: Option<Option<NaiveDateTime>>,
) -> QueryResult<Ending> {
    let row = runtime::table.find(run.as_str());
    // who is about to renew or to close it waits, and then finds it closed
    let before: Vec<Before> = locked!(&mut *connection, row.select(Before::as_select()))?;
    let before = before.into_iter().next();
    let Some(before) = before else { return Ok(Ending::Missing) };
    let ending = match (before.ended_at, end.is_guess) {
        (None, _) if lease.is_some_and(|lease| lease != before.lease_until) => return Ok(Ending::Known),
        (None, _) => Ending::Closed,
        (Some(_), false) if before.is_guess => Ending::Corrected,
        (Some(_), _) => return Ok(Ending::Known),
    };
    let end = &outcome_of(connection, &before, end)?;
    write(connection, run, end)?;
    let app = &Ended::of(connection, before.app_id)?;
    // by its identity, as everywhere; one that goes on is later, whatever a clock that was set back says
    let is_later = runtime::id.gt(run.as_str()).or(runtime::ended_at.is_null());
    let later = runtime::table.filter(runtime::app_id.eq(before.app_id).and(is_later));
    // a guess may give way to a good end, and a second run would be too much
    if ending == Ending::Closed && !end.is_guess && end.code.is_failure() && is_tried_again(connection, run, app, end)?
    {
        return Ok(ending);
    }
    if ending == Ending::Closed || later.count().get_result::<i64>(connection)? == 0 {
        settle(connection, (run, app), &before, end)?;
    }
    let words = end.reason.as_deref().unwrap_or("it ended well");
    occurrence::end(connection, run.as_str(), words, end.ended_at)?;
    Ok(ending)
}

/// Whether the occurrence of a run that failed is tried again: then it is no failure of the app yet.
fn is_tried_again(connection: &mut Link, run: &RuntimeId, app: &Ended, end: &RunEnd) -> QueryResult<bool> {
    let Some(retries) = app.definition["retries"].as_i64().filter(|_| !app.row.disable && app.row.archive.is_none())
    else {
        return Ok(false);
    };
    let after = app.length("retry_after").unwrap_or_default();
    let words = end.reason.as_deref().unwrap_or("it failed");
    if !occurrence::try_again(connection, run.as_str(), (retries, after), (words, end.ended_at))? {
        return Ok(false);
    }
    let state = (apps::status.eq(RunStatus::Idle.id()), apps::eta.eq(None::<NaiveDateTime>));
    diesel::update(apps::table.find(app.row.id)).set(state).execute(connection)?;
    Ok(true)
}

/// A run that was interrupted because a person told a manager to end it was stopped.
fn outcome_of(connection: &mut Link, before: &Before, end: &RunEnd) -> QueryResult<RunEnd> {
    let mut end = end.clone();
    if end.code == RunOutcome::Interrupted
        && command::was_to_stop(connection, before.app_id, before.started_at, before.ended_at)?
    {
        end.code = RunOutcome::Stopped;
    }
    Ok(end)
}

/// Tells people of a failure, with its last lines, where the app's definition says so. In an incident they know.
fn tell_failure(connection: &mut Link, run: &RuntimeId, app: &Ended, end: &RunEnd) -> QueryResult<()> {
    if !end.code.is_failure() || app.definition["notify"] != "failure" {
        return Ok(());
    }
    let in_incident = incidents::table.filter(incidents::ended_at.is_null()).count().get_result::<i64>(connection)? > 0;
    if in_incident {
        return Ok(());
    }
    let lines = logs::table.filter(logs::runtime.eq(run.as_str())).order(logs::id.desc()).limit(LINES_TOLD);
    let mut lines: Vec<String> = lines.select(logs::message).load(connection)?;
    lines.reverse();
    let shown: String = lines.iter().map(|line| format!("  {}\n", line.lines().next().unwrap_or_default())).collect();
    let body = match shown.is_empty() {
        // it failed before it began
        true => format!("It wrote nothing. See: dc manager why {}", app.row.name),
        false => format!("Its last lines:\n{shown}All of them: dc logs --runtime {run}"),
    };
    let message = NewMessage {
        kind: MessageKind::Failed,
        severity: LogLevel::Error,
        app_id: Some(app.row.id),
        subject: format!("{}: {}", app.row.name, end.reason.as_deref().unwrap_or("it failed")),
        body,
    };
    outbox::append(connection, &message).map(drop)
}

/// Tells people when an app runs well again of which they were told that it does not.
fn tell_recovery(connection: &mut Link, app: &Ended, end: &RunEnd) -> QueryResult<()> {
    if end.code != RunOutcome::Ok {
        return Ok(());
    }
    let bad = [MessageKind::Disabled, MessageKind::Failed, MessageKind::Overdue].map(MessageKind::name);
    let was_bad = outbox::last_kind(connection, app.row.id)?.is_some_and(|kind| bad.contains(&kind.as_str()));
    if !was_bad {
        return Ok(());
    }
    let message = NewMessage {
        kind: MessageKind::Recovered,
        severity: LogLevel::Info,
        app_id: Some(app.row.id),
        subject: format!("{} runs well again", app.row.name),
        body: String::new(),
    };
    outbox::append(connection, &message).map(drop)
}

/// Writes the end into the row of the run.
fn write(connection: &mut Link, run: &RuntimeId, end: &RunEnd) -> QueryResult<()> {
    let row = (
        runtime::code.eq(end.code.id()),
        runtime::ended_at.eq(end.ended_at),
        runtime::is_guess.eq(end.is_guess),
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
    diesel::update(runtime::table.find(run.as_str())).set(row).execute(connection).map(drop)
}

/// How an app has run that is started again whenever it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// So long that it counts as well.
    Well,
    /// So briefly that it is started again after a pause only, however it ended.
    Briefly,
}

/// The app of a run that has ended, and what its definition says.
struct Ended {
    row: AppRow,
    definition: serde_json::Value,
}

impl Ended {
    fn of(connection: &mut Link, app_id: i64) -> QueryResult<Self> {
        let row = app::load(connection, WhichApps::One(app_id))?.pop().ok_or(diesel::NotFound)?;
        let definition = serde_json::from_str(&row.definition).unwrap_or_default();
        Ok(Self { row, definition })
    }

    /// A length of time that the definition has.
    fn length(&self, field: &str) -> Option<TimeDelta> {
        let length = self.definition[field].as_str().and_then(|text| clock::duration(text).ok())?;
        TimeDelta::from_std(length).ok()
    }

    /// How it has run for so long; `None` for an app that is not kept running.
    fn kept(&self, length: TimeDelta) -> Option<Kept> {
        let default = if self.is_pipeline() { WORKER_HEALTHY_AFTER } else { HEALTHY_AFTER };
        let healthy = self.length("healthy_after").unwrap_or(default);
        let kept = if length >= healthy { Kept::Well } else { Kept::Briefly };
        (self.definition["keep"] == true || self.is_pipeline()).then_some(kept)
    }

    fn is_pipeline(&self) -> bool {
        self.definition["pipeline"].is_object()
    }
}

/// Brings the app into the state after its run. The failure that a guess was counted as is taken back first.
fn settle(connection: &mut Link, (run, app): (&RuntimeId, &Ended), before: &Before, end: &RunEnd) -> QueryResult<()> {
    let (app_id, started_at) = (before.app_id, before.started_at);
    let (disabled, failures) = (app.row.disable, app.row.failures);
    let was_failure = before.ended_at.is_some() && RunOutcome::from_id(before.code).is_some_and(RunOutcome::is_failure);
    let failures = (failures - i64::from(was_failure)).max(0);
    let failed = end.code.is_failure();
    let status = match (is_served_elsewhere(connection, app, before)?, disabled, failed) {
        (true, ..) => RunStatus::Running,
        (false, true, _) => RunStatus::Disabled,
        (false, false, true) => RunStatus::Failed,
        (false, false, false) => RunStatus::Idle,
    };
    let kept = app.kept(end.ended_at - started_at);
    let failures = match end.code {
        RunOutcome::Ok => 0,
        // it was well for a while: what was before does not count
        _ if failed && kept == Some(Kept::Well) => 1,
        _ if failed => failures + 1,
        _ => failures,
    };
    let pause = || match app.is_pipeline() {
        // what waits for them is worth more than the rest that a failing app is given
        true => Some(WORKER_PAUSE_MAX.min(TimeDelta::seconds(1 << failures.clamp(0, 10)))),
        false => TimeDelta::from_std(end.backoff.after(failures.max(1))).ok(),
    };
    // the workers of a pipeline that worked for a while are started again at once, whatever ended them
    let rests = match kept {
        Some(Kept::Briefly) => failed || !app.is_pipeline(),
        Some(Kept::Well) if app.is_pipeline() => false,
        _ => failed,
    };
    let retry_at = rests.then(|| end.ended_at.checked_add_signed(pause()?)).flatten();
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
    tell_failure(connection, run, app, end)?;
    tell_recovery(connection, app, end)
}

/// Whether other runs of it go on: a pipeline may have one on each machine, any other app has one at a time.
fn is_served_elsewhere(connection: &mut Link, app: &Ended, before: &Before) -> QueryResult<bool> {
    if !app.is_pipeline() && before.code != RunOutcome::Serving.id() {
        return Ok(false);
    }
    let open = runtime::table.filter(runtime::app_id.eq(before.app_id).and(runtime::ended_at.is_null()));
    Ok(open.count().get_result::<i64>(connection)? > 0)
}

fn number_of<S: Serializer>(code: &RunOutcome, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_i64(code.id())
}

fn outcome_of_number<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<RunOutcome, D::Error> {
    let id = i64::deserialize(deserializer)?;
    RunOutcome::from_id(id).ok_or_else(|| serde::de::Error::custom(format!("no run ends with the code {id}")))
}
