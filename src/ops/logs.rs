//! `dc logs`: what apps and runs wrote, and the table of runs.

mod matcher;
mod reading;

use std::fmt;

use serde::Serialize;

pub(super) use self::matcher::Matcher;
use self::reading::Reading;
use super::which::{past_ids, runtime};
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::short_run;
use crate::shell::{self, visible_json, visible_line, visible_record};
use crate::tables::{LogFilter, LogFollower, LogLevel, RunFilter, RunRow, Store, StoredLog};

/// What `dc logs` is asked for.
#[derive(Debug, Clone, Default)]
pub struct LogsOptions {
    /// Only this app: its full name, or a tail that no other app has.
    pub app: Option<String>,
    /// Only this level and above: a name or a number.
    pub level: Option<String>,
    /// Only since: `1h`, `2026-11-20`, `2026-11-20 06:00`.
    pub since: Option<String>,
    /// Only until then, in the same words.
    pub until: Option<String>,
    /// Only lines with this text in message or context, in either case.
    pub text: Option<String>,
    /// Only lines that this regular expression matches.
    pub pattern: Option<String>,
    /// Only those stored after the record of this number.
    pub after: Option<i64>,
    /// Only this run: its identity, the beginning of it, or `last`.
    pub runtime: Option<String>,
    /// The last so many.
    pub tail: i64,
    /// Go on until interrupted.
    pub follow: bool,
}

/// One line of the log.
#[derive(Debug)]
pub struct LogLine {
    /// The record.
    pub log: StoredLog,
    /// The name of its level.
    pub level_name: &'static str,
    /// The app's full name, if it belongs to one.
    pub app: Option<String>,
}

impl LogLine {
    pub(super) fn of(log: StoredLog, app: Option<String>) -> Self {
        Self { level_name: level_name(log.level), log, app }
    }

    /// The line as it was stored, whatever a terminal makes of it.
    pub fn raw(&self) -> String {
        let context = self.log.context.as_deref().map(|context| format!(" {context}")).unwrap_or_default();
        format!("{} {}{context}", self.head(), self.log.message)
    }

    fn head(&self) -> String {
        let app = visible_line(self.app.as_deref().unwrap_or("-"));
        format!("{} {:<8} {app}", clock::local(self.log.time), self.level_name)
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = visible_record(&self.log.message);
        // behind the first line: further ones may be many
        let (first, rest) = record.split_once('\n').map_or((&*record, None), |(first, rest)| (first, Some(rest)));
        write!(formatter, "{} {first}", self.head())?;
        if let Some(context) = &self.log.context {
            write!(formatter, " {}", visible_line(&visible_json(context)))?;
        }
        rest.map_or(Ok(()), |rest| write!(formatter, "\n{rest}"))
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
                short_run(&run.runtime).to_owned(),
                run.app.to_string(),
                clock::local(run.started_at),
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
/// Usage for a level, time or pattern that cannot be read, not found for an app or run; what the database or `each` says.
pub fn logs(context: &Context, options: &LogsOptions, each: impl FnMut(&LogLine) -> Result<()>) -> Result<()> {
    let matcher = Matcher::new(options.text.as_deref(), options.pattern.as_deref())?;
    let mut store = Store::ready(context)?.patient();
    let filter = LogFilter {
        app_ids: options.app.as_deref().map(|app| past_ids(&mut store, app)).transpose()?,
        runtime: options.runtime.as_deref().map(|run| runtime(&mut store, run)).transpose()?,
        level_min: options.level.as_deref().map(level).transpose()?,
        since: options.since.as_deref().map(clock::moment).transpose()?,
        until: options.until.as_deref().map(clock::moment).transpose()?,
        text: matcher.text(),
    };
    let mut reading = Reading { context, store, filter, matcher, each };
    if let Some(id) = options.after {
        return reading.after(id, options.follow);
    }
    // taken first: what is seen while we print is the follower's
    let follower = if options.follow { reading.store.logs().follower()? } else { LogFollower::of_all() };
    reading.tail(options.tail, &follower)?;
    if options.follow { reading.follow(follower) } else { Ok(()) }
}

/// The table of runs.
///
/// # Errors
/// Not found for an app or run; what the database says.
pub fn runs(context: &Context, options: &LogsOptions) -> Result<RunList> {
    let mut store = Store::ready(context)?.patient();
    let filter = RunFilter {
        app_ids: options.app.as_deref().map(|app| past_ids(&mut store, app)).transpose()?,
        runtime: options.runtime.as_deref().map(|run| runtime(&mut store, run)).transpose()?,
        limit: options.tail,
    };
    Ok(RunList { runs: store.runs().list(&filter)? })
}

pub(super) fn level(text: &str) -> Result<i64> {
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
