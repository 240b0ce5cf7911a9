//! The board on a terminal: what a person sees and presses, and in what order the terminal is left.

use std::process::Command;

use data_collector::record::Value;

use crate::support::manager::wait_for;
use crate::support::pty::Pty;
use crate::support::{Backend, app, clean, dc, has_pending, signal};

/// A project with so many apps, of which dc believes that they run.
fn running(count: usize) -> Backend {
    let backend = Backend::sqlite();
    for number in 1..=count {
        app(backend.folder.path(), &format!("group/parent/app{number:02}"), "true", "");
    }
    assert!(of(&backend, &["deploy"]).output().expect("dc runs").status.success());
    backend.connect().execute("UPDATE apps SET status = 2, progress = 50", &[]).expect("an update");
    backend
}

fn of(backend: &Backend, arguments: &[&str]) -> Command {
    let mut command = dc(backend.folder.path());
    command.args(arguments).env("DC_DB_MAIN_URL", &backend.url).env_remove("NO_COLOR");
    command
}

fn count(backend: &Backend, sql: &str) -> i64 {
    match backend.connect().query(sql, &[]).expect("a count").rows[0][0] {
        Value::Integer(count) => count,
        ref other => panic!("{other:?}"),
    }
}

/// A shell with jobs, as people have it.
fn shell(backend: &Backend, rows: u16, columns: u16) -> Pty {
    let mut bash = clean("bash");
    bash.args(["--norc", "--noprofile", "-i"]).current_dir(backend.folder.path()).env("PS1", "prompt> ");
    let all = of(backend, &[]);
    for (name, value) in all.get_envs() {
        match value {
            Some(value) => bash.env(name, value),
            None => bash.env_remove(name),
        };
    }
    bash.env("DC", env!("CARGO_BIN_EXE_dc")).env_remove("PROMPT_COMMAND");
    let shell = Pty::start(&bash, rows, columns);
    shell.wait_for_text("prompt>");
    shell
}

fn modes(shell: &Pty, backend: &Backend, name: &str) -> String {
    shell.press(&format!("stty -g > {name}.part; mv {name}.part {name}\r"));
    let file = backend.folder.path().join(name);
    wait_for("the modes", 30, || file.exists());
    std::fs::read_to_string(file).expect("modes")
}

#[test]
fn a_person_watches_14_running_apps_stops_by_z_and_goes_on() {
    let backend = running(14);
    let shell = shell(&backend, 24, 80);
    let before = modes(&shell, &backend, "before");
    shell.press("$DC manager status --watch\r");
    shell.wait_for_text("app14");
    let page = shell.text();
    assert!((1..=14).all(|number| page.contains(&format!("app{number:02}"))), "{page}");
    assert!(page.contains("14 running"), "{page}");
    assert!(!shell.is_in_order(), "a page of its own, without a cursor");

    shell.press("?");
    shell.wait_for_text("any key goes back");
    shell.press(" /app0");
    shell.wait_for("only some", |picture| picture.text().contains("/app0_") && !picture.text().contains("app10"));
    shell.press("\u{1b}");
    shell.wait_for_text("app10");

    shell.press("\u{1a}");
    shell.wait_for_text("Stopped");
    assert!(shell.is_in_order(), "{}", shell.text());
    assert_eq!(modes(&shell, &backend, "stopped"), before);
    shell.press("fg\r");
    shell.wait_for("the board", |picture| picture.is_other_page() && picture.text().contains("app14"));

    shell.resize(5, 20);
    shell.wait_for_text("and 13 more");
    shell.resize(50, 200);
    shell.wait_for_text("last run");

    shell.press("q");
    shell.wait_for("the shell", |picture| !picture.is_other_page() && picture.has_cursor());
    assert_eq!(modes(&shell, &backend, "after"), before);
}

#[test]
fn a_key_that_comes_with_a_new_size_of_the_window_is_taken() {
    let backend = running(3);
    let mut board = Pty::start(&of(&backend, &["manager", "status", "--watch"]), 24, 80);
    board.wait_for_text("app03");
    {
        // the board takes no key before it has drawn what has the new size, so both wait for it together
        let _stopped = board.stopped();
        wait_for("a terminal that is full", 60, || {
            board.press("??");
            board.is_full()
        });
        wait_for("the keys that filled it", 60, || board.is_read());
        board.resize(30, 100);
        wait_for("the signal of the new size", 60, || !has_pending(nix::libc::SIGWINCH, board.id()));
        board.press("q");
    }
    assert_eq!(board.end(), Some(0));
}

#[test]
fn a_signal_leaves_the_terminal_in_order() {
    let backend = running(3);
    for name in ["INT", "TERM"] {
        let before = Pty::start(clean("sleep").arg("60"), 24, 80).modes();
        let mut board = Pty::start(&of(&backend, &["manager", "status", "--watch"]), 24, 80);
        board.wait_for_text("app03");
        assert_ne!(board.modes(), before, "keys come one by one");
        signal(name, board.id());
        assert_eq!(board.end(), Some(0));
        board.wait_for("the page of before", |picture| !picture.is_other_page() && picture.has_cursor());
        assert_eq!(board.modes(), before);
    }
    // ^C is the same, as a key
    let mut board = Pty::start(&of(&backend, &["manager", "status", "--watch"]), 24, 80);
    board.wait_for_text("app03");
    board.press("\u{3}");
    assert_eq!(board.end(), Some(0));
    board.wait_for("the page of before", |picture| !picture.is_other_page() && picture.has_cursor());
}

#[test]
fn an_app_is_told_by_keys_and_no_colours_are_shown_where_none_are_wanted() {
    let backend = running(3);
    let mut command = of(&backend, &["manager", "status", "--watch"]);
    let mut board = Pty::start(command.env("NO_COLOR", "1"), 24, 80);
    board.wait_for_text("app03");
    board.press("\u{1b}[Bd");
    board.wait_for_text("disable group/parent/app02? (y/n)");
    board.press("n");
    board.wait_for_text("nothing was done");
    assert_eq!(count(&backend, "SELECT count(*) FROM command_log"), 0);
    board.press("dy");
    board.wait_for_text("it waits for a manager, and none works");
    let sent = "SELECT count(*) FROM command_log c JOIN apps a ON a.id = c.app_id WHERE a.name = 'app02'";
    assert_eq!(count(&backend, sent), 1);
    assert_eq!(board.colors(), 0);
    board.press("q");
    assert_eq!(board.end(), Some(0));

    let coloured = Pty::start(&of(&backend, &["manager", "status", "--watch"]), 24, 80);
    coloured.wait_for_text("app03");
    assert!(coloured.colors() > 0);
}

#[test]
fn the_log_of_an_app_is_opened_and_follows() {
    let backend = running(3);
    let add = |message: &str| {
        let sql = format!(
            "INSERT INTO logs (app_id, time, level, source, message) SELECT id, '2026-11-20 12:00:00.000000', 20, 'app', \
             '{message}' FROM apps WHERE name = 'app01'"
        );
        backend.connect().execute(&sql, &[]).expect("a line");
    };
    add("the first line");
    let mut board = Pty::start(&of(&backend, &["manager", "status", "--watch"]), 24, 80);
    board.wait_for_text("app03");
    board.press("\r");
    board.wait_for("the log", |picture| {
        picture.text().contains("log of group/parent/app01") && picture.text().contains("INFO     the first line")
    });
    add("the second line");
    board.wait_for_text("INFO     the second line");
    board.press("\u{1b}");
    board.wait_for_text("app03");
    board.press("q");
    assert_eq!(board.end(), Some(0));
}

#[test]
fn a_terminal_that_takes_nothing_holds_no_manager_up_and_q_asks_first() {
    let backend = Backend::sqlite();
    app(backend.folder.path(), "a/b/often", "true", "interval = \"1s\"");
    assert!(of(&backend, &["deploy"]).output().expect("dc runs").status.success());
    let mut board = Pty::start(&of(&backend, &["manager", "start"]), 50, 200);
    let before = "SELECT count(*) FROM runtime WHERE ended_at IS NOT NULL";
    board.wait_for_text("often");
    board.wait_for_text("1 manager");
    {
        let _stopped = board.stopped();
        wait_for("a terminal that is full", 60, || {
            board.press("??");
            board.is_full()
        });
        let began = count(&backend, before);
        wait_for("runs although nobody reads", 60, || count(&backend, before) > began + 2);
        assert!(board.is_full());
    }
    board.wait_for_text("often");
    board.press("q");
    board.wait_for_text("end the manager?");
    board.press("n");
    board.wait_for_text("nothing was done");
    board.press("qy");
    assert_eq!(board.end(), Some(0));
    board.wait_for_text("the manager has ended");
    assert!(board.is_in_order());
}
