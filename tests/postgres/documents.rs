//! Documents flow: found in folders, through stages, with whatever goes wrong on the way.

use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Output};

use crate::manager::{number, on, rows, told};
use crate::support::manager::{Manager, wait_for};
use crate::support::{Backend, signal, stderr, stdout};

const STATES: &str = "SELECT name, state, stage FROM pipeline_tasks ORDER BY name";
const BALANCE: &str = "SELECT (SELECT sum(found) FROM pipeline_counts) \
                       - (SELECT count(*) FROM pipeline_tasks) - (SELECT count(*) FROM pipeline_duplicates)";
const OPEN: &str = "SELECT count(*) FROM pipeline_tasks WHERE state IN ('waiting', 'running')";

/// A pipeline `a/b/p` with these sections, which watches `inbox`, and that folder.
fn pipeline(backend: &Backend, head: &str, stages: &str) -> PathBuf {
    let folder = backend.folder.path().join("apps/a/b/p");
    fs::create_dir_all(folder.join("inbox")).expect("a folder");
    let text = format!("[pipeline]\nwatch = [\"inbox\"]\ncomplete = \"rename\"\n{head}\n{stages}");
    fs::write(folder.join("app.toml"), text).expect("a definition");
    told(backend, &["deploy"]);
    folder.join("inbox")
}

/// A stage whose program is a script of the shell.
fn stage(name: &str, script: &str, more: &str) -> String {
    format!("[[stage]]\nname = \"{name}\"\ncommand = [\"sh\", \"-c\", '''{script}''']\n{more}\n")
}

fn run(backend: &Backend) -> Output {
    let output = on(backend, &["run", "p"]).output().expect("dc starts");
    assert!(output.status.success(), "{}", stderr(&output));
    output
}

/// Ends a manager and the workers that it keeps.
fn end(backend: &Backend, mut manager: Manager) {
    told(backend, &["manager", "stop", "--stop-apps"]);
    wait_for("the manager's end", 60, || !manager.is_running());
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn documents_go_through_the_stages_and_their_rows_are_theirs_alone() {
    for backend in Backend::all() {
        let read = "printf '{\"number\":\"%s\",\"_how\":1}' \"$(cat \"$DC_DOCUMENT\")\" > \"$DC_OUTPUT\"";
        let same = "test -s \"$DC_INPUT\" && test \"$DC_STAGE\" = look && echo \"seen $DC_NAME\"";
        let load = "[[stage]]\nname = \"load\"\nuse = \"load\"\ntable = \"docs\"\ncreate = true\nkey = [\"number\"]\n";
        let inbox =
            pipeline(&backend, "extensions = [\"txt\"]", &(stage("read", read, "") + &stage("look", same, "") + load));
        for (name, text) in [("a.txt", "17"), ("b.TXT", "18"), ("c.txt", "17"), ("d.pdf", "19")] {
            fs::write(inbox.join(name), text).expect("a file");
        }
        run(&backend);
        let mut database = backend.connect();
        let states = rows(&mut database, "SELECT state, stage FROM pipeline_tasks");
        assert_eq!(states, [["done", "load"], ["done", "load"]], "two contents");
        assert_eq!(number(&mut database, BALANCE), 0);
        assert_eq!(number(&mut database, "SELECT count(*) FROM pipeline_duplicates"), 1);
        assert_eq!(rows(&mut database, "SELECT number FROM docs ORDER BY number"), [["17"], ["18"]]);
        assert_eq!(names(&inbox), ["d.pdf", "work"], "what it does not take stays");
        assert!(names(&inbox.join("work")).is_empty());
        let ignored = rows(&mut database, "SELECT ignored, waiting_count FROM pipeline_folders");
        assert_eq!(ignored, [["1", "0"]]);
        let logged = told(&backend, &["logs", "p"]);
        assert!(logged.contains("seen ") && logged.contains("\"stage\":\"look\""), "{logged}");
        // the same name with other bytes is a new task that names the one before; the same bytes are no work
        fs::write(inbox.join("b.TXT"), "20").expect("a file");
        fs::write(inbox.join("e.txt"), "18").expect("a file");
        run(&backend);
        let later = "SELECT count(*) FROM pipeline_tasks t JOIN pipeline_tasks p ON p.id = t.predecessor \
                     WHERE t.name = 'b.TXT' AND p.name = 'b.TXT'";
        assert_eq!(number(&mut database, later), 1);
        assert_eq!(number(&mut database, "SELECT count(*) FROM pipeline_attempts"), 9);
        assert_eq!(rows(&mut database, "SELECT number FROM docs ORDER BY number"), [["17"], ["18"], ["20"]]);
        assert_eq!(number(&mut database, BALANCE), 0);
        assert_eq!(number(&mut database, "SELECT count(*) FROM pipeline_workers"), 0);
    }
}

#[test]
fn each_failure_has_its_own_end_and_none_stops_the_others() {
    for backend in Backend::all() {
        let script = r#"case "$DC_NAME" in
            wrong*) exit 65 ;;
            said*) echo '{"dc":"fail","kind":"permanent","msg":"no date on it"}'; exit 1 ;;
            late*) echo "it is away" >&2; exit 75 ;;
            poison*) kill -9 $$ ;;
            slow*) sleep 60 ;;
            second*) [ "$DC_ATTEMPT" = 2 ] ;;
        esac"#;
        let inbox = pipeline(
            &backend,
            "workers = 4",
            &stage("only", script, "attempts = 2\nretry_after = \"0s\"\ntimeout = \"1s\""),
        );
        for name in ["wrong", "said", "late", "poison", "slow", "second", "good1", "good2", "good3"] {
            fs::write(inbox.join(name), name).expect("a file");
        }
        fs::set_permissions(inbox.join("wrong"), fs::Permissions::from_mode(0o600)).expect("its mode");
        run(&backend);
        let mut database = backend.connect();
        wait_for("all ends", 60, || {
            if number(&mut database, OPEN) > 0 {
                run(&backend);
            }
            number(&mut database, OPEN) == 0
        });
        let ends = [
            ["good1", "done", "only"],
            ["good2", "done", "only"],
            ["good3", "done", "only"],
            ["late", "failed", "only"],
            ["poison", "quarantined", "only"],
            ["said", "rejected", "only"],
            ["second", "done", "only"],
            ["slow", "failed", "only"],
            ["wrong", "rejected", "only"],
        ];
        assert_eq!(rows(&mut database, STATES), ends);
        let error = |name: &str| format!("SELECT error_kind, error FROM pipeline_tasks WHERE name = '{name}'");
        assert_eq!(rows(&mut database, &error("said")), [["permanent", "no date on it"]]);
        let late = "its program ended with status 75: it is away";
        assert_eq!(rows(&mut database, &error("late")), [["passing", late]]);
        assert_eq!(rows(&mut database, &error("slow")), [["passing", "it took longer than 1 s"]]);
        assert_eq!(rows(&mut database, &error("poison")), [["died", "its program was killed by signal 9"]]);
        let tries = "SELECT t.name, count(*) FROM pipeline_attempts a JOIN pipeline_tasks t ON t.id = a.task_id \
                     GROUP BY t.name HAVING count(*) <> 1 ORDER BY t.name";
        assert_eq!(rows(&mut database, tries), [["late", "2"], ["poison", "2"], ["second", "2"], ["slow", "2"]]);
        // what did not come through is put aside
        wait_for("the files", 20, || {
            run(&backend);
            names(&inbox.join("rejected")) == ["late", "poison", "said", "slow", "wrong"]
        });
        assert!(names(&inbox.join("work")).is_empty());
        let mode = fs::metadata(inbox.join("rejected/wrong")).expect("the file").permissions().mode();
        assert_eq!(mode & 0o077, 0, "what was private stays so");
        // whoever mends one of them there leaves the original as it was
        fs::write(inbox.join("rejected/said"), "mended").expect("room");
        let original = "SELECT t.id FROM pipeline_tasks t WHERE t.name = 'said'";
        let original = told(&backend, &["tasks", "document", &number(&mut database, original).to_string()]);
        assert_eq!(original, "said");
        let letters = rows(&mut database, "SELECT kind, subject FROM outbox");
        assert!(letters.len() == 1 && letters[0][0] == "quarantined", "{letters:?}");
        assert_eq!(number(&mut database, BALANCE), 0);
    }
}

/// What a stage needs is away: it rests for all, one message goes out, no attempt is spent, and it goes on by itself.
#[test]
fn a_stage_that_cannot_work_rests_and_goes_on_by_itself() {
    for backend in Backend::all() {
        let script = "[ -e here ] || { echo 'the engine is missing' >&2; exit 69; }";
        let inbox = pipeline(&backend, "workers = 2", &stage("only", script, "attempts = 1"));
        for number in 0..10 {
            fs::write(inbox.join(format!("f{number}")), number.to_string()).expect("a file");
        }
        let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
        let mut database = backend.connect();
        let blocked = "SELECT count(*) FROM pipeline_blocks";
        wait_for("a stage that rests", 60, || number(&mut database, blocked) == 1);
        wait_for("a probe in vain", 60, || {
            number(&mut database, "SELECT coalesce(max(probes), 0) FROM pipeline_blocks") > 0
        });
        let spent = "SELECT count(*) FROM pipeline_tasks WHERE state <> 'running' AND attempts > 0";
        assert_eq!(number(&mut database, spent), 0);
        fs::write(backend.folder.path().join("apps/a/b/p/here"), "").expect("a file");
        let done = "SELECT count(*) FROM pipeline_tasks WHERE state = 'done'";
        wait_for("all", 90, || number(&mut database, done) == 10);
        end(&backend, manager);
        let kinds = rows(&mut database, "SELECT kind FROM outbox ORDER BY id");
        assert_eq!(kinds, [["blocked"], ["unblocked"]]);
        let reason = rows(&mut database, "SELECT body FROM outbox WHERE kind = 'blocked'");
        assert!(reason[0][0].contains("the engine is missing"), "{reason:?}");
    }
}

fn worker(backend: &Backend) -> Child {
    on(backend, &["run", "p"]).spawn().expect("dc starts")
}

/// The process of the one worker that is known.
fn worker_pid(database: &mut data_collector::db::Connection) -> Option<u32> {
    let rows = rows(database, "SELECT pid FROM pipeline_workers");
    rows.first().and_then(|row| row[0].parse().ok())
}

#[test]
fn what_a_killed_worker_was_at_is_tried_alone_and_what_it_had_claimed_goes_on() {
    for backend in Backend::all() {
        let script = "if [ \"$DC_NAME\" = f0 ] && [ ! -e once ]; then touch once; sleep 60; fi";
        let inbox = pipeline(&backend, "workers = 1", &stage("only", script, ""));
        for number in 0..5 {
            fs::write(inbox.join(format!("f{number}")), number.to_string()).expect("a file");
        }
        let mut database = backend.connect();
        let mut first = worker(&backend);
        let once = backend.folder.path().join("apps/a/b/p/once");
        wait_for("the document that hangs", 60, || once.exists());
        let pid = worker_pid(&mut database).expect("a worker");
        signal("KILL", pid);
        first.wait().expect("its end");
        run(&backend);
        let done = rows(&mut database, "SELECT name, state, deaths FROM pipeline_tasks ORDER BY name");
        assert!(done.iter().all(|row| row[1] == "done"), "{done:?}");
        let died = "SELECT t.name, a.outcome FROM pipeline_attempts a JOIN pipeline_tasks t ON t.id = a.task_id \
                    WHERE a.outcome <> 'done'";
        assert_eq!(rows(&mut database, died), [["f0", "died"]], "of the others nothing is counted");
        assert_eq!(number(&mut database, BALANCE), 0);
        assert_eq!(number(&mut database, "SELECT count(*) FROM pipeline_workers"), 0);
    }
}

#[test]
fn a_worker_of_an_edited_folder_stays_until_it_is_deployed() {
    let backend = Backend::sqlite();
    let inbox = pipeline(&backend, "", &stage("only", "true", ""));
    let definition = inbox.parent().expect("the app").join("app.toml");
    let text = fs::read_to_string(&definition).expect("a definition");
    fs::write(&definition, text.replace("only", "other")).expect("an edit");
    let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
    let mut database = backend.connect();
    wait_for("a worker", 60, || worker_pid(&mut database).is_some());
    // a worker that is gone is seen when this one looks after everything: twice, and it has looked at itself as well
    for time in ["first", "second"] {
        let gone = format!(
            "INSERT INTO pipeline_workers SELECT '{time}', app_id, runtime, host, boot_id, pid_namespace, 1, 1, started_at, \
             '2020-01-01 00:00:00' FROM pipeline_workers WHERE lease_until > '2020-01-02'"
        );
        assert_eq!(database.execute(&gone, &[]).expect("a worker that is gone"), 1, "this one is still there");
        let count = "SELECT count(*) FROM pipeline_workers WHERE pid = 1";
        wait_for("a look", 60, || number(&mut database, count) == 0);
    }
    assert_eq!(number(&mut database, "SELECT count(*) FROM runtime"), 1, "it is the same worker");
    told(&backend, &["deploy"]);
    wait_for("another worker", 60, || number(&mut database, "SELECT count(*) FROM runtime") == 2);
    end(&backend, manager);
}

#[test]
fn a_file_that_is_being_written_waits_visibly_however_long() {
    let backend = Backend::sqlite();
    let inbox = pipeline(&backend, "", &stage("only", "cp \"$DC_DOCUMENT\" seen", ""));
    let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
    let mut database = backend.connect();
    let mut file = fs::File::create(inbox.join("slow.txt")).expect("a file");
    file.write_all(b"half ").expect("room");
    let waits = "SELECT waiting FROM pipeline_folders WHERE waiting_count = 1";
    wait_for("a file that waits", 60, || !rows(&mut database, waits).is_empty());
    assert!(rows(&mut database, waits)[0][0].contains("open for writing"));
    fs::write(inbox.join("other.txt"), "other").expect("a file");
    let done = "SELECT count(*) FROM pipeline_tasks WHERE state = 'done'";
    wait_for("the other one", 60, || number(&mut database, done) == 1);
    file.write_all(b"whole").expect("room");
    drop(file);
    wait_for("the slow one", 60, || number(&mut database, done) == 2);
    assert_eq!(fs::read(backend.folder.path().join("apps/a/b/p/seen")).expect("a copy"), b"half whole");
    end(&backend, manager);
}

#[test]
fn odd_files_end_in_a_state_that_is_shown() {
    let backend = Backend::sqlite();
    let inbox = pipeline(&backend, "", &stage("only", "cat \"$DC_DOCUMENT\" > /dev/null", ""));
    let long = "x".repeat(255);
    for name in [b"new\nline".as_slice(), b"no \xff utf-8", "čćž €".as_bytes(), long.as_bytes(), b"empty"] {
        let text = if name == b"empty" { b"".as_slice() } else { name };
        fs::write(inbox.join(std::ffi::OsStr::from_bytes(name)), text).expect("a file");
    }
    std::os::unix::fs::symlink("/etc/passwd", inbox.join("link")).expect("a link");
    nix::unistd::mkfifo(&inbox.join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    fs::create_dir(inbox.join("folder")).expect("a folder");
    fs::write(inbox.join("folder/inner"), "not watched").expect("a file");
    run(&backend);
    let mut database = backend.connect();
    let done = rows(&mut database, "SELECT name FROM pipeline_tasks WHERE state = 'done' ORDER BY name");
    let names_found: Vec<&str> = done.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names_found, ["empty", "new\nline", "no \\xff utf-8", &long, "čćž €"]);
    assert_eq!(names(&inbox), ["folder", "link", "pipe", "work"]);
    let told = rows(&mut database, "SELECT waiting, ignored FROM pipeline_folders");
    assert!(told[0][0].contains("it is a link") && told[0][0].contains("it is no file"), "{told:?}");
    assert_eq!(told[0][1], "2");
}

#[test]
fn a_program_may_serve_many_documents() {
    for backend in Backend::all() {
        let folder = backend.folder.path().join("apps/a/b/p");
        fs::create_dir_all(&folder).expect("a folder");
        let script = r#"echo started >> starts
while read -r line; do
  task=$(printf '%s' "$line" | sed -E 's/.*"task":([0-9]+).*/\1/')
  name=$(printf '%s' "$line" | sed -E 's/.*"name":"([^"]*)".*/\1/')
  echo "at $name" >&2
  case "$name" in
    bad) printf '{"task":%s,"fail":"permanent","msg":"bad"}\n' "$task" ;;
    dies) kill -9 $$ ;;
    *) printf '{"task":%s,"output":{"n":"%s"}}\n' "$task" "$name" ;;
  esac
done
"#;
        fs::write(folder.join("serve.sh"), script).expect("a script");
        let stages = "[[stage]]\nname = \"only\"\ncommand = [\"sh\", \"serve.sh\"]\nserve = true\n";
        let inbox = pipeline(&backend, "workers = 1", stages);
        for name in ["a", "bad", "c", "dies", "e"] {
            fs::write(inbox.join(name), name).expect("a file");
        }
        run(&backend);
        let mut database = backend.connect();
        let ends = [
            ["a", "done", "only"],
            ["bad", "rejected", "only"],
            ["c", "done", "only"],
            ["dies", "quarantined", "only"],
            ["e", "done", "only"],
        ];
        assert_eq!(rows(&mut database, STATES), ends);
        let starts = fs::read_to_string(folder.join("starts")).expect("a count").lines().count();
        assert!(starts <= 3, "one, and one after each death: {starts}");
        let output = rows(&mut database, "SELECT output FROM pipeline_attempts WHERE output LIKE '%\"a\"%'");
        assert_eq!(output, [["{\"n\":\"a\"}"]]);
        assert!(told(&backend, &["logs", "p"]).contains("at a"));
    }
}

#[test]
fn what_is_wrong_with_a_pipeline_is_told_by_deploy_with_its_line() {
    let backend = Backend::sqlite();
    let folder = backend.folder.path().join("apps/a/b/p");
    fs::create_dir_all(&folder).expect("a folder");
    let cases = [
        (
            "[[stage]]\nname = \"x\"\nuse = \"magic\"\n",
            "app.toml line 4: stage 1, `use` names `magic`, which is not built in",
        ),
        ("[[stage]]\nname = \"x\"\nuse = \"load\"\n", "line 2: stage 1 has no `table`"),
        (
            "[[stage]]\nname = \"x\"\nuse = \"load\"\ntable = \"none\"\n",
            "line 5: stage 1, `table` names `none`, which is not in",
        ),
        ("[[stage]]\nname = \"x\"\nuse = \"ocr\"\nengin = \"x\"\n", "line 5: stage 1, `engin` is not known here"),
        ("[[stage]]\nname = \"x\"\ncommand = [\"./none\"]\n", "line 4: stage 1, `command` names"),
        (
            "[[stage]]\nname = \"x\"\nworker = \"w\"\n",
            "line 4: stage 1, `worker` names `w`, which this program does not have",
        ),
    ];
    for (stages, expected) in cases {
        fs::write(folder.join("app.toml"), format!("[pipeline]\n{stages}")).expect("a definition");
        let deployed = on(&backend, &["deploy"]).output().expect("dc starts");
        let said = stdout(&deployed);
        assert!(
            deployed.status.code() == Some(1) && said.contains(expected),
            "{expected}: {said}{}",
            stderr(&deployed)
        );
    }
}

/// Two managers on one folder, and one that is killed: each document once.
#[test]
fn two_workers_of_one_folder_do_each_document_once() {
    for backend in Backend::all() {
        let script = "echo \"$DC_NAME\" >> ledger";
        let inbox = pipeline(&backend, "workers = 2", &(stage("one", script, "") + &stage("two", "true", "")));
        let managers = [
            Manager::start(backend.folder.path(), &backend.url, &[]),
            Manager::start(backend.folder.path(), &backend.url, &[]),
        ];
        // a third worker, started by hand, beside that of the managers
        for number in 0..60 {
            let part = inbox.parent().expect("a folder").join(format!("part{number}"));
            fs::write(&part, number.to_string()).expect("a file");
            fs::rename(&part, inbox.join(format!("f{number}"))).expect("moved in");
            if number == 20 {
                run(&backend);
            }
        }
        let mut database = backend.connect();
        let done = "SELECT count(*) FROM pipeline_tasks WHERE state = 'done'";
        wait_for("all", 120, || number(&mut database, done) == 60);
        managers.into_iter().for_each(|manager| end(&backend, manager));
        let ledger = fs::read_to_string(backend.folder.path().join("apps/a/b/p/ledger")).expect("a ledger");
        let mut lines: Vec<&str> = ledger.lines().collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!((lines.len(), ledger.lines().count()), (60, 60));
        assert_eq!(number(&mut database, BALANCE), 0);
    }
}

/// A folder that nobody may write to, or that others keep in order: its files stay, and are taken once.
#[test]
fn files_that_stay_are_taken_once_until_they_change() {
    for backend in Backend::all() {
        let inbox = pipeline(&backend, "copy = true", &stage("only", "true", ""));
        for name in ["a", "b", "again"] {
            fs::write(inbox.join(name), if name == "again" { "a" } else { name }).expect("a file");
        }
        run(&backend);
        run(&backend);
        let mut database = backend.connect();
        let found = "SELECT sum(found) FROM pipeline_counts";
        assert_eq!((number(&mut database, found), number(&mut database, BALANCE)), (3, 0));
        assert_eq!(names(&inbox), ["a", "again", "b"]);
        fs::write(inbox.join("b"), "other bytes").expect("a file");
        run(&backend);
        assert_eq!((number(&mut database, found), number(&mut database, BALANCE)), (4, 0));
        assert_eq!(number(&mut database, "SELECT count(*) FROM pipeline_tasks WHERE state = 'done'"), 3);
    }
}

#[test]
fn the_demo_reads_its_invoices() {
    let backend = Backend::sqlite();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/demo/documents/invoices");
    let folder = backend.folder.path().join("apps/demo/documents/invoices");
    fs::create_dir_all(folder.join("inbox")).expect("a folder");
    for name in ["app.toml", "invoice.json"] {
        fs::copy(demo.join(name), folder.join(name)).expect("a copy");
    }
    for name in names(&demo.join("inbox")) {
        fs::copy(demo.join("inbox").join(&name), folder.join("inbox").join(&name)).expect("a copy");
    }
    told(&backend, &["deploy"]);
    told(&backend, &["run", "demo/documents/invoices"]);
    let mut database = backend.connect();
    let found = rows(&mut database, "SELECT number, date, total, total_currency, iban FROM invoices ORDER BY total");
    assert_eq!(
        found,
        [
            ["INV-00421", "2026-11-07", "1050.00", "USD", "null"],
            ["RE-2026-0815", "2026-11-03", "1069.81", "EUR", "DE89370400440532013000"],
            ["117/1/1", "2026-11-20", "1234.56", "EUR", "HR1210010051863000160"],
        ]
    );
}

/// Whoever starts it hears what it left and why; the next one goes on.
#[test]
fn a_run_that_leaves_documents_for_a_stage_that_rests_says_so() {
    let backend = Backend::sqlite();
    let inbox = pipeline(&backend, "", &stage("only", "[ -e here ] || { echo 'it is away' >&2; exit 69; }", ""));
    fs::write(inbox.join("a"), "a").expect("a file");
    let output = on(&backend, &["run", "p"]).output().expect("dc starts");
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(75), "{text}");
    assert!(text.contains("the stage `only` cannot work") && text.contains("it is away"), "{text}");
    assert!(text.contains("documents that wait: 1"), "{text}");
    fs::write(backend.folder.path().join("apps/a/b/p/here"), "").expect("a file");
    let mut database = backend.connect();
    database.execute("UPDATE pipeline_blocks SET probe_at = '2020-01-01 00:00:00'", &[]).expect("a probe that is due");
    run(&backend);
    assert_eq!(rows(&mut database, STATES), [["a", "done", "only"]]);
}

#[test]
fn pipelines_that_would_take_files_of_one_another_are_not_deployed() {
    let backend = Backend::sqlite();
    let files = tempfile::tempdir().expect("a folder");
    let inner = files.path().join("inner");
    fs::create_dir(&inner).expect("a folder");
    let deploy = |pipelines: &[(&str, &Path, &str)]| {
        for (name, watched, more) in pipelines {
            let folder = backend.folder.path().join("apps/a/b").join(name);
            fs::create_dir_all(&folder).expect("a folder");
            let text = format!("[pipeline]\nwatch = [\"{}\"]\n{more}\n{}", watched.display(), stage("s", "true", ""));
            fs::write(folder.join("app.toml"), text).expect("a definition");
        }
        let output = on(&backend, &["deploy"]).output().expect("dc starts");
        (output.status.code(), stdout(&output) + &stderr(&output))
    };
    let (status, text) = deploy(&[("outer", files.path(), "recursive = true"), ("inner", &inner, "")]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("outer/app.toml line 2") && text.contains("a/b/inner watches"), "{text}");
    let (status, text) = deploy(&[("outer", files.path(), "recursive = false")]);
    assert_eq!(status, Some(0), "{text}");
    let (status, text) =
        deploy(&[("outer", &inner, "extensions = [\"gz\"]"), ("inner", &inner, "extensions = [\"tar.gz\"]")]);
    assert!(status == Some(1) && text.contains("takes the same files"), "{text}");
    let (status, text) = deploy(&[("outer", &inner, "extensions = [\"csv\"]")]);
    assert_eq!(status, Some(0), "{text}");
    let (status, text) = deploy(&[("outer", &inner, "copy = true"), ("inner", &inner, "copy = true")]);
    assert_eq!(status, Some(0), "{text}");
}

/// A worker claims ahead as fast as it works; when one document takes long, what waits behind it is another worker's.
#[test]
fn what_waits_behind_a_slow_document_goes_to_another_worker() {
    let backend = Backend::sqlite();
    let script =
        "echo x >> count; [ \"$(wc -l < count)\" = 10 ] || exit 0; touch hung; until [ -e go ]; do sleep 0.1; done";
    let inbox = pipeline(&backend, "workers = 1", &stage("only", script, ""));
    let folder = backend.folder.path().join("apps/a/b/p");
    for number in 0..60 {
        fs::write(inbox.join(format!("f{number}")), number.to_string()).expect("a file");
    }
    let mut slow = worker(&backend);
    wait_for("the document that takes long", 60, || folder.join("hung").exists());
    let mut other = on(&backend, &["pipeline-worker", "p", "--stay"]).spawn().expect("dc starts");
    let mut database = backend.connect();
    let done = "SELECT count(*) FROM pipeline_tasks WHERE state = 'done'";
    wait_for("all others", 60, || number(&mut database, done) == 59);
    fs::write(folder.join("go"), "").expect("a file");
    assert!(slow.wait().expect("its end").success());
    signal("TERM", other.id());
    other.wait().expect("its end");
    assert_eq!(number(&mut database, done), 60);
    assert_eq!(number(&mut database, "SELECT count(*) FROM pipeline_attempts"), 60, "each once");
}

/// What a worker took and never noted is adopted as soon as nobody has it in hand.
#[test]
fn what_a_worker_took_and_never_noted_goes_on() {
    let backend = Backend::sqlite();
    let inbox = pipeline(&backend, "", &stage("only", "true", ""));
    fs::write(inbox.join("a"), "a").expect("a file");
    let killed = on(&backend, &["pipeline-worker", "p"]).env("DC_FAILPOINT", "pipeline.taken=kill").status();
    assert!(!killed.expect("its end").success());
    assert_eq!((names(&inbox), names(&inbox.join("work")).len()), (vec!["work".to_owned()], 1));
    let mut database = backend.connect();
    // a file that is in hand is nobody else's, however old it is
    let taken = inbox.join("work").join(&names(&inbox.join("work"))[0]);
    let in_hand = fs::File::open(&taken).expect("the file");
    in_hand.lock().expect("a lock");
    let old =
        |path: &Path| fs::metadata(path).expect("the file").modified().expect("a time").elapsed().expect("an age");
    wait_for("its age", 60, || old(&taken) > std::time::Duration::from_secs(12));
    run(&backend);
    assert_eq!(number(&mut database, "SELECT count(*) FROM pipeline_tasks"), 0);
    drop(in_hand);
    run(&backend);
    assert_eq!(rows(&mut database, "SELECT name, state FROM pipeline_tasks"), [["a", "done"]]);
    assert!(names(&inbox.join("work")).is_empty());
}

/// What a program says of its failure is stored and told to people: the secrets that it was given are not in it.
#[test]
fn a_failure_is_told_without_secrets() {
    let backend = Backend::sqlite();
    let script = "echo \"no way in with $PORTAL_KEY\" >&2; exit 65";
    let inbox = pipeline(&backend, "", &stage("only", script, ""));
    let secrets = |arguments: &[&str]| {
        let mut command = on(&backend, arguments);
        command.env("DC_SECRET_PASSWORD", "of-the-test-1");
        command
    };
    let value = backend.folder.path().join("value");
    fs::write(&value, "k3y-0f-the-portal").expect("a file");
    let value = fs::File::open(value).expect("the file");
    let set = secrets(&["secrets", "set", "PORTAL_KEY"]).stdin(value).output().expect("dc starts");
    assert!(set.status.success(), "{}", stderr(&set));
    fs::write(inbox.join("a"), "a").expect("a file");
    let output = secrets(&["run", "p"]).output().expect("dc starts");
    let mut database = backend.connect();
    let error = rows(&mut database, "SELECT error FROM pipeline_tasks");
    assert!(error[0][0].contains("no way in with ***"), "{error:?}\n{}", stderr(&output));
    for sql in ["SELECT error FROM pipeline_attempts", "SELECT message FROM logs", "SELECT body FROM outbox"] {
        let text = format!("{:?}", rows(&mut database, sql));
        assert!(!text.contains("k3y-0f-the-portal"), "{sql}: {text}");
    }
}
