//! A pipeline at a glance: how many documents are where, whether none is missing, and what holds the others up.

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::count;
use super::pipelines::{Pipeline, Pipelines};
use super::worker::is_at_work;
use crate::clock;
use crate::error::Result;
use crate::shell::{self, visible_line};
use crate::tables::{BlockRow, FolderRow, Ledger, Store, TaskState, WorkerRow};

/// So many files that wait are shown of a folder.
const FILES_SHOWN: usize = 5;

/// A pipeline at a glance.
#[derive(Debug, Clone, Serialize)]
pub struct PipelineOverview {
    /// Its full name.
    pub pipeline: String,
    /// Whether it is out of service.
    pub disabled: bool,
    /// What was found, and what became of it.
    #[serde(flatten)]
    pub ledger: Ledger,
    /// Whether both agree.
    pub balanced: bool,
    /// Its stages, in their order; behind them those that app.toml no longer has, as long as tasks are in them.
    pub stages: Vec<StageOverview>,
    /// What each machine saw in the watched folders.
    pub folders: Vec<WatchedFolder>,
    /// Its workers.
    pub workers: Vec<WorkerOverview>,
    /// Documents that were done since it was looked at last, a minute; `None` at the first look.
    pub done_per_minute: Option<f64>,
}

/// A stage at a glance.
#[derive(Debug, Clone, Serialize)]
pub struct StageOverview {
    /// Its name.
    pub stage: String,
    /// Tasks that are in it, by their state.
    #[serde(flatten)]
    pub states: BTreeMap<&'static str, i64>,
    /// How long the oldest of them waits, in seconds.
    pub oldest_seconds: Option<f64>,
    /// Why it cannot work.
    pub blocked: Option<BlockRow>,
    /// Whether app.toml has it.
    pub is_known: bool,
}

/// A watched folder, as a machine saw it.
#[derive(Debug, Clone, Serialize)]
pub struct WatchedFolder {
    /// The machine.
    pub host: String,
    /// The folder.
    pub folder: String,
    /// When it looked.
    pub looked_at: String,
    /// How it hears of files: `events`, or `polling`.
    pub way: String,
    /// Files that are not complete.
    pub waiting_count: i64,
    /// Some of them, each with the reason.
    pub waiting: Vec<(String, String)>,
    /// Files that the pipeline does not take.
    pub ignored: i64,
    /// Why it could not look.
    pub error: Option<String>,
}

/// A worker.
#[derive(Debug, Clone, Serialize)]
pub struct WorkerOverview {
    /// Its identity.
    pub id: String,
    /// The machine.
    pub host: String,
    /// Its process.
    pub pid: i64,
    /// When it began.
    pub started_at: String,
    /// Its run.
    pub runtime: Option<String>,
    /// Whether it lives.
    pub at_work: bool,
}

impl PipelineOverview {
    /// Looks at the registered pipelines; at these, or at all.
    ///
    /// # Errors
    /// What the database says.
    pub(super) fn read(store: &mut Store, pipelines: &Pipelines, app_ids: Option<&[i64]>) -> Result<Vec<Self>> {
        let is_meant = |pipeline: &&Pipeline| app_ids.is_none_or(|ids| ids.contains(&pipeline.app.id));
        let meant: Vec<&Pipeline> = pipelines.active().filter(is_meant).collect();
        let ids: Vec<i64> = meant.iter().map(|pipeline| pipeline.app.id).collect();
        let (now, counts, oldest) =
            (store.now()?, store.tasks().counts(Some(&ids))?, store.tasks().oldest(Some(&ids))?);
        let (blocks, folders) = (store.tasks().blocks(None)?, store.tasks().folders(None)?);
        let workers = store.tasks().workers(None)?;
        let mut overviews = Vec::with_capacity(meant.len());
        for pipeline in meant {
            let id = pipeline.app.id;
            let mut stages: Vec<StageOverview> = pipeline.stages().into_iter().map(StageOverview::known).collect();
            for count in counts.iter().filter(|count| count.app_id == id) {
                let place = stages.iter().position(|stage| stage.stage == count.stage).unwrap_or_else(|| {
                    stages.push(StageOverview { is_known: false, ..StageOverview::known(&count.stage) });
                    stages.len() - 1
                });
                stages[place].states.insert(count.state.name(), count.count);
            }
            for stage in &mut stages {
                let oldest = oldest.iter().find(|oldest| oldest.app_id == id && oldest.stage == stage.stage);
                stage.oldest_seconds = oldest.map(|oldest| (now - oldest.since).as_seconds_f64().max(0.0));
                stage.blocked = blocks.iter().find(|it| it.app_id == id && it.stage == stage.stage).cloned();
            }
            let ledger = store.tasks().ledger(id)?;
            overviews.push(Self {
                pipeline: pipeline.app.name.to_string(),
                disabled: pipeline.app.disable,
                balanced: ledger.is_balanced(),
                ledger,
                stages,
                folders: folders.iter().filter(|it| it.app_id == id).map(WatchedFolder::of).collect(),
                workers: workers.iter().filter(|it| it.app_id == id).map(|it| WorkerOverview::of(it, now)).collect(),
                done_per_minute: None,
            });
        }
        Ok(overviews)
    }

    pub(super) fn state(&self, state: TaskState) -> i64 {
        self.ledger.states.get(state.name()).copied().unwrap_or_default()
    }
}

impl StageOverview {
    fn known(stage: &str) -> Self {
        let states = TaskState::ALL.into_iter().map(|state| (state.name(), 0)).collect();
        Self { stage: stage.to_owned(), states, oldest_seconds: None, blocked: None, is_known: true }
    }
}

impl WatchedFolder {
    fn of(row: &FolderRow) -> Self {
        Self {
            host: row.host.clone(),
            folder: row.folder.clone(),
            looked_at: clock::utc(row.looked_at),
            way: row.way.clone(),
            waiting_count: row.waiting_count,
            // no other form is ever written
            waiting: serde_json::from_str(&row.waiting).unwrap_or_default(),
            ignored: row.ignored,
            error: row.error.clone(),
        }
    }
}

impl WorkerOverview {
    fn of(row: &WorkerRow, now: NaiveDateTime) -> Self {
        Self {
            id: row.id.clone(),
            host: row.host.clone(),
            pid: row.pid,
            started_at: clock::utc(row.started_at),
            runtime: row.runtime.clone(),
            at_work: is_at_work(row, now),
        }
    }
}

/// A length of time as people read it: `12 s`, `5 min`, `3 h`, `2 d`.
pub(super) fn age(seconds: f64) -> String {
    let whole = seconds as i64;
    match whole {
        ..120 => format!("{whole} s"),
        120..7_200 => format!("{} min", whole / 60),
        7_200..172_800 => format!("{} h", whole / 3_600),
        _ => format!("{} d", whole / 86_400),
    }
}

impl fmt::Display for PipelineOverview {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let out = if self.disabled { " (out of service)" } else { "" };
        let rate = self.done_per_minute.map(|rate| format!(", {rate:.0} done a minute")).unwrap_or_default();
        writeln!(formatter, "{}{out}{rate}", self.pipeline)?;
        self.write_ledger(formatter)?;
        let mut header = vec!["stage"];
        // a column for each state that there is
        let shown: Vec<TaskState> = TaskState::ALL
            .into_iter()
            .filter(|state| !state.is_final() || *state == TaskState::Done || self.state(*state) > 0)
            .collect();
        header.extend(shown.iter().map(|state| state.name()));
        header.push("oldest");
        let mut table = shell::table_of(&header, shell::columns());
        for stage in &self.stages {
            let name = if stage.is_known { stage.stage.clone() } else { format!("{} (not in app.toml)", stage.stage) };
            let mut row = vec![name];
            let count_of = |state: &TaskState| stage.states.get(state.name()).copied().unwrap_or_default();
            row.extend(shown.iter().map(|state| match count_of(state) {
                0 => String::new(),
                count => count.to_string(),
            }));
            row.push(stage.oldest_seconds.map(age).unwrap_or_default());
            table.add_row(row);
        }
        write!(formatter, "{table}")?;
        self.write_holds(formatter)
    }
}

impl PipelineOverview {
    fn write_ledger(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order =
            [TaskState::Done, TaskState::Rejected, TaskState::Failed, TaskState::Quarantined, TaskState::Cancelled];
        let mut parts: Vec<String> = order.iter().map(|it| format!("{} {}", self.state(*it), it.name())).collect();
        parts.push(format!("{} duplicate", self.ledger.duplicate));
        parts.extend([TaskState::Waiting, TaskState::Running].map(|it| format!("{} {}", self.state(it), it.name())));
        let sign = if self.balanced { "=" } else { "≠" };
        writeln!(formatter, "found {} {sign} {}", self.ledger.found, parts.join(" + "))?;
        if !self.balanced {
            let sum = self.ledger.duplicate + self.ledger.states.values().sum::<i64>();
            writeln!(formatter, "NOT BALANCED: {} were found, and {sum} are accounted for", self.ledger.found)?;
        }
        Ok(())
    }

    /// What keeps documents from going on.
    fn write_holds(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for BlockRow { stage, since, reason, probes, probe_at, .. } in
            self.stages.iter().filter_map(|stage| stage.blocked.as_ref())
        {
            let (since, next) = (clock::local(*since), clock::local(*probe_at));
            let tries = if *probes == 0 { String::new() } else { format!(", tried {probes} times") };
            let reason = visible_line(reason);
            write!(formatter, "\nblocked: {stage} since {since}{tries}, next at {next}: {reason}")?;
        }
        for folder in &self.folders {
            let WatchedFolder { host, way, waiting_count, waiting, ignored, error, .. } = folder;
            let name = visible_line(&folder.folder);
            write!(formatter, "\nfolder {name} on {host} ({way}): {waiting_count} wait, {ignored} not taken")?;
            if let Some(error) = error {
                write!(formatter, "\n  cannot be looked at: {}", visible_line(error))?;
            }
            for (path, reason) in waiting.iter().take(FILES_SHOWN) {
                write!(formatter, "\n  {}: {}", visible_line(path), visible_line(reason))?;
            }
            let more = waiting_count - waiting.len().min(FILES_SHOWN) as i64;
            if more > 0 && !waiting.is_empty() {
                write!(formatter, "\n  and {more} more")?;
            }
        }
        for WorkerOverview { host, pid, at_work, .. } in &self.workers {
            let gone = if *at_work { "" } else { ": it is gone, and its documents are taken back" };
            write!(formatter, "\nworker on {host} (process {pid}){gone}")?;
        }
        let open = self.state(TaskState::Waiting) + self.state(TaskState::Running);
        if open > 0 && !self.workers.iter().any(|worker| worker.at_work) {
            let next = match self.disabled {
                true => format!("dc manager send enable {}", self.pipeline),
                false => format!("`dc manager start`, or `dc run {}`", self.pipeline),
            };
            write!(formatter, "\nno worker works, and {} to do: {next}", count(open as usize, "document"))?;
        }
        Ok(())
    }
}
