//! What an app writes while it runs: a bounded queue, one thread, batches into `logs`; progress and wishes beside it.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;

use crate::error::{Error, OrFail, Result, file_error};
use crate::tables::{LogLevel, LogRow, Progress, Store};

/// Records that wait for the database. When they are this many, whoever writes waits: nothing is dropped.
const QUEUE_MAX: usize = 10_000;
/// Records of one transaction.
const BATCH_MAX: usize = 5_000;
/// How long a record waits for company.
const LINGER: Duration = Duration::from_millis(100);
/// How often the progress of an app is written at the most.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);
/// How long a database that is busy or away is waited for, before records go to a file instead.
const PATIENCE: Duration = Duration::from_secs(120);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// The run whose output is kept.
#[derive(Debug, Clone)]
pub struct RunOfApp {
    /// The run's identity.
    pub runtime: String,
    /// The app's row.
    pub app_id: i64,
    /// When the run began.
    pub started_at: NaiveDateTime,
    /// Where records go that the database does not take.
    pub fallback: PathBuf,
}

/// What was captured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// Log records.
    pub lines: i64,
    /// Those of ERROR and above.
    pub exceptions: i64,
    /// The tasks of the app, as far as it told.
    pub task_size: Option<i64>,
    /// How many it solved.
    pub solved: i64,
    /// How many failed.
    pub failed: i64,
    /// Records that went to the fallback file, and why the database did not take them.
    pub set_aside: Option<(u64, String)>,
}

enum Item {
    Record(LogRow),
    Progress { task_size: Option<i64>, solved: Option<i64>, failed: Option<i64> },
    NextRun(NaiveDateTime),
}

/// The queue's open end. Cheap to share between the threads that read an app's streams.
pub struct Capture {
    sender: SyncSender<Item>,
    writer: JoinHandle<(Store, Captured)>,
}

impl Capture {
    /// Starts the thread that writes; it owns the store until [`Capture::finish`].
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(store: Store, run: RunOfApp) -> Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        let writer = Writer { store, run, captured: Captured::default(), told: None, batch: Vec::new() };
        let thread = std::thread::Builder::new().name("logs".to_owned());
        let writer =
            thread.spawn(move || writer.run(&receiver)).or_fail(|| "start a thread for the logs".to_owned())?;
        Ok(Self { sender, writer })
    }

    /// Queues a record; waits while the queue is full.
    pub fn record(&self, row: LogRow) {
        self.send(Item::Record(row));
    }

    /// Notes how far the app has come; what it does not say stays as it was.
    pub fn progress(&self, task_size: Option<i64>, solved: Option<i64>, failed: Option<i64>) {
        self.send(Item::Progress { task_size, solved, failed });
    }

    /// Notes when the app wishes to run next.
    pub fn next_run(&self, at: NaiveDateTime) {
        self.send(Item::NextRun(at));
    }

    /// Writes what is queued, and gives the store back with the counts.
    ///
    /// # Errors
    /// When the writing thread ended early, which is a fault of ours.
    pub fn finish(self) -> Result<(Store, Captured)> {
        drop(self.sender);
        self.writer.join().map_err(|_| Error::failed("write the last log records: the thread for the logs ended early"))
    }

    fn send(&self, item: Item) {
        // the thread lives until this end is dropped; if it died, finish() says so
        let _ = self.sender.send(item);
    }
}

struct Writer {
    store: Store,
    run: RunOfApp,
    captured: Captured,
    /// When progress was written last.
    told: Option<Instant>,
    batch: Vec<LogRow>,
}

impl Writer {
    fn run(mut self, items: &Receiver<Item>) -> (Store, Captured) {
        let mut next_run = None;
        let mut is_progress_new = false;
        loop {
            let first = if self.batch.is_empty() && !is_progress_new {
                items.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                items.recv_timeout(LINGER)
            };
            let mut ended = false;
            match first {
                Ok(item) => {
                    self.take(item, &mut next_run, &mut is_progress_new);
                    while self.batch.len() < BATCH_MAX
                        && let Ok(item) = items.try_recv()
                    {
                        self.take(item, &mut next_run, &mut is_progress_new);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => ended = true,
            }
            self.flush();
            if is_progress_new && (ended || self.told.is_none_or(|told| told.elapsed() >= PROGRESS_EVERY)) {
                self.tell_progress();
                is_progress_new = false;
            }
            if let Some(at) = next_run.take()
                && let Err(error) = self.store.set_next_run(self.run.app_id, Some(at))
            {
                log::warn!("the next run was not noted: {error}");
            }
            if ended {
                return (self.store, self.captured);
            }
        }
    }

    fn take(&mut self, item: Item, next_run: &mut Option<NaiveDateTime>, is_progress_new: &mut bool) {
        match item {
            Item::Record(row) => {
                self.captured.lines += 1;
                self.captured.exceptions += i64::from(row.level >= LogLevel::Error.id());
                self.batch.push(row);
            }
            Item::Progress { task_size, solved, failed } => {
                self.captured.task_size = task_size.or(self.captured.task_size);
                self.captured.solved = solved.unwrap_or(self.captured.solved);
                self.captured.failed = failed.unwrap_or(self.captured.failed);
                *is_progress_new = true;
            }
            Item::NextRun(at) => *next_run = Some(at),
        }
    }

    fn tell_progress(&mut self) {
        let Captured { task_size, solved, failed, .. } = self.captured;
        let progress = Progress { task_size, solved, failed, started_at: self.run.started_at };
        self.told = Some(Instant::now());
        if let Err(error) = self.store.set_progress(self.run.app_id, &progress) {
            log::warn!("the progress was not noted: {error}");
        }
    }

    /// Writes the batch. A merge of the app itself may hold an SQLite file for a while: then we wait, and the app only
    /// waits once the queue is full.
    fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let started = Instant::now();
        loop {
            let Err(error) = self.store.append_logs(&self.batch) else { break };
            if !error.is_temporary() || started.elapsed() > PATIENCE || self.captured.set_aside.is_some() {
                self.set_aside(&error);
                break;
            }
            std::thread::sleep(PAUSE);
        }
        self.batch.clear();
    }

    /// Keeps what the database does not take in a file, one record a line.
    fn set_aside(&mut self, reason: &Error) {
        let count = self.batch.len() as u64;
        if let Err(error) = append(&self.run.fallback, &self.batch) {
            log::error!("{count} log records are lost: {reason}; {error}");
        }
        let (known, _) = self.captured.set_aside.take().unwrap_or_default();
        self.captured.set_aside = Some((known + count, reason.to_string()));
    }
}

fn append(path: &PathBuf, rows: &[LogRow]) -> Result<()> {
    let fail = |cause| file_error(format!("write {}", path.display()), cause);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    let mut text = String::new();
    for row in rows {
        let line = serde_json::json!({
            "runtime": row.runtime, "app_id": row.app_id, "time": crate::clock::text(row.time),
            "level": row.level, "source": row.source, "message": row.message, "context": row.context,
        });
        text.push_str(&format!("{line}\n"));
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)
}
