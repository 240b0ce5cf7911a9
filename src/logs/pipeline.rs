//! The pipeline: a queue, one thread that routes, and a lane for each sink.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::SINKS;
use super::backlog::Backlog;
use super::folder::Folder;
use super::lane::{Lane, LaneReport};
use super::lines::Lines;
use super::own::{in_pipeline, own_line};
use super::queue::{Queue, Taken};
use super::sink::Sink;
use crate::context::Context;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::settings::LogSettings;
use crate::tables::LogLevel;

/// The most bytes of a sink's name: it is part of file names.
const NAME_BYTES_MAX: usize = 32;

type Lanes = RwLock<Vec<Arc<Lane>>>;

/// Where records go in, and everything behind it.
///
/// At a kill of the process at most the 10,000 records of the queue and the 10,000 that wait in memory for a sink are
/// lost; while a sink is slow or away its records wait on disk and survive.
pub struct Pipeline {
    queue: Arc<Queue>,
    lanes: Arc<Lanes>,
    folder: Arc<Folder>,
    router: Mutex<Option<JoinHandle<()>>>,
    settings: LogSettings,
}

impl Pipeline {
    /// A pipeline without sinks.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(settings: &LogSettings) -> Result<Self> {
        let (queue, lanes) = (Arc::new(Queue::new(settings.full)), Arc::new(Lanes::default()));
        let router = std::thread::Builder::new().name("log router".to_owned());
        let router = router.spawn({
            let (queue, lanes) = (Arc::clone(&queue), Arc::clone(&lanes));
            move || in_pipeline(|| route(&queue, &lanes))
        });
        let router = router.or_fail(|| "start a thread for the log".to_owned())?;
        Ok(Self {
            queue,
            lanes,
            folder: Arc::new(Folder::new(&settings.folder)),
            router: Mutex::new(Some(router)),
            settings: settings.clone(),
        })
    }

    /// Adds sinks by their names in [`SINKS`].
    ///
    /// # Errors
    /// Settings, for an unknown name or a field of its section.
    pub fn open_sinks<'a>(&self, context: &Context, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
        for name in names {
            let Some(entry) = SINKS.iter().find(|entry| entry.name == name) else {
                let known: Vec<&str> = SINKS.iter().map(|entry| entry.name).collect();
                return Err(Error::new(ErrorKind::Settings, format!("open the log sink `{name}`: there is none"))
                    .hint(format!("sinks: {}", known.join(", "))));
            };
            let section = format!("log.{name}");
            let sink = (entry.open)(context, context.settings().section(&section))?;
            self.append_sink(name, sink)?;
        }
        Ok(())
    }

    /// Adds a sink; it gets what is written from now on, and what earlier processes could not deliver to this name.
    ///
    /// # Errors
    /// Usage, for a name that is taken or cannot be part of a file's name.
    pub fn append_sink(&self, name: &str, sink: Box<dyn Sink>) -> Result<()> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_plain) {
            let message = format!("take `{name}` as the name of a log sink");
            return Err(Error::new(ErrorKind::Usage, message).hint("letters, digits, `_` and `-`"));
        }
        let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
        if lanes.iter().any(|lane| lane.name() == name) {
            return Err(Error::new(ErrorKind::Usage, format!("add the log sink `{name}`: there is one of this name")));
        }
        let backlog = Backlog::new(Arc::clone(&self.folder), name, self.settings.waiting_bytes_max);
        let lane = Lane::start(name, sink, self.settings.full, Arc::clone(&self.folder), backlog)?;
        lanes.push(Arc::new(lane));
        Ok(())
    }

    /// Waits until all that was written before is delivered or on disk; false when that takes longer than `limit`.
    pub fn flush(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        self.queue.wait_until_empty(until) && self.lanes().iter().all(|lane| lane.wait_until_settled(until))
    }

    /// Ends the pipeline: delivers for at most `limit`, or up to six times as long while a sink takes what it is given,
    /// and leaves on disk what is left, for the next process.
    pub fn finish(&self, limit: Duration) -> Vec<LaneReport> {
        let until = Instant::now() + limit;
        let router = self.router.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.queue.close();
        self.queue.wait_until_empty(until);
        let lanes = self.lanes();
        for lane in &lanes {
            lane.tell_dropped(true);
            lane.close(limit);
        }
        lanes.iter().for_each(|lane| lane.end());
        // no lane keeps it waiting any more
        if let Some(router) = router {
            let _ = router.join();
        }
        self.folder.release();
        lanes.iter().map(|lane| lane.report()).collect()
    }

    /// Writes a record of the level INFO, for a program that has no logger.
    pub fn note(&self, message: &str) {
        self.push(&own_line(LogLevel::Info, message));
    }

    /// Adds a line with its line feed.
    pub(super) fn push(&self, line: &[u8]) {
        self.queue.push(line);
    }

    /// Whether a sink that works has filled half of its room on disk: more would be lost in the end.
    pub(super) fn is_far_behind(&self) -> bool {
        self.lanes().iter().any(|lane| lane.is_slow(self.settings.waiting_bytes_max / 2))
    }

    pub(super) fn queue(&self) -> Arc<Queue> {
        Arc::clone(&self.queue)
    }

    fn lanes(&self) -> Vec<Arc<Lane>> {
        self.lanes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if self.router.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            self.finish(self.settings.flush);
        }
    }
}

/// The router: what is in the queue goes to every lane. It waits for none of them, unless it was told to.
fn route(queue: &Queue, lanes: &Lanes) {
    while let Some(Taken { lines, dropped }) = queue.take() {
        let lanes = lanes.read().unwrap_or_else(PoisonError::into_inner).clone();
        let lines: Arc<Lines> = Arc::new(lines);
        for lane in &lanes {
            lane.count_dropped(dropped);
            if !lines.is_empty() {
                lane.offer(&lines);
            }
            lane.tell_dropped(false);
        }
    }
}
