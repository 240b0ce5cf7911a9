//! `dc run --show` and replays: what a run would do is shown, and nothing is written anywhere.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::{app, dc, run, stderr, stdout};

/// Every file of a project, but for what SQLite keeps beside an open database.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(folder).expect("inside").display().to_string();
            match path.is_dir() {
                true => folders.push(path),
                false if name.ends_with("-wal") || name.ends_with("-shm") => {}
                false => drop(found.insert(name, fs::read(&path).expect("a file"))),
            }
        }
    }
    found
}

const COLLECTS: &str = r#"printf '{"n":1,"amount":12345678901234567890.10,"s":"a"}\n{"n":2,"amount":1.5,"s":"b"}\n{"n":3,"amount":2.5,"s":"c"}\n' |
    "$DC_BIN" merge t - --create --key n || exit 9
echo '{"dc":"next_run","at":"2031-12-01T06:00:00Z"}'
echo '{"dc":"progress","task_size":3,"solved":3}'"#;

#[test]
fn a_shown_run_shows_records_types_and_changes_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    app(project, "a/b/c", COLLECTS, "");
    let before = files(project);
    let output = run(project, &["run", "c", "--show", "2"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let shown = stdout(&output);
    for part in [
        "{\"n\": 1, \"amount\": 12345678901234567890.10, \"s\": \"a\"}",
        "\"s\": \"b\"",
        " amount   NUMERIC",
        " t       3      3     0         0           0      0 -> 3",
        "it would run next at 2031-12-01 06:00:00",
        "nothing was written",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(!shown.contains("\"s\": \"c\""), "two records are shown: {shown}");
    assert_eq!(files(project), before, "there is no database, no log, nothing");
    // beside a table that is there
    assert!(run(project, &["run", "c"]).status.success());
    fs::write(
        project.join("apps/a/b/c/main"),
        format!("#!/bin/sh\n{}", COLLECTS.replace("\"s\":\"c\"", "\"s\":\"d\"")),
    )
    .expect("a script");
    let before = files(project);
    let shown = stdout(&run(project, &["run", "c", "--show", "1", "--json"]));
    let report: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    let merge = &report["merges"][0];
    assert_eq!((&merge["changed"], &merge["unchanged"], &merge["dry_run"]), (&1.into(), &2.into(), &true.into()));
    assert_eq!(merge["sample"]["records"].as_array().expect("records").len(), 1);
    assert_eq!(files(project), before);
    // its status is passed on, and what it said is told
    app(project, "a/b/bad", "echo why >&2; exit 7", "");
    let output = run(project, &["run", "bad", "--show"]);
    assert_eq!(output.status.code(), Some(7));
    assert!(stderr(&output).contains("why") && stdout(&output).contains("no merge"), "{}", stdout(&output));
}

#[test]
fn what_else_would_write_is_refused_in_a_shown_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    for (place, command) in
        ["files keep main", "tasks add x main", "manager notify hello", "merge undo x", "query 'DELETE FROM t' --write"]
            .iter()
            .enumerate()
    {
        let name = format!("a/b/c{place}");
        app(project, &name, &format!("\"$DC_BIN\" {command}"), "");
        let before = files(project);
        let output = run(project, &["run", &name, "--show"]);
        assert_eq!(output.status.code(), Some(6), "{command}: {}", stderr(&output));
        assert!(stderr(&output).contains("nothing may be written"), "{command}: {}", stderr(&output));
        assert_eq!(files(project), before, "{command}");
    }
    app(project, "a/b/pipe", "true", "[pipeline]\nwatch = [\"in\"]\n[[stage]]\nname = \"s\"\ncommand = [\"true\"]\n");
    let output = run(project, &["run", "pipe", "--show"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn a_replay_merges_nothing_unless_it_is_told_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    app(project, "a/b/c", &format!("{COLLECTS}\necho '{{\"dc\":\"replayed\",\"answered\":4,\"missing\":1}}'"), "");
    let output = run(project, &["run", "--record", "c"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let changed = COLLECTS.replace("\"s\":\"c\"", "\"s\":\"d\"");
    let script = format!("#!/bin/sh\n{changed}\necho '{{\"dc\":\"replayed\",\"answered\":4,\"missing\":1}}'\n");
    fs::write(project.join("apps/a/b/c/main"), script).expect("a script");
    let recorded =
        fs::read_dir(project.join(".dc/cassettes")).expect("cassettes").next().expect("one").expect("an entry");
    let cassette = recorded.file_name().into_string().expect("a name");
    let before = files(project);
    let output = run(project, &["run", "--replay", &cassette]);
    assert!(output.status.success(), "{}", stderr(&output));
    let shown = stdout(&output);
    assert!(shown.contains("dry run") && shown.contains("answered 4 requests and did not have 1"), "{shown}");
    assert_eq!(files(project), before);
    let output = run(project, &["run", "--replay", &cassette, "--write"]);
    assert!(output.status.success() && stderr(&output).contains("answered 4 requests"), "{}", stderr(&output));
    let rows = stdout(&run(project, &["query", "SELECT s FROM t WHERE archive IS NULL AND n = 3", "--json"]));
    assert_eq!(rows, "{\"s\":\"d\"}\n");
}

#[test]
fn a_traceback_is_one_record_and_python_is_not_buffered() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    let script = r#"echo "$PYTHONUNBUFFERED"
echo 'one line' >&2
printf 'Traceback (most recent call last):\n  File "x", line 1, in f\n    g()\nValueError: no\n' >&2
echo 'another line' >&2
echo '{"level":"info","msg":"between"}' >&2
printf 'last\n  of two' >&2"#;
    app(project, "a/b/c", script, "");
    assert!(run(project, &["run", "c"]).status.success());
    let query = "SELECT level, message FROM logs WHERE source = 'stderr' ORDER BY id";
    let lines = stdout(&run(project, &["query", query, "--json"]));
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let said: Vec<(i64, &str)> = lines
        .iter()
        .map(|line| (line["level"].as_i64().expect("a level"), line["message"].as_str().expect("a text")))
        .collect();
    let traceback = "Traceback (most recent call last):\n  File \"x\", line 1, in f\n    g()\nValueError: no";
    assert_eq!(
        said,
        [(30, "one line"), (40, traceback), (30, "another line"), (20, "between"), (30, "last\n  of two")]
    );
    let first = "SELECT message FROM logs WHERE source = 'stdout'";
    assert_eq!(stdout(&run(project, &["query", first, "--format", "csv"])), "message\n1\n");
    // a variable that is set stays
    let output = dc(project).args(["run", "c", "-v"]).env("PYTHONUNBUFFERED", "x").output().expect("dc starts");
    assert!(stdout(&output).starts_with("x\n"), "{}", stdout(&output));
}
