//! What a server adds: turns that end with their transaction, connections that are lost, clients that stall.

use std::thread;
use std::time::{Duration, Instant};

use diesel::RunQueryDsl;

use super::*;
use crate::error::ErrorKind;
use crate::tables::{Keyed, LogFilter, LogLevel, LogRow, Turn, take_keyed_turns, take_turn};

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    it: i64,
}

fn number(link: &mut Link, sql: &str) -> i64 {
    let query = diesel::sql_query(sql);
    match link {
        Link::Sqlite(file) => query.get_result::<Number>(file),
        Link::Postgres(server) => query.get_result::<Number>(server),
        Link::Mysql(server) => query.get_result::<Number>(server),
    }
    .expect(sql)
    .it
}

/// How the server numbers the connection.
fn own_number(store: &mut Store) -> i64 {
    let sql = match store.connection {
        Link::Mysql(_) => "SELECT CAST(CONNECTION_ID() AS SIGNED) AS it",
        _ => "SELECT pg_backend_pid()::bigint AS it",
    };
    number(&mut store.connection, sql)
}

/// Ends the connection of another.
fn end(store: &mut Store, other: i64) {
    let text = match store.connection {
        Link::Mysql(_) => format!("KILL CONNECTION {other}"),
        _ => format!("SELECT pg_terminate_backend({other})"),
    };
    sql(store, &text);
}

fn whole_turn(store: &mut Store) -> Result<(), Error> {
    store.write("take a turn", |connection| take_turn(connection, Turn::Claim))
}

fn log(message: String) -> LogRow {
    LogRow {
        runtime: None,
        app_id: None,
        time: clock::now(),
        level: LogLevel::Info.id(),
        source: "test".to_owned(),
        message,
        context: None,
    }
}

#[test]
fn a_turn_ends_with_its_transaction_however_that_ends() {
    on_every_server(|house| {
        let (mut one, mut two) = (house.ready(), house.open());
        let keys: Vec<Vec<u8>> = (0..700_u32).map(|key| key.to_be_bytes().to_vec()).collect();
        let keys = || keys.iter().map(Vec::as_slice);
        for ending in 0..3 {
            one.connection.begin_write().expect("a transaction");
            take_turn(&mut one.connection, Turn::Claim).expect("the turn");
            take_keyed_turns(&mut one.connection, Keyed::File, keys()).expect("turns");
            let waiting = thread::spawn(move || {
                let began = Instant::now();
                whole_turn(&mut two).expect("the turn of another");
                two.write("take turns", |connection| take_keyed_turns(connection, Keyed::File, keys_of(600, 800)))
                    .expect("turns");
                (two, began.elapsed())
            });
            thread::sleep(Duration::from_millis(300));
            match ending {
                0 => one.connection.commit().expect("an end"),
                1 => one.connection.roll_back(),
                // without a word: the server notices
                _ => one = house.open(),
            }
            let (back, waited) = waiting.join().expect("a thread");
            two = back;
            assert!(waited >= Duration::from_millis(200) && waited < Duration::from_secs(10), "{waited:?}");
        }
        // a turn of one database is none of another
        one.connection.begin_write().expect("a transaction");
        take_turn(&mut one.connection, Turn::Claim).expect("the turn");
        let other = House::on(house.server.as_ref().expect("a server").0).expect("another database");
        let began = Instant::now();
        whole_turn(&mut other.open()).expect("the turn");
        assert!(began.elapsed() < Duration::from_secs(5));
        one.connection.roll_back();
    });
}

fn keys_of(from: u32, to: u32) -> impl Iterator<Item = &'static [u8]> {
    (from..to).map(|key| -> &'static [u8] { Box::leak(Box::new(key.to_be_bytes())) })
}

#[test]
fn two_who_want_many_turns_never_wait_for_each_other_for_ever() {
    on_every_server(|house| {
        drop(house.ready());
        thread::scope(|scope| {
            for shift in 0..4_u32 {
                scope.spawn(move || {
                    let mut store = house.open();
                    for round in 0..10 {
                        let from = (shift * 37 + round * 11) % 100;
                        let keys = keys_of(from, from + 60).collect::<Vec<_>>();
                        let taken = store.write("take turns", |connection| {
                            take_keyed_turns(connection, Keyed::File, keys.iter().rev().copied())
                        });
                        taken.expect("turns");
                    }
                });
            }
        });
    });
}

#[test]
fn whoever_says_nothing_in_a_transaction_holds_nobody_up() {
    let Some(house) = House::mariadb() else { return };
    let mut store = house.ready();
    for is_mariadb in [true, false] {
        let mut idle = house.open();
        if let Link::Mysql(server) = &mut idle.connection {
            assert_eq!(number_of(server, "SELECT CAST(@@idle_transaction_timeout AS SIGNED) AS it"), 10);
            server.batch_execute("SET SESSION idle_transaction_timeout = 0").expect("no limit");
            match is_mariadb {
                true => server.batch_execute("SET SESSION idle_transaction_timeout = 1").expect("a short one"),
                false => server.is_as_mysql(1),
            }
        }
        idle.connection.begin_write().expect("a transaction");
        take_turn(&mut idle.connection, Turn::Claim).expect("the turn");
        whole_turn(&mut store).expect("the turn of another");
        // whoever comes back finds its transaction ended, and goes on
        let error = idle.apps().all().expect_err("its transaction was ended");
        assert!(error.is_temporary() && error.kind() == ErrorKind::Busy, "{error:?}");
        assert_eq!(idle.apps().all().expect("apps").len(), 0);
    }
}

fn number_of(server: &mut My, sql: &str) -> i64 {
    diesel::sql_query(sql).get_result::<Number>(server).expect(sql).it
}

#[test]
fn a_connection_that_was_lost_is_made_anew_with_the_next_call() {
    on_every_server(|house| {
        let (mut store, mut other) = (house.ready(), house.open());
        store.apps().register(&[app("a/b/c", "{}")], false).expect("registered");
        let number = own_number(&mut store);
        end(&mut other, number);
        let error = store.apps().all().expect_err("no connection");
        assert!(error.is_temporary() && error.kind() == ErrorKind::Busy, "{error:?}");
        assert_eq!(store.apps().all().expect("apps").len(), 1);
        // in the middle of a transaction, nothing of which is kept
        let number = own_number(&mut store);
        let mut is_first = true;
        let lost = store.write("tell something", |connection| {
            crate::tables::outbox::append(connection, &told())?;
            if std::mem::take(&mut is_first) {
                end(&mut other, number);
            }
            crate::tables::outbox::append(connection, &told())
        });
        assert!(lost.expect_err("no connection").is_temporary());
        assert_eq!(store.outbox().after("", 10).expect("messages").len(), 0);
        store.outbox().tell(&told()).expect("told");
    });
}

fn told() -> crate::tables::NewMessage {
    crate::tables::NewMessage {
        kind: crate::tables::MessageKind::Told,
        severity: LogLevel::Info,
        app_id: None,
        subject: "a".to_owned(),
        body: "b".to_owned(),
    }
}

#[test]
fn a_statement_is_known_however_many_come_between() {
    on_every_backend(|house| {
        let mut store = house.ready();
        for round in 0..3 {
            assert!(store.apps().by_id(1).expect("a query").is_none());
            for other in 0..100 {
                let whole = if matches!(store.connection, Link::Mysql(_)) { "SIGNED" } else { "BIGINT" };
                let sql = format!("SELECT CAST({other} AS {whole}) AS it");
                assert_eq!(number(&mut store.connection, &sql), other, "{round}");
            }
        }
    });
}

#[test]
fn an_answer_that_does_not_come_is_not_waited_for() {
    on_every_server(|house| {
        let (mut store, mut other) = (house.ready(), house.open());
        store.connection.wait_for(Duration::from_millis(300));
        other.connection.begin_write().expect("a transaction");
        take_turn(&mut other.connection, Turn::Claim).expect("the turn");
        let began = Instant::now();
        let error = whole_turn(&mut store).expect_err("no answer");
        assert!(error.is_temporary() && error.kind() == ErrorKind::Busy, "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        other.connection.roll_back();
        // and whoever waited holds nothing when its turn would have come
        whole_turn(&mut other).expect("the turn");
        whole_turn(&mut store).expect("the turn");
    });
}

#[test]
fn of_two_who_are_in_each_others_way_both_come_to_their_end() {
    on_every_server(|house| {
        let mut store = house.ready();
        store.apps().register(&[app("a/b/c", "{}"), app("a/b/d", "{}")], false).expect("registered");
        let ids: Vec<i64> = store.apps().all().expect("apps").iter().map(|app| app.id).collect();
        thread::scope(|scope| {
            for order in [[0, 1], [1, 0]] {
                let ids = &ids;
                scope.spawn(move || {
                    let mut store = house.open();
                    for _ in 0..5 {
                        let crossed = store.write("go crosswise", |connection| {
                            for place in order {
                                use crate::tables::schema::apps;
                                use diesel::prelude::*;
                                let more = apps::solved.eq(apps::solved + 1);
                                diesel::update(apps::table.find(ids[place])).set(more).execute(connection)?;
                                thread::sleep(Duration::from_millis(3));
                            }
                            Ok(())
                        });
                        crossed.expect("an end");
                    }
                });
            }
        });
        assert_eq!(store.apps().all().expect("apps").iter().map(|app| app.solved).collect::<Vec<_>>(), [10, 10]);
    });
}

#[test]
fn records_of_any_size_are_stored_as_they_are() {
    on_every_server(|house| {
        let mut store = house.ready();
        let sizes = [9 << 20, 3 << 20, 3 << 20, 3 << 20, 0, 1];
        let rows: Vec<LogRow> = sizes.iter().map(|size| log("š".repeat(size / 2))).collect();
        store.logs().append(&rows).expect("records");
        let stored = store.logs().after(&LogFilter::default(), 0, 100).expect("records").rows;
        assert!(stored.iter().map(|row| &row.message).eq(rows.iter().map(|row| &row.message)));
    });
}

#[test]
fn names_are_told_apart_by_each_byte_and_none_is_cut() {
    on_every_backend(|house| {
        let mut store = house.ready();
        let names = ["a", "A", "a ", "ä", "a\u{308}", "\u{1f600}", "\u{1f601}", "ss", "ß"];
        for name in names {
            assert!(store.alarms().raise(name, "me", &told()).expect("told"), "{name:?}");
            assert!(!store.alarms().raise(name, "me", &told()).expect("known"), "{name:?}");
        }
    });
    let Some(house) = House::mariadb() else { return };
    let error = house.ready().alarms().raise(&"x".repeat(701), "me", &told()).expect_err("too long");
    assert!(error.to_string().contains("name"), "{error}");
}
