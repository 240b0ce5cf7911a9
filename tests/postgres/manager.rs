//! `dc manager` with real managers, real `dc run`s and real databases: schedules kept, nothing started twice, everything
//! explained, whoever is killed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::manager::{Manager, wait_for};
use crate::support::{Backend, app, clean, dc, stderr, stdout};
use data_collector::db::Connection;
use data_collector::record::Value;

/// How many occurrences are under way.
pub(crate) const OPEN: &str = "SELECT count(*) FROM occurrences WHERE state IN ('claimed', 'queued', 'started')";

/// `dc` on the database of the test.
pub(crate) fn on(backend: &Backend, arguments: &[&str]) -> Command {
    let mut command = dc(backend.folder.path());
    command.args(arguments).env("DC_DB_MAIN_URL", &backend.url);
    command
}

/// What it prints; it has to succeed.
pub(crate) fn told(backend: &Backend, arguments: &[&str]) -> String {
    let output = on(backend, arguments).output().expect("dc starts");
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    stdout(&output)
}

/// What it complains of, with its exit status.
fn refused(backend: &Backend, arguments: &[&str]) -> (Option<i32>, String) {
    let output = on(backend, arguments).output().expect("dc starts");
    (output.status.code(), stderr(&output))
}

fn started(backend: &Backend, more: &[&str]) -> Manager {
    Manager::start(backend.folder.path(), &backend.url, more)
}

/// The rows of a query, as texts.
pub(crate) fn rows(database: &mut Connection, sql: &str) -> Vec<Vec<String>> {
    let rows = database.query(sql, &[]).expect(sql).rows;
    rows.iter().map(|row| row.iter().map(shown).collect()).collect()
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Null => "null".to_owned(),
        other => format!("{other:?}"),
    }
}

pub(crate) fn number(database: &mut Connection, sql: &str) -> i64 {
    rows(database, sql)[0][0].parse().expect(sql)
}

/// The runs that apps have noted themselves, in the file `ledger`: the run's identity and the exit status.
pub(crate) fn ledger(project: &Path) -> BTreeMap<String, i64> {
    let text = std::fs::read_to_string(project.join("ledger")).unwrap_or_default();
    let mut runs = BTreeMap::new();
    for line in text.lines() {
        let (run, status) = line.split_once(' ').expect("two words");
        assert!(runs.insert(run.to_owned(), status.parse().expect("a status")).is_none(), "{run} is there twice");
    }
    runs
}

/// A script that notes its run, and ends with the status that it noted.
pub(crate) fn noting(project: &Path, seconds: &str, status: i64) -> String {
    format!("echo \"$DC_RUNTIME {status}\" >> {}/ledger\nsleep {seconds}\nexit {status}", project.display())
}

/// Every moment of every app (one each second) has one occurrence, from the first to the last; each has a final state and
/// a reason; every run of a schedule is that of one occurrence; and every run ended as its app says.
pub(crate) fn check_books(backend: &Backend, moments_min: i64) {
    let mut database = backend.connect();
    let open = rows(
        &mut database,
        "SELECT id, app_id, due_at, state FROM occurrences WHERE state IN ('claimed', 'queued', 'started')",
    );
    assert!(open.is_empty(), "{open:?}");
    let silent = rows(&mut database, "SELECT id, state FROM occurrences WHERE reason IS NULL");
    assert!(silent.is_empty(), "{silent:?}");
    let twice =
        rows(&mut database, "SELECT app_id, due_at FROM occurrences GROUP BY app_id, due_at HAVING count(*) > 1");
    assert!(twice.is_empty(), "{twice:?}");
    let stray = rows(
        &mut database,
        "SELECT r.runtime FROM runtime r WHERE r.started_by = 'manager' \
         AND (SELECT count(*) FROM occurrences o WHERE o.runtime = r.runtime) <> 1",
    );
    assert!(stray.is_empty(), "{stray:?}");
    let kept: BTreeMap<String, i64> =
        rows(&mut database, "SELECT runtime, exit_code FROM runtime WHERE started_by = 'manager'")
            .into_iter()
            .map(|row| (row[0].clone(), row[1].parse().unwrap_or(-1)))
            .collect();
    assert_eq!(kept, ledger(backend.folder.path()));
    let apps = rows(
        &mut database,
        &format!(
            "SELECT app_id, {}, {}, count(*) FROM occurrences GROUP BY app_id",
            backend.as_text("min(due_at)"),
            backend.as_text("max(due_at)")
        ),
    );
    for app in &apps {
        let at = |text: &str| chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").expect("a moment");
        let moments = (at(&app[2]) - at(&app[1])).num_seconds() + 1;
        assert_eq!(app[3], moments.to_string(), "a moment of app {} has no occurrence: {app:?}", app[0]);
        assert!(moments >= moments_min, "{app:?}");
    }
    let due = number(&mut database, "SELECT count(*) FROM apps");
    assert_eq!(apps.len() as i64, due);
}

#[test]
fn schedules_are_kept_and_a_manager_that_ends_leaves_apps_running() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/good", &noting(project, "0", 0), "schedule = \"* * * * * *\"");
        let long = format!("until [ -e {}/released ]; do sleep 0.05; done", project.display());
        let long = format!("echo \"$DC_RUNTIME 3\" >> {}/ledger\n{long}\nexit 3", project.display());
        app(project, "a/b/long", &long, "schedule = \"* * * * * *\"\nmax_failures = 100");
        told(&backend, &["deploy"]);
        let manager = started(&backend, &[]);
        let ended = |status: i64| ledger(project).values().filter(|known| **known == status).count();
        wait_for("four runs beside a long one", 30, || ended(0) >= 4 && ended(3) == 1);
        let said = manager.end();
        assert!(
            said.contains("started") && said.contains("a/b/good, due") && said.contains("apps that run go on"),
            "{said}"
        );
        assert!(said.contains("a/b/long, due") && said.contains("skipped: run "), "{said}");
        let mut database = backend.connect();
        let open = "SELECT count(*) FROM runtime WHERE ended_at IS NULL";
        wait_for("the end of the short ones", 20, || number(&mut database, open) == 1);
        std::fs::write(project.join("released"), "").expect("a file");
        wait_for("the end of the long one", 20, || number(&mut database, open) == 0);
        assert_eq!(number(&mut database, "SELECT count(*) FROM managers WHERE ended_at IS NULL"), 0);
        check_books(&backend, 4);
        let story = told(&backend, &["manager", "why", "long"]);
        assert!(
            story.contains("left out") && story.contains("status 3") && story.contains("no manager works"),
            "{story}"
        );
        // what was missed is made up for once, by whoever comes next
        let due = format!("SELECT count(*) FROM apps WHERE next_run <= {}", backend.ago(0));
        wait_for("a moment of both that nobody sees", 20, || number(&mut database, &due) == 2);
        told(&backend, &["manager", "start", "--once"]);
        wait_for("the end of all", 20, || number(&mut database, OPEN) == 0);
        check_books(&backend, 5);
    }
}

#[test]
fn a_dc_run_that_was_killed_is_found_and_its_app_ended() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        // a child of a child in a session of its own, which does not listen to TERM; and one without an environment, whose
        // parent listens and ends first
        let script = "trap '' TERM\n(setsid sh -c 'trap \"\" TERM; sleep 300' &) &\n\
            (trap - TERM; env -i setsid sh -c 'trap \"\" TERM; echo $$ > bare; while :; do sleep 0.1; done' & wait) &\nsleep 300";
        app(project, "a/b/lost", script, "grace = \"500ms\"");
        told(&backend, &["deploy"]);
        let _manager = started(&backend, &[]);
        told(&backend, &["manager", "send", "start", "lost", "--wait"]);
        let mut database = backend.connect();
        let row = rows(&mut database, "SELECT runtime, pid FROM runtime WHERE ended_at IS NULL").remove(0);
        let bare = project.join("apps/a/b/lost/bare");
        let pid = || std::fs::read_to_string(&bare).ok().and_then(|pid| pid.trim().parse::<u32>().ok());
        wait_for("the app", 20, || is_alive_with(&row[0]) && pid().is_some());
        assert!(clean("kill").args(["-9", &row[1]]).status().expect("kill starts").success());
        wait_for("the run's end", 20, || {
            number(&mut database, "SELECT count(*) FROM runtime WHERE ended_at IS NULL") == 0
        });
        let code = "SELECT c.name FROM runtime r JOIN c_runtime_codes c ON c.id = r.code";
        assert_eq!(rows(&mut database, code), [["ORPHAN_PID"]]);
        assert!(!is_alive_with(&row[0]), "something of the run is still there");
        let bare = std::fs::read_to_string(format!("/proc/{}/stat", pid().expect("its number")));
        assert!(!bare.is_ok_and(|stat| !stat.contains(") Z ")), "a child without an environment is still there");
    }
}

/// Whether a process has this in its environment.
pub(crate) fn is_alive_with(marker: &str) -> bool {
    std::fs::read_dir("/proc").expect("/proc").flatten().any(|entry| {
        let is_zombie = std::fs::read_to_string(entry.path().join("stat")).is_ok_and(|stat| stat.contains(") Z "));
        !is_zombie
            && std::fs::read(entry.path().join("environ"))
                .is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(marker))
    })
}

#[test]
fn a_run_whose_arguments_held_a_secret_is_restarted_with_new_ones_alone() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/slow", "echo \"got $DC_ARGS\"\nexec sleep 60", "grace = \"1s\"");
        told(&backend, &["deploy"]);
        let manager = started(&backend, &[]);
        let send = ["manager", "send"];
        let args = r#"{"password": "of-somebody"}"#;
        told(&backend, &[&send[..], &["start", "slow", "--args", args, "--wait"]].concat());
        let mut database = backend.connect();
        assert_eq!(rows(&mut database, "SELECT args FROM runtime"), [[r#"{"password": "***"}"#]]);
        // it goes on: nothing was stopped that could not be started again
        let refusal = refused(&backend, &[&send[..], &["restart", "slow", "--wait"]].concat());
        assert!(refusal.0 == Some(6) && refusal.1.contains("restart it with --args"), "{refusal:?}");
        assert_eq!(number(&mut database, "SELECT count(*) FROM runtime WHERE ended_at IS NULL"), 1);
        told(&backend, &[&send[..], &["stop", "slow", "--wait"]].concat());
        let refusal = refused(&backend, &[&send[..], &["restart", "slow", "--wait"]].concat());
        assert!(refusal.0 == Some(6) && refusal.1.contains("restart it with --args"), "{refusal:?}");
        told(&backend, &[&send[..], &["restart", "slow", "--args", "{}", "--wait"]].concat());
        assert_eq!(number(&mut database, "SELECT count(*) FROM runtime WHERE ended_at IS NULL"), 1);
        drop(manager);
    }
}

#[test]
fn commands_are_carried_out_once_and_written_down() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/slow", "echo \"got $DC_ARGS\"\nexec sleep 60", "grace = \"1s\"");
        told(&backend, &["deploy"]);
        let waiting = told(&backend, &["manager", "send", "disable", "slow"]);
        assert!(waiting.contains("none works"), "{waiting}");
        let managers = [started(&backend, &[]), started(&backend, &[])];
        let send = |command: &str| told(&backend, &["manager", "send", command, "slow", "--wait"]);
        let status = || told(&backend, &["manager", "status", "--json"]);
        wait_for("the early command", 30, || status().contains("\"DISABLED\""));
        assert!(send("enable").contains("in service again"));
        let start = told(&backend, &["manager", "send", "start", "slow", "--args", "{\"year\": 1}", "--wait"]);
        assert!(start.contains("began"), "{start}");
        let again = refused(&backend, &["manager", "send", "start", "slow", "--wait"]);
        assert!(again.0 == Some(6) && again.1.contains("it runs already"), "{again:?}");
        assert!(send("restart").contains("began"));
        // out of service is not what it does: its run goes on
        assert!(send("disable").contains("out of service"));
        assert!(status().contains("\"RUNNING\""), "{}", status());
        assert!(send("enable").contains("in service again"));
        assert!(status().contains("\"RUNNING\""), "{}", status());
        assert!(send("stop").contains("it ended within"));
        let again = refused(&backend, &["manager", "send", "stop", "slow", "--wait"]);
        assert!(again.0 == Some(6) && again.1.contains("does not run"), "{again:?}");
        assert!(send("reset").contains("forgotten"));
        let mut database = backend.connect();
        assert_eq!(number(&mut database, "SELECT count(*) FROM runtime"), 2);
        assert_eq!(number(&mut database, "SELECT count(*) FROM command_log WHERE cmd_exec IS NULL"), 0);
        assert_eq!(number(&mut database, "SELECT count(*) FROM command_log WHERE result IS NULL OR cmd_by = ''"), 0);
        // to be stopped is no failure
        assert_eq!(rows(&mut database, "SELECT failures, fatal_flag FROM apps"), [["0", "0"]]);
        let logs = told(&backend, &["logs", "slow"]);
        assert_eq!(
            logs.matches("got {\"year\": 1}").count(),
            2,
            "the restart has the arguments of the run before: {logs}"
        );
        let bad = refused(&backend, &["manager", "send", "start", "slow", "--args", "{"]);
        assert!(bad.0 == Some(2) && bad.1.contains("JSON"), "{bad:?}");
        let unknown = refused(&backend, &["manager", "send", "start", "nobody"]);
        assert!(unknown.0 == Some(5), "{unknown:?}");
        drop(managers);
        let none = refused(&backend, &["manager", "send", "start", "slow", "--wait", "1"]);
        assert!(none.0 == Some(124) && none.1.contains("taken back"), "{none:?}");
    }
}

#[test]
fn limits_hold_for_all_managers_together() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        for name in ["a/b/one", "a/b/two", "a/b/three", "c/b/four"] {
            app(project, name, &noting(project, "0.4", 0), "schedule = \"* * * * * *\"\noverlap = \"queue\"");
        }
        std::fs::write(project.join("dc.toml"), "[manager]\nmax_running = 2\n[group.a]\nmax_running = 1\n")
            .expect("settings");
        told(&backend, &["deploy"]);
        let managers = [started(&backend, &[]), started(&backend, &[])];
        let mut database = backend.connect();
        let (mut most, mut most_of_a, mut has_waited) = (0, 0, false);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(5) {
            let open = "SELECT count(*) FROM runtime r JOIN apps a ON a.id = r.app_id WHERE r.ended_at IS NULL";
            most = most.max(number(&mut database, open));
            let waits =
                "SELECT count(*) FROM occurrences WHERE state = 'queued' AND reason LIKE 'it waits for a place:%'";
            has_waited |= number(&mut database, waits) > 0;
            most_of_a = most_of_a.max(number(&mut database, &format!("{open} AND a.name <> 'four'")));
        }
        assert_eq!((most, most_of_a), (2, 1));
        assert!(has_waited, "nothing waited for a place");
        drop(managers);
        let ran = rows(&mut database, "SELECT a.name FROM runtime r JOIN apps a ON a.id = r.app_id GROUP BY a.name");
        assert!(ran.len() >= 3, "{ran:?}");
    }
}

#[test]
fn an_app_that_fails_is_taken_out_of_service_and_comes_back() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/bad", "exit 3", "schedule = \"* * * * * *\"\nmax_failures = 3");
        app(project, "a/b/good", "true", "schedule = \"* * * * * *\"");
        app(project, "a/b/fine", "true", "schedule = \"* * * * * *\"");
        told(&backend, &["deploy"]);
        let manager =
            Manager::start_with(project, &backend.url, &[], |command| command.env("DC_MANAGER_BACKOFF", "100ms"));
        let mut database = backend.connect();
        let out = "SELECT count(*) FROM apps WHERE disable AND fatal_flag = 1 AND fatal_msg LIKE '%failed too often%' \
                   AND fatal_time IS NOT NULL AND name = 'bad'";
        let out = if backend.is_sqlite() { out.replace("disable AND", "disable = 1 AND") } else { out.to_owned() };
        wait_for("its end of service", 30, || number(&mut database, &out) == 1);
        assert_eq!(number(&mut database, "SELECT count(*) FROM outbox WHERE kind = 'disabled'"), 1);
        assert_eq!(number(&mut database, "SELECT count(*) FROM runtime WHERE exit_code = 3"), 3);
        let story = told(&backend, &["manager", "why", "bad"]);
        assert!(story.contains("out of service") && story.contains("send reset"), "{story}");
        let of_good = "SELECT count(*) FROM runtime r JOIN apps a ON a.id = r.app_id WHERE a.name = 'good'";
        let so_far = number(&mut database, of_good);
        wait_for("two more moments", 20, || number(&mut database, of_good) >= so_far + 2);
        assert_eq!(number(&mut database, "SELECT count(*) FROM runtime WHERE exit_code = 3"), 3);
        app(project, "a/b/bad", "true", "schedule = \"* * * * * *\"\nmax_failures = 3");
        told(&backend, &["manager", "send", "reset", "bad", "--wait"]);
        let well = "SELECT count(*) FROM runtime r JOIN apps a ON a.id = r.app_id WHERE a.name = 'bad' AND r.code = 2";
        wait_for("its first good run", 20, || number(&mut database, well) > 0);
        wait_for("the message", 20, || {
            number(&mut database, "SELECT count(*) FROM outbox WHERE kind = 'recovered'") == 1
        });
        wait_for("the manager's word", 30, || manager.said().contains("a/b/bad is out of service"));
        drop(manager.end());
    }
}

#[test]
fn many_that_fail_at_once_are_one_incident() {
    let backend = Backend::sqlite();
    let project = backend.folder.path();
    for place in 0..5 {
        let script = format!("test -e {}/is-well", project.display());
        app(project, &format!("a/b/app{place}"), &script, "schedule = \"* * * * * *\"\nmax_failures = 2");
    }
    told(&backend, &["deploy"]);
    let manager = Manager::start_with(project, &backend.url, &[], |command| command.env("DC_MANAGER_BACKOFF", "0s"));
    let mut database = backend.connect();
    wait_for("the incident", 30, || {
        number(&mut database, "SELECT count(*) FROM incidents WHERE ended_at IS NULL") == 1
    });
    wait_for("more failures of each than are allowed", 30, || {
        number(&mut database, "SELECT min(failures) FROM apps") >= 4
    });
    assert_eq!(number(&mut database, "SELECT count(*) FROM apps WHERE disable = 1"), 0);
    std::fs::write(project.join("is-well"), "").expect("a file");
    wait_for("its end", 30, || number(&mut database, "SELECT count(*) FROM incidents WHERE ended_at IS NOT NULL") == 1);
    assert_eq!(number(&mut database, "SELECT count(*) FROM incidents"), 1);
    wait_for("all forgotten", 30, || number(&mut database, "SELECT max(failures) FROM apps") == 0);
    let kinds = rows(&mut database, "SELECT kind FROM outbox ORDER BY id");
    assert_eq!(kinds, [["incident"], ["incident_over"]]);
    drop(manager.end());
}

#[test]
fn a_manager_ends_with_its_apps_when_told_so() {
    let backend = Backend::sqlite();
    let project = backend.folder.path();
    app(project, "a/b/long", "exec sleep 60", "schedule = \"* * * * * *\"");
    told(&backend, &["deploy"]);
    let mut manager = started(&backend, &[]);
    let mut database = backend.connect();
    wait_for("a run", 20, || number(&mut database, "SELECT count(*) FROM runtime") == 1);
    let stop = told(&backend, &["manager", "stop", "--stop-apps"]);
    assert!(stop.contains("has ended"), "{stop}");
    wait_for("the manager's end", 20, || !manager.is_running());
    assert!(
        manager.said().contains("1 apps were ended") || manager.said().contains("1 app was ended"),
        "{}",
        manager.said()
    );
    assert_eq!(number(&mut database, "SELECT count(*) FROM runtime WHERE ended_at IS NULL"), 0);
}

#[test]
fn a_simulation_shows_the_days_to_come_and_runs_nothing() {
    let backend = Backend::sqlite();
    let project = backend.folder.path();
    app(project, "a/b/night", "true", "schedule = \"30 2 * * *\"\ntimezone = \"UTC\"");
    app(project, "a/b/often", "true", "interval = \"1m\"");
    told(&backend, &["deploy"]);
    let mut database = backend.connect();
    // a run of two minutes: it can never meet its interval
    let run = "INSERT INTO runtime (runtime, app_id, started_at, ended_at, code, started_by, host) SELECT \
               '0190a5a0-0000-7000-8000-000000000001', id, '2026-01-01 00:00:00', '2026-01-01 00:02:00', 2, 't', 'h' \
               FROM apps WHERE name = 'often'";
    database.execute(run, &[]).expect("a run");
    let next = |database: &mut Connection| rows(database, "SELECT name, next_run FROM apps ORDER BY name");
    let before = next(&mut database);
    let said = told(&backend, &["manager", "simulate", "--days", "2"]);
    assert!(said.contains("nothing is run"), "{said}");
    let slow = said.lines().find(|line| line.contains("a/b/often")).expect("a line");
    assert!(slow.contains("120.0") && slow.contains("can never meet its schedule"), "{said}");
    let shown: serde_json::Value =
        serde_json::from_str(&told(&backend, &["manager", "simulate", "--days", "2", "--json"])).expect("JSON");
    let at = |name: &str| {
        let at = chrono::NaiveDateTime::parse_from_str(shown[name].as_str().expect(name), "%Y-%m-%dT%H:%M:%S%.f");
        at.expect("a moment")
    };
    assert_eq!(at("until") - at("from"), chrono::TimeDelta::days(2));
    let of = |name: &str| {
        let apps = shown["apps"].as_array().expect("apps");
        apps.iter().find(|app| app["app"] == name).unwrap_or_else(|| panic!("{name} in {shown}")).clone()
    };
    let (night, often) = (of("a/b/night"), of("a/b/often"));
    assert_eq!((&night["due"], &night["overlaps"], &night["too_slow"]), (&2.into(), &0.into(), &false.into()));
    assert!((2_879..=2_880).contains(&often["due"].as_i64().expect("a count")), "{often}");
    assert_eq!(often["overlaps"].as_i64(), often["due"].as_i64().map(|due| due - 1));
    assert_eq!((&often["gap_seconds"], &often["too_slow"]), (&60.0.into(), &true.into()));
    // two of its runs at once, at every hour
    // each moment of a month counts, also of an app that is due every four seconds
    app(project, "a/b/often", "true", "interval = \"4s\"");
    told(&backend, &["deploy"]);
    let month: serde_json::Value =
        serde_json::from_str(&told(&backend, &["manager", "simulate", "--json"])).expect("JSON");
    let often = month["apps"].as_array().expect("apps").iter().find(|app| app["app"] == "a/b/often").expect("often");
    assert!((647_999..=648_000).contains(&often["due"].as_i64().expect("a count")), "{often}");
    assert_eq!(often["cut_at"], serde_json::Value::Null);
    let hours = shown["hours"].as_array().expect("hours");
    assert!(hours.len() == 24 && hours.iter().all(|hour| hour[1].as_i64() >= Some(2)), "{shown}");
    assert_eq!(number(&mut database, "SELECT count(*) FROM occurrences"), 0);
    assert_eq!(number(&mut database, "SELECT count(*) FROM runtime"), 1);
    let night = |rows: Vec<Vec<String>>| rows.into_iter().find(|row| row[0] == "night");
    assert_eq!(night(next(&mut database)), night(before));
}

#[test]
fn what_is_old_is_pruned_and_what_goes_on_is_not() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/quick", "true", "schedule = \"* * * * * *\"");
        told(&backend, &["deploy"]);
        let manager = started(&backend, &[]);
        let mut database = backend.connect();
        wait_for("runs", 20, || number(&mut database, "SELECT count(*) FROM runtime WHERE ended_at IS NOT NULL") >= 3);
        told(&backend, &["manager", "send", "reset", "quick", "--wait"]);
        drop(manager.end());
        // one that was claimed has no run yet
        wait_for("the last run", 20, || {
            number(&mut database, OPEN) == 0
                && number(&mut database, "SELECT count(*) FROM runtime WHERE ended_at IS NULL") == 0
        });
        let prune = |more: &[&str]| -> BTreeMap<String, i64> {
            let arguments = [&["manager", "prune", "--json", "--older-than"], more].concat();
            let report: serde_json::Value = serde_json::from_str(&told(&backend, &arguments)).expect("JSON");
            serde_json::from_value::<Vec<(String, i64)>>(report["deleted"].clone())
                .expect("counts")
                .into_iter()
                .collect()
        };
        let none = prune(&["1d"]);
        assert!(none.len() == 8 && none.values().all(|count| *count == 0), "{none:?}");
        let held = prune(&["0s", "--dry-run"]);
        for (kind, table) in [("occurrences", "occurrences"), ("commands", "command_log"), ("runs", "runtime")] {
            let rows = number(&mut database, &format!("SELECT count(*) FROM {table}"));
            assert!(rows > 0 && held[kind] == rows, "{rows} in {table}: {held:?}");
        }
        assert_eq!(prune(&["0s"]), held);
        for table in ["occurrences", "command_log", "runtime"] {
            assert_eq!(number(&mut database, &format!("SELECT count(*) FROM {table}")), 0, "{table}");
        }
    }
}

#[test]
fn the_doctor_names_what_is_wrong_and_the_command_that_mends_it() {
    let backend = Backend::sqlite();
    app(backend.folder.path(), "a/b/app", "true", "interval = \"1h\"");
    let (status, _) = refused(&backend, &["doctor"]);
    assert_eq!(status, Some(1));
    let output = on(&backend, &["doctor"]).output().expect("dc starts");
    assert!(stdout(&output).contains("dc deploy"), "{}", stdout(&output));
    told(&backend, &["deploy"]);
    let said = told(&backend, &["doctor"]);
    assert!(said.contains("processes") && said.contains("dc manager start"), "{said}");
    // a broker that does not answer
    assert!(said.contains("none is configured"), "{said}");
    let output =
        on(&backend, &["doctor"]).env("DC_BROKER_URL", "amqp://guest:hush@127.0.0.1:1/").output().expect("dc starts");
    let said = stdout(&output);
    assert!(!said.contains("none is configured") && said.contains("commands travel by the database"), "{said}");
    assert!(said.contains("rabbitmqctl status") && !said.contains("hush"), "{said}");
}
