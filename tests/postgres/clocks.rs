//! Managers and wrong clocks: what is due goes by the database's clock.

use crate::manager::{number, on, rows, told};
use crate::support::manager::{Manager, wait_for};
use crate::support::{Backend, app};
use data_collector::clock;
use data_collector::db::Connection;

/// Puts the clock of a PostgreSQL database ahead, for connections that are made from now on.
pub(crate) fn put_ahead(backend: &Backend, database: &mut Connection, seconds: i64) {
    let name = backend.url.rsplit('/').next().expect("a name");
    for sql in [
        "CREATE SCHEMA IF NOT EXISTS wrong".to_owned(),
        format!(
            "CREATE OR REPLACE FUNCTION wrong.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE \
             AS 'SELECT pg_catalog.clock_timestamp() + interval ''{seconds} s'''"
        ),
        format!("ALTER DATABASE {name} SET search_path = wrong, pg_catalog, public"),
    ] {
        database.execute(&sql, &[]).expect(&sql);
    }
}

fn set_next_run(database: &mut Connection, seconds: i64) -> chrono::NaiveDateTime {
    let next_run = clock::now() + chrono::TimeDelta::seconds(seconds);
    database.execute(&format!("UPDATE apps SET next_run = '{}'", clock::text(next_run)), &[]).expect("a moment");
    next_run
}

#[test]
fn what_is_due_goes_by_the_clock_of_the_database() {
    let Some(backend) = Backend::postgres() else { return };
    app(backend.folder.path(), "a/b/yearly", "true", "schedule = \"0 0 1 1 *\"");
    told(&backend, &["deploy"]);
    let mut database = backend.connect();
    put_ahead(&backend, &mut database, 25);
    let next_run = set_next_run(&mut database, 24);
    let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
    wait_for("its run", 23, || number(&mut database, "SELECT count(*) FROM runtime WHERE code = 2") == 1);
    assert!(clock::now() < next_run, "it was not yet due by the clock of this machine");
    let said = manager.end();
    assert!(said.contains("s behind the database's: apps are due by the database's"), "{said}");
    assert_eq!(rows(&mut database, "SELECT count(*) FROM outbox"), [["0"]]);
}

#[test]
fn a_manager_whose_clock_is_wrong_decides_nothing_and_tells_people() {
    let Some(backend) = Backend::postgres() else { return };
    app(backend.folder.path(), "a/b/often", "true", "schedule = \"* * * * * *\"");
    told(&backend, &["deploy"]);
    let mut database = backend.connect();
    put_ahead(&backend, &mut database, 3_600);
    let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
    let told_people = "SELECT count(*) FROM outbox WHERE kind = 'clock' AND subject LIKE '%decides nothing'";
    wait_for("the message", 20, || number(&mut database, told_people) == 1);
    // it is at work all the same: commands are carried out
    let send = on(&backend, &["manager", "send", "reset", "often", "--wait"]).status().expect("dc starts");
    assert!(send.success());
    assert_eq!(number(&mut database, "SELECT count(*) FROM occurrences"), 0);
    put_ahead(&backend, &mut database, 0);
    wait_for("a run", 30, || number(&mut database, "SELECT count(*) FROM runtime WHERE code = 2") > 0);
    assert_eq!(number(&mut database, "SELECT count(*) FROM outbox"), 1);
    let said = manager.end();
    assert!(said.contains("3600.") && said.contains("agrees with the database's again"), "{said}");
}

/// A day without a battery, and the machine is 400 days ahead: that deletes nobody's history.
#[test]
fn a_manager_whose_clock_is_wrong_deletes_nothing() {
    let Some(backend) = Backend::postgres() else { return };
    app(backend.folder.path(), "a/b/one", "true", "");
    std::fs::write(backend.folder.path().join("dc.toml"), "[manager]\nkeep = \"30d\"\n").expect("a file");
    told(&backend, &["deploy"]);
    told(&backend, &["run", "one"]);
    let mut database = backend.connect();
    let earlier = "UPDATE runtime SET started_at = started_at - interval '400 days', \
                   ended_at = ended_at - interval '400 days'";
    database.execute(earlier, &[]).expect("a row of that time");
    put_ahead(&backend, &mut database, -400 * 86_400);
    let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
    // it is behind its first look at all
    told(&backend, &["manager", "send", "disable", "one", "--wait"]);
    told(&backend, &["manager", "send", "enable", "one", "--wait"]);
    let runs = "SELECT count(*) FROM runtime";
    assert_eq!(number(&mut database, runs), 1);
    let kept = told(&backend, &["manager", "prune", "--older-than", "30d"]);
    assert_eq!(number(&mut database, runs), 1, "{kept}");
    put_ahead(&backend, &mut database, 0);
    wait_for("what is old goes by a right clock", 30, || number(&mut database, runs) == 0);
    drop(manager.end());
}

/// What looks old to a clock that is wrong may be on its way to its row.
#[test]
fn files_that_nobody_knows_go_by_clocks_that_agree() {
    let Some(backend) = Backend::postgres() else { return };
    let folder = backend.folder.path();
    std::fs::create_dir_all(folder.join("apps")).expect("a folder");
    told(&backend, &["deploy"]);
    std::fs::write(folder.join("page.txt"), "a page").expect("a file");
    let kept: serde_json::Value =
        serde_json::from_str(&told(&backend, &["files", "keep", "page.txt", "--json"])).expect("JSON");
    let path = std::path::PathBuf::from(kept["files"][0]["file"].as_str().expect("a path"));
    let mut database = backend.connect();
    database.execute("DELETE FROM stored_files", &[]).expect("its row");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3_600);
    std::fs::File::options().read(true).open(&path).expect("a file").set_modified(old).expect("a time");
    put_ahead(&backend, &mut database, -2 * 86_400);
    let left = on(&backend, &["files", "prune"]).output().expect("dc starts");
    let said = String::from_utf8_lossy(&left.stdout).into_owned();
    assert!(said.contains("differs from the database's by 172"), "{said}");
    assert!(path.exists() && left.status.code() == Some(1), "{said}");
    put_ahead(&backend, &mut database, 0);
    told(&backend, &["files", "prune"]);
    assert!(!path.exists());
}

#[test]
fn an_app_that_waits_longer_than_its_schedule_allows_is_brought_back() {
    for backend in Backend::all() {
        app(backend.folder.path(), "a/b/often", "true", "interval = \"10s\"");
        told(&backend, &["deploy"]);
        let mut database = backend.connect();
        // as a clock two days ahead has left it
        let later = set_next_run(&mut database, 2 * 86_400);
        let retry = format!("UPDATE apps SET failures = 1, retry_at = '{}'", clock::text(later));
        database.execute(&retry, &[]).expect("a moment");
        let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
        wait_for("its run", 40, || number(&mut database, "SELECT count(*) FROM runtime WHERE code = 2") > 0);
        let said = manager.end();
        assert!(said.contains("waited longer than its schedule allows"), "{said}");
    }
}
