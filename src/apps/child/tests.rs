//! Runs of real processes: what they write, how they end, and that nothing of them stays.

use super::*;
use crate::apps::RUNTIME_VARIABLE;
use crate::apps::line::Piece;
use crate::apps::process::ProcessStat;
use crate::apps::{Limits, SignalSender};
use nix::libc::{SIGINT, SIGTERM, SIGUSR1};
use std::fs;
use std::sync::Mutex;
use std::time::Duration;

/// How much later than planned things may happen on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

/// A script that does not hear TERM.
const STAY: &str = "trap '' TERM; while :; do sleep 1; done";

/// A launch of a script; its processes carry `runtime` in their environment or command line.
fn shell(script: &str) -> Launch {
    Launch {
        program: "sh".into(),
        arguments: vec!["-c".into(), script.into()],
        folder: std::env::temp_dir(),
        environment: vec![(RUNTIME_VARIABLE.to_owned(), RuntimeId::new().as_str().into())],
        environment_removed: Vec::new(),
        secrets: Vec::new(),
        timeout: Some(Duration::from_secs(60)),
        grace: Duration::from_millis(500),
        limits: Limits::default(),
        mark: RUNTIME_VARIABLE,
        alone: false,
    }
}

/// The processes that carry the launch's mark, zombies left out.
fn marked(launch: &Launch) -> usize {
    let mark = launch.environment[0].1.as_encoded_bytes();
    let holds = |file: std::path::PathBuf| {
        fs::read(file).is_ok_and(|bytes| bytes.windows(mark.len()).any(|window| window == mark))
    };
    let processes = fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path());
    processes.filter(|path| holds(path.join("environ")) || holds(path.join("cmdline"))).count()
}

fn run(launch: &Launch) -> (Ended, Vec<(Stream, Piece)>) {
    let pieces = Mutex::new(Vec::new());
    let events = |event: Event| {
        if let Event::Line { stream, piece } = event {
            pieces.lock().expect("pieces").push((stream, piece));
        }
    };
    let ended = supervise(launch, &events, &mut Signals::sent()).expect("a run");
    assert_eq!(marked(launch), 0, "nothing left of {launch:?}");
    (ended, pieces.into_inner().expect("pieces"))
}

fn texts(pieces: &[(Stream, Piece)], stream: Stream) -> Vec<&str> {
    pieces.iter().filter(|(from, _)| *from == stream).map(|(_, piece)| piece.text.as_str()).collect()
}

#[test]
fn every_line_of_both_streams_arrives() {
    let (ended, pieces) = run(&shell("seq 1 200000; seq 1 1000 >&2; echo end without a line end | tr -d '\\n'"));
    assert_eq!((ended.how, ended.leftovers), (How::Exit(0), 0));
    let lines = texts(&pieces, Stream::Stdout);
    assert_eq!((lines.len(), lines[199_999], lines[200_000]), (200_001, "200000", "end without a line end"));
    assert!(lines.iter().zip(1..).take(200_000).all(|(line, number)| line.parse() == Ok(number)));
    assert_eq!(texts(&pieces, Stream::Stderr).len(), 1_000);
    assert!(ended.usage.memory_peak_kib > 0);
}

#[test]
fn bytes_of_any_kind_and_lines_of_any_length_arrive() {
    let (_, pieces) = run(&shell("printf 'a\\000b\\377c\\n'; yes 0123456789 | tr -d '\\n' | head -c 6000000; echo"));
    assert_eq!(pieces[0].1.raw.as_deref(), Some(&b"a\0b\xffc"[..]));
    let whole: String = pieces[1..].iter().map(|(_, piece)| piece.text.as_str()).collect();
    assert!(whole == "0123456789".repeat(600_000));
    assert!(pieces.last().is_some_and(|(_, piece)| piece.last && piece.part.is_some()));
}

#[test]
fn the_exit_status_is_passed_on() {
    for (script, how, status) in [
        ("exit 0", How::Exit(0), 0),
        ("exit 7", How::Exit(7), 7),
        ("no-such-program-dc", How::Exit(127), 127),
        ("kill -9 $$", How::Signal(9), 137),
        ("kill -34 $$", How::Signal(34), 162),
    ] {
        let (ended, _) = run(&shell(script));
        assert_eq!((ended.how, ended.exit_status()), (how, status), "{script}");
    }
}

#[test]
fn it_starts_in_its_folder_with_its_environment_and_nothing_to_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut launch =
        shell("pwd; echo $REGION-$HOME-$DC_RUNTIME; cat; read -r line || echo empty; ps -o sid= -p $$ | grep -qw $$");
    launch.folder = folder.path().to_owned();
    launch.environment.push(("REGION".to_owned(), "hr".into()));
    launch.environment_removed.push("HOME".to_owned());
    let (ended, pieces) = run(&launch);
    let runtime = launch.environment[0].1.to_string_lossy().into_owned();
    let lines = [folder.path().to_string_lossy().into_owned(), format!("hr--{runtime}"), "empty".to_owned()];
    assert_eq!(texts(&pieces, Stream::Stdout), lines);
    assert_eq!(ended.how, How::Exit(0), "a session of its own");
}

#[test]
fn the_whole_tree_ends_at_the_time_limit() {
    // all ignore TERM: a child, one in its own session, a double fork, and one that later clears all its traces
    let script = r#"sh -c "$STAY" & setsid sh -c "$STAY" & (setsid sh -c "$STAY" & )
        (env -i sh -c 'sleep 1; exec setsid sh -c "$0" "$1"' "$STAY" $DC_RUNTIME & )
        eval "$STAY""#;
    let mut launch = shell(script);
    launch.environment.push(("STAY".to_owned(), STAY.into()));
    launch.timeout = Some(Duration::from_secs(2));
    launch.grace = Duration::from_millis(400);
    let (ended, _) = run(&launch);
    assert_eq!((ended.how, ended.exit_status(), ended.survivors), (How::Timeout, 124, 0));
    assert!(ended.leftovers >= 4, "{ended:?}");
    let least = Duration::from_millis(2_400);
    assert!(ended.elapsed >= least && ended.elapsed < least + Duration::from_secs(1) + SLACK, "{ended:?}");
}

#[test]
fn a_time_limit_that_is_obeyed_needs_no_kill_and_its_last_words_are_heard() {
    let mut launch = shell("trap 'echo last words; exit 0' TERM; echo first; while :; do sleep 0.05; done");
    launch.timeout = Some(Duration::from_millis(500));
    launch.grace = Duration::from_secs(30);
    let (ended, pieces) = run(&launch);
    assert_eq!(ended.how, How::Timeout);
    assert_eq!(texts(&pieces, Stream::Stdout), ["first", "last words"]);
    assert!(ended.elapsed < SLACK, "{ended:?}");
}

#[test]
fn what_a_successful_app_leaves_running_is_ended_and_still_heard() {
    let script =
        "(trap 'echo ended >&2; exit' TERM; while :; do sleep 0.05; done) & setsid sleep 1000 & sleep 0.2; exit 3";
    let (ended, pieces) = run(&shell(script));
    assert_eq!(ended.how, How::Exit(3));
    assert!((2..=3).contains(&ended.leftovers), "{ended:?}");
    assert!(texts(&pieces, Stream::Stderr).contains(&"ended"), "{pieces:?}");
    // but what only finishes its work is let finish
    let (ended, pieces) = run(&shell("(sleep 0.1; echo done) & exit 0"));
    assert_eq!((ended.leftovers, texts(&pieces, Stream::Stdout)), (0, vec!["done"]));
}

#[test]
fn a_callback_that_blocks_holds_up_the_app_but_not_the_time_limit() {
    let mut launch = shell("echo one; sleep 1000");
    launch.timeout = Some(Duration::from_millis(300));
    let over = Instant::now() + Duration::from_millis(1_500);
    let slow = |event: Event| {
        if matches!(event, Event::Line { .. }) {
            thread::sleep(over.saturating_duration_since(Instant::now()));
            assert_eq!(marked(&launch), 0, "ended meanwhile");
        }
    };
    let ended = supervise(&launch, &slow, &mut Signals::sent()).expect("a run");
    assert_eq!(ended.how, How::Timeout);
}

fn stopped_by(script: &str, grace: Duration, send: impl Fn(&SignalSender) + Sync) -> (Ended, Vec<String>) {
    let mut launch = shell(script);
    launch.grace = grace;
    let mut signals = Signals::sent();
    let sender = signals.sender();
    let lines = Mutex::new(Vec::new());
    let events = |event: Event| {
        if let Event::Line { piece, .. } = event {
            if piece.text == "ready" {
                send(&sender);
            }
            lines.lock().expect("lines").push(piece.text);
        }
    };
    let ended = supervise(&launch, &events, &mut signals).expect("a run");
    assert_eq!(marked(&launch), 0);
    (ended, lines.into_inner().expect("lines"))
}

#[test]
fn signals_are_passed_on() {
    let script = "trap 'echo got usr1' USR1; trap 'echo got int; exit 5' INT; echo ready; while :; do sleep 0.05; done";
    let (ended, lines) = stopped_by(script, Duration::from_secs(30), |sender| {
        sender.send(SIGUSR1);
        thread::sleep(Duration::from_millis(500));
        sender.send(SIGINT);
    });
    // the shell itself also tells of its `sleep`, which is in the group
    let own: Vec<&String> = lines.iter().filter(|line| line.starts_with("ready") || line.starts_with("got")).collect();
    assert_eq!(own, ["ready", "got usr1", "got int"]);
    // it ended in order, and its status is its own
    assert_eq!((ended.how, ended.exit_status()), (How::Stopped(SIGINT), 5));
    let (ended, _) = stopped_by("echo ready; exec sleep 1000", Duration::from_secs(30), |sender| sender.send(SIGTERM));
    assert_eq!((ended.how, ended.exit_status()), (How::Stopped(SIGTERM), 130));
}

#[test]
fn who_does_not_hear_is_killed_after_the_grace_or_at_the_second_time() {
    let script =
        "trap '' TERM INT; setsid sh -c 'trap \"\" TERM; sleep 1000; :' & echo ready; while :; do sleep 1; done";
    let (ended, _) = stopped_by(script, Duration::from_millis(700), |sender| sender.send(SIGTERM));
    assert_eq!(ended.how, How::Stopped(SIGTERM));
    assert!(ended.elapsed >= Duration::from_millis(700) && ended.elapsed < SLACK, "{ended:?}");
    let (ended, _) = stopped_by(script, Duration::from_secs(600), |sender| {
        sender.send(SIGINT);
        thread::sleep(Duration::from_millis(300));
        sender.send(SIGINT);
    });
    assert_eq!(ended.how, How::Stopped(SIGINT));
    assert!(ended.elapsed < SLACK, "{ended:?}");
}

#[test]
fn signals_that_arrive_at_this_process_reach_the_app() {
    let mut signals = Signals::forwarded().expect("handlers");
    let ready = |event: Event| {
        if matches!(event, Event::Line { piece, .. } if piece.text == "ready") {
            nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::SIGUSR2).expect("a signal");
        }
    };
    let launch = shell("trap 'exit 9' USR2; echo ready; while :; do sleep 0.05; done");
    let ended = supervise(&launch, &ready, &mut signals).expect("a run");
    assert_eq!(ended.how, How::Exit(9));
}

#[test]
fn a_panic_in_the_callback_ends_the_app() {
    let launch = shell("echo one; trap '' TERM; sleep 1000; :");
    let caught = std::panic::catch_unwind(|| {
        let panics = |event: Event| assert!(!matches!(event, Event::Started(_)), "on purpose");
        supervise(&launch, &panics, &mut Signals::sent())
    });
    assert!(caught.is_err());
    assert_eq!(marked(&launch), 0);
}

#[test]
#[ignore = "needs a process of its own, where another test runs it"]
fn alone_with_a_process_without_traces() {
    let mut launch = shell(r#"(env -i setsid sh -c "$STAY" $DC_RUNTIME & ) ; sleep 0.1; exit 4"#);
    launch.environment.push(("STAY".to_owned(), STAY.into()));
    launch.alone = true;
    let (ended, _) = run(&launch);
    assert_eq!((ended.how, ended.survivors), (How::Exit(4), 0));
    assert!(ended.leftovers > 0, "{ended:?}");
}

#[test]
#[ignore = "needs a process of its own, where another test runs it"]
fn alone_with_a_chain_that_never_stands_still() {
    // each link starts the next in a session of its own and ends at once
    let mut launch = shell(r#"eval "$LINK""#);
    launch.environment.push(("LINK".to_owned(), r#"setsid sh -c "$LINK" & exit 0"#.into()));
    launch.grace = Duration::ZERO;
    launch.alone = true;
    let (ended, _) = run(&launch);
    assert_eq!((ended.how, ended.survivors), (How::Exit(0), 0));
    assert!(ended.leftovers > 0, "{ended:?}");
    let own = nix::unistd::getpid().as_raw();
    let zombies = ProcessStat::children(own).expect("children").into_iter().filter(|stat| !stat.is_running()).count();
    assert_eq!(zombies, 0, "each was reaped");
}

#[test]
fn alone_in_a_process_nothing_escapes() {
    for test in ["alone_with_a_process_without_traces", "alone_with_a_chain_that_never_stands_still"] {
        let program = std::env::current_exe().expect("the test program");
        let name = format!("apps::child::tests::{test}");
        let output = std::process::Command::new(program).args(["--exact", &name, "--ignored"]).output().expect("a run");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}

/// What app.toml allows a run holds for all of its processes.
#[test]
fn limits_are_those_of_every_process() {
    let mut launch = shell("nice; sh -c 'ulimit -v'; id -un; echo $HOME");
    launch.limits = Limits { nice: Some(7), memory_max: Some(3 << 30), ..Limits::default() };
    let is_root = nix::unistd::geteuid().is_root();
    if is_root {
        launch.limits.user = Some("nobody".to_owned());
    }
    let (ended, pieces) = run(&launch);
    let lines = texts(&pieces, Stream::Stdout);
    assert_eq!(ended.how, How::Exit(0), "{pieces:?}");
    assert_eq!(lines[0], "7");
    // where a control group holds the memory there is no other limit
    assert!(lines[1] == "3145728" || lines[1] == "unlimited", "{lines:?}");
    if is_root {
        assert_eq!(lines[2], "nobody");
        assert_ne!(lines[3], std::env::var("HOME").unwrap_or_default());
    }
    launch.limits = Limits { user: Some("nobody-of-that-name".to_owned()), ..Limits::default() };
    let error = supervise(&launch, &|_| {}, &mut Signals::sent()).expect_err("no such user");
    assert_eq!(error.kind(), ErrorKind::Settings);
}
