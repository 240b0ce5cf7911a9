//! Connections that threads share: never more than the settings allow.

use std::sync::atomic::{AtomicUsize, Ordering};

use data_collector::db::{Connection, Pool};
use data_collector::error::Result;
use data_collector::record::Value;

use crate::support::Backend;

fn nothing(_: &mut Connection) -> Result<()> {
    Ok(())
}

#[test]
fn no_more_are_open_than_the_settings_allow_and_a_lost_one_is_replaced() {
    for backend in Backend::all() {
        let context = backend.context_with(&[("DC_DB_MAIN_POOL_SIZE", "3")]);
        let pool = Pool::of(&context, "main").expect("a pool");
        let (opened, at_once, most) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    // another handle of the same pool
                    let pool = Pool::of(&context, "main").expect("a pool");
                    for _ in 0..5 {
                        let prepare = |_: &mut Connection| {
                            opened.fetch_add(1, Ordering::SeqCst);
                            Ok(())
                        };
                        let mut connection = pool.take(prepare).expect("a connection");
                        most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        assert_eq!(connection.query("SELECT 1", &[]).expect("a row").rows, [[Value::Integer(1)]]);
                        at_once.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!((1..=3).contains(&opened.load(Ordering::SeqCst)), "{opened:?}");
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)), "{most:?}");
        let mut all: Vec<_> = (0..3).map(|_| pool.take(nothing).expect("a connection")).collect();
        all[0].is_of_no_use();
        all.clear();
        let mut was_opened = false;
        let all: Vec<_> = (0..3)
            .map(|_| {
                let prepare = |_: &mut Connection| {
                    was_opened = true;
                    Ok(())
                };
                pool.take(prepare).expect("a connection")
            })
            .collect();
        assert!(was_opened, "the lost one was replaced");
        drop(all);
    }
}

#[test]
fn what_one_left_open_is_not_the_next_ones() {
    for backend in Backend::all() {
        let pool = Pool::of(&backend.context_with(&[("DC_DB_MAIN_POOL_SIZE", "1")]), "main").expect("a pool");
        let mut first = pool.take(nothing).expect("a connection");
        first.execute("CREATE TABLE t (a INTEGER)", &[]).expect("a table");
        first.execute("BEGIN", &[]).expect("a transaction");
        first.execute("INSERT INTO t VALUES (1)", &[]).expect("a row");
        drop(first);
        let mut second = pool.take(nothing).expect("the same connection");
        assert_eq!(second.query("SELECT count(*) FROM t", &[]).expect("a count").rows, [[Value::Integer(0)]]);
    }
}

#[test]
fn whoever_waits_is_stopped_and_a_size_of_nothing_is_refused() {
    let backend = Backend::sqlite();
    let context = backend.context_with(&[("DC_DB_MAIN_POOL_SIZE", "1")]);
    let pool = Pool::of(&context, "main").expect("a pool");
    let held = pool.take(nothing).expect("a connection");
    context.cancellation().cancel();
    assert!(pool.take(nothing).is_err(), "a person has stopped it");
    drop(held);
    let context = backend.context_with(&[("DC_DB_MAIN_POOL_SIZE", "0")]);
    let error = Pool::of(&context, "main").err().expect("none at all");
    assert!(error.to_string().contains("pool_size"), "{error}");
}
