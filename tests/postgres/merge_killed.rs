//! Merges that are killed, or lose their database, at every step: the table is as it was before, or as it is after.

use std::process::Command;

use crate::support::manager::wait_for;
use crate::support::{Backend, Stopped, dc, killed_at, stderr};
use data_collector::db::Connection;
use data_collector::record::Value;

/// The failpoints of a merge into a table that is there, in their order, and whether the merge has happened by then.
const POINTS: [(&str, bool); 5] = [
    ("merge.locked", false),
    ("merge.retired", false),
    ("merge.inserted", false),
    ("merge.before-commit", false),
    ("merge.committed", true),
];
/// Records of each file, and how many the second one does not share with the first.
const RECORDS: i64 = 3_000;
const OTHERS: i64 = 1_000;

/// What the table `t` and the history hold.
#[derive(Debug, PartialEq)]
struct Books {
    active: i64,
    lowest: i64,
    archived: i64,
    merges: i64,
}

const BEFORE: Books = Books { active: RECORDS, lowest: 0, archived: 0, merges: 1 };
const AFTER: Books = Books { active: RECORDS, lowest: OTHERS, archived: OTHERS, merges: 2 };

fn merging(backend: &Backend, file: &str) -> Command {
    let mut command = dc(backend.folder.path());
    command.args(["merge", "t", file]).env("DC_DB_MAIN_URL", &backend.url);
    command
}

/// Two files that differ, of which the first is merged.
fn prepared(backend: &Backend) {
    for (name, start) in [("one.ndjson", 0), ("two.ndjson", OTHERS)] {
        let text: String = (start..start + RECORDS).map(|n| format!("{{\"n\":{n}}}\n")).collect();
        std::fs::write(backend.folder.path().join(name), text).expect("a file");
    }
    let output = merging(backend, "one.ndjson").arg("--create").output().expect("dc starts");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(books(backend), BEFORE);
}

fn number(database: &mut Connection, sql: &str) -> i64 {
    match database.query(sql, &[]).expect(sql).rows[0][0] {
        Value::Integer(number) => number,
        ref other => panic!("{other:?}"),
    }
}

fn books(backend: &Backend) -> Books {
    let mut database = backend.connect();
    if backend.is_sqlite() {
        assert_eq!(database.query("PRAGMA integrity_check", &[]).expect("a check").rows, [[Value::from("ok")]]);
    }
    let mut number = |sql: &str| number(&mut database, sql);
    Books {
        active: number("SELECT count(*) FROM t WHERE archive IS NULL"),
        lowest: number("SELECT min(n) FROM t WHERE archive IS NULL"),
        archived: number("SELECT count(*) FROM t WHERE archive IS NOT NULL"),
        merges: number("SELECT count(*) FROM dc_merges"),
    }
}

#[test]
fn a_kill_at_any_step_leaves_the_table_before_or_after() {
    for backend in Backend::all() {
        prepared(&backend);
        for (point, is_after) in POINTS {
            killed_at(point, &mut merging(&backend, "two.ndjson"));
            assert_eq!(books(&backend), if is_after { AFTER } else { BEFORE }, "{point}");
        }
        // and the merge that was killed behind its commit is known
        let again = merging(&backend, "two.ndjson").output().expect("dc starts");
        assert!(again.status.success() && books(&backend) == AFTER, "{}", stderr(&again));
    }
}

#[test]
fn a_kill_in_a_first_load_leaves_no_table() {
    for backend in Backend::all() {
        std::fs::write(backend.folder.path().join("one.ndjson"), "{\"n\":0}\n".repeat(5_000)).expect("a file");
        for point in ["merge.first-loaded", "merge.before-commit"] {
            killed_at(point, merging(&backend, "one.ndjson").arg("--create"));
            assert!(backend.connect().table(&"t".parse().expect("a name")).is_err(), "{point}");
        }
    }
}

#[test]
fn a_merge_whose_connection_is_cut_changes_nothing() {
    let Some(backend) = Backend::postgres() else { return };
    prepared(&backend);
    let others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for (point, is_after) in POINTS {
        let stopped = Stopped::at(point, &mut merging(&backend, "two.ndjson"));
        let mut database = backend.connect();
        assert!(number(&mut database, &format!("SELECT count(pg_terminate_backend(pid)) {others}")) > 0, "{point}");
        wait_for("the end of its connection", 30, || number(&mut database, &format!("SELECT count(*) {others}")) == 0);
        let (status, said) = stopped.go_on();
        assert_eq!(status.success(), is_after, "{point}: {said}");
        assert_eq!(books(&backend), if is_after { AFTER } else { BEFORE }, "{point}");
    }
}
