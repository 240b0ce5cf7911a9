//! Runs: one at a time for each app, and an end that counts once.

use super::*;
use crate::tables::{
    AppRow, Backoff, Ending, LogLevel, MessageKind, NewMessage, Progress, Renewal, RunEnd, RunFilter, RunOutcome,
    RunRow, RunStatus, Sent, StartRun, is_over,
};

fn end(code: RunOutcome) -> RunEnd {
    RunEnd {
        code,
        ended_at: clock::now(),
        is_guess: false,
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

        assert_eq!(store.runs().end(&first.runtime, &end(RunOutcome::Ok)).expect("an end"), Ending::Closed);
        assert_eq!(store.runs().end(&first.runtime, &end(RunOutcome::Failed)).expect("an end"), Ending::Known);
        assert!(matches!(store.runs().start(&run_of(one)).expect("a start"), StartRun::Started));
        let rows = store.runs().list(&all(10)).expect("runs");
        assert_eq!(rows.len(), 3);
        assert_eq!((rows[2].code, rows[2].solved, rows[2].ended_at.is_some()), (RunOutcome::Ok, 9, true));
    });
}

#[test]
fn of_many_that_note_an_incident_at_once_one_does() {
    on_every_backend(|house| {
        house.ready();
        let message = || NewMessage {
            kind: MessageKind::Incident,
            severity: LogLevel::Critical,
            app_id: None,
            subject: "many fail".to_owned(),
            body: String::new(),
        };
        let since = chrono::DateTime::UNIX_EPOCH.naive_utc();
        let noted: usize = std::thread::scope(|scope| {
            let note = || usize::from(house.open().incidents().begin((3, 4), since, &message()).expect("no error"));
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(note)).collect();
            threads.into_iter().map(|it| it.join().expect("a thread")).sum()
        });
        assert_eq!(noted, 1);
    });
}

#[test]
fn an_incident_takes_back_what_was_to_be_told_of_each_failure() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let message = |kind, subject: &str| NewMessage {
            kind,
            severity: LogLevel::Error,
            app_id: None,
            subject: subject.to_owned(),
            body: String::new(),
        };
        let long = chrono::TimeDelta::minutes(1);
        let tell = |store: &mut Store, kind, subject: &str| store.outbox().tell(&message(kind, subject)).expect("told");
        let look = |store: &mut Store, channel: &str| {
            let (_, now) = store.channels().hold(channel, "me", long, long).expect("held").expect("free");
            store.channels().take_in(channel, 0, now).expect("taken in");
            let waiting = store.channels().messages(channel, 0, 9).expect("messages");
            waiting.into_iter().map(|message| message.subject).collect::<Vec<_>>()
        };
        assert!(look(&mut store, "mail").is_empty() && look(&mut store, "chat").is_empty());
        let sent = tell(&mut store, MessageKind::Failed, "sent");
        tell(&mut store, MessageKind::Failed, "taken in");
        tell(&mut store, MessageKind::Told, "of something else");
        assert_eq!(look(&mut store, "mail").len(), 3);
        let mended = message(MessageKind::ChannelMended, "mended");
        store.channels().note_sent("mail", &Sent::Message(sent), &mended).expect("noted");
        // the other channel has not looked at any of it
        tell(&mut store, MessageKind::Failed, "seen by none");
        let (_, now) = store.channels().hold("mail", "me", long, long).expect("held").expect("free");
        let incident = message(MessageKind::Incident, "many");
        assert!(store.incidents().begin((3, 4), now - long, &incident).expect("noted"));
        for channel in ["mail", "chat"] {
            assert_eq!(look(&mut store, channel), ["of something else", "many"], "{channel}");
        }
        let states = store.channels().counts().expect("counts");
        let of_mail = |state: &str| states.iter().find(|(name, is, _)| name == "mail" && is == state).map(|row| row.2);
        assert_eq!((of_mail("sent"), of_mail("withdrawn")), (Some(1), Some(2)));
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

fn only(store: &mut Store, run: &NewRun) -> RunRow {
    let filter = RunFilter { app_ids: None, runtime: Some(run.runtime.to_string()), limit: 1 };
    store.runs().list(&filter).expect("runs").remove(0)
}

fn app_row(store: &mut Store, app_id: i64) -> AppRow {
    store.apps().by_id(app_id).expect("an app").expect("a row")
}

#[test]
fn a_guess_gives_way_to_the_true_end_and_the_true_end_to_nothing() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let (one, _) = two_apps(&mut store);
        let ended =
            |store: &mut Store, run: &NewRun, end: &RunEnd| store.runs().end(&run.runtime, end).expect("an end");
        let lost = run_of(one);
        store.runs().start(&lost).expect("a start");
        let guess = RunEnd::orphan(&only(&mut store, &lost), clock::now());
        assert_eq!(ended(&mut store, &lost, &guess), Ending::Closed);
        let app = app_row(&mut store, one);
        assert_eq!((app.failures, app.status, app.retry_at.is_some()), (1, RunStatus::Failed, true));
        assert_eq!(ended(&mut store, &lost, &guess), Ending::Known, "one guess is as good as the other");
        let truth = RunEnd { ended_at: lost.started_at + chrono::TimeDelta::seconds(5), ..end(RunOutcome::Ok) };
        assert_eq!(ended(&mut store, &lost, &truth), Ending::Corrected);
        let row = only(&mut store, &lost);
        assert_eq!((row.code, row.ended_at, row.is_guess), (RunOutcome::Ok, Some(truth.ended_at), false));
        let app = app_row(&mut store, one);
        assert_eq!((app.failures, app.status, app.retry_at), (0, RunStatus::Idle, None), "it was no failure");
        assert_eq!(ended(&mut store, &lost, &guess), Ending::Known);
        assert_eq!(only(&mut store, &lost).code, RunOutcome::Ok);
        assert_eq!(ended(&mut store, &run_of(one), &truth), Ending::Missing);

        // the app has gone on: the state that its next run gives it stays, also where a clock was set back meanwhile
        let before = run_of(one);
        let next = NewRun { started_at: before.started_at - chrono::TimeDelta::hours(1), ..run_of(one) };
        store.runs().start(&before).expect("a start");
        let guess = RunEnd::orphan(&only(&mut store, &before), clock::now());
        ended(&mut store, &before, &guess);
        store.runs().start(&next).expect("a start");
        assert_eq!(ended(&mut store, &before, &end(RunOutcome::Ok)), Ending::Corrected);
        let app = app_row(&mut store, one);
        assert_eq!((app.failures, app.status), (1, RunStatus::Running));
        assert_eq!(only(&mut store, &before).code, RunOutcome::Ok);
    });
}

#[test]
fn who_is_heard_of_keeps_a_run_and_who_comes_too_late_changes_nothing() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let (one, _) = two_apps(&mut store);
        let run = run_of(one);
        store.runs().start(&run).expect("a start");
        let (seen, now) = (only(&mut store, &run), store.now().expect("a time"));
        assert!(seen.lease_until.is_some_and(|until| !is_over(until, now)), "{seen:?}");
        sql(&mut store, "UPDATE runtime SET lease_until = '2026-01-01 00:00:00.000000'");
        let over = only(&mut store, &run);
        assert!(over.lease_until.is_some_and(|until| is_over(until, now)));
        let guess = RunEnd::orphan(&over, clock::now());
        // its owner comes back before anybody has closed it
        assert_eq!(store.runs().renew(&run.runtime, run.lease).expect("a renewal"), Renewal::Kept);
        assert_eq!(store.runs().give_up(&over, &guess).expect("an end"), Ending::Known);
        let renewed = only(&mut store, &run);
        assert!(renewed.ended_at.is_none() && renewed.lease_until.is_some_and(|until| !is_over(until, now)));
        // and then somebody does
        assert_eq!(store.runs().give_up(&renewed, &guess).expect("an end"), Ending::Closed);
        assert_eq!(
            store.runs().renew(&run.runtime, run.lease).expect("an answer"),
            Renewal::Lost("the dc that supervised it is gone".to_owned())
        );
        let wish = clock::now();
        let progress = Progress { task_size: Some(7), solved: 7, failed: 0, started_at: wish };
        store.apps().set_progress(&run.runtime, &progress).expect("nothing");
        store.apps().set_next_run(&run.runtime, Some(wish)).expect("nothing");
        let app = app_row(&mut store, one);
        assert!(app.task_size != Some(7) && app.next_run != Some(wish), "{app:?}");
        assert_eq!(only(&mut store, &run).lease_until, renewed.lease_until);
    });
}
