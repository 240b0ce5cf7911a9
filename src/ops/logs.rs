//! `dc logs`: what apps and runs wrote, and the table of runs.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use regex::{Regex, RegexBuilder};
use serde::Serialize;

use super::which::{past_ids, runtime};
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::shell::{self, visible_json, visible_line, visible_record};
use crate::tables::{Direction, LogFilter, LogLevel, LogPlace, RunFilter, RunRow, Store, StoredLog};

/// How often a follower looks for more.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);
/// How often a follower tries a database that is away.
const AWAY_EVERY: Duration = Duration::from_secs(1);
/// Records that are read at once.
const PAGE_MAX: i64 = 1_000;
/// How far behind the last number a follower looks again: transactions end in another order than they take numbers.
const BEHIND: i64 = 1_000;

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
                run.runtime.clone(),
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
    let mut store = Store::ready(context)?.patient();
    let filter = LogFilter {
        app_ids: options.app.as_deref().map(|app| past_ids(&mut store, app)).transpose()?,
        runtime: options.runtime.as_deref().map(|run| runtime(&mut store, run)).transpose()?,
        level_min: options.level.as_deref().map(level).transpose()?,
        since: options.since.as_deref().map(clock::moment).transpose()?,
        until: options.until.as_deref().map(clock::moment).transpose()?,
    };
    let matcher = Matcher::new(options)?;
    // taken first: what is stored while we print is the follower's
    let last = options.after.map_or_else(|| store.logs().last_id(), Ok)?;
    let mut shown = BTreeSet::new();
    if options.follow {
        let known = store.logs().after(&filter, last - BEHIND, BEHIND)?;
        shown.extend(known.iter().map(|log| log.id).filter(|id| *id <= last));
    }
    let mut reading = Reading { context, store, filter, matcher, each };
    match (options.after, options.follow) {
        (None, _) => reading.tail(options.tail, last)?,
        (Some(id), false) => reading.stored_after(id)?,
        (Some(_), true) => {}
    }
    if options.follow { reading.follow(last, shown) } else { Ok(()) }
}

/// The lines that are wanted, by what they say.
struct Matcher(Option<Regex>);

impl Matcher {
    fn new(options: &LogsOptions) -> Result<Self> {
        let pattern = match (&options.text, &options.pattern) {
            (Some(text), _) => format!("(?i){}", regex::escape(text)),
            (None, Some(pattern)) => pattern.clone(),
            (None, None) => return Ok(Self(None)),
        };
        let regex = RegexBuilder::new(&pattern).multi_line(true).build().map_err(|cause| {
            Error::new(ErrorKind::Usage, format!("read `{pattern}` as a regular expression"))
                .because(cause)
                .hint("`--text` looks for plain text")
        })?;
        Ok(Self(Some(regex)))
    }

    fn takes(&self, log: &StoredLog) -> bool {
        let Some(regex) = &self.0 else { return true };
        regex.is_match(&log.message) || log.context.as_deref().is_some_and(|context| regex.is_match(context))
    }
}

/// Reads and prints.
struct Reading<'a, E> {
    context: &'a Context,
    store: Store,
    filter: LogFilter,
    matcher: Matcher,
    each: E,
}

impl<E: FnMut(&LogLine) -> Result<()>> Reading<'_, E> {
    /// The newest `count` lines up to number `last`, oldest first. Of many only the place of the first is kept, and then they are read again.
    fn tail(&mut self, count: i64, last: i64) -> Result<()> {
        let mut newest: VecDeque<StoredLog> = VecDeque::new();
        let (mut found, mut at, mut start) = (0, None, None);
        while found < count {
            self.context.cancellation().check()?;
            let page_size = if self.matcher.0.is_some() { PAGE_MAX } else { PAGE_MAX.min(count - found) };
            let page = self.store.logs().page(&self.filter, Direction::Older, at, page_size)?;
            let Some(oldest) = page.last() else { break };
            at = Some(oldest.place());
            let wanted = page.into_iter().filter(|log| log.id <= last && self.matcher.takes(log));
            for log in wanted.take((count - found) as usize) {
                found += 1;
                start = Some(log.place());
                if found <= PAGE_MAX {
                    newest.push_front(log);
                }
            }
        }
        if found > PAGE_MAX
            && let Some(start) = start
        {
            return self.from(start, newest.back().map(StoredLog::place));
        }
        let names = self.names()?;
        newest.into_iter().try_for_each(|log| self.print(log, &names))
    }

    /// All lines from one place to another, both included.
    fn from(&mut self, start: LogPlace, end: Option<LogPlace>) -> Result<()> {
        let names = self.names()?;
        let mut at = Some(LogPlace { id: start.id - 1, ..start });
        loop {
            self.context.cancellation().check()?;
            let page = self.store.logs().page(&self.filter, Direction::Newer, at, PAGE_MAX)?;
            let Some(newest) = page.last().map(StoredLog::place) else { return Ok(()) };
            at = Some(newest);
            for log in page {
                if end.is_some_and(|end| log.place() > end) {
                    return Ok(());
                }
                self.print(log, &names)?;
            }
        }
    }

    /// All lines that were stored after a number.
    fn stored_after(&mut self, mut last: i64) -> Result<()> {
        let names = self.names()?;
        loop {
            self.context.cancellation().check()?;
            let page = self.store.logs().after(&self.filter, last, PAGE_MAX)?;
            let Some(newest) = page.last() else { return Ok(()) };
            last = newest.id;
            page.into_iter().try_for_each(|log| self.print(log, &names))?;
        }
    }

    /// What is stored after number `last`, as it comes; `shown` are those shortly before it that are known. A database
    /// that goes away is waited for; nothing is left out or shown twice.
    fn follow(&mut self, mut last: i64, mut shown: BTreeSet<i64>) -> Result<()> {
        let mut is_away = false;
        while !self.context.cancellation().is_cancelled() {
            let names = self.names();
            let page = self.store.logs().after(&self.filter, last - BEHIND, PAGE_MAX + BEHIND);
            let (names, page) = match names.and_then(|names| Ok((names, page?))) {
                Ok(read) => read,
                Err(error) if error.is_temporary() => {
                    if !is_away {
                        self.context.shell().note(&format!("waiting: {error}"));
                    }
                    is_away = true;
                    self.reopen();
                    continue;
                }
                Err(error) => return Err(error),
            };
            is_away = false;
            let is_full = page.len() as i64 >= PAGE_MAX + BEHIND;
            for log in page {
                if shown.insert(log.id) {
                    last = last.max(log.id);
                    self.print(log, &names)?;
                }
            }
            shown = shown.split_off(&(last - BEHIND));
            if !is_full {
                std::thread::sleep(FOLLOW_EVERY);
            }
        }
        Ok(())
    }

    /// A connection that broke stays broken.
    fn reopen(&mut self) {
        std::thread::sleep(AWAY_EVERY);
        if let Ok(store) = Store::ready(self.context) {
            self.store = store;
        }
    }

    fn names(&mut self) -> Result<HashMap<i64, String>> {
        let mut apps = self.store.apps().archived()?;
        apps.extend(self.store.apps().all()?);
        Ok(apps.into_iter().map(|app| (app.id, app.name.to_string())).collect())
    }

    fn print(&mut self, log: StoredLog, names: &HashMap<i64, String>) -> Result<()> {
        if !self.matcher.takes(&log) {
            return Ok(());
        }
        let app = log.app_id.and_then(|id| names.get(&id)).cloned();
        (self.each)(&LogLine::of(log, app))
    }
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
