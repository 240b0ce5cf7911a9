//! The picture of the board: a title, the apps, the last lines, and a row for keys, questions and results.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::view::{Mode, Question, Role, View};
use crate::clock;
use crate::ops::{BoardApp, LogLine};
use crate::shell::{Screen, visible, visible_line};
use crate::tables::RunStatus;

/// Windows with so many columns show when the last run was, and when this one may end.
const WIDE: usize = 100;
const WIDER: usize = 120;
/// Those with fewer leave out what was solved, and when the next run is.
const NARROW: usize = 60;
const NARROWER: usize = 34;
/// The gap between two columns.
const GAP: usize = 2;
/// So much of a name is shown before the bar gives way to its percent.
const NAME_MIN: usize = 40;
/// The width of a time, as in front of each line.
const TIME_WIDTH: usize = "yyyy-mm-dd hh:mm:ss".len();
/// The last lines of the log have so many rows, where the window has as many.
const LINES_MIN: usize = 4;
const ROWS_FOR_LINES: usize = 16;
/// A row of its own for what is wrong needs so many.
const ROWS_FOR_MESSAGE: usize = 6;
/// How many lines of its own the page shows besides the log.
const SAID_MAX: usize = 50;

const KEYS: &[(&str, &str)] = &[
    ("↑ ↓ PgUp PgDn Home End", "select an app, or scroll its log"),
    ("Enter", "the log of the app; Esc goes back"),
    ("o", "sort by state, name, next run, last run"),
    ("/", "apps whose name or state has these letters; Esc: all"),
    ("s", "start the app now"),
    ("x", "stop its run"),
    ("e", "enable: let its schedule start it again"),
    ("d", "disable: do not start it by its schedule"),
    ("r", "reset: forget its failures"),
    ("q", "quit"),
];

/// How it may look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) has_color: bool,
}

impl Look {
    fn color(self, color: Color) -> Style {
        if self.has_color { Style::new().fg(color) } else { Style::new() }
    }

    fn dim(self) -> Style {
        if self.has_color { Style::new().add_modifier(Modifier::DIM) } else { Style::new() }
    }

    fn of(self, state: RunStatus) -> Style {
        match state {
            RunStatus::Running => self.color(Color::Green),
            RunStatus::Queued => self.color(Color::Cyan),
            RunStatus::Failed => self.color(Color::Red),
            RunStatus::Disabled => self.color(Color::Yellow),
            RunStatus::Idle => Style::new(),
        }
    }
}

/// Draws it all, into whatever room there is.
pub(super) fn draw(frame: &mut Frame<'_>, view: &mut View, look: Look) {
    let area = frame.area();
    let mut page = Page { left: usize::from(area.height), area, buffer: frame.buffer_mut(), look };
    let footer = page.take_bottom();
    let title =
        view.board.as_ref().map_or_else(|| " waiting for the database".to_owned(), |board| board.title(page.columns()));
    let drift =
        view.board.as_ref().and_then(|board| board.drift.as_ref()).map(|drift| format!(" {drift}: `dc deploy`"));
    let away = view.away.as_ref().map(|reason| format!(" waiting: {reason}"));
    let is_away = away.is_some();
    let message = away.or(drift);
    let (message_style, title_style) = (look.color(Color::Red), Style::new().add_modifier(Modifier::BOLD));
    match message {
        Some(message) if page.rows() < ROWS_FOR_MESSAGE && is_away => page.line(&message, message_style),
        Some(message) if page.rows() >= ROWS_FOR_MESSAGE => {
            page.line(&title, title_style);
            page.line(&message, message_style);
        }
        _ => page.line(&title, title_style),
    }
    match &view.mode {
        Mode::Log { app, back, .. } => {
            let heading = format!(" log of {app}");
            page.line(&heading, look.dim());
            let back = page.log(view.lines.as_deref(), *back);
            let rows = page.left;
            view.note_log(back, rows);
        }
        Mode::Help => page.help(),
        _ => {
            page.apps(view);
            page.lines_below(view);
        }
    }
    if let Some(row) = footer {
        page.footer(row, view);
    }
}

/// The rows that are still to be filled, from above.
struct Page<'a> {
    area: Rect,
    buffer: &'a mut Buffer,
    left: usize,
    look: Look,
}

impl Page<'_> {
    fn columns(&self) -> usize {
        usize::from(self.area.width)
    }

    fn rows(&self) -> usize {
        usize::from(self.area.height)
    }

    /// Takes the last row away, if it is not the only one.
    fn take_bottom(&mut self) -> Option<u16> {
        if self.rows() < 2 {
            return None;
        }
        self.area.height -= 1;
        self.left -= 1;
        Some(self.area.bottom())
    }

    /// The next row, if there is one.
    fn next(&mut self) -> Option<u16> {
        let row = self.area.bottom().checked_sub(u16::try_from(self.left).ok()?)?;
        self.left = self.left.checked_sub(1)?;
        Some(row)
    }

    fn line(&mut self, text: &str, style: Style) {
        if let Some(row) = self.next() {
            self.put(row, 0, text, self.columns(), style);
        }
    }

    fn put(&mut self, row: u16, column: usize, text: &str, width: usize, style: Style) {
        let width = width.min(self.columns().saturating_sub(column));
        if let Ok(column) = u16::try_from(column)
            && width > 0
        {
            self.buffer.set_stringn(self.area.x + column, row, visible_line(text), width, style);
        }
    }

    /// As many apps as fit, and how many more there are.
    fn apps(&mut self, view: &mut View) {
        let count = view.shown().len();
        let heading = self.next();
        let below = if self.left >= ROWS_FOR_LINES - 3 { LINES_MIN } else { 0 };
        let room = self.left.saturating_sub(below).max(1);
        let fits = count <= room;
        let rows = if fits { count } else { room.saturating_sub(1).max(1) };
        let (first, selected) = view.window(rows);
        let shown = view.shown();
        let columns = Columns::of(&shown, self.columns());
        if let Some(row) = heading {
            self.row(row, &columns, &Columns::HEADER.map(str::to_owned), self.look.dim(), Style::new());
        }
        for (place, line) in shown.iter().enumerate().skip(first).take(rows) {
            let Some(row) = self.next() else { break };
            let state = self.look.of(line.state());
            let base = if place == selected { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
            if place == selected {
                self.buffer.set_style(Rect { y: row, height: 1, ..self.area }, base);
            }
            self.row(row, &columns, &cells(line, &columns), base, base.patch(state));
        }
        let all = view.board.as_ref().map_or(0, |board| board.apps.len());
        if view.board.is_some() && all == 0 {
            self.line(
                " no apps are registered: put one into apps/<group>/<parent>/<name>/ and type `dc deploy`",
                Style::new(),
            );
        }
        if !fits {
            let (above, more) = (first, count - rows.min(count));
            let above = if above == 0 { String::new() } else { format!(" ({above} above)") };
            self.line(&format!(" … and {more} more{above}"), self.look.dim());
        }
    }

    fn row(&mut self, row: u16, columns: &Columns, cells: &[String; 7], style: Style, state: Style) {
        let mut at = 1;
        for (place, (cell, width)) in cells.iter().zip(columns.0).enumerate() {
            if width > 0 {
                let text = if place == 0 { tail(cell, width) } else { cell.clone() };
                self.put(row, at, &text, width, if place == 1 { state } else { style });
                at += width + GAP;
            }
        }
    }

    /// The last lines of all apps, and of this process, in what room is left.
    fn lines_below(&mut self, view: &View) {
        if self.left < 2 {
            return;
        }
        self.line("", Style::new());
        let said = Screen::said(SAID_MAX);
        let said = said.iter().filter_map(|line| line.lines().next());
        let stored = view.board.iter().flat_map(|board| board.lines.iter().map(String::as_str));
        let mut lines: Vec<&str> = stored.chain(said).collect();
        // all begin with their time
        lines.sort_by_key(|line| line.get(..TIME_WIDTH));
        let skipped = lines.len().saturating_sub(self.left);
        for line in lines.into_iter().skip(skipped) {
            // the date is that of the title
            let line = line.get(TIME_WIDTH - "hh:mm:ss".len()..).unwrap_or(line);
            self.line(&format!(" {line}"), self.look.dim());
        }
    }

    /// The lines of one app, so many back from the newest; how many that are at most.
    fn log(&mut self, lines: Option<&[LogLine]>, back: usize) -> usize {
        let Some(lines) = lines else {
            self.line(" reading ...", self.look.dim());
            return 0;
        };
        if lines.is_empty() {
            self.line(" it has written nothing", self.look.dim());
            return 0;
        }
        let rows = self.left;
        let texts: Vec<(String, Style)> = lines.iter().flat_map(|line| self.log_rows(line)).collect();
        let back = back.min(texts.len().saturating_sub(rows));
        let end = texts.len() - back;
        let left = self.left;
        for (text, style) in &texts[end.saturating_sub(rows)..end] {
            self.line(text, *style);
        }
        self.left = left;
        back
    }

    fn log_rows(&self, line: &LogLine) -> Vec<(String, Style)> {
        let style = match line.level_name {
            "ERROR" | "CRITICAL" => self.look.color(Color::Red),
            "WARNING" => self.look.color(Color::Yellow),
            "DEBUG" => self.look.dim(),
            _ => Style::new(),
        };
        let message = visible(&line.log.message).replace('\t', "    ");
        let mut texts = message.lines();
        let first = texts.next().unwrap_or_default();
        let head = format!(" {} {:<8} {first}", clock::local(line.log.time), line.level_name);
        let rest = texts.map(|text| format!("   {text}"));
        std::iter::once(head).chain(rest).map(|text| (text, style)).collect()
    }

    fn help(&mut self) {
        self.line("", Style::new());
        for (keys, what) in KEYS {
            if let Some(row) = self.next() {
                self.put(row, 1, keys, 24, Style::new().add_modifier(Modifier::BOLD));
                self.put(row, 26, what, self.columns(), Style::new());
            }
        }
    }

    fn footer(&mut self, row: u16, view: &View) {
        self.area.height += 1;
        let asked = Style::new().add_modifier(Modifier::BOLD).patch(self.look.color(Color::Yellow));
        let (text, style) = match &view.mode {
            Mode::Question(Question::End) => (" end the manager? Apps that run go on (y/n)".to_owned(), asked),
            Mode::Question(Question::Send(command, app)) => {
                (format!(" {} {app}? (y/n)", command.name().to_lowercase()), asked)
            }
            Mode::Filter => (format!(" /{}_", view.filter), asked),
            Mode::Help => (" any key goes back".to_owned(), self.look.dim()),
            Mode::Log { back: 0, .. } => (" follows   ↑ PgUp back   Esc apps   q quit".to_owned(), self.look.dim()),
            Mode::Log { back, .. } => {
                (format!(" {back} lines back   End follows   Esc apps   q quit"), self.look.dim())
            }
            Mode::Apps if !view.notice.is_empty() => (format!(" {}", view.notice), Style::new()),
            Mode::Apps => (hints(view), self.look.dim()),
        };
        self.put(row, 0, &text.replace('\n', " "), self.columns(), style);
    }
}

fn hints(view: &View) -> String {
    let end = if view.role == Role::Manager { "q end" } else { "q quit" };
    let filter = if view.filter.is_empty() { "/ filter".to_owned() } else { format!("/{} (Esc: all)", view.filter) };
    format!(" ? keys  {end}  o by {}  {filter}  Enter log  s start  x stop", view.order.name())
}

/// The widths of the columns; 0 for one that is left out.
struct Columns([usize; 7]);

impl Columns {
    const HEADER: [&str; 7] = ["app", "state", "progress", "solved", "eta", "last run", "next run"];

    fn of(apps: &[&BoardApp], width: usize) -> Self {
        let longest = apps.iter().map(|line| line.app.name.to_string().chars().count()).max().unwrap_or_default();
        let counts = apps.iter().map(|line| line.counts().len()).max().unwrap_or_default();
        let or_none = |is_shown: bool, width: usize| if is_shown { width } else { 0 };
        let mut widths = [
            0,
            "disabled".len(),
            or_none(width >= NARROW, "██████████████ 100%".chars().count() - 2),
            or_none(width >= NARROW, counts.max("solved".len())),
            or_none(width >= WIDER, "hh:mm:ss".len()),
            or_none(width >= WIDE, "mm-dd hh:mm interrupted".len()),
            or_none(width >= NARROWER, "mm-dd hh:mm:ss".len()),
        ];
        let rest = |widths: &[usize; 7]| {
            let others: usize = widths[1..].iter().filter(|width| **width > 0).map(|width| width + GAP).sum();
            width.saturating_sub(others + 1)
        };
        if rest(&widths) < longest.min(NAME_MIN) && widths[2] > 0 {
            widths[2] = "progress".len();
        }
        // in the smallest windows a name is all there is
        if rest(&widths) < "group/app".len() {
            widths[1] = 0;
        }
        widths[0] = rest(&widths).min(longest.max("app".len()));
        Self(widths)
    }
}

fn cells(line: &BoardApp, columns: &Columns) -> [String; 7] {
    let bar = line.bar();
    let is_bar = bar.chars().count() <= columns.0[2];
    let progress =
        if is_bar { bar } else { line.percent().map(|percent| format!("{percent:.0}%")).unwrap_or_default() };
    let state = line.state().name().to_lowercase();
    [line.app.name.to_string(), state, progress, line.counts(), line.eta(), line.last_run(), line.next_run()]
}

/// The end of a name tells more than its beginning.
fn tail(name: &str, width: usize) -> String {
    let count = name.chars().count();
    if count <= width {
        return name.to_owned();
    }
    std::iter::once('…').chain(name.chars().skip(count + 1 - width.max(1))).collect()
}
