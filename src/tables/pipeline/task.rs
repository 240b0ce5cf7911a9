//! Tasks as people see them: listed, counted, and changed by hand.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde::{Serialize, Serializer};

use super::super::{Store, hex_text, shown};
use super::schema::pipeline_tasks;
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
    /// With this in their error, in either case.
    pub error: Option<String>,
    /// Changed since then.
    pub since: Option<NaiveDateTime>,
    /// Of this name.
    pub name: Option<String>,
    /// Of this content.
    pub sha256: Option<Vec<u8>>,
    /// Only numbers below this one.
    pub below: Option<i64>,
    /// Only numbers above this one, and the oldest first.
    pub above: Option<i64>,
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

#[diesel::declare_sql_function]
extern "SQL" {
    /// The text in small letters.
    fn lower(text: Text) -> Text;
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
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
            let pattern = format!("%{}%", pattern.to_lowercase());
            let error = lower(pipeline_tasks::error.assume_not_null());
            query = query.filter(error.like(pattern).escape('\\'));
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
        let query = match filter.above {
            Some(above) => query.filter(pipeline_tasks::id.gt(above)).order(pipeline_tasks::id.asc()),
            None => query.order(pipeline_tasks::id.desc()),
        };
        let query = query.limit(count);
        self.0.read("read the tasks", |connection| query.load(connection))
    }

    /// One task.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn one(&mut self, id: i64) -> Result<Option<TaskRow>> {
        Ok(self.list(&TaskFilter { ids: Some(vec![id]), ..TaskFilter::default() }, 1)?.pop())
    }

    /// How many documents a pipeline was given, and what became of them, all of one moment.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn ledger(&mut self, app_id: i64) -> Result<Ledger> {
        // one statement, so that all is of one moment on a server, too
        let sql = "SELECT 'found' AS what, found AS count FROM pipeline_counts WHERE app_id = $1 \
                   UNION ALL SELECT 'duplicate', count(*) FROM pipeline_duplicates d \
                   JOIN pipeline_tasks t ON t.id = d.task_id WHERE t.app_id = $2 \
                   UNION ALL SELECT state, count(*) FROM pipeline_tasks WHERE app_id = $3 GROUP BY state";
        let counted: Vec<Counted> = self.0.read("count the documents of a pipeline", |connection| {
            let query = connection.query(sql).bind::<BigInt, _>(app_id).bind::<BigInt, _>(app_id);
            query.bind::<BigInt, _>(app_id).load(connection)
        })?;
        let states = TaskState::ALL.into_iter().map(|state| (state.name(), 0)).collect();
        let mut ledger = Ledger { states, ..Ledger::default() };
        for Counted { what, count } in counted {
            match what.as_str() {
                "found" => ledger.found = count,
                "duplicate" => ledger.duplicate = count,
                state => ledger.states.extend(TaskState::of(state).map(|state| (state.name(), count))),
            }
        }
        Ok(ledger)
    }
}
