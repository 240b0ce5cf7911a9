//! `dc run --record` and `--replay`: a run's requests played back without a network, and without a credential on the disk.
//! The tests that are ignored are the apps.

use std::path::{Path, PathBuf};

use crate::support::unruly::{self, Unruly};
use crate::support::{app, dc, script_of_ignored_test, stderr, stdout};
use data_collector::http::{Auth, Request};
use data_collector::ops::App;
use data_collector::settings::Secret;
use serde_json::{Value, json};

/// An app that is one of the ignored tests of this file.
fn project(folder: &Path, test: &str) {
    let script = script_of_ignored_test(&format!("cassette::{test}"));
    app(folder, "test/http/app", &script, "");
}

fn cassettes(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join(".dc/cassettes")).expect("cassettes");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn runs(folder: &Path) -> Value {
    let output = dc(folder).args(["logs", "--runs", "--json"]).output().expect("dc starts");
    let list: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    list["runs"].clone()
}

/// The lines that begin with `result`.
fn results(output: &std::process::Output) -> Vec<String> {
    let text = stdout(output) + &stderr(output);
    // the test harness of the app ends with a line of its own
    let lines = text.lines().filter(|line| !line.contains("test result:"));
    lines.filter_map(|line| line.split_once("result: ").map(|(_, rest)| rest.to_owned())).collect()
}

#[test]
fn a_run_is_played_back_offline_and_holds_no_credential() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path(), "collect");
    let arguments = {
        let server = Unruly::start();
        let arguments = json!({"url": server.url}).to_string();
        let output = dc(folder.path())
            .args(["run", "-v", "--record", "app", "--args", &arguments])
            .env("DC_DB_OTHER_PASSWORD", "s3ttings-passw0rd")
            .output()
            .expect("dc starts");
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        assert!(stderr(&output).contains("dc run --replay"), "{}", stderr(&output));
        (arguments, results(&output))
    };
    let (_, recorded) = arguments;
    assert_eq!(recorded.len(), 8, "{recorded:?}");
    let cassette = cassettes(folder.path()).pop().expect("a cassette");
    let run = cassette.file_name().expect("a name").to_str().expect("a name").to_owned();
    let mut text = String::new();
    for entry in std::fs::read_dir(&cassette).expect("a cassette") {
        text.push_str(&std::fs::read_to_string(entry.expect("an entry").path()).expect("text"));
    }
    for secret in
        ["b34rer", "t0k3n-of-the-server", "s3ttings", "k3y-of-the-url", "abcdef123", "f0rm-passw0rd", "s3cr3t-token"]
    {
        assert!(!text.contains(secret), "{secret} in {}", text.chars().take(5_000).collect::<String>());
    }
    // the server is gone: only the cassette can answer
    let output = dc(folder.path()).args(["run", "-v", "--replay", &run]).output().expect("dc starts");
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(results(&output), recorded);
    // on another machine, of which the cassette alone is known
    let elsewhere = tempfile::tempdir().expect("a folder");
    project(elsewhere.path(), "collect");
    let place = cassette.display().to_string();
    let output = dc(elsewhere.path()).args(["run", "-v", "--replay", &place, "app"]).output().expect("dc starts");
    assert_eq!(results(&output), recorded);

    let runs = runs(folder.path());
    let first = runs.as_array().expect("runs").last().expect("a run");
    // an answer of 500 is asked for twice, the others once; the download breaks off and is taken up
    assert!(first["http_requests"].as_i64().expect("a count") >= 9, "{first}");
    assert!(first["http_errors"].as_i64().expect("a count") >= 2, "{first}");
    assert!(
        first["http_p95_ms"].as_f64().expect("a time") > 0.0 && first["http_mean_ms"].as_f64().expect("a time") > 0.0
    );
}

#[test]
fn what_was_not_recorded_is_told_and_nothing_goes_over_the_network() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path(), "ask_once");
    let server = Unruly::start();
    let ask = |more: &[&str], path: &str| {
        let arguments = json!({"url": format!("{}{path}", server.url)}).to_string();
        dc(folder.path()).args(["run", "-v"]).args(more).args(["--args", &arguments]).output().expect("dc starts")
    };
    assert!(ask(&["--record", "app"], "/echo").status.success());
    let run = cassettes(folder.path())
        .pop()
        .expect("a cassette")
        .file_name()
        .expect("a name")
        .to_str()
        .expect("a name")
        .to_owned();
    let asked = server.seen().len();
    let output = ask(&["--replay", &run], "/other");
    assert!(!output.status.success());
    assert!(
        stderr(&output).contains("the cassette has no such exchange")
            || stdout(&output).contains("the cassette has no such exchange")
    );
    assert_eq!(server.seen().len(), asked);
    for (arguments, expected) in [
        (vec!["run", "--replay", "nothing"], "find the cassette of `nothing`"),
        (vec!["run", "--replay", &run, "other"], "it is a cassette of test/http/app"),
        (vec!["run", "--replay", &run, "--record"], "cannot be used with"),
    ] {
        let output = dc(folder.path()).args(&arguments).output().expect("dc starts");
        assert!(!output.status.success() && stderr(&output).contains(expected), "{}", stderr(&output));
    }
}

fn say(what: &str) {
    use std::io::Write;
    // past the capture of the test harness
    writeln!(std::io::stdout(), "\nresult: {what}").expect("written");
}

#[test]
#[ignore = "an app of another test"]
fn collect() {
    let app = App::start().expect("an app");
    let arguments: Value = app.arguments().expect("arguments");
    let url = arguments["url"].as_str().expect("a URL");
    let request = Request::new(app.context()).expect("a session");
    let get = |path: &str| request.get(&format!("{url}{path}"));
    let login = request.post(&format!("{url}/login")).form([("user", "me"), ("password", "f0rm-passw0rd")]);
    let login: Value = login.send().expect("an answer").json().expect("JSON");
    say(&login["rows"].to_string());
    let bearer = Auth::Bearer(Secret::new("b34rer-of-the-app"));
    let page = get("/echo?page=1&api_key=k3y-of-the-url").auth(bearer).header("X-Other", "s3ttings-passw0rd");
    say(&page.send().expect("an answer").status().to_string());
    get("/cookies").send().expect("an answer");
    say(&get("/flaky/1/500").send().expect("an answer").attempts().to_string());
    say(&get("/gzip").send().expect("an answer").text());
    let quick =
        data_collector::http::Retries { max: 1, pause: std::time::Duration::from_millis(5), ..Default::default() };
    let error = get("/cut/9").retries(quick).send().expect_err("cut");
    say(&error.to_string().replace(url, "").contains("2 attempts").to_string());
    say(&get("/status/404").send().expect("an answer").status().to_string());
    let folder = tempfile::tempdir().expect("a folder");
    let done = get("/file/200000").download(folder.path().join("f"), &Default::default()).expect("a download");
    say(&format!("{} {}", done.bytes, std::fs::read(&done.path).expect("a file") == unruly::file()));
    let closed =
        request.get("http://127.0.0.1:9/").retries(data_collector::http::Retries::none()).send().expect_err("closed");
    say(&closed.to_string());
}

#[test]
#[ignore = "an app of another test"]
fn ask_once() {
    let app = App::start().expect("an app");
    let arguments: Value = app.arguments().expect("arguments");
    let request = Request::new(app.context()).expect("a session");
    let answer = request.get(arguments["url"].as_str().expect("a URL")).send();
    say(&answer.unwrap_or_else(|error| panic!("{error}")).status().to_string());
}

/// What is hidden in all of them tells them apart all the same, and what was never asked has no answer.
#[test]
fn a_replay_in_another_order_gives_each_request_its_own_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    project(folder.path(), "ask_pins");
    let server = Unruly::start();
    let ask = |more: &[&str], pins: &[u32]| {
        let arguments = json!({"url": format!("{}/echo", server.url), "pins": pins}).to_string();
        dc(folder.path()).args(["run", "-v"]).args(more).args(["--args", &arguments]).output().expect("dc starts")
    };
    let output = ask(&["--record", "app"], &[1, 2, 3]);
    assert!(output.status.success(), "{}", stderr(&output));
    let cassette = cassettes(folder.path()).pop().expect("a cassette");
    let run = cassette.file_name().expect("a name").to_str().expect("a name").to_owned();
    let recorded = results(&output);
    let played = results(&ask(&["--replay", &run], &[3, 1, 2]));
    assert_eq!(played, [&recorded[2], &recorded[0], &recorded[1]].map(Clone::clone));
    let output = ask(&["--replay", &run], &[9]);
    let text = stdout(&output) + &stderr(&output);
    assert!(!output.status.success() && text.contains("the nearest is GET"), "{text}");
}

#[test]
#[ignore = "an app of another test"]
fn ask_pins() {
    let app = App::start().expect("an app");
    let arguments: Value = app.arguments().expect("arguments");
    let request = Request::new(app.context()).expect("a session");
    for pin in arguments["pins"].as_array().expect("pins") {
        let call = request
            .get(arguments["url"].as_str().expect("a URL"))
            .query("pin", pin)
            .header("X-Number", pin.to_string());
        let answer = call.send().unwrap_or_else(|error| panic!("{error:?}"));
        let seen: Value = answer.json().expect("JSON");
        say(&seen["headers"]["x-number"].to_string());
    }
}
