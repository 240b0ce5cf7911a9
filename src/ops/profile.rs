//! `dc logs --profile`: where a run spent its time, function by function, beside its earlier runs.

use std::fmt;

use serde::Serialize;

use super::which::{past_ids, runtime};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::{RuntimeId, run_prefix};
use crate::shell;
use crate::tables::{FunctionRow, RunFilter, Store};

/// The width of the longest bar.
const BAR_WIDTH: usize = 20;
/// A change of the mean below this share is no news.
const CHANGE_MIN: f64 = 0.05;

/// What `dc logs --profile` is asked for.
#[derive(Debug, Clone, Default)]
pub struct ProfileOptions {
    /// Only a run of this app.
    pub app: Option<String>,
    /// This run: its identity, `last`, or the app whose last run is meant.
    pub run: String,
}

/// The functions of a run, the longest first.
#[derive(Debug, Serialize)]
pub struct RunProfile {
    /// The run.
    pub runtime: String,
    /// The app.
    pub app: String,
    /// How long the run took, in milliseconds; `None` while it runs.
    pub elapsed_ms: Option<i64>,
    /// Its functions.
    pub functions: Vec<FunctionRow>,
}

/// Where a run spent its time.
///
/// # Errors
/// Not found for an app or run that is not there, or that measured nothing; what the database says.
pub fn profile(context: &Context, options: &ProfileOptions) -> Result<RunProfile> {
    let mut store = Store::ready(context)?.patient();
    let is_last = options.run == "last";
    let is_run = !is_last && (options.run.parse::<RuntimeId>().is_ok() || is_beginning(&mut store, &options.run));
    let app = options.app.as_deref().or((!is_last && !is_run).then_some(options.run.as_str()));
    let filter = RunFilter {
        app_ids: app.map(|app| past_ids(&mut store, app)).transpose()?,
        runtime: if is_run { Some(runtime(&mut store, &options.run)?) } else { None },
        limit: 1,
    };
    let Some(run) = store.runs().list(&filter)?.pop() else {
        return Err(Error::new(ErrorKind::NotFound, "find a run: there is none"));
    };
    let functions = store.functions().of_run(&run.runtime)?;
    if functions.is_empty() {
        let message = format!("find the functions of run {} of {}: it measured none", run.runtime, run.app);
        return Err(Error::new(ErrorKind::NotFound, message)
            .hint("a Rust app marks them with #[fun_watch], others print {\"dc\":\"functions\",..}: `dc run --help`"));
    }
    let elapsed_ms = run.ended_at.map(|ended_at| (ended_at - run.started_at).num_milliseconds());
    Ok(RunProfile { runtime: run.runtime, app: run.app.to_string(), elapsed_ms, functions })
}

/// Whether it can only be the beginning of a run: an app's name goes first.
fn is_beginning(store: &mut Store, typed: &str) -> bool {
    run_prefix(typed).is_some() && past_ids(store, typed).is_err()
}

impl fmt::Display for RunProfile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elapsed = self.elapsed_ms.map(|ms| format!(", {}", length(ms as f64))).unwrap_or_default();
        writeln!(formatter, "{} run {}{elapsed}", self.app, self.runtime)?;
        let longest = self.functions.iter().map(|row| row.times.total_ms).fold(0.0, f64::max);
        let mut table =
            shell::table(["function", "calls", "failed", "total", "", "mean", "median", "min", "max", "before"]);
        for FunctionRow { times, earlier_mean_ms, .. } in &self.functions {
            table.add_row([
                format!("{}::{}", times.module, times.name),
                times.calls.to_string(),
                times.failed.to_string(),
                length(times.total_ms),
                bar(times.total_ms, longest),
                length(times.mean_ms),
                length(times.median_ms),
                length(times.min_ms),
                length(times.max_ms),
                earlier_mean_ms.map(|earlier| change(times.mean_ms, earlier)).unwrap_or_else(|| "first".to_owned()),
            ]);
        }
        write!(formatter, "{table}")
    }
}

/// A bar in eighths of a character.
fn bar(part: f64, whole: f64) -> String {
    let eighths = if whole > 0.0 { (part / whole * (BAR_WIDTH * 8) as f64).round() as usize } else { 0 };
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    format!("{}{rest}", "█".repeat(eighths / 8))
}

/// How the mean of a call has moved.
fn change(mean: f64, earlier: f64) -> String {
    let share = if earlier > 0.0 { mean / earlier - 1.0 } else { 0.0 };
    match share {
        share if share.abs() < CHANGE_MIN => "same".to_owned(),
        share if share >= 1.0 => format!("{:.1} x", share + 1.0),
        share => format!("{:+.0} %", share * 100.0),
    }
}

/// Milliseconds in the unit that shows them best.
fn length(ms: f64) -> String {
    match ms {
        ms if ms < 0.001 => format!("{:.0} ns", ms * 1e6),
        ms if ms < 1.0 => format!("{:.1} µs", ms * 1e3),
        ms if ms < 1e3 => format!("{ms:.1} ms"),
        ms if ms < 120_000.0 => format!("{:.2} s", ms / 1e3),
        ms => format!("{:.1} min", ms / 60_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_lengths_show_proportion() {
        assert_eq!(bar(1.0, 1.0), "█".repeat(BAR_WIDTH));
        assert_eq!((bar(0.0, 1.0), bar(0.0, 0.0), bar(0.5, 16.0)), (String::new(), String::new(), "▋".to_owned()));
        let lengths = [0.0005, 0.25, 12.34, 2_500.0, 300_000.0].map(length);
        assert_eq!(lengths, ["500 ns", "250.0 µs", "12.3 ms", "2.50 s", "5.0 min"]);
        assert_eq!([change(1.0, 1.01), change(2.5, 1.0), change(0.5, 1.0)], ["same", "2.5 x", "-50 %"]);
    }
}
