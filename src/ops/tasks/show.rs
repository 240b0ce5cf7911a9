//! `dc tasks show`: all that is known of a task.

use std::fmt;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::edit::TaskInput;
use super::pick::TaskChoice;
use super::pipelines::Pipelines;
use super::story::with_actor;
use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::shell::{self, visible_line, visible_record};
use crate::tables::{AttemptRow, CallRow, FileRow, Store, TaskRow, hex_text};

/// So many letters of an output are shown.
const OUTPUT_CHARS_SHOWN: usize = 200;

/// All that is known of tasks.
#[derive(Debug, Clone, Serialize)]
pub struct TaskDetails {
    /// One for each number.
    pub tasks: Vec<TaskDetail>,
}

/// All that is known of a task.
#[derive(Debug, Clone, Serialize)]
pub struct TaskDetail {
    /// The task.
    #[serde(flatten)]
    pub task: TaskRow,
    /// Its pipeline.
    pub pipeline: String,
    /// The stored original.
    pub file: Option<FileRow>,
    /// The names under which the same bytes came again, and when.
    pub came_again: Vec<CameAgain>,
    /// The actor that it is with, if it is with one.
    pub call: Option<CallRow>,
    /// What was done, the first attempt first.
    pub attempts_made: Vec<AttemptRow>,
    /// What its stage was given, where a person may edit it in a form.
    #[serde(skip)]
    pub input: Option<TaskInput>,
}

/// A name under which the same bytes came again.
#[derive(Debug, Clone, Serialize)]
pub struct CameAgain {
    /// The name.
    pub name: String,
    /// When, in UTC.
    pub time: String,
    #[serde(skip)]
    at: NaiveDateTime,
}

/// Reads all that is known of tasks.
///
/// # Errors
/// Not found for a number; what the database says.
pub fn show_tasks(context: &Context, ids: &[i64]) -> Result<TaskDetails> {
    TaskDetails::read(&mut Store::ready(context)?, ids)
}

impl TaskDetails {
    /// As [`show_tasks`], from an open store.
    ///
    /// # Errors
    /// As [`show_tasks`].
    pub fn read(store: &mut Store, ids: &[i64]) -> Result<Self> {
        let pipelines = Pipelines::read(store)?;
        let choice = TaskChoice { ids: ids.to_vec(), ..TaskChoice::default() };
        let mut tasks = Vec::new();
        for task in choice.pick(store, &pipelines, &[])? {
            let names = store.tasks().duplicates(task.id)?.into_iter();
            let attempts_made = store.tasks().attempts(task.id)?;
            tasks.push(TaskDetail {
                pipeline: pipelines.name(task.app_id),
                file: store.files().by_id(task.file_id)?,
                came_again: names.map(|(name, at)| CameAgain { name, time: clock::utc(at), at }).collect(),
                call: store.tasks().call(task.id)?,
                input: TaskInput::of(&pipelines, &task, &attempts_made),
                attempts_made,
                task,
            });
        }
        Ok(Self { tasks })
    }
}

impl fmt::Display for TaskDetails {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.tasks.iter().map(ToString::to_string).collect();
        formatter.write_str(&all.join("\n\n"))
    }
}

impl fmt::Display for TaskDetail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, pipeline, file, came_again, call, attempts_made, input: _ } = self;
        let moment = |at: Option<NaiveDateTime>| at.map(clock::local);
        let shown = |text: &Option<String>| text.as_deref().map(|text| visible_record(text).into_owned());
        let bytes = file.as_ref().map(|file| match file.deleted_at {
            Some(at) => format!("{} ({} bytes, deleted {})", file.id, file.bytes, clock::local(at)),
            None => format!("{} ({} bytes)", file.id, file.bytes),
        });
        let lines = [
            ("name", Some(visible_line(&task.name).into_owned())),
            ("pipeline", Some(pipeline.clone())),
            ("state", Some(format!("{} in {}", task.state.name(), task.stage))),
            ("actor", call.as_ref().map(with_actor)),
            ("error", shown(&task.error)),
            ("sha256", Some(hex_text(&task.sha256))),
            ("file", bytes),
            ("found at", shown(&task.origin)),
            ("waits at", shown(&task.work_path)),
            ("found", moment(Some(task.created_at))),
            ("changed", moment(Some(task.changed_at))),
            ("ended", moment(task.ended_at)),
            ("not before", moment(task.not_before)),
            ("priority", Some(task.priority.to_string()).filter(|_| task.priority != 0)),
            ("attempts", Some(task.attempts.to_string())),
            ("deaths", Some(task.deaths.to_string()).filter(|_| task.deaths != 0)),
            ("replaces", task.predecessor.map(|id| format!("task {id}, the file of this name before"))),
        ];
        write!(formatter, "task {}", task.id)?;
        for (what, text) in lines {
            if let Some(text) = text {
                write!(formatter, "\n  {what:<11} {text}")?;
            }
        }
        for CameAgain { name, at, .. } in came_again {
            write!(formatter, "\n  {:<11} {} as {}", "came again", clock::local(*at), visible_line(name))?;
        }
        if attempts_made.is_empty() {
            return Ok(());
        }
        let header = ["stage", "attempt", "began", "seconds", "cpu s", "memory MiB", "exit", "outcome", "by"];
        let mut table = shell::table(header);
        for row in attempts_made {
            table.add_row(cells(row));
        }
        write!(formatter, "\n\n{table}")?;
        for row in attempts_made {
            let place = format!("{} {}", row.stage, row.attempt);
            if let Some(error) = &row.error {
                write!(formatter, "\n{place}: {}", visible_record(error))?;
            }
            if let Some(output) = output(row) {
                write!(formatter, "\n{place} gave {output}")?;
            }
        }
        Ok(())
    }
}

fn cells(row: &AttemptRow) -> [String; 9] {
    let seconds = (row.ended_at - row.started_at).as_seconds_f64();
    let exit = match (row.signal, row.exit_code) {
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(status)) => status.to_string(),
        (None, None) => String::new(),
    };
    let is_edited = row.worker.starts_with(super::edit::EDITED_BY);
    [
        row.stage.clone(),
        row.attempt.to_string(),
        clock::local(row.started_at)[5..].to_owned(),
        format!("{seconds:.2}"),
        row.cpu_ms.map(|ms| format!("{:.2}", ms as f64 / 1_000.0)).unwrap_or_default(),
        row.memory_peak_kib.map(|kib| format!("{:.1}", kib as f64 / 1_024.0)).unwrap_or_default(),
        exit,
        row.outcome.clone(),
        if is_edited { row.worker.clone() } else { row.host.clone() },
    ]
}

/// What an attempt gave, in short.
fn output(row: &AttemptRow) -> Option<String> {
    if let Some(file) = row.output_file {
        return Some(format!("the stored file {file}"));
    }
    let text = row.output.as_deref()?;
    let mut short: String = visible_line(&text.replace('\n', " ")).chars().take(OUTPUT_CHARS_SHOWN).collect();
    if text.chars().count() > OUTPUT_CHARS_SHOWN {
        short.push('…');
    }
    Some(short)
}
