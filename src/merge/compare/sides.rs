//! Both sides of a comparison, read at once: the input here, the table on another thread.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use super::active::{Ends, active_hashes, active_sum};
use super::same;
use crate::db::{ActiveSum, Database, Scope, Table};
use crate::error::{Error, Result};
use crate::merge::history::TakenInput;
use crate::merge::plan::progress::Progress;
use crate::merge::plan::scope::spelled;
use crate::merge::read::digest::{digest, key_of, length};
use crate::merge::read::ground::Ground;
use crate::merge::read::reject::Rejects;
use crate::merge::read::scan::{Scanned, scan};
use crate::merge::spool::Spool;

/// The two sides of a comparison.
pub(crate) enum Sides {
    /// The input was known, and the table holds what it left: so many active rows.
    Same(TakenInput, u64),
    Read(Box<Scanned>, Spool),
}

/// Hashes the input while another thread reads the hashes of the table.
pub(crate) fn read_both_sides(ground: &Ground<'_>, backend: &mut dyn Database, rejects: &mut Rejects) -> Result<Sides> {
    let Some(table) = &ground.table else {
        let scanned = scan(ground, None, rejects, |_, _| ControlFlow::Continue(()))?;
        return Ok(Sides::Read(Box::new(scanned), Spool::by_hash()));
    };
    if let Some(taken) = same::likely(ground, backend)? {
        if let Some(rows) = rows_if_same(ground, backend, table, &taken)? {
            return Ok(Sides::Same(taken, rows));
        }
        ground.merge.progress.tell(Progress::Reading { bytes: length(ground) });
    }
    let hash = |look: &mut dyn FnMut() -> ControlFlow<()>| scan(ground, None, rejects, |_, _| look());
    let (scanned, active) = beside_reading(ground, backend, table, hash, active_hashes)?;
    Ok(Sides::Read(Box::new(scanned), active))
}

/// The number of active rows, if the input is the one that was taken and the table holds what it left.
fn rows_if_same(
    ground: &Ground<'_>,
    backend: &mut dyn Database,
    table: &Table,
    taken: &TakenInput,
) -> Result<Option<u64>> {
    let Some(key) = key_of(&taken.digest) else { return Ok(None) };
    let look_through = |look: &mut dyn FnMut() -> ControlFlow<()>| digest(ground, key, look);
    let (input, active) = beside_reading(ground, backend, table, look_through, active_sum)?;
    let ActiveSum { rows, sum } = active;
    let is_same = input.with(ground, table, rows) == taken.digest && sum == taken.set_after as u64;
    Ok(is_same.then_some(rows))
}

/// Does `work` with the input while another thread does `read` with the table. What `work` is given breaks when the
/// reading failed; its error is the one that counts then.
fn beside_reading<W, R: Send>(
    ground: &Ground<'_>,
    backend: &mut dyn Database,
    table: &Table,
    work: impl FnOnce(&mut dyn FnMut() -> ControlFlow<()>) -> Result<W>,
    read: impl FnOnce(&mut dyn Database, &Table, &[Scope], Ends<'_>) -> Result<R> + Send,
) -> Result<(W, R)> {
    let (work_failed, read_failed) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let ends = (&ground.merge.cancellation, &work_failed);
            let done = spelled(backend, table, &ground.scope).and_then(|scopes| read(backend, table, &scopes, ends));
            done.inspect_err(|_| read_failed.store(true, Ordering::Relaxed))
        });
        let done = work(&mut || match read_failed.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        });
        if done.is_err() {
            work_failed.store(true, Ordering::Relaxed);
        }
        let ended = |_| Err(Error::failed("read the hashes of the table: the reading thread ended early"));
        let read = reading.join().unwrap_or_else(ended);
        // an error of the work may have ended the reading: it is the first
        let done = done?;
        Ok((done, read?))
    })
}
