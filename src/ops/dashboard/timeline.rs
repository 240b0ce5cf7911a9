//! What ran on each machine a day back, and what is to run there a day ahead.

use std::collections::{BTreeMap, HashMap};

use chrono::{NaiveDateTime, TimeDelta};

use super::memory::RunMemory;
use super::usual;
use crate::error::Result;
use crate::ops::manager::Board;
use crate::tables::{RunMark, RunPage, Store};

/// How far it reaches, in hours, each way.
const HOURS: i64 = 24;
/// The most runs that are drawn; of more the newest.
const RUNS_MAX: i64 = 10_000;
/// The most moments of one app that are drawn.
const MOMENTS_MAX: usize = 300;

/// All machines.
#[derive(Debug)]
pub struct Timeline {
    /// When it was read.
    pub now: NaiveDateTime,
    /// From then on.
    pub from: NaiveDateTime,
    /// Until then.
    pub until: NaiveDateTime,
    /// The machines, by their names.
    pub hosts: Vec<HostTimeline>,
    /// The names of the apps.
    pub names: HashMap<i64, String>,
    /// The groups that there are.
    pub groups: Vec<String>,
    /// Whether more ran than is drawn.
    pub is_cut: bool,
}

/// One machine.
#[derive(Debug, Default)]
pub struct HostTimeline {
    /// Its name.
    pub host: String,
    /// What ran there, the oldest first.
    pub runs: Vec<RunMark>,
    /// What is to run, by where each app ran last; the next one first.
    pub planned: Vec<Planned>,
    /// Whether a manager works there.
    pub has_manager: bool,
}

/// What is to run.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The app.
    pub app_id: i64,
    /// When.
    pub at: NaiveDateTime,
    /// How long that usually takes, in seconds.
    pub seconds: f64,
}

impl Timeline {
    /// Reads it; of one group of apps, or of all.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(store: &mut Store, memory: &mut RunMemory, group: Option<&str>) -> Result<Self> {
        let mut board = Board::read(store)?;
        memory.refresh(store, board.apps.iter().filter_map(|line| line.last.as_ref()))?;
        let mut groups: Vec<String> = board.apps.iter().map(|line| line.app.name.group.clone()).collect();
        groups.dedup();
        board.apps.retain(|line| group.is_none_or(|group| line.app.name.group == group));
        let now = board.time;
        let (from, until) = (now - TimeDelta::hours(HOURS), now + TimeDelta::hours(HOURS));
        let app_ids = group.map(|_| board.apps.iter().map(|line| line.app.id).collect());
        let page = RunPage { app_ids, since: Some(from), count: RUNS_MAX, ..RunPage::default() };
        let mut runs = store.runs().marks(&page)?;
        let is_cut = runs.len() as i64 == RUNS_MAX;
        runs.reverse();
        let mut hosts: BTreeMap<String, HostTimeline> = BTreeMap::new();
        for manager in &board.managers {
            hosts.entry(manager.host.clone()).or_default().has_manager = true;
        }
        // what began before, and still goes on
        let open = board.apps.iter().filter_map(|line| memory.runs(line.app.id).first());
        let older = open.filter(|run| run.is_open() && run.started_at < from).cloned();
        for run in older.collect::<Vec<_>>().into_iter().chain(runs) {
            hosts.entry(run.host.clone()).or_default().runs.push(run);
        }
        let first = hosts.keys().next().cloned().unwrap_or_else(|| "any machine".to_owned());
        for line in board.apps.iter().filter(|line| !line.app.disable && line.app.next_run.is_some()) {
            let host = line.last.as_ref().map_or_else(|| first.clone(), |run| run.host.clone());
            let seconds = usual::seconds(memory.runs(line.app.id)).unwrap_or_default();
            let due = memory.due(&line.app, until, MOMENTS_MAX).into_iter();
            let planned = due.map(|at| Planned { app_id: line.app.id, at, seconds });
            hosts.entry(host).or_default().planned.extend(planned);
        }
        for (name, host) in &mut hosts {
            host.host.clone_from(name);
            host.planned.sort_by_key(|planned| planned.at);
        }
        let names = board.apps.iter().map(|line| (line.app.id, line.app.name.to_string())).collect();
        Ok(Self { now, from, until, hosts: hosts.into_values().collect(), names, groups, is_cut })
    }
}
