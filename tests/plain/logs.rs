//! `dc logs` over real runs: what it finds, what it never shows, how it follows, and how old records go.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::support::{app, dc, run, stderr, stdout};

/// A project whose app has written five lines.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let script = r#"echo 'starting Page 1'
echo '{"level":"error","msg":"no answer","page":7}'
echo 'page 2 of 9'
echo '{"level":"warning","msg":"odd"}'
echo 'done'"#;
    app(folder.path(), "a/b/c", script, "");
    assert_eq!(run(folder.path(), &["run", "c"]).status.code(), Some(0));
    folder
}

fn messages(folder: &Path, arguments: &[&str]) -> Vec<String> {
    let output = run(folder, &[&["logs", "--json"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["message"].to_string();
    stdout(&output).lines().map(|text| line(text).trim_matches('"').to_owned()).collect()
}

#[test]
fn lines_are_found_by_text_pattern_level_time_and_number() {
    let folder = project();
    let folder = folder.path();
    assert_eq!(messages(folder, &["--text", "PAGE"]), ["starting Page 1", "no answer", "page 2 of 9"]);
    assert_eq!(messages(folder, &["--grep", "^page [0-9]+ of"]), ["page 2 of 9"]);
    assert_eq!(messages(folder, &["--level", "warning"]), ["no answer", "odd"]);
    assert_eq!(messages(folder, &["--level", "warning", "-n", "1"]), ["odd"]);
    assert_eq!(messages(folder, &["--until", "1h"]), [""; 0]);
    assert_eq!(messages(folder, &["--since", "1h", "c"]).len(), 5);
    assert_eq!(messages(folder, &["--after", "3"]), ["odd", "done"]);
    assert_eq!(messages(folder, &["-n", "2", "--text", "page"]), ["no answer", "page 2 of 9"]);
    let wrong = run(folder, &["logs", "--grep", "("]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("--text"), "{}", stderr(&wrong));
}

#[test]
fn more_lines_than_a_page_come_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    app(folder, "a/b/many", "seq 1 3500", "");
    assert_eq!(run(folder, &["run", "many"]).status.code(), Some(0));
    let numbers: Vec<String> = (501..=3500).map(|number| number.to_string()).collect();
    assert_eq!(messages(folder, &["-n", "3000"]), numbers);
    assert_eq!(messages(folder, &["-n", "1200", "--grep", "5$"]).len(), 350);
    assert_eq!(messages(folder, &["--after", "0"]).len(), 3500);
}

#[test]
fn old_records_are_pruned_on_request() {
    let folder = project();
    let folder = folder.path();
    let counted = run(folder, &["logs", "prune", "--older-than", "0s", "--dry-run"]);
    assert!(stdout(&counted).contains("5 log records"), "{}", stdout(&counted));
    assert_eq!(messages(folder, &["--since", "1h"]).len(), 5);
    let nothing = run(folder, &["logs", "prune", "--older-than", "1h"]);
    assert!(stdout(&nothing).contains("0 log records"), "{}", stdout(&nothing));
    let gone = run(folder, &["logs", "prune", "--older-than", "0s", "--json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&stdout(&gone)).expect("JSON")["records"], 5);
    assert_eq!(messages(folder, &[]), [""; 0]);
}

#[test]
fn a_follower_shows_what_comes_once_and_in_order() {
    let folder = project();
    let folder = folder.path();
    let mut follower = dc(folder)
        .args(["logs", "--follow", "--tail", "1", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("dc starts");
    let mut lines = BufReader::new(follower.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().expect("a line").expect("text");
    assert!(next().contains("\"done\""));
    assert_eq!(run(folder, &["run", "c"]).status.code(), Some(0));
    let seen: Vec<String> = (0..5).map(|_| next()).collect();
    for (line, expected) in seen.iter().zip(["starting", "no answer", "page 2", "odd", "done"]) {
        assert!(line.contains(expected), "{seen:?}");
    }
    follower.kill().expect("a kill");
    follower.wait().expect("an end");
}
