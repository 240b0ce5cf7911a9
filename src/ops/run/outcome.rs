//! How a run ended, as it is recorded and as it is told.

use std::fmt;
use std::path::PathBuf;

use chrono::NaiveDateTime;
use serde::Serialize;

use crate::apps::{AppDefinition, Ended, How};
use crate::error::Result;
use crate::shell::{visible_line, visible_record};
use crate::tables::{Backoff, RunEnd, RunOutcome};
use crate::telemetry::RunTotals;

/// What came of a run.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// The app's full name.
    pub app: String,
    /// The run.
    pub runtime: String,
    /// How it ended.
    pub code: RunOutcome,
    /// The status that `dc run` passes on.
    pub exit_status: i32,
    /// The outcome in words, when it was no success.
    pub reason: Option<String>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// Log records written.
    pub log_lines: i64,
    /// Those of ERROR and above.
    pub exceptions: i64,
    /// Processor time of all its processes, in milliseconds.
    pub cpu_user_ms: i64,
    /// Processor time in the system on their behalf, in milliseconds.
    pub cpu_system_ms: i64,
    /// The most memory that one of its processes held, in KiB.
    pub memory_peak_kib: i64,
    /// The cassette that its requests are kept in, where it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cassette: Option<PathBuf>,
    /// Its last lines, kept when nothing was passed through.
    pub last_lines: Vec<String>,
}

impl fmt::Display for RunReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.last_lines {
            writeln!(formatter, "  {}", visible_line(line))?;
        }
        let reason = visible_record(self.reason.as_deref().unwrap_or("done"));
        write!(
            formatter,
            "{}: {reason} after {:.1} s; `dc logs --runtime {}` has the rest",
            self.app,
            self.elapsed_ms as f64 / 1000.0,
            self.runtime
        )
    }
}

/// The outcome, and its words when it was no success.
pub(super) fn outcome_of(how: How, definition: &AppDefinition) -> (RunOutcome, Option<String>) {
    match how {
        How::Exit(0) => (RunOutcome::Ok, None),
        How::Exit(status) => (RunOutcome::Failed, Some(format!("failed with exit status {status}"))),
        How::Signal(signal) => (RunOutcome::Signalled, Some(format!("was killed by {}", signal_name(signal)))),
        How::Timeout => {
            let limit = definition.timeout.map(|limit| format!(" of {} s", limit.as_secs_f64())).unwrap_or_default();
            (RunOutcome::Timeout, Some(format!("took longer than its timeout{limit} and was ended")))
        }
        How::Stopped(signal) => (RunOutcome::Interrupted, Some(format!("was stopped by {}", signal_name(signal)))),
    }
}

fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal)
        .map_or_else(|_| format!("signal {signal}"), |signal| signal.as_str().to_owned())
}

/// The row that closes a run.
pub(super) fn end_of(
    ended: &Result<Ended>,
    ended_at: NaiveDateTime,
    (lines, exceptions): (i64, i64),
    told: &RunTotals,
    definition: &AppDefinition,
) -> RunEnd {
    let (code, reason) = match ended {
        Ok(ended) => outcome_of(ended.how, definition),
        Err(error) => (RunOutcome::StartFailed, Some(error.to_string())),
    };
    let usage = ended.as_ref().map(|ended| ended.usage).ok();
    let usage = usage.map_or((0, 0, 0), |usage| (usage.cpu_user_ms, usage.cpu_system_ms, usage.memory_peak_kib));
    let how = ended.as_ref().ok().map(|ended| ended.how);
    RunEnd {
        code,
        ended_at,
        is_guess: false,
        exit_code: ended.as_ref().ok().map(|ended| i64::from(ended.exit_status())),
        signal: match how {
            Some(How::Signal(signal) | How::Stopped(signal)) => Some(i64::from(signal)),
            _ => None,
        },
        reason,
        exceptions,
        log_lines: lines,
        cpu_user_ms: usage.0,
        cpu_system_ms: usage.1,
        memory_peak_kib: usage.2,
        task_size: told.task_size,
        solved: told.solved,
        failed: told.failed,
        http_requests: told.requests.count as i64,
        http_errors: told.requests.errors as i64,
        http_mean_ms: told.requests.mean_ms(),
        http_p95_ms: told.requests.p95_ms(),
        captchas: told.captchas.solved,
        captcha_cost: told.captchas.cost,
        captcha_ms: told.captchas.total_ms,
        backoff: Backoff::default(),
    }
}
