//! Where apps work when several machines share a database: by label, and where their folder is as it is registered.

use std::path::Path;

use crate::manager::{number, on, rows, told};
use crate::support::manager::{Manager, wait_for};
use crate::support::{Backend, app, stderr};

const BEGUN: &str = "SELECT count(*) FROM occurrences o JOIN apps a ON a.id = o.app_id WHERE o.runtime IS NOT NULL";

fn labelled(project: &Path, backend: &Backend, labels: &str) -> Manager {
    Manager::start_with(project, &backend.url, &[], |command| command.env("DC_MANAGER_LABELS", labels))
}

fn two_minutes_late(backend: &Backend, name: &str) {
    let sql = format!("UPDATE apps SET next_run = {} WHERE name = '{name}'", backend.ago(120));
    backend.connect().execute(&sql, &[]).expect("it is late");
}

#[test]
fn an_app_works_only_where_one_of_its_labels_is() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/scan", "true", "interval = \"1s\"\non = [\"ocr\", \"gpu\"]");
        app(project, "a/b/far", "true", "interval = \"1h\"\non = [\"split\"]");
        app(project, "a/b/sent", "true", "on = [\"ocr\"]");
        let deployed = told(&backend, &["deploy"]);
        assert!(deployed.contains("no machine at work has the label `split`, which a/b/far asks for"), "{deployed}");
        two_minutes_late(&backend, "far");
        let managers = [labelled(project, &backend, "zagreb"), labelled(project, &backend, "ocr,rijeka")];
        let mut database = backend.connect();
        wait_for("five runs", 60, || number(&mut database, &format!("{BEGUN} AND a.name = 'scan'")) >= 5);
        told(&backend, &["manager", "send", "start", "sent", "--wait"]);
        let by = "SELECT DISTINCT m.labels FROM occurrences o JOIN managers m ON m.id = o.claimed_by";
        assert_eq!(rows(&mut database, by), [["ocr rijeka"]]);
        let by = "SELECT m.labels FROM command_log c JOIN managers m ON m.id = c.accepted_by";
        assert_eq!(rows(&mut database, by), [["ocr rijeka"]]);
        // what nobody may start stays due, and everybody who looks is told
        let why = told(&backend, &["manager", "why", "far"]);
        assert!(why.contains("no machine at work has the label `split`") && why.contains("ocr rijeka"), "{why}");
        let sent = on(&backend, &["manager", "send", "start", "far", "--wait"]).output().expect("dc runs");
        assert!(!sent.status.success() && stderr(&sent).contains("the label `split`"), "{}", stderr(&sent));
        assert!(told(&backend, &["manager", "status"]).contains("labels ocr rijeka"));
        let letters = "SELECT subject FROM outbox WHERE kind = 'unplaced'";
        wait_for("a message", 30, || !rows(&mut database, letters).is_empty());
        let [letter] = &rows(&mut database, letters)[..] else { panic!("one message of two managers") };
        assert!(letter[0].starts_with("a/b/far was due at") && letter[0].contains("`split`"), "{letter:?}");
        assert_eq!(number(&mut database, &format!("{BEGUN} AND a.name = 'far'")), 0);
        let third = labelled(project, &backend, "split");
        wait_for("its start", 30, || number(&mut database, &format!("{BEGUN} AND a.name = 'far'")) == 1);
        third.end();
        managers.into_iter().for_each(|manager| drop(manager.end()));
    }
}

#[test]
fn labels_that_are_none_are_refused() {
    let backend = Backend::sqlite();
    let project = backend.folder.path();
    let refused = on(&backend, &["deploy"]).env("DC_MANAGER_LABELS", "two words").output().expect("dc runs");
    assert!(refused.status.code() == Some(3) && stderr(&refused).contains("`two words` is no label"));
    app(project, "a/b/c", "true", "on = \"ocr\"");
    let deployed = on(&backend, &["deploy"]).output().expect("dc runs");
    let said = crate::support::stdout(&deployed);
    assert!(deployed.status.code() == Some(1) && said.contains("`on` takes a list of labels"), "{said}");
}

/// After an upgrade of one machine the other one still has the app as it was.
#[test]
fn a_machine_that_has_the_app_as_it_is_registered_goes_first() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        let older = tempfile::tempdir().expect("a folder");
        app(older.path(), "a/b/c", "echo old", "interval = \"1s\"\ntimeout = \"1m\"");
        std::fs::write(older.path().join("dc.toml"), "").expect("a file");
        app(project, "a/b/c", "echo new", "interval = \"1s\"");
        told(&backend, &["deploy"]);
        let managers = [labelled(older.path(), &backend, "older"), labelled(project, &backend, "newer")];
        let mut database = backend.connect();
        wait_for("both", 30, || number(&mut database, "SELECT count(*) FROM managers") == 2);
        // what the older one started while it was alone does not count
        let before = number(&mut database, "SELECT count(*) FROM occurrences");
        wait_for("runs", 60, || number(&mut database, BEGUN) >= before + 5);
        let by = "SELECT DISTINCT m.labels FROM occurrences o JOIN managers m ON m.id = o.claimed_by WHERE o.id > 2";
        assert_eq!(rows(&mut database, by), [["newer"]]);
        let [older_one, newer_one] = managers;
        newer_one.end();
        // alone it starts what it has
        let begun = number(&mut database, BEGUN);
        wait_for("runs of the older one", 60, || number(&mut database, BEGUN) > begun + 1);
        older_one.end();
    }
}
