//! What people meet in their first days: slips in variables and settings, `.env`, commands that nobody takes any more, runs
//! that are typed in part, windows of any width.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::support::manager::wait_for;
use crate::support::{app, clean, dc, run, signal, stderr, stdout};

fn one(project: &Path, sql: &str) -> i64 {
    let connection = rusqlite::Connection::open(project.join(".dc/dc.db")).expect("a database");
    connection.query_row(sql, [], |row| row.get(0)).expect("a number")
}

#[test]
fn a_variable_that_nothing_reads_is_refused_with_the_nearest() {
    let folder = tempfile::tempdir().expect("a folder");
    app(folder.path(), "a/b/c", "true", "");
    for (slip, near) in [("DC_DB_MAIN_HOTS", "DC_DB_MAIN_HOST"), ("DC_RUN_TIMEUOT", "DC_RUN_TIMEOUT")] {
        let output = dc(folder.path()).args(["run", "c"]).env(slip, "x").output().expect("dc starts");
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{told}");
        assert!(told.contains(slip) && told.contains(&format!("{near}?")), "{told}");
    }
    assert!(!folder.path().join(".dc").exists(), "nothing ran on another database");
}

#[test]
fn older_names_are_taken_and_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = dc(folder.path()).args(["logs"]).env("DC_DB_MAIN_IP", "127.0.0.1:1").output().expect("dc starts");
    let told = stderr(&output);
    assert!(told.contains("DC_DB_MAIN_IP: taken as DC_DB_MAIN_HOST"), "{told}");
}

#[test]
fn a_dotenv_file_gives_settings_and_variables_and_never_over_what_is_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    fs::write(project.join("dc.toml"), "").expect("a file");
    fs::write(project.join(".env"), "DC_DB_MAIN_URL=sqlite:other.db\nREGION=hr\nCITY=Zagreb\nAPI_TOKEN=ab34cd78\n")
        .expect("a file");
    app(project, "a/b/c", "echo \"$REGION $CITY $API_TOKEN\"", "");
    assert!(run(project, &["deploy"]).status.success());
    let output = dc(project).args(["run", "c", "-v"]).env("CITY", "Split").output().expect("dc starts");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stdout(&output), "hr Split ***\n", "its secrets are hidden");
    assert!(project.join("other.db").exists() && !project.join(".dc/dc.db").exists());
    fs::write(project.join(".env"), "REGION=hr\nno name\n").expect("a file");
    let output = run(project, &["run", "c"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains(".env line 2"), "{}", stderr(&output));
}

#[test]
fn settings_that_cannot_be_used_leave_no_run_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    app(project, "a/b/c", "true", "");
    assert!(run(project, &["run", "c"]).status.success());
    let output = dc(project).args(["run", "c"]).env("DC_LOG_SINKS", "databse").output().expect("dc starts");
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_eq!(one(project, "SELECT count(*) FROM runtime"), 1, "the first run alone");
    assert_eq!(one(project, "SELECT count(*) FROM runtime WHERE ended_at IS NULL"), 0);
}

#[test]
fn the_beginning_of_a_run_is_enough() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    fs::write(project.join("rows.ndjson"), "{\"a\":1}\n").expect("a file");
    app(project, "a/b/c", "echo hello; cd ../../../..; \"$DC_BIN\" merge t rows.ndjson --create", "");
    assert!(run(project, &["run", "c"]).status.success());
    let runs = stdout(&run(project, &["logs", "--runs", "--json"]));
    let runs: serde_json::Value = serde_json::from_str(&runs).expect("JSON");
    let whole = runs["runs"][0]["runtime"].as_str().expect("a run");
    let shown = stdout(&run(project, &["logs", "--runs"]));
    assert!(shown.contains(&whole[..13]) && !shown.contains(whole), "{shown}");
    let lines = run(project, &["logs", "--runtime", &whole[..13]]);
    assert!(stdout(&lines).contains("hello"), "{}", stderr(&lines));
    let none = run(project, &["logs", "--runtime", "0000-0000"]);
    assert_eq!(none.status.code(), Some(5), "{}", stderr(&none));
    // the run and its merge began in the same hour, and in other milliseconds
    let many = run(project, &["merge", "undo", &whole[..5]]);
    assert_eq!(many.status.code(), Some(2), "{}", stderr(&many));
    let undone = run(project, &["merge", "undo", &whole[..18]]);
    assert!(undone.status.success(), "{}", stderr(&undone));
}

#[test]
fn a_command_expires_and_an_interrupted_sender_takes_it_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    app(project, "a/b/c", "true", "");
    assert!(run(project, &["deploy"]).status.success());
    assert!(run(project, &["manager", "send", "start", "c", "--expires", "1ms"]).status.success());
    let waits = dc(project)
        .args(["manager", "send", "start", "c", "--wait"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("dc starts");
    wait_for("the command", 60, || one(project, "SELECT count(*) FROM command_log") == 2);
    signal("INT", waits.id());
    let output = waits.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains("taken back"), "{}", stderr(&output));
    let once = run(project, &["manager", "start", "--once"]);
    assert!(once.status.success(), "{}", stderr(&once));
    assert_eq!(one(project, "SELECT count(*) FROM runtime"), 0, "neither ran");
    let told = stdout(&run(project, &["manager", "commands"]));
    assert!(told.contains("expired") && told.contains("interrupted"), "{told}");
}

#[test]
fn a_file_that_is_not_there_is_named_before_the_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(folder.path(), &["merge", "nowhere", "nosuch.csv"]);
    let told = stderr(&output);
    assert!(output.status.code() == Some(5) && told.contains("nosuch.csv") && !told.contains("--create"), "{told}");
}

#[test]
fn reports_as_json_name_their_version() {
    let folder = tempfile::tempdir().expect("a folder");
    app(folder.path(), "a/b/c", "true", "");
    for arguments in [&["deploy", "--json"][..], &["run", "--list", "--json"], &["logs", "--runs", "--json"]] {
        let text = stdout(&run(folder.path(), arguments));
        let report: serde_json::Value = serde_json::from_str(&text).expect(&text);
        assert_eq!(report["schema_version"], 1, "{arguments:?}");
    }
}

#[test]
fn helps_and_tables_fit_windows_of_any_width() {
    let folder = tempfile::tempdir().expect("a folder");
    app(folder.path(), "a/b/c", "true", "");
    assert!(run(folder.path(), &["run", "c"]).status.success());
    for (columns, most) in [(0, 80), (80, 80), (60, 60)] {
        for line in ["run --help", "merge --help", "manager --help", "secrets --help", "logs --runs"] {
            let line = format!("stty cols {columns} rows 24; exec {} {line}", env!("CARGO_BIN_EXE_dc"));
            let mut script = clean("script");
            script.args(["-qec", &format!("sh -c '{line}'"), "/dev/null"]).current_dir(folder.path());
            let output = script.env_remove("COLUMNS").stdin(Stdio::null()).output().expect("script starts");
            let shown = console::strip_ansi_codes(&stdout(&output)).into_owned();
            // how to use it stays one line
            let others = shown.lines().map(str::trim_end).filter(|shown| !shown.starts_with("Usage:"));
            let wide = others.into_iter().find(|shown| shown.chars().count() > most);
            assert_eq!(wide, None, "{columns}: {line}");
            let letters = shown.lines().filter(|shown| shown.trim().chars().count() == 1).count();
            assert!(shown.lines().count() > 2 && letters < 5, "{columns}: {line}: {shown}");
        }
    }
}

#[test]
fn a_channel_of_ones_own_is_a_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    let settings = "[notify.lamp]\ntype = \"command\"\ncommand = \"cat >>told.ndjson\"\n";
    fs::write(project.join("dc.toml"), settings).expect("a file");
    let output = run(project, &["manager", "notify", "--test"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let told = fs::read_to_string(project.join("told.ndjson")).expect("a file");
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["kind"], "test");
}
