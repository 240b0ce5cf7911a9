//! The logging pipeline into a database that goes away, or refuses a record.

use std::time::{Duration, Instant};

use crate::support::Backend;
use crate::support::proxy::Proxy;
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
    let server = backend.url.split(['@', '/']).nth(3).expect("a host").to_owned();
    let proxy = Proxy::to(&server);
    let url = backend.url.replace(&server, &format!("127.0.0.1:{}", proxy.port));
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
    let rows = client.query("SELECT DISTINCT message FROM logs ORDER BY 1", &[]).expect("rows");
    assert_eq!(rows.len(), 12_000);
    // a commit whose answer was cut off with the connection may have happened, and its batch is sent again: that one alone
    let sql = "SELECT message FROM logs GROUP BY message HAVING count(*) > 1 ORDER BY message::bigint";
    let numbers = client.query(sql, &[]).expect("rows");
    let twice: Vec<u64> = numbers.iter().map(|row| row.get::<_, String>(0).parse().expect("a number")).collect();
    assert!(twice.iter().all(|number| *number < 2_100), "stored twice though nothing was cut: {twice:?}");
    assert!(twice.windows(2).all(|pair| pair[1] == pair[0] + 1), "not one batch: {twice:?}");
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
