//! Actors while connections are cut and processes are killed: nothing is missing, and each effect is made once.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::dramatiq::{Executed, House, editions, houses};
use crate::support::manager::wait_for;
use crate::support::needs;
use crate::support::proxy::Proxy;
use crate::support::{app, clean, dc, stderr, stdout};
use data_collector::dramatiq::{ActorOptions, Actors, Json, Message, Sender, Worker, WorkerOptions, send};
use serde_json::Value;

/// Messages from both languages, worked off while the broker is cut three times.
fn nothing_is_missing(count: usize, patience_s: u64) {
    for house in houses() {
        let proxy = Proxy::to(house.rabbit.address());
        let effects: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
        let noted = Arc::clone(&effects);
        let work = move |call: &data_collector::dramatiq::Call<'_>| {
            *noted.lock().expect("effects").entry(call.message.message_id.clone()).or_default() += 1;
            Ok(Json::null())
        };
        let actors = Actors::new().plain_actor("effect", ActorOptions::on("ner"), work);
        let options = WorkerOptions { threads: 4, prefetch: Some(64), ..WorkerOptions::default() };
        let context = house.context_through(&house.rabbit.url_through(proxy.port));
        let mut ids: HashSet<String> = HashSet::new();
        let editions = editions();
        let of_python = if editions.is_empty() { 0 } else { count / 4 };
        for edition in &editions {
            let line = serde_json::json!({"queue": "ner", "actor": "effect", "count": of_python / editions.len()});
            ids.extend(edition.send(&house, &[line]));
        }
        let mut sender = Sender::start(&house.context(), &["ner".to_owned()]).expect("a sender");
        while ids.len() < count {
            let messages: Vec<Message> = (ids.len()..count).take(500).map(|_| Message::new("ner", "effect")).collect();
            sender.send(&messages).expect("sent");
            ids.extend(messages.into_iter().map(|message| message.message_id));
        }
        let worker = Worker::start(&context, actors, &options).expect("a worker");
        let done = || effects.lock().expect("effects").len();
        for part in 1..=3 {
            wait_for("some effects", patience_s, || done() >= count * part / 4);
            proxy.cut();
            std::thread::sleep(Duration::from_millis(300));
            proxy.mend();
        }
        wait_for("all effects", patience_s, || done() == count);
        wait_for("an empty queue", patience_s, || house.waiting("ner") == 0);
        worker.stop();
        let effects = effects.lock().expect("effects");
        assert!(ids.iter().all(|id| effects.get(id) == Some(&1)), "each once");
        assert_eq!((effects.len(), house.waiting("ner"), house.waiting("ner.XQ")), (count, 0, 0));
    }
}

#[test]
fn nothing_is_missing_when_the_broker_is_cut() {
    nothing_is_missing(800, 120);
}

mod slow {
    #[test]
    fn nothing_is_missing_of_many_when_the_broker_is_cut() {
        super::nothing_is_missing(20_000, 600);
    }
}

#[test]
fn of_two_connections_that_are_closed_by_the_server_nothing_is_lost() {
    for house in houses() {
        let executed = Executed::default();
        let noted = executed.clone();
        let actors = Actors::new().plain_actor("slow", ActorOptions::on("ner"), move |call| {
            noted.note(call);
            std::thread::sleep(Duration::from_secs(3));
            Ok(Json::null())
        });
        let worker = Worker::start(&house.context(), actors, &WorkerOptions::default()).expect("a worker");
        let message = Message::new("ner", "slow").pipe(&Message::new("next", "x"));
        send(&house.context(), &[message]).expect("sent");
        wait_for("its beginning", 90, || executed.count() == 1);
        let close = ["--quiet", "close_all_connections", "--vhost", &house.rabbit.host, "test"];
        assert!(clean("rabbitmqctl").args(close).status().expect("rabbitmqctl").success());
        // it comes again by the new connection, while it is executed
        wait_for("what follows", 90, || house.waiting("next") == 1);
        // on a machine with much to do it comes after that
        wait_for("the message once more", 90, || house.waiting("ner") == 0);
        worker.stop();
        assert_eq!((executed.count(), house.waiting("ner")), (1, 0));
    }
}

/// A program that does what it is asked for, notes it, and dies of poison.
const PROGRAM: &str = r#"
import json, os, sys, time
for line in sys.stdin:
    task = json.loads(line)
    with open("done.ndjson", "a") as file:
        file.write(line)
    if task["actor"] == "poison":
        os.kill(os.getpid(), 9)
    if task["actor"] == "kill_all":
        os.kill(os.getppid(), 9)
        time.sleep(10)
    if task["actor"] == "sleep":
        time.sleep(task["args"][0])
    print(json.dumps({"level": "INFO", "msg": "did " + task["actor"]}), flush=True)
    if task["actor"] == "wrong":
        print(json.dumps({"error": "no", "type": "ValueError", "kind": "permanent"}), flush=True)
    else:
        print(json.dumps({"ok": task["args"]}), flush=True)
"#;

fn has_python() -> bool {
    needs::has_program("python3", clean("python3").arg("--version"))
}

fn done(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("done.ndjson")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn count(folder: &Path, actor: &str) -> usize {
    done(folder).iter().filter(|task| task["actor"] == actor).count()
}

fn actor_worker(house: &House, folder: &Path, workers: usize) -> Child {
    std::fs::write(folder.join("work.py"), PROGRAM).expect("a file");
    let options = serde_json::json!({"queues": ["ner"], "workers": workers, "command": ["python3", "work.py"],
        "grace_ms": 5_000, "more": {"max_retries": "0"}});
    let mut command = dc(folder);
    command.args(["actor-worker", &options.to_string()]).env("DC_DB_MAIN_URL", &house.backend.url);
    command.env("DC_BROKER_URL", house.rabbit.url()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("dc starts")
}

fn end(mut child: Child) {
    crate::support::signal("TERM", child.id());
    assert!(child.wait().expect("its end").success());
}

#[test]
fn what_kills_its_program_is_a_dead_letter_after_two_deaths() {
    if !has_python() {
        return;
    }
    for house in houses() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut messages: Vec<Message> = (0..40).map(|_| Message::new("ner", "good")).collect();
        messages.insert(5, Message::new("ner", "poison"));
        messages.insert(9, Message::new("ner", "wrong"));
        messages
            .push(Message::new("ner", "sleep").argument(&60).expect("JSON").option("time_limit", &500).expect("JSON"));
        send(&house.context(), &messages).expect("sent");
        let worker = actor_worker(&house, folder.path(), 2);
        wait_for("three dead letters", 120, || house.waiting("ner.XQ") == 3);
        wait_for("the others", 120, || count(folder.path(), "good") == 40 && house.waiting("ner") == 0);
        assert_eq!((count(folder.path(), "poison"), count(folder.path(), "sleep")), (2, 1));
        end(worker);
        let output = dc(folder.path())
            .env("DC_DB_MAIN_URL", &house.backend.url)
            .env("DC_BROKER_URL", house.rabbit.url())
            .args(["tasks", "--dead", "--json"])
            .output()
            .expect("dc starts");
        let report: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
        let reason = |actor: &str| {
            let dead = report["dead"].as_array().expect("a list");
            dead.iter().find(|letter| letter["actor"] == actor).expect(actor)["reason"]
                .as_str()
                .expect("a reason")
                .to_owned()
        };
        assert_eq!(reason("poison"), "ProgramDied: the program died: it was killed by signal 9");
        assert_eq!((reason("wrong").as_str(), report["queues"][0].as_str()), ("ValueError: no", Some("ner")));
        assert_eq!(reason("sleep"), "TimeLimitExceeded: it took longer than 500 ms");
    }
}

#[test]
fn what_kills_its_worker_is_a_dead_letter_after_two_deaths_and_its_neighbours_are_done() {
    if !has_python() {
        return;
    }
    for house in houses() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut messages: Vec<Message> = (0..20).map(|_| Message::new("ner", "good")).collect();
        messages.insert(3, Message::new("ner", "kill_all"));
        send(&house.context(), &messages).expect("sent");
        for death in 1..=2 {
            let mut worker = actor_worker(&house, folder.path(), 4);
            wait_for("a death", 120, || worker.try_wait().expect("a state").is_some());
            assert_eq!(count(folder.path(), "kill_all"), death);
        }
        let worker = actor_worker(&house, folder.path(), 4);
        let good = || -> HashSet<String> {
            let of_good = done(folder.path()).into_iter().filter(|task| task["actor"] == "good");
            of_good.map(|task| task["message_id"].as_str().expect("an identity").to_owned()).collect()
        };
        wait_for("a dead letter", 120, || house.waiting("ner.XQ") == 1);
        // what a worker has fetched does not wait in the queue, and goes back into it when the worker ends
        wait_for("its neighbours", 120, || good().len() == 20);
        end(worker);
        assert_eq!(count(folder.path(), "kill_all"), 2);
    }
}

#[test]
fn an_app_with_queues_works_for_them_and_ends_in_order() {
    if !has_python() {
        return;
    }
    for house in houses() {
        let project = house.backend.folder.path();
        app(
            project,
            "a/b/ner",
            "exec true",
            "command = [\"python3\", \"work.py\"]\n[dramatiq]\nqueues = [\"ner\"]\nworkers = 2\n",
        );
        let folder = project.join("apps/a/b/ner");
        std::fs::write(folder.join("work.py"), PROGRAM).expect("a file");
        let with = |mut command: Command| {
            command.env("DC_DB_MAIN_URL", &house.backend.url).env("DC_BROKER_URL", house.rabbit.url());
            command
        };
        let deployed = with(dc(project)).arg("deploy").output().expect("dc starts");
        assert!(deployed.status.success(), "{}", stderr(&deployed));
        let message = Message::new("ner", "good").argument("š").expect("JSON").pipe(&Message::new("next", "x"));
        send(&house.context(), &[message]).expect("sent");
        let run =
            with(dc(project)).args(["run", "ner"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("dc");
        wait_for("what follows", 120, || house.waiting("next") == 1);
        crate::support::signal("TERM", run.id());
        let output = run.wait_with_output().expect("its end");
        assert_eq!(done(&folder)[0]["args"], serde_json::json!(["š"]), "{}", stderr(&output));
        let logged = with(dc(project)).args(["logs", "ner", "--json"]).output().expect("dc starts");
        assert!(stdout(&logged).contains("did good"), "{}", stdout(&logged));
        assert_eq!(house.waiting("ner"), 0);
    }
}
