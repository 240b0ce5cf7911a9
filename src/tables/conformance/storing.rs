//! Log records and touched objects.

use super::*;
use crate::tables::{Direction, LogFilter, LogLevel, LogRow, ObjectKind, Old, TouchedObject};

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
    let page = store.logs().page(filter, Direction::Newer, None, 100_000).expect("logs");
    page.into_iter().map(|row| row.message).collect()
}

#[test]
fn twenty_thousand_records_keep_their_order() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let rows: Vec<LogRow> = (0..20_000).map(|number| record(number, LogLevel::Info)).collect();
        store.logs().append(&rows).expect("a batch");
        let any = LogFilter::default();
        let last = store.logs().page(&any, Direction::Older, None, 3).expect("logs");
        let texts: Vec<&str> = last.iter().map(|row| row.message.as_str()).collect();
        assert_eq!(texts, ["line 19999", "line 19998", "line 19997"]);
        assert_eq!(last[0].time, rows[19_999].time);
        let before = store.logs().page(&any, Direction::Older, Some(last[2].place()), 2).expect("logs");
        assert_eq!(before[0].message, "line 19996");
        let behind = store.logs().page(&any, Direction::Newer, Some(before[1].place()), 2).expect("logs");
        assert_eq!(behind[1].message, "line 19997");
        let everything = messages(&mut store, &any);
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
        store.logs().append(&rows).expect("a batch");
        store.logs().append(&[]).expect("nothing");
        let any = LogFilter::default();
        let by = |store: &mut Store, filter: LogFilter| messages(store, &filter);
        assert_eq!(by(&mut store, LogFilter { app_ids: Some(vec![0]), ..any.clone() }), ["line 0", "line 3"]);
        assert_eq!(by(&mut store, LogFilter { app_ids: Some(vec![]), ..any.clone() }), [""; 0]);
        let run = LogFilter { runtime: Some("run-0".to_owned()), ..any.clone() };
        assert_eq!(by(&mut store, run), ["line 0", "line 2", "line 4"]);
        assert_eq!(by(&mut store, LogFilter { level_min: Some(30), ..any.clone() }), ["line 4"]);
        let since = clock::now() + chrono::TimeDelta::minutes(1);
        assert_eq!(by(&mut store, LogFilter { since: Some(since), ..any.clone() }), ["a\u{2400}b č"]);
        assert_eq!(by(&mut store, LogFilter { until: Some(since), level_min: Some(21), ..any.clone() }), ["line 4"]);
        let second = store.logs().page(&any, Direction::Newer, None, 2).expect("logs")[1].id;
        let after: Vec<String> =
            store.logs().after(&any, second, 2).expect("logs").rows.into_iter().map(|row| row.message).collect();
        assert_eq!(after, ["line 2", "line 3"]);
        assert_eq!(store.logs().follower().expect("a follower").seen(), second + 4);
        assert_eq!(store.logs().count_before(since).expect("a count"), 5);
        assert_eq!(store.logs().delete_before(since, 3).expect("a deletion"), 3);
        assert_eq!(store.logs().delete_before(since, 3).expect("a deletion"), 2);
        assert_eq!(messages(&mut store, &any), ["a\u{2400}b č"]);
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
                        store.logs().append(&[record(number, LogLevel::Debug)]).expect("a record");
                    }
                });
            }
        });
        assert_eq!(messages(&mut house.open(), &LogFilter::default()).len(), 100);
    });
}

#[test]
fn records_that_come_again_are_stored_once_however_they_are_cut() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let rows: Vec<LogRow> = (0..20).map(|number| record(number, LogLevel::Info)).collect();
        let places: Vec<i64> = (0..20).map(|number| 1_000 + number * 7).collect();
        let mut send = |stream: &str, range: std::ops::Range<usize>| {
            store.logs().append_once(stream, &places[range.clone()], &rows[range]).expect("a batch");
        };
        [0..5, 0..5, 3..8, 8..8, 8..12, 2..4, 0..20, 12..20, 19..20].into_iter().for_each(|range| send("one", range));
        send("two", 0..2);
        send("two", 1..3);
        let expected = (0..20).chain(0..3).map(|number| format!("line {number}"));
        let stored = store.logs().after(&LogFilter::default(), 0, 100).expect("logs").rows;
        assert!(stored.into_iter().map(|row| row.message).eq(expected));
    });
}

#[test]
fn whoever_stores_the_same_records_at_once_stores_them_once() {
    on_every_backend(|house| {
        drop(house.ready());
        let rows: Vec<LogRow> = (0..50).map(|number| record(number, LogLevel::Info)).collect();
        let places: Vec<i64> = (1..=50).collect();
        std::thread::scope(|scope| {
            for length in [50, 10, 7, 1] {
                let (rows, places) = (&rows, &places);
                scope.spawn(move || {
                    let mut store = house.open();
                    for (rows, places) in rows.chunks(length).zip(places.chunks(length)) {
                        store.logs().append_once("one", places, rows).expect("a batch");
                    }
                });
            }
        });
        assert_eq!(messages(&mut house.open(), &LogFilter::default()).len(), 50);
    });
}

#[test]
fn how_far_a_stream_is_stored_is_known_for_a_month() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let rows = [record(1, LogLevel::Info)];
        ["old", "new"].into_iter().for_each(|id| store.logs().append_once(id, &[1], &rows).expect("a batch"));
        let now = store.now().expect("the time");
        let age = (now - chrono::TimeDelta::days(31)).format("%Y-%m-%d %H:%M:%S");
        sql(&mut store, &format!("UPDATE log_streams SET updated_at = '{age}' WHERE id = 'old'"));
        assert_eq!(store.old(Old::LogStreams).count(now).expect("a count"), 1, "whatever else is deleted by then");
        assert_eq!(store.old(Old::LogStreams).delete(now, 10).expect("a deletion"), 1);
        store.logs().append_once("new", &[1], &rows).expect("a batch");
        assert_eq!(messages(&mut store, &LogFilter::default()).len(), 2);
    });
}

#[test]
fn touched_objects_add_up_over_runs() {
    on_every_backend(|house| {
        let mut store = house.ready();
        store.apps().register(&[app("a/b/c", "{}")], false).expect("registered");
        let app_id = store.apps().all().expect("apps")[0].id;
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
        store.objects().touch(app_id, "run-1", &first).expect("touched");
        store
            .objects()
            .touch(app_id, "run-2", &[touched("companies", ObjectKind::Table, false, true)])
            .expect("touched");
        let rows = store.objects().of_app(app_id).expect("objects");
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
        assert!(store.objects().of_app(app_id + 1).expect("objects").is_empty());
    });
}
