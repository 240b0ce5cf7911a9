//! Writes records into a file of JSON lines, by data-collector or by tracing-appender, and prints how long it took from
//! the first record to the last byte in the file: `throughput dc|tracing RECORDS FOLDER`.

use std::path::Path;
use std::time::{Duration, Instant};

use data_collector::logs::LogSetup;
use data_collector::settings::{Environment, Settings, Source};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [way, records, folder] = words.as_slice() else { panic!("throughput dc|tracing RECORDS FOLDER") };
    let records: u64 = records.parse().expect("a number");
    let folder = Path::new(folder);
    let elapsed = match way.as_str() {
        "dc" => by_dc(records, folder),
        "tracing" => by_tracing(records, folder),
        other => panic!("{other}: dc or tracing"),
    };
    println!("{}", elapsed.as_secs_f64());
}

fn by_dc(records: u64, folder: &Path) -> Duration {
    let source = Source { folder: Some(folder.to_owned()), config: None };
    let pairs = [
        ("DC_LOG_SINKS", "file"),
        ("DC_LOG_FILE_PATH", "dc.ndjson"),
        ("DC_LOG_FILE_SIZE_MAX", "64GiB"),
        ("DC_LOG_FLUSH", "600s"),
        ("DC_LOG_FORMAT", "json"),
    ];
    let settings = Settings::load(&source, Environment::of(pairs)).expect("settings");
    let log = LogSetup::of(&settings).without_console().filter("info").start().expect("a log");
    let started = Instant::now();
    for number in 0..records {
        log::info!(page = number, url = "https://example.org/companies", took_ms = 12.5; "read page {number}");
    }
    drop(log);
    started.elapsed()
}

fn by_tracing(records: u64, folder: &Path) -> Duration {
    let file = tracing_appender::rolling::never(folder, "tracing.ndjson");
    // by default it drops what it cannot write in time
    let (writer, guard) = tracing_appender::non_blocking::NonBlockingBuilder::default().lossy(false).finish(file);
    tracing_subscriber::fmt().json().with_writer(writer).init();
    let started = Instant::now();
    for number in 0..records {
        tracing::info!(page = number, url = "https://example.org/companies", took_ms = 12.5, "read page {number}");
    }
    drop(guard);
    started.elapsed()
}
