//! Tables that grow with `--evolve`: columns become as wide as the input asks, and rows that have not changed stay.

use crate::exact_merges::{file, table, tried};
use crate::support::{Backend, Engine};
use data_collector::context::Cancellation;
use data_collector::db::{Connection, Gone};
use data_collector::error::ErrorKind;
use data_collector::merge::{MaxGone, Merge, MergeReport, undo};
use data_collector::record::Value;
use serde_json::json;

/// The first column of each row, as text.
fn texts(database: &mut Connection, sql: &str) -> Vec<String> {
    let rows = database.query(sql, &[]).expect("a query").rows;
    let text = |row: Vec<Value<'static>>| match &row[0] {
        Value::Text(text) => text.to_string(),
        Value::Integer(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    rows.into_iter().map(text).collect()
}

fn declared(database: &mut Connection, column: &str) -> String {
    let table = database.table(&"t".parse().expect("a name")).expect("a table");
    table.column(column).map(|column| column.declared.to_lowercase()).expect("a column")
}

/// What was widened, as `column: from to`.
fn widened(report: &MergeReport) -> Vec<String> {
    report.widened_columns.iter().map(|it| format!("{}: {} {}", it.column, it.from, it.to).to_lowercase()).collect()
}

fn run(database: &mut Connection, sql: &str) {
    database.execute(sql, &[]).expect(sql);
}

#[test]
fn a_column_becomes_as_wide_as_the_input_asks() {
    for backend in Backend::all() {
        for (form, line) in [("csv", "K,N\n"), ("ndjson", "{\"k\":K,\"n\":N}\n")] {
            let mut database = backend.connect();
            table(&mut database, &backend, "k integer, n integer");
            let content = |numbers: &[&str]| {
                let lines = numbers.iter().enumerate().map(|(k, number)| {
                    let number = if form == "ndjson" && *number == "n/a" { "\"n/a\"" } else { *number };
                    line.replace('K', &k.to_string()).replace('N', number)
                });
                lines.fold(if form == "csv" { "k,n\n".to_owned() } else { String::new() }, |all, line| all + &line)
            };
            let name = format!("a.{form}");
            let narrow = Merge::into("t").key(["k"]);
            file(&backend, &mut database, &narrow, &name, &content(&["1", "2", "3"]));
            let wide = narrow.clone().evolve(true);
            let mut kind = declared(&mut database, "n");
            let steps = [
                (
                    &["1", "2", "9000000000"][..],
                    backend.of(["integer", "bigint", "bigint(20)", "bigint"]),
                    !backend.is_sqlite(),
                ),
                (
                    &["1", "2.5", "9000000000"],
                    backend.of(["numeric text", "numeric", "decimal(65,30)", "decimal(38,10)"]),
                    true,
                ),
                (&["1", "2.5", "n/a"], backend.of(["text", "text", "longtext", "nvarchar(max)"]), true),
            ];
            for (numbers, becomes, is_wider) in steps {
                let content = content(numbers);
                if is_wider {
                    let error = tried(&backend, &mut database, &narrow, &name, &content).expect_err("too wide");
                    assert!(error.hint_text().is_some_and(|hint| hint.contains("--evolve")), "{error:?}");
                    let dry = file(&backend, &mut database, &wide.clone().dry_run(true), &name, &content);
                    assert_eq!(widened(&dry), [format!("n: {kind} {becomes}")], "{form}");
                    assert_eq!(declared(&mut database, "n"), kind, "{form}");
                }
                let report = file(&backend, &mut database, &wide, &name, &content);
                let counts = &report.counts;
                assert_eq!(
                    (counts.unchanged, counts.changed, counts.new, counts.gone),
                    (2, 1, 0, 0),
                    "{form} {numbers:?}"
                );
                if is_wider {
                    assert_eq!(widened(&report), [format!("n: {kind} {becomes}")], "{form}");
                    kind = becomes.to_owned();
                }
                assert_eq!(declared(&mut database, "n"), kind, "{form}");
                let digits = if becomes.contains("decimal") { backend.digits_of("n") } else { backend.as_text("n") };
                let active = format!("SELECT {digits} FROM t WHERE archive IS NULL ORDER BY k");
                assert_eq!(texts(&mut database, &active), numbers, "{form}");
                let again = file(&backend, &mut database, &wide, &name, &format!("{content}\n"));
                assert_eq!((again.counts.unchanged, again.widened_columns.len()), (3, 0), "{form}");
            }
            // the first row is the one that came first
            assert_eq!(texts(&mut database, "SELECT id FROM t WHERE k = 0"), ["1"], "{form}");
            run(&mut database, "DROP TABLE t");
        }
    }
}

/// Where numbers become text, the rows that have not changed stay, without a key too; and every merge can still be undone.
#[test]
fn rows_stay_when_numbers_become_text() {
    for backend in Backend::all() {
        let mut database = backend.connect();
        let merge = Merge::into("t").create(true).evolve(true).max_gone(MaxGone::Rows(0));
        let numbers: String = (0..5_000).map(|n| format!("{n},x{n}\n")).collect();
        let first = file(&backend, &mut database, &merge, "a.csv", &format!("n,s\n{numbers}"));
        let second = format!("n,s\n{numbers}n/a,y\n");
        let report = file(&backend, &mut database, &merge, "b.csv", &second);
        assert_eq!((report.counts.unchanged, report.counts.new, report.counts.gone), (5_000, 1, 0));
        assert_eq!(report.rehashed, 5_000);
        assert!(report.to_string().contains("columns widened: n ("), "{report}");
        assert_eq!(texts(&mut database, "SELECT count(*) FROM t WHERE archive IS NULL AND n IS NOT NULL"), ["5001"]);
        let again = file(&backend, &mut database, &merge, "c.csv", &format!("\n{second}"));
        assert_eq!((again.counts.unchanged, again.rehashed), (5_001, 0));
        for (report, active) in [(report, 5_000), (first, 0)] {
            let undone = undo(&mut database, report.merge.as_deref().expect("one"), false, &Cancellation::default());
            assert_eq!(undone.expect("an undo").merges[0].active, active);
        }
    }
}

/// A number that came in other digits than its column kept is another text.
#[test]
fn a_row_whose_text_would_be_another_is_written_anew() {
    for backend in Backend::all() {
        let mut database = backend.connect();
        table(&mut database, &backend, "k integer, n integer");
        let merge = Merge::into("t").key(["k"]).evolve(true);
        file(&backend, &mut database, &merge, "a.csv", "k,n\n1,5\n2,6.0\n3,7\n");
        let report = file(&backend, &mut database, &merge, "a.csv", "k,n\n1,5\n2,6.0\n3,x\n");
        assert_eq!((report.counts.unchanged, report.counts.changed, report.rehashed), (1, 2, 1));
        assert_eq!(texts(&mut database, "SELECT n FROM t WHERE archive IS NULL ORDER BY k"), ["5", "6.0", "x"]);
    }
}

/// To a text column `1` and `"1"` are one: the second row leaves.
#[test]
fn rows_that_text_makes_one_are_one() {
    for backend in Backend::all() {
        let mut database = backend.connect();
        table(&mut database, &backend, "n integer");
        let merge = Merge::into("t").evolve(true);
        assert_eq!(file(&backend, &mut database, &merge, "a.ndjson", "{\"n\":1}\n{\"n\":\"1\"}\n").counts.new, 2);
        let report = file(&backend, &mut database, &merge, "a.ndjson", "{\"n\":1}\n{\"n\":\"1\"}\n{\"n\":\"x\"}\n");
        let counts = &report.counts;
        assert_eq!((counts.new, counts.unchanged, counts.duplicate, counts.gone, counts.active_after), (1, 1, 1, 1, 2));
    }
}

#[test]
fn a_column_that_held_nothing_takes_the_type_of_what_comes() {
    for backend in Backend::all() {
        for (name, nothing, something) in [
            ("a.csv", "k,n,f\n1,,\n2,,\n", "k,n,f\n1,,\n2,5,true\n3,6.5,\n"),
            (
                "a.ndjson",
                "{\"k\":1,\"n\":null,\"f\":null}\n{\"k\":2,\"n\":null,\"f\":null}\n",
                "{\"k\":1,\"n\":null,\"f\":null}\n{\"k\":2,\"n\":5,\"f\":true}\n{\"k\":3,\"n\":6.5,\"f\":null}\n",
            ),
        ] {
            let mut database = backend.connect();
            let merge = Merge::into("t").key(["k"]).create(true);
            file(&backend, &mut database, &merge, name, nothing);
            let text = backend.of(["text", "text", "longtext", "nvarchar(max)"]);
            assert_eq!(declared(&mut database, "n"), text);
            let report = file(&backend, &mut database, &merge.clone().evolve(true), name, something);
            let (number, flag) = backend.of([
                ("real", "boolean"),
                ("double precision", "boolean"),
                ("double", "tinyint(1)"),
                ("float", "bit"),
            ]);
            assert_eq!(widened(&report), [format!("f: {text} {flag}"), format!("n: {text} {number}")], "{name}");
            assert_eq!((report.counts.unchanged, report.counts.changed, report.counts.new), (1, 1, 1), "{name}");
            let again = file(&backend, &mut database, &merge, name, &format!("{something}\n"));
            assert_eq!(again.counts.unchanged, 3, "{name}");
            run(&mut database, "DROP TABLE t");
        }
    }
}

/// What only text can hold stays text, and one row that holds something keeps the column as it is.
#[test]
fn a_text_column_that_holds_something_stays() {
    for backend in Backend::all() {
        let mut database = backend.connect();
        let merge = Merge::into("t").create(true).evolve(true).max_gone(MaxGone::Rows(9));
        file(&backend, &mut database, &merge, "a.csv", "n,s\n,a\n7,b\n");
        run(&mut database, "UPDATE t SET s = NULL WHERE s = 'a'");
        let report = file(&backend, &mut database, &merge, "b.csv", "n,s\n,1\n7,2\n");
        assert!(report.widened_columns.is_empty(), "{report:?}");
        assert_eq!(declared(&mut database, "s"), backend.of(["text", "text", "longtext", "nvarchar(max)"]));
    }
}

/// Columns that are added and widened at once, beside records that are bad whatever becomes of their columns.
#[test]
fn a_table_grows_in_all_ways_at_once() {
    for backend in Backend::all() {
        let mut database = backend.connect();
        table(&mut database, &backend, "k integer, n integer, b boolean, d numeric(12,2)");
        let rejects = backend.folder.path().join("rejects.ndjson");
        let merge = Merge::into("t").key(["k"]).evolve(true).rejects(&rejects);
        file(
            &backend,
            &mut database,
            &merge,
            "a.ndjson",
            "{\"k\":1,\"n\":1,\"b\":true,\"d\":1.25}\n{\"k\":2,\"n\":2}\n",
        );
        let content = "{\"k\":1,\"n\":1,\"b\":true,\"d\":1.25}\n{\"k\":2,\"n\":\"x\",\"b\":\"maybe\",\"new\":1}\n\
            {broken\n{\"k\":3,\"d\":0.123456789012345678,\"new\":2.5}\n";
        let report = file(&backend, &mut database, &merge, "b.ndjson", content);
        let counts = &report.counts;
        assert_eq!((counts.unchanged, counts.changed, counts.new, counts.rejected), (1, 1, 1, 1));
        assert_eq!(report.added_columns, ["new"]);
        assert_eq!(widened(&report).len(), 3, "{report:?}");
        assert_eq!(std::fs::read_to_string(&rejects).expect("rejects").lines().count(), 1);
        let wide = texts(&mut database, &format!("SELECT {} FROM t WHERE k = 3", backend.digits_of("d")));
        assert_eq!(wide, ["0.123456789012345678"]);
        // a type that was asked for is not widened
        let typed = merge.clone().column_type("k", "integer");
        let counts = file(&backend, &mut database, &typed, "c.ndjson", "{\"k\":\"y\"}\n{\"k\":3}\n").counts;
        assert_eq!(counts.rejected, 1);
    }
}

/// Rows outside of a scope are not in the input: they keep their hash until they come again.
#[test]
fn rows_of_other_scopes_count_as_changed_when_they_come_again() {
    for backend in Backend::all() {
        let mut database = backend.connect();
        let merge = Merge::into("t").key(["k"]).create(true).evolve(true);
        let hr = merge.clone().scope("c", "hr");
        file(&backend, &mut database, &hr, "a.csv", "c,k,n\nhr,1,1\nhr,2,2\n");
        file(&backend, &mut database, &merge.clone().scope("c", "si"), "b.csv", "c,k,n\nsi,3,3\nsi,4,4\n");
        let report = file(&backend, &mut database, &hr, "a.csv", "c,k,n\nhr,1,1\nhr,2,x\n");
        assert_eq!((report.counts.unchanged, report.counts.changed, report.rehashed), (1, 1, 1));
        let other = merge.clone().scope("c", "si").gone(Gone::Archive);
        let counts = file(&backend, &mut database, &other, "b.csv", "c,k,n\nsi,3,3\nsi,4,4\n\n").counts;
        assert_eq!((counts.changed, counts.unchanged, counts.gone), (2, 0, 0));
    }
}

/// What needs a column as it is stops the merge, and nothing is lost.
#[test]
fn what_needs_a_column_as_it_is_is_named() {
    for backend in Backend::all() {
        let mut database = backend.connect();
        // a view of MariaDB needs no column as it is; a column that is computed does
        let columns = [
            "k integer NOT NULL, n integer",
            "k integer, n integer",
            "k integer, n integer, m integer AS (k)",
            "k integer, n integer, m AS (k)",
        ];
        table(&mut database, &backend, backend.of(columns));
        run(&mut database, "CREATE INDEX t_n ON t (n)");
        let merge = Merge::into("t").evolve(true);
        file(&backend, &mut database, &merge, "a.csv", "k,n\n1,1\n");
        if backend.engine == Engine::Postgres {
            run(&mut database, "CREATE VIEW v AS SELECT k FROM t");
        }
        let error = tried(&backend, &mut database, &merge, "b.csv", "k,n\nx,1\n").expect_err("it cannot be widened");
        let told = format!("{error:?}");
        assert!(told.contains("widen") && told.contains("`k`"), "{told}");
        assert!(told.contains(backend.of(["NOT NULL", "view v", "computed", "computed"])), "{told}");
        assert!(error.hint_text().is_some(), "{told}");
        assert_eq!(texts(&mut database, "SELECT count(*) FROM t"), ["1"]);
        // an index goes along
        let report = file(&backend, &mut database, &merge, "c.csv", "k,n\n1,1\n2,1.5\n");
        assert_eq!((report.counts.unchanged, report.widened_columns.len()), (1, 1));
        let find = backend.of([
            "SELECT count(*) FROM sqlite_master WHERE name = 't_n'",
            "SELECT count(*) FROM pg_indexes WHERE indexname = 't_n'",
            "SELECT count(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name = 't_n'",
            "SELECT count(*) FROM sys.indexes WHERE name = 't_n'",
        ]);
        assert_eq!(texts(&mut database, find), ["1"]);
    }
}

/// A scope that rows spell in more ways than can be asked for is refused: rows would be left out.
#[test]
fn a_scope_of_too_many_spellings_is_refused() {
    let backend = &Backend::all()[0];
    let mut database = backend.connect();
    let rows = (0..1_002).map(|n| json!({"c": format!("hr{}", " ".repeat(n)), "v": n}));
    let merge = Merge::into("t").create(true);
    assert_eq!(merge.run(&mut database, rows).expect("a merge").counts.new, 1_002);
    let error = merge.scope("c", "hr").run(&mut database, [json!({"c": "hr", "v": 1})]).expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert!(
        format!("{error:?}").contains("`c=hr`") && error.hint_text().is_some_and(|it| it.contains("--exact")),
        "{error:?}"
    );
}
