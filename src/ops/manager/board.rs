//! What is seen of all apps at once: state, progress, last and next run.

use std::fmt;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::super::tasks::is_at_work;
use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::manager::{Drift, living};
use crate::notify::channels;
use crate::shell;
use crate::tables::{AppRow, Direction, LogFilter, ManagerRow, Pause, RunRow, RunStatus, Store};

/// Windows with so many columns show more.
const WIDE: usize = 100;
const WIDER: usize = 120;
/// The width of a progress bar.
const BAR_WIDTH: usize = 12;
/// The last log lines that are read.
const LINES_MAX: usize = 50;

/// All apps, the managers, and the last log lines.
#[derive(Debug, Serialize)]
pub struct Board {
    /// When it was read.
    #[serde(serialize_with = "moment")]
    pub time: NaiveDateTime,
    /// The managers that work.
    pub managers: Vec<ManagerRow>,
    /// The apps, by their names.
    pub apps: Vec<BoardApp>,
    /// The last log lines, oldest first.
    pub lines: Vec<String>,
    /// Where the registry differs from what stands under `apps/`; `None` where nobody looked, or all is alike.
    pub drift: Option<Drift>,
    /// Whether everything is paused.
    pub pause: Option<Pause>,
    /// The channels that take nothing until somebody mends them, and why.
    pub broken_channels: Vec<String>,
}

/// One app.
#[derive(Debug, Serialize)]
pub struct BoardApp {
    /// The app.
    #[serde(flatten)]
    pub app: AppRow,
    /// Its last run.
    pub last: Option<RunRow>,
    /// How many of its occurrences wait.
    pub waiting: usize,
    /// How many workers it has at work, as a pipeline; on any machine.
    pub workers: usize,
}

fn moment<S: serde::Serializer>(moment: &NaiveDateTime, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(&moment.format("%Y-%m-%dT%H:%M:%S%.6fZ"))
}

/// Reads the board.
///
/// # Errors
/// What the database says.
pub fn board(context: &Context) -> Result<Board> {
    let mut store = Store::ready(context)?;
    let mut board = Board::read(&mut store)?;
    board.drift = Some(Drift::of(context, &mut store)?).filter(Drift::matters);
    board.keep_channels(context);
    Ok(board)
}

impl Board {
    /// Reads it from an open store.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(store: &mut Store) -> Result<Self> {
        let managers = living(store)?;
        let mut last_runs = store.runs().latest()?;
        let waiting = store.occurrences().waiting()?;
        let (workers, now) = (store.tasks().workers(None)?, store.now()?);
        let workers = workers.into_iter().filter(|worker| is_at_work(worker, now));
        let workers: Vec<i64> = workers.map(|worker| worker.app_id).collect();
        let line = |app: AppRow| {
            let last = last_runs.iter().position(|run| run.app_id == app.id).map(|place| last_runs.swap_remove(place));
            let waiting = waiting.iter().filter(|app_id| **app_id == app.id).count();
            let workers = workers.iter().filter(|app_id| **app_id == app.id).count();
            BoardApp { app, last, waiting, workers }
        };
        let apps: Vec<BoardApp> = store.apps().all()?.into_iter().map(line).collect();
        let mut logs = store.logs().page(&LogFilter::default(), Direction::Older, None, LINES_MAX as i64)?;
        logs.reverse();
        let name = |app_id: Option<i64>| {
            let app = apps.iter().find(|line| Some(line.app.id) == app_id);
            app.map_or_else(|| "-".to_owned(), |line| line.app.name.to_string())
        };
        let lines = logs.iter().map(|log| {
            let time = clock::local(log.time);
            let first = log.message.lines().next().unwrap_or_default();
            format!("{time} {} {}", name(log.app_id), shell::visible_line(first))
        });
        let lines = lines.collect();
        let pause = store.pauses().current()?;
        let broken = store.channels().all()?.into_iter().filter(|row| row.broken_since.is_some());
        let broken_channels = broken.filter_map(|row| Some(format!("{}: {}", row.name, row.wrong()?))).collect();
        Ok(Self { time: store.now()?, managers, apps, lines, drift: None, pause, broken_channels })
    }

    /// Leaves out the channels that the settings no longer have.
    pub(in crate::ops) fn keep_channels(&mut self, context: &Context) {
        let names = channels(context);
        self.broken_channels.retain(|channel| names.iter().any(|name| channel.starts_with(name.as_str())));
    }

    /// The first line: in a narrow window only what is not zero.
    pub fn title(&self, columns: usize) -> String {
        let count = |status: RunStatus| self.apps.iter().filter(|line| line.state() == status).count();
        let states = [
            (count(RunStatus::Running), "running"),
            (count(RunStatus::Queued), "waiting"),
            (count(RunStatus::Failed), "failed"),
            (count(RunStatus::Disabled), "out of service"),
        ];
        let shown = states.iter().filter(|(count, _)| *count > 0 || columns >= WIDE);
        let shown: Vec<String> = shown.map(|(count, state)| format!("{count} {state}")).collect();
        let managers = match self.managers.len() {
            _ if self.pause.is_some() => "PAUSED".to_owned(),
            0 => "no manager works".to_owned(),
            1 => "1 manager".to_owned(),
            count => format!("{count} managers"),
        };
        let apps = shell::counted(self.apps.len(), "app", "apps");
        let colon = if shown.is_empty() { "" } else { ": " };
        format!(" {}  {apps}{colon}{}  {managers}", clock::local(self.time), shown.join(", "))
    }
}

impl BoardApp {
    /// What it does now.
    pub fn state(&self) -> RunStatus {
        match self.app.status {
            RunStatus::Running => RunStatus::Running,
            // it ended on one machine, and goes on elsewhere
            _ if self.workers > 0 => RunStatus::Running,
            _ if self.app.disable => RunStatus::Disabled,
            _ if self.waiting > 0 => RunStatus::Queued,
            status => status,
        }
    }

    /// The share that is done, in percent, while it runs and has told it.
    pub fn percent(&self) -> Option<f64> {
        self.app.progress.filter(|_| self.state() == RunStatus::Running)
    }

    /// The same as a bar, 17 columns wide.
    pub fn bar(&self) -> String {
        let Some(percent) = self.percent() else { return String::new() };
        let full = (percent / 100.0 * BAR_WIDTH as f64).round() as usize;
        format!("{}{} {percent:>3.0}%", "█".repeat(full), "░".repeat(BAR_WIDTH.saturating_sub(full)))
    }

    /// How many tasks it solved, and how many failed, if any did.
    pub fn counts(&self) -> String {
        match (self.app.solved, self.app.failed) {
            (0, 0) => String::new(),
            (solved, 0) => solved.to_string(),
            (solved, failed) => format!("{solved}/{failed}"),
        }
    }

    /// When its run may end, as a time of day.
    pub fn eta(&self) -> String {
        self.app.eta.map(|eta| clock::local(eta)[11..].to_owned()).unwrap_or_default()
    }

    /// When its last run began, and how it ended.
    pub fn last_run(&self) -> String {
        let Some(run) = &self.last else { return String::new() };
        let ended = if run.ended_at.is_some() { run.code.name().to_lowercase() } else { String::new() };
        format!("{} {ended}", &clock::local(run.started_at)[5..16])
    }

    /// When it is due next, in words where it is not.
    pub fn next_run(&self) -> String {
        let app = &self.app;
        match app.next_run {
            _ if app.disable => "never".to_owned(),
            Some(next) => clock::local(next)[5..].to_owned(),
            None => app.start_in_words().to_owned(),
        }
    }
}

/// The apps as a table; in a narrow window without the columns that are needed least.
fn table(apps: &[&BoardApp], columns: usize) -> String {
    let (is_wide, is_wider) = (columns >= WIDE, columns >= WIDER);
    let mut header = vec!["app", "state", "progress", "solved"];
    header.extend(is_wider.then_some("eta"));
    header.extend(is_wide.then_some("last run"));
    header.push("next run");
    let mut table = shell::table_of(&header, columns);
    for line in apps {
        let state = line.state().name().to_lowercase();
        let mut row = vec![line.app.name.to_string(), state, line.bar(), line.counts()];
        row.extend(is_wider.then(|| line.eta()));
        row.extend(is_wide.then(|| line.last_run()));
        row.push(line.next_run());
        table.add_row(row);
    }
    table.to_string()
}

impl fmt::Display for Board {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<&BoardApp> = self.apps.iter().collect();
        writeln!(formatter, "{}", self.title(shell::columns()))?;
        if let Some(pause) = &self.pause {
            writeln!(formatter, " {}: `dc manager resume`", pause.words())?;
        }
        if let Some(drift) = &self.drift {
            writeln!(formatter, " {drift}: `dc deploy`")?;
        }
        for channel in &self.broken_channels {
            writeln!(formatter, " the channel {channel}: `dc manager notify --test`")?;
        }
        if all.is_empty() {
            return write!(
                formatter,
                "no apps are registered: put one into apps/<group>/<parent>/<name>/ and type `dc deploy`"
            );
        }
        write!(formatter, "{}", table(&all, shell::columns()))?;
        for manager in &self.managers {
            let since = clock::local(manager.started_at);
            let ManagerRow { id, host, pid, labels, .. } = manager;
            let labels = if labels.is_empty() { String::new() } else { format!(", labels {labels}") };
            write!(formatter, "\nmanager {id} on {host} (process {pid}) since {since}{labels}")?;
        }
        Ok(())
    }
}
