//! `dc deploy --sql`: somebody else makes the tables, and a role without the right to make any does the rest.

use std::process::Output;

use data_collector::db::Connection;

use crate::support::{Backend, Role, app, dc, stderr, stdout};

fn on(backend: &Backend, url: &str, arguments: &[&str]) -> Output {
    let mut command = dc(backend.folder.path());
    command.args(arguments).env("DC_DB_MAIN_URL", url).output().expect("dc starts")
}

/// Runs each statement of a script; ours have no `;` but at the end of a line.
fn run(database: &mut Connection, script: &str) {
    let plain: Vec<&str> = script.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    for statement in plain.join("\n").split(";\n").map(str::trim).filter(|statement| !statement.is_empty()) {
        database.execute(statement, &[]).expect(statement);
    }
}

#[test]
fn what_is_printed_makes_what_a_deploy_would() {
    for backend in Backend::all() {
        let script = stdout(&on(&backend, &backend.url, &["deploy", "--sql"]));
        assert!(script.contains("CREATE TABLE") && script.contains("role that may make tables"), "{script}");
        assert!(script.contains(" apps ") && script.contains("dc_merges"), "{script}");
        let mut database = backend.connect();
        run(&mut database, &script);
        app(backend.folder.path(), "a/b/c", "true", "schedule = \"@daily\"");
        let report = stdout(&on(&backend, &backend.url, &["deploy"]));
        assert!(report.contains("added") && !report.contains("schema"), "nothing of the schema was left: {report}");
        let again = stdout(&on(&backend, &backend.url, &["deploy", "--sql"]));
        assert!(again.contains("is up to date") && !again.contains("CREATE"), "{again}");
    }
}

#[test]
fn a_role_that_may_make_nothing_deploys_what_was_made_for_it() {
    let (Some(role), Some(backend)) = (Role::new(), Backend::postgres()) else { return };
    let url = backend.url.replacen("//postgres@", &format!("//{}@", role.0), 1);
    let mut database = backend.connect();
    database.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC", &[]).expect("no right");
    let refused = on(&backend, &url, &["deploy"]);
    assert!(!refused.status.success(), "{}", stdout(&refused));
    assert!(stderr(&refused).contains("dc deploy --sql"), "{}", stderr(&refused));
    run(&mut database, &stdout(&on(&backend, &url, &["deploy", "--sql"])));
    let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}", role.0);
    database.execute(&grant, &[]).expect("rights");
    let deployed = on(&backend, &url, &["deploy"]);
    assert!(deployed.status.success(), "{}{}", stdout(&deployed), stderr(&deployed));
}
