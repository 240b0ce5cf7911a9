//! The first load of a table that is still to be made: one pass over the input, straight into a table without an
//! index. The start of the input foretells the columns; where it was wrong, the merge begins anew with two passes.

use std::ops::ControlFlow;
use std::sync::mpsc::SyncSender;

use chrono::NaiveDateTime;

use super::load::side_by_side;
use super::retire::retire;
use super::shape::make_table;
use crate::db::{Database, Gone, Table};
use crate::error::Result;
use crate::merge::compare::active::active_hashes;
use crate::merge::compare::join::twins;
use crate::merge::compare::twins::reject_other_keys;
use crate::merge::read::ground::Ground;
use crate::merge::read::reject::Rejects;
use crate::merge::read::scan::{Rowed, Scanned, foresee, scan};
use crate::merge::spool::Spool;

/// How much of an input foretells its columns.
const FORETELLING_CHUNKS: usize = 16;

/// What has been loaded.
pub(crate) struct First {
    pub(crate) table: Table,
    pub(crate) scanned: Scanned,
    /// Rows that the database counted.
    pub(crate) inserted: u64,
    /// Records that stood in the input before; they are no longer in the table.
    pub(crate) duplicate: u64,
    /// Records that share a hash with an earlier one and have another key; they are not in the table either.
    pub(crate) bad: u64,
    /// The sum of the hashes that are in the table.
    pub(crate) set: u128,
}

/// Makes the table and loads everything; `None` when the input is not as its start foretold, and then there may be
/// anything in the table.
pub(crate) fn load_first(
    ground: &Ground<'_>,
    backend: &mut dyn Database,
    rejects: &mut Rejects,
    moment: NaiveDateTime,
) -> Result<Option<First>> {
    let foretold = foresee(ground, Some(FORETELLING_CHUNKS))?;
    let columns = ground.columns_to_make(&foretold);
    if columns.is_empty() {
        return Ok(None);
    }
    let table = make_table(ground, backend, &columns)?;
    let ground = &ground.foretold(&table)?;
    let written = ground.written_columns(&table);
    let make = |sender: &SyncSender<Rowed>| {
        let mut is_other = false;
        let scanned = scan(ground, Some(&written), rejects, |survey, rowed| {
            is_other = rowed.batch.is_none() || !foretold.covers(survey);
            // where nobody takes the rows any more, the taking side has failed
            if is_other || sender.send(rowed).is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        scanned.map(|scanned| (!is_other).then_some(scanned))
    };
    let (loaded, scanned) = side_by_side(make, |rows| {
        let mut held = None;
        let mut next = || {
            ground.merge.cancellation.check()?;
            // the batch before this one is written: what it held is needed to read on
            held = None;
            let Ok(Rowed { batch, permit }) = rows.recv() else { return Ok(None) };
            held = Some(permit);
            Ok(batch)
        };
        let loaded = backend.insert_all(&table, &written, &mut next, moment);
        drop(held);
        loaded
    });
    let Some(inserted) = loaded? else { return Ok(None) };
    let Some(scanned) = scanned? else { return Ok(None) };
    if scanned.read > 0 {
        ground.reader.wanted.check(Some(&table))?;
    }
    let (twice, set_twice) = duplicates(&scanned.entries)?;
    let set = scanned.entries.sum().wrapping_sub(set_twice);
    let mut bad = 0;
    if twice > 0 {
        if !ground.merge.key.is_empty() {
            let twins = twins(&scanned.entries, ground.end())?;
            bad = reject_other_keys(ground, backend, &table, &twins, rejects)?.len() as u64;
        }
        remove_duplicates(ground, backend, &table, moment)?;
    }
    Ok(Some(First { table, scanned, inserted, duplicate: twice - bad, bad, set }))
}

/// How many entries have a hash that came before, and the sum of their hashes.
fn duplicates(entries: &Spool) -> Result<(u64, u128)> {
    let (mut count, mut sum, mut some) = (0, 0_u128, Vec::new());
    for bucket in 0..entries.buckets() {
        entries.read(bucket, &mut some)?;
        for pair in some.windows(2).filter(|pair| pair[0].hash == pair[1].hash) {
            count += 1;
            sum = sum.wrapping_add(pair[1].hash);
        }
    }
    Ok((count, sum))
}

/// Of rows with one hash the first stays. In a table that was just filled, places are in the order of the input.
fn remove_duplicates(
    ground: &Ground<'_>,
    backend: &mut dyn Database,
    table: &Table,
    moment: NaiveDateTime,
) -> Result<()> {
    let rows = active_hashes(backend, table, &[Vec::new()], (&ground.merge.cancellation, &Default::default()))?;
    let (mut twice, mut some) = (Spool::by_hash(), Vec::new());
    for bucket in 0..rows.buckets() {
        rows.read(bucket, &mut some)?;
        let later = some.windows(2).filter(|pair| pair[0].hash == pair[1].hash).map(|pair| pair[1]);
        later.into_iter().try_for_each(|entry| twice.push(entry))?;
    }
    retire(backend, table, &twice, (Gone::Delete, moment), &ground.merge.cancellation)
}
