//! What is shown and what keys make of it, without a terminal: selection, order, filter, the open log, the open question.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::order::Order;
use crate::ops::{AppCommand, Board, BoardApp, Glance, LogLine};

/// Whose board it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// `dc manager status --watch`: it may end at any moment.
    Status,
    /// `dc manager start`: its end is the manager's.
    Manager,
}

/// What keys are for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// The list of apps.
    Apps,
    /// The same, while a filter is typed.
    Filter,
    /// The log of an app, so many lines back from its newest.
    Log { app_id: i64, app: String, back: usize },
    /// The keys.
    Help,
    /// A question that waits for y or n.
    Question(Question),
}

/// What is asked before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// Whether an app is told something.
    Send(AppCommand, String),
    /// Whether the manager ends.
    End,
}

/// What is to be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    Nothing,
    /// The end.
    End,
    /// An app is told something.
    Send(AppCommand, String),
}

/// The state of the board.
#[derive(Debug)]
pub(super) struct View {
    pub(super) role: Role,
    /// What was read last.
    pub(super) board: Option<Board>,
    /// The lines of the app whose log is open; `None` until they are read.
    pub(super) lines: Option<Vec<LogLine>>,
    /// Why the database cannot be read, while it cannot.
    pub(super) away: Option<String>,
    pub(super) mode: Mode,
    pub(super) order: Order,
    pub(super) filter: String,
    /// What came of the last command.
    pub(super) notice: String,
    /// The app that keys are about, and its row when it was last there.
    selected: Option<i64>,
    row: usize,
    /// The first row in the window.
    first: usize,
    /// How many rows the window had when it was drawn.
    rows: usize,
}

impl View {
    pub(super) fn new(role: Role) -> Self {
        Self {
            role,
            board: None,
            lines: None,
            away: None,
            mode: Mode::Apps,
            order: Order::default(),
            filter: String::new(),
            notice: String::new(),
            selected: None,
            row: 0,
            first: 0,
            rows: 1,
        }
    }

    /// The app whose log is open.
    pub(super) fn open_app(&self) -> Option<i64> {
        match self.mode {
            Mode::Log { app_id, .. } => Some(app_id),
            _ => None,
        }
    }

    /// Takes what was read, for the app whose log was open then.
    pub(super) fn take(&mut self, glance: Glance, app_id: Option<i64>) {
        let Glance { board, lines } = glance;
        self.board = Some(board);
        self.away = None;
        if app_id.is_some() && app_id == self.open_app() {
            self.stay_at(&lines);
            self.lines = Some(lines);
        }
    }

    /// Who has scrolled back goes on seeing the same lines while new ones come.
    fn stay_at(&mut self, lines: &[LogLine]) {
        let last = self.lines.as_ref().and_then(|lines| lines.last()).map(|line| line.log.id);
        if let Mode::Log { back: back @ 1.., .. } = &mut self.mode
            && let Some(last) = last
        {
            let new = lines.iter().rev().take_while(|line| line.log.id != last);
            // a message takes as many rows as it has lines
            *back += new.map(|line| line.log.message.lines().count().max(1)).sum::<usize>();
        }
    }

    /// The apps that the filter lets through, in their order.
    pub(super) fn shown(&self) -> Vec<&BoardApp> {
        let wanted = self.filter.to_lowercase();
        let apps = self.board.iter().flat_map(|board| &board.apps);
        let mut shown: Vec<&BoardApp> = apps.filter(|line| is_wanted(line, &wanted)).collect();
        shown.sort_by(|one, other| self.order.compare(one, other));
        shown
    }

    /// The part of the list that fits into so many rows, and the selected row in it.
    pub(super) fn window(&mut self, rows: usize) -> (usize, usize) {
        self.rows = rows.max(1);
        let (row, count) = (self.selected_row(), self.shown().len());
        self.row = row;
        let lowest = count.saturating_sub(self.rows);
        self.first = self.first.clamp((row + 1).saturating_sub(self.rows), row).min(lowest);
        (self.first, row)
    }

    /// How far back the log was drawn, and how many rows it had.
    pub(super) fn note_log(&mut self, drawn: usize, rows: usize) {
        self.rows = rows.max(1);
        if let Mode::Log { back, .. } = &mut self.mode {
            *back = drawn;
        }
    }

    fn selected_row(&self) -> usize {
        let shown = self.shown();
        let found = shown.iter().position(|line| Some(line.app.id) == self.selected);
        found.unwrap_or(self.row).min(shown.len().saturating_sub(1))
    }

    /// What a key does.
    pub(super) fn key(&mut self, key: KeyEvent) -> Effect {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return Effect::Nothing;
        }
        if key.modifiers.contains(KeyModifiers::ALT) {
            // Esc and a key right behind it cannot be told from Alt and the key
            let _ = self.key(KeyCode::Esc.into());
            return self.key(key.code.into());
        }
        match &mut self.mode {
            Mode::Apps => {
                self.notice.clear();
                return self.key_of_list(key.code);
            }
            Mode::Filter => self.key_of_filter(key.code),
            Mode::Log { back, .. } => {
                let (all, rows) = (self.lines.as_ref().map_or(0, Vec::len), self.rows);
                match key.code {
                    KeyCode::Up | KeyCode::Char('k') => *back += 1,
                    KeyCode::Down | KeyCode::Char('j') => *back = back.saturating_sub(1),
                    KeyCode::PageUp => *back += rows,
                    KeyCode::PageDown => *back = back.saturating_sub(rows),
                    KeyCode::Home => *back = all,
                    KeyCode::End => *back = 0,
                    KeyCode::Esc | KeyCode::Enter | KeyCode::Backspace => self.mode = Mode::Apps,
                    KeyCode::Char('q') => return self.end(),
                    KeyCode::Char('?') => self.mode = Mode::Help,
                    _ => {}
                }
            }
            Mode::Help => {
                self.mode = Mode::Apps;
                if key.code == KeyCode::Char('q') {
                    return self.end();
                }
            }
            Mode::Question(question) => {
                let question = question.clone();
                self.mode = Mode::Apps;
                self.notice.clear();
                if matches!(key.code, KeyCode::Char('y' | 'Y')) {
                    return match question {
                        Question::Send(command, app) => Effect::Send(command, app),
                        Question::End => Effect::End,
                    };
                }
                "nothing was done".clone_into(&mut self.notice);
            }
        }
        Effect::Nothing
    }

    fn key_of_list(&mut self, code: KeyCode) -> Effect {
        let (row, last) = (self.selected_row(), self.shown().len().saturating_sub(1));
        match code {
            KeyCode::Up | KeyCode::Char('k') => self.select(row.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.select(row + 1),
            KeyCode::PageUp => self.select(row.saturating_sub(self.rows)),
            KeyCode::PageDown => self.select(row + self.rows),
            KeyCode::Home => self.select(0),
            KeyCode::End => self.select(last),
            KeyCode::Enter => self.open(),
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('/') => self.mode = Mode::Filter,
            KeyCode::Char('?') => self.mode = Mode::Help,
            KeyCode::Char('o') => self.order = self.order.following(),
            KeyCode::Char('q') => return self.end(),
            KeyCode::Char('s') => self.ask(AppCommand::Start),
            KeyCode::Char('x') => self.ask(AppCommand::Stop),
            KeyCode::Char('e') => self.ask(AppCommand::Enable),
            KeyCode::Char('d') => self.ask(AppCommand::Disable),
            KeyCode::Char('r') => self.ask(AppCommand::Reset),
            _ => {}
        }
        Effect::Nothing
    }

    fn key_of_filter(&mut self, code: KeyCode) {
        match code {
            KeyCode::Char(letter) => self.filter.push(letter),
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Esc => {
                self.filter.clear();
                self.mode = Mode::Apps;
            }
            KeyCode::Enter => self.mode = Mode::Apps,
            // the list can be walked through while it is made shorter
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => drop(self.key_of_list(code)),
            _ => {}
        }
    }

    /// From now on keys are about the app of a row.
    fn select(&mut self, row: usize) {
        let shown = self.shown();
        let row = row.min(shown.len().saturating_sub(1));
        let selected = shown.get(row).map(|line| line.app.id);
        (self.selected, self.row) = (selected, row);
    }

    fn selected(&self) -> Option<&BoardApp> {
        self.shown().get(self.selected_row()).copied()
    }

    fn open(&mut self) {
        if let Some((app_id, app)) = self.selected().map(|line| (line.app.id, line.app.name.to_string())) {
            self.selected = Some(app_id);
            self.lines = None;
            self.mode = Mode::Log { app_id, app, back: 0 };
        }
    }

    fn ask(&mut self, command: AppCommand) {
        match self.selected().map(|line| (line.app.id, line.app.name.to_string())) {
            Some((app_id, app)) => {
                // the row may move meanwhile
                self.selected = Some(app_id);
                self.mode = Mode::Question(Question::Send(command, app));
            }
            None => "there is no app to be told anything".clone_into(&mut self.notice),
        }
    }

    fn end(&mut self) -> Effect {
        match self.role {
            Role::Status => Effect::End,
            Role::Manager => {
                self.mode = Mode::Question(Question::End);
                Effect::Nothing
            }
        }
    }
}

/// By a part of its name or of its state.
fn is_wanted(line: &BoardApp, wanted: &str) -> bool {
    let name = line.app.name.to_string().to_lowercase();
    name.contains(wanted) || line.state().name().to_lowercase().contains(wanted)
}
