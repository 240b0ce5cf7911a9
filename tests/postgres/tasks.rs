//! `dc tasks`: documents listed, explained, added, retried, mended and taken out, all through the binary.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::manager::{number, on, rows, told};
use crate::support::manager::{Manager, wait_for};
use crate::support::pty::Pty;
use crate::support::{Backend, app, clean, stderr, stdout};

/// Reads a number, and looks whether it is one: what is none is rejected.
const STAGES: &str = r#"
[[stage]]
name = "read"
command = ["sh", "-c", '''printf '{"number":%s,"from":"%s"}' "$(cat "$DC_DOCUMENT")" "$DC_NAME" > "$DC_OUTPUT"''']
[[stage]]
name = "look"
command = ["sh", "-c", '''if grep -q '"number":-' "$DC_INPUT"; then echo "a negative number" >&2; exit 65; fi''']
[[stage]]
name = "load"
use = "load"
table = "numbers"
create = true
key = ["number"]
"#;

/// The pipeline `a/b/NAME` that watches `inbox`; that folder.
fn pipeline(backend: &Backend, name: &str, head: &str, stages: &str) -> PathBuf {
    let folder = backend.folder.path().join("apps/a/b").join(name);
    fs::create_dir_all(folder.join("inbox")).expect("a folder");
    let text = format!("[pipeline]\nwatch = [\"inbox\"]\ncomplete = \"rename\"\n{head}\n{stages}");
    fs::write(folder.join("app.toml"), text).expect("a definition");
    told(backend, &["deploy"]);
    folder.join("inbox")
}

fn json(backend: &Backend, arguments: &[&str]) -> Value {
    let text = told(backend, &[arguments, &["--json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|cause| panic!("{arguments:?}: {cause}: {text}"))
}

/// Its exit status, and what it complains of; it prints nothing else.
fn refused(command: &mut Command) -> (i32, String) {
    let output = command.stdin(Stdio::null()).output().expect("dc starts");
    assert_eq!(stdout(&output), "", "{}", stderr(&output));
    (output.status.code().expect("a status"), stderr(&output))
}

/// The number of the task of a name.
fn task(backend: &Backend, name: &str) -> String {
    rows(&mut backend.connect(), &format!("SELECT id FROM pipeline_tasks WHERE name = '{name}'"))[0][0].clone()
}

fn state(backend: &Backend, name: &str) -> String {
    rows(&mut backend.connect(), &format!("SELECT state FROM pipeline_tasks WHERE name = '{name}'"))[0][0].clone()
}

#[test]
fn tasks_are_listed_with_their_funnel_and_told_as_stories() {
    for backend in Backend::all() {
        let inbox = pipeline(&backend, "p", "extensions = [\"txt\"]", STAGES);
        for (name, text) in [("good.txt", "17"), ("same.txt", "17"), ("bad.txt", "-1"), ("other.pdf", "x")] {
            fs::write(inbox.join(name), text).expect("a file");
        }
        let waiting = told(&backend, &["tasks", "why", inbox.join("good.txt").to_str().expect("a path")]);
        assert!(waiting.contains("is not taken: no worker works: `dc manager start`"), "{waiting}");
        told(&backend, &["run", "p"]);
        let list = json(&backend, &["tasks"]);
        let funnel = &list["pipelines"][0];
        assert_eq!((&funnel["found"], &funnel["balanced"]), (&3.into(), &true.into()), "{list}");
        for (state, count) in [("done", 1), ("rejected", 1), ("duplicate", 1), ("waiting", 0), ("running", 0)] {
            assert_eq!(funnel[state], count, "{state}: {list}");
        }
        let stages: Vec<&str> =
            funnel["stages"].as_array().expect("stages").iter().filter_map(|it| it["stage"].as_str()).collect();
        assert_eq!(stages, ["read", "look", "load"]);
        assert_eq!((&funnel["stages"][1]["rejected"], &funnel["stages"][2]["done"]), (&1.into(), &1.into()));
        let text = told(&backend, &["tasks", "p"]);
        let sum = "found 3 = 1 done + 1 rejected + 0 failed + 0 quarantined + 0 cancelled + 1 duplicate + 0 waiting + 0 running";
        assert!(text.contains(sum) && text.contains("1 not taken") && !text.contains("NOT BALANCED"), "{text}");
        // filters, each of which leaves the other out
        let names = |arguments: &[&str]| -> Vec<String> {
            let list = json(&backend, &[&["tasks", "p"], arguments].concat());
            list["tasks"]
                .as_array()
                .expect("tasks")
                .iter()
                .map(|it| it["name"].as_str().expect("a name").to_owned())
                .collect()
        };
        assert_eq!(names(&["--state", "rejected,failed"]), ["bad.txt"]);
        assert_eq!(names(&["--stage", "look"]), ["bad.txt"]);
        assert_eq!(names(&["--error", "A NEGATIVE"]), ["bad.txt"]);
        assert_eq!(names(&["--error", "100%"]), [""; 0]);
        assert_eq!((names(&["--since", "1h"]).len(), names(&["--since", "2999-01-01"]).len()), (2, 0));
        assert_eq!(names(&["--limit", "1"]).len(), 1);
        let watched = on(&backend, &["tasks", "--watch"]).stdin(Stdio::null()).output().expect("dc starts");
        assert!(watched.status.success() && stdout(&watched).matches("found 3 =").count() == 1, "one print in a pipe");
        // what became of it: by number, path, name and content
        let done = "SELECT id, name FROM pipeline_tasks WHERE state = 'done'";
        let (good, twin) = match &rows(&mut backend.connect(), done)[..] {
            // which of both is found first is the file system's affair
            [row] => (row[0].clone(), if row[1] == "good.txt" { "same.txt" } else { "good.txt" }),
            rows => panic!("{rows:?}"),
        };
        let bad = task(&backend, "bad.txt");
        let story = told(&backend, &["tasks", "why", &bad]);
        for part in [
            "bad.txt is task",
            "it was rejected in `look`",
            "a negative number",
            "exit status 65",
            "dc tasks edit",
            "found at",
        ] {
            assert!(story.contains(part), "{part}: {story}");
        }
        let path = inbox.join("bad.txt");
        for text in [path.to_str().expect("a path"), "bad.txt"] {
            assert_eq!(told(&backend, &["tasks", "why", text]), story, "{text}");
        }
        let aside = inbox.join("rejected/bad.txt");
        assert!(
            told(&backend, &["tasks", "why", aside.to_str().expect("a path")]).contains(story.trim_end()),
            "by its bytes"
        );
        let done = told(&backend, &["tasks", "why", &good]);
        assert!(done.contains("it is done") && done.contains(&format!("came again as {twin}")), "{done}");
        assert!(told(&backend, &["tasks", "why", twin]).contains("is task"), "by the name of a duplicate");
        let sha256 = &json(&backend, &["tasks", "show", &good])["tasks"][0]["sha256"];
        assert_eq!(told(&backend, &["tasks", "why", &sha256.as_str().expect("digits")[..12]]), done);
        // a file that is not taken
        let other = told(&backend, &["tasks", "why", inbox.join("other.pdf").to_str().expect("a path")]);
        assert!(other.contains("is not taken: app.toml takes only names that end in .txt"), "{other}");
        let (status, said) = refused(&mut on(&backend, &["tasks", "why", "nowhere.txt"]));
        assert!(status == 5 && said.contains("dc tasks add PIPELINE FILE"), "{said}");
        // a row, back to its document
        let id = rows(&mut backend.connect(), "SELECT id FROM numbers")[0][0].clone();
        let row = told(&backend, &["tasks", "why", "--row", "numbers", &id]);
        assert!(row.starts_with(&format!("row {id} of numbers was loaded")) && row.contains(done.trim_end()), "{row}");
        assert_eq!(refused(&mut on(&backend, &["tasks", "why", "--row", "numbers", "999"])).0, 5);
        let (status, said) = refused(&mut on(&backend, &["tasks", "why", "--row", "apps", "1"]));
        assert!(status == 5 && said.contains("no column `document`"), "{said}");
        // attempts
        let shown = told(&backend, &["tasks", "show", &bad]);
        assert!(shown.contains("look 1: its program ended with status 65: a negative number"), "{shown}");
        assert!(shown.contains("read 1 gave {\"number\":-1,\"from\":\"bad.txt\"}"), "{shown}");
        let attempts = &json(&backend, &["tasks", "show", &bad])["tasks"][0]["attempts_made"];
        assert_eq!(
            (&attempts[1]["exit_code"], &attempts[1]["outcome"]),
            (&65.into(), &"permanent".into()),
            "{attempts}"
        );
        assert!(attempts[0]["memory_peak_kib"].as_i64().expect("memory") > 0, "{attempts}");
        assert_eq!(refused(&mut on(&backend, &["tasks", "show", "999"])).0, 5);
    }
}

#[test]
fn files_are_added_and_their_bytes_come_back() {
    for backend in Backend::all() {
        pipeline(&backend, "p", "retention = \"transient\"", STAGES);
        let project = backend.folder.path();
        let script = "echo 21 > made.txt; \"$DC_BIN\" tasks add p made.txt --json";
        app(project, "a/b/maker", script, "");
        told(&backend, &["deploy"]);
        let scan = project.join("scan.txt");
        fs::write(&scan, "20").expect("a file");
        let added = json(&backend, &["tasks", "add", "p", "scan.txt", "--priority", "5"]);
        let first = &added["tasks"][0];
        assert_eq!(
            (&first["is_new"], &first["priority"], &first["state"]),
            (&true.into(), &5.into(), &"waiting".into())
        );
        assert_eq!(fs::read_to_string(&scan).expect("it stays"), "20");
        fs::write(project.join("copy.txt"), "20").expect("a file");
        let id = first["id"].to_string();
        assert!(
            told(&backend, &["tasks", "add", "p", "copy.txt"]).contains(&format!("already there, task {id} (waiting"))
        );
        // from a run of another app
        told(&backend, &["run", "maker"]);
        told(&backend, &["run", "p"]);
        assert!(told(&backend, &["tasks", "add", "p", "copy.txt"]).contains(&format!("already done, task {id}")));
        assert!(told(&backend, &["tasks", "add", "p", "scan.txt"]).contains("already done"));
        assert_eq!(rows(&mut backend.connect(), "SELECT number FROM numbers ORDER BY number"), [["20"], ["21"]]);
        let kept = "SELECT a.retention = b.id, a.runtime FROM stored_files a JOIN c_file_retention b ON b.name = 'TRANSIENT' \
                    WHERE a.name = 'made.txt'";
        let kept = rows(&mut backend.connect(), kept);
        assert!(kept.len() == 1 && kept[0][1] == "null", "it is not the file of the run that added it: {kept:?}");
        assert_eq!(json(&backend, &["tasks"])["pipelines"][0]["balanced"], true);
        // one that fails stops none of the others
        let mut several = on(&backend, &["tasks", "add", "p", "nowhere.txt", "scan.txt"]);
        let several = several.output().expect("dc starts");
        assert_eq!(several.status.code(), Some(1));
        assert!(stdout(&several).contains("not added: nowhere.txt") && stdout(&several).contains("already done"));
        assert_eq!(refused(&mut on(&backend, &["tasks", "add", "nothing", "scan.txt"])).0, 5);
        assert_eq!(refused(&mut on(&backend, &["tasks", "add", "maker", "scan.txt"])).0, 5);
        // the bytes
        let output = on(&backend, &["tasks", "document", &id]).output().expect("dc starts");
        assert_eq!(stdout(&output), "20");
        let given = "{\"number\":20,\"from\":\"scan.txt\"}";
        assert_eq!(told(&backend, &["tasks", "output", &id]), given);
        assert_eq!(told(&backend, &["tasks", "output", &id, "--stage", "read"]), given);
        let (status, said) = refused(&mut on(&backend, &["tasks", "output", &id, "--stage", "look"]));
        assert!(status == 5 && said.contains("`look` gave none"), "{said}");
    }
}

#[test]
fn what_ended_is_retried_from_a_stage_and_spread_over_time() {
    for backend in Backend::all() {
        let stages = STAGES.replace("'''if grep", "'''[ -e fixed ] && exit 0; if grep");
        let inbox = pipeline(&backend, "p", "", &stages);
        for (name, text) in [("a", "-1"), ("b", "-2"), ("c", "-3"), ("d", "4")] {
            fs::write(inbox.join(name), text).expect("a file");
        }
        told(&backend, &["run", "p"]);
        // a folder has no order of its own
        let names = rows(&mut backend.connect(), "SELECT name FROM pipeline_tasks WHERE name <> 'd' ORDER BY id");
        let (a, d) = (task(&backend, &names[0][0]), task(&backend, "d"));
        let dry = told(&backend, &["tasks", "retry", "--pipeline", "p", "--error", "negative", "--dry-run"]);
        assert!(dry.contains("3 tasks to retry from look (dry run)"), "{dry}");
        assert_eq!(state(&backend, "a"), "rejected");
        // what makes no sense is refused, with the next thing to type
        let (status, said) = refused(&mut on(&backend, &["tasks", "retry", &d]));
        assert!(status == 2 && said.contains("--from read | look | load"), "{said}");
        for wrong in [&["--from", "nothing"][..], &["--rate", "fast"]] {
            assert_eq!(refused(&mut on(&backend, &[&["tasks", "retry", &a], wrong].concat())).0, 2, "{wrong:?}");
        }
        assert_eq!(refused(&mut on(&backend, &["tasks", "retry"])).0, 2);
        assert_eq!(refused(&mut on(&backend, &["tasks", "retry", "--state", "failed"])).0, 5);
        assert_eq!(refused(&mut on(&backend, &["tasks", "retry", &a, "--state", "failed"])).0, 2);
        fs::write(backend.folder.path().join("apps/a/b/p/fixed"), "").expect("a file");
        let retried = json(&backend, &["tasks", "retry", "--pipeline", "p", "--error", "NEGATIVE", "--rate", "1/h"]);
        let moments: Vec<&Value> =
            retried["tasks"].as_array().expect("tasks").iter().map(|it| &it["not_before"]).collect();
        assert!(moments.len() == 3 && moments[0].is_null() && moments[1].as_str() < moments[2].as_str(), "{retried}");
        assert_eq!((&retried["put_aside"], &retried["tasks"][0]["id"].to_string()), (&3.into(), &a));
        told(&backend, &["run", "p"]);
        let states: Vec<String> = names.iter().map(|name| state(&backend, &name[0])).collect();
        assert_eq!(states, ["done", "waiting", "waiting"], "an hour lies between them");
        assert!(inbox.join("rejected/a").is_file(), "what was put aside stays");
        let waits = told(&backend, &["tasks", "why", &names[1][0]]);
        assert!(waits.contains("it waits for `look`, not before"), "{waits}");
        // the stages before are not run again
        let reads = "SELECT count(*) FROM pipeline_attempts WHERE stage = 'read'";
        assert_eq!(number(&mut backend.connect(), reads), 4);
        let again = told(&backend, &["tasks", "retry", &a, "--from", "read"]);
        assert!(again.contains("1 task to retry from read") && !again.contains("rejected/"), "{again}");
        assert!(
            told(&backend, &["tasks", "retry", &a, "--from", "read"]).contains("1 task not at the end, left alone")
        );
        told(&backend, &["run", "p"]);
        assert_eq!(number(&mut backend.connect(), reads), 5);
        assert_eq!(json(&backend, &["tasks"])["pipelines"][0]["balanced"], true);
    }
}

#[test]
fn a_rejected_document_is_mended_in_an_editor() {
    for backend in Backend::all() {
        let inbox = pipeline(&backend, "p", "", STAGES);
        fs::write(inbox.join("a"), "-15").expect("a file");
        fs::write(inbox.join("b"), "7").expect("a file");
        told(&backend, &["run", "p"]);
        let (a, b) = (task(&backend, "a"), task(&backend, "b"));
        let edit = |script: &str, id: &str| {
            let editor = backend.folder.path().join("editor.sh");
            fs::write(&editor, script).expect("a script");
            let mut command = on(&backend, &["tasks", "edit", id]);
            command.env_remove("VISUAL").env("EDITOR", format!("sh {}", editor.display())).stdin(Stdio::null());
            command
        };
        let seen = backend.folder.path().join("seen");
        let look = format!("cat \"$1\" > '{}'", seen.display());
        let unchanged = edit(&look, &a).output().expect("dc starts");
        assert!(stdout(&unchanged).contains("nothing was changed"), "{}", stderr(&unchanged));
        assert_eq!(fs::read_to_string(&seen).expect("a text"), "{\n  \"number\": -15,\n  \"from\": \"a\"\n}\n");
        let (status, said) = refused(&mut edit("echo '{\"number\":' > \"$1\"", &a));
        assert!(status == 2 && said.contains("nothing was changed"), "{said}");
        let (status, said) = refused(&mut edit("exit 3", &a));
        assert!(status == 1 && said.contains("nothing was changed"), "{said}");
        assert_eq!(state(&backend, "a"), "rejected");
        let (status, said) = refused(&mut edit(&look, &b));
        assert!(status == 6 && said.contains("--from STAGE"), "{said}");
        // one that moves on meanwhile is left alone
        let moves = format!(
            "'{}' -C '{}' tasks retry {a}; sed -i s/-15/16/ \"$1\"",
            env!("CARGO_BIN_EXE_dc"),
            backend.folder.path().display()
        );
        let (status, said) = {
            let output = edit(&moves, &a).output().expect("dc starts");
            (output.status.code().expect("a status"), stderr(&output))
        };
        assert!(status == 75 && said.contains("it has moved on"), "{said}");
        told(&backend, &["run", "p"]);
        assert_eq!(state(&backend, "a"), "rejected");
        let mended = edit("sed -i s/-15/15/ \"$1\"", &a).env("USER", "ana").output().expect("dc starts");
        assert!(stdout(&mended).contains("the output of read was edited; look tries it again"), "{}", stderr(&mended));
        told(&backend, &["run", "p"]);
        assert_eq!(state(&backend, "a"), "done");
        let numbers = format!("SELECT {} FROM numbers ORDER BY number", backend.as_text("number"));
        let loaded = rows(&mut backend.connect(), &numbers);
        assert!(loaded.contains(&vec!["15".to_owned()]), "{loaded:?}");
        let story = told(&backend, &["tasks", "why", &a]);
        assert!(story.contains("ana edited what it gave"), "{story}");
        assert!(told(&backend, &["tasks", "show", &a]).contains("edited by ana"));
        let by = "SELECT outcome, stage FROM pipeline_attempts WHERE worker = 'edited by ana'";
        assert_eq!(rows(&mut backend.connect(), by), [["done", "read"]]);
        // run again from the start, the stage's own output counts
        told(&backend, &["tasks", "retry", &a, "--from", "read"]);
        told(&backend, &["run", "p"]);
        assert_eq!(state(&backend, "a"), "rejected");
    }
}

#[test]
fn tasks_are_taken_out_and_many_want_a_word() {
    for backend in Backend::all() {
        pipeline(&backend, "p", "", STAGES);
        pipeline(&backend, "q", "", STAGES);
        let project = backend.folder.path();
        let mut names: Vec<String> = Vec::new();
        for index in 0..102 {
            names.push(format!("f{index}"));
            fs::write(project.join(&names[index]), index.to_string()).expect("a file");
        }
        let files: Vec<&str> = names.iter().map(String::as_str).collect();
        told(&backend, &[&["tasks", "add", "p"], &files[..]].concat());
        told(&backend, &["tasks", "add", "q", "f0"]);
        let count = |state: &str| {
            number(&mut backend.connect(), &format!("SELECT count(*) FROM pipeline_tasks WHERE state = '{state}'"))
        };
        // in a session without a terminal nobody can be asked
        let asked = |arguments: &[&str]| {
            let mut command = clean("setsid");
            let dc = on(&backend, arguments);
            command.arg("--wait").arg(dc.get_program()).args(arguments).current_dir(project);
            command.env("DC_DB_MAIN_URL", &backend.url).stdin(Stdio::null()).output().expect("dc starts")
        };
        for arguments in
            [&["tasks", "cancel", "--pipeline", "p"][..], &["tasks", "quarantine", "--state", "waiting", "-n", "103"]]
        {
            let output = asked(arguments);
            assert_eq!(output.status.code(), Some(6), "{arguments:?}: {}", stderr(&output));
            assert!(stderr(&output).contains("add --yes"), "{}", stderr(&output));
        }
        assert_eq!(count("waiting"), 103);
        assert_eq!(refused(&mut on(&backend, &["tasks", "cancel"])).0, 2);
        let (first, second) = (task(&backend, "f1"), task(&backend, "f2"));
        let held = told(&backend, &["tasks", "quarantine", &first, "--reason", "odd"]);
        assert!(held.contains("1 task quarantined"), "{held}");
        assert!(told(&backend, &["tasks", "why", &first]).contains(": odd"));
        let both = told(&backend, &["tasks", "cancel", &first, &second]);
        assert!(both.contains("1 task cancelled; 1 had come to their end before"), "{both}");
        let few = told(&backend, &["tasks", "cancel", "--pipeline", "p", "--limit", "3"]);
        assert!(few.contains("3 tasks cancelled"), "{few}");
        assert_eq!(state(&backend, "f3"), "cancelled", "the oldest go first");
        told(&backend, &["tasks", "cancel", "--state", "waiting", "--yes"]);
        assert_eq!((count("cancelled"), count("quarantined"), count("waiting")), (102, 1, 0));
        let doctor = stdout(&on(&backend, &["doctor"]).output().expect("dc starts"));
        assert!(doctor.contains("a/b/p: documents that are quarantined: 1"), "{doctor}");
    }
}

#[test]
fn a_running_stage_is_ended_by_a_cancel_and_the_board_figures_and_doctor_tell_of_it() {
    for backend in Backend::all() {
        let stages = "[[stage]]\nname = \"slow\"\ncommand = [\"sh\", \"-c\", \"exec sleep 600\"]\n\
                      [[stage]]\nname = \"next\"\ncommand = [\"true\"]\n";
        let inbox = pipeline(&backend, "p", "workers = 1", stages);
        let by_hand = told(&backend, &["manager", "status"]);
        assert!(by_hand.contains("pipeline") && !by_hand.contains("by hand"), "{by_hand}");
        told(&backend, &["tasks", "add", "p", "apps/a/b/p/app.toml"]);
        let story = told(&backend, &["tasks", "why", "app.toml"]);
        assert!(story.contains("no worker works: `dc manager start`"), "{story}");
        let doctor = |part: &str| {
            let text = stdout(&on(&backend, &["doctor"]).output().expect("dc starts"));
            assert!(text.contains(part), "{part}: {text}");
        };
        doctor("a/b/p: no worker works, and documents wait: 1");
        doctor("inbox of a/b/p: it is there and can be written");
        fs::rename(&inbox, inbox.with_extension("away")).expect("a rename");
        doctor("inbox of a/b/p: it is not there");
        fs::rename(inbox.with_extension("away"), &inbox).expect("a rename");
        let place = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("an address").to_string()
        };
        let _manager = Manager::start(backend.folder.path(), &backend.url, &["--listen", &place]);
        wait_for("a stage at work", 60, || state(&backend, "app.toml") == "running");
        let story = told(&backend, &["tasks", "why", "app.toml"]);
        assert!(story.contains("`slow` works on it since"), "{story}");
        let status = json(&backend, &["manager", "status"]);
        assert_eq!((&status["apps"][0]["workers"], &status["apps"][0]["status"]), (&1.into(), &"RUNNING".into()));
        assert_eq!(json(&backend, &["tasks"])["pipelines"][0]["workers"][0]["at_work"], true);
        let figures = || crate::web::get(&place, "/metrics");
        wait_for("the figures", 30, || figures().contains("dc_pipeline_workers{pipeline=\"a/b/p\"} 1\n"));
        let figures = figures();
        for line in [
            "dc_pipeline_tasks{pipeline=\"a/b/p\",stage=\"slow\",state=\"running\"} 1\n",
            "dc_pipeline_tasks{pipeline=\"a/b/p\",stage=\"next\",state=\"waiting\"} 0\n",
            "dc_pipeline_oldest_seconds{pipeline=\"a/b/p\",stage=\"slow\"} 0\n",
            "dc_pipeline_blocked{pipeline=\"a/b/p\",stage=\"slow\"} 0\n",
            "dc_pipeline_files_waiting{pipeline=\"a/b/p\",folder=\"",
        ] {
            assert!(figures.contains(line), "{line}: {figures}");
        }
        told(&backend, &["tasks", "cancel", &task(&backend, "app.toml")]);
        let ended = "SELECT count(*) FROM pipeline_attempts WHERE outcome = 'cancelled'";
        wait_for("its end", 30, || number(&mut backend.connect(), ended) == 1);
        assert_eq!(state(&backend, "app.toml"), "cancelled");
        assert_eq!(json(&backend, &["tasks"])["pipelines"][0]["balanced"], true);
    }
}

#[test]
fn a_ledger_that_does_not_balance_is_said_aloud() {
    for backend in Backend::all() {
        pipeline(&backend, "p", "", STAGES);
        told(&backend, &["tasks", "add", "p", "apps/a/b/p/app.toml"]);
        backend.connect().execute("UPDATE pipeline_counts SET found = 3", &[]).expect("a change");
        let now = backend.ago(0);
        let block = format!(
            "INSERT INTO pipeline_blocks (app_id, stage, since, reason, probes, probe_at) \
             SELECT id, 'read', {now}, 'the engine is missing', 2, {now} FROM apps"
        );
        backend.connect().execute(&block, &[]).expect("a change");
        let text = told(&backend, &["tasks"]);
        assert!(text.contains("NOT BALANCED: 3 were found, and 1 are accounted for"), "{text}");
        assert!(text.contains("blocked: read since") && text.contains("tried 2 times"), "{text}");
        let why = told(&backend, &["tasks", "why", "app.toml"]);
        assert!(why.contains("which cannot work since") && why.contains("the engine is missing"), "{why}");
        let doctor = stdout(&on(&backend, &["doctor"]).output().expect("dc starts"));
        assert!(doctor.contains("its ledger is not balanced") && doctor.contains("the engine is missing"), "{doctor}");
    }
}

#[test]
fn a_person_watches_the_list_and_is_asked_before_many_are_changed() {
    let backend = Backend::sqlite();
    pipeline(&backend, "p", "", STAGES);
    pipeline(&backend, "q", "", STAGES);
    let project = backend.folder.path();
    fs::write(project.join("one.txt"), "1").expect("a file");
    fs::write(project.join("two.txt"), "2").expect("a file");
    told(&backend, &["tasks", "add", "p", "one.txt"]);
    let mut list = Pty::start(&on(&backend, &["tasks", "--watch"]), 14, 60);
    list.wait_for_text("no worker works");
    assert!(list.text().trim_start().starts_with("a/b/p") && list.text().contains("cancelled"), "{}", list.text());
    told(&backend, &["tasks", "add", "q", "two.txt"]);
    told(&backend, &["tasks", "cancel", "1"]);
    // the column comes with the first of them
    list.wait_for_text("cancelled   oldest");
    list.press("\u{3}");
    assert_eq!(list.end(), Some(0), "Ctrl-C is its usual end");
    told(&backend, &["tasks", "retry", "1"]);
    let many = ["tasks", "cancel", "--state", "waiting"];
    let mut asked = Pty::start(&on(&backend, &many), 12, 80);
    asked.wait_for_text("cancel 2 tasks of 2 pipelines? Enter goes on");
    asked.press("\u{3}");
    assert_eq!(asked.end(), Some(130));
    assert_eq!(state(&backend, "two.txt"), "waiting");
    let mut asked = Pty::start(&on(&backend, &many), 12, 80);
    asked.wait_for_text("Enter goes on");
    asked.press("\r");
    asked.wait_for_text("2 tasks cancelled");
    assert_eq!(asked.end(), Some(0));
}

#[test]
fn a_file_that_is_copied_and_stays_is_told_by_what_it_holds() {
    for backend in Backend::all() {
        let inbox = pipeline(&backend, "p", "copy = true", STAGES);
        let file = inbox.join("a.txt");
        fs::write(&file, "5").expect("a file");
        told(&backend, &["run", "p"]);
        let path = file.to_str().expect("a path");
        let story = told(&backend, &["tasks", "why", path]);
        assert!(story.contains("it is done") && !story.contains("not taken"), "{story}");
        // other bytes: the file waits, and the task of the old ones is told, too
        fs::write(&file, "6").expect("a file");
        let story = told(&backend, &["tasks", "why", path]);
        assert!(story.contains("is not taken: no worker works") && story.contains("it is done"), "{story}");
    }
}
