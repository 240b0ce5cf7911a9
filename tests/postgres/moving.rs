//! `dc deploy --copy-from`: a project moves from one database to another with everything that it knows.

use std::process::Output;

use serde_json::Value;

use crate::support::manager::{Manager, wait_for};
use crate::support::{Backend, app, dc, stderr, stdout};

/// Each ordered pair of backends that are there.
fn on_each_way(test: impl Fn(&Backend, &Backend)) {
    let count = Backend::all().len();
    for (from, to) in (0..count).flat_map(|from| (0..count).map(move |to| (from, to))).filter(|(from, to)| from != to) {
        let (olds, news) = (Backend::all(), Backend::all());
        test(&olds[from], &news[to]);
    }
}

/// dc in the project of the old database, with another one as `main`.
fn on(old: &Backend, main: &Backend, arguments: &[&str]) -> Output {
    let mut command = dc(old.folder.path());
    command.args(arguments).env("DC_DB_MAIN_URL", &main.url).env("DC_DB_OLD_URL", &old.url);
    command.output().expect("dc starts")
}

fn done(old: &Backend, main: &Backend, arguments: &[&str]) -> String {
    let output = on(old, main, arguments);
    assert!(output.status.success(), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

fn refused(old: &Backend, main: &Backend, arguments: &[&str]) -> String {
    let output = on(old, main, arguments);
    assert!(!output.status.success(), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
    stderr(&output)
}

const RECORDS: [&str; 2] = [
    r#"[{"k": 1, "name": "Županija 💧", "price": 12.50, "big": 9007199254740993, "is": true, "at": "2026-01-31"},
        {"k": 2, "name": "б", "price": 99999999999999999999.99, "big": -1, "is": false, "at": null, "more": {"a": [1, 2.50]}},
        {"k": 3, "name": "", "price": 0, "big": 0, "is": null, "at": "x"}]"#,
    r#"[{"k": 1, "name": "Županija 💧", "price": 12.75, "big": 9007199254740993, "is": true, "at": "2026-01-31"},
        {"k": 4, "name": "d", "price": 1, "big": 4, "is": false, "at": null}]"#,
];

/// A project with runs, logs, a table that was merged into twice, and its history.
fn live_in(old: &Backend) {
    let script = r#"echo "{\"level\":\"warning\",\"message\":\"line of log č\"}"; "$DC_BIN" merge t "$DC_TEST_FILE" --key k --create"#;
    app(old.folder.path(), "a/b/c", script, "schedule = \"@daily\"");
    done(old, old, &["deploy"]);
    for records in RECORDS {
        let file = old.folder.path().join("records.json");
        std::fs::write(&file, records).expect("a file");
        let mut command = dc(old.folder.path());
        command.args(["run", "c"]).env("DC_DB_MAIN_URL", &old.url).env("DC_TEST_FILE", &file);
        let output = command.output().expect("dc starts");
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    }
}

#[test]
fn everything_comes_along_and_goes_on_where_it_was() {
    on_each_way(|old, new| {
        live_in(old);
        let plan = done(old, new, &["deploy", "--copy-from", "old", "--dry-run"]);
        assert!(plan.contains("t: 5 rows") && plan.contains("dry run"), "{plan}");
        let report = done(old, new, &["deploy", "--copy-from", "old"]);
        assert!(
            report.contains("copied") && report.contains("t: 5 rows") && report.contains("runtime: 2 rows"),
            "{report}"
        );
        let history: Value = serde_json::from_str(&done(old, old, &["merge", "history", "t", "--json"])).expect("JSON");
        let first = history.as_array().expect("merges").last().expect("one")["id"].clone();
        let views: [&[&str]; 5] = [
            &["run", "--list", "--json"],
            &["merge", "show", "t", "--all"],
            &["merge", "history", "t", "--json"],
            &["logs", "--json"],
            &["merge", "show", "t", "--as-of", first.as_str().expect("an id")],
        ];
        for view in views {
            let (there, here) = (done(old, old, view), done(old, new, view));
            // a server has tables in schemas, a file has none; in which order columns stand is no matter
            let values = |text: &str| -> Vec<Value> {
                let text = plain(text, &[old, new]);
                serde_json::Deserializer::from_str(&text).into_iter().collect::<Result<_, _>>().expect("JSON")
            };
            assert_eq!(values(&there), values(&here), "{view:?}");
        }
        // numbers go on, and what was merged there is taken back here
        let file = old.folder.path().join("records.json");
        let again = done(old, new, &["merge", "t", file.to_str().expect("a path"), "--key", "k"]);
        assert!(again.contains("no change"), "{again}");
        std::fs::write(&file, RECORDS[0]).expect("a file");
        done(old, new, &["merge", "t", file.to_str().expect("a path"), "--key", "k"]);
        done(old, new, &["deploy"]);
        for _ in 0..3 {
            let history = done(old, new, &["merge", "history", "t", "--json"]);
            let history: Value = serde_json::from_str(&history).expect("JSON");
            let standing = history.as_array().expect("merges").iter().find(|merge| merge["undone"].is_null());
            done(old, new, &["merge", "undo", standing.expect("one")["id"].as_str().expect("an id")]);
        }
        // its first merge had made the table
        assert!(refused(old, new, &["merge", "show", "t"]).contains("find the table `t`"));
        let status = done(old, new, &["manager", "status", "--json"]);
        assert!(status.contains("a/b/c"), "{status}");
    });
}

#[test]
fn what_would_be_lost_or_mixed_is_refused() {
    on_each_way(|old, new| {
        live_in(old);
        done(old, new, &["deploy"]);
        let error = refused(old, new, &["deploy", "--copy-from", "old"]);
        assert!(error.contains("has rows already") && error.contains("empty database"), "{error}");
        let error = refused(old, old, &["deploy", "--copy-from", "old"]);
        assert!(error.contains("it is the database `main` itself"), "{error}");
        let manager = Manager::start(old.folder.path(), &old.url, &[]);
        wait_for("the manager", 60, || !managers(old).is_empty());
        let fresh = Backend::sqlite();
        let error = refused(old, &fresh, &["deploy", "--copy-from", "old"]);
        assert!(error.contains("1 manager works on it") && error.contains("dc manager stop"), "{error}");
        manager.end();
    });
}

/// A text without the names of schemas, which a server has before those of tables.
fn plain(text: &str, backends: &[&Backend]) -> String {
    let name = |backend: &&Backend| backend.full_name("").clone();
    backends.iter().map(name).fold(text.to_owned(), |text, schema| text.replace(&schema, ""))
}

fn managers(old: &Backend) -> Vec<Value> {
    let status: Value = serde_json::from_str(&done(old, old, &["manager", "status", "--json"])).expect("JSON");
    status["managers"].as_array().expect("managers").clone()
}

#[test]
fn a_password_is_no_argument_and_a_name_that_is_not_there_is_named() {
    let (old, new) = (Backend::sqlite(), Backend::sqlite());
    let error = refused(&old, &new, &["deploy", "--copy-from", "postgres://me:s3cret@127.0.0.1/old"]);
    assert!(error.contains("DC_DB_OLD_URL") && !error.contains("s3cret"), "{error}");
    let error = refused(&old, &new, &["deploy", "--copy-from", "nobody"]);
    assert!(error.contains("find the database `nobody`"), "{error}");
    let error = refused(&old, &new, &["deploy", "--copy-from", "sqlite:not/there.db"]);
    assert!(error.contains("not/there.db"), "{error}");
}
