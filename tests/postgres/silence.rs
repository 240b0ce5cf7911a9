//! A network that drops packets, and a server that answers no more: nothing waits for them without a bound.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::manager::number;
use crate::support::manager::{Manager, wait_for};
use crate::support::proxy::Proxy;
use crate::support::{Backend, app, dc, stderr};

/// The backend, a way to it that can fall silent, and the URL of that way: whoever takes it waits two seconds.
fn silenced() -> Option<(Backend, Proxy, String)> {
    let backend = Backend::postgres()?;
    let (proxy, url) = backend.by_proxy();
    Some((backend, proxy, format!("{url}&answer_timeout=2")))
}

fn dc_at(backend: &Backend, url: &str, arguments: &[&str]) -> Command {
    let mut command = dc(backend.folder.path());
    command.env("DC_DB_MAIN_URL", url).args(arguments);
    command
}

#[test]
fn a_manager_gives_a_silent_connection_up_and_goes_on() {
    let Some((backend, proxy, url)) = silenced() else { return };
    app(backend.folder.path(), "a/b/often", "true", "interval = \"1s\"");
    assert!(dc_at(&backend, &url, &["deploy"]).status().expect("dc runs").success());
    let manager = Manager::start(backend.folder.path(), &url, &[]);
    let runs = || number(&mut backend.connect(), "SELECT count(*) FROM runtime WHERE exit_code = 0");
    wait_for("the first runs", 60, || runs() > 1);
    proxy.fall_silent();
    wait_for("a word about it", 60, || manager.said().contains("said nothing for 2 s"));
    let before = runs();
    proxy.speak();
    wait_for("runs after it", 60, || runs() > before + 2);
    manager.end();
    assert_eq!(number(&mut backend.connect(), "SELECT count(*) FROM runtime WHERE exit_code <> 0"), 0);
}

#[test]
fn a_run_that_ends_while_the_server_is_silent_keeps_its_end() {
    let Some((backend, proxy, url)) = silenced() else { return };
    let folder = backend.folder.path();
    app(folder, "a/b/one", "touch begun; until [ -e go ]; do sleep 0.05; done; exit 7", "");
    assert!(dc_at(&backend, &url, &["deploy"]).status().expect("dc runs").success());
    let mut run = dc_at(&backend, &url, &["run", "one"]);
    let running = run.env("DC_LOG_FLUSH", "1s").stderr(Stdio::piped()).spawn().expect("dc starts");
    let of_app = folder.join("apps/a/b/one");
    wait_for("the app", 30, || of_app.join("begun").exists());
    proxy.fall_silent();
    std::fs::write(of_app.join("go"), "").expect("a file");
    let (began, ended) = (Instant::now(), running.wait_with_output().expect("its end"));
    assert_eq!(ended.status.code(), Some(7), "{}", stderr(&ended));
    assert!(stderr(&ended).contains("the end of the run waits in"), "{}", stderr(&ended));
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    proxy.speak();
    assert!(dc_at(&backend, &url, &["manager", "start", "--once"]).status().expect("dc runs").success());
    assert_eq!(number(&mut backend.connect(), "SELECT exit_code::bigint FROM runtime"), 7);
}

/// A process that was frozen, or a machine that was lost, between two statements holds what all others wait for.
#[test]
fn a_manager_that_is_frozen_in_a_transaction_stops_nobody_else() {
    let Some(backend) = Backend::postgres() else { return };
    let folder = backend.folder.path();
    app(folder, "a/b/often", "true", "interval = \"1s\"");
    std::fs::write(folder.join("dc.toml"), "[manager]\nmax_running = 5\n").expect("a file");
    assert!(dc_at(&backend, &backend.url, &["deploy"]).status().expect("dc runs").success());
    let frozen =
        Manager::start_with(folder, &backend.url, &[], |command| command.env("DC_FAILPOINT", "tables.deciding=stop@3"));
    wait_for("it stands in a transaction", 60, || frozen.is_stopped());
    let mut database = backend.connect();
    let mut runs = || number(&mut database, "SELECT count(*) FROM runtime WHERE exit_code = 0");
    let before = runs();
    let other = Manager::start(folder, &backend.url, &[]);
    wait_for("runs by another", 40, || runs() > before + 1);
    frozen.signal("CONT");
    wait_for("its awakening", 40, || frozen.said().contains("the database is back"));
    drop((frozen.end(), other.end()));
}

/// A lock that somebody holds for ever is as silent as a network.
#[test]
fn a_command_does_not_wait_for_a_lock_for_ever() {
    let Some((backend, _proxy, url)) = silenced() else { return };
    app(backend.folder.path(), "a/b/one", "true", "");
    assert!(dc_at(&backend, &url, &["deploy"]).status().expect("dc runs").success());
    let mut other = backend.connect();
    other.execute("BEGIN", &[]).expect("a transaction");
    other.execute("LOCK TABLE apps IN ACCESS EXCLUSIVE MODE", &[]).expect("a lock");
    for arguments in [&["manager", "status"][..], &["run", "one"], &["manager", "why", "one"]] {
        let ended = dc_at(&backend, &url, arguments).output().expect("dc runs");
        assert_eq!(ended.status.code(), Some(75), "{arguments:?}: {}", stderr(&ended));
    }
}
