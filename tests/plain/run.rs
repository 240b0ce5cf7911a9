//! `dc run` with real child processes: what it passes on, what it keeps, and that nothing stays running.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::manager::wait_for;
use crate::support::stranger::Stranger;
use crate::support::{app, dc, run, stderr, stdout};

fn one(project: &Path, sql: &str) -> i64 {
    let connection = rusqlite::Connection::open(project.join(".dc/dc.db")).expect("a database");
    connection.query_row(sql, [], |row| row.get(0)).expect("a number")
}

fn text(project: &Path, sql: &str) -> String {
    let connection = rusqlite::Connection::open(project.join(".dc/dc.db")).expect("a database");
    connection.query_row(sql, [], |row| row.get(0)).expect("a text")
}

/// Whether any process has this in its environment or command line.
fn is_running(marker: &str) -> bool {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let holds = |path: std::path::PathBuf| {
        std::fs::read(path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(marker))
    };
    entries.map(|entry| entry.path()).filter(|path| path.join("stat").exists()).any(|path| {
        let is_zombie = std::fs::read_to_string(path.join("stat")).is_ok_and(|stat| stat.contains(") Z "));
        !is_zombie && (holds(path.join("environ")) || holds(path.join("cmdline")))
    })
}

#[test]
fn the_status_is_passed_on_and_success_is_silent() {
    let project = tempfile::tempdir().expect("a folder");
    let project = project.path();
    app(project, "a/b/good", "echo fine", "");
    app(project, "a/b/bad", "echo one; echo two >&2; exit 7", "");
    let good = run(project, &["run", "good"]);
    assert_eq!((good.status.code(), stdout(&good), stderr(&good)), (Some(0), String::new(), String::new()));
    let bad = run(project, &["run", "bad"]);
    assert_eq!(bad.status.code(), Some(7));
    let told = stderr(&bad);
    assert!(told.contains("one") && told.contains("two") && told.contains("exit status 7"), "{told}");
    let loud = run(project, &["run", "good", "-v"]);
    assert_eq!(stdout(&loud), "fine\n");
    let report: serde_json::Value =
        serde_json::from_str(&stdout(&run(project, &["run", "bad", "--json"]))).expect("JSON");
    assert_eq!((report["exit_status"].as_i64(), report["code"].as_str()), (Some(7), Some("FAILED")));
    assert_eq!(one(project, "SELECT count(*) FROM runtime WHERE ended_at IS NOT NULL"), 4);
}

#[test]
fn the_environment_and_the_line_protocol_reach_both_sides() {
    let project = tempfile::tempdir().expect("a folder");
    let project = project.path();
    let script = r#"echo "$DC_APP $DC_ARGS $REGION $PWD"
test -n "$DC_APP_ID" && test -n "$DC_RUNTIME" && test -x "$DC_BIN" && test -n "$DC_CONFIG" || exit 9
echo '{"level":"error","msg":"broken","page":7}'
echo '{"dc":"progress","task_size":10,"solved":4,"failed":1}'
echo '{"dc":"next_run","at":"2031-12-01T06:00:00Z"}'
printf 'raw \377 bytes\n'"#;
    app(project, "a/b/c", script, "[env]\nREGION = \"hr\"\n");
    let output = run(project, &["run", "c", "--args", "{\"year\": 2026}"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let first = text(project, "SELECT message FROM logs ORDER BY id LIMIT 1");
    assert!(first.starts_with("a/b/c {\"year\": 2026} hr ") && first.ends_with("/apps/a/b/c"), "{first}");
    assert_eq!(text(project, "SELECT context FROM logs WHERE level = 40 AND message = 'broken'"), "{\"page\":7}");
    assert_eq!(
        one(
            project,
            "SELECT count(*) FROM runtime WHERE solved = 4 AND failed = 1 AND task_size = 10 AND exceptions = 1"
        ),
        1
    );
    assert!(text(project, "SELECT next_run FROM apps").starts_with("2031-12-01 06:00:00"));
    assert!(text(project, "SELECT context FROM logs WHERE message LIKE 'raw%'").contains("cmF3IP8gYnl0ZXM="));
}

#[test]
fn no_line_of_a_fast_app_is_lost() {
    let project = tempfile::tempdir().expect("a folder");
    app(project.path(), "a/b/fast", "seq 1 200000", "");
    assert_eq!(run(project.path(), &["run", "fast"]).status.code(), Some(0));
    assert_eq!(one(project.path(), "SELECT count(DISTINCT message) FROM logs"), 200_000);
    assert_eq!(one(project.path(), "SELECT log_lines FROM runtime"), 200_000);
}

#[test]
fn the_timeout_ends_the_whole_tree() {
    let project = tempfile::tempdir().expect("a folder");
    let marker = format!("tree-{}", uuid::Uuid::now_v7());
    let script = format!(
        "trap '' TERM; setsid sh -c 'trap \"\" TERM; while :; do sleep 0.2; : {marker}; done' & (setsid sh -c ': {marker}; trap \"\" TERM; sleep 100; :' &) ; while :; do sleep 0.2; done"
    );
    app(project.path(), "a/b/stubborn", &script, "timeout = \"1s\"\ngrace = \"1s\"\n");
    let started = Instant::now();
    let running = dc(project.path()).args(["run", "stubborn"]).stderr(Stdio::piped()).spawn().expect("dc starts");
    wait_for("the tree", 20, || is_running(&marker));
    let output = running.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(124), "{}", stderr(&output));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(!is_running(&marker), "something of the app still runs");
}

#[test]
fn a_second_copy_is_refused_and_a_dead_one_is_closed() {
    let project = tempfile::tempdir().expect("a folder");
    let marker = format!("slow-{}", uuid::Uuid::now_v7());
    app(
        project.path(),
        "a/b/slow",
        &format!("if [ -e again ]; then exit 0; fi; touch again; while :; do sleep 0.1; : {marker}; done"),
        "",
    );
    let mut first = dc(project.path()).args(["run", "slow"]).spawn().expect("dc starts");
    // the app has begun, so the run stands in the database
    wait_for("the app", 20, || project.path().join("apps/a/b/slow/again").exists());
    let second = run(project.path(), &["run", "slow"]);
    assert_eq!(second.status.code(), Some(75), "{}", stderr(&second));
    first.kill().expect("a kill");
    first.wait().expect("an end");
    // the app itself went on: it is ended before it starts anew
    let is_there = || {
        std::fs::read_dir("/proc").expect("/proc").flatten().any(|entry| {
            let cwd = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            cwd == project.path().join("apps/a/b/slow")
        })
    };
    assert!(is_there(), "the app went on");
    let third = run(project.path(), &["run", "slow"]);
    assert!(!is_there(), "the app that was left behind still runs");
    assert_eq!(third.status.code(), Some(0), "{}", stderr(&third));
    assert_eq!(one(project.path(), "SELECT count(*) FROM runtime WHERE code = 8"), 1);
}

#[test]
fn a_signal_is_forwarded_and_a_program_that_is_missing_is_recorded() {
    let project = tempfile::tempdir().expect("a folder");
    app(project.path(), "a/b/waits", "trap 'echo heard; exit 0' TERM; touch ready; while :; do sleep 0.1; done", "");
    let child = dc(project.path()).args(["run", "waits"]).spawn().expect("dc starts");
    wait_for("the app's trap", 20, || project.path().join("apps/a/b/waits/ready").exists());
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("a signal");
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(0), "an app that ends in order has its own status");
    assert_eq!(one(project.path(), "SELECT count(*) FROM logs WHERE message = 'heard'"), 1);
    assert_eq!(one(project.path(), "SELECT count(*) FROM runtime WHERE exit_code = 0 AND signal = 15"), 1);
    app(project.path(), "a/b/missing", "true", "command = [\"./nothing-here\"]\n");
    let output = run(project.path(), &["run", "missing"]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert_eq!(one(project.path(), "SELECT count(*) FROM runtime WHERE code = 7"), 1);
}

#[test]
fn a_merge_inside_a_run_belongs_to_it() {
    let project = tempfile::tempdir().expect("a folder");
    app(project.path(), "a/b/loads", r#"printf '{"n":1}\n' | "$DC_BIN" merge things - --create --json"#, "");
    let output = run(project.path(), &["run", "loads", "-v"]);
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let runtime = text(project.path(), "SELECT runtime FROM runtime");
    assert_eq!(report["runtime"].as_str(), Some(runtime.as_str()));
    assert_eq!(text(project.path(), "SELECT name FROM app_db_objects WHERE writes"), "things");
}

#[test]
fn names_that_are_wrong_or_not_clear_get_an_answer() {
    let project = tempfile::tempdir().expect("a folder");
    app(project.path(), "a/b/companies", "true", "");
    app(project.path(), "a/c/companies", "true", "");
    let unclear = run(project.path(), &["run", "companies"]);
    assert_eq!(unclear.status.code(), Some(2));
    assert!(stderr(&unclear).contains("a/b/companies") && stderr(&unclear).contains("a/c/companies"));
    let wrong = run(project.path(), &["run", "b/compnies"]);
    assert_eq!(wrong.status.code(), Some(5));
    assert!(stderr(&wrong).contains("did you mean"), "{}", stderr(&wrong));
}

#[test]
fn a_kill_of_dc_loses_no_more_log_than_the_window_in_memory() {
    /// What the pipeline says that it may lose: a queue, and what waits in memory for a sink.
    const WINDOW: i64 = 20_000;
    let project = tempfile::tempdir().expect("a folder");
    let project = project.path();
    // it tells when it has begun, and when it has written far more than the window
    let script = format!("touch begun; seq 1 {}; touch enough; exec seq {} 100000000", 4 * WINDOW, 4 * WINDOW + 1);
    app(project, "a/b/fast", &script, "");
    app(project, "a/b/other", "true", "");
    assert!(run(project, &["run", "other"]).status.success());
    for _ in 0..3 {
        let told = |name: &str| project.join("apps/a/b/fast").join(name);
        ["begun", "enough"].iter().for_each(|name| drop(std::fs::remove_file(told(name))));
        let mut running = dc(project).args(["run", "fast"]).spawn().expect("dc starts");
        wait_for("the app", 30, || told("begun").exists());
        // from now on the records have to wait on disk
        let mut blocker = rusqlite::Connection::open(project.join(".dc/dc.db")).expect("a database");
        blocker.busy_timeout(Duration::from_secs(30)).expect("a setting");
        let lock = blocker.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).expect("a lock");
        wait_for("many lines", 60, || told("enough").exists());
        running.kill().expect("a kill");
        running.wait().expect("an end");
        lock.rollback().expect("an end");
        let started = Instant::now();
        let waiting = || {
            std::fs::read_dir(project.join(".dc/log")).is_ok_and(|mut entries| {
                entries
                    .any(|entry| entry.is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "ndjson")))
            })
        };
        while waiting() && started.elapsed() < Duration::from_secs(120) {
            let output = dc(project).args(["run", "other"]).env("DC_LOG_FLUSH", "30s").output().expect("dc runs");
            assert!(output.status.success(), "{}", stderr(&output));
        }
        let fast = "FROM logs WHERE source = 'stdout' AND runtime = (SELECT max(runtime) FROM runtime WHERE app_id = (SELECT id FROM apps WHERE name = 'fast'))";
        let found = one(project, &format!("SELECT count(DISTINCT message) {fast}"));
        let last = one(project, &format!("SELECT max(CAST(message AS INTEGER)) {fast}"));
        assert!(last > 2 * WINDOW, "the app was fast enough: {last}");
        assert!(last - found <= WINDOW, "{found} of {last} records are there");
    }
    let open = one(
        project,
        "SELECT count(*) FROM runtime WHERE ended_at IS NULL AND app_id = (SELECT id FROM apps WHERE name = 'fast')",
    );
    assert_eq!(open, 1, "a later start of it closes it");
}

#[test]
fn a_database_that_may_only_be_read_is_a_matter_of_permission() {
    use std::os::unix::fs::PermissionsExt;
    let project = tempfile::tempdir().expect("a folder");
    app(project.path(), "a/b/c", "true", "");
    assert!(run(project.path(), &["deploy"]).status.success());
    let user = Stranger::with(project.path());
    let folder = project.path().join(".dc");
    let lock = |mode: u32| {
        for path in [folder.join("dc.db"), folder.clone()] {
            let mode = if path == folder { mode } else { mode & 0o666 };
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode");
        }
    };
    app(project.path(), "a/b/new", "true", "");
    let deploy = || user.command(dc(project.path()).arg("deploy")).output().expect("dc starts");
    lock(0o555);
    let refused = deploy();
    lock(0o755);
    assert_eq!(refused.status.code(), Some(4), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("dc.db"), "{}", stderr(&refused));
    assert!(deploy().status.success(), "it was nothing else that kept him");
}

#[test]
fn a_broken_app_holds_up_none_of_its_neighbours() {
    let project = tempfile::tempdir().expect("a folder");
    let project = project.path();
    app(project, "a/b/good", "true", "");
    app(project, "a/b/turns", "true", "");
    assert!(run(project, &["deploy"]).status.success());
    app(project, "a/b/turns", "true", "comand = [\"true\"]");
    app(project, "a/b/new", "true", "");
    let deploy = run(project, &["deploy"]);
    assert_eq!(deploy.status.code(), Some(1), "{}", stderr(&deploy));
    let said = stdout(&deploy);
    assert!(said.contains("added      a/b/new") && said.contains("broken     a/b/turns") && said.contains("`comand`"));
    // what is registered of it stays, so that its schedule and its history do
    assert_eq!(one(project, "SELECT count(*) FROM apps WHERE archive IS NULL"), 3);
    app(project, "a/b/newer", "true", "");
    for (name, status) in [("good", 0), ("newer", 0), ("turns", 3)] {
        let output = run(project, &["run", name]);
        assert_eq!(output.status.code(), Some(status), "{name}: {}", stderr(&output));
    }
}
