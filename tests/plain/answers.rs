//! `[http] save = "storage"`: answers stand among the stored files, with their app and their run. The tests that are ignored
//! are the apps.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::unruly::Unruly;
use crate::support::{app, dc, has_run, ignored_test, run, script_of_ignored_test, stderr, stdout};
use data_collector::http::{Request, RequestOptions, SaveAnswers};
use data_collector::ops::App;
use data_collector::settings::{Environment, Settings, Source};

fn project(settings: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    app(folder.path(), "test/http/app", &script_of_ignored_test("answers::ask"), "");
    std::fs::write(folder.path().join("dc.toml"), settings).expect("settings");
    folder
}

fn asked(folder: &Path, url: &str) -> std::process::Output {
    let arguments = json!({"url": url}).to_string();
    dc(folder).args(["run", "-v", "app", "--args", &arguments]).output().expect("dc starts")
}

fn files(folder: &Path) -> Vec<Value> {
    let list: Value =
        serde_json::from_str(&stdout(&run(folder, &["files", "list", "--app", "app", "--json"]))).expect("JSON");
    list["files"].as_array().expect("files").clone()
}

#[test]
fn answers_are_kept_in_storage_with_their_run() {
    let server = Unruly::start();
    let folder = project("[http]\nsave = \"storage\"\nsave_retention = \"short_term\"\n");
    let folder = folder.path();
    let output = asked(folder, &format!("{}/echo?token=t0k3n-of-the-url&page=2", server.url));
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let files = files(folder);
    let [meta, body] = &files[..] else { panic!("{files:?}") };
    let name = |file: &Value| file["name"].as_str().expect("a name").to_owned();
    assert!(name(body).contains("-GET-127.0.0.1.") && name(meta).ends_with("-GET-127.0.0.1.meta.json"), "{files:?}");
    assert!(meta["retention_name"] == "short_term" && body["retention_name"] == "short_term", "{files:?}");
    let runs: Value = serde_json::from_str(&stdout(&run(folder, &["logs", "--runs", "--json"]))).expect("JSON");
    assert_eq!(body["runtime"], runs["runs"][0]["runtime"]);
    let get = |id: &Value| run(folder, &["files", "get", &id.to_string()]).stdout;
    let told: Value = serde_json::from_slice(&get(&meta["id"])).expect("JSON");
    assert_eq!((&told["body_file"], &told["body"], &told["status"]), (&body["id"], &body["name"], &200.into()));
    assert!(told["url"].as_str().is_some_and(|url| url.contains("page=2")), "{told}");
    let answer = get(&told["body_file"]);
    assert!(String::from_utf8_lossy(&answer).contains("page=2"), "{answer:?}");
    assert!(!(told.to_string() + &String::from_utf8_lossy(&answer)).contains("t0k3n-of-the-url"));
    assert!(!folder.join("storage").exists());
}

#[test]
fn what_cannot_be_kept_is_no_success() {
    let server = Unruly::start();
    let url = format!("{}/echo", server.url);
    let folder = project("[http]\nsave = \"storage\"\nsave_retention = \"for_a_while\"\n");
    let output = asked(folder.path(), &url);
    let said = stdout(&output) + &stderr(&output);
    assert!(!output.status.success() && said.contains("there is no retention `for_a_while`"), "{said}");
    // a folder has no retention
    let folder = project("[http]\nsave = \"answers\"\nsave_retention = \"short_term\"\n");
    let output = asked(folder.path(), &url);
    let said = stdout(&output) + &stderr(&output);
    assert!(!output.status.success() && said.contains("`http.save_retention`"), "{said}");
    // a folder may have any name
    let folder = project("[http]\nsave = \"./storage\"\n");
    assert!(asked(folder.path(), &url).status.success());
    assert!(folder.path().join("storage").is_dir() && files(folder.path()).is_empty());
    // a program that embeds the library says that it can
    let mut program = ignored_test("answers::a_program_that_has_not_said_so_is_told");
    let output = program.output().expect("it starts");
    assert!(has_run(&output), "{}{}", stdout(&output), stderr(&output));
}

#[test]
#[ignore = "an app of these tests"]
fn ask() {
    let app = App::start().expect("an app");
    let arguments: Value = app.arguments().expect("arguments");
    let request = Request::new(app.context()).expect("a session");
    let answer = request.get(arguments["url"].as_str().expect("a URL")).send().expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[test]
#[ignore = "a program of these tests"]
fn a_program_that_has_not_said_so_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let context = crate::support::context(folder.path(), &[]);
    let with = |save| Request::with(&context, RequestOptions { save: Some(save), ..RequestOptions::default() });
    let error = with(SaveAnswers::Storage { retention: None }).err().expect("it was not said");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("keep_answers()")), "{error:?}");
    data_collector::storage::keep_answers();
    assert!(with(SaveAnswers::Storage { retention: None }).is_ok());
    let source = Source { folder: Some(folder.path().to_owned()), config: None };
    let settings = Settings::load(&source, Environment::of([("DC_HTTP_SAVE", "storage")])).expect("settings");
    let save = RequestOptions::of(&settings).expect("options").save;
    assert_eq!(save, Some(SaveAnswers::Storage { retention: None }));
}
