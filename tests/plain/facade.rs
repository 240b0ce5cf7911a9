//! The log of a process, in processes of its own: what is bound and measured, what a panic and a signal leave behind.
//! The tests that are ignored are these processes.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::support::{app, dc, ignored_test, script_of_ignored_test, stderr, stdout};
use data_collector::critical;
use data_collector::logs::{self, Bound};
use data_collector::ops::App;
use data_collector::profile::{self, fun_watch};
use data_collector::settings::{Environment, Settings, Source};
use serde_json::Value;

/// Runs one of the ignored tests of this file as a process of its own.
fn process(folder: &Path, test: &str) -> Command {
    let mut command = ignored_test(&format!("facade::{test}"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DC_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).env("XDG_CONFIG_HOME", folder).env("DC_LOG_SINKS", "file").env("NO_COLOR", "1");
    command
}

fn run(folder: &Path, test: &str) -> Output {
    process(folder, test).output().expect("a process")
}

fn settings() -> Settings {
    Settings::load(&Source::default(), Environment::process()).expect("settings")
}

/// What the sink `file` has.
fn records(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join(".dc/records.ndjson")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn records_carry_levels_key_values_and_what_is_bound_and_no_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = process(folder.path(), "say_many_things")
        .env("DC_DB_MAIN_URL", "postgres://me:hunter22@h/d")
        .env("DC_LOG_LEVEL", "debug")
        .output()
        .expect("a process");
    assert!(output.status.success(), "{}", stderr(&output));
    let records = records(folder.path());
    let find = |message: &str| {
        let found = records.iter().find(|record| record["message"] == message);
        found.unwrap_or_else(|| panic!("{message} in {records:?}"))
    };
    assert_eq!(find("plain")["level"], "INFO");
    assert_eq!(find("it is grave")["level"], "CRITICAL");
    assert_eq!(find("it is graver")["context"]["code"], 7);
    let full = find("page 7 of 9");
    assert_eq!(
        full["context"],
        serde_json::json!({"page": 7, "share": 0.5, "is_last": false, "name": "a \"b\"", "token": "***"})
    );
    assert_eq!((&full["app"], &full["runtime"]), (&Value::from("a/b/c"), &Value::Null));
    assert_eq!(find("in a thread")["runtime"], "r1");
    assert_eq!(find("in a thread")["thread"], "worker");
    assert_eq!(find("in a function")["function"], "work");
    assert_eq!(find("the login is ***")["level"], "DEBUG");
    let all = format!("{}{records:?}", stderr(&output));
    assert!(!all.contains("hunter22"), "{all}");
    assert!(stderr(&output).contains("INFO ] page 7 of 9 page=7 share=0.5"), "{}", stderr(&output));
}

#[test]
#[ignore = "a process of another test"]
fn say_many_things() {
    let _log = logs::init(&settings()).expect("a log");
    assert!(logs::init(&settings()).is_err(), "a process has one log");
    log::info!("plain");
    log::trace!("too fine");
    critical!("it is grave");
    critical!(code = 7; "it is graver");
    logs::bind_process(Bound::default().app("a/b/c"));
    log::info!(page = 7, share = 0.5, is_last = false, name = "a \"b\"", token = "abcdefgh"; "page {} of {}", 7, 9);
    let _bound = logs::bind(Bound::default().runtime("r1"));
    logs::spawn("worker", || log::warn!("in a thread")).expect("a thread").join().expect("an end");
    work(1);
    log::debug!("the login is {}", "hunter22");
}

#[fun_watch]
fn work(pause_ms: u64) {
    log::info!("in a function");
    std::thread::sleep(Duration::from_millis(pause_ms));
}

#[test]
fn a_panic_is_logged_before_the_process_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(folder.path(), "say_a_little_and_panic");
    assert!(!output.status.success());
    let messages: Vec<String> = records(folder.path()).iter().map(|record| record["message"].to_string()).collect();
    assert_eq!(messages[0], "\"before\"");
    assert!(messages[1].contains("on purpose") && messages[1].contains("facade.rs"), "{messages:?}");
}

#[test]
#[ignore = "a process of another test"]
fn say_a_little_and_panic() {
    let log = logs::init(&settings()).expect("a log");
    // as if the process aborted: nothing but the panic itself delivers
    std::mem::forget(log);
    log::info!("before");
    panic!("on purpose");
}

#[test]
fn a_term_delivers_what_is_queued_and_ends_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = process(folder.path(), "say_much_and_wait").spawn().expect("a process");
    let started = Instant::now();
    while !folder.path().join("said").exists() && started.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id() as i32), nix::sys::signal::Signal::SIGTERM)
        .expect("a signal");
    let status = child.wait().expect("an end");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15));
    assert_eq!(records(folder.path()).len(), 9_000);
}

#[test]
#[ignore = "a process of another test"]
fn say_much_and_wait() {
    let _log = logs::init(&settings()).expect("a log");
    (0..9_000).for_each(|number| log::info!("{number}"));
    std::fs::write("said", "").expect("a file");
    std::thread::sleep(Duration::from_secs(60));
}

#[fun_watch]
fn fetch(page: u64) -> Result<u64, String> {
    std::thread::sleep(Duration::from_millis(if page == 9 { 30 } else { 2 }));
    if page == 3 { Err(format!("no page {page}")) } else { Ok(page) }
}

#[fun_watch]
async fn parse(page: &str) -> usize {
    tokio::task::yield_now().await;
    profile::solved(10);
    profile::failed(1);
    page.len()
}

#[fun_watch]
fn first(items: &mut [String]) -> &mut String {
    &mut items[0]
}

/// Runs as an app: `dc run` starts it.
#[test]
#[ignore = "a process of another test"]
fn be_an_app() {
    // the harness has begun a line
    let _ = std::io::stdout().write_all(
        b"
",
    );
    let app = App::start().expect("an app");
    let arguments: Value = app.arguments().expect("arguments");
    let pages = arguments["pages"].as_u64().expect("a number");
    app.progress(Some(pages), Some(0), None).expect("progress");
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || (0..pages / 2).for_each(|page| drop(fetch(page * 2 + thread))));
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        assert_eq!(parse("four").await, 4);
        drop(parse("never polled"));
    });
    first(&mut ["x".to_owned()]).push('y');
    app.progress(None, Some(pages), None).expect("progress");
    log::info!(pages = pages; "done");
}

#[test]
fn a_run_is_measured_function_by_function_and_compared_with_those_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let script = script_of_ignored_test("facade::be_an_app");
    app(folder, "a/b/c", &script, "");
    for pages in [10, 12] {
        let output =
            dc(folder).args(["run", "c", "--args", &format!("{{\"pages\":{pages}}}")]).output().expect("dc runs");
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let shown = dc(folder).args(["logs", "c", "--profile", "--json"]).output().expect("dc runs");
    let profile: Value = serde_json::from_str(&stdout(&shown)).unwrap_or_else(|_| panic!("{}", stderr(&shown)));
    let functions = profile["functions"].as_array().expect("functions");
    let named = |name: &str| functions.iter().find(|function| function["name"] == name).expect("a function");
    let fetch = named("fetch");
    assert_eq!((&fetch["calls"], &fetch["solved"], &fetch["failed"]), (&12.into(), &11.into(), &1.into()));
    assert_eq!((&fetch["success"], &fetch["earlier_runs"]), (&false.into(), &1.into()));
    let ms = |field: &str| fetch[field].as_f64().expect("a number");
    assert!(ms("median_ms") >= 2.0 && ms("median_ms") < 20.0 && ms("max_ms") >= 30.0 && ms("min_ms") >= 2.0, "{fetch}");
    assert!((ms("mean_ms") * 12.0 - ms("total_ms")).abs() < 0.01, "{fetch}");
    let parse = named("parse");
    assert_eq!((&parse["calls"], &parse["solved"], &parse["failed"]), (&1.into(), &10.into(), &1.into()));
    assert_eq!(named("first")["success"], true);
    let table = dc(folder).args(["logs", "--profile"]).output().expect("dc runs");
    assert!(stdout(&table).contains("facade::fetch") && stdout(&table).contains('█'), "{}", stdout(&table));
    // the app's own record came as a structured one, and its messages to dc are no lines
    let lines = dc(folder).args(["logs", "--json", "--text", "done"]).output().expect("dc runs");
    let line: Value = serde_json::from_str(stdout(&lines).lines().last().expect("a line")).expect("JSON");
    assert_eq!((&line["level_name"], &line["message"]), (&"INFO".into(), &"done".into()));
    assert_eq!(line["context"]["pages"], 12, "{line}");
    let none = dc(folder).args(["logs", "--text", "\"dc\""]).output().expect("dc runs");
    assert_eq!(stdout(&none), "");
}
