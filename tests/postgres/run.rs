//! `dc run` when its database goes away.

use std::time::Duration;

use crate::support::proxy::Proxy;
use crate::support::{Backend, app, dc, stdout};

#[test]
fn a_run_is_recorded_although_its_database_goes_away_in_the_middle() {
    let Some(backend) = Backend::postgres() else { return };
    let server = backend.url.split(['@', '/']).nth(3).expect("a host").to_owned();
    let proxy = Proxy::to(&server);
    let url = backend.url.replace(&server, &format!("127.0.0.1:{}", proxy.port));
    let folder = backend.folder.path();
    app(folder, "a/b/long", "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); sleep 0.05; done; exit 7", "");
    let dc = |arguments: &[&str]| {
        let mut command = dc(folder);
        command.env("DC_DB_MAIN_URL", &url).args(arguments);
        command
    };
    assert!(dc(&["deploy"]).status().expect("dc runs").success());
    let mut running = dc(&["run", "long"]).stderr(std::process::Stdio::piped()).spawn().expect("dc starts");
    std::thread::sleep(Duration::from_millis(500));
    proxy.cut();
    std::thread::sleep(Duration::from_secs(3));
    // the app has ended by now
    proxy.mend();
    let status = running.wait().expect("an end");
    assert_eq!(status.code(), Some(7));
    let runs = dc(&["logs", "--runs", "--json"]).output().expect("dc runs");
    let runs: serde_json::Value = serde_json::from_str(&stdout(&runs)).expect("JSON");
    let run = &runs["runs"][0];
    assert_eq!((&run["code"], &run["exit_code"]), (&"FAILED".into(), &7.into()), "{run}");
    let lines = dc(&["logs", "--json", "--text", "line"]).output().expect("dc runs");
    assert_eq!(stdout(&lines).lines().count(), 40, "{}", stdout(&lines));
}
