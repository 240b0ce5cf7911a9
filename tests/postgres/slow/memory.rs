//! How much memory a merge takes, by how much it is given.

use std::io::Write;

use crate::support::{Backend, Stopped, dc};

/// Records of the small input; the large one has three times as many.
const RECORDS: usize = 2_000;
/// What the large one may take beyond the small one, in KiB; it is 15 MiB larger.
const MORE_KIB_MAX: u64 = 8 << 10;

/// The most memory that a merge has had when it is about to commit, in KiB.
fn peak_kib(backend: &Backend, table: &str, file: &str) -> u64 {
    let mut command = dc(backend.folder.path());
    command.args(["merge", table, file, "--create", "--max-gone", "100%"]).env("DC_DB_MAIN_URL", &backend.url);
    let stopped = Stopped::at("merge.before-commit", &mut command);
    let status = std::fs::read_to_string(format!("/proc/{}/status", stopped.id())).expect("a process");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak").trim();
    let peak_kib = peak.trim_end_matches(" kB").parse().expect("a number");
    let (status, said) = stopped.go_on();
    assert!(status.success(), "{said}");
    peak_kib
}

#[test]
fn a_larger_input_takes_no_more_memory() {
    for backend in Backend::all() {
        let files = [("small", 1, 0), ("large", 3, 0), ("other", 3, 1)];
        for (name, times, edition) in files {
            let file = std::fs::File::create(backend.folder.path().join(format!("{name}.ndjson"))).expect("a file");
            let mut out = std::io::BufWriter::new(file);
            for n in 0..RECORDS * times {
                writeln!(out, "{{\"n\":{n},\"edition\":{edition},\"text\":\"{}\"}}", "text ".repeat(800))
                    .expect("room");
            }
        }
        let small = peak_kib(&backend, "s", "small.ndjson");
        // a first load, and one in which every row goes and a new one comes
        for (table, file) in [("t", "large.ndjson"), ("t", "other.ndjson")] {
            let large = peak_kib(&backend, table, file);
            assert!(large < small + MORE_KIB_MAX, "{file}: {large} KiB, and {small} KiB for a third");
        }
    }
}
