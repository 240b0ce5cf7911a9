//! The incoming hashes against those of the active rows, bucket by bucket: what is new, unchanged, twice, gone.

use crate::error::Result;
use crate::merge::spool::{Entry, Spool};

/// What differs between the input and the table.
pub(crate) struct Joined {
    /// Hash and place of the records that the table lacks, by place: they are inserted in the order of the input.
    pub(crate) new: Spool,
    /// Hash and row of the active rows that the input lacks.
    pub(crate) gone: Spool,
    pub(crate) unchanged: u64,
    pub(crate) duplicate: u64,
    /// Hash and place of all records whose hash stands more than once in the input, by place; only if asked for.
    pub(crate) twins: Option<Spool>,
}

/// Compares the two sides; `end` is above every place in the input.
pub(crate) fn join(incoming: &Spool, active: &Spool, end: u64, with_twins: bool) -> Result<Joined> {
    let mut joined = Joined {
        new: Spool::by_place(end),
        gone: Spool::by_hash(),
        unchanged: 0,
        duplicate: 0,
        twins: with_twins.then(|| Spool::by_place(end)),
    };
    let (mut records, mut rows) = (Vec::new(), Vec::new());
    for bucket in 0..incoming.buckets() {
        incoming.read(bucket, &mut records)?;
        active.read(bucket, &mut rows)?;
        join_bucket(&records, &rows, &mut joined)?;
        if let Some(twins) = &mut joined.twins {
            push_twins(&records, twins)?;
        }
    }
    Ok(joined)
}

/// All records whose hash stands more than once in the input, by place.
pub(crate) fn twins(incoming: &Spool, end: u64) -> Result<Spool> {
    let (mut twins, mut records) = (Spool::by_place(end), Vec::new());
    for bucket in 0..incoming.buckets() {
        incoming.read(bucket, &mut records)?;
        push_twins(&records, &mut twins)?;
    }
    Ok(twins)
}

fn push_twins(records: &[Entry], twins: &mut Spool) -> Result<()> {
    let same = records.chunk_by(|one, other| one.hash == other.hash).filter(|same| same.len() > 1);
    same.flatten().try_for_each(|entry| twins.push(*entry))
}

/// Both sides are sorted by hash; of records of one hash the first in the input counts.
fn join_bucket(records: &[Entry], rows: &[Entry], joined: &mut Joined) -> Result<()> {
    let mut row = 0;
    let mut last = None;
    for record in records {
        if last == Some(record.hash) {
            joined.duplicate += 1;
            continue;
        }
        last = Some(record.hash);
        while row < rows.len() && rows[row].hash < record.hash {
            joined.gone.push(rows[row])?;
            row += 1;
        }
        if row < rows.len() && rows[row].hash == record.hash {
            joined.unchanged += 1;
            // a table made elsewhere may hold one hash in several active rows: they all stay
            while row < rows.len() && rows[row].hash == record.hash {
                row += 1;
            }
        } else {
            joined.new.push(*record)?;
        }
    }
    rows[row..].iter().try_for_each(|entry| joined.gone.push(*entry))
}
