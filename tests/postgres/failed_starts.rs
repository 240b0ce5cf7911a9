//! What fails before a run begins is a failure of its app, and an app that is not on this machine is left to one that has
//! it.

use crate::manager::{number, rows, told};
use crate::support::manager::{Manager, wait_for};
use crate::support::{Backend, app, dc};

fn manager(backend: &Backend) -> Manager {
    Manager::start_with(backend.folder.path(), &backend.url, &[], |command| command.env("DC_MANAGER_BACKOFF", "0s"))
}

#[test]
fn a_start_that_fails_counts_and_many_with_one_cause_are_one_incident() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        let definition = "schedule = \"* * * * * *\"\nmax_failures = 2\nsecrets = [\"NOWHERE\"]";
        for name in ["a/b/one", "a/b/two", "a/b/three"] {
            app(project, name, "true", definition);
        }
        told(&backend, &["deploy"]);
        let manager = manager(&backend);
        let mut database = backend.connect();
        wait_for("failures of all", 40, || number(&mut database, "SELECT min(failures) FROM apps") >= 3);
        wait_for("the incident", 20, || number(&mut database, "SELECT count(*) FROM incidents") == 1);
        let said = manager.end();
        assert!(said.contains("ended with status 4 before it began"), "{said}");
        let ended = "SELECT count(*) FROM runtime WHERE code = 7 AND reason LIKE '%NOWHERE%'";
        assert!(number(&mut database, ended) >= 9, "each is a run with its own reason");
        assert_eq!(rows(&mut database, "SELECT kind FROM outbox"), [["incident"]], "people are told once");
    }
}

#[test]
fn a_broken_definition_takes_its_app_out_of_service() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/good", "true", "schedule = \"* * * * * *\"");
        let definition = "schedule = \"* * * * * *\"\nmax_failures = 2\nnotify = \"failure\"";
        app(project, "a/b/turns", "true", definition);
        told(&backend, &["deploy"]);
        app(project, "a/b/turns", "true", "schedul = \"* * * * * *\"");
        let manager = manager(&backend);
        let mut database = backend.connect();
        let out = "SELECT count(*) FROM outbox WHERE kind = 'disabled' AND subject LIKE '%turns%cannot be started%'";
        wait_for("its end of service", 40, || number(&mut database, out) == 1);
        drop(manager.end());
        assert_eq!(rows(&mut database, "SELECT failures, fatal_flag FROM apps WHERE name = 'turns'"), [["2", "2"]]);
        // it wrote nothing, so people are shown no last lines
        let body = "SELECT DISTINCT body FROM outbox WHERE kind = 'failed'";
        assert_eq!(rows(&mut database, body), [["It wrote nothing. See: dc manager why a/b/turns"]]);
    }
}

#[test]
fn an_app_that_is_not_here_is_left_to_a_machine_that_has_it() {
    for backend in Backend::all() {
        let there = tempfile::tempdir().expect("a folder");
        let definition = "schedule = \"* * * * * *\"";
        app(there.path(), "a/b/there", "true", definition);
        let deploy = dc(there.path()).arg("deploy").env("DC_DB_MAIN_URL", &backend.url).status().expect("dc starts");
        assert!(deploy.success());
        let here = manager(&backend);
        let mut database = backend.connect();
        // it works, and has looked at a moment that was due
        wait_for("a moment that is due", 20, || {
            let now = data_collector::clock::text(data_collector::clock::now() - chrono::TimeDelta::seconds(1));
            number(&mut database, &format!("SELECT count(*) FROM apps WHERE next_run <= '{now}'")) == 1
        });
        told(&backend, &["manager", "send", "reset", "there", "--wait"]);
        assert_eq!(number(&mut database, "SELECT count(*) FROM occurrences"), 0);
        let other = Manager::start(there.path(), &backend.url, &[]);
        wait_for("runs there", 30, || number(&mut database, "SELECT count(*) FROM runtime WHERE code = 2") >= 2);
        drop((here.end(), other.end()));
        assert_eq!(number(&mut database, "SELECT count(*) FROM runtime WHERE code = 7"), 0);
    }
}
