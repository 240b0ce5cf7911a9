//! Commands over a real RabbitMQ: at once while it is there, by the database while it is not.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::support::certificate::Certificate;
use crate::support::manager::{Manager, wait_for};
use crate::support::needs::python_with;
use crate::support::proxy::Proxy;
use crate::support::rabbit::Rabbit;
use crate::support::{Backend, app, clean, dc, stderr, stdout};
use amiquip::{Connection, ConsumerMessage, ConsumerOptions, Exchange, Publish, QueueDeclareOptions};
use data_collector::broker::connect;
use data_collector::context::Context;
use data_collector::manager::{CommandNote, announce, listen};

fn context(backend: &Backend, url: &str) -> Context {
    backend.context_with(&[("DC_BROKER_URL", url)])
}

fn note(command: i64) -> CommandNote {
    CommandNote { command, name: "START".to_owned(), app: "a/b/c".to_owned(), by: "test".to_owned() }
}

#[test]
fn a_note_reaches_all_managers_and_garbage_the_dead_letters() {
    let Some(rabbit) = Rabbit::new() else { return };
    let backend = Backend::sqlite();
    let context = context(&backend, &rabbit.url());
    let (sender, receiver) = channel();
    let links: Vec<_> = ["m1", "m2"]
        .into_iter()
        .map(|manager| {
            let sender = sender.clone();
            let each = move |note: CommandNote| sender.send((manager, note.command)).expect("a reader");
            listen(&context, manager, each).expect("a link").expect("a broker")
        })
        .collect();
    let mut plain = Connection::insecure_open(&rabbit.url()).expect("a connection");
    let channel = plain.open_channel(None).expect("a channel");
    // both have to listen before anything is sent
    wait_for("the queues", 10, || {
        let fresh = plain.open_channel(None).expect("a channel");
        let listens = |name| fresh.queue_declare_passive(format!("dc_commands.{name}")).ok()?.declared_consumer_count();
        ["m1", "m2"].iter().all(|name| listens(name) == Some(1))
    });
    announce(&context, &note(7)).expect("a confirmation");
    let mut got: Vec<_> = (0..2).map(|_| receiver.recv_timeout(Duration::from_secs(5)).expect("a note")).collect();
    got.sort_unstable();
    assert_eq!(got, [("m1", 7), ("m2", 7)]);

    let queue = channel
        .queue_declare("dc_commands.dead", QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() })
        .expect("the dead letters");
    let consumer = queue.consume(ConsumerOptions { no_ack: true, ..ConsumerOptions::default() }).expect("a consumer");
    Exchange::direct(&channel).publish(Publish::new(b"\xff not JSON", "dc_commands.m1")).expect("a publish");
    let ConsumerMessage::Delivery(dead) =
        consumer.receiver().recv_timeout(Duration::from_secs(5)).expect("a dead letter")
    else {
        panic!("no delivery")
    };
    assert_eq!(dead.body, b"\xff not JSON");
    // and the next one is heard again
    announce(&context, &note(8)).expect("a confirmation");
    let mut got: Vec<_> = (0..2).map(|_| receiver.recv_timeout(Duration::from_secs(5)).expect("a note")).collect();
    got.sort_unstable();
    assert_eq!(got, [("m1", 8), ("m2", 8)]);
    let began = Instant::now();
    drop(links);
    assert!(began.elapsed() < Duration::from_secs(3), "a link takes {:?} to end", began.elapsed());
}

#[test]
fn a_link_comes_back_by_itself() {
    let Some(rabbit) = Rabbit::new() else { return };
    let backend = Backend::sqlite();
    let proxy = Proxy::to(rabbit.address());
    let context = context(&backend, &rabbit.url_through(proxy.port));
    let (sender, receiver) = channel();
    let each = move |note: CommandNote| sender.send(note.command).expect("a reader");
    let _link = listen(&context, "m1", each).expect("a link").expect("a broker");
    let hears = |number: i64| {
        let _ = announce(&context, &note(number));
        // those that waited in the queue come before it
        std::iter::from_fn(|| receiver.recv_timeout(Duration::from_millis(500)).ok()).any(|heard| heard == number)
    };
    let mut number = 0;
    let mut next = || {
        number += 1;
        number
    };
    wait_for("the first note", 10, || hears(next()));
    for _ in 0..2 {
        proxy.cut();
        let error = announce(&context, &note(0)).expect_err("no broker");
        assert!(error.is_temporary() && !error.to_string().contains("guest:guest"), "{error}");
        std::thread::sleep(Duration::from_millis(500));
        proxy.mend();
        wait_for("a note after the broker is back", 20, || hears(next()));
    }
}

#[test]
fn a_broker_that_is_none_is_named_without_its_password() {
    let backend = Backend::sqlite();
    for (url, says) in [
        ("http://guest:hush@127.0.0.1/", "amqp://"),
        ("amqp://guest:hush@127.0.0.1:1/", "the broker"),
        ("amqp://guest:hush@", "broker.url"),
    ] {
        let error = connect(&context(&backend, url)).err().expect(url);
        let told = format!("{error} {:?}", error.causes());
        assert!(told.contains(says) && !told.contains("hush"), "{url}: {told}");
    }
    assert!(connect(&backend.context()).expect("no broker").is_none());
}

#[test]
fn commands_take_effect_at_once_and_also_without_the_broker() {
    let Some(rabbit) = Rabbit::new() else { return };
    let backend = Backend::sqlite();
    let project = backend.folder.path();
    app(project, "a/b/quick", "true", "");
    let proxy = Proxy::to(rabbit.address());
    let url = rabbit.url_through(proxy.port);
    let send = |command: &str| {
        let mut dc = dc(project);
        dc.env("DC_DB_MAIN_URL", &backend.url).env("DC_BROKER_URL", &url);
        dc.args(["manager", "send", command, "quick", "--wait"]).output().expect("dc starts")
    };
    assert!(dc(project).arg("deploy").env("DC_DB_MAIN_URL", &backend.url).status().expect("dc starts").success());
    let manager =
        Manager::start_with(project, &backend.url, &[], |command| command.env("DC_BROKER_URL", &url).arg("-v"));
    assert!(send("reset").status.success());
    proxy.cut();
    let output = send("disable");
    assert!(output.status.success() && stdout(&output).contains("out of service"), "{}", stderr(&output));
    assert!(stderr(&output).contains("travels by the database"), "{}", stderr(&output));
    proxy.mend();
    wait_for("the broker's return", 40, || manager.said().contains("the broker is back"));
    // with the broker a command waits for nobody's pause, without it for the second from one pass to the next: the
    // fastest of some is not slowed by other work on the machine
    let fastest = ["enable", "disable", "enable", "disable", "enable", "disable", "enable"].map(|command| {
        let began = Instant::now();
        let output = send(command);
        assert!(output.status.success(), "{}", stderr(&output));
        began.elapsed()
    });
    let fastest = fastest.into_iter().min().expect("one");
    assert!(fastest < Duration::from_millis(600), "{fastest:?} a command");
    drop(manager.end());
}

#[test]
fn notes_travel_encrypted_and_only_to_a_broker_that_is_trusted() {
    let Some(rabbit) = Rabbit::new() else { return };
    let Some(own) = Certificate::make("IP:127.0.0.1") else { return };
    let Some(python) = python_with("python3", "import ssl") else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/broker/tls_proxy.py");
    let mut command = clean(python);
    command.arg(script).args([&own.certificate, &own.key]).arg(rabbit.address());
    let mut proxy = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python starts");
    let mut port = String::new();
    BufReader::new(proxy.stdout.take().expect("a pipe")).read_line(&mut port).expect("a port");
    let url = rabbit.url_through(port.trim().parse().expect("a port")).replace("amqp://", "amqps://");
    let backend = Backend::sqlite();

    let error = connect(&context(&backend, &url)).err().expect("a broker that is not trusted is refused");
    assert!(error.to_string().contains("ertificate") || format!("{error:?}").contains("ertificate"), "{error:?}");
    assert!(!error.is_temporary(), "{error:?}");

    let trusted = own.certificate.display().to_string();
    let context = backend.context_with(&[("DC_BROKER_URL", url.as_str()), ("DC_BROKER_CERTIFICATES", &trusted)]);
    let (sender, receiver) = channel();
    let each = move |note: CommandNote| sender.send(note.command).expect("a reader");
    let link = listen(&context, "m1", each).expect("a link");
    wait_for("the note", 20, || {
        announce(&context, &note(9)).expect("a confirmation");
        receiver.recv_timeout(Duration::from_millis(500)).is_ok_and(|command| command == 9)
    });
    drop(link);
    drop(proxy.stdin.take());
    proxy.wait().expect("the end of the proxy");
}
