//! A worker of a pipeline: the process that `dc run` starts for one.

use std::fmt;
use std::fs;
use std::sync::Arc;

use crossbeam_channel::{bounded, unbounded};
use serde::Serialize;

use super::began::Began;
use super::calls::Calls;
use super::care;
use super::foreman::{Foreman, State, Tally};
use super::hand::{Bench, work as work_on};
use super::inbox::Inbox;
use super::notes::Notes;
use super::plan::Plan;
use super::workers::Workers;
use crate::context::{Cancellation, Context};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::publish::{PlacedApp, fetched_app, find_placed_app};
use crate::storage::keep_answers;
use crate::tables::{Store, TaskState, meets, share_hosts};

/// What a worker is asked for.
#[derive(Debug, Clone, Default)]
pub struct WorkOptions {
    /// The pipeline: its full name, or a tail that no other app has.
    pub app: String,
    /// Whether it goes on when nothing waits.
    pub stay: bool,
    /// The SHA-256 of the pipeline's files, in hexadecimal digits, where `dc run` has fetched them.
    pub fetched: Option<String>,
}

/// What a worker has done.
#[derive(Debug, Clone, Serialize)]
pub struct WorkReport {
    /// The pipeline.
    pub pipeline: String,
    /// Documents that came through.
    pub done: u64,
    /// Documents that were rejected, failed, or were set aside.
    pub ended: u64,
    /// Attempts of stages.
    pub attempts: u64,
    /// Documents that wait.
    pub waiting: u64,
    /// The stages that cannot work, and documents may wait for.
    pub resting: Vec<Resting>,
}

/// A stage that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resting {
    /// Its name.
    pub stage: String,
    /// Why.
    pub reason: String,
}

impl WorkReport {
    /// That nothing waits for a stage that cannot work.
    ///
    /// # Errors
    /// Busy (exit 75) with the stage and the reason: the same work may go through later.
    pub fn check(&self) -> Result<()> {
        let Some(Resting { stage, reason }) = self.resting.first().filter(|_| self.waiting > 0) else { return Ok(()) };
        let what = format!("work {} off: the stage `{stage}` cannot work: {reason}", self.pipeline);
        let hint = format!("documents that wait: {}; `dc tasks {}` shows them", self.waiting, self.pipeline);
        Err(Error::new(ErrorKind::Busy, what).hint(hint))
    }
}

impl fmt::Display for WorkReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pipeline, done, ended, attempts, waiting, .. } = self;
        write!(formatter, "{pipeline}: {done} done, {ended} not, in {attempts} attempts of stages")?;
        if *waiting > 0 { write!(formatter, "; {waiting} wait") } else { Ok(()) }
    }
}

/// Works a pipeline off: until nothing waits, or until somebody asks it to end.
///
/// # Errors
/// Settings for a pipeline that cannot work as it is written; not found for one that is not registered; what the database
/// says.
pub fn work(context: &Context, options: &WorkOptions, workers: &Workers) -> Result<WorkReport> {
    // the workers of a program may make requests
    keep_answers();
    share_hosts();
    let PlacedApp { app, fetched } = match &options.fetched {
        Some(sha256) => fetched_app(context, &options.app, sha256)?,
        None => find_placed_app(context, &options.app)?,
    };
    let mut plan = Plan::of(context, &app, workers)?;
    plan.fetched = fetched.as_ref().map(|fetched| fetched.sha256.clone());
    let plan = Arc::new(plan);
    let mut store = Store::ready(context)?;
    let registered = store.apps().all()?.into_iter().find(|row| row.name == app.name);
    let registered = registered.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("work {} off: it is not registered", app.name)).hint("dc deploy")
    })?;
    let runtime = context.settings().inside.as_ref().map(|inside| inside.runtime.to_string());
    let folder = context.settings().project.root.join(".dc/pipeline");
    fs::create_dir_all(&folder).map_err(|cause| file_error(format!("make {}", folder.display()), cause))?;
    let row = care::own_row(registered.id, runtime.clone())?;
    let began = Began::make(&folder, &row.id)?;
    // what a worker that died here was working on is known by now, before anything of it is claimed
    care::take_back(&mut store, &row, &folder, &plan.name)?;
    store.tasks().register_worker(&row, context.settings().run.lease)?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let hands = plan.definition.workers.map_or(processors, |workers| workers as usize);
    let (ring, news) = bounded(1);
    let (finds, found) = unbounded();
    let labels = &context.settings().manager.labels;
    let mine = plan.stages.iter().filter(|stage| meets(&stage.definition.on, labels));
    let mine: Vec<String> = mine.map(|stage| stage.definition.name.clone()).collect();
    let notes = Notes::start(context, &plan.name, (&plan.order, &mine), hands, ring.clone())?;
    let closing = Cancellation::default();
    let bell = (ring.clone(), closing.clone());
    let calls = Calls::start(context, &plan, (&registered, runtime.clone()), bell)?;
    let inbox = Inbox::start(context, &plan, registered.id, runtime.clone(), (ring, finds))?;
    let (orders, taken) = unbounded();
    let (told, reports) = unbounded();
    let bench = Bench {
        context: context.clone(),
        plan: Arc::clone(&plan),
        app_id: registered.id,
        worker: row.id.clone(),
        host: row.host.clone(),
        runtime,
        began,
        scratch: folder.clone(),
        closing: closing.clone(),
    };
    let ended = std::thread::scope(|scope| {
        for number in 0..hands {
            let (bench, taken, told) = (&bench, taken.clone(), told.clone());
            scope.spawn(move || work_on(bench, number, &taken, &told));
        }
        drop(told);
        let mut foreman = Foreman {
            context,
            plan: Arc::clone(&plan),
            store,
            row: row.clone(),
            folder: folder.clone(),
            hands,
            stay: options.stay,
            orders,
            unbegun: taken,
            reports,
            news,
            closing,
            inbox,
            notes,
            calls,
            found,
            registered: registered.definition.clone(),
            tally: Tally::default(),
            state: State::default(),
        };
        let ended = foreman.run();
        let leaving = foreman.leave();
        ended.and(leaving)
    });
    let (Tally { done, ended, attempts }, mut store) = ended?;
    let waiting = store.tasks().ledger(registered.id)?.states.get(TaskState::Waiting.name()).copied();
    let waiting = waiting.and_then(|count| u64::try_from(count).ok()).unwrap_or_default();
    let rests = store.tasks().blocks(Some(registered.id))?.into_iter();
    let resting = rests.map(|block| Resting { stage: block.stage, reason: block.reason }).collect();
    Ok(WorkReport { pipeline: plan.name.clone(), done, ended, attempts, waiting, resting })
}
