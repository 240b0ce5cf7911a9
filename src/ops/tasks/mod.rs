//! `dc tasks`: the documents of pipelines, worked off and looked at; one operation each.

mod add;
mod audit;
mod bytes;
mod dead;
mod edit;
mod end;
mod find;
mod list;
mod overview;
mod pick;
mod pipelines;
mod retry;
mod row;
mod show;
mod story;
mod untaken;
mod watch;
mod why;
mod work;
mod worker;

pub use crate::pipeline::{WorkOptions, WorkReport};
pub use add::{AddTasksOptions, AddedTask, TasksAdded, add_tasks};
pub use audit::note_tasks_command;
pub use bytes::{OutputOptions, TakenOutput, take_document, take_output};
pub use dead::{DeadOptions, DeadReport, dead_letters};
pub use edit::{EditedTask, TaskInput, edit_task, edit_task_in_form};
pub use end::{TaskEnd, TasksEnded, end_tasks};
pub use list::{TaskList, TaskListOptions, list_tasks};
pub use overview::{PipelineOverview, StageOverview, WatchedFolder, WorkerOverview};
pub use pick::TaskChoice;
pub use retry::{RetryTasksOptions, TasksRetried, retry_tasks};
pub use row::LoadedRow;
pub use show::{TaskDetail, TaskDetails, show_tasks};
pub use story::{Story, StoryEvent};
pub use untaken::Untaken;
pub use watch::watch_tasks;
pub use why::{TaskStories, why_row, why_tasks};
pub use work::work;
pub use worker::is_at_work;

/// `1 task`, `2 tasks`.
fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
