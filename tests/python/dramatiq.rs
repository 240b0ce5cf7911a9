//! Dramatiq from PyPI, in its present and in an older edition: Python sends and Rust works, and the other way round.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::manager::wait_for;
use crate::support::needs::python_with;
use crate::support::rabbit::Rabbit;
use crate::support::{Backend, clean};
use data_collector::broker::connect;
use data_collector::context::Context;
use data_collector::dramatiq::{
    ActorOptions, Actors, Call, Failure, Json, Message, Resent, Worker, WorkerOptions, dead, resend, send,
};
use data_collector::tables::{Missing, Store};
use serde_json::Value;

/// Both editions: a Python, and where it finds Dramatiq.
pub(super) struct Edition {
    python: String,
    path: Option<PathBuf>,
}

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/peers/actors.py");

pub(super) fn editions() -> Vec<Edition> {
    let check = "import dramatiq, pika, sys, os; assert os.path.isdir(sys.prefix + '/older/dramatiq')";
    let Some(python) = python_with("dramatiq", check) else { return Vec::new() };
    let prefix = clean(&python).args(["-c", "import sys; print(sys.prefix)"]).output().expect("Python");
    let older = PathBuf::from(String::from_utf8(prefix.stdout).expect("a path").trim()).join("older");
    vec![Edition { python: python.clone(), path: None }, Edition { python, path: Some(older) }]
}

impl Edition {
    pub(super) fn python(&self, arguments: &[&str]) -> Command {
        let mut command = clean(&self.python);
        command.args(arguments);
        if let Some(path) = &self.path {
            command.env("PYTHONPATH", path);
        }
        command
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.python(&[&[PEER], arguments].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    /// Has Python send messages; their identities.
    pub(super) fn send(&self, house: &House, lines: &[Value]) -> Vec<String> {
        let mut command = self.command(&["send", &house.rabbit.url()]);
        if house.priority_max.is_some() {
            command.env("MAX_PRIORITY", "10");
        }
        let mut child = command.spawn().expect("Python");
        let mut stdin = child.stdin.take().expect("its input");
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let writing = std::thread::spawn(move || stdin.write_all(text.as_bytes()).expect("lines"));
        let output = child.wait_with_output().expect("its end");
        writing.join().expect("lines");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
    }

    fn worker(&self, house: &House, queue: &str) -> PythonWorker {
        let file = house.backend.folder.path().join("executed.ndjson");
        std::fs::write(&file, "").expect("a file");
        let mut command = self.command(&["work", &house.rabbit.url(), queue, file.to_str().expect("a path")]);
        let mut child = command.spawn().expect("Python");
        let stdin = child.stdin.take();
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut said).expect("a line");
        assert_eq!(said.trim(), "ready");
        PythonWorker { child, stdin, file }
    }
}

/// A worker in Python; it goes with the test.
struct PythonWorker {
    child: Child,
    stdin: Option<ChildStdin>,
    file: PathBuf,
}

impl PythonWorker {
    fn executed(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.file).expect("a file");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

impl Drop for PythonWorker {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.child.wait();
    }
}

/// A broker and a database of a test's own.
pub(super) struct House {
    pub(super) rabbit: Rabbit,
    pub(super) backend: Backend,
    pub(super) priority_max: Option<u8>,
}

/// Both editions, each on another database where there are two.
pub(super) fn on_backends() -> Vec<(Edition, Backend)> {
    let backends = std::iter::repeat_with(Backend::all).flatten();
    editions().into_iter().zip(backends).collect()
}

/// A house for each edition.
fn visits() -> impl Iterator<Item = (Edition, House)> {
    on_backends().into_iter().map_while(|(edition, backend)| Some((edition, House::new(backend)?)))
}

/// A house on each database; nothing without a broker.
pub(super) fn houses() -> impl Iterator<Item = House> {
    Backend::all().into_iter().map_while(House::new)
}

impl House {
    fn new(backend: Backend) -> Option<Self> {
        let house = Self { rabbit: Rabbit::new()?, backend, priority_max: None };
        Store::open(&house.context(), Missing::Create).and_then(|mut store| store.migrate()).expect("a schema");
        Some(house)
    }

    pub(super) fn context(&self) -> Context {
        self.context_through(&self.rabbit.url())
    }

    pub(super) fn context_through(&self, url: &str) -> Context {
        let priority = self.priority_max.map(|priority| priority.to_string());
        let mut pairs = vec![("DC_BROKER_URL", url)];
        pairs.extend(priority.as_deref().map(|priority| ("DC_DRAMATIQ_MAX_PRIORITY", priority)));
        self.backend.context_with(&pairs)
    }

    pub(super) fn waiting(&self, queue: &str) -> u64 {
        let mut broker = connect(&self.context()).expect("a broker").expect("one");
        broker.depths(&[queue.to_owned()]).expect("depths")[0].map_or(0, |depth| depth.messages)
    }
}

/// What actors in Rust were called with.
#[derive(Clone, Default)]
pub(super) struct Executed(Arc<Mutex<Vec<(String, Message)>>>);

impl Executed {
    pub(super) fn note(&self, call: &Call<'_>) {
        let message = call.message.clone();
        self.0.lock().expect("a list").push((message.actor_name.clone(), message));
    }

    pub(super) fn all(&self) -> Vec<(String, Message)> {
        self.0.lock().expect("a list").clone()
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().expect("a list").len()
    }
}

fn quick() -> ActorOptions {
    let (min_backoff, max_backoff) = (Duration::from_millis(50), Duration::from_millis(100));
    ActorOptions { min_backoff, max_backoff, ..ActorOptions::on("ner") }
}

/// The actors of the tests: those of the peer in Python.
fn actors(executed: &Executed) -> Actors {
    let [echo, double, fail, permanent, slow] = [(); 5].map(|()| executed.clone());
    Actors::new()
        .plain_actor("echo", quick(), move |call| {
            echo.note(call);
            Ok(Json::array(&call.message.args))
        })
        .actor_with("double", quick(), move |call, (number,): (i64,)| {
            double.note(call);
            Ok(number * 2)
        })
        .plain_actor("fail", quick(), move |call| {
            fail.note(call);
            Err(Failure::passing("nothing here").named("KeyError"))
        })
        .plain_actor("permanent", quick(), move |call| {
            permanent.note(call);
            Err(Failure::permanent("never"))
        })
        .plain_actor("slow", ActorOptions { max_retries: Some(0), ..quick() }, move |call| {
            slow.note(call);
            wait_for("the end of its time", 90, || call.cancellation.is_cancelled());
            Ok(Json::null())
        })
        .elsewhere("python_echo", "py")
}

fn worker(house: &House, executed: &Executed, threads: usize) -> Worker {
    let options = WorkerOptions { threads, grace: Duration::from_secs(10), ..WorkerOptions::default() };
    Worker::start(&house.context(), actors(executed), &options).expect("a worker")
}

const ODD: &str = r#"[1180591620717411303424,Infinity,-Infinity,"\ud800","š\u0000",{"a":[null,true,-0.0]},1e+16]"#;

#[test]
fn python_sends_and_rust_works() {
    for (edition, house) in visits() {
        let executed = Executed::default();
        let worker = worker(&house, &executed, 4);
        // odd JSON is made by Python itself
        let odd = serde_json::json!({"queue": "ner", "actor": "echo", "args": [ODD]});
        let plain = serde_json::json!({"queue": "ner", "actor": "echo", "args": [1, "š"], "kwargs": {"b": 2}, "options": {"mine": {"x": 1}}});
        let ids = edition.send(&house, &[plain, odd]);
        wait_for("two executions", 90, || executed.count() == 2);
        let all = executed.all();
        let (_, message) = all.iter().find(|(_, message)| message.message_id == ids[0]).expect("the first");
        assert_eq!(Json::array(&message.args).text(), "[1,\"\\u0161\"]", "as Python wrote it");
        assert_eq!(message.kwargs.to_json().text(), "{\"b\":2}");
        assert_eq!(message.options.to_json().text(), "{\"mine\":{\"x\":1}}");
        worker.stop();
        assert_eq!((house.waiting("ner"), house.waiting("ner.XQ")), (0, 0));
    }
}

#[test]
fn odd_json_survives_the_way_through_rust() {
    for (edition, house) in visits() {
        let executed = Executed::default();
        let worker = worker(&house, &executed, 2);
        let python = edition.worker(&house, "py");
        // from here by Rust's `echo`, whose result goes to Python's
        let mut first = Message::new("ner", "echo").pipe(&Message::new("py", "echo"));
        first.args = Json::read(ODD).expect("JSON").items().expect("an array");
        send(&house.context(), &[first]).expect("sent");
        wait_for("Python's execution", 90, || !std::fs::read_to_string(&python.file).expect("a file").is_empty());
        let line = std::fs::read_to_string(&python.file).expect("a file");
        for part in ["1180591620717411303424", "Infinity", "-Infinity", "\\ud800", "\\u0000", "-0.0", "1e+16"] {
            assert!(line.contains(part), "{part}: {line}");
        }
        worker.stop();
    }
}

#[test]
fn rust_sends_and_python_works() {
    for (edition, house) in visits() {
        let python = edition.worker(&house, "py");
        let context = house.context();
        let began = Instant::now();
        let delayed = Message::new("py", "echo").argument("late").expect("JSON").delay(Duration::from_secs(1));
        let now = Message::new("py", "echo").argument("now").expect("JSON").keyword("a", &[1, 2]).expect("JSON");
        let piped = Message::new("py", "double").argument(&4).expect("JSON").pipe(&Message::new("py", "echo"));
        let failing = Message::new("py", "fail").option("max_retries", &2).expect("JSON");
        send(&context, &[delayed, now.clone(), piped, failing.clone()]).expect("sent");
        wait_for("seven executions", 90, || python.executed().len() == 7);
        assert!(began.elapsed() >= Duration::from_secs(1));
        let executed = python.executed();
        let of = |actor: &str| executed.iter().filter(|line| line["actor"] == actor).cloned().collect::<Vec<_>>();
        assert_eq!(of("fail").len(), 3);
        assert_eq!(of("fail")[2]["options"]["retries"], 2);
        let echoed: Vec<Value> = of("echo").iter().map(|line| line["args"][0].clone()).collect();
        assert_eq!(echoed, [Value::from("now"), Value::from(8), Value::from("late")]);
        assert_eq!(
            (of("echo")[0]["kwargs"]["a"].clone(), &of("echo")[0]["id"]),
            (serde_json::json!([1, 2]), &now.message_id.into())
        );
        wait_for("a dead letter", 90, || house.waiting("py.XQ") == 1);
        let letters = dead(&context, &["py".to_owned()]).expect("dead letters");
        assert_eq!((letters[0].message_id.as_deref(), letters[0].retries), (Some(failing.message_id.as_str()), 2));
        assert!(letters[0].reason.as_deref().is_some_and(|reason| reason.contains("KeyError")), "{letters:?}");
    }
}

#[test]
fn a_failure_is_tried_again_and_then_a_dead_letter_that_can_be_sent_again() {
    for house in houses() {
        let (executed, context) = (Executed::default(), house.context());
        let rust = worker(&house, &executed, 4);
        let failing = Message::new("ner", "fail").option("max_retries", &2).expect("JSON");
        let never = Message::new("ner", "permanent").option("on_failure", "echo").expect("JSON");
        let unknown = Message::new("ner", "nobody");
        send(&context, &[failing.clone(), never.clone(), unknown.clone()]).expect("sent");
        wait_for("three dead letters", 90, || house.waiting("ner.XQ") == 3);
        let all = executed.all();
        let of =
            |actor: &str| all.iter().filter(|(name, _)| name == actor).map(|(_, message)| message).collect::<Vec<_>>();
        assert_eq!(of("fail").iter().map(|message| message.retries()).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(of("permanent").len(), 1);
        // whoever is told gets the message and what failed
        let told: Value = serde_json::from_str(of("echo")[0].args[1].text()).expect("JSON");
        assert_eq!(told, serde_json::json!({"type": "Error", "message": "never"}));
        let queues = ["ner".to_owned()];
        let letters = dead(&context, &queues).expect("dead letters");
        let letter =
            |id: &str| letters.iter().find(|letter| letter.message_id.as_deref() == Some(id)).expect(id).clone();
        assert_eq!(letter(&failing.message_id).reason.as_deref(), Some("KeyError: nothing here"));
        assert_eq!(letter(&never.message_id).reason.as_deref(), Some("Error: never"));
        assert_eq!(letter(&unknown.message_id).actor.as_deref(), Some("nobody"));
        rust.stop();

        let which = Resent::Ids(vec![failing.message_id.clone()]);
        assert_eq!(resend(&context, &queues, &which).expect("sent again"), std::slice::from_ref(&failing.message_id));
        assert_eq!((house.waiting("ner"), house.waiting("ner.XQ")), (1, 2));
        assert!(resend(&context, &queues, &which).is_err(), "it is there no more");
        let again = Executed::default();
        let rust = worker(&house, &again, 4);
        wait_for("three dead letters again", 90, || house.waiting("ner.XQ") == 3);
        assert_eq!(again.all().iter().map(|(_, message)| message.retries()).collect::<Vec<_>>(), [0, 1, 2]);
        rust.stop();
        assert_eq!(resend(&context, &queues, &Resent::All).expect("sent again").len(), 3);
    }
}

#[test]
fn callbacks_pipes_and_delays_go_from_rust_to_python() {
    for (edition, house) in visits() {
        let executed = Executed::default();
        let rust = worker(&house, &executed, 4);
        let python = edition.worker(&house, "py");
        let callback =
            serde_json::json!({"queue": "ner", "actor": "double", "args": [3], "options": {"on_success": "echo"}});
        let pipe = serde_json::json!({"queue": "ner", "actor": "double", "args": [5], "pipe": [
            {"queue": "py", "actor": "double", "args": []}, {"queue": "ner", "actor": "echo", "args": ["own"]}]});
        let delay = serde_json::json!({"queue": "ner", "actor": "echo", "args": ["late"], "delay": 1500});
        let began = Instant::now();
        edition.send(&house, &[callback, pipe, delay]);
        wait_for("five executions in Rust", 90, || executed.count() == 5);
        assert!(began.elapsed() >= Duration::from_millis(1_500));
        let echoed: Vec<String> = executed
            .all()
            .iter()
            .filter(|(actor, _)| actor == "echo")
            .map(|(_, message)| Json::array(&message.args).text().to_owned())
            .collect();
        assert_eq!(echoed.len(), 3, "{echoed:?}");
        assert!(
            echoed.iter().any(|args| args.ends_with(",6]") && args.contains("\"actor_name\":\"double\"")),
            "{echoed:?}"
        );
        assert!(echoed.contains(&"[\"own\",20]".to_owned()), "{echoed:?}");
        assert_eq!(echoed.last().map(String::as_str), Some("[\"late\"]"));
        assert_eq!(python.executed()[0]["args"], serde_json::json!([10]));
        rust.stop();
        wait_for("empty queues", 90, || {
            ["ner", "ner.DQ", "ner.XQ", "py"].iter().all(|queue| house.waiting(queue) == 0)
        });
    }
}

#[test]
fn the_highest_priority_goes_first() {
    for (edition, mut house) in visits() {
        house.priority_max = Some(10);
        let lines: Vec<Value> = [1, 9, 5]
            .iter()
            .map(|priority| serde_json::json!({"queue": "ner", "actor": "echo", "args": [priority], "options": {"broker_priority": priority}}))
            .collect();
        edition.send(&house, &lines);
        send(&house.context(), &[Message::new("ner", "echo").argument(&7).expect("JSON").priority(7)]).expect("sent");
        let executed = Executed::default();
        let options = WorkerOptions { threads: 1, prefetch: Some(1), ..WorkerOptions::default() };
        let rust = Worker::start(&house.context(), actors(&executed), &options).expect("a worker");
        wait_for("four executions", 90, || executed.count() == 4);
        let order: Vec<String> = executed.all().iter().map(|(_, message)| message.args[0].text().to_owned()).collect();
        assert_eq!(order, ["9", "7", "5", "1"]);
        rust.stop();
    }
}

#[test]
fn whoever_takes_too_long_or_comes_too_late_is_a_dead_letter() {
    for house in houses() {
        let (executed, context) = (Executed::default(), house.context());
        let slow = Message::new("ner", "slow").option("time_limit", &300).expect("JSON");
        let old = Message {
            message_timestamp: 1_000,
            ..Message::new("ner", "echo").option("max_age", &1_000).expect("JSON")
        };
        let quick = Message::new("ner", "echo").argument("quick").expect("JSON");
        send(&context, &[slow.clone(), old.clone(), quick]).expect("sent");
        let rust = worker(&house, &executed, 1);
        wait_for("two dead letters", 90, || house.waiting("ner.XQ") == 2);
        wait_for("two executions", 90, || executed.count() == 2);
        let letters = dead(&context, &["ner".to_owned()]).expect("dead letters");
        let reason =
            |id: &str| letters.iter().find(|letter| letter.message_id.as_deref() == Some(id)).expect(id).reason.clone();
        assert_eq!(reason(&slow.message_id).as_deref(), Some("TimeLimitExceeded: it took longer than 300 ms"));
        rust.stop();
    }
}

#[test]
fn what_waits_for_long_is_parked_and_sent_when_it_is_due() {
    for house in houses() {
        let (executed, context) = (Executed::default(), house.context());
        let rust = worker(&house, &executed, 1);
        let far = Message::new("ner", "echo").argument("far").expect("JSON").delay(Duration::from_secs(7_200));
        send(&context, std::slice::from_ref(&far)).expect("sent");
        let mut store = Store::ready(&context).expect("a database");
        wait_for("a parked message", 90, || store.parked_messages().count().expect("a count") == 1);
        wait_for("an empty queue", 90, || house.waiting("ner.DQ") == 0);
        // two hours later
        let mut database = house.backend.connect();
        database.execute("UPDATE parked_messages SET due_at = '2020-01-01 00:00:00.000000'", &[]).expect("an update");
        wait_for("its execution", 90, || executed.count() == 1);
        assert_eq!(executed.all()[0].1.to_json(), Message { options: Default::default(), ..far }.to_json());
        wait_for("no parked message", 90, || store.parked_messages().count().expect("a count") == 0);
        rust.stop();
    }
}
