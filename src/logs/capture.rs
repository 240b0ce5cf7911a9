//! What an app writes while it runs, on its way to the sinks.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use super::facade::{Attached, attach};
use super::lane::LaneReport;
use super::line::{Draft, Head};
use super::pipeline::Pipeline;
use crate::bound::{Bound, bind_process};
use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::tables::LogLevel;

/// The most bytes of a message that are stored as one record.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
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

    /// Takes a record, without secrets, in parts where it is long: all have its level, the first has its `fields`, each a
    /// key and its value as JSON. It waits
    /// only for the memory that others need to take theirs, or when a sink is hopelessly slow.
    pub fn record(&self, level: LogLevel, source: &str, message: &str, fields: &[(String, String)]) {
        if message.len() <= MESSAGE_BYTES_MAX {
            return self.write(Head { time: clock::now(), level, source, message }, fields, None);
        }
        let mut number = 0;
        self.parts(level, source, message, fields, &mut number, true);
    }

    /// Takes a part of a message that does not fit into memory; `number` is how many of its parts were stored.
    pub fn part(&self, level: LogLevel, source: &str, text: &str, number: &mut u32, is_last: bool) {
        self.parts(level, source, text, &[], number, is_last);
    }

    fn parts(
        &self,
        level: LogLevel,
        source: &str,
        text: &str,
        fields: &[(String, String)],
        number: &mut u32,
        is_last: bool,
    ) {
        let time = clock::now();
        let mut rest = text;
        while !rest.is_empty() || is_last {
            let (message, behind) = rest.split_at(rest.floor_char_boundary(MESSAGE_BYTES_MAX));
            let is_end = is_last && behind.is_empty();
            let fields = if *number == 0 { fields } else { &[] };
            self.write(Head { time, level, source, message }, fields, Some((*number, is_end)));
            *number = number.saturating_add(1);
            rest = behind;
            if is_end {
                break;
            }
        }
    }

    fn write(&self, head: Head<'_>, fields: &[(String, String)], part: Option<(u32, bool)>) {
        self.lines.fetch_add(1, Ordering::Relaxed);
        // an error in parts is one
        let is_first = part.is_none_or(|(number, _)| number == 0);
        let is_exception = is_first && head.level.id() >= LogLevel::Error.id();
        self.exceptions.fetch_add(i64::from(is_exception), Ordering::Relaxed);
        let mut line = Vec::with_capacity(head.message.len() + 256);
        let mut draft = Draft::begin(&mut line, head, &self.bound);
        for (key, value) in fields {
            draft.key(key).extend_from_slice(value.as_bytes());
        }
        if let Some((number, is_last)) = part {
            draft.key("part").extend_from_slice(number.to_string().as_bytes());
            draft.key("last").extend_from_slice(is_last.to_string().as_bytes());
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
