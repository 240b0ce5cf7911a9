//! Who owns a run, with real namespaces for other machines and containers: leases that end, fences that hold, and ends
//! that come late and are true all the same.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::manager::{is_alive_with, number, on, rows, told};
use crate::support::elsewhere::{Elsewhere, can_be};
use crate::support::manager::{Manager, wait_for};
use crate::support::{Backend, app, clean, dc, killed_at, stderr, stdout};
use data_collector::db::Connection;

/// A short lease, so that a test need not wait.
const LEASE: (&str, &str) = ("DC_RUN_LEASE", "2s");

fn with_lease(backend: &Backend, arguments: &[&str]) -> Command {
    let mut command = on(backend, arguments);
    command.env(LEASE.0, LEASE.1);
    command
}

fn manager(backend: &Backend) -> Manager {
    Manager::start_with(backend.folder.path(), &backend.url, &[], |command| command.env(LEASE.0, LEASE.1))
}

/// How the run of an app ended: outcome, exit status and reason; and whether that is a guess.
fn ends(database: &mut Connection, app: &str) -> Vec<Vec<String>> {
    let sql = format!(
        "SELECT c.name, r.exit_code, r.reason, CASE WHEN r.is_guess THEN 'a guess' ELSE 'seen' END FROM runtime r \
         JOIN apps a ON a.id = r.app_id JOIN c_runtime_codes c ON c.id = r.code AND c.archive IS NULL \
         WHERE a.name = '{app}' ORDER BY r.runtime"
    );
    rows(database, &sql)
}

fn open(database: &mut Connection, app: &str) -> i64 {
    let sql = "SELECT count(*) FROM runtime r JOIN apps a ON a.id = r.app_id WHERE r.ended_at IS NULL AND a.name =";
    number(database, &format!("{sql} '{app}'"))
}

/// A script that waits until a file is there, in the app's folder.
fn until(file: &str) -> String {
    format!("until [ -e {file} ]; do sleep 0.05; done")
}

fn of_app(backend: &Backend, app: &str, file: &str) -> std::path::PathBuf {
    backend.folder.path().join("apps/a/b").join(app).join(file)
}

#[test]
fn a_machine_that_is_gone_holds_its_app_no_longer_than_its_lease() {
    if !can_be() {
        return;
    }
    for backend in Backend::all() {
        let project = backend.folder.path();
        let script = "if [ -e first ]; then exit 0; fi; touch first; exec sleep 300";
        app(project, "a/b/onhost", script, "schedule = \"* * * * * *\"");
        told(&backend, &["deploy"]);
        let there = Elsewhere::start(Some("machine-b"), &with_lease(&backend, &["run", "onhost"]));
        wait_for("the run there", 30, || of_app(&backend, "onhost", "first").exists());
        there.vanish();
        let mut database = backend.connect();
        assert_eq!(open(&mut database, "onhost"), 1, "nobody wrote its end");
        let manager = Manager::start_with(project, &backend.url, &[], |command| {
            command.env(LEASE.0, LEASE.1).env("DC_MANAGER_BACKOFF", "0s")
        });
        let good = "SELECT count(*) FROM runtime WHERE started_by = 'manager' AND code = 2";
        wait_for("a run here", 60, || number(&mut database, good) > 0);
        drop(manager.end());
        let first = ends(&mut database, "onhost").remove(0);
        assert_eq!((first[0].as_str(), first[3].as_str()), ("ORPHAN_PID", "a guess"));
        assert!(first[2].contains("its lease ended") && first[2].contains("machine-b"), "{first:?}");
    }
}

/// As process 1 of a container a manager inherits whoever loses its parent, and takes the apps along in order.
#[test]
fn the_first_process_of_a_container_leaves_no_zombies_and_ends_its_apps() {
    if !can_be() {
        return;
    }
    for backend in Backend::all() {
        let project = backend.folder.path();
        let script = "trap 'touch ended; exit 0' TERM; touch begun; while :; do sleep 0.05; done";
        app(project, "a/b/tidy", script, "grace = \"10s\"");
        told(&backend, &["deploy"]);
        let there = Elsewhere::start(None, &with_lease(&backend, &["manager", "start"]));
        told(&backend, &["manager", "send", "start", "tidy", "--wait"]);
        wait_for("the app", 30, || of_app(&backend, "tidy", "begun").exists());
        there.adopt();
        wait_for("an orphan that has ended and is gone", 60, || there.orphans() == 0);
        there.signal("TERM");
        let ended = there.end();
        assert!(ended.status.success(), "{}", stderr(&ended));
        assert!(stdout(&ended).contains("1 app was ended"), "{}", stdout(&ended));
        assert!(of_app(&backend, "tidy", "ended").exists(), "the app was killed");
        let mut database = backend.connect();
        assert_eq!(ends(&mut database, "tidy").len(), 1);
        assert_eq!(open(&mut database, "tidy"), 0);
    }
}

/// Its machine lived, and had no manager when its `dc run` was killed: another machine closed the run, and may run it again.
#[test]
fn an_app_that_has_outlived_its_run_is_ended_where_it_is() {
    if !can_be() {
        return;
    }
    let Some(backend) = Backend::postgres() else { return };
    app(backend.folder.path(), "a/b/orphan", "touch begun; exec sleep 300", "grace = \"1s\"");
    told(&backend, &["deploy"]);
    let mut local = with_lease(&backend, &["run", "orphan"]).stderr(Stdio::null()).spawn().expect("dc starts");
    wait_for("the app", 30, || of_app(&backend, "orphan", "begun").exists());
    local.kill().expect("a kill");
    local.wait().expect("its end");
    let mut database = backend.connect();
    let run = rows(&mut database, "SELECT runtime FROM runtime").remove(0).remove(0);
    let there = Elsewhere::start(Some("machine-b"), &with_lease(&backend, &["manager", "start"]));
    wait_for("its end by a lease", 60, || open(&mut database, "orphan") == 0);
    assert!(is_alive_with(&run), "its app goes on");
    let back = manager(&backend);
    wait_for("the end of its app", 30, || !is_alive_with(&run));
    wait_for("a word about it", 10, || back.said().contains("its lease ended"));
    drop(back.end());
    drop(there);
}

#[test]
fn what_another_namespace_runs_is_left_alone_and_can_be_closed_by_force() {
    if !can_be() {
        return;
    }
    for backend in Backend::all() {
        let project = backend.folder.path();
        for name in ["a/b/spaced", "a/b/orphan"] {
            app(project, name, "touch begun; exec sleep 300", "");
        }
        told(&backend, &["deploy"]);
        // the same host name and the same boot, as in a container beside the host's cron
        let there = Elsewhere::start(None, &with_lease(&backend, &["run", "spaced"]));
        let mut local = on(&backend, &["run", "orphan"]).stderr(Stdio::null()).spawn().expect("dc starts");
        for name in ["spaced", "orphan"] {
            wait_for(name, 30, || of_app(&backend, name, "begun").exists());
        }
        local.kill().expect("a kill");
        local.wait().expect("its end");
        let mut database = backend.connect();
        let run = "SELECT r.runtime FROM runtime r JOIN apps a ON a.id = r.app_id WHERE a.name = 'spaced'";
        let run = rows(&mut database, run).remove(0).remove(0);
        // a manager that looks closes what is surely gone, and that alone
        let manager = manager(&backend);
        wait_for("a look at both", 30, || open(&mut database, "orphan") == 0);
        told(&backend, &["manager", "send", "disable", "orphan", "--wait"]);
        assert!(open(&mut database, "spaced") == 1 && is_alive_with(&run), "the run there was ended");
        let second = on(&backend, &["run", "spaced"]).output().expect("dc starts");
        assert_eq!(second.status.code(), Some(75), "{}", stderr(&second));
        assert!(open(&mut database, "spaced") == 1 && is_alive_with(&run), "the run there was ended");
        drop(manager.end());

        let forced = told(&backend, &["manager", "send", "stop", "spaced", "--force"]);
        assert!(forced.contains("process 1 in pid:[") && forced.contains("may still live there"), "{forced}");
        let ended = there.end();
        assert!(stderr(&ended).contains("was stopped, and nothing more of it is recorded"), "{}", stderr(&ended));
        assert!(!is_alive_with(&run), "its app was not stopped");
        let end = ends(&mut database, "spaced").remove(0);
        assert_eq!((end[0].as_str(), end[3].as_str()), ("STOPPED", "a guess"));
        assert!(end[2].contains("by force"), "{end:?}");
        let log = "SELECT count(*) FROM command_log WHERE result LIKE '%was closed%' AND cmd_exec IS NOT NULL";
        assert_eq!(number(&mut database, log), 1);
        let again = on(&backend, &["manager", "send", "stop", "spaced", "--force"]).output().expect("dc starts");
        assert_eq!(again.status.code(), Some(6), "{}", stderr(&again));
        let wrong = on(&backend, &["manager", "send", "start", "spaced", "--force"]).output().expect("dc starts");
        assert_eq!(wrong.status.code(), Some(2), "{}", stderr(&wrong));
        assert!(
            !project
                .join(".dc/ends")
                .read_dir()
                .expect("a folder")
                .flatten()
                .any(|entry| { entry.path().extension().is_some_and(|end| end == "end") })
        );
    }
}

#[test]
fn who_comes_back_after_its_lease_stops_its_app_and_writes_nothing() {
    if !can_be() {
        return;
    }
    for backend in Backend::all() {
        let project = backend.folder.path();
        let script = format!(
            "if mkdir first 2>/dev/null; then {go}; echo '{progress}'; echo '{wish}'; exec sleep 300; fi\n\
             touch second; {end}; exit 3",
            go = until("go"),
            end = until("end"),
            progress = r#"{"dc":"progress","task_size":9,"solved":9,"failed":0}"#,
            wish = r#"{"dc":"next_run","at":"2031-12-01T06:00:00Z"}"#,
        );
        app(project, "a/b/frozen", &script, "");
        told(&backend, &["deploy"]);
        let there = Elsewhere::start(Some("machine-b"), &with_lease(&backend, &["run", "frozen"]));
        wait_for("the run there", 30, || of_app(&backend, "frozen", "first").exists());
        there.signal("STOP");
        // its lease holds for a while, then another one takes over
        let start = || with_lease(&backend, &["run", "frozen"]).stderr(Stdio::null()).spawn().expect("dc starts");
        let mut second: Child = start();
        wait_for("a run here", 60, || {
            if let Some(status) = second.try_wait().expect("its state") {
                assert_eq!(status.code(), Some(75));
                second = start();
            }
            of_app(&backend, "frozen", "second").exists()
        });
        std::fs::write(of_app(&backend, "frozen", "go"), "").expect("a file");
        there.signal("CONT");
        let ended = there.end();
        let said = stderr(&ended);
        assert!(said.contains("its run was closed meanwhile (its lease ended"), "{said}");
        let mut database = backend.connect();
        let app = "SELECT status, task_size, solved, next_run FROM apps";
        assert_eq!(rows(&mut database, app), [["2", "null", "0", "null"]], "the run here has the app");
        let first = ends(&mut database, "frozen").remove(0);
        assert_eq!((first[0].as_str(), first[1].as_str(), first[3].as_str()), ("ORPHAN_PID", "null", "a guess"));
        std::fs::write(of_app(&backend, "frozen", "end"), "").expect("a file");
        assert_eq!(second.wait().expect("its end").code(), Some(3));
        assert_eq!(ends(&mut database, "frozen")[1][..2], ["FAILED", "3"]);
    }
}

#[test]
fn an_end_that_was_seen_is_delivered_by_whoever_comes_next() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/bad", "exit 7", "");
        app(project, "a/b/good", "true", "");
        told(&backend, &["deploy"]);
        let mut database = backend.connect();
        let comers: [&[&str]; 3] = [&["run", "good"], &["run", "bad"], &["manager", "start", "--once"]];
        for (place, next) in comers.iter().enumerate() {
            killed_at("run.kept", &mut on(&backend, &["run", "bad"]));
            assert_eq!(open(&mut database, "bad"), 1);
            let status = on(&backend, next).stderr(Stdio::null()).stdout(Stdio::null()).status().expect("dc starts");
            assert!(matches!(status.code(), Some(0 | 7)), "{next:?}: {status}");
            let ends = ends(&mut database, "bad");
            assert!(ends.iter().all(|end| end[..2] == ["FAILED", "7"] && end[3] == "seen"), "{next:?}: {ends:?}");
            assert_eq!(ends.len(), place + 1 + usize::from(place > 0));
            assert_eq!(project.join(".dc/ends").read_dir().expect("a folder").count(), 0);
        }
        // when it ended, and not when that was written
        let late = "SELECT count(*) FROM runtime b JOIN runtime g ON g.code = 2 AND b.ended_at < g.started_at";
        assert_eq!(number(&mut database, late), 1);
    }
}

#[test]
fn a_guess_of_another_machine_gives_way_to_the_end_that_was_seen() {
    if !can_be() {
        return;
    }
    for backend in Backend::all() {
        let there = tempfile::tempdir().expect("a folder");
        for project in [backend.folder.path(), there.path()] {
            app(project, "a/b/bad", "exit 7", "");
        }
        told(&backend, &["deploy"]);
        let on_b = |arguments: &[&str]| {
            let mut command = dc(there.path());
            command.args(arguments).env("DC_DB_MAIN_URL", &backend.url).env(LEASE.0, LEASE.1);
            command
        };
        let mut killed = on_b(&["run", "bad"]);
        let killed = Elsewhere::start_second(Some("machine-b"), killed.env("DC_FAILPOINT", "run.kept=kill"));
        let killed = killed.end();
        assert!(!killed.status.success());
        let mut database = backend.connect();
        let manager = manager(&backend);
        wait_for("a guess", 60, || open(&mut database, "bad") == 0);
        drop(manager.end());
        assert_eq!(ends(&mut database, "bad")[0][3], "a guess");
        assert_eq!(rows(&mut database, "SELECT failures FROM apps"), [["1"]]);
        let next = on_b(&["run", "bad"]).output().expect("dc starts");
        assert_eq!(next.status.code(), Some(7), "{}", stderr(&next));
        let ends = ends(&mut database, "bad");
        assert!(ends.len() == 2 && ends.iter().all(|end| end[..2] == ["FAILED", "7"] && end[3] == "seen"), "{ends:?}");
        assert_eq!(rows(&mut database, "SELECT failures FROM apps"), [["2"]], "each failure counts once");
    }
}

/// A disk of 64 KiB at a folder, as long as this lives.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn at(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let mount = ["-t", "tmpfs", "-o", "size=64k", "none"];
        let status = clean("mount").args(mount).arg(folder).status().expect("mount starts");
        assert!(status.success(), "a disk");
        Self(folder.to_owned())
    }

    fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.0.join("filler")).expect("a file");
        while file.write_all(&[1; 512]).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = clean("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn an_end_outlasts_a_database_that_is_away_and_a_disk_that_is_full() {
    let Some(backend) = Backend::postgres() else { return };
    if !can_be() {
        return;
    }
    let (proxy, url) = backend.by_proxy();
    let project = backend.folder.path();
    app(project, "a/b/good", &format!("touch begun; {}", until("go")), "");
    let dc = |arguments: &[&str]| {
        let mut command = dc(project);
        command.env("DC_DB_MAIN_URL", &url).env("DC_LOG_FLUSH", "1s").args(arguments);
        command
    };
    assert!(dc(&["deploy"]).status().expect("dc runs").success());
    let disk = SmallDisk::at(&project.join(".dc"));
    let running = dc(&["run", "good"]).stderr(Stdio::piped()).spawn().expect("dc starts");
    wait_for("the app", 30, || of_app(&backend, "good", "begun").exists());
    proxy.cut();
    disk.fill();
    std::fs::write(of_app(&backend, "good", "go"), "").expect("a file");
    let ended = running.wait_with_output().expect("its end");
    assert_eq!(ended.status.code(), Some(0), "{}", stderr(&ended));
    assert!(stderr(&ended).contains("the end of the run waits in"), "{}", stderr(&ended));
    let mut database = backend.connect();
    assert_eq!(open(&mut database, "good"), 1, "the database was away");
    proxy.mend();
    let once = dc(&["manager", "start", "--once"]).output().expect("dc runs");
    assert!(once.status.success(), "{}{}", stdout(&once), stderr(&once));
    assert_eq!(ends(&mut database, "good")[0][..2], ["OK", "0"]);
    assert_eq!(rows(&mut database, "SELECT failures FROM apps"), [["0"]]);
}
