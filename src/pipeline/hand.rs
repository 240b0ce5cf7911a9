//! A thread that works on one document after the other.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::NaiveDateTime;
use crossbeam_channel::{Receiver, Sender};
use tempfile::TempDir;

use super::began::Began;
use super::kept::{keep, opened};
use super::plan::Plan;
use super::stage::{Failure, Given, Job, Lazy, Output, Stage, Worked};
use crate::clock;
use crate::context::{Cancellation, Context};
use crate::error::{Error, ErrorKind, OrFail, Result, file_error};
use crate::storage::Storage;
use crate::tables::{AttemptEnd, ClaimedTask, FileRow, LogLevel, StageOutput, hex_text};

/// A document that is to be worked on.
pub(super) struct Order {
    pub(super) claimed: ClaimedTask,
    /// The place of its stage.
    pub(super) stage: usize,
    pub(super) cancellation: Cancellation,
}

/// A document that was worked on.
pub(super) struct Report {
    pub(super) order: Order,
    pub(super) attempt: AttemptEnd,
    /// Why the stage did not do its part.
    pub(super) failure: Option<Failure>,
    pub(super) is_cancelled: bool,
    /// Whether anything was done.
    pub(super) is_begun: bool,
}

/// What all hands share.
pub(super) struct Bench {
    pub(super) context: Context,
    pub(super) plan: Arc<Plan>,
    pub(super) app_id: i64,
    /// The worker's identity.
    pub(super) worker: String,
    pub(super) host: String,
    pub(super) runtime: Option<String>,
    pub(super) began: Began,
    /// Where scratch folders are made.
    pub(super) scratch: PathBuf,
    /// Set when nothing more is to be begun.
    pub(super) closing: Cancellation,
}

/// Works until no more orders come.
pub(super) fn work(bench: &Bench, number: usize, orders: &Receiver<Order>, reports: &Sender<Report>) {
    let mut hand = Hand { bench, stages: BTreeMap::new(), storage: None };
    for order in orders {
        let is_begun = !bench.closing.is_cancelled() && !order.cancellation.is_cancelled();
        if is_begun {
            bench.began.begin(number, order.claimed.task.id);
        }
        let report = if is_begun { hand.work(order) } else { hand.leave(order) };
        bench.began.end(number);
        if reports.send(report).is_err() {
            return;
        }
    }
}

struct Hand<'a> {
    bench: &'a Bench,
    /// The stages that this thread has open.
    stages: BTreeMap<usize, Box<dyn Stage>>,
    storage: Option<Storage>,
}

impl Hand<'_> {
    fn work(&mut self, order: Order) -> Report {
        let started_at = clock::now();
        let done = catch_unwind(AssertUnwindSafe(|| self.attempt(&order)));
        let (mut worked, output) = done.unwrap_or_else(|_| {
            // what a panic left behind is not used again
            self.stages.remove(&order.stage);
            self.storage = None;
            (Err(Failure::died("the stage panicked; its log tells where")).into(), None)
        });
        if let Err(failure) = &mut worked.result {
            self.bench.plan.redact(failure);
        }
        let is_cancelled = order.cancellation.is_cancelled() && worked.result.is_err();
        let outcome = match &worked.result {
            Ok(_) => "done",
            Err(_) if is_cancelled => "cancelled",
            Err(failure) => failure.kind.word(),
        };
        let attempt = self.ended(&order, &worked, (started_at, outcome), output);
        Report { order, attempt, failure: worked.result.err(), is_cancelled, is_begun: true }
    }

    /// What is reported of a document that nothing was done with.
    fn leave(&self, order: Order) -> Report {
        let now = clock::now();
        let worked = Err(Failure::passing("it was not begun")).into();
        let attempt = self.ended(&order, &worked, (now, "cancelled"), None);
        Report { order, attempt, failure: worked.result.err(), is_cancelled: true, is_begun: false }
    }

    fn ended(
        &self,
        order: &Order,
        worked: &Worked,
        (started_at, outcome): (NaiveDateTime, &'static str),
        output: Option<StageOutput>,
    ) -> AttemptEnd {
        let task = &order.claimed.task;
        AttemptEnd {
            stage: task.stage.clone(),
            attempt: task.attempts,
            worker: self.bench.worker.clone(),
            host: self.bench.host.clone(),
            runtime: self.bench.runtime.clone(),
            started_at,
            ended_at: clock::now(),
            cpu_ms: worked.spent.cpu_ms,
            memory_peak_kib: worked.spent.memory_peak_kib,
            exit_code: worked.spent.exit_code,
            signal: worked.spent.signal,
            outcome,
            error: worked.result.as_ref().err().map(|failure| failure.message.clone()),
            input_sha256: order.claimed.input.as_ref().and_then(|input| input.sha256.clone()),
            output,
        }
    }

    fn attempt(&mut self, order: &Order) -> (Worked, Option<StageOutput>) {
        match self.try_attempt(order) {
            Ok(done) => done,
            Err(error) => (Err(Failure::of(&error)).into(), None),
        }
    }

    fn try_attempt(&mut self, order: &Order) -> Result<(Worked, Option<StageOutput>)> {
        let bench = self.bench;
        let task = &order.claimed.task;
        let planned = &bench.plan.stages[order.stage];
        let scratch = Scratch { within: &bench.scratch, made: OnceCell::new() };
        let input = self.input(order, &scratch)?;
        let mut stage = match self.stages.remove(&order.stage) {
            Some(stage) => stage,
            None => planned.open()?,
        };
        let sha256 = hex_text(&task.sha256);
        let storage = std::cell::RefCell::new(&mut self.storage);
        let find = || {
            let mut storage = storage.borrow_mut();
            let storage = opened(&mut storage, &bench.context)?;
            document(storage, &order.claimed.original, &scratch)
        };
        let say = |level: LogLevel, message: &str| say(task.id, &task.stage, level, message);
        let make_scratch = || scratch.path().map(std::path::Path::to_owned);
        let job = Job {
            task: task.id,
            pipeline: &bench.plan.name,
            stage: &task.stage,
            attempt: task.attempts,
            name: &task.name,
            sha256: &sha256,
            input,
            folder: &bench.plan.folder,
            timeout: planned.definition.timeout,
            cancellation: &order.cancellation,
            document: Lazy { path: OnceCell::new(), find: Box::new(find) },
            make_scratch: &make_scratch,
            say: &say,
        };
        let worked = stage.work(&job);
        drop(job);
        let output = match &worked.result {
            Ok(output) => self.keep(order, output)?,
            Err(_) => None,
        };
        self.stages.insert(order.stage, stage);
        Ok((worked, output))
    }

    /// What the stages before gave.
    fn input(&mut self, order: &Order, scratch: &Scratch<'_>) -> Result<Given> {
        let Some(input) = &order.claimed.input else { return Ok(Given::Nothing) };
        if let Some(text) = &input.text {
            return Ok(Given::Json(text.clone()));
        }
        let Some(file_id) = input.file_id else { return Ok(Given::Nothing) };
        let storage = opened(&mut self.storage, &self.bench.context)?;
        let row = file(storage, file_id)?;
        let is_json = row.extension == "json";
        let path = document(storage, &row, scratch)?;
        if !is_json {
            return Ok(Given::File(path));
        }
        let text =
            std::fs::read_to_string(&path).map_err(|cause| file_error(format!("read {}", path.display()), cause))?;
        Ok(Given::Json(text))
    }

    fn keep(&mut self, order: &Order, output: &Output) -> Result<Option<StageOutput>> {
        let Bench { context, app_id, runtime, .. } = self.bench;
        let task = &order.claimed.task;
        keep(&mut self.storage, (context, *app_id, runtime.as_deref()), (task.id, &task.stage), output)
    }
}

/// A folder that is made when it is needed, and goes with the attempt.
struct Scratch<'a> {
    within: &'a std::path::Path,
    made: OnceCell<TempDir>,
}

impl Scratch<'_> {
    fn path(&self) -> Result<&std::path::Path> {
        if let Some(made) = self.made.get() {
            return Ok(made.path());
        }
        let made = tempfile::Builder::new().prefix("attempt-").tempdir_in(self.within);
        let made = made.map_err(|cause| file_error(format!("make a folder in {}", self.within.display()), cause))?;
        Ok(self.made.get_or_init(|| made).path())
    }
}

fn file(storage: &mut Storage, id: i64) -> Result<FileRow> {
    let found = storage.tables().files().by_id(id)?;
    found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("find the stored file {id}")))
}

/// A stored file as one of this machine: itself, or a copy.
fn document(storage: &mut Storage, known: &FileRow, scratch: &Scratch<'_>) -> Result<PathBuf> {
    let local = storage.local(known)?;
    if let Some(path) = local.filter(|path| path.exists()) {
        return Ok(path);
    }
    // it may have been moved since it was read where it is
    let (id, row) = (known.id, file(storage, known.id)?);
    if let Some(path) = storage.local(&row)? {
        return Ok(path);
    }
    let end = if row.extension.is_empty() { String::new() } else { format!(".{}", row.extension) };
    let path = scratch.path()?.join(format!("file-{id}{end}"));
    let mut copy = std::fs::File::create(&path).or_fail(|| format!("write {}", path.display()))?;
    storage.read(&row, &mut copy)?;
    Ok(path)
}

/// Logs a line that belongs to a document.
pub(super) fn say(task: i64, stage: &str, level: LogLevel, message: &str) {
    let level = match level {
        LogLevel::Critical | LogLevel::Error => log::Level::Error,
        LogLevel::Warning => log::Level::Warn,
        LogLevel::Info => log::Level::Info,
        _ => log::Level::Debug,
    };
    log::log!(level, task = task, stage = stage; "{message}");
}
