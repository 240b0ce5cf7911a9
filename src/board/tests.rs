//! The board without a terminal: what keys do, and what is drawn into a window of any size.

use std::str::FromStr;

use chrono::{NaiveDateTime, TimeDelta};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;

use super::draw::{self, Look};
use super::order::Order;
use super::view::{Effect, Mode, Question, Role, View};
use crate::clock;
use crate::ident::AppName;
use crate::ops::{AppCommand, Board, BoardApp, Glance, LogLine};
use crate::tables::{AppRow, AppType, CommandFlag, FatalFlag, RunStatus, StoredLog};

const PLAIN: Look = Look { has_color: false };

fn noon() -> NaiveDateTime {
    clock::moment("2026-11-20T12:00:00Z").expect("a moment")
}

/// An app that is due so many minutes after noon, or only by hand.
fn app(id: i64, name: &str, status: RunStatus, due_in: Option<i64>) -> BoardApp {
    let app = AppRow {
        id,
        name: AppName::from_str(name).expect("a name"),
        app_type: AppType::Cron,
        definition: String::new(),
        schedule: None,
        interval_ms: None,
        timezone: "UTC".to_owned(),
        status,
        next_run: due_in.map(|minutes| noon() + TimeDelta::minutes(minutes)),
        last_run: None,
        task_size: None,
        progress: Some(50.0),
        solved: 0,
        failed: 0,
        eta: None,
        fatal_flag: FatalFlag::None,
        fatal_msg: None,
        fatal_time: None,
        cmd_name: None,
        cmd_flag: CommandFlag::None,
        cmd_by: None,
        cmd_time: None,
        cmd_exec: None,
        disable: status == RunStatus::Disabled,
        failures: 0,
        retry_at: None,
        created: crate::clock::now(),
        archive: None,
    };
    BoardApp { app, last: None, waiting: usize::from(status == RunStatus::Queued), workers: 0 }
}

fn line(id: i64, message: &str) -> LogLine {
    let log = StoredLog {
        id,
        runtime: None,
        app_id: Some(1),
        time: noon(),
        level: 20,
        source: "app".to_owned(),
        message: message.to_owned(),
        context: None,
    };
    LogLine { log, level_name: "INFO", app: None }
}

fn glance(apps: Vec<BoardApp>, lines: Vec<LogLine>) -> Glance {
    let said = vec!["2026-11-20 12:00:00 a/b/one the newest line".to_owned()];
    Glance {
        board: Board {
            time: noon(),
            managers: Vec::new(),
            apps,
            lines: said,
            drift: None,
            pause: None,
            broken_channels: Vec::new(),
        },
        lines,
    }
}

fn view_of(role: Role, apps: Vec<BoardApp>) -> View {
    let mut view = View::new(role);
    view.take(glance(apps, Vec::new()), None);
    view
}

/// One of each state, and one that is started by hand alone, which comes first by its name.
fn each() -> Vec<BoardApp> {
    vec![
        app(1, "a/a/hand", RunStatus::Idle, None),
        app(2, "a/a/later", RunStatus::Idle, Some(30)),
        app(3, "a/a/out", RunStatus::Disabled, Some(1)),
        app(4, "a/b/failed", RunStatus::Failed, Some(90)),
        app(5, "a/b/waits", RunStatus::Queued, Some(0)),
        app(6, "a/c/runs", RunStatus::Running, None),
        app(7, "a/c/soon", RunStatus::Idle, Some(5)),
    ]
}

fn many(count: i64) -> Vec<BoardApp> {
    (1..=count).map(|id| app(id, &format!("group/parent/app{id:02}"), RunStatus::Running, Some(id))).collect()
}

fn names(view: &View) -> Vec<String> {
    view.shown().iter().map(|line| line.app.name.to_string().rsplit('/').next().expect("a name").to_owned()).collect()
}

fn press(view: &mut View, code: KeyCode) -> Effect {
    view.key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn type_in(view: &mut View, text: &str) {
    for letter in text.chars() {
        assert_eq!(press(view, KeyCode::Char(letter)), Effect::Nothing);
    }
}

fn drawn(view: &mut View, columns: u16, rows: u16, look: Look) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal");
    terminal.draw(|frame| draw::draw(frame, view, look)).expect("a picture");
    terminal
}

fn picture(view: &mut View, columns: u16, rows: u16) -> String {
    let terminal = drawn(view, columns, rows, PLAIN);
    let cells: Vec<&str> = terminal.backend().buffer().content.iter().map(|cell| cell.symbol()).collect();
    cells.chunks(columns.into()).map(|row| row.concat().trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_runs_waits_failed_and_is_out_of_service_comes_before_what_is_due_and_by_hand_comes_last() {
    let mut view = view_of(Role::Status, each());
    assert_eq!(names(&view), ["runs", "waits", "failed", "out", "soon", "later", "hand"]);
    let _ = press(&mut view, KeyCode::Char('o'));
    assert_eq!((view.order, names(&view)[0].as_str()), (Order::Name, "hand"));
    let _ = press(&mut view, KeyCode::Char('o'));
    assert_eq!(names(&view), ["waits", "soon", "later", "failed", "hand", "out", "runs"]);
}

#[test]
fn the_selected_app_stays_selected_when_others_come_before_it() {
    let mut view = view_of(Role::Status, many(5));
    for _ in 0..2 {
        let _ = press(&mut view, KeyCode::Down);
    }
    let mut apps = many(5);
    apps.push(app(9, "group/parent/aaa", RunStatus::Running, Some(0)));
    view.take(glance(apps, Vec::new()), None);
    let _ = press(&mut view, KeyCode::Char('x'));
    assert_eq!(view.mode, Mode::Question(Question::Send(AppCommand::Stop, "group/parent/app03".to_owned())));
}

#[test]
fn every_command_is_asked_for_and_only_y_sends_it() {
    for (key, command) in [
        ('s', AppCommand::Start),
        ('x', AppCommand::Stop),
        ('e', AppCommand::Enable),
        ('d', AppCommand::Disable),
        ('r', AppCommand::Reset),
    ] {
        let mut view = view_of(Role::Status, many(3));
        for no in [KeyCode::Char('n'), KeyCode::Esc, KeyCode::Enter] {
            assert_eq!(press(&mut view, KeyCode::Char(key)), Effect::Nothing);
            assert_eq!(press(&mut view, no), Effect::Nothing);
            assert_eq!(view.mode, Mode::Apps);
        }
        assert_eq!(press(&mut view, KeyCode::Char(key)), Effect::Nothing);
        assert!(picture(&mut view, 80, 24).contains("group/parent/app01? (y/n)"));
        let sent = Effect::Send(command, "group/parent/app01".to_owned());
        assert_eq!(press(&mut view, KeyCode::Char('y')), sent);
    }
    let mut empty = view_of(Role::Status, Vec::new());
    assert_eq!(press(&mut empty, KeyCode::Char('s')), Effect::Nothing);
    assert_eq!(empty.mode, Mode::Apps);
}

#[test]
fn q_ends_a_watched_status_at_once_and_asks_before_it_ends_a_manager() {
    let mut status = view_of(Role::Status, each());
    assert_eq!(press(&mut status, KeyCode::Char('q')), Effect::End);
    let mut manager = view_of(Role::Manager, each());
    assert_eq!(press(&mut manager, KeyCode::Char('q')), Effect::Nothing);
    assert_eq!(press(&mut manager, KeyCode::Char('n')), Effect::Nothing);
    assert_eq!(press(&mut manager, KeyCode::Char('q')), Effect::Nothing);
    assert_eq!(press(&mut manager, KeyCode::Char('y')), Effect::End);
}

#[test]
fn what_is_typed_filters_and_no_letter_of_it_is_a_command() {
    let mut view = view_of(Role::Manager, each());
    type_in(&mut view, "/q");
    assert_eq!(names(&view), ["waits"], "its state is `queued`");
    let _ = press(&mut view, KeyCode::Backspace);
    type_in(&mut view, "A/C");
    assert_eq!(names(&view), ["runs", "soon"]);
    let _ = press(&mut view, KeyCode::Enter);
    assert!(picture(&mut view, 80, 24).contains("/A/C (Esc: all)"));
    let _ = press(&mut view, KeyCode::End);
    let _ = press(&mut view, KeyCode::Char('s'));
    assert_eq!(view.mode, Mode::Question(Question::Send(AppCommand::Start, "a/c/soon".to_owned())));
    let _ = press(&mut view, KeyCode::Char('n'));
    let _ = press(&mut view, KeyCode::Esc);
    assert_eq!(names(&view).len(), 7);
}

#[test]
fn as_many_apps_as_fit_are_shown_and_how_many_more_there_are() {
    let mut view = view_of(Role::Status, many(14));
    let page = picture(&mut view, 80, 24);
    assert!((1..=14).all(|id| page.contains(&format!("app{id:02}"))), "{page}");
    assert!(!page.contains("more"), "{page}");
    assert!(page.contains("the newest line"), "{page}");
    assert!(page.contains("50%"), "{page}");
    let small = picture(&mut view, 80, 10);
    assert!(small.contains("app06") && !small.contains("app07") && small.contains("… and 8 more"), "{small}");
    let _ = press(&mut view, KeyCode::End);
    let end = picture(&mut view, 80, 10);
    assert!(end.contains("app14") && end.contains("… and 8 more (8 above)"), "{end}");
    let _ = press(&mut view, KeyCode::PageUp);
    let _ = press(&mut view, KeyCode::Home);
    assert!(picture(&mut view, 80, 10).contains("app01"));
}

#[test]
fn every_size_of_a_window_is_drawn_in_every_mode() {
    let modes: [&[KeyCode]; 6] = [
        &[],
        &[KeyCode::Char('/'), KeyCode::Char('a')],
        &[KeyCode::Enter],
        &[KeyCode::Char('?')],
        &[KeyCode::Char('x')],
        &[KeyCode::End],
    ];
    for keys in modes {
        for away in [None, Some("it is away".to_owned())] {
            let mut view = view_of(Role::Manager, many(14));
            for key in keys {
                let _ = press(&mut view, *key);
            }
            view.away.clone_from(&away);
            view.lines = Some((1..=40).map(|id| line(id, "one\ntwo")).collect());
            for (columns, rows) in [(200, 50), (80, 24), (20, 5), (7, 3), (1, 2), (300, 1), (1, 1)] {
                let page = picture(&mut view, columns, rows);
                assert!(away.is_none() || columns < 20 || rows < 5 || page.contains("waiting: it is"), "{page}");
            }
        }
    }
    let mut view = view_of(Role::Status, many(14));
    let small = picture(&mut view, 20, 5);
    assert!(small.contains("app01") && small.contains("… and 13 more"), "{small}");
    assert!(picture(&mut view, 200, 50).contains("last run"));
}

#[test]
fn the_keys_are_told_whole_in_a_window_of_80_columns() {
    let told = |columns| {
        let mut view = view_of(Role::Status, many(1));
        let _ = press(&mut view, KeyCode::Char('?'));
        let page = picture(&mut view, columns, 24);
        page.lines().skip(1).map(|row| row.trim_end().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(told(80), told(200));
}

#[test]
fn a_log_follows_and_stays_where_somebody_scrolled_to() {
    let lines = |last: i64| (1..=last).map(|id| line(id, &format!("line {id:03}."))).collect::<Vec<_>>();
    let mut view = view_of(Role::Status, many(3));
    let _ = press(&mut view, KeyCode::Enter);
    assert_eq!(view.open_app(), Some(1));
    assert!(picture(&mut view, 80, 24).contains("reading"));
    view.take(glance(many(3), lines(50)), Some(1));
    assert!(picture(&mut view, 80, 24).contains("line 050."));
    view.take(glance(many(3), lines(51)), Some(1));
    assert!(picture(&mut view, 80, 24).contains("line 051."), "it follows");
    let _ = press(&mut view, KeyCode::Up);
    assert!(!picture(&mut view, 80, 24).contains("line 051."));
    view.take(glance(many(3), lines(59)), Some(1));
    let mut more = lines(59);
    more.push(line(60, "line 060.\n\nof three rows"));
    view.take(glance(many(3), more), Some(1));
    let back = picture(&mut view, 80, 24);
    assert!(back.contains("line 050.") && !back.contains("line 051."), "{back}");
    let _ = press(&mut view, KeyCode::Home);
    assert!(picture(&mut view, 80, 24).contains("line 001."));
    let _ = press(&mut view, KeyCode::Down);
    assert!(!picture(&mut view, 80, 24).contains("line 001."), "one key is one line, also from the very end");
    let _ = press(&mut view, KeyCode::End);
    let end = picture(&mut view, 80, 24);
    assert!(end.contains("line 060.") && end.contains("of three rows"), "{end}");
    // what was read for another app is not shown
    view.take(glance(many(3), vec![line(99, "of another")]), Some(2));
    assert!(!picture(&mut view, 80, 24).contains("of another"));
    let _ = press(&mut view, KeyCode::Esc);
    assert_eq!(view.open_app(), None);
    // Esc and a letter that come at once are both taken
    let _ = press(&mut view, KeyCode::Enter);
    assert_eq!(view.key(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT)), Effect::End);
    assert_eq!(view.open_app(), None);
}

#[test]
fn a_database_that_is_away_is_told_and_what_was_read_stays() {
    let mut view = view_of(Role::Status, many(3));
    view.away = Some("could not read the apps".to_owned());
    let page = picture(&mut view, 80, 24);
    assert!(page.contains("waiting: could not read the apps") && page.contains("app03"), "{page}");
    view.take(glance(many(3), Vec::new()), None);
    assert!(!picture(&mut view, 80, 24).contains("waiting"));
}

#[test]
fn colours_are_drawn_where_they_are_wanted_alone() {
    let has_colors = |has_color| {
        let mut view = view_of(Role::Status, each());
        let terminal = drawn(&mut view, 80, 24, Look { has_color });
        terminal.backend().buffer().content.iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    };
    assert!(has_colors(true));
    assert!(!has_colors(false));
}
