//! Managers that are killed between two steps, or sleep through them.

use crate::manager::{OPEN, check_books, noting, number, rows, told};
use crate::support::manager::{Manager, wait_for};
use crate::support::{Backend, app};

#[test]
fn managers_that_are_killed_and_frozen_start_nothing_twice() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        for (place, seconds) in ["0", "0.3", "1.5", "0", "0.1", "2.5"].iter().enumerate() {
            let definition = "schedule = \"* * * * * *\"\nmax_failures = 1000\n";
            app(project, &format!("a/b/app{place}"), &noting(project, seconds, place as i64 % 2), definition);
        }
        told(&backend, &["deploy"]);
        let start = |failpoint: &str| {
            Manager::start_with(project, &backend.url, &[], |command| {
                command.env("DC_MANAGER_BACKOFF", "0s").env("DC_RUN_LEASE", "5s").env("DC_FAILPOINT", failpoint)
            })
        };
        let mut database = backend.connect();
        // one sleeps with a claim in its hand, until the others have given its work to somebody else
        let frozen = start("manager.claimed=stop");
        wait_for("a claim", 30, || frozen.is_stopped());
        let claimed = "SELECT id FROM occurrences WHERE state = 'claimed' ORDER BY id LIMIT 1";
        let claim = rows(&mut database, claimed)[0][0].clone();
        let other = start("none=kill");
        for failpoint in
            ["manager.claimed=kill@2", "manager.started=kill@3", "manager.claimed=kill", "manager.started=kill"]
        {
            start(failpoint).killed();
        }
        other.kill();
        let last = start("none=kill");
        let fence = format!("SELECT fence FROM occurrences WHERE id = {claim}");
        wait_for("somebody who takes its claim over", 120, || number(&mut database, &fence) > 1);
        frozen.signal("CONT");
        wait_for("its awakening", 20, || frozen.said().contains("started"));
        // nothing new becomes due; what is under way is seen through
        database.execute("UPDATE apps SET next_run = NULL", &[]).expect("no more moments");
        wait_for("every occurrence in its books", 120, || number(&mut database, OPEN) == 0);
        drop((frozen.end(), last.end()));
        check_books(&backend, 9);
    }
}
