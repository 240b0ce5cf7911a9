//! Files that are kept, moved and pruned at once by processes that are killed: whatever has a row is there.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Backend, dc, stderr, stdout};

/// How long they are at it.
const SECONDS: u64 = 12;
/// Contents that all of them keep.
const CONTENTS: usize = 6;
/// Every so many processes one is killed.
const KILLED_EVERY: usize = 4;

#[test]
fn whatever_has_a_row_is_there_whoever_is_killed() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        let settings = "[storage]\ndates = \"flat\"\n[storage.stores.other]\npath = \"other\"\n";
        std::fs::write(project.join("dc.toml"), settings).expect("settings");
        for number in 0..CONTENTS {
            std::fs::write(project.join(format!("{number}.txt")), format!("content {number}")).expect("a file");
        }
        let run = |arguments: &[&str]| {
            let output = dc(project).env("DC_DB_MAIN_URL", &backend.url).args(arguments).arg("--json").output();
            output.expect("dc starts")
        };
        assert!(run(&["deploy"]).status.success());
        let until = Instant::now() + Duration::from_secs(SECONDS);
        std::thread::scope(|scope| {
            for worker in 0..3 {
                let (backend, names) = (&backend, ["local", "other", "local"]);
                scope.spawn(move || work(backend, (worker, names[worker]), until));
            }
            // time flies
            let mut database = backend.connect();
            let expire = "UPDATE stored_files SET kept_until = '2020-01-01 00:00:00' WHERE deleted_at IS NULL";
            while Instant::now() < until {
                database.execute(expire, &[]).expect("expired");
                run(&["files", "prune"]);
                run(&["files", "move", "--from", "local", "--to", "other"]);
            }
        });
        let checked = run(&["files", "check"]);
        let report: Value = serde_json::from_str(&stdout(&checked)).expect("JSON");
        assert!(checked.status.success(), "{report} {}", stderr(&checked));
        // each content once
        let mut database = backend.connect();
        let rows = database.query(
            "SELECT count(DISTINCT path), count(DISTINCT sha256) FROM stored_files WHERE deleted_at IS NULL",
            &[],
        );
        let rows = rows.expect("counts").rows;
        assert_eq!(rows[0][0], rows[0][1], "{report}");
    }
}

/// Keeps all contents, again and again; some of its processes are killed on the way.
fn work(backend: &Backend, (worker, store): (usize, &str), until: Instant) {
    let mut count = worker;
    while Instant::now() < until {
        count += 1;
        let mut command = dc(backend.folder.path());
        command.env("DC_DB_MAIN_URL", &backend.url).args(["files", "keep", "--store", store]);
        command.args((0..CONTENTS).map(|number| format!("{number}.txt")));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("dc starts");
        if count.is_multiple_of(KILLED_EVERY) {
            std::thread::sleep(Duration::from_millis(5 + (count as u64 * 7) % 60));
            let _ = child.kill();
        }
        let _ = child.wait();
    }
}
