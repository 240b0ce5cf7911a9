//! Tasks as people see them: listed, counted, and changed by hand.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::dsl::count_star;
use diesel::prelude::*;
use serde::{Serialize, Serializer};

use super::super::lease::database_now;
use super::super::{Store, hex_text, shown};
use super::schema::{pipeline_counts, pipeline_duplicates, pipeline_tasks};
use crate::error::Result;

/// How a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskState {
    /// It waits for a stage.
    Waiting,
    /// A stage works on it.
    Running,
    /// The last stage has done its part.
    Done,
    /// A stage says that the document is not right, and never will be.
    Rejected,
    /// A stage failed as often as it was tried.
    Failed,
    /// What worked on it died, twice.
    Quarantined,
    /// A person took it out.
    Cancelled,
}

impl TaskState {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Waiting, Self::Running, Self::Done, Self::Rejected, Self::Failed, Self::Quarantined, Self::Cancelled];

    /// The word in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Quarantined => "quarantined",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this word.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more comes of it by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }
}

impl Serialize for TaskState {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A document on its way.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = pipeline_tasks)]
pub struct TaskRow {
    /// Its number.
    pub id: i64,
    /// The pipeline.
    pub app_id: i64,
    /// The SHA-256 of the document.
    #[serde(serialize_with = "hex")]
    pub sha256: Vec<u8>,
    /// The stored original.
    pub file_id: i64,
    /// Its name.
    pub name: String,
    /// Where it was found.
    pub origin: Option<String>,
    /// Where it waits in the watched folder until it is done.
    pub work_path: Option<String>,
    /// On which machine that is.
    pub host: Option<String>,
    /// The task of the file that had its name before, with other bytes.
    pub predecessor: Option<i64>,
    /// How it stands.
    #[diesel(deserialize_as = String)]
    pub state: TaskState,
    /// The stage that it waits for or is in; the last one when it is done.
    pub stage: String,
    /// The highest goes first.
    pub priority: i64,
    /// When it was found.
    #[serde(serialize_with = "shown::moment")]
    pub created_at: NaiveDateTime,
    /// When it last changed.
    #[serde(serialize_with = "shown::moment")]
    pub changed_at: NaiveDateTime,
    /// When it came to its end.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub ended_at: Option<NaiveDateTime>,
    /// When the stage may be tried again.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub not_before: Option<NaiveDateTime>,
    /// The worker that has it.
    pub claimed_by: Option<String>,
    /// The number of its last claim.
    pub fence: i64,
    /// How often this stage was begun.
    pub attempts: i64,
    /// How often what worked on it died.
    pub deaths: i64,
    /// What went wrong: `permanent`, `passing`, `blocked`, `died`.
    pub error_kind: Option<String>,
    /// In words.
    pub error: Option<String>,
}

impl From<String> for TaskState {
    fn from(text: String) -> Self {
        // no other word is ever written
        Self::of(&text).unwrap_or(Self::Failed)
    }
}

fn hex<S: Serializer>(bytes: &[u8], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex_text(bytes))
}

/// Which tasks.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    /// Of these pipelines; of all where `None`.
    pub app_ids: Option<Vec<i64>>,
    /// With these numbers.
    pub ids: Option<Vec<i64>>,
    /// In these states.
    pub states: Option<Vec<TaskState>>,
    /// In this stage.
    pub stage: Option<String>,
    /// With this in their error.
    pub error: Option<String>,
    /// Changed since then.
    pub since: Option<NaiveDateTime>,
    /// Of this name.
    pub name: Option<String>,
    /// Of this content.
    pub sha256: Option<Vec<u8>>,
    /// Only numbers below this one.
    pub below: Option<i64>,
}

/// How many documents a pipeline was given, and what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// Files that were taken.
    pub found: i64,
    /// Of those, the same bytes once more.
    pub duplicate: i64,
    /// Tasks by their state.
    #[serde(flatten)]
    pub states: BTreeMap<&'static str, i64>,
}

impl Ledger {
    /// Whether what was found is what became of it.
    pub fn is_balanced(&self) -> bool {
        self.found == self.duplicate + self.states.values().sum::<i64>()
    }
}

/// The documents of pipelines.
pub struct Tasks<'a>(pub(in super::super) &'a mut Store);

impl Store {
    /// The documents of pipelines.
    pub fn tasks(&mut self) -> Tasks<'_> {
        Tasks(self)
    }
}

impl Tasks<'_> {
    /// The tasks, the newest first, at most `count`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&mut self, filter: &TaskFilter, count: i64) -> Result<Vec<TaskRow>> {
        let mut query = pipeline_tasks::table.select(TaskRow::as_select()).into_boxed();
        if let Some(app_ids) = &filter.app_ids {
            query = query.filter(pipeline_tasks::app_id.eq_any(app_ids));
        }
        if let Some(ids) = &filter.ids {
            query = query.filter(pipeline_tasks::id.eq_any(ids));
        }
        if let Some(states) = &filter.states {
            let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
            query = query.filter(pipeline_tasks::state.eq_any(names));
        }
        if let Some(stage) = &filter.stage {
            query = query.filter(pipeline_tasks::stage.eq(stage));
        }
        if let Some(error) = &filter.error {
            let pattern = error.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            query = query.filter(pipeline_tasks::error.like(format!("%{pattern}%")).escape('\\').assume_not_null());
        }
        if let Some(since) = filter.since {
            query = query.filter(pipeline_tasks::changed_at.ge(since));
        }
        if let Some(name) = &filter.name {
            query = query.filter(pipeline_tasks::name.eq(name));
        }
        if let Some(sha256) = &filter.sha256 {
            query = query.filter(pipeline_tasks::sha256.eq(sha256));
        }
        if let Some(below) = filter.below {
            query = query.filter(pipeline_tasks::id.lt(below));
        }
        let query = query.order(pipeline_tasks::id.desc()).limit(count);
        self.0.read("read the tasks", |connection| query.load(connection))
    }

    /// One task.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn one(&mut self, id: i64) -> Result<Option<TaskRow>> {
        Ok(self.list(&TaskFilter { ids: Some(vec![id]), ..TaskFilter::default() }, 1)?.pop())
    }

    /// How many tasks of a pipeline stand in each stage in each state.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn funnel(&mut self, app_id: i64) -> Result<BTreeMap<(String, &'static str), i64>> {
        let query = pipeline_tasks::table
            .filter(pipeline_tasks::app_id.eq(app_id))
            .group_by((pipeline_tasks::stage, pipeline_tasks::state))
            .select((pipeline_tasks::stage, pipeline_tasks::state, count_star()));
        let rows: Vec<(String, String, i64)> = self.0.read("count the tasks", |connection| query.load(connection))?;
        let named = |(stage, state, count): (String, String, i64)| {
            TaskState::of(&state).map(|state| ((stage, state.name()), count))
        };
        Ok(rows.into_iter().filter_map(named).collect())
    }

    /// How many documents a pipeline was given, and what became of them, all of one moment.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn ledger(&mut self, app_id: i64) -> Result<Ledger> {
        self.0.write("count the documents of a pipeline", |connection| {
            let found = pipeline_counts::table.find(app_id).select(pipeline_counts::found);
            let found: Option<i64> = found.first(connection).optional()?;
            let duplicate: i64 = pipeline_duplicates::table
                .inner_join(pipeline_tasks::table)
                .filter(pipeline_tasks::app_id.eq(app_id))
                .count()
                .get_result(connection)?;
            let states: Vec<(String, i64)> = pipeline_tasks::table
                .filter(pipeline_tasks::app_id.eq(app_id))
                .group_by(pipeline_tasks::state)
                .select((pipeline_tasks::state, count_star()))
                .load(connection)?;
            let mut all: BTreeMap<&'static str, i64> =
                TaskState::ALL.into_iter().map(|state| (state.name(), 0)).collect();
            for (state, count) in states {
                all.extend(TaskState::of(&state).map(|state| (state.name(), count)));
            }
            Ok(Ledger { found: found.unwrap_or_default(), duplicate, states: all })
        })
    }

    /// When the oldest task of each stage that waits was found.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn oldest(&mut self, app_id: i64) -> Result<BTreeMap<String, NaiveDateTime>> {
        let query = pipeline_tasks::table
            .filter(pipeline_tasks::app_id.eq(app_id).and(pipeline_tasks::state.eq("waiting")))
            .group_by(pipeline_tasks::stage)
            .select((pipeline_tasks::stage, diesel::dsl::min(pipeline_tasks::changed_at)));
        let rows: Vec<(String, Option<NaiveDateTime>)> =
            self.0.read("read how old tasks are", |connection| query.load(connection))?;
        Ok(rows.into_iter().filter_map(|(stage, since)| Some((stage, since?))).collect())
    }

    /// Takes tasks out that have not come to their end; how many. What works on one notices.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn cancel(&mut self, ids: &[i64], reason: &str) -> Result<usize> {
        self.end(ids, TaskState::Cancelled, reason)
    }

    /// Takes tasks out until a person looks at them; how many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn quarantine(&mut self, ids: &[i64], reason: &str) -> Result<usize> {
        self.end(ids, TaskState::Quarantined, reason)
    }

    fn end(&mut self, ids: &[i64], state: TaskState, reason: &str) -> Result<usize> {
        self.0.write("take tasks out", |connection| {
            let now = database_now(connection)?;
            let open = pipeline_tasks::table
                .filter(pipeline_tasks::id.eq_any(ids))
                .filter(pipeline_tasks::state.eq_any(["waiting", "running"]));
            let row = (
                pipeline_tasks::state.eq(state.name()),
                pipeline_tasks::fence.eq(pipeline_tasks::fence + 1),
                pipeline_tasks::claimed_by.eq(None::<String>),
                pipeline_tasks::error.eq(reason),
                pipeline_tasks::changed_at.eq(now),
                pipeline_tasks::ended_at.eq(now),
            );
            diesel::update(open).set(row).execute(connection)
        })
    }

    /// Has a task that came to its end worked off again from a stage on; false when it is under way.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn retry(&mut self, id: i64, stage: &str, not_before: Option<NaiveDateTime>) -> Result<bool> {
        self.0.write("try a task again", |connection| {
            let now = database_now(connection)?;
            let ended = pipeline_tasks::table
                .filter(pipeline_tasks::id.eq(id))
                .filter(pipeline_tasks::state.ne_all(["waiting", "running"]));
            let row = (
                (pipeline_tasks::state.eq("waiting"), pipeline_tasks::stage.eq(stage)),
                pipeline_tasks::fence.eq(pipeline_tasks::fence + 1),
                (pipeline_tasks::attempts.eq(0), pipeline_tasks::deaths.eq(0)),
                pipeline_tasks::not_before.eq(not_before),
                (pipeline_tasks::error_kind.eq(None::<String>), pipeline_tasks::error.eq(None::<String>)),
                (pipeline_tasks::changed_at.eq(now), pipeline_tasks::ended_at.eq(None::<NaiveDateTime>)),
            );
            Ok(diesel::update(ended).set(row).execute(connection)? > 0)
        })
    }

    /// Says that a task goes before others, or after them.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_priority(&mut self, id: i64, priority: i64) -> Result<()> {
        self.0.write("say which task goes first", |connection| {
            let row = pipeline_tasks::table.find(id);
            diesel::update(row).set(pipeline_tasks::priority.eq(priority)).execute(connection).map(drop)
        })
    }
}
