//! Who follows the log beside writers that stall: each record once, whatever order transactions end in.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::*;
use crate::tables::log::{NewLog, storable, store};
use crate::tables::time::database_now;
use crate::tables::{LogFilter, LogFollower, LogLevel, LogRow};

fn row(number: u32) -> LogRow {
    LogRow {
        runtime: None,
        app_id: None,
        time: clock::now(),
        level: LogLevel::Info.id(),
        source: "test".to_owned(),
        message: number.to_string(),
        context: None,
    }
}

/// Stores records in the transaction that is open.
fn write(link: &mut Link, numbers: std::ops::Range<u32>) {
    let rows: Vec<LogRow> = numbers.map(row).collect();
    let rows: Vec<NewLog<'_>> = rows.iter().map(storable).collect();
    store(link, &rows).expect("records");
}

fn follow(reader: &mut Store, follower: &mut LogFollower) -> Vec<u32> {
    let mut seen = Vec::new();
    loop {
        let (rows, is_full) = reader.logs().follow(follower, &LogFilter::default(), 1_000).expect("records");
        seen.extend(rows.into_iter().map(|row| row.message.parse::<u32>().expect("a number")));
        if !is_full {
            return seen;
        }
    }
}

#[test]
fn what_ends_late_is_shown_then_and_what_is_undone_is_not_waited_for() {
    on_every_server(|house| {
        let (mut reader, mut early, mut late, mut undone) = (house.ready(), house.open(), house.open(), house.open());
        early.logs().append(&[row(0)]).expect("a record");
        late.connection.begin_write().expect("a transaction");
        write(&mut late.connection, 10..13);
        early.logs().append(&[row(1)]).expect("a record");
        // one that begins beside a transaction which has stored already
        let mut follower = reader.logs().follower().expect("a follower");
        undone.connection.begin_write().expect("a transaction");
        write(&mut undone.connection, 20..25);
        early.logs().append(&[row(2)]).expect("a record");
        assert_eq!(follow(&mut reader, &mut follower), [2]);
        // a server ends a transaction that says nothing for long
        for open in [&mut late, &mut undone] {
            database_now(&mut open.connection).expect("it lives");
        }
        let after = reader.logs().after(&LogFilter::default(), 0, 100).expect("records");
        assert!(after.is_held && after.rows.len() == 1, "{after:?}");
        undone.connection.roll_back();
        assert_eq!(follow(&mut reader, &mut follower), [0_u32; 0]);
        late.connection.commit().expect("an end");
        assert_eq!(follow(&mut reader, &mut follower), [10, 11, 12]);
        assert_eq!(follow(&mut reader, &mut follower), [0_u32; 0]);
        let after = reader.logs().after(&LogFilter::default(), 0, 100).expect("records");
        assert!(!after.is_held && after.rows.len() == 6, "{after:?}");
    });
}

/// Tells the other reader that no more will come, also when something fails before.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn many_writers_that_stall_at_will_cost_a_follower_nothing() {
    on_every_server(|house| {
        let mut reader = house.ready();
        let mut follower = reader.logs().follower().expect("a follower");
        let is_over = AtomicBool::new(false);
        let over = Over(&is_over);
        let (mut seen, mut kept) = (Vec::new(), BTreeSet::new());
        thread::scope(|scope| {
            let over = over;
            let writers: Vec<_> = (0..5_u32)
                .map(|writer| {
                    scope.spawn(move || {
                        let (mut store, mut kept) = (house.open(), Vec::new());
                        for batch in 0..30_u32 {
                            let from = writer * 1_000_000 + batch * 100;
                            store.connection.begin_write().expect("a transaction");
                            write(&mut store.connection, from..from + 20);
                            let nap = if writer == 1 && batch % 10 == 3 { 400 } else { (batch * 7 + writer * 3) % 13 };
                            thread::sleep(Duration::from_millis(nap.into()));
                            write(&mut store.connection, from + 20..from + 30);
                            if batch % 7 == 2 {
                                store.connection.roll_back();
                            } else {
                                store.connection.commit().expect("an end");
                                kept.extend(from..from + 30);
                            }
                        }
                        kept
                    })
                })
                .collect();
            // whoever goes on behind the last record that it has, beside one that follows
            let resumer = scope.spawn(|| {
                let (mut reader, mut at, mut seen) = (house.open(), 0, Vec::new());
                loop {
                    let was_over = is_over.load(Ordering::SeqCst);
                    let after = reader.logs().after(&LogFilter::default(), at, 200).expect("records");
                    at = after.settled;
                    seen.extend(after.rows.into_iter().map(|row| row.message.parse::<u32>().expect("a number")));
                    if was_over && !after.is_full && !after.is_held {
                        return seen;
                    }
                }
            });
            while writers.iter().any(|writer| !writer.is_finished()) {
                seen.extend(follow(&mut reader, &mut follower));
            }
            writers.into_iter().for_each(|writer| kept.extend(writer.join().expect("a writer")));
            drop(over);
            seen.extend(follow(&mut reader, &mut follower));
            seen.extend(follow(&mut reader, &mut follower));
            let mut resumed = resumer.join().expect("a reader");
            resumed.sort_unstable();
            assert!(resumed.iter().eq(kept.iter()), "{} of {}", resumed.len(), kept.len());
        });
        seen.sort_unstable();
        assert!(seen.iter().eq(kept.iter()), "{} of {}", seen.len(), kept.len());
    });
}
