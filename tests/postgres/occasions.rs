//! When apps start apart from their schedules: tried again, after others, whenever they have ended; and what people are told
//! when they fail, or do not end well for too long.

use std::process::Output;

use crate::manager::{OPEN, number, on, rows, told};
use crate::support::manager::{Manager, wait_for};
use crate::support::services::Services;
use crate::support::{Backend, app, stderr, stdout};

fn once(backend: &Backend) {
    told(backend, &["manager", "start", "--once"]);
}

fn check(backend: &Backend) -> Output {
    on(backend, &["manager", "check"]).output().expect("dc runs")
}

#[test]
fn an_occurrence_that_fails_is_tried_again_before_it_counts() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        let fails = |times: u32| format!("n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) > n; [ $n -ge {times} ]");
        let again = "interval = \"1h\"\nretries = 2\nretry_after = \"1s\"\nnotify = \"failure\"";
        app(project, "a/b/third", &fails(2), again);
        app(project, "a/b/never", &fails(9), again);
        told(&backend, &["deploy"]);
        let mut database = backend.connect();
        let earlier = format!("UPDATE apps SET next_run = {}", backend.ago(1));
        database.execute(&earlier, &[]).expect("both are due");
        let manager = Manager::start(project, &backend.url, &[]);
        let settled = "SELECT count(*) FROM occurrences WHERE state = 'ran'";
        wait_for("both settled", 90, || number(&mut database, settled) == 2);
        manager.end();
        let of = |app: &str| format!("FROM occurrences o JOIN apps a ON a.id = o.app_id WHERE a.name = '{app}'");
        assert_eq!(rows(&mut database, &format!("SELECT o.attempts, a.failures {}", of("third"))), [["3", "0"]]);
        assert_eq!(rows(&mut database, &format!("SELECT o.attempts, a.failures {}", of("never"))), [["3", "1"]]);
        assert_eq!(number(&mut database, "SELECT count(*) FROM runtime"), 6);
        let why = told(&backend, &["manager", "why", "third"]);
        assert_eq!(why.matches("an earlier try of what was due at").count(), 2, "{why}");
        assert!(!why.contains("manager started it"), "{why}");
        // people hear of the last attempt alone
        let messages = rows(&mut database, "SELECT kind, subject FROM outbox");
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(messages[0][0] == "failed" && messages[0][1].starts_with("a/b/never: "), "{messages:?}");
    }
}

#[test]
fn an_app_runs_after_others_have_ended_well() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/one", "exit $(cat status 2>/dev/null || echo 0)", "");
        app(project, "a/b/two", "true", "");
        app(project, "a/b/both", "true", "after = [\"one\", \"two\"]");
        told(&backend, &["deploy"]);
        let mut database = backend.connect();
        let runs = "SELECT count(*) FROM runtime r JOIN apps a ON a.id = r.app_id WHERE a.name = 'both'";
        let ended =
            "SELECT count(*) FROM runtime r JOIN apps a ON a.id = r.app_id WHERE a.name = 'both' AND r.code = 2";
        told(&backend, &["run", "one"]);
        once(&backend);
        let why = told(&backend, &["manager", "why", "both"]);
        assert!(why.contains("after one and two") && why.contains("waits for a good run of two"), "{why}");
        assert_eq!(number(&mut database, runs), 0);
        told(&backend, &["run", "two"]);
        let manager = Manager::start(project, &backend.url, &[]);
        wait_for("the first run", 30, || number(&mut database, ended) == 1);
        // one that fails does not count, nor does one alone
        std::fs::write(project.join("apps/a/b/one/status"), "1").expect("a file");
        assert!(!on(&backend, &["run", "one"]).status().expect("dc runs").success());
        told(&backend, &["run", "two"]);
        std::fs::remove_file(project.join("apps/a/b/one/status")).expect("a file less");
        let why = told(&backend, &["manager", "why", "both"]);
        assert!(why.contains("waits for a good run of one"), "{why}");
        assert_eq!(number(&mut database, runs), 1);
        told(&backend, &["run", "one"]);
        wait_for("the second run", 30, || number(&mut database, ended) == 2);
        manager.end();
        assert_eq!(number(&mut database, "SELECT count(*) FROM occurrences WHERE state <> 'ran'"), 0);
    }
}

#[test]
fn an_order_that_cannot_be_kept_is_refused() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/one", "true", "after = [\"two\"]");
        app(project, "a/b/two", "true", "after = [\"one\"]");
        app(project, "a/b/good", "true", "");
        let deployed = on(&backend, &["deploy"]).output().expect("dc runs");
        assert_eq!(deployed.status.code(), Some(1));
        let said = stdout(&deployed);
        assert!(said.contains("a/b/one after a/b/two after a/b/one") && said.contains("added      a/b/good"), "{said}");
    }
}

#[test]
fn a_kept_app_is_started_whenever_it_has_ended() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(
            project,
            "a/b/service",
            "echo up; sleep 0.3; exit $(cat status 2>/dev/null || echo 0)",
            "keep = true\nhealthy_after = \"100ms\"",
        );
        app(project, "a/b/brief", "true", "keep = true");
        told(&backend, &["deploy"]);
        let mut database = backend.connect();
        let count =
            |app: &str| format!("SELECT count(*) FROM runtime r JOIN apps a ON a.id = r.app_id WHERE a.name = '{app}'");
        let manager = Manager::start(project, &backend.url, &[]);
        wait_for("it comes back", 60, || number(&mut database, &count("service")) > 2);
        // what ends at once waits, although it ended well
        assert_eq!(number(&mut database, &count("brief")), 1);
        assert_eq!(number(&mut database, "SELECT count(*) FROM apps WHERE name = 'brief' AND retry_at IS NOT NULL"), 1);
        told(&backend, &["manager", "send", "disable", "service", "--wait"]);
        let open = "SELECT count(*) FROM runtime WHERE ended_at IS NULL";
        // one that was claimed just before still begins
        wait_for("its end", 30, || number(&mut database, OPEN) + number(&mut database, open) == 0);
        let runs = number(&mut database, &count("service"));
        manager.end();
        once(&backend);
        assert_eq!(number(&mut database, &count("service")), runs, "out of service it stays ended");
        let why = told(&backend, &["manager", "why", "service"]);
        assert!(why.contains("whenever it has ended"), "{why}");
    }
}

#[test]
fn people_are_told_of_each_failure_and_of_what_does_not_end_well() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/fails", "echo the last words; exit $(cat status)", "notify = \"failure\"");
        std::fs::write(project.join("apps/a/b/fails/status"), "3").expect("a file");
        app(project, "a/b/quiet", "exit 3", "");
        app(project, "a/b/late", "true", "expect = \"1h\"");
        told(&backend, &["deploy"]);
        let mut database = backend.connect();
        assert_eq!(check(&backend).status.code(), Some(0), "{}", stdout(&check(&backend)));
        for name in ["fails", "quiet"] {
            assert_eq!(on(&backend, &["run", name]).status().expect("dc runs").code(), Some(3));
        }
        let messages = rows(&mut database, "SELECT kind, subject, body FROM outbox");
        assert_eq!(messages.len(), 1, "{messages:?}");
        let [kind, subject, body] = &messages[0][..] else { panic!("{messages:?}") };
        assert!(kind == "failed" && subject.contains("a/b/fails: failed with exit status 3"), "{messages:?}");
        assert!(body.contains("the last words") && body.contains("dc logs --runtime"), "{body}");
        let warned = check(&backend);
        assert_eq!(warned.status.code(), Some(1), "{}", stderr(&warned));
        assert!(stdout(&warned).starts_with("WARNING: a/b/fails failed"), "{}", stdout(&warned));

        // two hours go by without a good run, and a manager looks twice
        let earlier = format!("UPDATE apps SET date_created = {}", backend.ago(7_200));
        database.execute(&earlier, &[]).expect("an update");
        once(&backend);
        once(&backend);
        let overdue = "SELECT subject FROM outbox WHERE kind = 'overdue'";
        let told_of = rows(&mut database, overdue);
        let every = "SELECT count(*) FROM outbox WHERE body LIKE 'One is expected every 1h.%'";
        assert_eq!(number(&mut database, every), 1, "{:?}", rows(&mut database, "SELECT body FROM outbox"));
        assert!(told_of.len() == 1 && told_of[0][0].starts_with("a/b/late had no good run"), "{told_of:?}");
        let critical = check(&backend);
        assert_eq!(critical.status.code(), Some(2));
        assert!(stdout(&critical).starts_with("CRITICAL: a/b/late had no good run"), "{}", stdout(&critical));
        told(&backend, &["run", "late"]);
        std::fs::write(project.join("apps/a/b/fails/status"), "0").expect("a file");
        told(&backend, &["run", "fails"]);
        let recovered = rows(&mut database, "SELECT subject FROM outbox WHERE kind = 'recovered' ORDER BY id");
        assert_eq!(recovered, [["a/b/late runs well again"], ["a/b/fails runs well again"]]);
        assert_eq!(check(&backend).status.code(), Some(1), "the quiet one still fails");
    }
}

/// A monitor that cannot see the database has to say so, and not to fall silent.
#[test]
fn a_check_without_a_database_is_critical() {
    let Some(backend) = Backend::postgres() else { return };
    let mut command = on(&backend, &["manager", "check"]);
    let ended = command.env("DC_DB_MAIN_URL", "postgres://postgres@127.0.0.1:1/nowhere").output().expect("dc runs");
    assert_eq!(ended.status.code(), Some(2), "{}", stderr(&ended));
    assert!(stdout(&ended).starts_with("CRITICAL: "), "{}", stdout(&ended));
}

/// Who waits for a sign of life hears one as long as a manager works, and the manager does not wait for him.
#[test]
fn a_manager_shows_that_it_lives() {
    let services = Services::start(std::time::Duration::ZERO);
    let Some(backend) = Backend::all().pop() else { return };
    let project = backend.folder.path();
    app(project, "a/b/often", "true", "interval = \"1s\"");
    let url = format!("{}/beat/s3cret", services.url);
    std::fs::write(project.join("dc.toml"), format!("[manager]\nheartbeat = \"{url}\"\nheartbeat_every = \"200ms\"\n"))
        .expect("a file");
    told(&backend, &["deploy"]);
    let manager = Manager::start(project, &backend.url, &[]);
    let beats = || services.posts().iter().filter(|post| post.path == "/beat/s3cret").count();
    wait_for("three signs of life", 30, || beats() > 2);
    let said = manager.end();
    assert!(!said.contains("s3cret"), "{said}");
    let last = beats();
    let mut database = backend.connect();
    // nobody listens there, and apps start all the same
    std::fs::write(project.join("dc.toml"), "[manager]\nheartbeat = \"http://127.0.0.1:9/s3cret\"\n").expect("a file");
    let runs = "SELECT count(*) FROM runtime";
    let before = number(&mut database, runs);
    let manager = Manager::start(project, &backend.url, &[]);
    wait_for("a word about it", 30, || manager.said().contains("the heartbeat was not taken"));
    wait_for("runs", 30, || number(&mut database, runs) > before + 1);
    let said = manager.end();
    assert!(!said.contains("s3cret"), "{said}");
    assert_eq!(beats(), last, "a manager that has ended shows nothing");
}

/// What ran by cron yesterday is due by the manager tomorrow.
#[test]
fn a_crontab_becomes_apps_that_can_be_deployed() {
    let backend = Backend::sqlite();
    let project = backend.folder.path();
    let file = project.join("crontab");
    std::fs::write(&file, "CRON_TZ=Europe/Zagreb\n*/5 * * * * echo moved > $HOME/out\n@reboot x\n0 0 31 2 * never\n")
        .expect("a file");
    let import = |more: &[&str]| {
        let arguments = [&["manager", "import", "crontab", file.to_str().expect("a path")][..], more].concat();
        told(&backend, &arguments)
    };
    let planned = import(&["--dry-run", "--group", "old"]);
    assert!(planned.contains("would be written: apps/old/cron/echo") && !project.join("apps").exists(), "{planned}");
    let done = import(&["--group", "old"]);
    assert!(done.contains("written: apps/old/cron/x/") && done.contains("no date ever matches"), "{done}");
    assert!(import(&["--group", "old"]).contains("is there already"));
    told(&backend, &["deploy"]);
    let mut run = on(&backend, &["run", "echo"]);
    assert!(run.env("HOME", project).status().expect("dc runs").success());
    assert_eq!(std::fs::read_to_string(project.join("out")).expect("its output"), "moved\n");
    let schedule = rows(&mut backend.connect(), "SELECT schedule, timezone FROM apps WHERE name = 'echo'");
    assert_eq!(schedule, [["*/5 * * * *", "Europe/Zagreb"]]);
}

#[test]
fn what_waits_is_left_out_when_its_app_goes_out_of_service() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        for name in ["off", "gone", "stays"] {
            app(project, &format!("a/b/{name}"), "true", "interval = \"1h\"\noverlap = \"queue\"");
        }
        told(&backend, &["deploy"]);
        told(&backend, &["manager", "pause"]);
        let mut database = backend.connect();
        let wait = "INSERT INTO occurrences (app_id, due_at, state) SELECT id, date_created, 'queued' FROM apps";
        database.execute(wait, &[]).expect("what waits");
        told(&backend, &["manager", "send", "disable", "off"]);
        once(&backend);
        std::fs::remove_dir_all(project.join("apps/a/b/gone")).expect("it goes");
        told(&backend, &["deploy"]);
        told(&backend, &["manager", "resume"]);
        told(&backend, &["manager", "send", "enable", "off"]);
        once(&backend);
        once(&backend);
        let ran = "SELECT count(*) FROM occurrences WHERE state = 'ran'";
        wait_for("the run of what stays", 30, || number(&mut database, ran) == 1);
        let told_of = "SELECT name, state, reason FROM occurrences o JOIN apps a ON a.id = o.app_id ORDER BY name";
        let occurrences = rows(&mut database, told_of);
        let expected = [
            ["gone", "skipped", "its app left apps/ while it waited"],
            ["off", "skipped", "it was put out of service while it waited"],
            ["stays", "ran", "it ended well"],
        ];
        assert_eq!(occurrences, expected);
        assert_eq!(number(&mut database, "SELECT count(*) FROM runtime"), 1);
    }
}

#[test]
fn what_runs_at_boot_runs_once_for_each_boot() {
    for backend in Backend::all() {
        app(backend.folder.path(), "a/b/first", "true", "schedule = \"@reboot\"");
        told(&backend, &["deploy"]);
        let mut database = backend.connect();
        let count = "SELECT count(*) FROM runtime WHERE ended_at IS NOT NULL";
        let ended = |database: &mut _, runs| wait_for("its run", 30, || number(database, count) == runs);
        assert!(told(&backend, &["manager", "why", "first"]).contains("once for each boot"));
        assert!(told(&backend, &["manager", "status"]).contains("at boot"));
        assert!(told(&backend, &["run", "--list"]).contains("at boot"));
        assert!(told(&backend, &["manager", "simulate"]).contains("at boot"));
        once(&backend);
        ended(&mut database, 1);
        once(&backend);
        once(&backend);
        assert_eq!(number(&mut database, "SELECT count(*) FROM runtime"), 1);
        // the machine has booted since: no manager at work is of the boot in which it ran
        database.execute("UPDATE runtime SET boot_id = 'before'", &[]).expect("an update");
        once(&backend);
        ended(&mut database, 2);
        once(&backend);
        assert_eq!(number(&mut database, "SELECT count(*) FROM runtime"), 2);
    }
}

/// What runs after others is foreseen with them.
#[test]
fn the_forecast_knows_what_comes_after() {
    let backend = Backend::sqlite();
    let project = backend.folder.path();
    app(project, "a/b/hourly", "true", "schedule = \"0 * * * *\"");
    app(project, "a/b/daily", "true", "schedule = \"30 6 * * *\"");
    app(project, "a/b/both", "true", "after = [\"hourly\", \"daily\"]");
    app(project, "a/b/behind", "true", "after = [\"both\"]");
    app(project, "a/b/service", "sleep 1000", "keep = true");
    told(&backend, &["deploy"]);
    let forecast: serde_json::Value =
        serde_json::from_str(&told(&backend, &["manager", "simulate", "--days", "10", "--json"])).expect("JSON");
    let of = |name: &str| {
        let apps = forecast["apps"].as_array().expect("apps");
        apps.iter().find(|app| app["app"] == format!("a/b/{name}")).expect(name).clone()
    };
    let daily = of("daily")["due"].as_i64().expect("a number");
    assert!((9..=10).contains(&daily), "{daily}");
    for name in ["both", "behind"] {
        let due = of(name)["due"].as_i64().expect("a number");
        assert!((daily - 1..=daily).contains(&due), "{name}: {due} of {daily}");
    }
    assert_eq!((&of("behind")["starts"], &of("service")["starts"]), (&"after both".into(), &"kept running".into()));
}
