//! Runs: one at a time for each app, and an end that counts once.

use super::*;
use crate::tables::{Backoff, RunEnd, RunFilter, RunOutcome, RunStatus, StartRun};

fn end(code: RunOutcome) -> RunEnd {
    RunEnd {
        code,
        exit_code: Some(0),
        signal: None,
        reason: Some("because".to_owned()),
        exceptions: 1,
        log_lines: 2,
        cpu_user_ms: 3,
        cpu_system_ms: 4,
        memory_peak_kib: 5,
        task_size: Some(10),
        solved: 9,
        failed: 1,
        http_requests: 120,
        http_errors: 3,
        http_mean_ms: Some(41.5),
        http_p95_ms: Some(180.0),
        captchas: 2,
        captcha_cost: 0.004,
        captcha_ms: 21_000,
        backoff: Backoff::default(),
    }
}

fn two_apps(store: &mut Store) -> (i64, i64) {
    store.apps().register(&[app("a/b/c", "{}"), app("a/b/d", "{}")], false).expect("registered");
    let apps = store.apps().all().expect("apps");
    (apps[0].id, apps[1].id)
}

fn all(limit: i64) -> RunFilter {
    RunFilter { app_ids: None, runtime: None, limit }
}

#[test]
fn a_second_copy_is_refused_and_another_app_is_not() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let (one, two) = two_apps(&mut store);
        let first = run_of(one);
        assert!(matches!(store.runs().start(&first).expect("a start"), StartRun::Started));
        store.runs().set_pid(&first.runtime, 4711, Some(99)).expect("a pid");
        let StartRun::Busy(row) = store.runs().start(&run_of(one)).expect("a start") else { panic!("a second copy") };
        assert_eq!((row.runtime.as_str(), row.pid, row.pid_started), (first.runtime.as_str(), Some(4711), Some(99)));
        assert_eq!((row.code, row.app.to_string()), (RunOutcome::Running, "a/b/c".to_owned()));
        assert!(matches!(store.runs().start(&run_of(two)).expect("a start"), StartRun::Started));
        assert!(store.runs().start(&run_of(two + 100)).is_err(), "no such app");

        assert!(store.runs().end(&first.runtime, &end(RunOutcome::Ok)).expect("an end"));
        assert!(!store.runs().end(&first.runtime, &end(RunOutcome::Failed)).expect("an end"), "it had ended");
        assert!(matches!(store.runs().start(&run_of(one)).expect("a start"), StartRun::Started));
        let rows = store.runs().list(&all(10)).expect("runs");
        assert_eq!(rows.len(), 3);
        assert_eq!((rows[2].code, rows[2].solved, rows[2].ended_at.is_some()), (RunOutcome::Ok, 9, true));
    });
}

#[test]
fn of_many_that_start_at_once_one_runs() {
    on_every_backend(|house| {
        let (one, _) = two_apps(&mut house.ready());
        let started: usize = std::thread::scope(|scope| {
            let start = || matches!(house.open().runs().start(&run_of(one)).expect("a start"), StartRun::Started);
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|it| usize::from(it.join().expect("a thread"))).sum()
        });
        assert_eq!(started, 1);
    });
}

#[test]
fn failures_count_in_a_row_and_being_stopped_is_none() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let (one, _) = two_apps(&mut store);
        let expected = [
            (RunOutcome::Failed, 1, RunStatus::Failed),
            (RunOutcome::Timeout, 2, RunStatus::Failed),
            (RunOutcome::Stopped, 2, RunStatus::Idle),
            (RunOutcome::Interrupted, 2, RunStatus::Idle),
            (RunOutcome::StartFailed, 3, RunStatus::Failed),
            (RunOutcome::Ok, 0, RunStatus::Idle),
        ];
        for (code, failures, status) in expected {
            let run = run_of(one);
            store.runs().start(&run).expect("a start");
            assert_eq!(store.apps().by_id(one).expect("an app").expect("a row").status, RunStatus::Running);
            store.runs().end(&run.runtime, &end(code)).expect("an end");
            let row = store.apps().by_id(one).expect("an app").expect("a row");
            assert_eq!((row.failures, row.status, row.progress), (failures, status, Some(100.0)), "{code:?}");
        }
        let newest = store.runs().list(&RunFilter { app_ids: Some(vec![one]), runtime: None, limit: 2 }).expect("runs");
        assert_eq!(newest.iter().map(|run| run.code).collect::<Vec<_>>(), [RunOutcome::Ok, RunOutcome::StartFailed]);
    });
}

#[test]
fn lists_filter_and_the_last_run_is_one_for_each_app() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let (one, two) = two_apps(&mut store);
        let mut last = Vec::new();
        for app_id in [one, two, one, two] {
            let run = run_of(app_id);
            store.runs().start(&run).expect("a start");
            store.runs().end(&run.runtime, &end(RunOutcome::Ok)).expect("an end");
            last.insert(0, run.runtime.to_string());
        }
        let identities = |rows: Vec<crate::tables::RunRow>| rows.into_iter().map(|row| row.runtime).collect::<Vec<_>>();
        assert_eq!(identities(store.runs().list(&all(10)).expect("runs")), last);
        assert_eq!(identities(store.runs().latest().expect("runs")), last[..2]);
        let only = RunFilter { app_ids: None, runtime: Some(last[3].clone()), limit: 10 };
        assert_eq!(identities(store.runs().list(&only).expect("runs")), last[3..]);
        let none = RunFilter { app_ids: Some(Vec::new()), runtime: None, limit: 10 };
        assert!(store.runs().list(&none).expect("runs").is_empty());
    });
}
