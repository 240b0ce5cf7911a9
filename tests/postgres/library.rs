//! The library inside of programs: placeholders and transactions that mean the same on every backend, runs that it knows by
//! itself, and tables of the framework beside people's own of the same names.

use data_collector::error::{Error, ErrorKind};
use data_collector::merge::{Merge, undo};
use data_collector::ops::{self, DeployOptions, LogsOptions};
use data_collector::record::Value;
use serde_json::json;

use crate::support::{Backend, app};

fn number(database: &mut data_collector::db::Connection, sql: &str, parameters: &[Value<'_>]) -> i64 {
    let rows = database.query(sql, parameters).unwrap_or_else(|error| panic!("{sql}: {error}")).rows;
    match rows[0][0] {
        Value::Integer(number) => number,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn a_question_mark_is_a_placeholder_everywhere() {
    for backend in Backend::all_of_users() {
        let mut database = backend.connect();
        let records = [json!({"k": 1, "v": "a"}), json!({"k": 2, "v": "?"})];
        Merge::into("t").create(true).run(&mut database, records).expect("a merge");
        let count = "SELECT count(*) FROM t WHERE k = ? AND v <> '?' /* ? */";
        assert_eq!(number(&mut database, count, &[Value::Integer(1)]), 1);
        let between = "SELECT count(*) FROM t WHERE k >= ? AND k <= ?";
        assert_eq!(number(&mut database, between, &[Value::Integer(1), Value::Integer(2)]), 2);
        let changed = database.execute("UPDATE t SET v = ? WHERE k = ?", &[Value::Text("z".into()), Value::Integer(2)]);
        assert_eq!(changed.expect("a change"), 1);
        assert_eq!(number(&mut database, "SELECT count(*) FROM t WHERE v = $1", &[Value::Text("z".into())]), 1);
    }
}

#[test]
fn a_transaction_lasts_as_a_whole_or_not_at_all() {
    for backend in Backend::all_of_users() {
        let mut database = backend.connect();
        Merge::into("t").create(true).run(&mut database, [json!({"k": 1})]).expect("a merge");
        let count = "SELECT count(*) FROM t";
        let kept = database.transaction(|database| {
            database.bulk_insert("t", [json!({"k": 2}), json!({"k": 3})])?;
            database.delete("t", &[("k", Value::Integer(1))])
        });
        assert_eq!(kept.expect("it lasts"), 1);
        assert_eq!(number(&mut database, count, &[]), 2);
        let failed: Result<(), Error> = database.transaction(|database| {
            database.bulk_insert("t", [json!({"k": 4})])?;
            database.execute("DELETE FROM t WHERE k = 2", &[])?;
            Err(Error::failed("think better of it"))
        });
        assert!(failed.is_err());
        assert_eq!(number(&mut database, count, &[]), 2, "nothing of it");
        let nested = database.transaction(|database| {
            database.bulk_insert("t", [json!({"k": 5})])?;
            Merge::into("t").run(database, [json!({"k": 6})])
        });
        assert_eq!(nested.expect_err("a merge inside").kind(), ErrorKind::Usage);
        assert_eq!(number(&mut database, count, &[]), 2);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            database.transaction(|database| -> Result<(), Error> {
                database.bulk_insert("t", [json!({"k": 7})])?;
                panic!("of the author")
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(number(&mut database, count, &[]), 2);
        Merge::into("t").run(&mut database, [json!({"k": 2}), json!({"k": 3})]).expect("usable as before");
    }
}

#[test]
fn what_a_program_merges_inside_a_run_is_that_runs() {
    const RUN: &str = "019ac3f2-7b1a-7000-8000-000000000001";
    for backend in Backend::all() {
        let context = backend.context_with(&[("DC_RUNTIME", RUN), ("DC_APP_ID", "1")]);
        let mut database = ops::connect(&context, "main").expect("a connection");
        let report = Merge::into("t").create(true).run(&mut database, [json!({"k": 1})]).expect("a merge");
        assert_eq!(report.runtime.as_deref(), Some(RUN));
        let undone = undo(&mut database, RUN, false, context.cancellation()).expect("an undo");
        assert_eq!(undone.merges.len(), 1);
    }
}

#[test]
fn the_frameworks_tables_stand_beside_others_of_their_names() {
    for backend in Backend::all() {
        // MariaDB's schemas are databases, which other tests see
        let schema = format!("dc_{}", uuid::Uuid::now_v7().simple());
        let with = [("DC_DB_MAIN_SCHEMA", schema.as_str())];
        let context = backend.context_with(&with);
        let mut database = ops::connect(&context, "main").expect("a connection");
        for table in ["logs", "channels", "apps"] {
            Merge::into(table).create(true).run(&mut database, [json!({"mine": table})]).expect("a table of people's");
        }
        let project = &context.settings().project.root;
        app(project, "a/b/c", "echo hello", "");
        ops::deploy(&context, &DeployOptions::default()).expect("a deploy");
        let again = ops::deploy(&context, &DeployOptions::default()).expect("a deploy");
        assert!(again.migrations.is_empty(), "{:?}", again.migrations);
        let output = crate::support::dc(project)
            .args(["run", "c"])
            .env("DC_DB_MAIN_URL", context_url(&context))
            .env("DC_DB_MAIN_SCHEMA", &schema)
            .output()
            .expect("dc starts");
        assert!(output.status.success(), "{}", crate::support::stderr(&output));
        let mut lines = Vec::new();
        let options = LogsOptions { tail: 10, ..LogsOptions::default() };
        ops::logs(&context, &options, |line| {
            lines.push(line.to_string());
            Ok(())
        })
        .expect("the log");
        assert!(lines.iter().any(|line| line.contains("hello")), "{lines:?}");
        let mine = "SELECT count(*) FROM logs WHERE mine = ?";
        assert_eq!(number(&mut database, mine, &[Value::Text("logs".into())]), 1, "people's own is as it was");
        if backend.of([false, false, true, false]) {
            database.execute(&format!("DROP DATABASE {schema}"), &[]).expect("it goes");
        }
    }
}

/// The URL of `main` as a child process shall have it.
fn context_url(context: &data_collector::context::Context) -> String {
    match context.settings().database("main").expect("main").target {
        data_collector::settings::Target::Sqlite { path } => format!("sqlite:{}", path.display()),
        data_collector::settings::Target::Server { url, .. } => url.reveal().to_owned(),
    }
}
