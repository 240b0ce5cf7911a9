//! `dc tasks retry`: tasks that came to their end are worked off again, from a stage on, all at once or spread over time.

use std::fmt;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use serde::Serialize;

use super::count;
use super::pick::TaskChoice;
use super::pipelines::Pipelines;
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::tables::{Retrial, Store, TaskRow, TaskState};

/// So many tasks are retried in one transaction.
const BATCH: usize = 500;
/// What a filter means that names no state: what did not come through, and was not taken out by a person.
const MEANT: [TaskState; 3] = [TaskState::Rejected, TaskState::Failed, TaskState::Quarantined];

/// What `dc tasks retry` is asked for.
#[derive(Debug, Clone, Default)]
pub struct RetryTasksOptions {
    /// Which tasks.
    pub choice: TaskChoice,
    /// From this stage on; from the one where each ended where `None`.
    pub from: Option<String>,
    /// At most so many in a time: `10/min`.
    pub rate: Option<String>,
    /// Nothing is changed.
    pub dry_run: bool,
}

/// What is retried.
#[derive(Debug, Clone, Serialize)]
pub struct TasksRetried {
    /// The tasks that wait again.
    pub tasks: Vec<RetriedTask>,
    /// The tasks that have not come to their end, and go on as they are.
    pub under_way: Vec<i64>,
    /// Of how many the file was put aside, and stays there.
    pub put_aside: usize,
    /// Whether nothing was changed.
    pub dry_run: bool,
}

/// A task that waits again.
#[derive(Debug, Clone, Serialize)]
pub struct RetriedTask {
    /// The task.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The stage that it waits for.
    pub stage: String,
    /// Not before then, in UTC.
    pub not_before: Option<String>,
    #[serde(skip)]
    at: Option<NaiveDateTime>,
}

impl fmt::Display for TasksRetried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, dry) = (count(self.tasks.len(), "task"), if self.dry_run { " (dry run)" } else { "" });
        let mut stages: Vec<&str> = self.tasks.iter().map(|task| task.stage.as_str()).collect();
        stages.sort_unstable();
        stages.dedup();
        let from = if stages.is_empty() { String::new() } else { format!(" from {}", stages.join(", ")) };
        write!(formatter, "{all} to retry{from}{dry}")?;
        if let Some(last) = self.tasks.iter().filter_map(|task| task.at).max() {
            write!(formatter, ", the last one not before {}", clock::local(last))?;
        }
        if !self.under_way.is_empty() {
            write!(formatter, "; {} not at the end, left alone", count(self.under_way.len(), "task"))?;
        }
        match self.put_aside {
            0 => Ok(()),
            1 => write!(formatter, "\nits file stays under rejected/: the storage has the original"),
            files => write!(formatter, "\n{files} files stay under rejected/: the storage has the originals"),
        }
    }
}

/// Has tasks worked off again.
///
/// # Errors
/// Usage for a stage or a rate that is none; not found; refused for many tasks of a filter without a word, and for those of
/// a pipeline that is not registered.
pub fn retry_tasks(context: &Context, options: &RetryTasksOptions) -> Result<TasksRetried> {
    let pause = options.rate.as_deref().map(pause).transpose()?;
    let mut store = Store::ready(context)?;
    let pipelines = Pipelines::read(&mut store)?;
    let tasks = options.choice.pick(&mut store, &pipelines, &MEANT)?;
    let (ended, open): (Vec<TaskRow>, Vec<TaskRow>) = tasks.into_iter().partition(|task| task.state.is_final());
    let now = store.now()?;
    let mut retrials = Vec::with_capacity(ended.len());
    for (number, task) in ended.iter().enumerate() {
        let stage = stage(&pipelines, task, options.from.as_deref())?;
        let not_before = pause.and_then(|pause| later(now, pause, number));
        retrials.push(Retrial { id: task.id, stage, not_before });
    }
    if !options.dry_run {
        options.choice.confirm(context, "retry", &ended)?;
    }
    let mut report = TasksRetried {
        tasks: Vec::with_capacity(ended.len()),
        under_way: open.iter().map(|task| task.id).collect(),
        put_aside: 0,
        dry_run: options.dry_run,
    };
    for (some, tasks) in retrials.chunks(BATCH).zip(ended.chunks(BATCH)) {
        context.cancellation().check()?;
        let done = if options.dry_run { vec![true; some.len()] } else { store.tasks().retry(some)? };
        for ((retrial, task), done) in some.iter().zip(tasks).zip(done) {
            if !done {
                report.under_way.push(task.id);
                continue;
            }
            report.put_aside += usize::from(is_put_aside(task));
            report.tasks.push(RetriedTask {
                id: task.id,
                name: task.name.clone(),
                stage: retrial.stage.clone(),
                not_before: retrial.not_before.map(clock::utc),
                at: retrial.not_before,
            });
        }
    }
    Ok(report)
}

/// Whether the file of a task was put aside: it came from a watched folder, and its document did not come through.
fn is_put_aside(task: &TaskRow) -> bool {
    task.host.is_some() && task.work_path.is_none() && task.state != TaskState::Done
}

/// The stage from which on a task is worked off again.
fn stage(pipelines: &Pipelines, task: &TaskRow, from: Option<&str>) -> Result<String> {
    let pipeline = pipelines.registered(task.app_id)?;
    let stage = match from {
        Some(from) => from,
        None if task.state == TaskState::Done => {
            return Err(Error::new(ErrorKind::Usage, format!("retry task {}: it is done", task.id))
                .hint(format!("name the stage to begin with: --from {}", pipeline.stages().join(" | "))));
        }
        None => &task.stage,
    };
    if pipeline.place(stage).is_none() {
        let message = format!("retry task {} from `{stage}`: {} has no such stage", task.id, pipeline.app.name);
        return Err(Error::new(ErrorKind::Usage, message)
            .hint(format!("name one of its stages: --from {}", pipeline.stages().join(" | "))));
    }
    Ok(stage.to_owned())
}

fn later(now: NaiveDateTime, pause: Duration, number: usize) -> Option<NaiveDateTime> {
    let number = u32::try_from(number).ok().filter(|number| *number > 0)?;
    now.checked_add_signed(TimeDelta::from_std(pause.checked_mul(number)?).ok()?)
}

/// Reads `10/min` as the pause between two tasks.
fn pause(text: &str) -> Result<Duration> {
    let wrong = || {
        Error::new(ErrorKind::Usage, format!("read `{text}` as a rate"))
            .hint("write a number and a time: 5/s, 10/min, 100/h, 1000/d")
    };
    let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
    let number: u32 = number.trim().parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    let seconds = match unit.trim() {
        "s" | "sec" | "second" => 1,
        "m" | "min" | "minute" => 60,
        "h" | "hour" => 3_600,
        "d" | "day" => 86_400,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_secs(seconds) / number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_pause() {
        let ms = |text: &str| pause(text).map(|pause| pause.as_millis()).map_err(|error| error.kind());
        assert_eq!((ms("10/min"), ms(" 5 / s "), ms("1/d")), (Ok(6_000), Ok(200), Ok(86_400_000)));
        for wrong in ["", "10", "0/min", "-1/s", "10/", "/min", "1.5/s", "10/week", "10/min/s"] {
            assert_eq!(ms(wrong), Err(ErrorKind::Usage), "{wrong}");
        }
        let now = clock::now();
        assert_eq!(later(now, Duration::from_secs(6), 0), None);
        assert_eq!(later(now, Duration::from_secs(6), 10), Some(now + TimeDelta::seconds(60)));
    }
}
