//! A commit that went through and whose answer was lost: what was decided is done, once, and nothing is told that is untrue.

use std::process::Command;

use crate::manager::{number, on, rows, told};
use crate::support::manager::{Manager, wait_for};
use crate::support::proxy::Proxy;
use crate::support::{Backend, app, stderr};

/// The backend, a way to it, and the URL of that way.
fn by_proxy() -> Option<(Backend, Proxy, String)> {
    let backend = Backend::postgres()?;
    let (proxy, url) = backend.by_proxy();
    Some((backend, proxy, format!("{url}&answer_timeout=5")))
}

fn with_long_lease(command: &mut Command) -> &mut Command {
    command.env("DC_RUN_LEASE", "5m")
}

#[test]
fn a_start_that_was_recorded_goes_on() {
    let Some((backend, proxy, url)) = by_proxy() else { return };
    app(backend.folder.path(), "a/b/one", "exit 3", "");
    told(&backend, &["deploy"]);
    proxy.lose_answer_behind("INSERT INTO \"runtime\"");
    let ended = on(&backend, &["run", "one"]).env("DC_DB_MAIN_URL", &url).output().expect("dc runs");
    assert!(proxy.has_lost());
    assert_eq!(ended.status.code(), Some(3), "{}", stderr(&ended));
    let ends = rows(&mut backend.connect(), "SELECT exit_code, is_guess FROM runtime");
    assert_eq!((ends.len(), ends[0][0].as_str()), (1, "3"), "{ends:?}");
    assert_eq!(number(&mut backend.connect(), "SELECT count(*) FROM runtime WHERE is_guess"), 0);
}

#[test]
fn a_start_that_a_manager_asked_for_and_that_was_recorded_goes_on() {
    let Some((backend, proxy, url)) = by_proxy() else { return };
    app(backend.folder.path(), "a/b/one", "exit 3", "interval = \"1h\"");
    told(&backend, &["deploy"]);
    let mut database = backend.connect();
    database.execute("UPDATE apps SET next_run = next_run - interval '1 hour'", &[]).expect("it is due");
    proxy.lose_answer_behind("INSERT INTO \"runtime\"");
    let manager = Manager::start_with(backend.folder.path(), &url, &[], with_long_lease);
    let ended = "SELECT count(*) FROM occurrences WHERE state = 'ran'";
    wait_for("the end of its run", 30, || number(&mut database, ended) == 1);
    drop(manager.end());
    assert!(proxy.has_lost());
    assert_eq!(rows(&mut database, "SELECT exit_code FROM runtime"), [["3"]]);
}

#[test]
fn a_run_asks_a_server_for_nothing_that_it_need_not_know() {
    let Some((backend, proxy, url)) = by_proxy() else { return };
    app(backend.folder.path(), "a/b/one", "true", "interval = \"1h\"");
    told(&backend, &["deploy"]);
    let run = || {
        let ended = on(&backend, &["run", "one"]).env("DC_DB_MAIN_URL", &url).status().expect("dc runs");
        assert!(ended.success());
    };
    let said = proxy.hear(run);
    let times = |words: &str| said.matches(words).count();
    assert_eq!((times("set_config"), times("BEGIN"), times("COMMIT")), (1, 2, 2), "one connection, start and end");
    // limits, schema twice, the app twice, the time twice, whether it runs, the run to be ended, the last message of it
    assert_eq!(times("SELECT "), 10, "{said}");
    assert!(times("pg_class") == 0 && times("FOR UPDATE") == 1, "{said}");
}

#[test]
fn a_start_that_the_database_may_know_is_no_failure_of_its_app() {
    let Some((backend, proxy, url)) = by_proxy() else { return };
    app(backend.folder.path(), "a/b/one", "exit 3", "");
    told(&backend, &["deploy"]);
    proxy.lose_answer_behind("INSERT INTO \"runtime\"");
    let run = on(&backend, &["run", "one"]).env("DC_DB_MAIN_URL", &url).spawn().expect("dc starts");
    wait_for("the commit", 30, || proxy.has_lost());
    proxy.cut();
    assert_eq!(run.wait_with_output().expect("its end").status.code(), Some(75));
    let mut database = backend.connect();
    assert_eq!(number(&mut database, "SELECT count(*) FROM runtime WHERE ended_at IS NULL"), 1);
    told(&backend, &["manager", "start", "--once"]);
    let end = "SELECT count(*) FROM runtime WHERE code = 6 AND reason LIKE 'the app was not started, since %'";
    assert_eq!(number(&mut database, end), 1, "{:?}", rows(&mut database, "SELECT code, reason FROM runtime"));
    assert_eq!(number(&mut database, "SELECT failures FROM apps"), 0);
}

#[test]
fn a_moment_that_was_claimed_starts_at_once() {
    let Some((backend, proxy, url)) = by_proxy() else { return };
    app(backend.folder.path(), "a/b/once", "true", "schedule = \"* * * * * *\"");
    told(&backend, &["deploy"]);
    proxy.lose_answer_behind("INSERT INTO \"occurrences\"");
    let manager = Manager::start_with(backend.folder.path(), &url, &[], with_long_lease);
    wait_for("the commit", 30, || proxy.has_lost());
    let mut database = backend.connect();
    let first = "SELECT count(*) FROM occurrences WHERE fence = 2 AND state = 'ran'";
    wait_for("a run of what was claimed", 30, || number(&mut database, first) == 1);
    drop(manager.end());
}

#[test]
fn a_start_by_hand_that_was_taken_is_carried_out() {
    let Some((backend, proxy, url)) = by_proxy() else { return };
    app(backend.folder.path(), "a/b/one", "true", "");
    told(&backend, &["deploy"]);
    proxy.lose_answer_behind("UPDATE \"command_log\"");
    let manager = Manager::start_with(backend.folder.path(), &url, &[], with_long_lease);
    told(&backend, &["manager", "send", "start", "one"]);
    wait_for("the commit", 30, || proxy.has_lost());
    let mut database = backend.connect();
    wait_for("its run", 30, || number(&mut database, "SELECT count(*) FROM runtime WHERE code = 2") == 1);
    wait_for("its result", 30, || number(&mut database, "SELECT count(*) FROM command_log WHERE cmd_flag = 3") == 1);
    drop(manager.end());
    assert_eq!(number(&mut database, "SELECT count(*) FROM runtime"), 1);
}

#[test]
fn an_end_by_hand_that_was_taken_is_carried_out_with_its_grace() {
    let Some((backend, proxy, url)) = by_proxy() else { return };
    let script = "trap 'sleep 2; exit 7' TERM; touch begun; while :; do sleep 0.05; done";
    app(backend.folder.path(), "a/b/one", script, "grace = \"20s\"");
    told(&backend, &["deploy"]);
    let run = on(&backend, &["run", "one"]).spawn().expect("dc starts");
    wait_for("the app", 30, || backend.folder.path().join("apps/a/b/one/begun").exists());
    proxy.lose_answer_behind("UPDATE \"command_log\"");
    let manager = Manager::start_with(backend.folder.path(), &url, &[], with_long_lease);
    told(&backend, &["manager", "send", "stop", "one"]);
    wait_for("the commit", 30, || proxy.has_lost());
    // it was asked once, so it had its time
    assert_eq!(run.wait_with_output().expect("its end").status.code(), Some(7));
    drop(manager.end());
}
