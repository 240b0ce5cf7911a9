//! Stages whose work actors in Python do: Dramatiq from PyPI, in both editions, run by its own command.

use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::dramatiq::{Edition, on_backends};
use crate::support::calls::{CALLS, ENDED, STATES, Scene};
use crate::support::manager::wait_for;

/// `dramatiq stages`, with nothing else said; it goes with the test.
struct Dramatiq {
    child: Child,
    log: std::path::PathBuf,
}

impl Dramatiq {
    fn start(edition: &Edition, scene: &Scene) -> Self {
        let folder = scene.backend.folder.path();
        let log = folder.join("dramatiq.log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a file");
        let mut command = edition.python(&["-m", "dramatiq", "stages", "--processes", "1", "--threads", "4"]);
        command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/peers"));
        command.env("BROKER", scene.rabbit.url()).env("FOLDER", folder).env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::null()).stdout(file.try_clone().expect("a file")).stderr(file);
        Self { child: command.spawn().expect("Python"), log }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).expect("its words")
    }
}

impl Drop for Dramatiq {
    fn drop(&mut self) {
        crate::support::signal("TERM", self.child.id());
        let _ = self.child.wait();
    }
}

fn executed(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("executed.ndjson")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Both editions, one on each database.
fn scenes(stages: &str, check: impl Fn(&Scene, &Edition)) {
    for (edition, backend) in on_backends() {
        let Some(scene) = Scene::new(backend, stages) else { return };
        check(&scene, &edition);
    }
}

/// A stage that asks the actor.
fn ner(more: &str) -> String {
    format!("[[stage]]\nname = \"ner\"\nactor = \"find_names\"\nqueue = \"ner\"\n{more}\n")
}

#[test]
fn documents_go_to_an_actor_and_on_with_what_it_gives() {
    let read = "[[stage]]\nname = \"read\"\ncommand = [\"sh\", \"-c\", 'echo \"{\\\"n\\\":1.10}\" > \"$DC_OUTPUT\"']\n";
    let last = "[[stage]]\nname = \"last\"\ncommand = [\"sh\", \"-c\", 'cp \"$DC_INPUT\" \"got-$DC_NAME\"']\n";
    let stages = format!("{read}{}{last}", ner("attempts = 1"));
    scenes(&stages, |scene, edition| {
        let python = Dramatiq::start(edition, scene);
        for number in 0..20 {
            scene.put(&format!("good{number}"), &format!("good Ana Ivo {number}"));
        }
        for word in ["wrong", "fails", "nothing", "large", "odd"] {
            scene.put(word, word);
        }
        scene.told(&["run", "p"]);
        let folder = scene.backend.folder.path();
        let ends =
            scene.rows("SELECT name, state, stage FROM pipeline_tasks WHERE name NOT LIKE 'good%' ORDER BY name");
        let of = |name: &str, state: &str, stage: &str| vec![name.to_owned(), state.to_owned(), stage.to_owned()];
        let expected = [
            of("fails", "failed", "ner"),
            of("large", "done", "last"),
            of("nothing", "done", "last"),
            of("odd", "failed", "ner"),
            of("wrong", "rejected", "ner"),
        ];
        assert_eq!(ends, expected);
        assert_eq!(scene.number("SELECT count(*) FROM pipeline_tasks WHERE name LIKE 'good%' AND state = 'done'"), 20);
        let got = |name: &str| std::fs::read_to_string(scene.folder().join(format!("got-{name}"))).expect(name);
        let good: Value = serde_json::from_str(&got("good7")).expect("JSON");
        assert_eq!(good, serde_json::json!({"names": ["Ana", "Ivo", "7"], "before": {"n": 1.1}}));
        assert_eq!(got("nothing").trim(), "{\"n\":1.10}", "nothing of its own");
        assert!(got("large").len() > 100_000);
        let error =
            |name: &str| scene.rows(&format!("SELECT error FROM pipeline_tasks WHERE name = '{name}'"))[0][0].clone();
        assert_eq!(error("wrong"), "there is no name in it");
        assert!(error("odd").contains("NaN"), "{}", error("odd"));
        let dead = "the actor `find_names` gave it up, a dead letter of the queue `ner`: KeyError: 'nothing here'";
        assert_eq!(error("fails"), dead);
        // what it was asked
        let asked = executed(folder).into_iter().find(|asked| asked["name"] == "good3").expect("a document");
        let names: Vec<&String> = asked.as_object().expect("an object").keys().collect();
        let told = ["task", "pipeline", "stage", "attempt", "name", "sha256", "document", "stored", "input"];
        assert_eq!(names, told.iter().collect::<Vec<_>>());
        assert_eq!(
            (&asked["pipeline"], &asked["stage"], &asked["attempt"]),
            (&"a/b/p".into(), &"ner".into(), &1.into())
        );
        let stored = scene.told(&["files", "get", &asked["stored"].to_string()]);
        assert_eq!(stored, "good Ana Ivo 3");
        assert_eq!(executed(folder).iter().filter(|asked| asked["name"] == "fails").count(), 3, "Dramatiq tries again");
        // the next worker takes the dead letter out whose end is written down
        let worker = scene.worker();
        // nothing is left, and Python's worker, which hears of the queue of answers, had none of them
        scene.wait_for_empty_queues("ner");
        worker.end();
        assert_eq!(scene.number(CALLS), 0);
        assert!(!python.said().contains("undefined actor"), "{}", python.said());
        let tries = "SELECT count(*) FROM pipeline_attempts WHERE stage = 'ner'";
        assert_eq!(scene.number(tries), 25, "one each");
    });
}

/// Nobody works for the queue: the stage rests, people are told once, no attempt is spent, and it goes on by itself.
#[test]
fn a_stage_whose_actor_nobody_runs_rests_and_goes_on_when_somebody_does() {
    scenes(&ner("attempts = 1\ntimeout = \"2s\"\nworkers = 3"), |scene, edition| {
        for number in 0..5 {
            scene.put(&format!("good{number}"), &format!("good {number}"));
        }
        let worker = scene.worker();
        wait_for("a stage that rests", 60, || scene.number("SELECT count(*) FROM pipeline_blocks") == 1);
        wait_for("the end of the calls", 60, || scene.number(CALLS) == 0);
        let spent = "SELECT count(*) FROM pipeline_tasks WHERE attempts > 0 OR state <> 'waiting'";
        assert_eq!(scene.number(spent), 0);
        let reason = &scene.rows("SELECT reason FROM pipeline_blocks")[0][0];
        assert_eq!(reason, "no answer of the actor `find_names` within 2s: nobody works for the queue `ner`");
        let asked = scene.number("SELECT count(*) FROM pipeline_attempts");
        assert_eq!(asked, 3, "nobody is asked again as long as nobody is there");
        let found = scene.dc(&["doctor"]).output().expect("dc starts");
        let found = crate::support::stdout(&found);
        assert!(found.contains("ner (asked by a/b/p): no consumer, "), "{found}");
        let python = Dramatiq::start(edition, scene);
        wait_for("all", 120, || scene.number(ENDED) == 5);
        assert!(scene.rows(STATES).iter().all(|row| row[1] == "done"), "{:?}", scene.rows(STATES));
        assert_eq!(scene.rows("SELECT kind FROM outbox ORDER BY id"), [["blocked"], ["unblocked"]]);
        // what was too old by then was not executed, and is a dead letter that nobody needs
        scene.wait_for_empty_queues("ner");
        worker.end();
        drop(python);
        assert_eq!(executed(scene.backend.folder.path()).len(), 5);
    });
}

#[test]
fn an_actor_that_takes_too_long_is_asked_again_and_its_late_answers_change_nothing() {
    // so long that Python has taken each call by then: what is older is not executed
    scenes(&ner("attempts = 2\ntimeout = \"6s\"\nretry_after = \"1s\""), |scene, edition| {
        let python = Dramatiq::start(edition, scene);
        scene.put("waits", "waits");
        let worker = scene.worker();
        wait_for("its end", 60, || scene.number(ENDED) == 1);
        let ended = scene.rows("SELECT state, attempts, error_kind, error FROM pipeline_tasks");
        assert_eq!(ended, [["failed", "2", "passing", "no answer of the actor `find_names` within 6s"]]);
        // both answer, too late
        std::fs::write(scene.backend.folder.path().join("go"), "").expect("a file");
        let late = |said: &str| said.matches("came too late, or twice: nothing is changed").count();
        wait_for("two late answers", 60, || late(&scene.said()) == 2);
        scene.wait_for_empty_queues("ner");
        assert_eq!(scene.rows("SELECT state, error FROM pipeline_tasks")[0][0], "failed");
        let tries = scene.rows("SELECT attempt, outcome FROM pipeline_attempts ORDER BY id");
        assert_eq!(tries, [["1", "passing"], ["2", "passing"]]);
        worker.end();
        drop(python);
    });
}

#[test]
fn a_worker_that_dies_loses_no_answer_and_asks_nothing_twice() {
    scenes(&ner("attempts = 1"), |scene, edition| {
        let folder = scene.backend.folder.path();
        let python = Dramatiq::start(edition, scene);
        scene.put("waits", "waits Ana");
        let first = scene.worker();
        wait_for("its execution", 60, || executed(folder).len() == 1);
        let story = scene.told(&["tasks", "why", "waits"]);
        assert!(story.contains("`ner` is with the actor `find_names` (queue `ner`) since "), "{story}");
        assert!(scene.told(&["tasks", "show", "1"]).contains("its answer counts until"));
        first.kill();
        // nobody is there until its time is over
        let over = "UPDATE pipeline_calls SET answer_until = '2020-01-01 00:00:00.000000'";
        scene.backend.connect().execute(over, &[]).expect("an update");
        // with no worker there the answer waits in the broker, and Python may lay it aside
        std::fs::write(folder.join("go"), "").expect("a file");
        let replies = scene.replies();
        wait_for("an answer that waits", 60, || matches!(scene.waiting(&replies), (1, 0) | (0, 1)));
        assert_eq!(scene.rows("SELECT state, attempts FROM pipeline_tasks"), [["running", "1"]]);
        let second = scene.worker();
        wait_for("its end", 60, || scene.number(ENDED) == 1);
        assert_eq!(scene.rows("SELECT state, attempts, deaths FROM pipeline_tasks"), [["done", "1", "0"]]);
        assert_eq!(executed(folder).len(), 1);
        scene.wait_for_empty_queues("ner");
        second.end();
        drop(python);
    });
}
