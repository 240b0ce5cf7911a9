//! Rows that a table refuses: which ones, for what, and at what cost.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{Backend, Engine};
use data_collector::context::Cancellation;
use data_collector::db::Connection;
use data_collector::error::ErrorKind;
use data_collector::merge::{Counts, Merge, Progress};
use data_collector::ops;
use data_collector::record::Value;
use serde_json::{Value as Json, json};

fn own(backend: &Backend) -> &'static str {
    backend.own_columns()
}

fn run(database: &mut Connection, sql: &str) {
    for statement in sql.split(";;") {
        database.execute(statement, &[]).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

fn numbers(database: &mut Connection, sql: &str) -> Vec<i64> {
    let rows = database.query(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}")).rows;
    let number = |row: Vec<Value<'static>>| match row[0] {
        Value::Integer(number) => number,
        ref other => panic!("{sql}: {other:?}"),
    };
    rows.into_iter().map(number).collect()
}

/// Merges with rejects: the counts, and the lines and reasons of what was set aside.
fn sifted(backend: &Backend, database: &mut Connection, table: &str, records: &[Json]) -> (Counts, Vec<(u64, String)>) {
    let file = backend.folder.path().join("rejects.ndjson");
    let report = Merge::into(table)
        .rejects(&file)
        .allow_empty(true)
        .run(database, records)
        .unwrap_or_else(|error| panic!("{error:?}"));
    let text = std::fs::read_to_string(file).expect("rejects");
    let line = |line: &str| {
        let reject: Json = serde_json::from_str(line).expect("a reject");
        let line = reject["line"].as_u64().expect("a line");
        let record: Json = serde_json::from_str(reject["record"].as_str().expect("a record")).expect("the record");
        assert_eq!(record, records[line as usize - 1], "the record of the line");
        (line, reject["reason"].as_str().expect("a reason").to_owned())
    };
    (report.counts, text.lines().map(line).collect())
}

/// Whoever stops a merge does not wait until all refused rows are found.
#[test]
fn a_merge_is_stopped_while_refused_rows_are_found() {
    let Some(backend) = Backend::postgres() else { return };
    let mut database = backend.connect();
    run(&mut database, &format!("CREATE TABLE t ({}, k bigint CHECK (k < 0))", own(&backend)));
    let rejects = backend.folder.path().join("rejects.ndjson");
    let cancellation = Cancellation::default();
    let (loads, looks, stop) = (AtomicU32::new(0), AtomicU32::new(0), cancellation.clone());
    // the second load begins when a row was refused; its end is told, and then every look while rows are sifted
    let told = move |progress| match progress {
        Progress::Writing { .. } => {
            loads.fetch_add(1, Ordering::Relaxed);
        }
        Progress::Advanced(0) if loads.load(Ordering::Relaxed) == 2 && looks.fetch_add(1, Ordering::Relaxed) == 1 => {
            stop.cancel();
        }
        _ => {}
    };
    let merge = Merge::into("t").rejects(&rejects).progress(told).cancellation(cancellation);
    let error = merge.run(&mut database, (0..40_000).map(|k| json!({"k": k}))).expect_err("it was stopped");
    assert_eq!(error.kind(), ErrorKind::Interrupted, "{error:?}");
    assert_eq!(numbers(&mut database, "SELECT count(*) FROM t"), [0]);
}

/// SQLite looks at deferred keys at the commit alone: the orphans among the new rows are found before it.
#[test]
fn orphans_of_a_deferred_key_are_set_aside() {
    // MariaDB looks at keys at once
    for backend in [Some(Backend::sqlite()), Backend::postgres()].into_iter().flatten() {
        let mut database = backend.connect();
        run(&mut database, "CREATE TABLE p (k integer PRIMARY KEY);;INSERT INTO p VALUES (1), (2)");
        let t = format!(
            "CREATE TABLE t ({}, k integer UNIQUE, p integer REFERENCES p DEFERRABLE INITIALLY DEFERRED, \
             boss integer REFERENCES t (k) DEFERRABLE INITIALLY DEFERRED)",
            own(&backend)
        );
        run(&mut database, &t);
        // PostgreSQL looks at keys into the table itself at the commit, whose parent may have been refused
        let boss = |k: i64| if backend.is_sqlite() { json!(k) } else { Json::Null };
        let rows = [
            json!({"k": 1, "p": 1, "boss": 2}),
            json!({"k": 2, "p": 2, "boss": null}),
            json!({"k": 3, "p": 9, "boss": null}),
            json!({"k": 4, "p": 1, "boss": boss(3)}),
            json!({"k": 5, "p": 1, "boss": boss(4)}),
        ];
        let error = Merge::into("t").run(&mut database, &rows).expect_err("an orphan");
        assert!(format!("{error:?}").contains("line 3"), "{error:?}");
        assert_eq!(numbers(&mut database, "SELECT count(*) FROM t"), [0]);
        let (counts, refused) = sifted(&backend, &mut database, "t", &rows);
        let orphans: &[u64] = if backend.is_sqlite() { &[3, 4, 5] } else { &[3] };
        assert_eq!((counts.new, counts.rejected), (5 - orphans.len() as u64, orphans.len() as u64), "{refused:?}");
        assert_eq!(refused.iter().map(|(line, _)| *line).collect::<Vec<_>>(), orphans);
        assert_eq!(numbers(&mut database, "SELECT k FROM t WHERE k < 4 ORDER BY k"), [1, 2]);
        // a parent that leaves is nobody's record: the commit tells
        if backend.is_sqlite() {
            run(
                &mut database,
                "CREATE TABLE c (k integer REFERENCES t (k) DEFERRABLE INITIALLY DEFERRED);;INSERT INTO c VALUES (1)",
            );
            let merge = Merge::into("t").gone(data_collector::db::Gone::Delete);
            let error = merge.run(&mut database, &rows[1..2]).expect_err("a child stays");
            let told = format!("{error:?}");
            assert!(told.contains("rows of `c`") && told.contains("`t`") && error.hint_text().is_some(), "{told}");
        }
    }
}

/// Whatever a table has against a row, the row is set aside, and without rejects it is named.
#[test]
fn every_kind_of_refusal_is_set_aside() {
    for backend in Backend::all() {
        let mut database = backend.connect();
        let trigger = backend.of([
            "CREATE TRIGGER no_13 BEFORE INSERT ON t WHEN NEW.k = 13 BEGIN SELECT RAISE(ABORT, 'unlucky'); END",
            "CREATE FUNCTION no_13() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.k = 13 THEN RAISE EXCEPTION 'unlucky' USING ERRCODE = 'ZZ013'; END IF; RETURN NEW; END $$;; \
             CREATE TRIGGER no_13 BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no_13()",
            "CREATE TRIGGER no_13 BEFORE INSERT ON t FOR EACH ROW IF NEW.k = 13 THEN SIGNAL SQLSTATE '45013' SET MESSAGE_TEXT = 'unlucky'; END IF",
            "CREATE TRIGGER no_13 ON t AFTER INSERT AS IF EXISTS (SELECT 1 FROM inserted WHERE k = 13) THROW 50013, 'unlucky', 1",
        ]);
        run(
            &mut database,
            &format!(
                "CREATE TABLE parents (p bigint PRIMARY KEY);; INSERT INTO parents VALUES (1), (2);; \
                 CREATE TABLE t (k bigint UNIQUE, p bigint REFERENCES parents (p), v bigint NOT NULL CHECK (v < 1000), {});; {trigger}",
                own(&backend)
            ),
        );
        let row = |k: i64, p: i64, v: Json| json!({"k": k, "p": p, "v": v});
        let records = [
            row(1, 1, json!(1)),
            row(2, 7, json!(1)),
            row(3, 1, json!(2_000)),
            row(4, 1, json!(null)),
            row(1, 2, json!(5)),
            row(13, 2, json!(5)),
            row(6, 2, json!(6)),
        ];
        let error = Merge::into("t").run(&mut database, &records).expect_err("a refusal");
        assert!(format!("{error:?}").contains("line 2"), "{error:?}");
        let (counts, rejects) = sifted(&backend, &mut database, "t", &records);
        assert_eq!((counts.read, counts.new, counts.rejected, counts.active_after), (7, 2, 5, 2), "{rejects:?}");
        assert_eq!(rejects.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
        let words = match backend.engine {
            // it names the constraint
            Engine::Mariadb => ["parents", "constraint `t.v`", "null", "duplicate", "unlucky"],
            _ => ["parents", "heck", "ull", "nique", "unlucky"],
        };
        for ((line, reason), word) in rejects.iter().zip(words) {
            assert!(reason.to_lowercase().contains(&word.to_lowercase()), "line {line}: {reason}");
        }
        assert_eq!(numbers(&mut database, "SELECT k FROM t WHERE archive IS NULL ORDER BY k"), [1, 6]);
        // the same once more: what is there stays, and what is refused is refused again
        let (counts, rejects) = sifted(&backend, &mut database, "t", &records);
        assert_eq!((counts.unchanged, counts.rejected, rejects.len()), (2, 5, 5));
    }
}

/// Types that only the server knows, values that are too long, and constraints that are checked at the end.
#[test]
fn what_only_postgresql_refuses_is_set_aside() {
    let Some(backend) = Backend::postgres() else { return };
    let mut database = backend.connect();
    run(
        &mut database,
        &format!(
            "CREATE TABLE parents (p bigint PRIMARY KEY);; INSERT INTO parents VALUES (1);; \
             CREATE DOMAIN small AS integer CHECK (VALUE < 10);; CREATE DOMAIN code AS varchar(3);; \
             CREATE TYPE mood AS ENUM ('sad', 'glad');; \
             CREATE TABLE t (k bigint, p bigint REFERENCES parents DEFERRABLE INITIALLY DEFERRED, s small, c code, b bit(3), \
                 m mood, d date, j jsonb, x text, EXCLUDE USING btree (k WITH =), {})",
            own(&backend)
        ),
    );
    let good = |k: i64| json!({"k": k, "p": 1, "s": 5, "c": "abc", "b": "101", "m": "glad", "d": "2026-11-29", "j": {"a": 1}, "x": "é"});
    let bad = |k: i64, name: &str, value: Json| {
        let mut record = good(k);
        record[name] = value;
        record
    };
    let records = [
        good(1),
        bad(2, "p", json!(3)),
        bad(3, "s", json!(11)),
        bad(4, "c", json!("abcd")),
        bad(5, "b", json!("1011")),
        bad(6, "m", json!("so so")),
        bad(7, "d", json!("2026-02-30")),
        bad(8, "j", json!({"a": "\u{0}"})),
        bad(9, "x", json!("a\u{0}b")),
        bad(1, "x", json!("the key again")),
        good(11),
    ];
    let (counts, rejects) = sifted(&backend, &mut database, "t", &records);
    let mut lines: Vec<_> = rejects.iter().map(|(line, _)| *line).collect();
    // what is seen before the server is asked stands first
    lines.sort_unstable();
    assert_eq!(lines, (2..=10).collect::<Vec<_>>(), "{rejects:?}");
    assert_eq!((counts.new, counts.rejected), (2, 9));
    let stored = "SELECT k FROM t WHERE s = 5 AND c = 'abc' AND b = '101' AND m = 'glad' AND d = '2026-11-29' AND j = '{\"a\": 1}' AND x = 'é' ORDER BY k";
    assert_eq!(numbers(&mut database, stored), [1, 11]);
    let error = Merge::into("t").run(&mut database, &records[..2]).expect_err("no parent");
    assert!(format!("{error:?}").contains("line 2"), "{error:?}");
}

/// Rows that refer to rows of their own table may come in any order, also beside some that are refused.
#[test]
fn a_child_may_come_before_its_parent() {
    for backend in Backend::all() {
        let mut database = backend.connect();
        let whens = [("t", ""), ("u", "DEFERRABLE INITIALLY DEFERRED")];
        for (table, when) in whens.into_iter().take(backend.of([2, 2, 1, 1])) {
            run(
                &mut database,
                &format!(
                    "CREATE TABLE {table} (k bigint UNIQUE, parent bigint REFERENCES {table} (k) {when}, v bigint CHECK (v > 0), {})",
                    own(&backend)
                ),
            );
            let mut records: Vec<Json> = (0..3_000)
                .map(|k| json!({"k": k, "parent": if k < 2_999 { Some(k + 1) } else { None }, "v": 1}))
                .collect();
            // all at once, and beside some that are refused; the second of these has no parent
            Merge::into(table).run(&mut database, &records).expect("a merge");
            // MariaDB looks at each row that goes
            let unbind = format!("UPDATE {table} SET parent = NULL;; DELETE FROM {table}");
            run(&mut database, &unbind);
            records.push(json!({"k": 5_000, "parent": null, "v": 0}));
            records.push(json!({"k": 5_001, "parent": 7_000, "v": 1}));
            let (counts, rejects) = sifted(&backend, &mut database, table, &records);
            let lines: Vec<u64> = rejects.iter().map(|(line, _)| *line).collect();
            assert_eq!((counts.new, counts.rejected, &lines[..]), (3_000, 2, &[3_001, 3_002][..]), "{table}");
        }
    }
}

/// A trigger that looks at all rows is asked when it wants to be asked: at the end.
#[test]
fn a_constraint_trigger_sees_the_whole_merge() {
    let Some(backend) = Backend::postgres() else { return };
    let mut database = backend.connect();
    run(
        &mut database,
        &format!(
            "CREATE TABLE t (k bigint UNIQUE, v bigint, {});; \
             CREATE FUNCTION balance() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF (SELECT sum(v) FROM t WHERE archive IS NULL) <> 0 THEN RAISE EXCEPTION 'no balance'; END IF; RETURN NULL; END $$;; \
             CREATE CONSTRAINT TRIGGER balance AFTER INSERT OR UPDATE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION balance()",
            own(&backend)
        ),
    );
    let mut records: Vec<Json> = (0..400).map(|k| json!({"k": k, "v": if k < 200 { 1 } else { -1 }})).collect();
    records.insert(100, json!({"k": 5, "v": 77}));
    let (counts, rejects) = sifted(&backend, &mut database, "t", &records);
    assert_eq!((counts.new, counts.rejected, rejects[0].0), (400, 1, 101));
}

/// Refused rows cost little more than others, however many they are and wherever they stand: the server is told as little.
#[test]
fn refused_rows_are_found_in_linear_time() {
    for backend in [Backend::postgres(), Backend::mariadb()].into_iter().flatten() {
        let (proxy, url) = backend.by_proxy();
        let made = format!("CREATE TABLE t (k bigint, v bigint CHECK (v < 1000000), {})", own(&backend));
        run(&mut backend.connect(), &made);
        let told = |good: &dyn Fn(i64) -> bool, refused: u64| -> usize {
            let context = backend.context_with(&[("DC_DB_MAIN_URL", &url)]);
            let mut database = ops::connect(&context, "main").expect("a connection");
            run(&mut database, "DELETE FROM t");
            let value = |k: i64| if good(k) { k } else { k + 1_000_000 };
            let records: Vec<Json> = (0..4_000).map(|k| json!({"k": k, "v": value(k)})).collect();
            let heard = proxy.hear(|| {
                let (counts, rejects) = sifted(&backend, &mut database, "t", &records);
                assert_eq!((counts.rejected, rejects.len() as u64, counts.new), (refused, refused, 4_000 - refused));
            });
            heard.len()
        };
        let without = told(&|_| true, 0);
        for (name, with) in [
            ("all", told(&|_| false, 4_000)),
            ("each second", told(&|k| k % 2 == 0, 2_000)),
            ("few", told(&|k| k % 500 != 3, 8)),
        ] {
            // where each refusal sent the rows behind it again, it would be a thousand times as much
            assert!(with < without * 30, "{name}: {with} bytes beside {without}");
        }
    }
}
