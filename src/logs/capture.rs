//! What an app writes while it runs, on its way to the sinks; and its progress and wishes, on their way to the database.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::NaiveDateTime;
use serde_json::{Map, Value};

use super::facade::{Attached, attach};
use super::lane::LaneReport;
use super::line::{Draft, Head};
use super::pipeline::Pipeline;
use super::progress::ProgressWriter;
use crate::bound::{Bound, bind_process};
use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::hash::write_text;
use crate::http::RequestTimes;
use crate::redact::{MASK, is_secret_name};
use crate::tables::{FunctionTimes, LogLevel, Store};

/// After so many records it is looked whether a sink has fallen far behind.
const LOOK_EVERY: u64 = 512;
/// The pause of an app that writes faster than a sink takes and has filled half of its room on disk.
const PAUSE: Duration = Duration::from_millis(20);

/// The run whose output is kept.
#[derive(Debug, Clone)]
pub struct RunOfApp {
    /// The run's identity.
    pub runtime: String,
    /// The app's row.
    pub app_id: i64,
    /// The app's full name.
    pub app: String,
    /// When the run began.
    pub started_at: NaiveDateTime,
}

/// What was captured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Captured {
    /// Log records.
    pub lines: i64,
    /// Those of ERROR and above.
    pub exceptions: i64,
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
    /// What became of the records, sink by sink.
    pub sinks: Vec<LaneReport>,
}

/// What captchas took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CaptchaCosts {
    /// How many were solved.
    pub solved: i64,
    /// What they cost, in the currency of the account.
    pub cost: f64,
    /// How long they took together, in milliseconds.
    pub total_ms: i64,
}

/// The open end: cheap to share between the threads that read an app's streams.
pub struct Capture {
    // ended before the pipeline
    _attached: Attached,
    pipeline: Pipeline,
    progress: ProgressWriter,
    bound: Bound,
    lines: AtomicI64,
    exceptions: AtomicI64,
    looked: AtomicU64,
    functions: Mutex<Vec<FunctionTimes>>,
    requests: Mutex<RequestTimes>,
    captchas: Mutex<CaptchaCosts>,
}

impl Capture {
    /// Opens the sinks of the settings for one run; `store` is used for its progress until [`Capture::finish`].
    ///
    /// # Errors
    /// Settings for an unknown sink, or when the system gives no thread.
    pub fn start(context: &Context, store: Store, run: &RunOfApp) -> Result<Self> {
        let settings = &context.settings().log;
        let pipeline = Pipeline::start(settings)?;
        // the console is where dc itself speaks; what an app says there is passed through as it is
        let names = settings.sinks.iter().map(String::as_str).filter(|name| *name != "console");
        pipeline.open_sinks(context, names)?;
        let bound = Bound::default().app_id(run.app_id).app(&run.app).runtime(&run.runtime);
        bind_process(bound.clone());
        Ok(Self {
            _attached: attach(&pipeline),
            pipeline,
            progress: ProgressWriter::start(store, run)?,
            bound,
            lines: AtomicI64::new(0),
            exceptions: AtomicI64::new(0),
            looked: AtomicU64::new(0),
            functions: Mutex::default(),
            requests: Mutex::default(),
            captchas: Mutex::default(),
        })
    }

    /// Takes a record. It waits only for the memory that others need to take theirs, or when a sink is hopelessly slow.
    pub fn record(&self, level: LogLevel, source: &str, message: &str, context: &Map<String, Value>) {
        self.lines.fetch_add(1, Ordering::Relaxed);
        self.exceptions.fetch_add(i64::from(level.id() >= LogLevel::Error.id()), Ordering::Relaxed);
        let mut line = Vec::with_capacity(message.len() + 256);
        let mut draft = Draft::begin(&mut line, Head { time: clock::now(), level, source, message }, &self.bound);
        for (key, value) in context {
            let out = draft.key(key);
            match value {
                Value::String(_) if is_secret_name(key) => write_text(MASK, true, out),
                value => out.extend_from_slice(value.to_string().as_bytes()),
            }
        }
        draft.finish();
        self.pipeline.push(&line);
        if self.looked.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) {
            while self.pipeline.is_far_behind() {
                std::thread::sleep(PAUSE);
            }
        }
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
        let mut known = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        for more in times {
            match known.iter_mut().find(|one| one.module == more.module && one.name == more.name) {
                Some(one) => one.add(&more),
                None => known.push(more),
            }
        }
    }

    /// Adds the requests that a process of the app made.
    pub fn requests(&self, times: &RequestTimes) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).add(times);
    }

    /// Adds the captchas that a process of the app had solved.
    pub fn captchas(&self, costs: CaptchaCosts) {
        let mut known = self.captchas.lock().unwrap_or_else(PoisonError::into_inner);
        known.solved += costs.solved;
        known.cost += costs.cost;
        known.total_ms += costs.total_ms;
    }

    /// Delivers what is queued, for at most `limit`, and gives the store back with the counts.
    ///
    /// # Errors
    /// When the thread with the store ended early, which is a fault of ours.
    pub fn finish(self, limit: Duration) -> Result<(Store, Captured)> {
        let sinks = self.pipeline.finish(limit);
        let (store, progress) = self.progress.finish()?;
        let captured = Captured {
            lines: self.lines.into_inner(),
            exceptions: self.exceptions.into_inner(),
            task_size: progress.task_size,
            solved: progress.solved,
            failed: progress.failed,
            functions: self.functions.into_inner().unwrap_or_else(PoisonError::into_inner),
            requests: self.requests.into_inner().unwrap_or_else(PoisonError::into_inner),
            captchas: self.captchas.into_inner().unwrap_or_else(PoisonError::into_inner),
            sinks,
        };
        Ok((store, captured))
    }
}
