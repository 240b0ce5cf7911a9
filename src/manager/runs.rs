//! The runs that go on: their leases renewed where we see that they live, and closed when their `dc run` is gone, or not
//! heard of any more.

use std::collections::BTreeMap;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;

use super::owner::{Owner, UNHEARD_PATIENCE, unheard_words};
use crate::apps::{AppDefinition, end_survivors};
use crate::context::Context;
use crate::ends::Ends;
use crate::error::Result;
use crate::tables::{Ending, RunEnd, RunOutcome, RunRow, Store, is_short};

/// What a manager does for the runs that go on.
#[derive(Default)]
pub(super) struct Care {
    /// Those that are being closed: each on a thread, since ending what is left takes its grace.
    closing: BTreeMap<String, JoinHandle<()>>,
    /// Those whose lease was seen over: which one, and since when.
    over: BTreeMap<String, (Option<NaiveDateTime>, Instant)>,
}

impl Care {
    /// Renews the leases of the runs that live beside us, in one statement, so that each `dc run` need not. Closes those
    /// whose `dc run` is gone, after what is left of the app was ended, and those of elsewhere whose lease is over: as
    /// ORPHAN_PID, which gives way to the true end. `now` is of the database's clock.
    ///
    /// # Errors
    /// When the leases cannot be written.
    pub(super) fn look(
        &mut self,
        context: &Context,
        store: &mut Store,
        open: &[RunRow],
        now: NaiveDateTime,
    ) -> Result<()> {
        let lease = context.settings().run.lease;
        self.closing.retain(|_, closing| !closing.is_finished());
        let (mut alive, mut over) = (Vec::new(), BTreeMap::new());
        for run in open {
            match Owner::of_run(run, now) {
                // early enough that its own `dc run` finds nothing to do; that of an older dc would not go on with it
                Owner::Alive if run.lease_until.is_some() && is_short(run.lease_until, now, lease * 4 / 3) => {
                    alive.push(run.runtime.as_str());
                }
                Owner::Gone => self.close(context, run, close_orphan),
                Owner::Unheard => {
                    let known = self.over.get(&run.runtime).filter(|(lease, _)| *lease == run.lease_until);
                    let (lease, since) = known.copied().unwrap_or((run.lease_until, Instant::now()));
                    if since.elapsed() >= UNHEARD_PATIENCE {
                        self.close(context, run, close_unheard);
                    }
                    over.insert(run.runtime.clone(), (lease, since));
                }
                Owner::Alive | Owner::Leased | Owner::Unknown => {}
            }
        }
        self.over = over;
        store.runs().renew_all(&alive, lease)
    }

    /// Forgets whose lease was seen over: the database was away, and owners could not be heard of.
    pub(super) fn forget(&mut self) {
        self.over.clear();
    }

    /// How many are being closed.
    pub(super) fn count(&self) -> usize {
        self.closing.len()
    }

    fn close(&mut self, context: &Context, run: &RunRow, how: fn(&Context, &RunRow) -> Result<()>) {
        if self.closing.contains_key(&run.runtime) {
            return;
        }
        let (context, run) = (context.clone(), run.clone());
        let name = run.runtime.clone();
        let close = move || {
            if let Err(error) = how(&context, &run) {
                log::error!("run {} of {} was left behind and cannot be closed: {error}", run.runtime, run.app);
            }
        };
        match std::thread::Builder::new().name("orphan".to_owned()).spawn(close) {
            Ok(closing) => drop(self.closing.insert(name, closing)),
            Err(error) => log::error!("an orphan is left for the next look: {error}"),
        }
    }
}

fn close_orphan(context: &Context, run: &RunRow) -> Result<()> {
    let mut store = Store::ready(context)?;
    let grace = grace_of(context, &mut store, run)?;
    close_gone(context, &mut store, run, grace).map(drop)
}

/// How long the app of a run has to end.
pub(super) fn grace_of(context: &Context, store: &mut Store, run: &RunRow) -> Result<Duration> {
    let definition = store.apps().by_id(run.app_id)?.and_then(|app| AppDefinition::from_json(&app.definition).ok());
    Ok(definition.and_then(|definition| definition.grace).unwrap_or(context.settings().run.grace))
}

/// Closes a run of this machine whose `dc run` is gone: what is left of its app is ended. Its true end is recorded, where
/// its `dc run` had written it down, and else a guess. Returns how many processes were left.
///
/// # Errors
/// Busy, when some cannot be ended; what the database says.
pub fn close_gone(context: &Context, store: &mut Store, run: &RunRow, grace: Duration) -> Result<usize> {
    let count = end_survivors(&run.runtime, grace)?;
    if Ends::of(context.settings()).deliver_one(&run.runtime, store)? {
        return Ok(count);
    }
    let now = store.now()?;
    if store.runs().end(&run.runtime.parse()?, &RunEnd::orphan(run, now))? == Ending::Closed {
        log::warn!("the `dc run` of {} was gone; {count} processes of run {} were ended", run.app, run.runtime);
    }
    Ok(count)
}

fn close_unheard(context: &Context, run: &RunRow) -> Result<()> {
    close_lost(&mut Store::ready(context)?, run).map(drop)
}

/// Closes a run of elsewhere whose lease is over, unless it was renewed since the row was read; whether it was closed.
///
/// # Errors
/// What the database says.
pub fn close_lost(store: &mut Store, run: &RunRow) -> Result<bool> {
    let reason = unheard_words(run);
    let guess = RunEnd::guess(run, store.now()?, RunOutcome::OrphanPid, reason.clone());
    let is_closed = store.runs().give_up(run, &guess)? == Ending::Closed;
    if is_closed {
        log::warn!("run {} of {} was closed: {reason}", run.runtime, run.app);
    }
    Ok(is_closed)
}
