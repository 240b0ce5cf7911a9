//! What a record with three key-values costs the thread that writes it, while every sink stands still.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use data_collector::logs::{self, LogSetup, Line, Sink, Undelivered};
use data_collector::profile::fun_watch;
use data_collector::settings::{Environment, Settings, Source};

/// A sink that never comes back.
struct Stalled;

impl Sink for Stalled {
    fn write(&mut self, _: &[Line<'_>]) -> Result<(), Undelivered> {
        std::thread::sleep(Duration::from_secs(3600));
        Ok(())
    }
}

#[fun_watch]
fn nothing(number: u64) -> u64 {
    number
}

fn emit(criterion: &mut Criterion) {
    let folder = std::env::temp_dir().join(format!("dc-log-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let source = Source { folder: Some(folder.clone()), config: None };
    // room enough on disk that nothing is dropped, and no wait at the end
    let pairs = [("DC_LOG_SINKS", ""), ("DC_LOG_WAITING_MAX", "64GiB"), ("DC_LOG_FLUSH", "10ms"), ("DC_DB_MAIN_URL", "postgres://u:pass1234@h/d")];
    let settings = Settings::load(&source, Environment::of(pairs)).expect("settings");
    let log = LogSetup::of(&settings).without_console().filter("info").start().expect("a log");
    logs::append_sink("stalled", Box::new(Stalled)).expect("a sink");
    let mut number = 0_u64;
    criterion.bench_function("a record with three key-values", |bencher| {
        bencher.iter(|| {
            number += 1;
            log::info!(page = number, url = "https://example.org/companies", took_ms = 12.5; "read page {number}");
        });
    });
    criterion.bench_function("a call of a watched function", |bencher| bencher.iter(|| nothing(std::hint::black_box(1))));
    drop(log);
    let _ = std::fs::remove_dir_all(folder);
}

criterion_group!(benches, emit);
criterion_main!(benches);
