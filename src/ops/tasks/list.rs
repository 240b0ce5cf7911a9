//! `dc tasks`: the funnel of each pipeline, and the tasks below it.

use std::fmt;

use serde::Serialize;

use super::overview::PipelineOverview;
use super::pick::TaskChoice;
use super::pipelines::Pipelines;
use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::shell::{self, visible_line};
use crate::tables::{Store, TaskRow};

/// So many letters of an error are shown in the list.
const ERROR_CHARS_SHOWN: usize = 60;

/// What `dc tasks` is asked for.
#[derive(Debug, Clone, Default)]
pub struct TaskListOptions {
    /// Which tasks.
    pub choice: TaskChoice,
    /// How many are listed.
    pub count: i64,
}

/// Pipelines, and tasks of them.
#[derive(Debug, Clone, Serialize)]
pub struct TaskList {
    /// The pipelines at a glance.
    pub pipelines: Vec<PipelineOverview>,
    /// The tasks, the newest first.
    pub tasks: Vec<ListedTask>,
}

/// A task with the name of its pipeline.
#[derive(Debug, Clone, Serialize)]
pub struct ListedTask {
    /// The task.
    #[serde(flatten)]
    pub task: TaskRow,
    /// Its pipeline.
    pub pipeline: String,
}

/// Looks at pipelines, and lists tasks.
///
/// # Errors
/// Usage for a name, a state or a time that is none; what the database says.
pub fn list_tasks(context: &Context, options: &TaskListOptions) -> Result<TaskList> {
    TaskList::read(&mut Store::ready(context)?.patient(), options)
}

impl TaskList {
    /// As [`list_tasks`], from an open store.
    ///
    /// # Errors
    /// As [`list_tasks`].
    pub fn read(store: &mut Store, options: &TaskListOptions) -> Result<Self> {
        let pipelines = Pipelines::read(store)?;
        let filter = options.choice.filter(&pipelines)?;
        let overviews = PipelineOverview::read(store, &pipelines, filter.app_ids.as_deref())?;
        let tasks = store.tasks().list(&filter, options.count)?.into_iter();
        let tasks = tasks.map(|task| ListedTask { pipeline: pipelines.name(task.app_id), task }).collect();
        Ok(Self { pipelines: overviews, tasks })
    }
}

impl fmt::Display for TaskList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pipelines.is_empty() && self.tasks.is_empty() {
            return formatter.write_str(
                "no pipelines: an app.toml with [pipeline] and [[stage]] makes one, `dc deploy` registers it",
            );
        }
        for pipeline in &self.pipelines {
            writeln!(formatter, "{pipeline}\n")?;
        }
        if self.tasks.is_empty() {
            return formatter.write_str("no tasks");
        }
        let has_several = self.tasks.iter().any(|task| task.pipeline != self.tasks[0].pipeline);
        let mut header = vec!["task", "name"];
        header.extend(has_several.then_some("pipeline"));
        header.extend(["state", "stage", "attempts", "changed", "error"]);
        let mut table = shell::table_of(&header, shell::columns());
        for ListedTask { task, pipeline } in &self.tasks {
            let mut row = vec![task.id.to_string(), task.name.clone()];
            row.extend(has_several.then(|| pipeline.clone()));
            let error = task.error.as_deref().unwrap_or_default().lines().next().unwrap_or_default();
            let mut shown: String = visible_line(error).chars().take(ERROR_CHARS_SHOWN).collect();
            if shown.len() < error.len() {
                shown.push('…');
            }
            row.extend([
                task.state.name().to_owned(),
                task.stage.clone(),
                task.attempts.to_string(),
                clock::local(task.changed_at)[5..].to_owned(),
                shown,
            ]);
            table.add_row(row);
        }
        write!(formatter, "{table}")
    }
}
