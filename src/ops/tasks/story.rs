//! What became of a document, told as a story: how it stands, what happened, and what to type next.

use std::fmt;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::overview::age;
use super::pipelines::{Pipeline, Pipelines};
use super::worker::is_at_work;
use crate::apps::StageWork;
use crate::clock;
use crate::error::Result;
use crate::manager::{lacking, living};
use crate::shell::visible_line;
use crate::tables::{AttemptRow, CallRow, Store, TaskRow, TaskState, hex_text};

/// So many of the last attempts are told.
const ATTEMPTS_TOLD: usize = 50;
/// So many names under which the same bytes came again are told.
const NAMES_TOLD: usize = 10;
/// Digits of a SHA-256 that are told.
const DIGITS_TOLD: usize = 12;

/// What became of a document.
#[derive(Debug, Clone, Serialize)]
pub struct Story {
    /// Its task.
    #[serde(flatten)]
    pub task: TaskRow,
    /// Its pipeline.
    pub pipeline: String,
    /// How it stands, and what it waits for.
    pub now: String,
    /// What happened, the first thing first.
    pub events: Vec<StoryEvent>,
    /// What may be typed next.
    pub next: Vec<String>,
}

/// Something that happened to a document.
#[derive(Debug, Clone, Serialize)]
pub struct StoryEvent {
    /// When, in UTC.
    pub time: String,
    /// What.
    pub text: String,
    #[serde(skip)]
    at: NaiveDateTime,
}

impl StoryEvent {
    fn of(at: NaiveDateTime, text: String) -> Self {
        Self { time: clock::utc(at), text, at }
    }
}

impl Story {
    /// Reads the story of a task.
    ///
    /// # Errors
    /// What the database says.
    pub(super) fn of(store: &mut Store, pipelines: &Pipelines, task: TaskRow) -> Result<Self> {
        let attempts = store.tasks().attempts(task.id)?;
        let mut events = vec![found(store, &task)?];
        let told = attempts.len().saturating_sub(ATTEMPTS_TOLD);
        events.extend(attempts[told..].iter().map(|it| StoryEvent::of(it.ended_at, attempted(it))));
        let names = store.tasks().duplicates(task.id)?;
        let again = |(name, at): &(String, NaiveDateTime)| {
            StoryEvent::of(*at, format!("the same bytes came again as {}: no work", visible_line(name)))
        };
        events.extend(names.iter().take(NAMES_TOLD).map(again));
        if let Some((_, at)) = names.get(NAMES_TOLD) {
            let more = names.len() - NAMES_TOLD;
            events.push(StoryEvent::of(*at, format!("the same bytes came {more} more times")));
        }
        if let (Some(at), TaskState::Cancelled | TaskState::Quarantined) = (task.ended_at, task.state) {
            let reason = visible_line(task.error.as_deref().unwrap_or_default()).into_owned();
            events.push(StoryEvent::of(at, format!("{}: {reason}", task.state.name())));
        }
        if let Some(later) = store.tasks().successor(task.id)? {
            let at = store.tasks().one(later)?.map_or(task.changed_at, |later| later.created_at);
            events.push(StoryEvent::of(at, format!("a file of the same name came with other bytes: task {later}")));
        }
        events.sort_by_key(|event| event.at);
        let pipeline = pipelines.of(task.app_id);
        let now = standing(store, pipeline, &task)?;
        let next = next(pipeline, &task, &attempts);
        Ok(Self { pipeline: pipelines.name(task.app_id), now, events, next, task })
    }
}

fn found(store: &mut Store, task: &TaskRow) -> Result<StoryEvent> {
    let how = match &task.origin {
        Some(origin) => format!("found at {}", visible_line(origin)),
        None => "found".to_owned(),
    };
    let file = store.files().by_id(task.file_id)?;
    let bytes = file.map(|file| format!(", {} bytes", file.bytes)).unwrap_or_default();
    let before = task.predecessor.map(|it| format!("; the file of this name before was task {it}")).unwrap_or_default();
    let digits: String = hex_text(&task.sha256).chars().take(DIGITS_TOLD).collect();
    let text = format!("{how}, stored as file {}{bytes}, SHA-256 {digits}{before}", task.file_id);
    Ok(StoryEvent::of(task.created_at, text))
}

/// What an attempt came to.
fn attempted(row: &AttemptRow) -> String {
    let AttemptRow { stage, attempt, worker, host, outcome, .. } = row;
    if let Some(user) = worker.strip_prefix(super::edit::EDITED_BY) {
        return format!("{stage}: {user} edited what it gave");
    }
    let seconds = (row.ended_at - row.started_at).as_seconds_f64();
    let ended = match (row.signal, row.exit_code) {
        (Some(signal), _) => format!(", killed by signal {signal}"),
        (None, Some(status)) if status != 0 => format!(", exit status {status}"),
        _ => String::new(),
    };
    let error = row.error.as_deref().map(|error| format!(": {}", visible_line(error))).unwrap_or_default();
    format!("{stage}: {outcome} after {seconds:.1} s on {host} (attempt {attempt}{ended}){error}")
}

/// How a task stands, and what it waits for.
fn standing(store: &mut Store, pipeline: Option<&Pipeline>, task: &TaskRow) -> Result<String> {
    let stage = &task.stage;
    let error = task.error.as_deref().map(|error| format!(": {}", visible_line(error))).unwrap_or_default();
    Ok(match task.state {
        TaskState::Done => "it is done".to_owned(),
        TaskState::Rejected | TaskState::Failed => format!("it was {} in `{stage}`{error}", ended_word(task.state)),
        TaskState::Quarantined | TaskState::Cancelled => format!("it is {} in `{stage}`{error}", task.state.name()),
        TaskState::Running => {
            let since = clock::local(task.changed_at);
            let workers = store.tasks().workers(Some(task.app_id))?;
            let worker = workers.iter().find(|worker| Some(&worker.id) == task.claimed_by.as_ref());
            let by = worker.map(|it| format!(" on {} (process {})", it.host, it.pid)).unwrap_or_default();
            match store.tasks().call(task.id)? {
                Some(call) => with_actor(&call),
                None => format!("`{stage}` works on it since {since}{by}, attempt {}", task.attempts),
            }
        }
        TaskState::Waiting => format!("it waits for `{stage}`{}", waits_for(store, pipeline, task)?),
    })
}

/// With which actor a task is.
pub(super) fn with_actor(call: &CallRow) -> String {
    let CallRow { stage, actor, queue, attempt, .. } = call;
    let (since, until) = (clock::local(call.asked_at), clock::local(call.answer_until));
    let sent = if call.sender.is_some() { ", not sent yet" } else { "" };
    format!(
        "`{stage}` is with the actor `{actor}` (queue `{queue}`{sent}) since {since}, attempt {attempt}: its answer counts \
         until {until}"
    )
}

fn ended_word(state: TaskState) -> &'static str {
    if state == TaskState::Rejected { "rejected" } else { "given up" }
}

/// What keeps a task waiting, the strongest reason first.
fn waits_for(store: &mut Store, pipeline: Option<&Pipeline>, task: &TaskRow) -> Result<String> {
    let Some(pipeline) = pipeline.filter(|pipeline| pipeline.app.archive.is_none()) else {
        return Ok(": its pipeline is not registered any more".to_owned());
    };
    if pipeline.place(&task.stage).is_none() {
        return Ok(format!(
            ", which app.toml no longer has: `dc tasks cancel {0}`, then `dc tasks retry {0} --from STAGE`",
            task.id
        ));
    }
    if pipeline.app.disable {
        return Ok(format!(": {} is out of service", pipeline.app.name));
    }
    if let Some(pause) = store.pauses().current()? {
        return Ok(format!(": {}", pause.words()));
    }
    let blocks = store.tasks().blocks(Some(task.app_id))?;
    if let Some(block) = blocks.iter().find(|block| block.stage == task.stage) {
        let since = clock::local(block.since);
        return Ok(format!(", which cannot work since {since}: {}", visible_line(&block.reason)));
    }
    let now = store.now()?;
    if let Some(at) = task.not_before.filter(|at| *at > now) {
        let error = task.error.as_deref().map(|error| format!(" after: {}", visible_line(error))).unwrap_or_default();
        return Ok(format!(", not before {}{error}", clock::local(at)));
    }
    let workers = store.tasks().workers(Some(task.app_id))?;
    if !workers.iter().any(|worker| is_at_work(worker, now)) {
        let managers = living(store)?;
        return Ok(match lacking(store, &managers, task.app_id)? {
            Some(lacking) if !managers.is_empty() => format!(": {lacking}"),
            _ => format!(", and no worker works: `dc manager start`, or `dc run {}`", pipeline.app.name),
        });
    }
    let since = age((now - task.changed_at).as_seconds_f64().max(0.0));
    Ok(format!(" for {since}: others of higher priority or age go first"))
}

/// What may be typed next.
fn next(pipeline: Option<&Pipeline>, task: &TaskRow, attempts: &[AttemptRow]) -> Vec<String> {
    let id = task.id;
    let mut next = Vec::new();
    match task.state {
        TaskState::Rejected => {
            next.push(format!("`dc tasks edit {id}` changes what `{}` was given, and tries it again", task.stage));
            next.push(format!("`dc tasks retry {id}` tries it again as it is"));
        }
        TaskState::Failed | TaskState::Cancelled => {
            next.push(format!("`dc tasks retry {id}` tries it again"));
        }
        TaskState::Quarantined => {
            next.push(format!("`dc tasks document {id} >FILE` writes the original, to be looked at"));
            next.push(format!("`dc tasks retry {id}` tries it again"));
        }
        TaskState::Done => {
            for (table, scope) in pipeline.into_iter().flat_map(loaded) {
                let sha256 = hex_text(&task.sha256);
                next.push(format!("its rows: SELECT * FROM {table} WHERE {scope} = '{sha256}' AND archive IS NULL"));
            }
        }
        TaskState::Waiting | TaskState::Running => {}
    }
    let is_ill = !matches!(task.state, TaskState::Done | TaskState::Waiting | TaskState::Running);
    if let Some(runtime) = attempts.last().and_then(|it| it.runtime.as_ref()).filter(|_| is_ill) {
        next.push(format!("`dc logs --runtime {runtime} --text '\"task\":{id}'` shows its log"));
    }
    next
}

/// The tables into which a pipeline loads, each with the column that names the document.
pub(super) fn loaded(pipeline: &Pipeline) -> Vec<(String, String)> {
    let loads = pipeline.definition.stages.iter().filter_map(|stage| match &stage.work {
        StageWork::BuiltIn { name, options } if name == "load" => {
            let text = |field: &str| options.get(field).and_then(|value| value.as_str()).map(str::to_owned);
            Some((text("table")?, text("scope").unwrap_or_else(|| super::row::SCOPE.to_owned())))
        }
        _ => None,
    });
    loads.collect()
}

impl fmt::Display for Story {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, pipeline, now, events, next } = self;
        write!(formatter, "{} is task {} of {pipeline}: {now}", visible_line(&task.name), task.id)?;
        for StoryEvent { at, text, .. } in events {
            write!(formatter, "\n{}  {text}", clock::local(*at))?;
        }
        next.iter().try_for_each(|next| write!(formatter, "\n-> {next}"))
    }
}
