//! Apps that have outlived their runs: the `dc run` of such an app was killed here while no manager of this machine saw it,
//! and another machine closed the run when its lease was over. It may run there again, so what is left here is ended.

use std::collections::BTreeSet;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;

use super::owner::Owner;
use super::runs::grace_of;
use crate::apps::{ProcessIdentity, end_survivors};
use crate::context::Context;
use crate::error::Result;
use crate::tables::{RunRow, Store};

/// How often it is looked for them.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Runs that are looked at, the last ones first.
const RUNS_MAX: i64 = 500;

/// What is known of the runs of this machine that others have closed.
#[derive(Default)]
pub(super) struct Outlived {
    looked: Option<Instant>,
    /// Those of which nothing is left.
    done: BTreeSet<String>,
    /// Ending what is left takes its grace.
    ending: Option<JoinHandle<Vec<String>>>,
}

impl Outlived {
    /// Ends what is left of runs whose end nobody saw and whose `dc run` is gone, as it can be seen from here. `now` is of
    /// the database's clock.
    ///
    /// # Errors
    /// What the database says.
    pub(super) fn look(&mut self, context: &Context, store: &mut Store, now: NaiveDateTime) -> Result<()> {
        if self.ending.as_ref().is_some_and(|ending| !ending.is_finished()) {
            return Ok(());
        }
        if let Some(ended) = self.ending.take().and_then(|ending| ending.join().ok()) {
            self.done.extend(ended);
        }
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let space = ProcessIdentity::own()?.space;
        let Some(namespaces) = space.namespaces else { return Ok(()) };
        let closed = store.runs().guessed(&space.boot, &namespaces, RUNS_MAX)?;
        self.done.retain(|known| closed.iter().any(|run| run.runtime == *known));
        let mut left = Vec::new();
        for run in closed.into_iter().filter(|run| !self.done.contains(&run.runtime)) {
            // a `dc run` that lives finds by itself that its run is closed
            if Owner::of_run(&run, now) == Owner::Gone {
                let grace = grace_of(context, store, &run)?;
                left.push((run, grace));
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        match std::thread::Builder::new().name("outlived".to_owned()).spawn(move || end_all(left)) {
            Ok(ending) => self.ending = Some(ending),
            Err(cause) => log::warn!("what is left of runs that others have closed is ended later: {cause}"),
        }
        Ok(())
    }
}

/// Those of which nothing is left now.
fn end_all(runs: Vec<(RunRow, Duration)>) -> Vec<String> {
    let end = |(run, grace): (RunRow, Duration)| match end_survivors(&run.runtime, grace) {
        Ok(count) => {
            if count > 0 {
                let reason = run.reason.unwrap_or_default();
                log::warn!("{count} processes of run {} of {} were ended: {reason}", run.runtime, run.app);
            }
            Some(run.runtime)
        }
        Err(error) => {
            log::error!("run {} of {} was closed, and goes on here: {error}", run.runtime, run.app);
            None
        }
    };
    runs.into_iter().filter_map(end).collect()
}
