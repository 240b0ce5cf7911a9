//! How far an app has come, and when it wishes to run next: the newest word is written, a few times a second, by a
//! thread that owns the connection. Whoever notes it goes on at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;

use crate::error::{Error, OrFail, Result};
use crate::tables::{Progress, Store};

/// How often it is written at the most.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// Takes the words of one run.
pub(super) struct ProgressWriter {
    shared: Arc<Shared>,
    worker: JoinHandle<Store>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    latest: Latest,
    /// What was not written yet.
    is_new: bool,
    next_run: Option<NaiveDateTime>,
    has_ended: bool,
}

/// What the app has told last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Latest {
    pub(super) task_size: Option<i64>,
    pub(super) solved: i64,
    pub(super) failed: i64,
}

impl ProgressWriter {
    pub(super) fn start(store: Store, app_id: i64, started_at: NaiveDateTime) -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let thread = std::thread::Builder::new().name("progress".to_owned());
        let worker = thread.spawn({
            let shared = Arc::clone(&shared);
            move || shared.write(store, app_id, started_at)
        });
        let worker = worker.or_fail(|| "start a thread for the app's progress".to_owned())?;
        Ok(Self { shared, worker })
    }

    /// Notes what the app told; what it did not say stays.
    pub(super) fn note(&self, task_size: Option<i64>, solved: Option<i64>, failed: Option<i64>) {
        let mut state = self.shared.lock();
        let latest = &mut state.latest;
        latest.task_size = task_size.or(latest.task_size);
        latest.solved = solved.unwrap_or(latest.solved);
        latest.failed = failed.unwrap_or(latest.failed);
        state.is_new = true;
        drop(state);
        self.shared.changed.notify_one();
    }

    pub(super) fn note_next_run(&self, at: NaiveDateTime) {
        self.shared.lock().next_run = Some(at);
        self.shared.changed.notify_one();
    }

    /// The store, and what was told last.
    pub(super) fn finish(self) -> Result<(Store, Latest)> {
        self.shared.lock().has_ended = true;
        self.shared.changed.notify_one();
        let ended = |_| Error::failed("write the app's progress: its thread ended early");
        let store = self.worker.join().map_err(ended)?;
        let latest = self.shared.lock().latest;
        Ok((store, latest))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, mut store: Store, app_id: i64, started_at: NaiveDateTime) -> Store {
        let mut written: Option<Instant> = None;
        let mut state = self.lock();
        loop {
            let due_at = written.map_or_else(Instant::now, |written| written + WRITE_EVERY);
            let is_due = state.has_ended || Instant::now() >= due_at;
            let next_run = state.next_run.take();
            let progress = (state.is_new && is_due).then_some(state.latest);
            if next_run.is_none() && progress.is_none() {
                if state.has_ended {
                    return store;
                }
                state = match state.is_new {
                    true => {
                        let rest = due_at.saturating_duration_since(Instant::now());
                        self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0
                    }
                    false => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                };
                continue;
            }
            state.is_new &= progress.is_none();
            drop(state);
            if let Some(Latest { task_size, solved, failed }) = progress {
                written = Some(Instant::now());
                let told = store.apps().set_progress(app_id, &Progress { task_size, solved, failed, started_at });
                warn("the progress", told);
            }
            if let Some(at) = next_run {
                warn("the next run", store.apps().set_next_run(app_id, Some(at)));
            }
            state = self.lock();
        }
    }
}

fn warn(what: &str, written: Result<()>) {
    if let Err(error) = written {
        log::warn!("{what} of the app was not noted: {error}");
    }
}
