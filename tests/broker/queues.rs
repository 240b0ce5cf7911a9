//! Queues of Dramatiq as the doctor and the metrics show them.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::support::manager::{Manager, wait_for};
use crate::support::rabbit::Rabbit;
use crate::support::{Backend, dc, stdout};
use data_collector::broker::{Envelope, Properties, connect};
use data_collector::dramatiq::{Message, send};

fn get(place: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(place) else { return String::new() };
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").expect("a request");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn queues_without_a_worker_and_dead_letters_are_reported() {
    let Some(rabbit) = Rabbit::new() else { return };
    let backend = Backend::sqlite();
    let project = backend.folder.path();
    let folder = project.join("apps/a/b/names");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("app.toml"), "command = [\"true\"]\n[dramatiq]\nqueues = [\"ner\"]\n").expect("a definition");
    let on = |arguments: &[&str]| {
        let mut command = dc(project);
        command.args(arguments).env("DC_DB_MAIN_URL", &backend.url).env("DC_BROKER_URL", rabbit.url());
        stdout(&command.output().expect("dc starts"))
    };
    on(&["deploy"]);
    assert!(on(&["doctor"]).contains("1 known, 0 messages waiting, no dead letters"), "{}", on(&["doctor"]));
    let context = backend.context_with(&[("DC_BROKER_URL", &rabbit.url())]);
    send(&context, &[Message::new("ner", "find"), Message::new("ner", "find")]).expect("sent");
    let dead = Envelope {
        exchange: String::new(),
        key: "ner.XQ".to_owned(),
        body: b"{}".to_vec(),
        properties: Properties::default(),
    };
    let mut broker = connect(&context).expect("a broker").expect("one");
    broker.publish(&[dead], Duration::from_secs(10)).expect("published");
    let told = on(&["doctor"]);
    assert!(told.contains("ner: no consumer, 2 messages waiting"), "{told}");
    assert!(told.contains("ner: 1 dead letters"), "{told}");
    let place = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port").to_string();
    on(&["manager", "send", "disable", "names"]);
    let _manager = Manager::start_with(project, &backend.url, &["--listen", &place], |command| {
        command.env("DC_BROKER_URL", rabbit.url())
    });
    let lines = [
        "dc_broker_up 1\n",
        "dc_queue_messages{queue=\"ner\",kind=\"waiting\"} 2\n",
        "dc_queue_messages{queue=\"ner\",kind=\"delayed\"} 0\n",
        "dc_queue_messages{queue=\"ner\",kind=\"dead\"} 1\n",
        "dc_queue_consumers{queue=\"ner\"} 0\n",
    ];
    wait_for("the figures", 60, || {
        let figures = get(&place);
        lines.iter().all(|line| figures.contains(line))
    });
}
