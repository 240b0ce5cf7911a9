//! Apps that are renamed, that leave and come back, and what stands under `apps/` beside what is registered.

use crate::manager::{on, told};
use crate::support::manager::{Manager, wait_for};
use crate::support::{Backend, app, stderr, stdout};

fn on_all(test: impl Fn(&Backend)) {
    Backend::all().iter().for_each(test);
}

fn move_app(backend: &Backend, from: &str, to: &str) {
    let apps = backend.folder.path().join("apps");
    std::fs::create_dir_all(apps.join(to).parent().expect("a folder")).expect("a folder");
    std::fs::rename(apps.join(from), apps.join(to)).expect("another name");
}

fn runs(backend: &Backend, app: &str) -> usize {
    let listed: serde_json::Value =
        serde_json::from_str(&told(backend, &["logs", "--runs", "--json", app])).expect("JSON");
    listed["runs"].as_array().expect("runs").len()
}

#[test]
fn an_app_under_another_name_keeps_its_runs_and_logs() {
    on_all(|backend| {
        app(backend.folder.path(), "a/b/old", "echo a word of $0", "interval = \"1h\"");
        told(backend, &["deploy"]);
        told(backend, &["run", "old"]);
        move_app(backend, "a/b/old", "a/c/new");
        let report = told(backend, &["deploy", "--dry-run"]);
        assert!(report.contains("dc deploy --rename a/b/old=a/c/new"), "{report}");
        let report = told(backend, &["deploy", "--rename", "old=new", "--dry-run"]);
        assert!(report.contains("would be renamed    a/b/old -> a/c/new") && !report.contains("archived"), "{report}");
        assert_eq!(runs(backend, "old"), 1, "nothing was changed");
        let report = told(backend, &["deploy", "--rename", "old=new"]);
        assert!(report.contains("renamed    a/b/old -> a/c/new") && !report.contains("added"), "{report}");
        told(backend, &["run", "new"]);
        assert_eq!(runs(backend, "a/c/new"), 2);
        assert!(told(backend, &["logs", "new"]).contains("a/c/new a word"));
        assert_eq!(on(backend, &["logs", "old"]).output().expect("dc runs").status.code(), Some(5));
    });
}

/// Somebody deployed before he thought of the name, and the new app has run already.
#[test]
fn a_rename_may_come_later() {
    on_all(|backend| {
        app(backend.folder.path(), "a/b/old", "echo a word", "");
        told(backend, &["deploy"]);
        told(backend, &["run", "old"]);
        move_app(backend, "a/b/old", "a/b/new");
        let report = told(backend, &["deploy"]);
        assert!(report.contains("dc deploy --rename a/b/old=a/b/new"), "{report}");
        told(backend, &["run", "new"]);
        assert_eq!((runs(backend, "old"), runs(backend, "new")), (1, 1));
        told(backend, &["deploy", "--rename", "old=new"]);
        told(backend, &["run", "new"]);
        assert_eq!(runs(backend, "new"), 3);
        assert!(told(backend, &["deploy"]).contains("nothing to do"));
        for (rename, status) in [("new=gone", 5), ("never=new", 5), ("new=new", 2)] {
            let ended = on(backend, &["deploy", "--rename", rename]).output().expect("dc runs");
            assert_eq!(ended.status.code(), Some(status), "{rename}: {}", stderr(&ended));
        }
        assert_eq!(runs(backend, "new"), 3);
    });
}

#[test]
fn what_an_app_did_is_found_after_it_is_gone_and_when_it_is_back() {
    on_all(|backend| {
        let folder = backend.folder.path();
        app(folder, "a/b/one", "echo a word of mine", "");
        app(folder, "a/b/other", "true", "");
        told(backend, &["deploy"]);
        told(backend, &["run", "one"]);
        move_app(backend, "a/b/one", "../aside/one");
        told(backend, &["deploy"]);
        assert_eq!(runs(backend, "one"), 1);
        let logs = told(backend, &["logs", "one"]);
        assert!(logs.contains("a/b/one a word of mine"), "{logs}");
        let why = told(backend, &["manager", "why", "one"]);
        assert!(why.contains("not under apps/ any more") && why.contains("it ended well"), "{why}");
        assert_eq!(on(backend, &["manager", "send", "start", "one"]).output().expect("dc runs").status.code(), Some(5));
        move_app(backend, "../aside/one", "a/b/one");
        told(backend, &["deploy"]);
        told(backend, &["run", "one"]);
        assert_eq!(runs(backend, "one"), 2, "its first life included");
    });
}

#[test]
fn what_nobody_has_deployed_is_told() {
    on_all(|backend| {
        let folder = backend.folder.path();
        app(folder, "a/b/one", "true", "interval = \"1h\"");
        app(folder, "a/b/two", "true", "interval = \"1h\"");
        told(backend, &["deploy"]);
        assert!(!told(backend, &["manager", "status"]).contains("dc deploy"));
        app(folder, "a/b/one", "true", "interval = \"2h\"");
        app(folder, "a/b/three", "true", "interval = \"1h\"");
        move_app(backend, "a/b/two", "../aside/two");
        let status = told(backend, &["manager", "status"]);
        for part in ["`a/b/three` stands under apps/", "`a/b/one` differs", "`a/b/two` is registered", "`dc deploy`"] {
            assert!(status.contains(part), "{part}: {status}");
        }
        let doctor = stdout(&on(backend, &["doctor", "--json"]).output().expect("dc runs"));
        let doctor: serde_json::Value = serde_json::from_str(&doctor).expect("JSON");
        let findings = doctor["findings"].as_array().expect("findings");
        let drift = findings.iter().find(|finding| finding["what"] == "registry").expect("a finding");
        assert_eq!((&drift["health"], &drift["mend"]), (&"warning".into(), &"dc deploy".into()), "{drift}");
        let manager = Manager::start(folder, &backend.url, &[]);
        wait_for("a word of the manager", 30, || manager.said().contains("`a/b/three` stands under apps/"));
        manager.end();
        // by itself it registers what is here, and leaves what another machine may have
        std::fs::write(folder.join("dc.toml"), "[manager]\ndeploy = \"auto\"\n").expect("a file");
        told(backend, &["manager", "start", "--once"]);
        let status = told(backend, &["manager", "status"]);
        assert!(
            !status.contains("`dc deploy`") && status.contains("a/b/three") && status.contains("a/b/two"),
            "{status}"
        );
    });
}
