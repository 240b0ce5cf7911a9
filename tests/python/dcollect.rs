//! The package dcollect: its own tests on every CPython that is found, and apps on it under dc.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::manager::wait_for;
use crate::support::needs::need;
use crate::support::unruly::Unruly;
use crate::support::{Backend, clean, context, dc, run, signal, stderr, stdout};
use data_collector::http::Request;

const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python");
/// The oldest Python that the package promises to run on.
const OLDEST: (u32, u32) = (3, 9);

/// Every CPython of 3.9 and later that is on PATH or in pyenv, one of each version, the oldest first.
fn pythons() -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = vec!["python3".into()];
    names.extend((OLDEST.1..20).map(|minor| PathBuf::from(format!("python3.{minor}"))));
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let versions = std::fs::read_dir(home.join(".pyenv/versions")).into_iter().flatten().flatten();
    names.extend(versions.map(|entry| entry.path().join("bin/python3")));
    let ask = "import platform, sys; assert platform.python_implementation() == 'CPython'; \
               print(*sys.version_info[:2], sys.executable)";
    let mut found = BTreeMap::new();
    for name in names {
        let output = clean(&name).args(["-c", ask]).stderr(Stdio::null()).output();
        let Ok(output) = output.map(|output| stdout(&output)) else { continue };
        let mut words = output.trim().splitn(3, ' ');
        let mut number = || words.next().and_then(|word| word.parse::<u32>().ok());
        if let (Some(major), Some(minor), Some(path)) = (number(), number(), words.next())
            && (major, minor) >= OLDEST
        {
            found.entry((major, minor)).or_insert_with(|| PathBuf::from(path));
        }
    }
    let found: Vec<PathBuf> = found.into_values().collect();
    need("python3", || if found.is_empty() { Err("no CPython of 3.9 or later".to_owned()) } else { Ok(found) })
        .unwrap_or_default()
}

/// The oldest and the newest.
fn both_ends() -> Vec<PathBuf> {
    let mut all = pythons();
    if all.len() > 2 {
        all.drain(1..all.len() - 1);
    }
    all
}

/// An app `a/b/c` of this text.
fn app(project: &Path, python: &Path, text: &str) {
    let folder = project.join("apps/a/b/c");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("main.py"), text).expect("a program");
    let definition = format!(
        "command = [{:?}, \"main.py\"]\ngrace = \"20s\"\n[env]\nPYTHONPATH = {PACKAGE:?}\nPYTHONDONTWRITEBYTECODE = \"1\"\nno_proxy = \"*\"\n",
        python.display().to_string()
    );
    std::fs::write(folder.join("app.toml"), definition).expect("a definition");
}

fn rows(project: &Path, sql: &str) -> Vec<Value> {
    let output = run(project, &["query", sql, "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn done(output: &Output) {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
}

#[test]
fn its_own_tests_pass_on_every_python() {
    for python in pythons() {
        let output = clean(&python)
            .args(["-W", "ignore", "-m", "unittest", "discover", "-s", "tests", "-t", "."])
            .current_dir(PACKAGE)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .expect("Python");
        assert!(output.status.success(), "{}: {}", python.display(), stderr(&output));
        assert!(stderr(&output).contains("\nRan "), "{}", stderr(&output));
    }
}

const EVERYTHING: &str = r#"
import datetime, decimal, enum, uuid
from dcollect import app, fun_watch

class Kind(enum.Enum):
    SMALL = "small"

@fun_watch
def double(n):
    return n * 2

@app(table="things", key="n", scope={"country": "HR"}, max_failed=0.5)
def collect(ctx):
    print("a line")
    ctx.log.warning("careful", extra={"page": 7})
    ctx.state["runs"] = ctx.state.get("runs", 0) + 1
    ctx.next_run(datetime.datetime(2031, 12, 1, 6, tzinfo=datetime.timezone.utc))
    for n in ctx.progress(range(4)):
        with ctx.item(n) as item:
            if n == 3:
                raise ValueError("not this one")
            yield {"n": n, "twice": double(n), "amount": decimal.Decimal("12345678901234567.890"), "day": datetime.date(2026, 11, n + 1),
                   "id": str(uuid.UUID(int=n)), "kind": Kind.SMALL, "given": ctx.args["year"]}
    ctx.table("others", key="a").add({"a": 1})
    report = ctx.merge("now", [{"runs": ctx.state["runs"]}], key="runs")
    assert report.new == 1, report
    seen = ctx.query("SELECT runs FROM now WHERE runs = ? AND archive IS NULL", ctx.state["runs"])
    assert seen == [{"runs": ctx.state["runs"]}], seen
    kept = ctx.files.keep(b"some bytes", name="a.txt")
    assert len(kept.sha256) == 64, kept
    page = ctx.page("<form action=go><input type=hidden name=a value=1></form><table><tr><th>x<tr><td>Š</table>", url="http://a.example/b/")
    assert page.table() == [{"x": "Š"}] and page.select("td") == ["Š"], page.table()
    form = page.form()
    assert form.sent() == [("a", "1")] and form.action == "http://a.example/b/go", form
"#;

#[test]
fn an_app_does_everything_that_the_manual_tells() {
    for python in both_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let project = folder.path();
        let text = EVERYTHING.replace("key=\"n\", scope", "key=\"n\", rename={\"id\": \"uid\"}, scope");
        app(project, &python, &text);
        done(&run(project, &["run", "c", "--args", "{\"year\":2026}"]));
        let things = rows(project, "SELECT n, twice, amount, day, uid, kind, country, given FROM things ORDER BY n");
        assert_eq!(things.len(), 3);
        let last = serde_json::to_string(&things[2]).expect("JSON");
        for part in [
            "\"n\":2",
            "\"twice\":4",
            "12345678901234567.890",
            "\"2026-11-03\"",
            "-000000000002\"",
            "\"small\"",
            "\"HR\"",
            "2026",
        ] {
            assert!(last.contains(part), "{part} in {last}");
        }
        let state = project.join(".dc/state/a/b/c.json");
        assert_eq!(std::fs::read_to_string(&state).expect("a file"), "{\n \"runs\":1\n}\n");
        let run_row = &rows(project, "SELECT task_size, solved, failed FROM runtime")[0];
        assert_eq!(run_row.to_string(), "{\"task_size\":4,\"solved\":4,\"failed\":1}");
        assert_eq!(
            rows(project, "SELECT next_run FROM apps")[0]["next_run"].as_str().map(|at| &at[..16]),
            Some("2031-12-01 06:00")
        );
        let log = rows(project, "SELECT level, message, context FROM logs ORDER BY id");
        let has = |level: i64, message: &str, context: &str| {
            log.iter().any(|row| {
                row["level"] == level
                    && row["message"].as_str().is_some_and(|text| text.contains(message))
                    && row["context"].to_string().contains(context)
            })
        };
        assert!(has(20, "a line", "") && has(30, "careful", "page") && has(20, "things: 3 new", ""), "{log:?}");
        assert!(has(40, "not this one", "Traceback"), "{log:?}");
        assert_eq!(rows(project, "SELECT calls FROM function_log")[0]["calls"], 3);
        // a second run goes on, and a run that is shown leaves all as it was
        done(&run(project, &["run", "c", "--args", "{\"year\":2026}"]));
        assert!(std::fs::read_to_string(&state).expect("a file").contains("\"runs\":2"));
        let shown = run(project, &["run", "c", "--show", "1", "--args", "{\"year\":2027}"]);
        // its own question for what it has just merged finds nothing, since nothing was merged
        assert!(stderr(&shown).contains("AssertionError"), "{}", stderr(&shown));
        assert!(std::fs::read_to_string(&state).expect("a file").contains("\"runs\":2"));
        assert_eq!(rows(project, "SELECT count(*) AS n FROM things WHERE archive IS NULL AND given = 2026")[0]["n"], 3);
    }
}

/// Yields many records, tells that it is in the middle of them, and waits there.
const WAITS: &str = r#"
import os, signal, sys, time
from dcollect import app

@app(table="t", key="n", max_gone="100%")
def collect(ctx):
    for n in range(ctx.args["start"], ctx.args["start"] + 20000):
        if n == ctx.args.get("stop"):
            how = ctx.args["how"]
            if how == "raise":
                raise RuntimeError("in the middle")
            if how == "exit":
                os._exit(0)
            if how == "sysexit":
                sys.exit(0)
            if how == "wait":
                open("waits", "w").write(str(os.getpid()))
                time.sleep(600)
            os.kill(os.getpid(), getattr(signal, how))
        yield {"n": n}
"#;

#[test]
fn a_producer_that_dies_anywhere_merges_nothing() {
    let Some(python) = both_ends().pop() else { return };
    for backend in [Some(Backend::sqlite()), Backend::postgres()].into_iter().flatten() {
        let project = backend.folder.path();
        app(project, &python, WAITS);
        let start = |arguments: Value| {
            let mut command = dc(project);
            command.args(["run", "c", "--args", &arguments.to_string()]).env("DC_DB_MAIN_URL", &backend.url);
            command
        };
        let count = || {
            let mut command = dc(project);
            command.args(["query", "SELECT count(*) AS n, min(n) AS low FROM t WHERE archive IS NULL", "--json"]);
            let output = command.env("DC_DB_MAIN_URL", &backend.url).output().expect("dc starts");
            stdout(&output).trim().to_owned()
        };
        let mut deploy = dc(project);
        done(&deploy.arg("deploy").env("DC_DB_MAIN_URL", &backend.url).output().expect("dc starts"));
        done(&start(serde_json::json!({"start": 0})).output().expect("dc starts"));
        let whole = "{\"n\":20000,\"low\":0}";
        assert_eq!(count(), whole);
        for (how, stop) in [
            ("raise", 5001),
            ("exit", 5002),
            ("sysexit", 24_999),
            ("SIGKILL", 5000),
            ("SIGKILL", 17_345),
            ("SIGTERM", 9000),
            ("SIGINT", 9001),
            ("SIGSEGV", 24_999),
        ] {
            let arguments = serde_json::json!({"start": 5000, "stop": stop, "how": how});
            let output = start(arguments).output().expect("dc starts");
            // what leaves by the system's own exit looks as if it were done, and merges nothing all the same
            assert!(how == "exit" || !output.status.success(), "{how}: {}", stderr(&output));
            assert_eq!(count(), whole, "{how} at {stop}");
        }
        let waits = project.join("apps/a/b/c/waits");
        for name in ["TERM", "KILL"] {
            let _ = std::fs::remove_file(&waits);
            let arguments = serde_json::json!({"start": 5000, "stop": 12_000, "how": "wait"});
            let mut child = start(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("dc starts");
            wait_for("the middle", 60, || waits.metadata().is_ok_and(|file| file.len() > 0));
            signal(name, child.id());
            let _ = child.wait();
            assert_eq!(count(), whole, "{name} to dc run");
        }
        // what the last one left behind is ended by the next run
        done(&start(serde_json::json!({"start": 5000})).output().expect("dc starts"));
        assert_eq!(count(), "{\"n\":20000,\"low\":5000}");
    }
}

#[test]
fn a_replay_asks_nobody_and_writes_nothing() {
    for python in both_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let project = folder.path();
        let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/rates?token=s3cret", server.local_addr().expect("an address"));
        let answer = std::thread::spawn(move || {
            let (mut stream, _) = server.accept().expect("a client");
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let body = "[{\"day\":\"2026-11-20\",\"rate\":1.0840}]";
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            std::io::Write::write_all(&mut stream, (head + body).as_bytes()).expect("it is sent");
        });
        let text = format!(
            "from dcollect import app\n\n@app(table=\"rates\", key=\"day\")\ndef collect(ctx):\n    yield from ctx.get({url:?}).json()\n    ctx.state[\"ran\"] = True\n"
        );
        app(project, &python, &text);
        let output = run(project, &["run", "--record", "c"]);
        done(&output);
        answer.join().expect("it was asked");
        assert!(rows(project, "SELECT rate FROM rates")[0].to_string().contains("1.084"));
        assert_eq!(rows(project, "SELECT http_requests AS n FROM runtime")[0]["n"], 1);
        std::fs::remove_dir_all(project.join(".dc/state")).expect("a folder");
        // the server is gone
        let cassette = std::fs::read_dir(project.join(".dc/cassettes"))
            .expect("cassettes")
            .next()
            .expect("one")
            .expect("an entry");
        let output = run(project, &["run", "--replay", &cassette.file_name().to_string_lossy()]);
        done(&output);
        let shown = stdout(&output);
        assert!(shown.contains("answered 1 request and did not have 0") && shown.contains("dry run"), "{shown}");
        assert!(!project.join(".dc/state").exists(), "a replay keeps no state");
        assert_eq!(rows(project, "SELECT count(*) AS n FROM runtime")[0]["n"], 1, "and is no run");
    }
}

#[test]
fn the_demo_app_keeps_its_tables() {
    let Some(_) = pythons().pop() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = folder.path();
    for part in ["fixtures", "python"] {
        std::os::unix::fs::symlink(root.join(part), project.join(part)).expect("a link");
    }
    let app = project.join("apps/demo/standards/matches");
    std::fs::create_dir_all(&app).expect("a folder");
    for name in ["app.toml", "main.py"] {
        std::fs::copy(root.join("apps/demo/standards/matches").join(name), app.join(name)).expect("a copy");
    }
    let start =
        || dc(project).args(["run", "matches"]).env("PYTHONDONTWRITEBYTECODE", "1").output().expect("dc starts");
    done(&start());
    done(&start());
    assert_eq!(
        rows(project, "SELECT country_name FROM country_currencies WHERE currency = 'CHF'")[0]["country_name"],
        "Switzerland"
    );
    assert_eq!(rows(project, "SELECT count(*) AS n FROM supranational_currencies WHERE currency = 'XAU'")[0]["n"], 1);
    assert_eq!(
        rows(project, "SELECT count(*) AS n FROM dc_merges WHERE table_name LIKE '%currenc%'")[0]["n"],
        2,
        "the second run changes nothing"
    );
}

/// A program that asks for one URL and prints the answer, as the environment has it.
fn asks(python: &Path, url: &str, cassette: &Path, mode: &str) -> Output {
    let program = "import sys\nfrom dcollect._context import Context\nprint(Context().get(sys.argv[1]).text, end='')";
    let mut command = clean(python);
    command.args(["-c", program, url]).env("PYTHONPATH", PACKAGE).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("DC_CASSETTE", cassette).env("DC_CASSETTE_MODE", mode).env("no_proxy", "*");
    command.output().expect("Python")
}

#[test]
fn programs_in_rust_and_python_play_back_each_others_cassettes() {
    let Some(python) = both_ends().pop() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (of_rust, of_python) = (folder.path().join("rust"), folder.path().join("python"));
    let in_rust = |cassette: &Path, mode: &str, url: &str| {
        let cassette = cassette.display().to_string();
        let context = context(folder.path(), &[("DC_CASSETTE", cassette.as_str()), ("DC_CASSETTE_MODE", mode)]);
        let request = Request::new(&context).expect("a session");
        request.get(url).send().unwrap_or_else(|error| panic!("{error:?}")).text()
    };
    let (urls, answers) = {
        let server = Unruly::start();
        let urls = [1, 2].map(|page| format!("{}/echo?page={page}&token=s3cret-Of-Page-{page}", server.url));
        let answers = urls.clone().map(|url| {
            let output = asks(&python, &url, &of_python, "record");
            done(&output);
            (in_rust(&of_rust, "record", &url), stdout(&output))
        });
        (urls, answers)
    };
    // the server is gone; the other way round, and in another order
    for place in [1, 0] {
        assert_eq!(
            in_rust(&of_python, "replay", &urls[place]),
            answers[place].1.replace(&format!("s3cret-Of-Page-{}", place + 1), "***")
        );
        let output = asks(&python, &urls[place], &of_rust, "replay");
        done(&output);
        assert_eq!(stdout(&output), answers[place].0.replace(&format!("s3cret-Of-Page-{}", place + 1), "***"));
    }
}

#[test]
fn programs_in_rust_and_python_keep_one_rate_together() {
    let Some(python) = both_ends().pop() else { return };
    let server = Unruly::start();
    let place = server.url.rsplit('/').next().expect("a place").to_owned();
    let takes = |apart: &str| {
        let program = format!("from dcollect import _machine; print(_machine.take({place:?}, {apart}))");
        let output = clean(&python).args(["-c", &program]).env("PYTHONPATH", PACKAGE).output().expect("Python");
        done(&output);
        stdout(&output).trim().parse::<f64>().expect("seconds")
    };
    assert_eq!(takes("2.0"), 0.0);
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[("DC_HTTP_RATE", "0.5")]);
    let began = Instant::now();
    let request = Request::new(&context).expect("a session");
    assert_eq!(request.get(&format!("{}/echo", server.url)).send().expect("an answer").status(), 200);
    assert!(began.elapsed() > Duration::from_millis(1_000), "{:?}", began.elapsed());
    assert!(takes("60.0") > 50.0);
}
