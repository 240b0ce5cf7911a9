//! `dc manager why`: the last decisions about an app, told as a story.

use std::collections::HashMap;
use std::fmt;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::super::which::past_apps;
use super::published::Published;
use crate::apps::{AppDefinition, Schedule};
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::manager::{BY_SCHEDULE, lacking, living, waits_for};
use crate::shell::visible_record;
use crate::tables::{
    AppRow, CommandFilter, CommandRow, FatalFlag, OccurrenceRow, OccurrenceState, Pause, RunFilter, RunRow, Store,
};

/// Why an app ran, or did not.
#[derive(Debug, Serialize)]
pub struct Why {
    /// The app.
    pub app: AppRow,
    /// Its last occurrences, the latest first.
    pub occurrences: Vec<OccurrenceRow>,
    /// Its last runs, the latest first.
    pub runs: Vec<RunRow>,
    /// The last commands, the latest first.
    pub commands: Vec<CommandRow>,
    /// How many managers work.
    pub managers: usize,
    /// Why no machine at work may start it; `None` when one may.
    pub lacking: Option<String>,
    /// The apps after which it runs, and that have not ended well since it ran last.
    pub waits_for: Vec<String>,
    /// What is published of its folder; `None` where nothing is, and nothing is to be.
    pub published: Option<Published>,
    /// Whether everything is paused.
    pub pause: Option<Pause>,
    /// When this was read, by the database's clock.
    #[serde(skip)]
    pub time: NaiveDateTime,
}

/// Reads the story of an app's last `count` decisions.
///
/// # Errors
/// Not found for an unknown app; what the database says.
pub fn why(context: &Context, app: &str, count: i64) -> Result<Why> {
    Why::read(context, &mut Store::ready(context)?, app, count)
}

impl Why {
    /// As [`why`], from an open store.
    ///
    /// # Errors
    /// As [`why`].
    pub fn read(context: &Context, store: &mut Store, app: &str, count: i64) -> Result<Self> {
        let rows = past_apps(store, app)?;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let found = rows.into_iter().next();
        let found = found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("find the app `{app}`")))?;
        let filter = RunFilter { app_ids: Some(ids.clone()), runtime: None, limit: count };
        let managers = living(store)?;
        Ok(Self {
            occurrences: store.occurrences().of_apps(&ids, count)?,
            runs: store.runs().list(&filter)?,
            commands: store.commands().list(&CommandFilter::OfApps(&ids, count))?,
            lacking: lacking(store, &managers, found.id)?,
            managers: managers.len(),
            time: store.now()?,
            pause: store.pauses().current()?,
            waits_for: open_befores(store, &found)?,
            published: Published::of(context, store, &found)?,
            app: found,
        })
    }
}

fn open_befores(store: &mut Store, app: &AppRow) -> Result<Vec<String>> {
    let Ok(definition) = AppDefinition::from_json(&app.definition) else { return Ok(Vec::new()) };
    let apps = store.apps().all()?;
    waits_for(store, app, &definition, &apps)
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.now())?;
        for line in self.published.iter().flat_map(Published::lines) {
            writeln!(formatter, "{line}")?;
        }
        let story = self.story();
        if story.is_empty() {
            return write!(formatter, "nothing was decided about it yet");
        }
        let lines: Vec<String> = story
            .into_iter()
            .map(|(time, text)| format!("{}  {}", clock::local(time), visible_record(&text)))
            .collect();
        write!(formatter, "{}", lines.join("\n"))
    }
}

impl Why {
    /// What was decided and what came of it, the latest first.
    pub fn story(&self) -> Vec<(NaiveDateTime, String)> {
        let runs: HashMap<&str, &RunRow> = self.runs.iter().map(|run| (run.runtime.as_str(), run)).collect();
        let by_occurrence: Vec<&str> = self.occurrences.iter().filter_map(|row| row.runtime.as_deref()).collect();
        let mut story: Vec<(NaiveDateTime, String)> = Vec::new();
        story.extend(self.occurrences.iter().map(|row| (row.due_at, occurrence(row, &runs))));
        let others = self.runs.iter().filter(|run| !by_occurrence.contains(&run.runtime.as_str()));
        story.extend(others.map(|run| (run.started_at, self.other(run))));
        story.extend(self.commands.iter().map(|row| (row.time, command(row))));
        story.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        story
    }

    /// How it stands now, and what comes next.
    pub fn now(&self) -> String {
        let app = &self.app;
        let definition = AppDefinition::from_json(&app.definition).ok();
        let schedule = match (&app.schedule, app.interval_ms, &definition) {
            (Some(pattern), ..) => format!("by the schedule `{pattern}` in {}", app.timezone),
            (None, Some(ms), _) => format!("every {} s", ms as f64 / 1_000.0),
            (None, None, Some(it)) if it.keep => "whenever it has ended".to_owned(),
            (None, None, Some(it)) if it.schedule == Schedule::AtBoot => "once for each boot of its machine".to_owned(),
            (None, None, Some(it)) if !it.after.is_empty() => format!("after {}", it.after.join(" and ")),
            (None, None, Some(it)) if it.pipeline.is_some() => "as a pipeline, on each machine that may".to_owned(),
            (None, None, _) => "by hand only".to_owned(),
        };
        if let Some(left_at) = app.archive {
            return format!("{} is not under apps/ any more: it was taken out at {}", app.name, clock::local(left_at));
        }
        let next = match (app.disable, app.fatal_flag, app.next_run) {
            (true, FatalFlag::None, _) => "it is out of service, because somebody said so".to_owned(),
            (true, _, _) => format!(
                "{}; `dc manager send reset {}` lets it work again",
                out_of_service(app.fatal_msg.as_deref().unwrap_or("it failed too often"), &app.name.to_string()),
                app.name
            ),
            (false, _, Some(next)) if self.managers == 0 => {
                format!("it would be due at {}, but no manager works: `dc manager start`", clock::local(next))
            }
            (false, _, Some(next)) if self.lacking.is_some() => {
                let lacking = self.lacking.as_deref().unwrap_or_default();
                format!("it would be due at {}, but {lacking}", clock::local(next))
            }
            (false, _, Some(next)) => format!("it is due next at {}", clock::local(next)),
            (false, _, None) if !self.waits_for.is_empty() => {
                format!("it waits for a good run of {}", self.waits_for.join(" and of "))
            }
            (false, _, None) if app.is_pipeline() => match (self.managers, &self.lacking) {
                (0, _) => "no manager works: `dc manager start`".to_owned(),
                (_, Some(lacking)) => lacking.clone(),
                _ => format!("managers keep its workers; `dc tasks {}` shows its documents", app.name),
            },
            (false, _, None) => "it is not due by itself".to_owned(),
        };
        let waits = match app.retry_at {
            Some(retry_at) if app.failures > 0 && retry_at > self.time => {
                let failures = if app.failures == 1 {
                    "a failure".to_owned()
                } else {
                    format!("{} failures in a row", app.failures)
                };
                format!("; after {failures} it waits until {}", clock::local(retry_at))
            }
            _ => String::new(),
        };
        let paused = self.pause.as_ref().map(|pause| format!("; {}", pause.words())).unwrap_or_default();
        format!("{} runs {schedule}; {next}{waits}{paused}", app.name)
    }

    /// A run that no occurrence names: an earlier try of one that was tried again, or what a person started.
    fn other(&self, run: &RunRow) -> String {
        let tried_again = self.occurrences.iter().filter(|row| row.attempts > 1 && row.due_at <= run.started_at);
        match tried_again.max_by_key(|row| row.due_at).filter(|_| run.started_by == BY_SCHEDULE) {
            Some(row) => format!("an earlier try of what was due at {}: {}", clock::local(row.due_at), ended(run)),
            None => format!("{} started it: {}", run.started_by, ended(run)),
        }
    }
}

/// Why an app is out of service; the reason may be a whole sentence about the app.
fn out_of_service(reason: &str, app: &str) -> String {
    match reason.strip_prefix(app).map(str::trim_start) {
        Some(rest) if rest.starts_with("is out of service") => format!("it {rest}"),
        Some(rest) => format!("it is out of service: it {rest}"),
        None => format!("it is out of service: {reason}"),
    }
}

fn occurrence(row: &OccurrenceRow, runs: &HashMap<&str, &RunRow>) -> String {
    let reason = row.reason.as_deref().unwrap_or_default();
    match row.state {
        OccurrenceState::Claimed => {
            format!("due: manager {} starts it (try {})", row.claimed_by.as_deref().unwrap_or("?"), row.fence)
        }
        OccurrenceState::Queued => format!("due: {reason}"),
        OccurrenceState::Started => "due: it was started, and runs".to_owned(),
        OccurrenceState::Ran => match row.runtime.as_deref().and_then(|run| runs.get(run)) {
            Some(run) => format!("due: {}", ended(run)),
            None => format!("due: it ran: {reason}"),
        },
        OccurrenceState::Skipped => format!("due, and left out: {reason}"),
        OccurrenceState::Missed => format!("due, and missed: {reason}"),
    }
}

fn ended(run: &RunRow) -> String {
    let Some(ended_at) = run.ended_at else { return format!("it runs since {}", clock::local(run.started_at)) };
    let seconds = (ended_at - run.started_at).num_milliseconds() as f64 / 1_000.0;
    let how = run.reason.as_deref().unwrap_or("it ended well");
    format!("it ran for {seconds:.1} s: {how} (run {})", run.runtime)
}

fn command(row: &CommandRow) -> String {
    let result = row.result.as_deref().map(|result| format!(": {result}")).unwrap_or_default();
    format!("{} said `{}`: {}{result}", row.by, row.command.name().to_lowercase(), row.flag.name().to_lowercase())
}
