//! `dc logs --follow` and `--after` beside writers that stall at will: each record once, and nobody waits for
//! strangers.

use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use postgres::{Client, NoTls};

use crate::support::Backend;
use crate::support::manager::wait_for;
use data_collector::context::Context;
use data_collector::ops::{self, LogsOptions};

/// A deployed PostgreSQL database and its context.
fn deployed() -> Option<(Backend, Context)> {
    let backend = Backend::postgres()?;
    let context = backend.context();
    ops::deploy(&context, &Default::default()).expect("tables");
    Some((backend, context))
}

fn client(backend: &Backend) -> Client {
    Client::connect(&backend.url, NoTls).expect("the server")
}

/// The statement that stores records of these numbers.
fn storing(numbers: std::ops::Range<u64>) -> String {
    format!(
        "INSERT INTO logs (time, level, source, message) \
         SELECT now() AT TIME ZONE 'UTC', 20, 'test', number FROM generate_series({}, {}) AS number",
        numbers.start,
        numbers.end - 1
    )
}

fn store(client: &mut Client, numbers: std::ops::Range<u64>) {
    client.batch_execute(&storing(numbers)).expect("records");
}

/// What `dc logs` shows, in a thread.
struct Follower {
    context: Context,
    shown: Receiver<(i64, u64)>,
    seen: Vec<(i64, u64)>,
    thread: JoinHandle<()>,
}

impl Follower {
    fn start(backend: &Backend, options: LogsOptions) -> Self {
        let context = backend.context();
        let (give, shown) = channel();
        let thread = std::thread::spawn({
            let context = context.clone();
            move || {
                let each = |line: &ops::LogLine| {
                    let number = line.log.message.parse().expect("a number");
                    give.send((line.log.id, number)).expect("somebody listens");
                    Ok(())
                };
                let ended = ops::logs(&context, &options, each);
                assert!(ended.is_ok() || context.cancellation().is_cancelled(), "{ended:?}");
            }
        });
        Self { context, shown, seen: Vec::new(), thread }
    }

    /// Waits until this one is shown.
    fn wait(&mut self, number: u64) {
        while !self.seen.iter().any(|(_, seen)| *seen == number) {
            let next = self.shown.recv_timeout(Duration::from_secs(60));
            self.seen.push(next.unwrap_or_else(|_| panic!("{number} is not shown")));
        }
    }

    /// All that was shown, sorted.
    fn end(mut self) -> Vec<u64> {
        self.context.cancellation().cancel();
        self.thread.join().expect("its end");
        self.seen.extend(self.shown.try_iter());
        let mut numbers: Vec<u64> = self.seen.into_iter().map(|(_, number)| number).collect();
        numbers.sort_unstable();
        numbers
    }
}

fn following() -> LogsOptions {
    LogsOptions { follow: true, tail: 5, ..LogsOptions::default() }
}

#[test]
fn a_follower_shows_each_record_once_whenever_its_transaction_ends() {
    let Some((backend, _)) = deployed() else { return };
    let mut clients: Vec<Client> = (0..6).map(|_| client(&backend)).collect();
    let [main, first, second, undone, third, stranger] = &mut clients[..] else { unreachable!() };
    store(main, 0..10);
    // a transaction of somebody else, open from before the start to the end, with a number of its own
    stranger.batch_execute("CREATE TABLE other (n int); BEGIN; INSERT INTO other VALUES (1)").expect("a transaction");
    // one that stores before the follower starts, and stalls
    first.batch_execute(&format!("BEGIN; {}", storing(100..105))).expect("a transaction");
    store(main, 10..12);
    let mut follower = Follower::start(&backend, following());
    follower.wait(11);
    second.batch_execute(&format!("BEGIN; {}", storing(200..203))).expect("a transaction");
    undone.batch_execute(&format!("BEGIN; {}", storing(300..1_300))).expect("a transaction");
    store(main, 5_000..8_000);
    follower.wait(7_999);
    first.batch_execute("COMMIT").expect("an end");
    follower.wait(104);
    undone.batch_execute("ROLLBACK").expect("an end");
    third.batch_execute(&format!("BEGIN; {}", storing(400..401))).expect("a transaction");
    store(main, 8_000..11_000);
    follower.wait(10_999);
    // one that goes on storing while the others are done, and ends last
    second.batch_execute(&storing(203..206)).expect("more");
    store(main, 11_000..11_001);
    third.batch_execute("COMMIT").expect("an end");
    follower.wait(400);
    second.batch_execute("COMMIT").expect("an end");
    follower.wait(205);
    store(main, 12_000..12_001);
    follower.wait(12_000);
    // 5 of the tail, and each of the others
    let expected = (7..12).chain(100..105).chain(200..206).chain([400]).chain(5_000..11_001).chain([12_000]);
    assert!(follower.end() == expected.collect::<Vec<_>>());
}

#[test]
fn writers_that_stall_at_will_cost_a_follower_nothing() {
    let Some((backend, _)) = deployed() else { return };
    let mut follower = Follower::start(&backend, LogsOptions { tail: 0, ..following() });
    let mut main = client(&backend);
    store(&mut main, 0..1);
    // what was stored before it began may be its past
    wait_for("the follower", 60, || {
        store(&mut main, 0..1);
        follower.shown.try_recv().is_ok()
    });
    let writers = 4;
    std::thread::scope(|scope| {
        for writer in 1..=writers {
            let mut client = client(&backend);
            scope.spawn(move || {
                for batch in 0..60_u64 {
                    let from = writer * 1_000_000 + batch * 100;
                    client.batch_execute(&format!("BEGIN; {}", storing(from..from + 50))).expect("a transaction");
                    std::thread::sleep(Duration::from_millis((batch * 7 + writer * 3) % 23));
                    client.batch_execute(&storing(from + 50..from + 100)).expect("more");
                    // one of them is late, by thousands of numbers
                    let stall = if writer == 1 && batch % 20 == 0 { 700 } else { (batch * 5 + writer) % 17 };
                    std::thread::sleep(Duration::from_millis(stall));
                    let end = if batch % 13 == 5 { "ROLLBACK" } else { "COMMIT" };
                    client.batch_execute(end).expect("an end");
                }
            });
        }
    });
    store(&mut main, 9_000_000..9_000_001);
    follower.wait(9_000_000);
    std::thread::sleep(Duration::from_millis(700));
    let mut expected: Vec<u64> = Vec::new();
    for writer in 1..=writers {
        for batch in (0..60).filter(|batch| batch % 13 != 5) {
            expected.extend((0..100).map(|number| writer * 1_000_000 + batch * 100 + number));
        }
    }
    expected.push(9_000_000);
    let shown: Vec<u64> = follower.end().into_iter().filter(|number| *number > 0).collect();
    assert!(shown == expected, "{} of {}", shown.len(), expected.len());
}

/// The numbers of the records after one, and the last number of a record.
fn after(context: &Context, id: i64) -> (Vec<u64>, i64) {
    let (mut numbers, mut last) = (Vec::new(), id);
    let options = LogsOptions { after: Some(id), ..LogsOptions::default() };
    ops::logs(context, &options, |line| {
        assert!(line.log.id > last, "in order");
        last = line.log.id;
        numbers.push(line.log.message.parse().expect("a number"));
        Ok(())
    })
    .expect("records");
    (numbers, last)
}

#[test]
fn a_program_that_goes_on_behind_the_last_number_gets_each_record_once() {
    let Some((backend, context)) = deployed() else { return };
    let (mut main, mut held, mut stranger) = (client(&backend), client(&backend), client(&backend));
    stranger.batch_execute("CREATE TABLE other (n int); BEGIN; INSERT INTO other VALUES (1)").expect("a transaction");
    store(&mut main, 0..3);
    held.batch_execute(&format!("BEGIN; {}", storing(100..103))).expect("a transaction");
    store(&mut main, 3..3_000);
    let (first, last) = after(&context, 0);
    assert_eq!(first, [0, 1, 2], "not behind those that may still come");
    assert_eq!(after(&context, last).0, [0; 0]);
    held.batch_execute("COMMIT").expect("an end");
    let (second, last) = after(&context, last);
    assert!(second == (100..103).chain(3..3_000).collect::<Vec<_>>());
    held.batch_execute(&format!("BEGIN; {}; ROLLBACK", storing(0..50))).expect("a transaction");
    store(&mut main, 3_000..3_002);
    assert_eq!(after(&context, last).0, [3_000, 3_001], "what was rolled back is not waited for");
}

#[test]
fn a_program_that_asks_while_others_write_gets_each_record_once() {
    let Some((backend, context)) = deployed() else { return };
    let (mut found, mut last) = (Vec::new(), 0);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4_u64)
            .map(|writer| {
                let mut client = client(&backend);
                scope.spawn(move || {
                    for batch in 0..40 {
                        let from = writer * 1_000_000 + batch * 50;
                        client.batch_execute(&format!("BEGIN; {}", storing(from..from + 50))).expect("a transaction");
                        std::thread::sleep(Duration::from_millis((batch * 7 + writer * 11) % 40));
                        client.batch_execute("COMMIT").expect("an end");
                    }
                })
            })
            .collect();
        while writers.iter().any(|writer| !writer.is_finished()) {
            let (more, next) = after(&context, last);
            found.extend(more);
            last = next;
        }
    });
    found.extend(after(&context, last).0);
    found.sort_unstable();
    let expected: Vec<u64> =
        (0..4).flat_map(|writer| (0..2_000).map(move |number| writer * 1_000_000 + number)).collect();
    assert!(found == expected, "{} of {}", found.len(), expected.len());
}
