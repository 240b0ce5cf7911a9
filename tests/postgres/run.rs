//! `dc run` when its database goes away.

use crate::support::manager::wait_for;
use crate::support::{Backend, app, dc, stdout};
use data_collector::record::Value;

#[test]
fn a_run_is_recorded_although_its_database_goes_away_in_the_middle() {
    let Some(backend) = Backend::postgres() else { return };
    let (proxy, url) = backend.by_proxy();
    let folder = backend.folder.path();
    // it goes on when the test says so, and writes a part of its lines before, while and after the database is away
    let part = "echo line $i; i=$((i+1)); sleep 0.01; done";
    let script = format!(
        "i=0; while [ $i -lt 20 ]; do {part}; until [ -e cut ]; do sleep 0.05; done\n\
         while [ $i -lt 40 ]; do {part}; touch over; exit 7"
    );
    app(folder, "a/b/long", &script, "");
    let dc = |arguments: &[&str]| {
        let mut command = dc(folder);
        command.env("DC_DB_MAIN_URL", &url).args(arguments);
        command
    };
    assert!(dc(&["deploy"]).status().expect("dc runs").success());
    let mut running = dc(&["run", "long"]).stderr(std::process::Stdio::piped()).spawn().expect("dc starts");
    let mut database = backend.connect();
    let mut count = || database.query("SELECT count(*) FROM logs WHERE message LIKE 'line%'", &[]).expect("a count");
    wait_for("the first lines in the database", 30, || count().rows == [[Value::Integer(20)]]);
    proxy.cut();
    let of_app = folder.join("apps/a/b/long");
    std::fs::write(of_app.join("cut"), "").expect("a file");
    wait_for("the end of the app", 30, || of_app.join("over").exists());
    assert!(running.try_wait().expect("its state").is_none(), "`dc run` waits for its database");
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
