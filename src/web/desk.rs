//! Who reads the database for pages: a few threads with connections of their own that can only read. What more viewers
//! ask for waits in a short line, and is refused where the line is full; nobody else ever waits for them.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::context::Context;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::ops::dashboard::RunMemory;
use crate::tables::Store;

/// So many pages are read at once.
const THREADS: usize = 3;
/// So many wait for their turn.
const LINE_MAX: usize = 64;
/// How long a statement may take.
const STATEMENT_LIMIT: Duration = Duration::from_secs(5);
/// How long a page may take in all.
const PAGE_LIMIT: Duration = Duration::from_secs(12);

type Job = Box<dyn FnOnce(&mut Reader) + Send>;

/// The threads that read.
#[derive(Clone)]
pub(super) struct Desk(SyncSender<Job>);

/// What a thread reads with.
pub(super) struct Reader {
    context: Context,
    store: Option<Store>,
    memory: RunMemory,
}

/// What a question is answered from.
pub(super) struct Sight<'a> {
    pub(super) context: &'a Context,
    pub(super) store: &'a mut Store,
    pub(super) memory: &'a mut RunMemory,
}

impl Desk {
    /// Starts the threads.
    ///
    /// # Errors
    /// When no thread can be had.
    pub(super) fn start(context: &Context) -> Result<Self> {
        let (sender, jobs) = sync_channel::<Job>(LINE_MAX);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..THREADS {
            let (jobs, reader) = (Arc::clone(&jobs), Reader::new(context));
            let thread = std::thread::Builder::new().name("web-reads".to_owned());
            thread.spawn(move || work(&jobs, reader)).or_fail(|| "start a thread for the dashboard".to_owned())?;
        }
        Ok(Self(sender))
    }

    /// Asks the database, on one of the threads.
    ///
    /// # Errors
    /// Busy when too many ask; timeout; what the database says.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Sight<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |reader| {
            // who has gone away needs no answer
            if !answer.is_closed() {
                let _ = answer.send(reader.ask(work));
            }
        });
        self.0.try_send(job).map_err(|cause| match cause {
            TrySendError::Full(_) => Error::new(ErrorKind::Busy, "read this page: many others are being read"),
            TrySendError::Disconnected(_) => Error::failed("read this page: nothing reads any more"),
        })?;
        match timeout(PAGE_LIMIT, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Error::failed("read this page: its reader has ended")),
            Err(_) => Err(Error::new(ErrorKind::Timeout, "read this page: the database does not answer")),
        }
    }
}

impl Reader {
    pub(super) fn new(context: &Context) -> Self {
        Self { context: context.clone(), store: None, memory: RunMemory::default() }
    }

    pub(super) fn ask<T>(&mut self, work: impl FnOnce(&mut Sight<'_>) -> Result<T>) -> Result<T> {
        let mut store = match self.store.take() {
            Some(store) => store,
            None => Store::reading(&self.context, STATEMENT_LIMIT)?,
        };
        let answer = work(&mut Sight { context: &self.context, store: &mut store, memory: &mut self.memory });
        // after a failure that may come from the connection the next page gets another one
        let is_broken = answer.as_ref().err().is_some_and(Error::is_temporary);
        self.store = Some(store).filter(|_| !is_broken);
        answer
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, mut reader: Reader) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // a page that panics is logged, and costs nobody else theirs
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&mut reader)));
        if done.is_err() {
            reader = Reader::new(&reader.context);
        }
    }
}
