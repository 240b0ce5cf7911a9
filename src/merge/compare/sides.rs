//! Both sides of a comparison, read at once: the input here, the table on another thread.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use super::active::active_hashes;
use super::same;
use crate::db::{Database, Table};
use crate::error::{Error, Result};
use crate::merge::history::{TakenInput, set_text};
use crate::merge::plan::progress::Progress;
use crate::merge::plan::scope::spelled;
use crate::merge::read::digest::{digest, length};
use crate::merge::read::ground::Ground;
use crate::merge::read::reject::Rejects;
use crate::merge::read::scan::{Scanned, scan};
use crate::merge::spool::Spool;

/// The two sides of a comparison.
pub(crate) enum Sides {
    /// The input was known, and the table holds what it left.
    Same(TakenInput, Spool),
    Read(Box<Scanned>, Spool),
}

/// Hashes the input while another thread reads the hashes of the table.
pub(crate) fn read_both_sides(ground: &Ground<'_>, backend: &mut dyn Database, rejects: &mut Rejects) -> Result<Sides> {
    let go_on = || ControlFlow::Continue(());
    let Some(table) = &ground.table else {
        return Ok(Sides::Read(Box::new(scan(ground, None, rejects, |_, _| go_on())?), Spool::by_hash()));
    };
    let likely = same::likely(ground, backend)?;
    if likely.is_empty() {
        let (scanned, active) =
            beside_reading(ground, backend, table, |look| scan(ground, None, rejects, |_, _| look()))?;
        return Ok(Sides::Read(Box::new(scanned), active));
    }
    let (input, active) = beside_reading(ground, backend, table, |look| digest(ground, look))?;
    let (digest, set) = (input.with(ground, table)?, set_text(active.sum()));
    match likely.into_iter().find(|taken| taken.digest == digest && taken.set_after == set) {
        Some(taken) => Ok(Sides::Same(taken, active)),
        None => {
            ground.merge.progress.tell(Progress::Reading { bytes: length(ground) });
            Ok(Sides::Read(Box::new(scan(ground, None, rejects, |_, _| go_on())?), active))
        }
    }
}

/// Does `work` while another thread reads the hashes of the table. What `work` is given breaks when the reading failed;
/// its error is the one that counts then.
fn beside_reading<T>(
    ground: &Ground<'_>,
    backend: &mut dyn Database,
    table: &Table,
    work: impl FnOnce(&mut dyn FnMut() -> ControlFlow<()>) -> Result<T>,
) -> Result<(T, Spool)> {
    let (work_failed, read_failed) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let ends = (&ground.merge.cancellation, &work_failed);
            let active =
                spelled(backend, table, &ground.scope).and_then(|scopes| active_hashes(backend, table, &scopes, ends));
            active.inspect_err(|_| read_failed.store(true, Ordering::Relaxed))
        });
        let done = work(&mut || match read_failed.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        });
        if done.is_err() {
            work_failed.store(true, Ordering::Relaxed);
        }
        let ended = |_| Err(Error::failed("read the hashes of the table: the reading thread ended early"));
        let active = reading.join().unwrap_or_else(ended);
        // an error of the work may have ended the reading: it is the first
        let done = done?;
        Ok((done, active?))
    })
}
