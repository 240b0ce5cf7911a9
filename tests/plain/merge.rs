//! `dc merge` as people meet it: bad input, statuses, pipes, kills.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::support::{dc, is_stopped, run, signal, stderr, stdout};

/// An input, the flags beside it, the status it ends with, and what the error says.
type Case<'a> = (&'a [u8], &'a [&'a str], i32, &'a [&'a str]);

fn table(folder: &Path) {
    std::fs::write(folder.join("good.ndjson"), "{\"n\":1,\"s\":\"a\"}\n{\"n\":2,\"s\":\"b\"}\n").expect("a file");
    let output = run(folder, &["merge", "t", "good.ndjson", "--create"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

fn count(folder: &Path) -> i64 {
    let connection = rusqlite::Connection::open(folder.join(".dc/dc.db")).expect("a database");
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(check, "ok");
    connection.query_row("SELECT count(*) FROM t WHERE archive IS NULL", [], |row| row.get(0)).expect("a number")
}

fn piped(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = dc(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("dc starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("an end");
    let _ = writer.join();
    output
}

#[test]
fn bad_input_names_its_place_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    table(folder);
    let long = format!("{{\"n\":5,\"s\":\"{}\"}}\n", "x".repeat(40 << 20));
    let cases: &[Case<'_>] = &[
        (b"{\"n\":1}\n{\"n\":\n{\"n\":3}\n", &[], 1, &["line 2", "--rejects"]),
        (b"{\"n\":NaN}\n", &[], 1, &["line 1", "NaN"]),
        (b"{\"n\":1e999}\n", &[], 1, &["line 1", "infinite"]),
        (b"{\"s\":\"\\ud800\"}\n", &[], 1, &["line 1", "lone surrogate"]),
        (b"{\"s\":\"\xff\"}\n", &[], 1, &["line 1", "UTF-8"]),
        (b"n,s\n1,\"a \\\"b\\\", c\"\n", &[], 1, &["line 2", "backslash", "sed"]),
        (b"n,s\n1,a\n2,\"5\\\" disk\"\n", &[], 1, &["line 3", "backslash"]),
        (b"n,s\nx,\"C:\\\"\n", &[], 1, &["line 2, column `n`", "--evolve", "--rejects"]),
        (b"n,s\n1,a\n2\n", &[], 1, &["line 3", "1 fields", "header has 2"]),
        (b"n,n\n1,a\n", &[], 1, &["`n` stands twice"]),
        (b"[{\"n\":1}", &[], 1, &["line 1", "middle of this element"]),
        (b"", &[], 6, &["empty", "--allow-empty"]),
        (b" \n\n", &[], 6, &["empty"]),
        (b"n,s\n", &[], 6, &["empty"]),
        (b"{\"x\":1}\n", &[], 5, &["`x`", "--evolve", "--ignore x"]),
        (b"{\"n\":1}\n", &["--key", "nope"], 5, &["`nope`", "n, s"]),
        (long.as_bytes(), &[], 1, &["line 1", "longer than 32 MiB"]),
        (b"\x1f\x8b\x08\x00broken", &[], 1, &["unpack"]),
        (b"\xff\xfe\0\0{\0\0\0", &[], 1, &["UTF-32", "iconv"]),
        (b"n,s\n1,\xe8aj\n", &[], 1, &["not UTF-8 (line 2)", "--encoding windows-125"]),
        (b"n,s\n1,a\n", &["--encoding", "klingon"], 2, &["`klingon`", "utf-16le"]),
        (b"n,s\n1,\xff\xff\n", &["--encoding", "utf-8"], 1, &["line 2", "UTF-8"]),
        (b"\xff\xfen\0\n\0\x00\xd8", &[], 1, &["byte", "--encoding"]),
        (b"n^s\n1^a\n", &[], 2, &["`n^s`", "--delimiter '^'"]),
        (b"PK\x03\x04....", &[], 1, &["damaged"]),
        (b"PAR1....", &[], 1, &["Parquet"]),
        (b"{\"n\":1}\n", &["--hash-on", "nn"], 5, &["`nn`", "--hash-on", "`n`"]),
        // the table has it, and no record
        (b"{\"n\":1}\n", &["--key", "s"], 5, &["`s`", "--key", "in the input"]),
        (b"n\n1\n", &["--key", "s"], 5, &["`s`", "--key", "in the input"]),
        (b"{\"n\":1}\n", &["--hash-on", "id"], 5, &["`id`", "--rename id=source_id"]),
        (b"{\"n\":1}\n", &["--hash-except", "ss"], 5, &["`ss`", "--hash-except"]),
        (b"{\"nn\":1}\n", &["--ignore", "nm,nn"], 5, &["`nm`", "--ignore", "`nn`"]),
        (b"nm,s\n1,a\n", &["--rename", "n=nm"], 5, &["`n`", "--rename", "`nm`"]),
        (b"{\"n\":1}\n", &["--scope", "m=1"], 5, &["`m`", "--scope", "`n`"]),
        (b"{\"n\":1}\n", &["--key", "id"], 5, &["`id`", "--key"]),
    ];
    for (input, flags, status, parts) in cases {
        let shown = String::from_utf8_lossy(&input[..input.len().min(60)]).into_owned();
        let arguments = [&["merge", "t", "-"], *flags].concat();
        let output = piped(folder, &arguments, input);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(*status), "{shown:?}: {told}");
        assert!(parts.iter().all(|part| told.contains(part)), "{shown:?}: {told}");
        assert!(told.contains("hint:") && !told.contains("panicked"), "{shown:?}: {told}");
        assert_eq!(count(folder), 2, "{shown:?}");
    }
}

#[test]
fn rejects_never_overwrite_an_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    table(folder);
    std::fs::hard_link(folder.join("good.ndjson"), folder.join("same.ndjson")).expect("a link");
    let before = std::fs::read(folder.join("good.ndjson")).expect("a file");
    std::fs::write(folder.join(".dc/dc.db-wal"), "").expect("a file");
    std::os::unix::fs::symlink(".dc/dc.db-wal", folder.join("wal")).expect("a link");
    for (rejects, why) in [
        ("good.ndjson", "an input"),
        ("same.ndjson", "an input"),
        (".dc/dc.db", "SQLite"),
        (".dc/dc.db-wal", "a part of an SQLite database"),
        ("wal", "a part of an SQLite database"),
        (".dc/dc.db-journal", "a part of an SQLite database"),
        (".", "folder"),
    ] {
        let output = run(folder, &["merge", "t", "good.ndjson", "--rejects", rejects]);
        assert_eq!(output.status.code(), Some(2), "{rejects}: {}", stderr(&output));
        assert!(stderr(&output).contains(why), "{rejects}: {}", stderr(&output));
        assert_eq!(std::fs::read(folder.join("good.ndjson")).expect("a file"), before);
        assert_eq!(count(folder), 2);
    }
}

/// Waits until a thread of a process waits at this place in the kernel.
fn await_in_kernel(process: u32, place: &str) {
    let began = std::time::Instant::now();
    loop {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        let mut places = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("wchan")).ok());
        if places.any(|at| at.contains(place)) {
            return;
        }
        assert!(began.elapsed().as_secs() < 30, "no thread waits in {place}");
        std::thread::yield_now();
    }
}

/// Pipes: one that nobody reads takes no rejects, and one that nobody writes can be waited for no longer than somebody likes.
#[test]
fn pipes_with_nobody_at_the_other_end_hold_nobody_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    table(folder);
    nix::unistd::mkfifo(&folder.join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let output = run(folder, &["merge", "t", "good.ndjson", "--rejects", "pipe"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("write the rejects to pipe"), "{}", stderr(&output));
    let mut child = dc(folder).args(["merge", "t", "pipe"]).stderr(Stdio::piped()).spawn().expect("dc starts");
    await_in_kernel(child.id(), "wait_for_partner");
    signal("TERM", child.id());
    let began = std::time::Instant::now();
    while child.try_wait().expect("its state").is_none() {
        assert!(began.elapsed().as_secs() < 20, "it waits for a writer");
        std::thread::yield_now();
    }
    assert_eq!(child.wait().expect("its end").code(), Some(130));
}

/// The file that is merged becomes shorter meanwhile: an error, soon, and nothing is changed.
#[test]
fn an_input_that_shrinks_ends_the_merge() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    table(folder);
    let rows =
        (0..400_000).map(|n| format!("{{\"n\":{n},\"s\":\"row number {n} of a long file\"}}\n")).collect::<String>();
    std::fs::write(folder.join("long.ndjson"), rows).expect("a file");
    let child = dc(folder)
        .args(["merge", "t", "long.ndjson", "--threads", "1"])
        // it has been opened and measured, and will be read
        .env("DC_FAILPOINT", "merge.locked=stop")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("dc starts");
    let began = std::time::Instant::now();
    while !is_stopped(child.id()) {
        assert!(began.elapsed().as_secs() < 30, "it does not come to the failpoint");
        std::thread::yield_now();
    }
    std::fs::OpenOptions::new()
        .write(true)
        .open(folder.join("long.ndjson"))
        .and_then(|file| file.set_len(1_000))
        .expect("shorter");
    signal("CONT", child.id());
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(count(folder), 2);
}

/// Nobody writes into the pipe, and somebody asks to stop.
#[test]
fn a_silent_pipe_does_not_hold_a_merge() {
    let folder = tempfile::tempdir().expect("a folder");
    table(folder.path());
    let mut child = dc(folder.path())
        .args(["merge", "t", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("dc starts");
    await_in_kernel(child.id(), "pipe_read");
    signal("TERM", child.id());
    let pipe = child.stdin.take();
    let status = child.wait().expect("an end");
    drop(pipe);
    assert_eq!(status.code(), Some(130));
}

#[test]
fn csv_is_read_in_the_dialect_and_encoding_that_it_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let expected = [("Čačak", "1,5"), ("Đakovo", "2")];
    let utf16 = |text: &str| [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let semicolons = "town;amount\nČačak;\"1,5\"\nĐakovo;2\n";
    let cp1250 = b"town;amount\n\xc8a\xe8ak;\"1,5\"\n\xd0akovo;2\n".to_vec();
    let cases: [(&str, Vec<u8>, &[&str]); 7] = [
        ("plain.csv", "town,amount\nČačak,\"1,5\"\nĐakovo,2\n".into(), &[]),
        ("semicolons.csv", semicolons.into(), &[]),
        ("sep.csv", format!("sep=;\r\n{semicolons}").into_bytes(), &[]),
        ("tabs.csv", semicolons.replace(';', "\t").into_bytes(), &[]),
        ("utf16.csv", utf16(semicolons), &[]),
        ("marked.csv", format!("\u{feff}{semicolons}").into_bytes(), &[]),
        ("old.csv", cp1250, &["--encoding", "windows-1250"]),
    ];
    for (name, content, flags) in cases {
        std::fs::write(folder.join(name), content).expect("a file");
        let table = name.trim_end_matches(".csv");
        let output = run(folder, &[&["merge", table, name, "--create"], flags].concat());
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
        let connection = rusqlite::Connection::open(folder.join(".dc/dc.db")).expect("a database");
        let mut statement = connection.prepare(&format!("SELECT town, amount FROM {table} ORDER BY id")).expect("SQL");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        let rows: Vec<(String, String)> = rows.collect::<Result<_, _>>().expect("rows");
        assert_eq!(rows, expected.map(|(town, amount)| (town.to_owned(), amount.to_owned())), "{name}");
    }
    // gzip, padded with zeros as on a tape
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(semicolons.as_bytes()).expect("packing");
    let padded = [packed.finish().expect("packing"), vec![0; 1_000]].concat();
    std::fs::write(folder.join("padded.csv.gz"), padded).expect("a file");
    let output = run(folder, &["merge", "plain", "padded.csv.gz", "--json"]);
    assert!(stdout(&output).contains("\"unchanged\":2"), "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn bad_records_are_set_aside_on_request() {
    let folder = tempfile::tempdir().expect("a folder");
    table(folder.path());
    let input = b"{\"n\":1,\"s\":\"a\"}\n{\"n\":\"x\"}\n{broken\n{\"n\":3,\"s\":\"c\"}\n";
    let output = piped(folder.path(), &["merge", "t", "-", "--rejects", "bad.ndjson", "--json"], input);
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    for (field, expected) in
        [("read", 4), ("new", 1), ("unchanged", 1), ("rejected", 2), ("gone", 1), ("active_after", 2)]
    {
        assert_eq!(report[field].as_i64(), Some(expected), "{field} in {report}");
    }
    let rejects = std::fs::read_to_string(folder.path().join("bad.ndjson")).expect("rejects");
    let lines: Vec<serde_json::Value> = rejects.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((lines[0]["line"].as_i64(), lines[1]["record"].as_str()), (Some(2), Some("{broken")));
    assert_eq!((lines[0]["column"].as_str(), lines[0]["byte"].as_i64()), (Some("n"), None));
    assert_eq!((lines[1]["column"].as_str(), lines[1]["byte"].as_i64()), (None, Some(2)));
}

/// What is asked for by a name or a time that may be wrong: the answer tells which it took.
#[test]
fn the_past_is_asked_for_by_names_and_times_that_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    table(folder.path());
    let output = run(folder.path(), &["merge", "history", "tt"]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert!(stderr(&output).contains("`tt`") && stderr(&output).contains("did you mean `t`?"), "{}", stderr(&output));
    let output = run(folder.path(), &["merge", "history", "t", "--json"]);
    let merges: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert!(merges[0]["moment"].as_str().is_some_and(|moment| moment.ends_with('Z')), "{merges}");
    let mut show = dc(folder.path());
    show.args(["merge", "show", "t", "--as-of", "2999-06-01 12:00"]).env("TZ", "Europe/Zagreb");
    let output = show.output().expect("dc runs");
    assert_eq!(stdout(&output).lines().count(), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("as of 2999-06-01 10:00:00 UTC"), "{}", stderr(&output));
    let connection = rusqlite::Connection::open(folder.path().join(".dc/dc.db")).expect("a database");
    connection.execute_batch("ALTER TABLE t DROP COLUMN n; ALTER TABLE t DROP COLUMN s").expect("columns less");
    let output = run(folder.path(), &["merge", "show", "t"]);
    assert_eq!(stdout(&output), "{}\n{}\n", "{}", stderr(&output));
}

#[test]
fn every_form_of_the_same_data_has_the_same_hash() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let json = "{\"n\":1,\"x\":1.5,\"b\":true,\"s\":\"A b\",\"e\":null}";
    std::fs::write(folder.join("a.ndjson"), format!("{json}\n")).expect("a file");
    std::fs::write(folder.join("a.json"), format!("[\n {json}\n]\n")).expect("a file");
    std::fs::write(folder.join("a.csv"), "n,x,b,s,e\r\n1,1.5,true,\"A b\",\r\n").expect("a file");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(format!("{json}\n").as_bytes()).expect("packing");
    std::fs::write(folder.join("a.ndjson.gz"), packed.finish().expect("packing")).expect("a file");
    std::fs::write(folder.join("a.zst"), zstd::encode_all(format!("{json}\n").as_bytes(), 1).expect("packing"))
        .expect("a file");
    let sha = |file: &str| {
        let output = run(folder, &["merge", "--hash-only", file]);
        let line: serde_json::Value = serde_json::from_str(stdout(&output).trim()).expect("JSON");
        line["sha"].as_str().map(str::to_owned).expect("a hash")
    };
    let expected = sha("a.ndjson");
    for file in ["a.json", "a.csv", "a.ndjson.gz", "a.zst"] {
        assert_eq!(sha(file), expected, "{file}");
    }
    assert!(!folder.join(".dc").exists(), "--hash-only touches no database");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.ndjson"), "{\"n\":1}\n".repeat(50_000)).expect("a file");
    let mut child = dc(folder.path())
        .args(["merge", "--hash-only", "a.ndjson"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("dc starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("an end");
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

#[test]
fn the_man_pages_are_current() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(run(folder.path(), &["man", "man"]).status.code(), Some(0));
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    for section in ["man1", "man5"] {
        let (fresh, committed) = (folder.path().join("man").join(section), committed.join(section));
        let pages = |folder: &Path| {
            let names = std::fs::read_dir(folder).expect("a folder").map(|page| page.expect("a page").file_name());
            let mut pages: Vec<_> = names.collect();
            pages.sort();
            pages
        };
        assert_eq!(pages(&fresh), pages(&committed), "run `just man`");
        for page in pages(&committed) {
            let is_current = std::fs::read(fresh.join(&page)).expect("a page")
                == std::fs::read(committed.join(&page)).expect("a page");
            assert!(is_current, "{} is not current: run `just man`", page.display());
        }
    }
}
