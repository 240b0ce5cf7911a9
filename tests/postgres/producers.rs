//! A producer that dies merges nothing: killed at any line, and dc killed at any step, the table is as it was or as it shall be.

use std::process::{Command, Output, Stdio};

use crate::support::manager::wait_for;
use crate::support::{Backend, dc, is_stopped, killed_at, signal, stderr, stdout};
use data_collector::record::Value;

/// Rows that the table has before, and lines that the producer writes.
const LINES: i64 = 400;

fn merging(backend: &Backend, more: &[&str]) -> Command {
    let mut command = dc(backend.folder.path());
    command.args(["merge", "t", "--create", "--max-gone", "100%"]).args(more).env("DC_DB_MAIN_URL", &backend.url);
    command
}

fn active(backend: &Backend) -> (i64, i64) {
    let sql = "SELECT count(*), min(n) FROM t WHERE archive IS NULL";
    match backend.connect().query(sql, &[]).expect(sql).rows[0].as_slice() {
        [Value::Integer(count), Value::Integer(lowest)] => (*count, *lowest),
        other => panic!("{other:?}"),
    }
}

/// A table with the numbers from 0 on.
fn prepared(backend: &Backend) {
    let output = merging(backend, &["--", "seq", "-f", "{\"n\":%.0f}", "0", &(LINES - 1).to_string()]).output();
    let output = output.expect("dc starts");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(active(backend), (LINES, 0));
}

/// Writes the numbers from 1000 on, and ends in some way after so many.
fn script(after: i64, end: &str) -> String {
    format!("i=0; while [ $i -lt {after} ]; do echo \"{{\\\"n\\\":$((1000 + i))}}\"; i=$((i + 1)); done; {end}")
}

fn produced(backend: &Backend, script: &str) -> Output {
    merging(backend, &["--json", "--", "sh", "-c", script]).output().expect("dc starts")
}

#[test]
fn a_producer_that_dies_at_any_line_merges_nothing() {
    for backend in Backend::all() {
        prepared(&backend);
        for (place, after) in [0, 1, 7, LINES / 2, LINES - 1, LINES].into_iter().enumerate() {
            let (end, told) = [
                ("kill -9 $$", "ended by SIGKILL"),
                ("echo broken >&2; exit 3", "exit status 3"),
                ("kill -TERM $$", "ended by SIGTERM"),
            ][place % 3];
            let output = produced(&backend, &script(after, end));
            assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
            let said = stderr(&output);
            assert!(said.contains(told) && said.contains("nothing was changed"), "{said}");
            assert_eq!(said.contains("broken"), end.contains("broken"), "its words are passed on: {said}");
            assert_eq!(active(&backend), (LINES, 0), "after {after} lines and {end}");
        }
        let output = produced(&backend, &script(LINES, "true"));
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(active(&backend), (LINES, 1000));
    }
}

#[test]
fn dc_that_is_killed_with_its_producer_merges_all_or_nothing() {
    for backend in Backend::all() {
        prepared(&backend);
        let script = script(LINES, "true");
        for point in ["merge.produced", "merge.locked", "merge.inserted", "merge.before-commit"] {
            killed_at(point, &mut merging(&backend, &["--", "sh", "-c", &script]));
            // a server takes its time to see that its client is gone
            wait_for("the old rows", 60, || active(&backend) == (LINES, 0));
        }
        killed_at("merge.committed", &mut merging(&backend, &["--", "sh", "-c", &script]));
        assert_eq!(active(&backend), (LINES, 1000));
    }
}

#[test]
fn the_producer_does_not_outlive_dc_and_does_not_hold_it_up() {
    let backend = Backend::sqlite();
    prepared(&backend);
    let pid = backend.folder.path().join("pid");
    let waits = format!("echo '{{\"n\":1}}'; echo $$ >'{0}.new'; mv '{0}.new' '{0}'; sleep 600", pid.display());
    let gone = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
    };
    for (name, status) in [("TERM", Some(130)), ("KILL", None)] {
        let _ = std::fs::remove_file(&pid);
        let mut command = merging(&backend, &["--", "sh", "-c", &waits]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("dc starts");
        wait_for("the producer", 60, || pid.exists());
        let producer: u32 = std::fs::read_to_string(&pid).expect("a file").trim().parse().expect("a number");
        signal(name, child.id());
        assert_eq!(child.wait().expect("its end").code(), status, "{name}");
        wait_for("the end of the producer", 60, || gone(producer));
        assert_eq!(active(&backend), (LINES, 0));
    }
    // one that leaves a process behind with its output open
    let _ = std::fs::remove_file(&pid);
    let output = produced(&backend, "sleep 600 & echo '{\"n\":1}'");
    assert!(stderr(&output).contains("still holds its output open"), "{}", stderr(&output));
    assert_eq!(active(&backend), (LINES, 0));
    // one that closes its output and goes on: its status counts
    let output = produced(&backend, "echo '{\"n\":1}'; exec >&-; sleep 0.2; exit 4");
    assert!(stderr(&output).contains("exit status 4"), "{}", stderr(&output));
    let output = merging(&backend, &["--", "no-such-program-dc"]).output().expect("dc starts");
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    // a stopped one is waited for
    let mut command = merging(&backend, &["--", "sh", "-c", "echo '{\"n\":5}'; kill -STOP $$"]);
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("dc starts");
    let children = || std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap_or_default();
    let stopped = || children().split_whitespace().find_map(|pid| pid.parse().ok().filter(|pid| is_stopped(*pid)));
    wait_for("a stopped producer", 60, || stopped().is_some());
    assert_eq!(active(&backend), (LINES, 0));
    signal("CONT", stopped().expect("a producer"));
    assert!(child.wait().expect("its end").success());
    assert_eq!(active(&backend), (1, 5));
}

#[test]
fn a_closing_line_tells_an_input_that_broke_off() {
    for backend in Backend::all() {
        prepared(&backend);
        let lines = |count: i64| (0..count).map(|n| format!("{{\"n\":{}}}\n", 1000 + n)).collect::<String>();
        let csv = |count: i64| (0..count).fold("n\n".to_owned(), |text, n| format!("{text}{}\n", 1000 + n));
        let end = |count: i64| format!("{{\"dc\":\"end\",\"records\":{count}}}\n");
        let array = |count: i64| format!("[{}]\n", lines(count).trim().replace('\n', ","));
        let refused = [
            (lines(5), "ends without its closing line"),
            (lines(5) + "{\"dc\":\"end\",\"rec", "ends without its closing line"),
            (lines(5) + &end(6), "5 records came, and the closing line tells of 6"),
            (lines(5) + &end(5) + "{\"n\":7}\n", "ends without its closing line"),
            (csv(5), "ends without its closing line"),
            (csv(5) + &end(4), "5 records came, and the closing line tells of 4"),
            (String::new(), "ends without its closing line"),
        ];
        let input = backend.folder.path().join("input");
        let merge = |text: &str| {
            std::fs::write(&input, text).expect("a file");
            merging(&backend, &["input", "--expect-end"]).output().expect("dc starts")
        };
        for (text, told) in &refused {
            let output = merge(text);
            assert_eq!(output.status.code(), Some(6), "{text}: {}", stderr(&output));
            assert!(stderr(&output).contains(told), "{told}: {}", stderr(&output));
            assert_eq!(active(&backend), (LINES, 0), "{text}");
        }
        for (place, text) in
            [lines(5) + &end(5), csv(6) + "\n" + &end(6) + "\n", array(7) + end(7).trim()].iter().enumerate()
        {
            let output = merge(text);
            assert!(output.status.success(), "{text}: {}", stderr(&output));
            assert_eq!(active(&backend), (5 + place as i64, 1000), "{text}");
            // known when it comes again
            assert!(stdout(&merge(text)).contains("no change"), "{text}");
        }
        // an array that is not closed is not merged, whatever may be set aside
        std::fs::write(&input, "[{\"n\":1},\n{\"n\":2}").expect("a file");
        let output = merging(&backend, &["input", "--rejects", "bad.ndjson"]).output().expect("dc starts");
        assert!(!output.status.success() && active(&backend) == (7, 1000), "{}", stderr(&output));
    }
}
