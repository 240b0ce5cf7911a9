//! How things stand: one sentence, what needs a person, what runs, and what comes within the hour.

use chrono::{NaiveDateTime, TimeDelta};

use super::memory::RunMemory;
use super::needs::{Need, needs};
use super::usual;
use crate::context::Context;
use crate::error::Result;
use crate::ident::AppName;
use crate::ops::manager::Board;
use crate::tables::{ManagerRow, Pause, RunStatus, Store};

/// So many are shown of what is to come.
const UPCOMING_MAX: usize = 12;
/// So many things that need a person are shown.
const NEEDS_MAX: usize = 50;
/// So many runs are shown.
const RUNNING_MAX: usize = 60;

/// How things stand.
#[derive(Debug)]
pub struct NowReport {
    /// When it was read, by the database's clock.
    pub time: NaiveDateTime,
    /// How many apps there are.
    pub apps: usize,
    /// How many of them need a person.
    pub unwell: usize,
    /// How many are out of service because somebody said so.
    pub disabled: usize,
    /// What needs a person, the gravest first.
    pub needs: Vec<Need>,
    /// How many more there are.
    pub needs_more: usize,
    /// What runs, the longest first.
    pub running: Vec<NowRun>,
    /// How many more run.
    pub running_more: usize,
    /// What is due within the hour, the next one first.
    pub upcoming: Vec<Upcoming>,
    /// How many more are due.
    pub upcoming_more: usize,
    /// How many wait to start.
    pub waiting: usize,
    /// The managers at work.
    pub managers: Vec<ManagerRow>,
    /// Whether everything is paused.
    pub pause: Option<Pause>,
    /// What stands under `apps/` and not in the registry, or otherwise.
    pub drift: Option<String>,
}

/// A run that goes on.
#[derive(Debug)]
pub struct NowRun {
    /// Its app.
    pub app: AppName,
    /// Its identity.
    pub runtime: Option<String>,
    /// When it began.
    pub started_at: Option<NaiveDateTime>,
    /// The share that is done, in percent.
    pub percent: Option<f64>,
    /// Tasks that it solved, and that failed.
    pub counts: String,
    /// When it may end: as it says itself, or by what is usual.
    pub eta: Option<NaiveDateTime>,
    /// Where it runs.
    pub host: String,
}

/// What is due.
#[derive(Debug)]
pub struct Upcoming {
    /// The app.
    pub app: AppName,
    /// When.
    pub at: NaiveDateTime,
}

impl NowReport {
    /// Reads it.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(context: &Context, store: &mut Store, memory: &mut RunMemory) -> Result<Self> {
        let mut board = Board::read(store)?;
        board.keep_channels(context);
        memory.refresh(store, board.apps.iter().filter_map(|line| line.last.as_ref()))?;
        let mut needs = needs(context, store, &board, memory)?;
        let mut unwell: Vec<&str> = needs.iter().filter(|need| need.is_app).map(|need| need.subject.as_str()).collect();
        unwell.dedup();
        let unwell = unwell.len();
        let needs_more = needs.len().saturating_sub(NEEDS_MAX);
        needs.truncate(NEEDS_MAX);
        let (now, hour) = (board.time, board.time + TimeDelta::hours(1));
        let mut running: Vec<NowRun> = Vec::new();
        for line in board.apps.iter().filter(|line| line.state() == RunStatus::Running) {
            let open = line.last.as_ref().filter(|run| run.ended_at.is_none());
            let usual = usual::seconds(memory.runs(line.app.id));
            let by_usual =
                open.zip(usual).map(|(run, seconds)| run.started_at + TimeDelta::milliseconds((seconds * 1e3) as i64));
            running.push(NowRun {
                app: line.app.name.clone(),
                runtime: open.map(|run| run.runtime.clone()),
                started_at: open.map(|run| run.started_at),
                percent: line.percent(),
                counts: line.counts(),
                eta: line.app.eta.or(by_usual.filter(|eta| *eta > now)),
                host: open.map(|run| run.host.clone()).unwrap_or_default(),
            });
        }
        running.sort_by_key(|run| run.started_at);
        let running_more = running.len().saturating_sub(RUNNING_MAX);
        running.truncate(RUNNING_MAX);
        let due = |line: &crate::ops::manager::BoardApp| {
            let at = line.app.next_run.filter(|at| *at < hour && !line.app.disable)?;
            Some(Upcoming { app: line.app.name.clone(), at })
        };
        let mut upcoming: Vec<Upcoming> = board.apps.iter().filter_map(due).collect();
        upcoming.sort_by_key(|it| it.at);
        let upcoming_more = upcoming.len().saturating_sub(UPCOMING_MAX);
        upcoming.truncate(UPCOMING_MAX);
        Ok(Self {
            time: now,
            apps: board.apps.len(),
            unwell,
            disabled: board.apps.iter().filter(|line| line.app.disable).count(),
            needs,
            needs_more,
            running,
            running_more,
            upcoming,
            upcoming_more,
            waiting: board.apps.iter().map(|line| line.waiting).sum(),
            managers: board.managers,
            pause: board.pause,
            drift: board.drift.map(|drift| drift.to_string()),
        })
    }

    /// How it stands, in one sentence.
    pub fn sentence(&self) -> String {
        if self.apps == 0 {
            return "No apps are registered.".to_owned();
        }
        let well = self.apps - self.unwell.min(self.apps);
        let others = self.needs.len() + self.needs_more - self.unwell.min(self.needs.len() + self.needs_more);
        let needs = match self.unwell + others {
            0 => "nothing needs you".to_owned(),
            1 => "1 thing needs you".to_owned(),
            count => format!("{count} things need you"),
        };
        format!("{well} of {} apps are well, {needs}.", self.apps)
    }
}
