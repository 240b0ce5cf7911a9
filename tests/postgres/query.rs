//! `dc query`: every database answers, none lets anything be written unless that is said, and memory is bounded.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::support::{Backend, Engine, dc, stderr, stdout};

fn query(backend: &Backend, words: &[&str]) -> Command {
    let mut command = dc(backend.folder.path());
    command.arg("query").args(words).env("DC_DB_MAIN_URL", &backend.url);
    command
}

fn told(backend: &Backend, words: &[&str]) -> String {
    let output = query(backend, words).output().expect("dc starts");
    assert!(output.status.success(), "{words:?}: {}", stderr(&output));
    stdout(&output)
}

fn prepared(backend: &Backend) {
    let text = "n,name,amount,note\n1,Ana,1.10,\n2,\"I, \"\"vo\"\"\",12345678901234567.89,x\n";
    std::fs::write(backend.folder.path().join("in.csv"), text).expect("a file");
    let output = dc(backend.folder.path())
        .args(["merge", "t", "in.csv", "--create"])
        .env("DC_DB_MAIN_URL", &backend.url)
        .output()
        .expect("dc starts");
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn rows_come_as_a_table_as_json_and_as_csv_with_every_digit() {
    for backend in Backend::all() {
        prepared(&backend);
        let sql = "SELECT n, name, amount, note FROM t ORDER BY n";
        let table = told(&backend, &[sql]);
        assert!(table.contains(" n   name ") && table.contains("(2 rows)"), "{table}");
        let csv = told(&backend, &[sql, "--format", "csv"]);
        assert!(csv.starts_with("n,name,amount,note\n1,Ana,1.1"), "{csv}");
        assert!(csv.contains("2,\"I, \"\"vo\"\"\",12345678901234567.89"), "{csv}");
        let json = told(&backend, &[sql, "--json"]);
        assert!(json.lines().count() == 2 && json.contains("12345678901234567.89"), "{json}");
        for (words, expected) in [
            (["SELECT name FROM t WHERE n = ?", "--param", "1", "--json"], "{\"name\":\"Ana\"}\n"),
            (["SELECT name FROM t WHERE n = $1", "--param", "1", "--json"], "{\"name\":\"Ana\"}\n"),
            (["SELECT n FROM t WHERE name = ? AND note IS NULL", "--param", "Ana", "--json"], "{\"n\":1}\n"),
            (["SELECT n FROM t WHERE n = 1 -- ?", "--format", "csv", "--quiet"], "n\n1\n"),
        ] {
            assert_eq!(told(&backend, &words), expected, "{words:?}");
        }
        let output = query(&backend, &["SELECT n AS a, n AS a FROM t", "--json"]).output().expect("dc starts");
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        let mut child = query(&backend, &["-", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let child = child.as_mut().expect("dc starts");
        std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), b"SELECT 7 AS it;\n").expect("it reads");
        let mut out = String::new();
        std::io::Read::read_to_string(&mut child.stdout.take().expect("a pipe"), &mut out).expect("text");
        assert!(child.wait().expect("its end").success() && out == "{\"it\":7}\n", "{out}");
    }
}

#[test]
fn nothing_is_written_unless_it_is_said() {
    for backend in Backend::all() {
        prepared(&backend);
        let count = || told(&backend, &["SELECT count(*) AS n FROM t", "--json"]);
        assert_eq!(count(), "{\"n\":2}\n");
        let mut statements = vec![
            "DELETE FROM t",
            "INSERT INTO t (n) VALUES (9)",
            "DROP TABLE t",
            "CREATE TABLE u (a int)",
            "UPDATE t SET n = 7",
            // what looks like a question, and is none
            "WITH d AS (SELECT 1) DELETE FROM t",
            "EXPLAIN SELECT 1; DELETE FROM t",
        ];
        match backend.engine {
            Engine::Sqlite => statements.extend([
                "PRAGMA query_only = OFF",
                "PRAGMA user_version = 7",
                "WITH a AS (SELECT 1) INSERT INTO t (n) SELECT * FROM a",
                "WITH a AS (SELECT 1) DELETE FROM t RETURNING n",
            ]),
            Engine::Postgres => statements.extend([
                "WITH gone AS (DELETE FROM t RETURNING n) SELECT * FROM gone",
                "SELECT n FROM t FOR UPDATE",
                "SELECT set_config('transaction_read_only', 'off', false), lo_create(0)",
            ]),
            _ => statements.extend(["SELECT n FROM t INTO OUTFILE '/tmp/dc-never.txt'", "CALL nothing()"]),
        }
        for sql in statements {
            let output = query(&backend, &[sql]).output().expect("dc starts");
            assert!(!output.status.success(), "{sql}: {}", stdout(&output));
        }
        assert_eq!(count(), "{\"n\":2}\n");
        let output = query(&backend, &["DELETE FROM t"]).output().expect("dc starts");
        assert!(output.status.code() == Some(6) && stderr(&output).contains("--write"), "{}", stderr(&output));
        assert_eq!(told(&backend, &["DELETE FROM t WHERE n = ?", "--param", "1", "--write"]), "1 row changed\n");
        assert_eq!(count(), "{\"n\":1}\n");
    }
}

#[test]
fn a_database_that_is_not_there_is_not_made_and_sql_server_is_read_only_with_write() {
    let backend = Backend::sqlite();
    let output = query(&backend, &["SELECT 1"]).output().expect("dc starts");
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert_eq!(std::fs::read_dir(backend.folder.path()).expect("a folder").count(), 0);
    let mut command = query(&backend, &["SELECT 1", "--database", "far"]);
    let output = command.env("DC_DB_FAR_URL", "mssql://sa:x@127.0.0.1:1/master").output().expect("dc starts");
    assert!(output.status.code() == Some(6) && stderr(&output).contains("db_datareader"), "{}", stderr(&output));
}

/// The most memory that a query had held when all but the end of its answer was read, in KiB.
fn peak(backend: &Backend, rows: usize) -> u64 {
    let sql = format!(
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {rows}) \
         SELECT n, 'a text that takes its room in memory' AS s FROM r"
    );
    let mut command = query(backend, &[&sql, "--format", "csv"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("dc starts");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let (mut line, mut seen, mut peak) = (String::new(), 0, 0);
    while out.read_line(&mut line).expect("text") > 0 {
        line.clear();
        seen += 1;
        // the pipe is full, and the rest waits
        if seen == rows - rows / 4 {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("its status");
            let held = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
            peak = held.trim().trim_end_matches(" kB").parse().expect("a number");
        }
    }
    assert!(child.wait().expect("its end").success());
    assert_eq!(seen, rows + 1);
    peak
}

#[test]
fn a_long_answer_takes_no_more_memory() {
    // MariaDB ends a recursion by itself
    for backend in Backend::all().into_iter().filter(|backend| backend.engine != Engine::Mariadb) {
        prepared(&backend);
        let (short, long) = (peak(&backend, 20_000), peak(&backend, 400_000));
        assert!(long < short + 20 * 1024, "{:?}: {short} KiB, then {long} KiB", backend.engine);
        let many = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1001) SELECT n FROM r";
        let shown = told(&backend, &[many]);
        assert!(
            shown.contains("(1000 rows, and there are more: `--format csv` gives all)"),
            "{:?}",
            shown.lines().last()
        );
    }
}
