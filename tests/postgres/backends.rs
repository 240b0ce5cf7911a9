//! One suite over every backend: what a merge promises, it promises everywhere.

use crate::support::{Backend, app};
use data_collector::db::{Connection, Gone};
use data_collector::error::ErrorKind;
use data_collector::merge::{Counts, MaxGone, Merge};
use data_collector::ops::{self, DeployOptions};
use data_collector::record::Value;
use serde_json::{Value as Json, json};

fn on_all(test: impl Fn(&Backend)) {
    Backend::all_of_users().iter().for_each(test);
}

fn merged(merge: &Merge, database: &mut Connection, records: &[Json]) -> Counts {
    merge.run(database, records).expect("a merge").counts
}

fn number(database: &mut Connection, sql: &str) -> i64 {
    let rows = database.query(sql, &[]).expect("a query").rows;
    match rows[0][0] {
        Value::Integer(number) => number,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn new_changed_unchanged_gone_and_back() {
    on_all(|backend| {
        let mut database = backend.connect();
        let merge = Merge::into("t").key(["k"]).create(true);
        let first = [json!({"k": 1, "v": "a"}), json!({"k": 2, "v": "b"}), json!({"k": 1, "v": " A "})];
        let counts = merged(&merge, &mut database, &first);
        assert_eq!((counts.read, counts.new, counts.duplicate, counts.active_after), (3, 2, 1, 2));
        let second = [json!({"k": 1, "v": "changed"}), json!({"k": 3, "v": "c"})];
        let counts = merged(&merge, &mut database, &second);
        assert_eq!((counts.new, counts.changed, counts.gone, counts.active_after), (1, 1, 1, 2));
        let counts = merged(&merge, &mut database, &first[..2]);
        assert_eq!((counts.new, counts.changed, counts.gone), (1, 1, 1));
        assert_eq!(number(&mut database, "SELECT count(*) FROM t"), 6);
        assert_eq!(number(&mut database, "SELECT count(*) FROM t WHERE archive IS NULL"), 2);
        let counts = merged(&merge, &mut database, &first[..2]);
        assert_eq!((counts.unchanged, counts.new, counts.changed, counts.gone), (2, 0, 0, 0));
    });
}

#[test]
fn a_scope_is_compared_alone() {
    on_all(|backend| {
        let mut database = backend.connect();
        merged(
            &Merge::into("t").create(true),
            &mut database,
            &[json!({"c": "HR", "n": 1}), json!({"c": "SI", "n": 1})],
        );
        let merge = Merge::into("t").scope("c", "HR");
        let counts = merged(&merge, &mut database, &[json!({"c": "HR", "n": 2})]);
        assert_eq!((counts.new, counts.gone, counts.active_before, counts.active_after), (1, 1, 1, 1));
        let error = merge.run(&mut database, [json!({"c": "SI", "n": 3})]).expect_err("outside");
        assert!(error.to_string().contains("outside the scope"), "{error}");
        assert_eq!(number(&mut database, "SELECT count(*) FROM t WHERE archive IS NULL"), 2);
    });
}

#[test]
fn vanished_rows_are_deleted_or_kept_on_request() {
    on_all(|backend| {
        let mut database = backend.connect();
        let rows = [json!({"k": 1, "v": 1}), json!({"k": 2, "v": 2}), json!({"k": 3, "v": 3})];
        merged(&Merge::into("t").create(true), &mut database, &rows);
        let keep = Merge::into("t").key(["k"]).gone(Gone::Keep);
        let counts = merged(&keep, &mut database, &[json!({"k": 1, "v": 10})]);
        assert_eq!((counts.changed, counts.gone, counts.active_after), (1, 0, 3));
        let counts = merged(&Merge::into("t").gone(Gone::Delete), &mut database, &[json!({"k": 2, "v": 2})]);
        assert_eq!((counts.gone, counts.active_after), (2, 1));
        assert_eq!(number(&mut database, "SELECT count(*) FROM t"), 2);
    });
}

#[test]
fn guards_refuse_and_change_nothing() {
    on_all(|backend| {
        let mut database = backend.connect();
        let rows: Vec<Json> = (0..40).map(|n| json!({"n": n})).collect();
        merged(&Merge::into("t").create(true), &mut database, &rows);
        let error = Merge::into("t").run(&mut database, Vec::<Json>::new()).expect_err("empty");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.hint_text().is_some_and(|hint| hint.contains("--allow-empty")));
        let error = Merge::into("t").run(&mut database, &rows[..19]).expect_err("21 of 40 would go");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.hint_text().is_some_and(|hint| hint.contains("--max-gone 53%")), "{error:?}");
        assert_eq!(merged(&Merge::into("t"), &mut database, &rows[..20]).gone, 20);
        let all = MaxGone::Share { percent: 100, rows: 0 };
        let merge = Merge::into("t").max_gone(all).allow_empty(true);
        assert_eq!(merged(&merge, &mut database, &[]).gone, 20);
    });
}

#[test]
fn missing_tables_and_columns_name_the_flag() {
    on_all(|backend| {
        let mut database = backend.connect();
        let error = Merge::into("t").run(&mut database, [json!({"a": 1})]).expect_err("no table");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.hint_text().is_some_and(|hint| hint.contains("--create")));
        merged(&Merge::into("t").create(true), &mut database, &[json!({"a": 1})]);
        let wider = [json!({"a": 1, "b": {"c": [1, 2]}})];
        let error = Merge::into("t").run(&mut database, &wider).expect_err("no column");
        assert!(
            error.hint_text().is_some_and(|hint| hint.contains("--evolve") && hint.contains("--ignore b")),
            "{error:?}"
        );
        let counts = merged(&Merge::into("t").evolve(true), &mut database, &wider);
        assert_eq!((counts.new, counts.gone), (1, 1));
        assert_eq!(merged(&Merge::into("t").ignore(["b"]), &mut database, &wider).new, 1);
        let renamed = merged(&Merge::into("t").rename("b", "source_b").evolve(true), &mut database, &wider);
        assert_eq!(renamed.new, 1);
    });
}

#[test]
fn a_dry_run_leaves_nothing() {
    on_all(|backend| {
        let mut database = backend.connect();
        let report = Merge::into("t").create(true).dry_run(true).run(&mut database, [json!({"a": 1})]).expect("a try");
        assert_eq!((report.counts.new, report.dry_run), (1, true));
        assert!(database.table(&"t".parse().expect("a name")).is_err(), "the table was made");
    });
}

#[test]
fn a_value_that_does_not_fit_names_line_column_value_and_type() {
    on_all(|backend| {
        let mut database = backend.connect();
        merged(&Merge::into("t").create(true), &mut database, &[json!({"a": 1, "b": 1.5})]);
        let rows = [json!({"a": 2, "b": 1}), json!({"a": "many", "b": 2})];
        let error = Merge::into("t").run(&mut database, rows).expect_err("a misfit").to_string();
        for part in ["line 2", "column `a`", "`many`", "an integer of 64 bits"] {
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(number(&mut database, "SELECT count(*) FROM t"), 1);
    });
}

#[test]
fn hard_values_survive() {
    on_all(|backend| {
        let mut database = backend.connect();
        let big: Json = serde_json::from_str(r#"{"n": 12345678901234567890123, "t": "tab\tnew\nline\\ \"q\" é😀", "f": 1e-7, "b": true, "j": {"x": [null, 1]}, "e": ""}"#)
            .expect("JSON");
        merged(&Merge::into("t").create(true), &mut database, std::slice::from_ref(&big));
        assert_eq!(merged(&Merge::into("t"), &mut database, &[big]).unchanged, 1);
        let rows = database.query("SELECT t, f, b FROM t", &[]).expect("a row").rows;
        assert_eq!(rows[0][0], Value::from("tab\tnew\nline\\ \"q\" é😀"));
        assert_eq!(rows[0][1], Value::Float(1e-7));
    });
}

#[test]
fn two_merges_of_one_table_wait_for_each_other() {
    on_all(|backend| {
        let rows: Vec<Json> = (0..2_000).map(|n| json!({"n": n})).collect();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| merged(&Merge::into("t").create(true), &mut backend.connect(), &rows));
            }
        });
        let mut database = backend.connect();
        assert_eq!(number(&mut database, "SELECT count(*) FROM t"), 2_000);
    });
}

#[test]
fn scopes_of_one_table_are_merged_side_by_side() {
    on_all(|backend| {
        let rows = |scope: usize, round: usize| -> Vec<Json> {
            (round * 10..round * 10 + 200).map(|n| json!({"scope": scope.to_string(), "n": n})).collect()
        };
        merged(&Merge::into("t").create(true), &mut backend.connect(), &rows(9, 0));
        std::thread::scope(|scope| {
            for part in 0..4 {
                scope.spawn(move || {
                    let mut database = backend.connect();
                    for round in 0..8 {
                        let counts = merged(
                            &Merge::into("t").scope("scope", part.to_string()),
                            &mut database,
                            &rows(part, round),
                        );
                        let expected = if round == 0 { (200, 0) } else { (10, 10) };
                        assert_eq!((counts.new, counts.gone, counts.active_after), (expected.0, expected.1, 200));
                    }
                });
            }
        });
        let mut database = backend.connect();
        assert_eq!(number(&mut database, "SELECT count(*) FROM t WHERE archive IS NULL"), 1_000);
        assert_eq!(number(&mut database, "SELECT count(*) FROM t"), 1_000 + 4 * 7 * 10);
    });
}

#[test]
fn the_data_functions_insert_find_change_and_delete() {
    on_all(|backend| {
        let mut database = backend.connect();
        merged(&Merge::into("t").create(true), &mut database, &[json!({"n": 1, "s": "x"})]);
        assert_eq!(database.bulk_insert("t", [json!({"n": 2, "s": "y"}), json!({"n": 3})]).expect("rows"), 2);
        let rows = database.query("SELECT s FROM t WHERE n = $1", &[Value::from(2)]).expect("a query");
        assert_eq!(rows.rows, [[Value::from("y")]]);
        assert_eq!(database.execute("UPDATE t SET s = 'z'", &[]).expect("a change"), 3);
        assert_eq!(database.delete("t", &[("n", Value::from(3))]).expect("a deletion"), 1);
        assert_eq!(database.delete("t", &[]).expect_err("everything").kind(), ErrorKind::Refused);
        let error = database.bulk_insert("t", [json!({"n": 4}), json!({"n": "x"})]).expect_err("a misfit");
        assert!(error.to_string().contains("record 2"), "{error}");
        assert_eq!(number(&mut database, "SELECT count(*) FROM t"), 2);
    });
}

#[test]
fn deploy_twice_changes_nothing_and_two_at_once_do_not_collide() {
    Backend::all().iter().for_each(|backend| {
        app(backend.folder.path(), "a/b/c", "true", "schedule = \"@daily\"");
        let plan = ops::deploy(&backend.context(), &DeployOptions { dry_run: true, ..DeployOptions::default() })
            .expect("a plan");
        assert_eq!((plan.migrations.is_empty(), plan.apps.added.len()), (false, 1));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| ops::deploy(&backend.context(), &DeployOptions::default()).expect("a deploy"));
            }
        });
        let again = ops::deploy(&backend.context(), &DeployOptions::default()).expect("a deploy");
        assert!(again.migrations.is_empty() && again.codebooks.is_empty() && again.apps.added.is_empty(), "{again:?}");
        let mut database = backend.connect();
        assert_eq!(
            number(
                &mut database,
                "SELECT count(*) FROM c_log_level WHERE archive IS NULL AND id IN (10, 20, 30, 40, 50)"
            ),
            5
        );
    });
}
