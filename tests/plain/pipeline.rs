//! The logging pipeline as its sinks see it: nothing is lost, nothing waits, whatever a sink does.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::context;
use crate::support::manager::wait_for;
use crate::support::splunk::{Collector, Fault};
use data_collector::context::Context;
use data_collector::logs::{Limits, Line, Pipeline, Sink, Undelivered};

fn pipeline(context: &Context, sinks: &[&str]) -> Pipeline {
    let pipeline = Pipeline::start(&context.settings().log).expect("a pipeline");
    pipeline.open_sinks(context, sinks.iter().copied()).expect("sinks");
    pipeline
}

fn write(pipeline: &Pipeline, numbers: impl IntoIterator<Item = u64>) {
    numbers.into_iter().for_each(|number| pipeline.note(&number.to_string()));
}

/// How many records a sink is sent; `DC_TEST_RECORDS` asks for more.
fn count() -> u64 {
    std::env::var("DC_TEST_RECORDS").ok().and_then(|count| count.parse().ok()).unwrap_or(30_000)
}

fn numbers(events: &[serde_json::Value]) -> Vec<u64> {
    events.iter().map(|event| event["event"]["message"].as_str().expect("text").parse().expect("a number")).collect()
}

/// A sink that keeps what it gets.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl Sink for Kept {
    fn write(&mut self, lines: &[Line<'_>]) -> Result<(), Undelivered> {
        let messages = lines.iter().map(|line| line.record().expect("a record").message.into_owned());
        self.0.lock().expect("the lines").extend(messages);
        Ok(())
    }
}

/// A sink that never comes back.
struct Stalled;

impl Sink for Stalled {
    fn write(&mut self, _: &[Line<'_>]) -> Result<(), Undelivered> {
        std::thread::sleep(Duration::from_secs(3600));
        Ok(())
    }
}

fn splunk_settings<'a>(url: &'a str, acknowledge: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("DC_LOG_SPLUNK_URL", url),
        ("DC_LOG_SPLUNK_TOKEN", "t0ken-of-the-test"),
        ("DC_LOG_SPLUNK_ACKNOWLEDGE", acknowledge),
        ("DC_LOG_SPLUNK_ACKNOWLEDGE_TIMEOUT", "300ms"),
    ]
}

#[test]
fn splunk_gets_each_record_once_and_in_order_when_it_acknowledges() {
    let folder = tempfile::tempdir().expect("a folder");
    let fine = Fault::Slow(Duration::ZERO);
    let faults = [
        Fault::CutBody,
        Fault::Answer(503, 9),
        fine,
        Fault::NeverAcknowledged,
        Fault::Slow(Duration::from_millis(50)),
        Fault::Busy,
        Fault::CutAnswer,
        fine,
        Fault::Garbage,
        Fault::Answer(401, 3),
        fine,
        Fault::Answer(403, 1),
        Fault::CutBody,
    ];
    let collector = Collector::start(true, faults);
    let context = context(folder.path(), &splunk_settings(&collector.url, "true"));
    let pipeline = pipeline(&context, &["splunk"]);
    let count = count();
    write(&pipeline, 0..count);
    let started = Instant::now();
    while collector.count() < count && started.elapsed() < Duration::from_secs(60 + count / 10_000) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let reports = pipeline.finish(Duration::from_secs(20));
    assert_eq!((reports[0].delivered, reports[0].dropped, reports[0].waiting_bytes), (count, 0, 0), "{reports:?}");
    assert_eq!(collector.faults_left(), 0);
    assert!(numbers(&collector.events()) == (0..count).collect::<Vec<_>>());
    assert_eq!(collector.wrong(), [""; 0]);
}

#[test]
fn splunk_gets_each_record_at_least_once_without_acknowledgements_and_a_bad_one_is_set_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let collector = Collector::start(false, [Fault::CutAnswer, Fault::CutBody, Fault::Answer(500, 8)]);
    let context = context(folder.path(), &splunk_settings(&collector.url, "false"));
    let pipeline = pipeline(&context, &["splunk"]);
    write(&pipeline, 0..100);
    pipeline.note("poison");
    write(&pipeline, 100..200);
    let reports = pipeline.finish(Duration::from_secs(20));
    // at the end it is not tried for ever: what is left goes to the next processes, which do not wait for it
    let mut refused = reports[0].refused;
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let more = self::pipeline(&context, &["splunk"]).finish(Duration::from_secs(20)).remove(0);
        refused += more.refused;
        if more.inherited_bytes == 0 {
            break;
        }
        assert!(Instant::now() < until, "{more:?}");
    }
    assert_eq!(refused, 1, "{reports:?}");
    let mut found = numbers(&collector.events());
    found.dedup();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, (0..200).collect::<Vec<_>>());
    let refused = std::fs::read_to_string(folder.path().join(".dc/log/refused.ndjson")).expect("a file");
    assert!(refused.contains("\"poison\"") && refused.contains("Invalid data format"), "{refused}");
    assert!(!refused.contains("t0ken"));
}

#[test]
fn only_the_word_of_a_collector_counts_as_delivered() {
    let folder = tempfile::tempdir().expect("a folder");
    // a page of a proxy, and a collector that is busy: both say 200
    let collector = Collector::start(false, [Fault::Page, Fault::Answer(200, 9), Fault::Answer(200, 8)]);
    let context = context(folder.path(), &splunk_settings(&collector.url, "false"));
    let pipeline = pipeline(&context, &["splunk"]);
    write(&pipeline, 0..100);
    wait_for("all events", 120, || collector.count() == 100);
    let reports = pipeline.finish(Duration::from_secs(20));
    assert_eq!((reports[0].delivered, reports[0].refused), (100, 0), "{reports:?}");
    assert_eq!(collector.faults_left(), 0);
    assert!(numbers(&collector.events()) == (0..100).collect::<Vec<_>>());
    // whoever searches can tell what was sent twice
    let identity = |event: &serde_json::Value| event["event"]["id"].as_str().expect("an identity").to_owned();
    let all: std::collections::BTreeSet<String> = collector.events().iter().map(identity).collect();
    let sent = collector.sent();
    assert_eq!(all.len(), 100);
    assert!(sent.len() > 100 && sent.iter().all(|event| all.contains(&identity(event))), "{}", sent.len());
}

#[test]
fn a_batch_without_an_acknowledgement_or_with_a_bad_event_does_not_end_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let collector = Collector::start(true, [Fault::Page, Fault::NoAcknowledgement]);
    let context = context(folder.path(), &splunk_settings(&collector.url, "true"));
    let pipeline = pipeline(&context, &["splunk"]);
    write(&pipeline, 0..1);
    wait_for("the first one", 120, || collector.count() == 1);
    assert_eq!(collector.acknowledged(), 0);
    write(&pipeline, 1..20);
    pipeline.note("poison");
    write(&pipeline, 20..30);
    wait_for("all others", 120, || collector.count() >= 30);
    let reports = pipeline.finish(Duration::from_secs(20));
    assert_eq!((reports[0].delivered, reports[0].refused), (30, 1), "{reports:?}");
    assert!(numbers(&collector.events()) == (0..30).collect::<Vec<_>>());
    assert!(collector.acknowledged() > 0, "it goes on asking");
}

#[test]
fn a_stalled_sink_holds_up_neither_writers_nor_other_sinks() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[]);
    let pipeline = pipeline(&context, &["file"]);
    let kept = Kept::default();
    pipeline.append_sink("stalled", Box::new(Stalled)).expect("a sink");
    pipeline.append_sink("kept", Box::new(kept.clone())).expect("a sink");
    assert!(pipeline.append_sink("kept", Box::new(kept.clone())).is_err());
    assert!(pipeline.append_sink("../x", Box::new(kept.clone())).is_err());
    write(&pipeline, 0..100_000);
    let started = Instant::now();
    while kept.0.lock().expect("the lines").len() < 100_000 && started.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let expected: Vec<String> = (0..100_000).map(|number: u64| number.to_string()).collect();
    assert!(*kept.0.lock().expect("the lines") == expected);
    let started = Instant::now();
    let reports = pipeline.finish(Duration::from_millis(500));
    assert!(started.elapsed() < Duration::from_secs(5), "the end is bounded");
    let stalled = reports.iter().find(|report| report.sink == "stalled").expect("a report");
    assert_eq!((stalled.delivered, stalled.dropped), (0, 0));
    // and the next process delivers what this one could not
    let again = Pipeline::start(&context.settings().log).expect("a pipeline");
    let late = Kept::default();
    again.append_sink("stalled", Box::new(late.clone())).expect("a sink");
    let started = Instant::now();
    // nobody waits for it at the end
    while late.0.lock().expect("the lines").len() < 100_000 && started.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(10));
    }
    again.finish(Duration::from_secs(20));
    assert!(*late.0.lock().expect("the lines") == expected);
    let lines = std::fs::read_to_string(folder.path().join(".dc/records.ndjson")).expect("a file");
    assert_eq!(lines.lines().count(), 100_000);
}

#[test]
fn what_is_dropped_is_counted_and_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[("DC_LOG_QUEUE", "drop_newest")]);
    let pipeline = Pipeline::start(&context.settings().log).expect("a pipeline");
    struct Slow(Kept);
    impl Sink for Slow {
        fn write(&mut self, lines: &[Line<'_>]) -> Result<(), Undelivered> {
            std::thread::sleep(Duration::from_millis(300));
            self.0.write(lines)
        }
        fn limits(&self) -> Limits {
            Limits { lines_max: 4_000, ..Limits::default() }
        }
    }
    let kept = Kept::default();
    pipeline.append_sink("slow", Box::new(Slow(kept.clone()))).expect("a sink");
    write(&pipeline, 0..200_000);
    let reports = pipeline.finish(Duration::from_secs(30));
    let lines = kept.0.lock().expect("the lines");
    let (told, numbers): (Vec<&String>, Vec<&String>) = lines.iter().partition(|line| line.contains("dropped"));
    let count = |line: &String| line.split(' ').next().and_then(|word| word.parse::<u64>().ok()).expect("a number");
    assert_eq!(told.into_iter().map(count).sum::<u64>(), reports[0].dropped);
    assert_eq!(numbers.len() as u64 + reports[0].dropped, 200_000, "{reports:?}");
    assert!(reports[0].dropped > 0);
}

#[test]
fn a_file_is_rotated_by_its_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let pairs =
        [("DC_LOG_FILE_PATH", "a/log.ndjson"), ("DC_LOG_FILE_SIZE_MAX", "100KiB"), ("DC_LOG_FILE_FILES_MAX", "3")];
    let context = context(folder.path(), &pairs);
    let pipeline = pipeline(&context, &["file"]);
    for number in 0..3_000_u64 {
        pipeline.note(&number.to_string());
        if number.is_multiple_of(100) {
            pipeline.flush(Duration::from_secs(5));
        }
    }
    pipeline.finish(Duration::from_secs(20));
    let read = |name: &str| std::fs::read_to_string(folder.path().join("a").join(name)).unwrap_or_default();
    let all = [read("log.ndjson.2"), read("log.ndjson.1"), read("log.ndjson")];
    assert!(all.iter().all(|text| !text.is_empty()) && read("log.ndjson.3").is_empty());
    let last: Vec<u64> = all
        .iter()
        .flat_map(|text| text.lines())
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["message"]
                .as_str()
                .expect("text")
                .parse()
                .expect("a number")
        })
        .collect();
    assert!(last.is_sorted() && last.last() == Some(&2_999) && last.len() > 500);
}

#[test]
fn a_sink_that_is_unknown_or_not_set_up_is_told_before_anything_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[]);
    let pipeline = Pipeline::start(&context.settings().log).expect("a pipeline");
    let error = pipeline.open_sinks(&context, ["spulnk"]).expect_err("unknown");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("splunk")), "{error:?}");
    let error = pipeline.open_sinks(&context, ["splunk"]).expect_err("no URL");
    assert!(error.to_string().contains("log.splunk.url"), "{error:?}");
}
