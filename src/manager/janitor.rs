//! The janitor of stored files: on a thread of its own, since a bucket may be slow, and with a connection of its own. It
//! may end with the manager between any two steps.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::error::Result;
use crate::storage::{PruneFilesOptions, PruneFilesReport, Storage, StorageOptions};

/// How soon after the start it looks for the first time.
const FIRST_AFTER: Duration = Duration::from_secs(60);
/// How often it looks through the stores for what no row knows.
const STRAYS_EVERY: Duration = Duration::from_secs(24 * 3_600);

/// When the janitor of a manager works.
pub(super) struct Janitor {
    started: Instant,
    looked: Option<Instant>,
    swept: Option<Instant>,
    working: Option<JoinHandle<()>>,
}

impl Default for Janitor {
    fn default() -> Self {
        Self { started: Instant::now(), looked: None, swept: None, working: None }
    }
}

impl Janitor {
    /// Has it work where it is time to.
    ///
    /// # Errors
    /// Settings.
    pub(super) fn look(&mut self, context: &Context) -> Result<()> {
        if self.working.as_ref().is_some_and(|working| !working.is_finished()) {
            return Ok(());
        }
        let every = StorageOptions::of(context.settings())?.prune_every;
        let is_time = match self.looked {
            Some(looked) => looked.elapsed() >= every,
            None => self.started.elapsed() >= FIRST_AFTER.min(every),
        };
        if !is_time {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let strays = self.swept.is_none_or(|swept| swept.elapsed() >= STRAYS_EVERY);
        if strays {
            self.swept = Some(Instant::now());
        }
        let context = context.clone();
        let work = move || match work(&context, strays) {
            Ok(report) => tell(&report),
            Err(error) if context.cancellation().is_cancelled() => log::debug!("the janitor was ended: {error}"),
            Err(error) => log::warn!("the janitor of stored files goes on later: {error}"),
        };
        match std::thread::Builder::new().name("janitor".to_owned()).spawn(work) {
            Ok(working) => self.working = Some(working),
            Err(cause) => log::warn!("the janitor of stored files could not start: {cause}"),
        }
        Ok(())
    }
}

fn work(context: &Context, strays: bool) -> Result<PruneFilesReport> {
    Storage::open(context)?.prune(PruneFilesOptions { dry_run: false, strays })
}

fn tell(report: &PruneFilesReport) {
    let PruneFilesReport { names, files, strays, away, .. } = report;
    if names + strays > 0 {
        log::info!("stored files: {names} names expired, {files} files and {strays} strays were deleted");
    }
    for (store, reason) in away {
        log::warn!("the store {store} was left out: {reason}");
    }
}
