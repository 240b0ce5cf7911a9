//! `dc new`: what it makes runs at once, its test passes, and nothing is overwritten.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use crate::support::needs::{has_program, need, skipped};
use crate::support::{clean, dc, run, stderr, stdout};
use serde_json::Value;

const NESTED: &str = r#"{"meta":{"pages":1},"data":{"items":[{"id":1,"vat_no":"HR1","name":"Ana","share":1.10},{"id":2,"vat_no":"HR2","name":"I \"vo\"","share":12345678901234567.89}]}}"#;
const ARRAY: &str = "[{\"vat_no\":\"HR1\",\"name\":\"Ana\"},\n {\"vat_no\":\"HR2\",\"name\":\"Ivo\"}]\n";
const CSV: &str = "vat_no;name;share\nHR1;\"Ana; d.o.o.\";1.5\nHR2;Ivo;\n";

/// Answers every request with this text, as long as the test runs.
fn serve(text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/companies?page=1", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
            let _ = stream.write_all((head + text).as_bytes());
        }
    });
    url
}

/// Makes an app, runs its test, shows it, runs it; the active rows of its table.
fn check(project: &Path, kind: &str, from: &str, test: &[&str]) -> Vec<Value> {
    let output = run(project, &["new", "a/b/companies", kind, "--from", from]);
    assert!(output.status.success(), "{kind} {from}: {}", stderr(&output));
    let told = stdout(&output);
    assert!(told.contains("vat_no") && told.contains("TEXT") && told.contains("2 records in the sample"), "{told}");
    let folder = project.join("apps/a/b/companies");
    let tested = clean(test[0]).args(&test[1..]).current_dir(&folder).env("PYTHONDONTWRITEBYTECODE", "1").output();
    let tested = tested.unwrap_or_else(|error| panic!("{test:?}: {error}"));
    assert!(tested.status.success(), "{kind} {from}: {}{}", stdout(&tested), stderr(&tested));
    let start = |more: &[&str]| {
        let mut command = dc(project);
        command.args(["run", "companies"]).args(more).env("no_proxy", "*").env("PYTHONDONTWRITEBYTECODE", "1");
        let output = command.output().expect("dc starts");
        assert!(output.status.success(), "{kind} {from}: {}{}", stdout(&output), stderr(&output));
        stdout(&output)
    };
    if kind != "--pipeline" {
        let shown = start(&["--show", "1"]);
        assert!(shown.contains("HR1") && shown.contains("0 -> 2"), "{kind} {from}: {shown}");
        assert!(!project.join(".dc/dc.db").exists(), "nothing is written");
    }
    start(&[]);
    let sql = "SELECT * FROM companies WHERE archive IS NULL ORDER BY vat_no";
    let rows = stdout(&run(project, &["query", sql, "--json"]));
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows.len(), 2, "{kind} {from}: {rows:?}");
    assert_eq!(rows[0]["vat_no"], "HR1");
    // nothing is overwritten
    let again = run(project, &["new", "a/b/companies", "--sh"]);
    assert!(again.status.code() == Some(6) && stderr(&again).contains("already"), "{}", stderr(&again));
    rows
}

/// Each source in a project of its own.
fn each_source(kind: &str, test: &[&str], check_rows: impl Fn(&str, &[Value])) {
    for (name, text) in [("nested", NESTED), ("array", ARRAY), ("csv", CSV)] {
        let folder = tempfile::tempdir().expect("a folder");
        let url = serve(text);
        check_rows(name, &check(folder.path(), kind, &url, test));
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("dc.toml"), "").expect("a file");
    let file = folder.path().join("companies.csv");
    std::fs::write(&file, CSV).expect("a file");
    check_rows("file", &check(folder.path(), kind, &file.display().to_string(), test));
}

#[test]
fn an_app_in_python_runs_at_once() {
    if !has_program("python3", clean("python3").arg("--version")) {
        return;
    }
    each_source("--python", &["python3", "-m", "unittest"], |name, rows| {
        if name == "nested" {
            assert_eq!(rows[0]["source_id"], 1, "its own id is renamed");
            assert!(rows[1].to_string().contains("12345678901234567.89"), "{}", rows[1]);
        } else if name != "array" {
            assert_eq!((&rows[0]["name"], &rows[1]["share"]), (&"Ana; d.o.o.".into(), &Value::Null));
        }
    });
}

#[test]
fn an_app_of_shell_scripts_runs_at_once() {
    let has = |program: &str| clean(program).arg("--version").output().is_ok();
    if !has("curl") {
        skipped("curl");
        return;
    }
    for (name, text) in [("nested", NESTED), ("array", ARRAY), ("csv", CSV)] {
        if name == "nested" && !has("jq") {
            skipped("jq");
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder");
        check(folder.path(), "--sh", &serve(text), &["./test"]);
    }
}

#[test]
fn an_app_in_javascript_runs_at_once() {
    let node = clean("node").arg("--version").output();
    let Some(()) = node.ok().filter(|it| stdout(it).trim_start_matches('v') >= "18").map(drop) else {
        skipped("node of 18 or later");
        return;
    };
    each_source("--node", &["node", "--test"], |name, rows| {
        if name == "csv" {
            assert_eq!((&rows[0]["name"], &rows[1]["share"]), (&"Ana; d.o.o.".into(), &Value::Null));
        }
    });
}

#[test]
fn an_app_in_rust_runs_at_once() {
    // without crates: nothing is fetched
    for text in [ARRAY, CSV] {
        let folder = tempfile::tempdir().expect("a folder");
        check(folder.path(), "--rust", &serve(text), &["cargo", "test", "--quiet", "--offline"]);
    }
}

#[test]
fn a_pipeline_runs_at_once() {
    if !has_program("python3", clean("python3").arg("--version")) {
        return;
    }
    for text in [NESTED, ARRAY, CSV] {
        let folder = tempfile::tempdir().expect("a folder");
        check(folder.path(), "--pipeline", &serve(text), &["python3", "-m", "unittest"]);
    }
}

#[test]
fn what_is_not_understood_is_said_and_runs_all_the_same() {
    let Some(()) = need("python3", || Ok(())) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    std::fs::write(project.join("dc.toml"), "").expect("a file");
    for (name, text, what) in
        [("page.html", "<!doctype html><p>a", "HTML"), ("words.txt", "just words\n", "plain text")]
    {
        std::fs::write(project.join(name), text).expect("a file");
        let app = format!("a/b/{}", &name[..4]);
        let output = run(project, &["new", &app, "--python", "--from", name]);
        assert!(output.status.success() && stdout(&output).contains(what), "{}{}", stdout(&output), stderr(&output));
        let output = run(project, &["run", &app]);
        assert!(output.status.success(), "{}", stderr(&output));
    }
    for (arguments, status, told) in [
        (&["new", "a/b", "--sh"][..], 2, "group/parent/name"),
        (&["new", "a/b/../c", "--sh"], 2, "group/parent/name"),
        (&["new", "a/b/c"], 2, "--python"),
        (&["new", "a/b/c", "--sh", "--node"], 2, "cannot be used with"),
        (&["new", "a/b/c", "--sh", "--from", "no-such-file"], 5, "no-such-file"),
        (&["new", "a/b/c", "--sh", "--from", "dc.toml"], 2, "it is empty"),
    ] {
        let output = run(project, arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(told), "{arguments:?}: {}", stderr(&output));
        assert!(!project.join("apps/a/b/c").exists());
    }
}
