//! The watched folders of a pipeline: what is complete is taken, once, and becomes a task. What a look finds is the truth;
//! events only say when to look.

mod candidate;
mod events;
mod finished;
mod look;
mod take;

use std::collections::BTreeSet;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::plan::Plan;
use crate::apps::Complete;
use crate::context::Context;
use crate::error::{OrFail, Result};
use crate::ident::host;
use crate::storage::Storage;
use events::Events;
use look::Look;
use take::Taker;

/// The folder in a watched folder where files wait that were taken.
const WORK: &str = "work";
/// The folder for files whose documents were rejected, failed, or were taken out.
const ASIDE: &str = "rejected";
/// All is looked at this often, whatever events say.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// And where no events come.
const POLL_EVERY: Duration = Duration::from_secs(2);
/// Files that nobody knows, in the folder of those that were taken, are looked for this often.
const STRAYS_EVERY: Duration = Duration::from_secs(15);
/// After a failure it is waited so long.
const REST: Duration = Duration::from_secs(2);
/// A worker that ends when nothing waits waits for files that are not complete for so much longer than they need.
const LAST_PATIENCE: Duration = Duration::from_secs(10);

/// The watched folders, with the thread that looks into them.
pub(super) struct Inbox {
    shared: Arc<Shared>,
    bell: std::io::PipeWriter,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    is_stopped: AtomicBool,
    /// Nothing is to be taken, and nothing is about to be complete.
    is_empty: AtomicBool,
    /// A document has come to its end: its file may go.
    has_ended: AtomicBool,
}

impl Inbox {
    /// Starts to look; `news` rings when there may be new tasks, and `found` is told which. `None` where no folder is
    /// watched.
    ///
    /// # Errors
    /// When the system gives no thread; what the database says.
    pub(super) fn start(
        context: &Context,
        plan: &Arc<Plan>,
        app_id: i64,
        runtime: Option<String>,
        (news, found): (Sender<()>, Sender<i64>),
    ) -> Result<Option<Self>> {
        let folders = plan.folders();
        if folders.is_empty() {
            return Ok(None);
        }
        let (wake, bell) = std::io::pipe().or_fail(|| "make a pipe".to_owned())?;
        let shared = Arc::new(Shared::default());
        let taker = Taker {
            plan: Arc::clone(plan),
            app_id,
            runtime,
            host: host(),
            found,
            storage: Storage::open(context)?,
            pending: Vec::new(),
            in_hand: Vec::new(),
            known: BTreeSet::new(),
            unnoted_since: None,
        };
        let watching = Watching {
            shared: Arc::clone(&shared),
            events: Events::of(&folders, plan.definition.recursive),
            looks: folders.into_iter().map(Look::into).collect(),
            taker,
            news,
            strays: None,
            began: Instant::now(),
        };
        let thread = std::thread::Builder::new().name("inbox".to_owned());
        let thread = thread.spawn(move || watching.run(&wake)).or_fail(|| "start a thread".to_owned())?;
        Ok(Some(Self { shared, bell, thread: Some(thread) }))
    }

    /// Whether nothing is to be taken, and nothing is about to be complete.
    pub(super) fn is_empty(&self) -> bool {
        self.shared.is_empty.load(Ordering::Acquire)
    }

    /// A document has come to its end.
    pub(super) fn ended(&self) {
        if !self.shared.has_ended.swap(true, Ordering::AcqRel) {
            self.ring();
        }
    }

    fn ring(&self) {
        // a full pipe rings as well
        let _ = (&self.bell).write(&[1]);
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::Release);
        self.ring();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's own state.
struct Watching {
    shared: Arc<Shared>,
    events: Events,
    looks: Vec<Look>,
    taker: Taker,
    news: Sender<()>,
    strays: Option<Instant>,
    began: Instant,
}

impl Watching {
    fn run(mut self, wake: &std::io::PipeReader) {
        while !self.shared.is_stopped.load(Ordering::Acquire) {
            let began = Instant::now();
            let pause = self.pass().unwrap_or_else(|error| {
                log::warn!("the folders are looked at again in {} s: {error}", REST.as_secs());
                REST
            });
            // looking takes its time where there are very many files, and is not all that is done
            let pause = pause.max(began.elapsed());
            self.events.wait(wake.as_fd(), pause);
        }
        // what came to its end meanwhile; the next worker does what fails now
        if let Err(error) = self.taker.put_away() {
            log::debug!("files of documents that are done stay for now: {error}");
        }
    }

    /// Looks at all once; how long to wait.
    fn pass(&mut self) -> Result<Duration> {
        let mut next = if self.events.are_enough() { LOOK_EVERY } else { POLL_EVERY };
        let (mut is_empty, has_waited_enough) = (true, self.has_waited_enough());
        let stopped = Arc::clone(&self.shared);
        let is_stopped = move || stopped.is_stopped.load(Ordering::Acquire);
        self.shared.has_ended.store(false, Ordering::Release);
        self.taker.put_away()?;
        for look in &mut self.looks {
            let seen = look.pass(&self.taker.plan.definition);
            let count = self.taker.take_all(look, &seen.complete, &self.news, &is_stopped)?;
            if let Some(due) = seen.next {
                next = next.min(due);
            }
            is_empty = is_empty && !seen.is_cut && (seen.next.is_none() || has_waited_enough);
            self.taker.note(look, &seen, self.events.way())?;
            // what could not be taken is not waited for
            log::trace!("{count} files were taken from {}", look.folder.display());
        }
        self.taker.flush(&self.news)?;
        if self.strays.is_none_or(|looked| looked.elapsed() >= STRAYS_EVERY) {
            for look in &self.looks {
                self.taker.adopt(&look.folder, &self.news)?;
            }
            self.strays = Some(Instant::now());
        }
        self.shared.is_empty.store(is_empty, Ordering::Release);
        let _ = self.news.try_send(());
        Ok(next)
    }

    fn has_waited_enough(&self) -> bool {
        let needed = match &self.taker.plan.definition.complete {
            Complete::Quiet(quiet) => *quiet,
            Complete::Rename | Complete::Marker(_) | Complete::Lease => Duration::ZERO,
        };
        self.began.elapsed() > needed + LAST_PATIENCE
    }
}

fn work_folder(folder: &std::path::Path) -> PathBuf {
    folder.join(WORK)
}
