//! How far an app has come, and when it wishes to run next: the newest word is written, a few times a second, by a
//! thread that owns the connection. Whoever notes it goes on at once. The same thread does, now and then, what else the
//! run needs of the database: its beat.

use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;

use crate::error::{OrFail, Result};
use crate::ident::RuntimeId;
use crate::tables::{Progress, Store};

/// How often it is written at the most.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// What a run does with its database now and then, beside its progress; it tells in how long it wants to do so again.
pub type Beat = Box<dyn FnMut(&mut Store) -> Option<Duration> + Send>;

/// The heart of a run.
pub struct Heart {
    /// How long before the first beat.
    pub first: Duration,
    /// What is done.
    pub beat: Beat,
}

/// Takes the words of one run.
pub(super) struct ProgressWriter {
    shared: Arc<Shared>,
    /// Gives the store back at the end.
    store: Mutex<Receiver<Store>>,
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
    pub(super) fn start(mut store: Store, run: RuntimeId, started_at: NaiveDateTime, heart: Heart) -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let thread = std::thread::Builder::new().name("progress".to_owned());
        let (give, taken) = mpsc::sync_channel(1);
        let worker = thread.spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.write(&mut store, &run, started_at, heart);
                // whoever waited for it may have given up
                let _ = give.send(store);
            }
        });
        worker.or_fail(|| "start a thread for the app's progress".to_owned())?;
        Ok(Self { shared, store: Mutex::new(taken) })
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

    /// What was told last.
    pub(super) fn latest(&self) -> Latest {
        self.shared.lock().latest
    }

    /// Writes what was told last, and gives the store back; `None` when the database does not answer for so long.
    pub(super) fn finish(self, limit: Duration) -> Option<Store> {
        self.shared.lock().has_ended = true;
        self.shared.changed.notify_one();
        self.store.into_inner().unwrap_or_else(PoisonError::into_inner).recv_timeout(limit).ok()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, store: &mut Store, run: &RuntimeId, started_at: NaiveDateTime, mut heart: Heart) {
        let mut written: Option<Instant> = None;
        let mut beat_at = Instant::now().checked_add(heart.first);
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let due_at = written.map_or(now, |written| written + WRITE_EVERY);
            let is_due = state.has_ended || now >= due_at;
            let next_run = state.next_run.take();
            let progress = (state.is_new && is_due).then_some(state.latest);
            let beats = !state.has_ended && beat_at.is_some_and(|beat_at| now >= beat_at);
            if next_run.is_none() && progress.is_none() && !beats {
                if state.has_ended {
                    return;
                }
                let wake_at = beat_at.into_iter().chain(state.is_new.then_some(due_at)).min();
                state = match wake_at {
                    Some(wake_at) => {
                        let rest = wake_at.saturating_duration_since(now);
                        self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0
                    }
                    None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                };
                continue;
            }
            state.is_new &= progress.is_none();
            drop(state);
            if let Some(Latest { task_size, solved, failed }) = progress {
                written = Some(Instant::now());
                let told = store.apps().set_progress(run, &Progress { task_size, solved, failed, started_at });
                warn("the progress", told);
            }
            if let Some(at) = next_run {
                warn("the next run", store.apps().set_next_run(run, Some(at)));
            }
            if beats {
                beat_at = (heart.beat)(store).and_then(|pause| Instant::now().checked_add(pause));
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
