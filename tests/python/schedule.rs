//! Schedules against a reference in another language: a walk over every minute with CPython's time zones.
//! `DC_TEST_ZONES=all` checks every zone with every pattern, around every change of its clock in ten years, in seven
//! minutes; it wants `DC_TEST_PYTHON`, for zones of the same edition.

use std::io::Write;

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use data_collector::apps::{CronPattern, Schedule};
use data_collector::zone::Zone;

use crate::support::needs::python_with;
use crate::support::{clean, stderr, stdout};

const PATTERNS: [&str; 24] = [
    "* * * * *",
    "*/15 * * * *",
    "30 * * * *",
    "0 * * * *",
    "0 0 * * *",
    "30 0 * * *",
    "59 23 * * *",
    "0 1 * * *",
    "30 1 * * *",
    "0 2 * * *",
    "30 2 * * *",
    "45 2 * * *",
    "0 3 * * *",
    "*/20 0-4 * * *",
    "5,35 1,2,3 * * *",
    "15 2-3 * * sun",
    "0 2 1-7 * sun",
    "0 2 * mar,oct,nov,apr,sep *",
    "30 2 25-31 3 *",
    "*/7 */2 * * *",
    "10 0-23/3 * * mon-fri",
    "0 12 * * 1",
    "1 0 1 * *",
    "0 0 29 2 *",
];

/// The instants at which the clock of a zone is set, in ten years.
fn changes(zone: &Zone) -> Vec<NaiveDateTime> {
    let start = DateTime::from_timestamp(1_735_689_600, 0).expect("2025").naive_utc();
    let end = start + TimeDelta::days(10 * 366);
    zone.changes(start).take_while(|at| *at < end).collect()
}

/// The moments that are due, in minutes after `from`.
fn due(schedule: &Schedule, zone: &Zone, from: NaiveDateTime, to: NaiveDateTime) -> Vec<i64> {
    let mut found = Vec::new();
    let mut next = schedule.next(from - TimeDelta::microseconds(1), zone);
    while let Some(at) = next.filter(|at| *at <= to) {
        assert_eq!((at - from).num_seconds() % 60, 0, "{at} {zone:?}");
        found.push((at - from).num_minutes());
        next = schedule.next(at, zone);
    }
    found
}

/// Patterns that nobody thought of: each field a star, a step, a range, or a few numbers. Always the same ones.
fn made_up(count: usize) -> impl Iterator<Item = String> {
    let mut state: u64 = 20_261_125;
    let mut die = move |sides: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % sides
    };
    let mut field = move |low: u64, high: u64, stars: u64| {
        let span = high - low + 1;
        match die(6 + stars) {
            0 => format!("{}", low + die(span)),
            1 => format!("*/{}", 2 + die(span / 2)),
            2 => {
                let first = low + die(span);
                format!("{first}-{}", first + die(high - first + 1))
            }
            3 => format!("{low}-{high}/{}", 1 + die(span / 3 + 1)),
            4 => format!("{},{},{}", low + die(span), low + die(span), low + die(span)),
            _ => "*".to_owned(),
        }
    };
    (0..count).map(move |_| {
        let (minute, hour) = (field(0, 59, 0), field(0, 5, 2));
        let (day, month, weekday) = (field(1, 31, 12), field(1, 12, 12), field(0, 6, 8));
        format!("{minute} {hour} {day} {month} {weekday}")
    })
}

#[test]
fn schedules_agree_with_a_walk_over_every_minute() {
    let zones = "import datetime, zoneinfo; datetime.UTC; zoneinfo.ZoneInfo(\"Europe/Zagreb\")";
    let Some(python) = python_with("schedule", zones) else { return };
    let all = std::env::var("DC_TEST_ZONES").is_ok_and(|zones| zones == "all");
    let few = [
        "Europe/Zagreb",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "America/Santiago",
        "Asia/Tehran",
        "Pacific/Auckland",
        "UTC",
    ];
    let names: Vec<String> = if all { Zone::names().collect() } else { few.map(str::to_owned).to_vec() };
    let patterns = PATTERNS.into_iter().map(str::to_owned).chain(made_up(if all { 76 } else { 0 }));
    let schedules: Vec<(String, Schedule)> = patterns
        .map(|pattern| (pattern.clone(), Schedule::Cron(CronPattern::read(&pattern).expect("a pattern"))))
        .collect();
    let file = tempfile::NamedTempFile::new().expect("a file");
    let mut out = std::io::BufWriter::new(file.as_file());
    for name in names {
        let zone = &Zone::named(&name).expect("a zone");
        let mut starts = changes(zone);
        starts.truncate(if all { usize::MAX } else { 3 });
        starts.push(DateTime::from_timestamp(1_772_000_000, 0).expect("a day").naive_utc());
        for change in starts {
            // from a whole minute on: the reference walks in minutes
            let from = change - TimeDelta::seconds(change.and_utc().timestamp() % 60) - TimeDelta::hours(30);
            let to = from + TimeDelta::hours(60);
            for (pattern, schedule) in &schedules {
                let job = serde_json::json!({
                    "zone": name, "pattern": pattern, "from": from.to_string(), "to": to.to_string(),
                    "due": due(schedule, zone, from, to),
                });
                writeln!(out, "{job}").expect("room");
            }
        }
    }
    out.flush().expect("room");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/schedule/reference.py");
    let mut reference = clean(python);
    if std::env::var("DC_TEST_PYTHON").is_ok() {
        // the package's zones, not the machine's: they may be of another year
        reference.env("PYTHONTZPATH", "");
    }
    let output = reference.arg(script).arg(file.path()).output().expect("Python starts");
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}
