//! A pipeline whose stage asks an actor, on a broker and a database of a test's own.

use crate::support::clean;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use data_collector::broker::connect;
use data_collector::context::Context;
use data_collector::record::Value;

use super::manager::wait_for;
use super::rabbit::Rabbit;
use super::{Backend, dc, signal, stderr, stdout};

/// How all tasks stand.
pub(crate) const STATES: &str = "SELECT name, state, stage FROM pipeline_tasks ORDER BY name";
/// How many calls are open.
pub(crate) const CALLS: &str = "SELECT count(*) FROM pipeline_calls";
/// How many tasks have come to their end.
pub(crate) const ENDED: &str = "SELECT count(*) FROM pipeline_tasks WHERE state NOT IN ('waiting', 'running')";

pub(crate) struct Scene {
    pub(crate) rabbit: Rabbit,
    pub(crate) backend: Backend,
    /// What dc connects to.
    pub(crate) broker: String,
}

/// A worker of the pipeline; it goes with the test.
pub(crate) struct PipelineWorker(Child);

impl Scene {
    /// The pipeline `a/b/p` with these stages, which watches `inbox`; `None` without a broker.
    pub(crate) fn new(backend: Backend, stages: &str) -> Option<Self> {
        let rabbit = Rabbit::new()?;
        let scene = Self { broker: rabbit.url(), rabbit, backend };
        fs::create_dir_all(scene.folder().join("inbox")).expect("a folder");
        scene.define(stages);
        Some(scene)
    }

    pub(crate) fn define(&self, stages: &str) {
        let text = format!("[pipeline]\nwatch = [\"inbox\"]\ncomplete = \"rename\"\nworkers = 2\n{stages}");
        fs::write(self.folder().join("app.toml"), text).expect("a definition");
        self.told(&["deploy"]);
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.backend.folder.path().join("apps/a/b/p")
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        let part = self.folder().join(format!("{name}.part"));
        fs::write(&part, text).expect("a file");
        fs::rename(&part, self.folder().join("inbox").join(name)).expect("moved in");
    }

    pub(crate) fn dc(&self, arguments: &[&str]) -> Command {
        let mut command = dc(self.backend.folder.path());
        command.args(arguments).env("DC_DB_MAIN_URL", &self.backend.url).env("DC_BROKER_URL", &self.broker);
        command
    }

    /// What dc prints; it has to succeed.
    pub(crate) fn told(&self, arguments: &[&str]) -> String {
        let output = self.dc(arguments).output().expect("dc starts");
        assert!(output.status.success(), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
        stdout(&output)
    }

    pub(crate) fn context(&self) -> Context {
        self.backend.context_with(&[("DC_BROKER_URL", &self.rabbit.url())])
    }

    pub(crate) fn worker(&self) -> PipelineWorker {
        self.worker_with(|command| command)
    }

    pub(crate) fn worker_with(&self, change: impl FnOnce(&mut Command) -> &mut Command) -> PipelineWorker {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log()).expect("a file");
        let mut command = self.dc(&["pipeline-worker", "p", "--stay"]);
        command.stdout(Stdio::null()).stderr(log);
        PipelineWorker(change(&mut command).spawn().expect("dc starts"))
    }

    fn log(&self) -> PathBuf {
        self.backend.folder.path().join("worker.log")
    }

    /// What workers said.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// The rows of a query, as texts.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let text = |value: &Value<'_>| match value {
            Value::Text(text) => text.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Null => "null".to_owned(),
            other => format!("{other:?}"),
        };
        let rows = self.backend.connect().query(sql, &[]).expect(sql).rows;
        rows.iter().map(|row| row.iter().map(text).collect()).collect()
    }

    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.rows(sql)[0][0].parse().expect(sql)
    }

    /// How many messages wait in a queue, and in its dead letters.
    pub(crate) fn waiting(&self, queue: &str) -> (u64, u64) {
        let mut broker = connect(&self.context()).expect("a broker").expect("one");
        let depths = broker.depths(&[queue.to_owned(), format!("{queue}.XQ")]).expect("depths");
        let of = |place: usize| depths[place].map_or(0, |depth| depth.messages);
        (of(0), of(1))
    }

    /// The queue that answers go into.
    pub(crate) fn replies(&self) -> String {
        let listed = clean("rabbitmqctl").args(["--quiet", "list_queues", "-p", &self.rabbit.host, "name"]).output();
        let listed = stdout(&listed.expect("rabbitmqctl"));
        let names: Vec<&str> = listed.lines().filter(|name| name.starts_with("collector.replies.a.b.p.")).collect();
        let name = names.iter().find(|name| !name.ends_with("Q")).unwrap_or_else(|| panic!("no queue: {listed}"));
        (*name).to_owned()
    }

    /// Waits until all answers are settled, and no dead letter is left.
    pub(crate) fn wait_for_empty_queues(&self, queue: &str) {
        let replies = self.replies();
        wait_for("empty queues", 60, || self.waiting(queue) == (0, 0) && self.waiting(&replies) == (0, 0));
    }
}

impl PipelineWorker {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it in order.
    pub(crate) fn end(mut self) {
        signal("TERM", self.id());
        self.0.wait().expect("its end");
    }

    pub(crate) fn kill(mut self) {
        self.0.kill().expect("a kill");
        self.0.wait().expect("its end");
    }

    /// Waits until a failpoint has killed it.
    pub(crate) fn killed(mut self) {
        use std::os::unix::process::ExitStatusExt;
        wait_for("the failpoint's kill", 90, || self.0.try_wait().expect("its state").is_some());
        assert_eq!(self.0.wait().expect("its end").signal(), Some(9));
    }
}

impl Drop for PipelineWorker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
