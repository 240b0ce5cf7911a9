//! The beginning of a run: the row of `runtime`, and the state of the app beside it.

use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as QueryError};

use super::codebook::{RunOutcome, RunStatus};
use super::connection::Link;
use super::lease::lease_end;
use super::occurrence;
use super::run_end::{RunEnd, end_run};
use super::run_list::{RunRow, Runs, WantedPlace, open_run};
use super::schema::{apps, runtime};
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
    /// The namespaces in which its process is numbered.
    pub pid_namespace: Option<String>,
    /// How long it is believed to live without being heard of.
    pub lease: Duration,
    /// Its process, when that is known already.
    pub pid: Option<i64>,
    /// When the process started, in the kernel's clock ticks since boot: tells it from another of the same number.
    pub pid_started: Option<i64>,
    /// The occurrence that it is the run of, with the number of its claim.
    pub occurrence: Option<(i64, i64)>,
    /// Whether it works a pipeline off: each machine may have such a run.
    pub serves: bool,
}

impl NewRun {
    /// The code of its row while it goes on.
    fn code(&self) -> RunOutcome {
        if self.serves { RunOutcome::Serving } else { RunOutcome::Running }
    }

    fn place(&self) -> WantedPlace<'_> {
        let machine = (self.boot_id.as_deref(), self.pid_namespace.as_deref());
        WantedPlace { app_id: self.app_id, code: self.code(), machine: self.serves.then_some(machine) }
    }
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

impl Runs<'_> {
    /// Records the beginning of a run, and the app as running. A second open run of one app is refused by an index
    /// of the database, whoever asks and from wherever.
    ///
    /// # Errors
    /// When the app does not exist or the identity is taken.
    pub fn start(&mut self, run: &NewRun) -> Result<StartRun> {
        let mut attempts = 1;
        loop {
            self.0.mend()?;
            // whoever claimed an occurrence has seen that the app does not run, and the index has the last word
            let is_claimed = run.occurrence.is_some() && attempts == 1;
            let outcome = self.0.attempt(|connection| {
                if !is_claimed && let Some(row) = open_run(connection, &run.place())? {
                    return Ok(StartRun::Busy(Box::new(row)));
                }
                if begin(connection, run)? {
                    return start(connection, run).map(|()| StartRun::Started);
                }
                // it may be this very run that began it: the answer to that was lost
                let open = open_run(connection, &run.place())?;
                Ok(open.map_or(StartRun::Superseded, |row| StartRun::Busy(Box::new(row))))
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

    /// Records a run that failed before it began, as a failure of its app; false when the claim of its occurrence is no
    /// longer the last one, or the app runs by now.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn fail_to_start(&mut self, run: &NewRun, end: &RunEnd) -> Result<bool> {
        self.0.write("record a run that did not begin", |connection| {
            if open_run(connection, &run.place())?.is_some() || !begin(connection, run)? {
                return Ok(false);
            }
            start(connection, run)?;
            end_run(connection, &run.runtime, end, None)?;
            Ok(true)
        })
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
}

/// Turns the claim of its occurrence into this run; false when the claim is no longer the last one.
fn begin(connection: &mut Link, run: &NewRun) -> QueryResult<bool> {
    match run.occurrence {
        Some((occurrence, fence)) => occurrence::begin(connection, occurrence, fence, run.runtime.as_str()),
        None => Ok(true),
    }
}

fn start(connection: &mut Link, run: &NewRun) -> QueryResult<()> {
    let lease_until = lease_end(connection, run.lease)?;
    let row = (
        runtime::id.eq(run.runtime.as_str()),
        runtime::app_id.eq(run.app_id),
        runtime::code.eq(run.code().id()),
        runtime::started_at.eq(run.started_at),
        runtime::args.eq(&run.args),
        runtime::started_by.eq(&run.started_by),
        runtime::host.eq(&run.host),
        runtime::boot_id.eq(&run.boot_id),
        runtime::pid.eq(run.pid),
        runtime::pid_started.eq(run.pid_started),
        runtime::pid_namespace.eq(&run.pid_namespace),
        runtime::lease_until.eq(lease_until),
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
