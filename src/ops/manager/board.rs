//! What is seen of all apps at once: state, progress, last and next run.

use std::fmt;

use chrono::NaiveDateTime;
use serde::Serialize;

use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::manager::{Drift, living};
use crate::shell;
use crate::tables::{AppRow, Direction, LogFilter, ManagerRow, RunRow, RunStatus, Store};

/// Windows with so many columns show more.
const WIDE: usize = 100;
const WIDER: usize = 120;
/// The width of a progress bar.
const BAR_WIDTH: usize = 12;
/// Rows of a page that are neither apps nor lines: title, header, rule, and the gap before the lines.
const OTHER_ROWS: usize = 4;
/// The width of a time, as in front of each line.
const TIME_WIDTH: usize = "yyyy-mm-dd hh:mm:ss".len();
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
        let line = |app: AppRow| {
            let last = last_runs.iter().position(|run| run.app_id == app.id).map(|place| last_runs.swap_remove(place));
            let waiting = waiting.iter().filter(|app_id| **app_id == app.id).count();
            BoardApp { app, last, waiting }
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
            format!("{time} {} {}", name(log.app_id), shell::visible(first))
        });
        let lines = lines.collect();
        Ok(Self { time: clock::now(), managers, apps, lines, drift: None })
    }

    /// The board as it fits into a window, and below it the last lines of apps and manager: a quarter of the window, or
    /// what the apps leave. What runs, waits or is out of service comes first, if not all apps find room.
    pub fn page(&self, rows: usize, columns: usize, said: &[String]) -> String {
        let room = rows.saturating_sub(OTHER_ROWS + rows / 4).max(1);
        let mut shown: Vec<&BoardApp> = self.apps.iter().collect();
        let is_cut = shown.len() > room;
        if is_cut {
            shown.sort_by_key(|line| line.rank());
            shown.truncate(room.saturating_sub(1).max(1));
            shown.sort_by(|one, other| one.app.name.cmp(&other.app.name));
        }
        let mut page = format!("{}\n", self.title(columns));
        page.push_str(&table(&shown, columns));
        if is_cut {
            page.push_str(&format!("\n … and {} more", self.apps.len() - shown.len()));
        }
        page.push('\n');
        let lines_shown = rows.saturating_sub(OTHER_ROWS + shown.len() + usize::from(is_cut));
        let said = said.iter().filter_map(|line| line.lines().next());
        let mut lines: Vec<&str> = self.lines.iter().map(String::as_str).chain(said).collect();
        // all begin with their time
        lines.sort_by_key(|line| line.get(..TIME_WIDTH));
        for line in lines.iter().skip(lines.len().saturating_sub(lines_shown)) {
            // the date is that of the title
            page.push_str(&format!("\n {}", line.get(TIME_WIDTH - "hh:mm:ss".len()..).unwrap_or(line)));
        }
        page
    }

    /// The first line: in a narrow window only what is not zero.
    fn title(&self, columns: usize) -> String {
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
            0 => "no manager works".to_owned(),
            1 => "1 manager".to_owned(),
            count => format!("{count} managers"),
        };
        let apps = if self.apps.len() == 1 { "1 app".to_owned() } else { format!("{} apps", self.apps.len()) };
        let colon = if shown.is_empty() { "" } else { ": " };
        format!(" {}  {apps}{colon}{}  {managers}", clock::local(self.time), shown.join(", "))
    }
}

impl BoardApp {
    /// What it does now.
    fn state(&self) -> RunStatus {
        match self.app.status {
            RunStatus::Running => RunStatus::Running,
            _ if self.app.disable => RunStatus::Disabled,
            _ if self.waiting > 0 => RunStatus::Queued,
            status => status,
        }
    }

    /// What matters more comes first.
    fn rank(&self) -> (u8, Option<NaiveDateTime>) {
        let rank = match self.state() {
            RunStatus::Running => 0,
            RunStatus::Queued => 1,
            RunStatus::Failed => 2,
            RunStatus::Disabled => 3,
            RunStatus::Idle => 4,
        };
        (rank, self.app.next_run)
    }

    fn bar(&self) -> String {
        let Some(percent) = self.app.progress.filter(|_| self.app.status == RunStatus::Running) else {
            return String::new();
        };
        let full = (percent / 100.0 * BAR_WIDTH as f64).round() as usize;
        format!("{}{} {percent:>3.0}%", "█".repeat(full), "░".repeat(BAR_WIDTH.saturating_sub(full)))
    }

    fn counts(&self) -> String {
        match (self.app.solved, self.app.failed) {
            (0, 0) => String::new(),
            (solved, 0) => solved.to_string(),
            (solved, failed) => format!("{solved}/{failed}"),
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
        let app = &line.app;
        let mut row = vec![app.name.to_string(), line.state().name().to_lowercase(), line.bar(), line.counts()];
        if is_wider {
            row.push(app.eta.map(|eta| clock::local(eta)[11..].to_owned()).unwrap_or_default());
        }
        if is_wide {
            row.push(line.last.as_ref().map(last).unwrap_or_default());
        }
        row.push(next(app));
        table.add_row(row);
    }
    table.to_string()
}

fn last(run: &RunRow) -> String {
    let ended = if run.ended_at.is_some() { run.code.name().to_lowercase() } else { String::new() };
    format!("{} {ended}", &clock::local(run.started_at)[5..16])
}

fn next(app: &AppRow) -> String {
    match app.next_run {
        _ if app.disable => "never".to_owned(),
        Some(next) => clock::local(next)[5..].to_owned(),
        None => "by hand".to_owned(),
    }
}

impl fmt::Display for Board {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<&BoardApp> = self.apps.iter().collect();
        writeln!(formatter, "{}", self.title(shell::columns()))?;
        if let Some(drift) = &self.drift {
            writeln!(formatter, " {drift}: `dc deploy`")?;
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
            write!(formatter, "\nmanager {} on {} (process {}) since {since}", manager.id, manager.host, manager.pid)?;
        }
        Ok(())
    }
}
