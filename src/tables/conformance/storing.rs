//! Log records and touched objects.

use super::*;
use crate::tables::{LogFilter, LogLevel, LogRow, ObjectKind, TouchedObject};

fn record(number: i64, level: LogLevel) -> LogRow {
    LogRow {
        runtime: Some(format!("run-{}", number % 2)),
        app_id: Some(number % 3),
        time: clock::now(),
        level: level.id(),
        source: "stdout".to_owned(),
        message: format!("line {number}"),
        context: None,
    }
}

fn messages(store: &mut Store, filter: &LogFilter) -> Vec<String> {
    store.logs(filter).expect("logs").into_iter().map(|row| row.message).collect()
}

#[test]
fn twenty_thousand_records_keep_their_order() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let rows: Vec<LogRow> = (0..20_000).map(|number| record(number, LogLevel::Info)).collect();
        store.append_logs(&rows).expect("a batch");
        let last = store.logs(&LogFilter { last: 3, ..LogFilter::default() }).expect("logs");
        let texts: Vec<&str> = last.iter().map(|row| row.message.as_str()).collect();
        assert_eq!(texts, ["line 19997", "line 19998", "line 19999"]);
        assert_eq!(last[2].time, rows[19_999].time);
        let everything = messages(&mut store, &LogFilter { last: 100_000, ..LogFilter::default() });
        assert_eq!(everything.len(), 20_000);
        assert_eq!(everything[12_345], "line 12345");
    });
}

#[test]
fn records_are_found_by_app_run_level_time_and_number() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let mut rows: Vec<LogRow> = (0..6).map(|number| record(number, LogLevel::Info)).collect();
        rows[4].level = LogLevel::Error.id();
        rows[5].time += chrono::TimeDelta::hours(1);
        rows[5].message = "a\0b č".to_owned();
        rows[5].context = Some("{\"a\":1}".to_owned());
        store.append_logs(&rows).expect("a batch");
        store.append_logs(&[]).expect("nothing");
        let any = LogFilter { last: 10, ..LogFilter::default() };
        let by = |store: &mut Store, filter: LogFilter| messages(store, &filter);
        assert_eq!(by(&mut store, LogFilter { app_ids: Some(vec![0]), ..any.clone() }), ["line 0", "line 3"]);
        assert_eq!(by(&mut store, LogFilter { app_ids: Some(vec![]), ..any.clone() }), [""; 0]);
        let run = LogFilter { runtime: Some("run-0".to_owned()), ..any.clone() };
        assert_eq!(by(&mut store, run), ["line 0", "line 2", "line 4"]);
        assert_eq!(by(&mut store, LogFilter { level_min: Some(30), ..any.clone() }), ["line 4"]);
        let since = clock::now() + chrono::TimeDelta::minutes(1);
        assert_eq!(by(&mut store, LogFilter { since: Some(since), ..any.clone() }), ["a\u{2400}b č"]);
        let second = store.logs(&any).expect("logs")[1].id;
        let after = LogFilter { after_id: Some(second), last: 2, ..LogFilter::default() };
        assert_eq!(by(&mut store, after), ["line 2", "line 3"]);
    });
}

#[test]
fn writers_do_not_get_in_each_others_way() {
    on_every_backend(|house| {
        drop(house.ready());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut store = house.open();
                    for number in 0..25 {
                        store.append_logs(&[record(number, LogLevel::Debug)]).expect("a record");
                    }
                });
            }
        });
        let all = LogFilter { last: 1_000, ..LogFilter::default() };
        assert_eq!(house.open().logs(&all).expect("logs").len(), 100);
    });
}

#[test]
fn touched_objects_add_up_over_runs() {
    on_every_backend(|house| {
        let mut store = house.ready();
        store.register(&[app("a/b/c", "{}")], false).expect("registered");
        let app_id = store.apps().expect("apps")[0].id;
        let touched = |name: &str, kind, reads, writes| TouchedObject {
            database: "main".to_owned(),
            schema_name: String::new(),
            name: name.to_owned(),
            kind,
            reads,
            writes,
        };
        let first = [
            touched("companies", ObjectKind::Table, true, false),
            touched("refresh", ObjectKind::Routine, true, false),
            touched("companies", ObjectKind::View, true, false),
        ];
        store.touch_objects(app_id, "run-1", &first).expect("touched");
        store.touch_objects(app_id, "run-2", &[touched("companies", ObjectKind::Table, false, true)]).expect("touched");
        let rows = store.objects(app_id).expect("objects");
        let shown: Vec<_> =
            rows.iter().map(|row| (row.name.as_str(), row.kind, row.reads, row.writes, &*row.last_runtime)).collect();
        assert_eq!(
            shown,
            [
                ("companies", ObjectKind::Table, true, true, "run-2"),
                ("companies", ObjectKind::View, true, false, "run-1"),
                ("refresh", ObjectKind::Routine, true, false, "run-1"),
            ]
        );
        assert!(rows[0].last_seen > rows[0].first_seen);
        assert!(store.objects(app_id + 1).expect("objects").is_empty());
    });
}
