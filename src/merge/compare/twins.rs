//! Records that are one to the hash and two to their keys: a key that only letters, blanks or a column outside the hash
//! tell apart.

use super::key::{Key, KeyReader};
use crate::db::{Database, Table};
use crate::error::Result;
use crate::merge::plan::target::key_columns;
use crate::merge::read::again::{Again, each_selected, read_again};
use crate::merge::read::ground::Ground;
use crate::merge::read::reject::Rejects;
use crate::merge::spool::{Entry, Keyed, Spool};

/// Looks at records whose hash stands more than once in the input (`twins`, by place). Of those that share a hash, the
/// first is taken; one whose key is another than that of the first is a bad record. Gives their places.
///
/// # Errors
/// The first such record, unless bad records are set aside.
pub(crate) fn reject_other_keys(
    ground: &Ground<'_>,
    database: &mut dyn Database,
    table: &Table,
    twins: &Spool,
    rejects: &mut Rejects,
) -> Result<Vec<u64>> {
    if twins.count() == 0 {
        return Ok(Vec::new());
    }
    let mut bad = pairs_of_other_keys(ground, database, table, twins)?;
    // in the order of the input, as all bad records
    bad.sort_unstable();
    let mut again = Again::new(ground.sources);
    for (place, first) in &bad {
        ground.merge.cancellation.check()?;
        let (source, line) = again.line(*first);
        let source = &ground.sources[source];
        let (name, unit, line) = (&source.name, source.unit(), source.place(line));
        let reason =
            format!("its key is another than that of {unit} {line} of {name}, and to the hash both are the same");
        let reject = again.reject(*place, reason);
        rejects.take_with(
            reject,
            ground.sources,
            "let letters and blanks count with `--exact`, or hash the key columns too",
        )?;
    }
    Ok(bad.into_iter().map(|(place, _)| place).collect())
}

/// Each record whose key is another than that of the first of its hash, and the place of that one.
fn pairs_of_other_keys(
    ground: &Ground<'_>,
    database: &mut dyn Database,
    table: &Table,
    twins: &Spool,
) -> Result<Vec<(u64, u64)>> {
    let columns = key_columns(ground.merge, table)?;
    let mut reader = KeyReader::new(&columns);
    // sorted by the records' hashes, each with its key
    let mut keyed: Spool<Keyed> = Spool::by_hash();
    let mut take = |key: Key, entry: Entry| {
        keyed.push(Keyed { key: entry.hash, entry: Entry { hash: key.hash, place: entry.place } })
    };
    each_selected(ground.sources, twins, &ground.merge.cancellation, |bytes, source, entry| {
        let record = read_again(ground.sources, &ground.reader, (bytes, source, entry))?;
        reader.add(&record, entry);
        reader.flush_if_full(database, &mut take)?;
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    reader.flush(database, &mut take)?;
    let (mut bad, mut some) = (Vec::new(), Vec::new());
    for bucket in 0..keyed.buckets() {
        keyed.read(bucket, &mut some)?;
        for same in some.chunk_by(|one, other| one.key == other.key) {
            let first = same[0].entry;
            let others = same.iter().filter(|twin| twin.entry.hash != first.hash);
            bad.extend(others.map(|twin| (twin.entry.place, first.place)));
        }
    }
    Ok(bad)
}
