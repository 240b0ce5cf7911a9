//! What strangers write, and how it is shown: nothing of it moves a cursor, turns the order of letters or forges a
//! line.

use std::path::Path;
use std::process::Stdio;

use crate::support::pty::Pty;
use crate::support::{app, dc, run, stderr, stdout};

/// What a terminal acts on, or shows elsewhere than it stands: a clear, C1's CSI, DEL, a turned order, a separator of
/// lines.
const EVIL: &str = "\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{2028}";

fn is_acted_on(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\n' | '\t')
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn assert_harmless(what: &str, text: &str) {
    assert!(!text.contains(is_acted_on), "{what}: {text:?}");
}

/// A project whose app writes what a terminal would act on into all that is kept of it.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let record = serde_json::json!({
        "level": "error",
        "msg": format!("odd {EVIL}\n2026-11-30 10:00:00 INFO     a/b/c forged"),
        "page": format!("{EVIL}\nforged"),
        format!("key {EVIL}"): 1,
    });
    let functions = serde_json::json!({"dc": "functions", "functions": [{
        "module": "m", "name": format!("f {EVIL}\nforged"), "calls": 1, "solved": 1, "failed": 0, "success": true,
        "total_ms": 1.0, "mean_ms": 1.0, "median_ms": 1.0, "min_ms": 1.0, "max_ms": 1.0,
    }]});
    let odd = folder.path().join("odd.txt");
    let lines = format!("plain {EVIL} line\n{record}\n{functions}\nlast {EVIL}\rover\n");
    std::fs::write(&odd, lines).expect("a file");
    app(folder.path(), "a/b/c", &format!("cat '{}'; exit 3", odd.display()), "");
    folder
}

/// What dc prints on both streams.
fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    stdout(&output) + &stderr(&output)
}

#[test]
fn nothing_that_a_terminal_acts_on_is_printed() {
    let folder = project();
    let folder = folder.path();
    let failed = said(folder, &["run", "c"]);
    assert!(failed.contains("last ␛[2J<U+009B>31m␡<U+202E><U+2028>␍over"), "{failed}");
    let shown = said(folder, &["logs"]);
    assert!(shown.contains("odd ␛[2J"), "{shown}");
    let ways: [&[&str]; 12] = [
        &["run", "c"],
        &["run", "c", "--json"],
        &["logs"],
        &["logs", "--json"],
        &["logs", "--color", "never"],
        &["logs", "c", "--profile"],
        &["logs", "c", "--profile", "--json"],
        &["logs", "--runs"],
        &["manager", "status"],
        &["manager", "why", "c"],
        &["run", EVIL],
        &["logs", &format!("--{EVIL}\nerror: forged")],
    ];
    for arguments in ways {
        assert_harmless(&arguments.join(" "), &said(folder, arguments));
    }
    // a value that is JSON is the same value
    let json = stdout(&run(folder, &["logs", "--json", "--text", "odd", "-n", "1"]));
    let line: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(line["context"]["page"], format!("{EVIL}\nforged"));
    assert!(json.contains("\\u202e") && json.contains("\\u009b"), "{json}");
}

#[test]
fn a_record_is_one_record_and_its_further_lines_are_indented() {
    let folder = project();
    run(folder.path(), &["run", "c"]);
    let shown = stdout(&run(folder.path(), &["logs"]));
    let forged = "2026-11-30 10:00:00 INFO     a/b/c forged";
    assert!(shown.lines().any(|line| line == format!("    {forged}")), "{shown}");
    // whoever asks gets it as it came
    let raw = stdout(&run(folder.path(), &["logs", "--raw"]));
    assert!(raw.contains(&format!("odd {EVIL}\n{forged}")), "{raw:?}");
}

#[test]
fn what_dc_logs_itself_is_shown_so_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let name = format!("x{EVIL}\n[2026-11-30T10:00:00Z ERROR] forged");
    let text = serde_json::json!({ "name": name, "value": 1 }).to_string();
    std::fs::write(folder.join(format!("odd{EVIL}.ndjson")), text + "\n{broken").expect("a file");
    let file = format!("odd{EVIL}.ndjson");
    let merged = said(folder, &["merge", "t", &file, "--create", "-v"]);
    assert!(merged.contains("odd␛[2J"), "{merged}");
    assert_harmless("merge", &merged);
    for format in ["text", "json"] {
        let output = dc(folder).args(["merge", "t", &file, "--create", "-vv"]).env("DC_LOG_FORMAT", format).output();
        assert_harmless(format, &stderr(&output.expect("dc starts")));
    }
}

#[test]
fn an_app_on_a_terminal_does_not_reach_it() {
    let folder = project();
    let mut command = dc(folder.path());
    command.args(["run", "c"]).stdout(Stdio::inherit());
    let mut terminal = Pty::start(&command, 24, 100);
    terminal.wait_for_text("plain ␛[2J<U+009B>31m␡<U+202E><U+2028> line");
    terminal.wait_for_text("last ␛[2J");
    assert_eq!(terminal.end(), Some(3));
    // in a pipe an app's output is data, byte for byte
    let piped = run(folder.path(), &["run", "c", "-v"]);
    assert!(stdout(&piped).contains(&format!("plain {EVIL} line\n")), "{:?}", stdout(&piped));
}
