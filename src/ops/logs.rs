//! `dc logs`: what apps and runs wrote, and the table of runs.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::local_time;
use crate::apps::choose;
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::RuntimeId;
use crate::shell;
use crate::tables::{LogFilter, LogLevel, RunFilter, RunRow, Store, StoredLog};

/// How often a follower looks for more.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);
/// Records that a follower reads at once.
const PAGE_MAX: i64 = 1_000;

/// What `dc logs` is asked for.
#[derive(Debug, Clone, Default)]
pub struct LogsOptions {
    /// Only this app: its full name, or a tail that no other app has.
    pub app: Option<String>,
    /// Only this level and above: a name or a number.
    pub level: Option<String>,
    /// Only since: `1h`, `2026-11-20`, `2026-11-20 06:00`.
    pub since: Option<String>,
    /// Only this run: its identity, the beginning of it, or `last`.
    pub runtime: Option<String>,
    /// The last so many.
    pub tail: i64,
    /// Go on until interrupted.
    pub follow: bool,
}

/// One line of the log.
#[derive(Debug, Serialize)]
pub struct LogLine {
    /// The record.
    #[serde(flatten)]
    pub log: StoredLog,
    /// The name of its level.
    pub level_name: &'static str,
    /// The app's full name, if it belongs to one.
    pub app: Option<String>,
}

impl fmt::Display for LogLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let app = self.app.as_deref().unwrap_or("-");
        write!(formatter, "{} {:<8} {app} {}", local_time(self.log.time), self.level_name, self.log.message)?;
        match &self.log.context {
            Some(context) => write!(formatter, " {context}"),
            None => Ok(()),
        }
    }
}

/// The table of runs, newest first.
#[derive(Debug, Serialize)]
pub struct RunList {
    /// The runs.
    pub runs: Vec<RunRow>,
}

impl fmt::Display for RunList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.runs.is_empty() {
            return write!(formatter, "no runs yet");
        }
        let mut table = shell::table(["run", "app", "started", "seconds", "ended", "status", "lines", "errors"]);
        for run in &self.runs {
            let seconds =
                run.ended_at.map(|ended| format!("{:.1}", (ended - run.started_at).num_milliseconds() as f64 / 1000.0));
            let status = run.exit_code.map(|code| code.to_string()).unwrap_or_default();
            let counts = [run.log_lines.to_string(), run.exceptions.to_string()];
            let [lines, errors] = counts;
            let row = [
                run.runtime.clone(),
                run.app.to_string(),
                local_time(run.started_at),
                seconds.unwrap_or_default(),
                run.code.name().to_owned(),
                status,
                lines,
                errors,
            ];
            table.add_row(row);
        }
        write!(formatter, "{table}")
    }
}

/// Gives the log lines to `each`, oldest first; with `follow` it goes on until interrupted.
///
/// # Errors
/// Usage for a level or time that cannot be read, not found for an app or run; what the database or `each` says.
pub fn logs(context: &Context, options: &LogsOptions, mut each: impl FnMut(&LogLine) -> Result<()>) -> Result<()> {
    let mut store = Store::ready(context)?;
    let mut filter = LogFilter {
        app_ids: options.app.as_deref().map(|app| app_ids(&mut store, app)).transpose()?,
        runtime: options.runtime.as_deref().map(|run| runtime(&mut store, run)).transpose()?,
        level_min: options.level.as_deref().map(level).transpose()?,
        since: options.since.as_deref().map(clock::moment).transpose()?,
        after_id: None,
        last: options.tail,
    };
    let mut last = 0;
    loop {
        let names = store.apps()?;
        let lines = store.logs(&filter)?;
        let is_full = filter.after_id.is_some() && lines.len() as i64 >= PAGE_MAX;
        for log in lines {
            last = log.id;
            let app = names.iter().find(|app| Some(app.id) == log.app_id).map(|app| app.name.to_string());
            each(&LogLine { level_name: level_name(log.level), log, app })?;
        }
        if !options.follow || context.cancellation().is_cancelled() {
            return Ok(());
        }
        filter.after_id = Some(last);
        filter.last = PAGE_MAX;
        if !is_full {
            std::thread::sleep(FOLLOW_EVERY);
        }
    }
}

/// The table of runs.
///
/// # Errors
/// Not found for an app or run; what the database says.
pub fn runs(context: &Context, options: &LogsOptions) -> Result<RunList> {
    let mut store = Store::ready(context)?;
    let filter = RunFilter {
        app_ids: options.app.as_deref().map(|app| app_ids(&mut store, app)).transpose()?,
        runtime: options.runtime.as_deref().map(|run| runtime(&mut store, run)).transpose()?,
        limit: options.tail,
    };
    Ok(RunList { runs: store.runs(&filter)? })
}

fn app_ids(store: &mut Store, typed: &str) -> Result<Vec<i64>> {
    let apps = store.apps()?;
    let chosen = choose(apps.iter().map(|app| &app.name), typed)?;
    Ok(apps.iter().filter(|app| app.name == *chosen).map(|app| app.id).collect())
}

fn runtime(store: &mut Store, typed: &str) -> Result<String> {
    if typed == "last" {
        let newest = store.runs(&RunFilter { app_ids: None, runtime: None, limit: 1 })?;
        let none = || Error::new(ErrorKind::NotFound, "find the last run: nothing ran yet");
        return newest.into_iter().next().map(|run| run.runtime).ok_or_else(none);
    }
    let id: RuntimeId = typed.parse()?;
    let found = store.runs(&RunFilter { app_ids: None, runtime: Some(id.to_string()), limit: 1 })?;
    match found.is_empty() {
        true => {
            Err(Error::new(ErrorKind::NotFound, format!("find the run {id}")).hint("`dc logs --runs` lists the runs"))
        }
        false => Ok(id.to_string()),
    }
}

fn level(text: &str) -> Result<i64> {
    let known = LogLevel::ALL.iter().find(|level| level.name().eq_ignore_ascii_case(text));
    let known = known.map(|level| level.id()).or_else(|| text.parse().ok().filter(|number| (0..=100).contains(number)));
    let known = known.or(if text.eq_ignore_ascii_case("warn") { Some(LogLevel::Warning.id()) } else { None });
    known.ok_or_else(|| {
        let names: Vec<String> = LogLevel::ALL.iter().map(|level| level.name().to_lowercase()).collect();
        Error::new(ErrorKind::Usage, format!("read `{text}` as a level")).hint(format!("levels: {}", names.join(", ")))
    })
}

fn level_name(level: i64) -> &'static str {
    let below = LogLevel::ALL.iter().rev().find(|known| known.id() <= level);
    below.map_or("DEBUG", |known| known.name())
}
