//! What an app writes while it runs, on its way to the sinks.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value};

use super::facade::{Attached, attach};
use super::lane::LaneReport;
use super::line::{Draft, Head};
use super::pipeline::Pipeline;
use crate::bound::{Bound, bind_process};
use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::hash::write_text;
use crate::redact::{MASK, is_secret_name};
use crate::tables::LogLevel;

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
}

/// What was captured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Captured {
    /// Log records.
    pub lines: i64,
    /// Those of ERROR and above.
    pub exceptions: i64,
    /// What became of the records, sink by sink.
    pub sinks: Vec<LaneReport>,
}

/// The open end: cheap to share between the threads that read an app's streams.
pub struct Capture {
    // ended before the pipeline
    _attached: Attached,
    pipeline: Pipeline,
    bound: Bound,
    lines: AtomicI64,
    exceptions: AtomicI64,
    looked: AtomicU64,
}

impl Capture {
    /// Opens the sinks of the settings for one run.
    ///
    /// # Errors
    /// Settings for an unknown sink, or when the system gives no thread.
    pub fn start(context: &Context, run: &RunOfApp) -> Result<Self> {
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
            bound,
            lines: AtomicI64::new(0),
            exceptions: AtomicI64::new(0),
            looked: AtomicU64::new(0),
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

    /// How many records were taken so far, and how many of them are of ERROR and above.
    pub fn counts(&self) -> (i64, i64) {
        (self.lines.load(Ordering::Relaxed), self.exceptions.load(Ordering::Relaxed))
    }

    /// Delivers what is queued, for at most `limit`.
    pub fn finish(self, limit: Duration) -> Captured {
        let sinks = self.pipeline.finish(limit);
        Captured { lines: self.lines.into_inner(), exceptions: self.exceptions.into_inner(), sinks }
    }
}
