//! Each target on its corpus and on mutations of it. `DC_TEST_MUTATIONS` asks for more of them, `DC_TEST_SEED` for
//! others, and `DC_TEST_INPUT` for a single file; `just fuzz` sets them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::mutate::{Dice, mutation};

/// Mutations that follow each other the same way every time, so that a test that passed passes again.
const SEED: u64 = 1;
/// How long one input may take, on a machine that has much else to do.
const TIME_MAX: Duration = Duration::from_secs(60);
/// By how much one input may make the memory grow.
const MEMORY_KIB_MAX: u64 = 512 << 10;
/// The stack of a program's main thread.
const STACK_BYTES: usize = 8 << 20;

type Target = fn(&[u8]);

/// A test for each target, and how many mutations it looks at where nobody asks for more.
macro_rules! targets {
    ($($name:ident: $mutations:expr),+ $(,)?) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), super::$name, $mutations);
        })+

        const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}

targets! {
    actor_message: 3_000,
    app_toml: 1_000,
    archive: 300,
    backlog: 300,
    body: 1_000,
    broker_url: 2_000,
    canonical: 200,
    cassette: 200,
    cookies: 500,
    cron: 500,
    csv: 150,
    database_url: 1_000,
    dotenv: 2_000,
    field_value: 2_000,
    fields: 300,
    fixed_width: 1_000,
    html_table: 300,
    json: 3_000,
    json_array: 100,
    json_records: 2_000,
    json_schema: 1_000,
    line: 300,
    log_line: 2_000,
    message: 2_000,
    ndjson: 200,
    note: 1_000,
    notifier_url: 2_000,
    pdf: 200,
    picture: 500,
    redact: 500,
    settings: 500,
    soap_answer: 200,
    statement: 2_000,
    store: 1_000,
    times: 2_000,
    workbook: 150,
    wsdl: 150,
    xml: 2_000,
    xml_records: 1_500,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The files of a folder, in their order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|cause| panic!("{}: {cause}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Runs a target on everything, on a thread of its own, which is watched.
fn check(name: &'static str, target: Target, mutations: usize) {
    let seed = variable("DC_TEST_SEED").unwrap_or(SEED);
    // written before it is looked at, so that it is there after a crash of any kind
    let is_replay = std::env::var_os("DC_TEST_INPUT").is_some();
    let file = if is_replay { "replayed".to_owned() } else { format!("last-{seed}") };
    let current = folder().join("artifacts").join(name).join(file);
    fs::create_dir_all(current.parent().expect("a folder")).expect("a folder");
    let (sender, receiver) = channel();
    let file = current.clone();
    let work = move || run(name, target, (variable("DC_TEST_MUTATIONS").unwrap_or(mutations), seed), &file, &sender);
    let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(work);
    let thread = thread.expect("a thread");
    let mut what = "the start".to_owned();
    let failure = loop {
        match receiver.recv_timeout(TIME_MAX) {
            Ok(next) => what = next,
            Err(RecvTimeoutError::Timeout) => break Some(format!("took more than {} s", TIME_MAX.as_secs())),
            Err(RecvTimeoutError::Disconnected) => break thread.join().err().map(|_| "failed".to_owned()),
        }
    };
    match failure {
        None => fs::remove_file(&current).unwrap_or_default(),
        Some(failure) => panic!(
            "`{name}` {failure} on {what}, which is kept in {path}\n\
             again: DC_TEST_INPUT={path} cargo test --lib fuzzing::check::{name}\n\
             when it is mended, keep the input in fuzz/corpus/{name}",
            path = current.display()
        ),
    }
}

fn run(name: &str, target: Target, (mutations, seed): (usize, u64), current: &Path, sender: &Sender<String>) {
    let look = |what: String, input: &[u8]| {
        fs::write(current, input).expect("a file");
        // whoever waits has given up
        let _ = sender.send(what);
        let before = memory_kib();
        target(input);
        let grown = memory_kib().saturating_sub(before);
        assert!(grown <= MEMORY_KIB_MAX, "the memory grew by {grown} KiB");
    };
    if let Some(input) = variable::<PathBuf>("DC_TEST_INPUT") {
        look(format!("{}", input.display()), &fs::read(&input).expect("the input"));
        return;
    }
    let mut inputs = Vec::new();
    for file in files(&folder().join("corpus").join(name)) {
        let input = fs::read(&file).expect("a file");
        look(format!("{}", file.display()), &input);
        inputs.push(input);
    }
    look("an empty input".to_owned(), b"");
    let mut dice = Dice::new(seed);
    for turn in 1..=mutations {
        look(format!("mutation {turn} of seed {seed}"), &mutation(&inputs, &mut dice));
    }
}

/// The most memory that this process has had; 0 where other tests share it, as under `cargo test`.
fn memory_kib() -> u64 {
    if std::env::var_os("NEXTEST").is_none() {
        return 0;
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

#[test]
fn every_target_has_a_corpus_and_a_program() {
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).expect("a manifest");
    for name in NAMES {
        assert!(!files(&folder().join("corpus").join(name)).is_empty(), "fuzz/corpus/{name} is empty");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "fuzz/Cargo.toml lacks `{name}`");
        let program = fs::read_to_string(folder().join(format!("fuzz_targets/{name}.rs"))).expect("a program");
        assert!(program.contains(&format!("fuzzing::{name}(data)")), "fuzz_targets/{name}.rs");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), NAMES.len(), "a program without a target in check.rs");
    assert_eq!(files(&folder().join("corpus")).len(), NAMES.len(), "a corpus without a target in check.rs");
}
