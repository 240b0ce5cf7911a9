//! What apps are told by hand: within the limits that hold for schedules, not hours too late, and taken back on request.

use std::process::Output;

use crate::manager::{number, on, rows, told};
use crate::support::manager::{Manager, wait_for};
use crate::support::{Backend, app, stderr, stdout};

fn sent(backend: &Backend, arguments: &[&str]) -> Output {
    on(backend, &[&["manager", "send"], arguments].concat()).output().expect("dc runs")
}

#[test]
fn a_start_by_hand_waits_for_a_place() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        for name in ["a/b/one", "a/b/two", "c/d/three"] {
            app(project, name, "until [ -e go ]; do sleep 0.05; done", "");
        }
        std::fs::write(project.join("dc.toml"), "[group.a]\nmax_running = 1\n").expect("a file");
        told(&backend, &["deploy"]);
        let manager = Manager::start(project, &backend.url, &[]);
        told(&backend, &["manager", "send", "start", "one", "--wait"]);
        let waits = sent(&backend, &["start", "two", "--wait", "3"]);
        assert_eq!(waits.status.code(), Some(124), "{}", stdout(&waits));
        assert!(
            stderr(&waits).contains("1 of the group `a` run") && stderr(&waits).contains("taken back"),
            "{}",
            stderr(&waits)
        );
        // another group has room
        told(&backend, &["manager", "send", "start", "three", "--wait"]);
        told(&backend, &["manager", "send", "start", "two"]);
        let mut database = backend.connect();
        let open = "SELECT count(*) FROM runtime WHERE ended_at IS NULL";
        let waiting = "SELECT count(*) FROM command_log WHERE result LIKE '%a place%' AND cmd_exec IS NULL";
        wait_for("the reason why it waits", 20, || number(&mut database, waiting) == 1);
        assert_eq!(number(&mut database, open), 2);
        std::fs::write(project.join("apps/a/b/one/go"), "").expect("a file");
        let second = "SELECT count(*) FROM runtime r JOIN apps a ON a.id = r.app_id WHERE a.name = 'two'";
        wait_for("the start of the second", 30, || number(&mut database, second) == 1);
        for path in ["a/b/two/go", "c/d/three/go"] {
            std::fs::write(project.join("apps").join(path), "").expect("a file");
        }
        wait_for("the end of all", 30, || number(&mut database, open) == 0);
        manager.end();
    }
}

#[test]
fn a_manager_that_falls_behind_in_a_pass_sees_the_run_that_began_meanwhile() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/slow", "exec sleep 60", "grace = \"1s\"");
        told(&backend, &["deploy"]);
        let late = Manager::start_with(project, &backend.url, &[], |command| {
            command.env("DC_FAILPOINT", "manager.asked=stop")
        });
        wait_for("a manager that stands still in a pass", 60, || late.is_stopped());
        let other = Manager::start(project, &backend.url, &[]);
        let began = told(&backend, &["manager", "send", "start", "slow", "--wait"]);
        assert!(began.contains("began"), "{began}");
        other.kill();
        told(&backend, &["manager", "send", "stop", "slow"]);
        late.signal("CONT");
        let mut database = backend.connect();
        let open = "SELECT count(*) FROM command_log WHERE cmd_exec IS NULL";
        wait_for("the end of the command", 60, || number(&mut database, open) == 0);
        let said = rows(&mut database, "SELECT result FROM command_log ORDER BY id DESC").remove(0).remove(0);
        assert!(said.starts_with("it ended within"), "{said}");
        late.end();
    }
}

#[test]
fn a_manager_that_falls_behind_refuses_nothing_that_another_has_taken() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/slow", "until [ -e go ]; do sleep 0.05; done", "");
        told(&backend, &["deploy"]);
        told(&backend, &["manager", "send", "start", "slow"]);
        let late = Manager::start_with(project, &backend.url, &[], |command| {
            command.env("DC_FAILPOINT", "manager.asked=stop")
        });
        wait_for("a manager that stands still in a pass", 60, || late.is_stopped());
        let mut database = backend.connect();
        let take = "UPDATE command_log SET accepted_by = 'another', accepted_at = cmd_time, cmd_flag = \
                    (SELECT id FROM c_cmd_flags WHERE name = 'ACCEPTED')";
        database.execute(take, &[]).expect("an update");
        let mut run = on(&backend, &["run", "a/b/slow"]).spawn().expect("dc starts");
        let open = "SELECT count(*) FROM runtime WHERE ended_at IS NULL";
        wait_for("its run", 60, || number(&mut database, open) == 1);
        late.signal("CONT");
        let carried_out = "SELECT count(*) FROM command_log WHERE cmd_exec IS NOT NULL";
        wait_for("the end of the command", 60, || number(&mut database, carried_out) == 1);
        let said = rows(&mut database, "SELECT result FROM command_log").remove(0).remove(0);
        assert!(said.starts_with("run ") && said.ends_with(" began"), "{said}");
        std::fs::write(project.join("apps/a/b/slow/go"), "").expect("a file");
        assert!(run.wait().expect("its end").success());
        late.end();
    }
}

#[test]
fn a_command_that_nobody_has_taken_can_be_taken_back_and_grows_old() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/one", "true", "");
        told(&backend, &["deploy"]);
        told(&backend, &["manager", "send", "start", "one"]);
        let mut database = backend.connect();
        let id = rows(&mut database, "SELECT id FROM command_log").remove(0).remove(0);
        let list = told(&backend, &["manager", "commands"]);
        assert!(list.contains("requested") && list.contains("a/b/one"), "{list}");
        let list = told(&backend, &["manager", "commands", "--cancel", &id]);
        assert!(list.contains("took it back"), "{list}");
        let again = on(&backend, &["manager", "commands", "--cancel", &id]).output().expect("dc runs");
        assert_eq!(again.status.code(), Some(6), "{}", stderr(&again));
        let never = on(&backend, &["manager", "commands", "--cancel", "99"]).output().expect("dc runs");
        assert_eq!(never.status.code(), Some(5), "{}", stderr(&never));

        // two hours ago somebody wished for a start, and for an app out of service
        told(&backend, &["manager", "send", "start", "one"]);
        told(&backend, &["manager", "send", "disable", "one"]);
        let earlier = format!("UPDATE command_log SET cmd_time = {}", backend.ago(7_200));
        database.execute(&earlier, &[]).expect("an update");
        told(&backend, &["manager", "start", "--once"]);
        let states = rows(&mut database, "SELECT result FROM command_log ORDER BY id");
        assert!(states[1][0].contains("too late now"), "{states:?}");
        assert_eq!(states[2][0], "it is out of service");
        assert_eq!(number(&mut database, "SELECT count(*) FROM runtime"), 0);
    }
}

#[test]
fn a_group_that_no_app_is_of_is_an_error() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "croatia/b/one", "true", "");
        std::fs::write(project.join("dc.toml"), "[group.croatai]\nmax_running = 1\n").expect("a file");
        told(&backend, &["deploy"]);
        let wrong = on(&backend, &["manager", "start", "--once"]).output().expect("dc runs");
        assert_eq!(wrong.status.code(), Some(3), "{}", stdout(&wrong));
        assert!(stderr(&wrong).contains("[group.croatai]") && stderr(&wrong).contains("croatia"), "{}", stderr(&wrong));
        let doctor = on(&backend, &["doctor"]).output().expect("dc runs");
        assert!(stdout(&doctor).contains("[group.croatai]"), "{}", stdout(&doctor));
    }
}

#[test]
fn doctor_tells_of_a_database_that_takes_no_changes() {
    let Some(backend) = Backend::postgres() else { return };
    told(&backend, &["deploy"]);
    let name = backend.url.rsplit('/').next().expect("a name");
    let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    backend.connect().execute(&read_only, &[]).expect("as a replica is");
    let doctor = on(&backend, &["doctor"]).output().expect("dc runs");
    let said = stdout(&doctor);
    assert!(said.contains("read-only transaction") && said.contains("write to the one that it follows"), "{said}");
    assert_eq!(doctor.status.code(), Some(1), "{said}");
    let merge = on(&backend, &["deploy", "--json"]).output().expect("dc runs");
    assert!(merge.status.success(), "nothing is to be changed: {}", stderr(&merge));
}

/// Cron and containers set no variable that says whose process it is.
#[test]
fn who_started_a_run_is_known_without_a_variable() {
    for backend in Backend::all() {
        app(backend.folder.path(), "a/b/one", "true", "");
        told(&backend, &["deploy"]);
        let mut bare = on(&backend, &["run", "one"]);
        assert!(bare.env_remove("USER").env_remove("LOGNAME").status().expect("dc runs").success());
        let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).expect("users").expect("a user").name;
        assert_eq!(rows(&mut backend.connect(), "SELECT started_by FROM runtime"), [[user]]);
    }
}

/// For an upgrade everything drains: nothing starts, what runs goes on, and everybody sees why.
#[test]
fn a_pause_holds_for_all_managers_and_is_seen() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/often", "true", "interval = \"1s\"");
        app(project, "a/b/long", "touch begun; until [ -e go ]; do sleep 0.05; done", "");
        told(&backend, &["deploy"]);
        let managers = [Manager::start(project, &backend.url, &[]), Manager::start(project, &backend.url, &[])];
        told(&backend, &["manager", "send", "start", "long", "--wait"]);
        let mut database = backend.connect();
        let often = "SELECT count(*) FROM runtime r JOIN apps a ON a.id = r.app_id WHERE a.name = 'often'";
        wait_for("the first runs", 30, || number(&mut database, often) > 1);
        let paused = told(&backend, &["manager", "pause", "an upgrade"]);
        assert!(paused.contains("(an upgrade)") && paused.contains("app"), "{paused}");
        assert!(told(&backend, &["manager", "pause"]).contains("paused before"));
        let waits = sent(&backend, &["start", "often", "--wait", "3"]);
        assert!(stderr(&waits).contains("everything is paused"), "{}", stderr(&waits));
        let runs = number(&mut database, often);
        for words in [&["manager", "why", "often"][..], &["manager", "status"], &["doctor"], &["manager", "check"]] {
            let seen = on(&backend, words).output().expect("dc runs");
            assert!(stdout(&seen).contains("everything is paused"), "{words:?}: {}", stdout(&seen));
        }
        assert_eq!(number(&mut database, often), runs, "nothing was started meanwhile");
        std::fs::write(project.join("apps/a/b/long/go"), "").expect("a file");
        wait_for("the end of what ran", 30, || {
            number(&mut database, "SELECT count(*) FROM runtime WHERE ended_at IS NULL") == 0
        });
        assert!(told(&backend, &["manager", "resume"]).contains("start apps again"));
        wait_for("runs after it", 30, || number(&mut database, often) > runs);
        // what was due meanwhile was not started, and not because no manager worked
        let why = told(&backend, &["manager", "why", "often"]);
        assert!(why.contains("everything was paused by") && !why.contains("no manager"), "{why}");
        managers.into_iter().for_each(|manager| drop(manager.end()));
    }
}

#[test]
fn several_apps_are_told_at_once() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        for name in ["hr/b/one", "hr/c/two", "si/b/three"] {
            app(project, name, "true", "interval = \"1h\"");
        }
        told(&backend, &["deploy"]);
        let _manager = Manager::start(project, &backend.url, &[]);
        let disabled = |expected: &[&str]| {
            let found = rows(&mut backend.connect(), "SELECT name FROM apps WHERE disable = true ORDER BY name");
            assert_eq!(found.concat(), expected);
        };
        told(&backend, &["manager", "send", "disable", "--group", "hr", "--wait"]);
        disabled(&["one", "two"]);
        told(&backend, &["manager", "send", "enable", "*/b/*", "--wait"]);
        disabled(&["two"]);
        told(&backend, &["manager", "send", "disable", "--all", "--wait"]);
        disabled(&["one", "three", "two"]);
        // one that cannot be told holds up no other
        let stopped = sent(&backend, &["stop", "--all", "--wait"]);
        assert_eq!(stopped.status.code(), Some(1));
        assert_eq!(stdout(&stopped).matches("does not run").count(), 3, "{}", stdout(&stopped));
        for (none, status) in [(&["stop", "xx/*"][..], 5), (&["stop", "--group", "xx"], 5), (&["stop"], 2)] {
            assert_eq!(sent(&backend, none).status.code(), Some(status), "{none:?}");
        }
    }
}
