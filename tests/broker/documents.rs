//! Documents over a real RabbitMQ: a worker on another machine hears at once of what this one found, and of nothing twice.

use std::fs;

use crate::support::manager::wait_for;
use crate::support::proxy::Proxy;
use crate::support::rabbit::Rabbit;
use crate::support::{Backend, dc, stderr};
use data_collector::broker::connect;

fn backend(url: &str) -> Backend {
    let backend = Backend::all().pop().expect("a database");
    let project = backend.folder.path();
    let folder = project.join("apps/a/b/p");
    fs::create_dir_all(folder.join("inbox")).expect("a folder");
    let text = "[pipeline]\nwatch = [\"inbox\"]\ncomplete = \"rename\"\nworkers = 2\n\
                [[stage]]\nname = \"one\"\ncommand = [\"sh\", \"-c\", \"echo $DC_NAME one >> ledger\"]\non = [\"first\"]\n\
                [[stage]]\nname = \"two\"\ncommand = [\"sh\", \"-c\", \"echo $DC_NAME two >> ledger\"]\non = [\"second\"]\n";
    fs::write(folder.join("app.toml"), text).expect("a definition");
    let deployed = dc(project).arg("deploy").env("DC_DB_MAIN_URL", &backend.url).env("DC_BROKER_URL", url).output();
    let deployed = deployed.expect("dc starts");
    assert!(deployed.status.success(), "{}", stderr(&deployed));
    backend
}

/// A worker, as it is on a machine with a label.
fn worker(backend: &Backend, url: &str, label: &str) -> std::process::Child {
    let mut command = dc(backend.folder.path());
    command.args(["pipeline-worker", "p", "--stay"]).env("DC_DB_MAIN_URL", &backend.url);
    command.env("DC_BROKER_URL", url).env("DC_MANAGER_LABELS", label);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("dc starts")
}

fn lines(backend: &Backend) -> Vec<String> {
    let ledger = backend.folder.path().join("apps/a/b/p/ledger");
    let mut lines: Vec<String> = fs::read_to_string(ledger).unwrap_or_default().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn stages_on_machines_with_other_labels_hear_of_each_other_and_do_each_document_once() {
    let Some(rabbit) = Rabbit::new() else { return };
    let proxy = Proxy::to(rabbit.address());
    let backend = backend(&rabbit.url());
    let inbox = backend.folder.path().join("apps/a/b/p/inbox");
    let mut first = worker(&backend, &rabbit.url_through(proxy.port), "first");
    let mut second = worker(&backend, &rabbit.url(), "second");
    let put = |name: &str| {
        let part = inbox.parent().expect("a folder").join(format!("{name}.part"));
        fs::write(&part, name).expect("a file");
        fs::rename(&part, inbox.join(name)).expect("moved in");
    };
    (0..10).for_each(|number| put(&format!("f{number}")));
    wait_for("both stages", 60, || lines(&backend).len() == 20);
    // without the broker the database is looked at
    proxy.cut();
    (10..15).for_each(|number| put(&format!("f{number}")));
    wait_for("both stages without the broker", 60, || lines(&backend).len() == 30);
    proxy.mend();
    (15..20).for_each(|number| put(&format!("f{number}")));
    wait_for("both stages after it", 60, || lines(&backend).len() == 40);
    let mut once = lines(&backend);
    once.dedup();
    assert_eq!(once.len(), 40, "each once");
    // all notes are acknowledged: nothing waits, nothing is under way
    let context = backend.context_with(&[("DC_BROKER_URL", rabbit.url().as_str())]);
    let queues = ["one", "two"].map(|stage| format!("collector.tasks.a.b.p.{stage}")).to_vec();
    wait_for("empty queues", 60, || {
        let mut broker = connect(&context).expect("a broker").expect("one");
        broker.depths(&queues).expect("depths").iter().all(|depth| depth.is_some_and(|depth| depth.messages == 0))
    });
    for child in [&mut first, &mut second] {
        crate::support::signal("TERM", child.id());
        child.wait().expect("its end");
    }
}
