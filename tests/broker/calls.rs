//! Stages whose work actors do: an actor in Rust here, and whatever goes wrong between it, the broker and dc.

use std::sync::{Arc, Mutex};

use crate::support::calls::{CALLS, ENDED, STATES, Scene};
use crate::support::manager::wait_for;
use crate::support::proxy::Proxy;
use crate::support::stderr;
use crate::support::{Backend, clean};
use data_collector::dramatiq::{ActorOptions, Actors, Call, Failure, Json, Message, Worker, WorkerOptions, send};

const STAGE: &str =
    "[[stage]]\nname = \"ner\"\nactor = \"find_names\"\nqueue = \"ner\"\nattempts = 2\nretry_after = \"0s\"\n";
const LATE: &str = "came too late, or twice: nothing is changed";

/// The messages that an actor was asked with.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<Message>>>);

impl Asked {
    fn all(&self) -> Vec<Message> {
        self.0.lock().expect("a list").clone()
    }

    fn count(&self) -> usize {
        self.all().len()
    }
}

/// Scenes on both databases; nothing without a broker.
fn scenes(stages: &str) -> impl Iterator<Item = Scene> {
    Backend::all().into_iter().map_while(move |backend| Scene::new(backend, stages))
}

/// An actor in Rust that notes what it is asked.
fn actor(
    scene: &Scene,
    asked: &Asked,
    work: impl Fn(&Call<'_>) -> Result<Json, Failure> + Send + Sync + 'static,
) -> Worker {
    let noted = asked.clone();
    let options = ActorOptions { max_retries: Some(0), ..ActorOptions::on("ner") };
    let actors = Actors::new().plain_actor("find_names", options, move |call| {
        noted.0.lock().expect("a list").push(call.message.clone());
        work(call)
    });
    Worker::start(&scene.context(), actors, &WorkerOptions::default()).expect("a worker")
}

fn name_of(call: &Call<'_>) -> String {
    let document = call.message.args[0].fields().expect("an object");
    document.get("name").and_then(Json::as_text).expect("a name")
}

fn names() -> Json {
    Json::of(&["Ana"]).expect("JSON")
}

#[test]
fn an_actor_in_rust_does_the_work_of_a_stage_and_says_what_never_will_be_right() {
    for scene in scenes(STAGE) {
        let asked = Asked::default();
        let rust = actor(&scene, &asked, |call| match name_of(call).as_str() {
            "never" => Err(Failure::permanent("it has no page")),
            "passing" => Err(Failure::passing("not now")),
            _ => Ok(names()),
        });
        ["good", "never", "passing"].iter().for_each(|name| scene.put(name, name));
        let worker = scene.worker();
        wait_for("all ends", 60, || scene.number(ENDED) == 3);
        assert_eq!(
            scene.rows(STATES),
            [["good", "done", "ner"], ["never", "rejected", "ner"], ["passing", "failed", "ner"]]
        );
        let errors = scene.rows("SELECT error FROM pipeline_tasks WHERE error IS NOT NULL ORDER BY name");
        assert_eq!(errors, [["Error: it has no page"], ["Error: not now"]]);
        assert_eq!(scene.rows("SELECT output FROM pipeline_attempts WHERE outcome = 'done'"), [["[\"Ana\"]"]]);
        assert_eq!(asked.count(), 4, "the passing one twice");
        scene.wait_for_empty_queues("ner");
        worker.end();
        rust.stop();
    }
}

#[test]
fn an_answer_that_is_doubled_forged_or_nonsense_changes_nothing() {
    for scene in scenes(STAGE) {
        let asked = Asked::default();
        let rust = actor(&scene, &asked, |_| Ok(names()));
        scene.put("good", "good");
        let worker = scene.worker();
        wait_for("its end", 60, || scene.number(ENDED) == 1);
        let question = asked.all().remove(0);
        let reply = Message::of(question.options.get("pipe_target").expect("a target")).expect("a message");
        let answer = |reply: &Message, said: &str| reply.clone().argument(said).expect("JSON");
        let mut forged = answer(&reply, "forged");
        forged.kwargs.set("fence", Json::number(99));
        let nonsense = Message::new(&reply.queue_name, "other");
        send(&scene.context(), &[answer(&reply, "twice"), forged, nonsense]).expect("sent");
        wait_for("two late answers", 60, || scene.said().matches(LATE).count() == 2);
        wait_for("nonsense", 60, || scene.said().contains("is no answer of an actor, and is dropped"));
        scene.wait_for_empty_queues("ner");
        assert_eq!(scene.rows("SELECT outcome, output FROM pipeline_attempts"), [["done", "[\"Ana\"]"]]);
        assert_eq!(scene.rows("SELECT state, attempts FROM pipeline_tasks"), [["done", "1"]]);
        worker.end();
        rust.stop();
    }
}

/// Killed between the row and the message, and between the message and the knowledge that the broker has it.
#[test]
fn a_worker_that_dies_while_it_asks_is_followed_by_one_that_asks_the_same() {
    for point in ["pipeline.handed-over", "pipeline.sent"] {
        for scene in scenes(STAGE) {
            let asked = Asked::default();
            scene.put("good", "good");
            scene.worker_with(|command| command.env("DC_FAILPOINT", format!("{point}=kill"))).killed();
            assert_eq!(scene.rows("SELECT state, attempts FROM pipeline_tasks"), [["running", "1"]], "{point}");
            let worker = scene.worker();
            let sent = "SELECT count(*) FROM pipeline_calls WHERE sender IS NULL";
            wait_for("a message that is sent", 60, || scene.number(sent) == 1);
            let rust = actor(&scene, &asked, |_| Ok(names()));
            wait_for("its end", 60, || scene.number(ENDED) == 1);
            scene.wait_for_empty_queues("ner");
            assert_eq!(scene.rows("SELECT state, attempts, deaths FROM pipeline_tasks"), [["done", "1", "0"]]);
            assert_eq!(scene.number("SELECT count(*) FROM pipeline_attempts"), 1, "{point}");
            assert_eq!(asked.count(), 1, "the same message is executed once: {point}");
            worker.end();
            rust.stop();
        }
    }
}

#[test]
fn a_broker_that_is_away_blocks_the_stage_and_spends_no_attempt() {
    for mut scene in scenes(STAGE) {
        let proxy = Proxy::to(scene.rabbit.address());
        scene.broker = scene.rabbit.url_through(proxy.port);
        proxy.cut();
        (0..3).for_each(|number| scene.put(&format!("f{number}"), &number.to_string()));
        let worker = scene.worker();
        wait_for("a stage that rests", 60, || scene.number("SELECT count(*) FROM pipeline_blocks") == 1);
        wait_for("no call", 60, || scene.number(CALLS) == 0);
        assert_eq!(scene.number("SELECT count(*) FROM pipeline_tasks WHERE attempts > 0 AND state = 'waiting'"), 0);
        let asked = Asked::default();
        let rust = actor(&scene, &asked, |_| Ok(names()));
        proxy.mend();
        wait_for("all", 120, || scene.number(ENDED) == 3);
        assert!(scene.rows(STATES).iter().all(|row| row[1] == "done"), "{:?}", scene.rows(STATES));
        assert_eq!(asked.count(), 3);
        worker.end();
        rust.stop();
    }
}

#[test]
fn a_run_that_finds_the_broker_away_leaves_what_is_with_actors_and_ends() {
    let Some(mut scene) = scenes(STAGE).next() else { return };
    let proxy = Proxy::to(scene.rabbit.address());
    scene.broker = scene.rabbit.url_through(proxy.port);
    scene.put("good", "good");
    let worker = scene.worker();
    wait_for("a question", 60, || scene.waiting("ner") == (1, 0));
    worker.kill();
    proxy.cut();
    let over = "UPDATE pipeline_calls SET answer_until = '2020-01-01 00:00:00.000000'";
    scene.backend.connect().execute(over, &[]).expect("an update");
    scene.told(&["run", "p"]);
    assert_eq!(scene.rows("SELECT state, attempts FROM pipeline_tasks"), [["running", "1"]]);
    assert_eq!(scene.number(CALLS), 1, "its answer may wait in the broker");
    proxy.mend();
    let rust = actor(&scene, &Asked::default(), |_| Ok(names()));
    let answered = scene.replies();
    wait_for("an answer that waits", 60, || scene.waiting(&answered) == (1, 0));
    scene.told(&["run", "p"]);
    assert_eq!(scene.rows("SELECT state, attempts FROM pipeline_tasks"), [["done", "1"]]);
    rust.stop();
}

#[test]
fn nothing_is_missing_and_nothing_is_twice_when_the_broker_is_cut() {
    for mut scene in scenes(&format!("{STAGE}workers = 8\n")) {
        let proxy = Proxy::to(scene.rabbit.address());
        scene.broker = scene.rabbit.url_through(proxy.port);
        let asked = Asked::default();
        let rust = actor(&scene, &asked, |_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            Ok(names())
        });
        (0..120).for_each(|number| scene.put(&format!("f{number}"), &number.to_string()));
        let workers = [scene.worker(), scene.worker()];
        for part in 1..=3 {
            wait_for("some", 120, || scene.number(ENDED) >= 30 * part);
            proxy.cut();
            std::thread::sleep(std::time::Duration::from_millis(300));
            proxy.mend();
        }
        let close = ["--quiet", "close_all_connections", "--vhost", &scene.rabbit.host, "test"];
        assert!(clean("rabbitmqctl").args(close).status().expect("rabbitmqctl").success());
        wait_for("all", 180, || scene.number(ENDED) == 120);
        let done = "SELECT count(*) FROM pipeline_attempts WHERE outcome = 'done'";
        assert_eq!(
            (scene.number(done), scene.number("SELECT count(*) FROM pipeline_tasks WHERE state = 'done'")),
            (120, 120)
        );
        scene.wait_for_empty_queues("ner");
        assert_eq!(scene.number(CALLS), 0);
        workers.into_iter().for_each(|worker| worker.end());
        rust.stop();
    }
}

#[test]
fn what_is_cancelled_while_it_is_with_an_actor_stays_so() {
    for scene in scenes(STAGE) {
        let (asked, gate) = (Asked::default(), Arc::new(Mutex::new(())));
        let (held, waiting) = (gate.lock().expect("a gate"), Arc::clone(&gate));
        let rust = actor(&scene, &asked, move |_| {
            drop(waiting.lock());
            Ok(names())
        });
        scene.put("good", "good");
        let worker = scene.worker();
        wait_for("its execution", 60, || asked.count() == 1);
        scene.told(&["tasks", "cancel", "1", "--reason", "not ours"]);
        assert_eq!(scene.number(CALLS), 0);
        drop(held);
        wait_for("a late answer", 60, || scene.said().contains(LATE));
        assert_eq!(scene.rows(STATES), [["good", "cancelled", "ner"]]);
        let tries = scene.rows("SELECT outcome, output FROM pipeline_attempts");
        assert_eq!(tries, [["cancelled", "null"]]);
        // and it may be tried again
        scene.told(&["tasks", "retry", "1"]);
        wait_for("its end", 60, || scene.rows(STATES)[0][1] == "done");
        scene.wait_for_empty_queues("ner");
        worker.end();
        rust.stop();
    }
}

#[test]
fn an_actor_is_given_so_many_documents_at_once_whoever_asks() {
    for scene in scenes(&format!("{STAGE}workers = 3\n")) {
        let (asked, gate) = (Asked::default(), Arc::new(Mutex::new(())));
        let (held, waiting) = (gate.lock().expect("a gate"), Arc::clone(&gate));
        let rust = actor(&scene, &asked, move |_| {
            drop(waiting.lock());
            Ok(names())
        });
        (0..8).for_each(|number| scene.put(&format!("f{number}"), &number.to_string()));
        let workers = [scene.worker()];
        wait_for("three", 60, || asked.count() == 3);
        wait_for("all to be found", 60, || scene.number("SELECT count(*) FROM pipeline_tasks") == 8);
        // a second worker finds no room
        let second = scene.worker();
        let known = "SELECT count(*) FROM pipeline_workers";
        wait_for("two workers", 60, || scene.number(known) == 2);
        std::thread::sleep(std::time::Duration::from_secs(2));
        assert_eq!((asked.count(), scene.number(CALLS)), (3, 3));
        drop(held);
        wait_for("all", 60, || scene.number(ENDED) == 8);
        workers.into_iter().chain([second]).for_each(|worker| worker.end());
        rust.stop();
    }
}

/// The stage is another one by the time of the answer: no worker of the new definition hears of the queue.
#[test]
fn a_stage_that_lost_its_actor_meanwhile_is_worked_on_as_it_is_now() {
    let here = "[[stage]]\nname = \"ner\"\ncommand = [\"true\"]\n";
    for scene in scenes(&format!("{STAGE}timeout = \"3s\"\n")) {
        scene.put("good", "good");
        let worker = scene.worker();
        wait_for("a call", 60, || scene.number(CALLS) == 1);
        worker.end();
        scene.define(here);
        let worker = scene.worker();
        wait_for("its end", 60, || scene.number(ENDED) == 1);
        assert_eq!(
            (scene.rows(STATES), scene.number(CALLS)),
            (vec![vec!["good".into(), "done".into(), "ner".into()]], 0)
        );
        worker.end();
    }
}

#[test]
fn what_cannot_be_asked_is_told_by_deploy_with_its_line() {
    let Some(scene) = Scene::new(Backend::sqlite(), STAGE) else { return };
    let cases = [
        (STAGE.to_owned(), None, "app.toml line 7: stage 1, `actor` needs a broker, and none is configured"),
        (
            STAGE.replace("\"ner\"\nattempts", "\"a b\"\nattempts"),
            Some(&scene.broker),
            "line 8: stage 1, `queue` cannot be taken",
        ),
        (
            STAGE.replace("\"ner\"\nattempts", "\"ner.XQ\"\nattempts"),
            Some(&scene.broker),
            "line 8: stage 1, `queue` cannot be taken",
        ),
        (
            STAGE.replace("\"find_names\"", "\"a\\u0007b\""),
            Some(&scene.broker),
            "line 7: stage 1, `actor` takes the name of an actor",
        ),
    ];
    for (stages, broker, expected) in cases {
        let text = format!("[pipeline]\nwatch = [\"inbox\"]\n\n\n{stages}");
        std::fs::write(scene.folder().join("app.toml"), text).expect("a definition");
        let mut deploy = scene.dc(&["deploy"]);
        match broker {
            Some(broker) => deploy.env("DC_BROKER_URL", broker),
            None => deploy.env_remove("DC_BROKER_URL"),
        };
        let deployed = deploy.output().expect("dc starts");
        let said = format!("{}{}", crate::support::stdout(&deployed), stderr(&deployed));
        assert!(deployed.status.code() == Some(1) && said.contains(expected), "{expected}: {said}");
    }
}
