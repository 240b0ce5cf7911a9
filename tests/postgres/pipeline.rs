//! The logging pipeline into a database that goes away, or refuses a record.

use std::time::{Duration, Instant};

use crate::support::Backend;
use crate::support::manager::wait_for;
use data_collector::context::Context;
use data_collector::logs::Pipeline;

fn pipeline(context: &Context) -> Pipeline {
    let pipeline = Pipeline::start(&context.settings().log).expect("a pipeline");
    pipeline.open_sinks(context, ["database"]).expect("sinks");
    pipeline
}

fn write(pipeline: &Pipeline, numbers: impl IntoIterator<Item = u64>) {
    numbers.into_iter().for_each(|number| pipeline.note(&number.to_string()));
}

#[test]
fn a_database_that_goes_away_loses_nothing() {
    let Some(backend) = Backend::postgres() else { return };
    let (proxy, url) = backend.by_proxy();
    let context = backend.context_with(&[("DC_DB_MAIN_URL", &url)]);
    data_collector::ops::deploy(&context, &Default::default()).expect("tables");
    let pipeline = pipeline(&context);
    let mut slowest = Duration::ZERO;
    for number in 0..12_000_u64 {
        match number {
            2_000 => proxy.cut(),
            9_000 => proxy.mend(),
            _ => {}
        }
        let started = Instant::now();
        pipeline.note(&number.to_string());
        slowest = slowest.max(started.elapsed());
        if number.is_multiple_of(10) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    assert!(slowest < Duration::from_millis(500), "a writer waited {slowest:?}");
    let mut client = postgres::Client::connect(&backend.url, postgres::NoTls).expect("the server");
    let count = |client: &mut postgres::Client| {
        client.query_one("SELECT count(*) FROM logs", &[]).expect("a count").get::<_, i64>(0)
    };
    let started = Instant::now();
    while count(&mut client) < 12_000 && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(100));
    }
    pipeline.finish(Duration::from_secs(10));
    let rows = client.query("SELECT message FROM logs ORDER BY id", &[]).expect("rows");
    let stored: Vec<u64> = rows.iter().map(|row| row.get::<_, String>(0).parse().expect("a number")).collect();
    assert!(stored == (0..12_000).collect::<Vec<_>>(), "each once, and in order");
}

#[test]
fn a_batch_whose_commit_was_not_answered_is_stored_once() {
    let Some(backend) = Backend::postgres() else { return };
    let (proxy, url) = backend.by_proxy();
    let context = backend.context_with(&[("DC_DB_MAIN_URL", &url)]);
    data_collector::ops::deploy(&context, &Default::default()).expect("tables");
    let (mut from, mut streams) = (0, 0);
    // the first batch of a stream, a later one, and one that the end of the process leaves to the next
    for is_last in [false, false, true] {
        let pipeline = pipeline(&context);
        proxy.lose_answer_behind("INSERT INTO \"logs\"");
        write(&pipeline, from..from + 500);
        wait_for("the commit", 60, || proxy.has_lost());
        if is_last {
            proxy.cut();
        }
        write(&pipeline, from + 500..from + 1_000);
        let report = pipeline.finish(Duration::from_millis(if is_last { 50 } else { 20_000 })).remove(0);
        assert_eq!(report.waiting_bytes > 0, is_last, "{report:?}");
        proxy.mend();
        (from, streams) = (from + 1_000, streams + 1);
    }
    let mut client = postgres::Client::connect(&backend.url, postgres::NoTls).expect("the server");
    let next = pipeline(&context);
    let mut count = |sql: &str| client.query_one(sql, &[]).expect("a count").get::<_, i64>(0);
    wait_for("all records", 60, || count("SELECT count(DISTINCT message) FROM logs") == 3_000);
    next.finish(Duration::from_secs(20));
    assert_eq!(count("SELECT count(*) FROM logs"), 3_000);
    assert_eq!(count("SELECT count(*) FROM log_streams"), streams);
}

#[test]
fn a_record_that_the_table_refuses_is_set_aside() {
    for backend in Backend::all() {
        let context = backend.context();
        data_collector::ops::deploy(&context, &Default::default()).expect("tables");
        let trigger = match backend.is_sqlite() {
            true => {
                "CREATE TRIGGER no_poison BEFORE INSERT ON logs WHEN NEW.message = 'poison' BEGIN SELECT RAISE(ABORT, 'no poison here'); END"
            }
            false => "ALTER TABLE logs ADD CONSTRAINT no_poison CHECK (message <> 'poison')",
        };
        backend.connect().execute(trigger, &[]).expect("a trigger");
        let pipeline = pipeline(&context);
        write(&pipeline, 0..700);
        pipeline.note("poison");
        write(&pipeline, 700..1_000);
        pipeline.note("poison");
        let reports = pipeline.finish(Duration::from_secs(20));
        assert_eq!((reports[0].delivered, reports[0].refused, reports[0].waiting_bytes), (1_000, 2, 0), "{reports:?}");
        let refused = std::fs::read_to_string(backend.folder.path().join(".dc/log/refused.ndjson")).expect("a file");
        assert_eq!(refused.lines().filter(|line| line.contains("poison")).count(), 2);
    }
}
