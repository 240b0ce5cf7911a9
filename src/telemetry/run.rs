//! The telemetry of one run: every process of an app hands in its own part, and here they are one.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::NaiveDateTime;

use super::costs::CaptchaCosts;
use super::progress::{Heart, ProgressWriter};
use crate::error::Result;
use crate::http::RequestTimes;
use crate::ident::RuntimeId;
use crate::tables::{FunctionTimes, Store};

/// What a run has told by its end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunTotals {
    /// The tasks of the app, as far as it told.
    pub task_size: Option<i64>,
    /// How many it solved.
    pub solved: i64,
    /// How many failed.
    pub failed: i64,
    /// What the app measured of its functions.
    pub functions: Vec<FunctionTimes>,
    /// The requests that it made.
    pub requests: RequestTimes,
    /// The captchas that it had solved.
    pub captchas: CaptchaCosts,
}

/// The open end: cheap to share between the threads that read an app's streams.
pub struct Telemetry {
    progress: ProgressWriter,
    functions: Mutex<Vec<FunctionTimes>>,
    requests: Mutex<RequestTimes>,
    captchas: Mutex<CaptchaCosts>,
}

impl Telemetry {
    /// Begins for a run; `store` is used for its progress, and by its heart, until [`Telemetry::finish`].
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(store: Store, run: RuntimeId, started_at: NaiveDateTime, heart: Heart) -> Result<Self> {
        Ok(Self {
            progress: ProgressWriter::start(store, run, started_at, heart)?,
            functions: Mutex::default(),
            requests: Mutex::default(),
            captchas: Mutex::default(),
        })
    }

    /// Notes how far the app has come; what it does not say stays as it was.
    pub fn progress(&self, task_size: Option<i64>, solved: Option<i64>, failed: Option<i64>) {
        self.progress.note(task_size, solved, failed);
    }

    /// Notes when the app wishes to run next.
    pub fn next_run(&self, at: NaiveDateTime) {
        self.progress.note_next_run(at);
    }

    /// Notes what a process of the app measured of its functions; a run has one row for each.
    pub fn functions(&self, times: Vec<FunctionTimes>) {
        let mut known = lock(&self.functions);
        for more in times {
            match known.iter_mut().find(|one| one.module == more.module && one.name == more.name) {
                Some(one) => one.add(&more),
                None => known.push(more),
            }
        }
    }

    /// Adds the requests that a process of the app made.
    pub fn requests(&self, times: &RequestTimes) {
        lock(&self.requests).add(times);
    }

    /// Adds the captchas that a process of the app had solved.
    pub fn captchas(&self, costs: &CaptchaCosts) {
        lock(&self.captchas).add(costs);
    }

    /// All that was told so far. It asks no database.
    pub fn totals(&self) -> RunTotals {
        let progress = self.progress.latest();
        RunTotals {
            task_size: progress.task_size,
            solved: progress.solved,
            failed: progress.failed,
            functions: lock(&self.functions).clone(),
            requests: lock(&self.requests).clone(),
            captchas: *lock(&self.captchas),
        }
    }

    /// Writes the last of the progress, and gives the store back; `None` when the database does not answer within
    /// `limit`.
    pub fn finish(self, limit: Duration) -> Option<Store> {
        self.progress.finish(limit)
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
