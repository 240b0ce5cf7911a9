//! Which new record replaces which gone row, and which row stays because its record was rejected: found by their keys.

use std::ops::ControlFlow;

use super::join::Joined;
use super::key::{Key, KeyReader};
use crate::db::{Column, Database, Gone, RowId, Table};
use crate::error::Result;
use crate::merge::plan::target::key_columns;
use crate::merge::read::again::{each_selected, read_again};
use crate::merge::read::ground::Ground;
use crate::merge::read::reject::Rejected;
use crate::merge::spool::{Entry, Keyed, Spool};

/// Rows whose keys are read at once.
const ROWS_AT_ONCE_MAX: usize = 4_000;

/// The keys of both sides of a difference.
pub(crate) struct Keys {
    gone: Gone,
    columns: Vec<Column>,
    /// Records that the table lacks.
    records: Spool<Keyed>,
    /// Records that were rejected before they could be compared.
    rejected: Spool<Keyed>,
    /// Rows that the input lacks.
    rows: Spool<Keyed>,
    /// Those of them whose key is null: nothing replaces them.
    keyless: Spool,
    /// Whether a rejected record has no key that could be read: any row may be its.
    is_unsure: bool,
}

/// What the keys say.
pub(crate) struct Pairs {
    /// New records that replace a row.
    pub(crate) changed: u64,
    /// The rows that leave: replaced, or gone for good.
    pub(crate) leaving: Spool,
    /// Rows that stay because the record of their key was rejected.
    pub(crate) kept: u64,
    /// Those of them that would have left had the table taken the records that it refused.
    pub(crate) restored: Spool,
}

impl Pairs {
    /// Without keys nothing is replaced: what the input lacks leaves, or stays.
    pub(crate) fn without_keys(how: Gone, gone: Spool) -> Self {
        let leaving = if how == Gone::Keep { Spool::by_hash() } else { gone };
        Self { changed: 0, leaving, kept: 0, restored: Spool::by_hash() }
    }

    /// Rows that leave and are not replaced.
    pub(crate) fn gone(&self) -> u64 {
        self.leaving.count() - self.changed
    }
}

impl Keys {
    /// Reads the keys of what differs; `None` where there is no key, or nothing has gone.
    pub(crate) fn read(
        ground: &Ground<'_>,
        database: &mut dyn Database,
        table: &Table,
        joined: &Joined,
        rejected: &Rejected,
    ) -> Result<Option<Self>> {
        if ground.merge.key.is_empty() || joined.gone.count() == 0 {
            return Ok(None);
        }
        let columns = key_columns(ground.merge, table)?;
        let (records, _) = keys_of_records(ground, database, &columns, &joined.new)?;
        let (keys, is_unsure) = keys_of_rejected(ground, database, &columns, rejected)?;
        let (rows, keyless) = keys_of_rows(ground, database, (table, &columns), &joined.gone)?;
        Ok(Some(Self { gone: ground.merge.gone, columns, records, rejected: keys, rows, keyless, is_unsure }))
    }

    /// What the keys say as long as the table takes every new record.
    pub(crate) fn pairs(&self) -> Result<Pairs> {
        self.without(&Spool::by_hash(), self.is_unsure)
    }

    /// What they say when the table refused some of the new records.
    pub(crate) fn pairs_without(
        &self,
        ground: &Ground<'_>,
        database: &mut dyn Database,
        refused: &Spool,
    ) -> Result<Pairs> {
        let (keys, unreadable) = keys_of_records(ground, database, &self.columns, refused)?;
        self.without(&keys, self.is_unsure || unreadable > 0)
    }

    /// Pairs new records and gone rows of one key, one to one; `refused` are new records that the table refused. Null
    /// matches nothing.
    fn without(&self, refused: &Spool<Keyed>, is_unsure: bool) -> Result<Pairs> {
        let mut pairs = Pairs { changed: 0, leaving: Spool::by_hash(), kept: 0, restored: Spool::by_hash() };
        let (mut records, mut rejected, mut bad, mut rows) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for bucket in 0..self.rows.buckets() {
            self.rows.read(bucket, &mut rows)?;
            self.records.read(bucket, &mut records)?;
            self.rejected.read(bucket, &mut rejected)?;
            refused.read(bucket, &mut bad)?;
            let (mut new, mut before, mut after) =
                (Rest(records.as_slice()), Rest(rejected.as_slice()), Rest(bad.as_slice()));
            for same in rows.chunk_by(|one, other| one.key == other.key) {
                let key = same[0].key;
                let (new, before, after) = (new.count(key), before.count(key), after.count(key));
                self.decide(same, (new, before, after), is_unsure, &mut pairs)?;
            }
        }
        self.leave_keyless(is_unsure, &mut pairs)?;
        Ok(pairs)
    }

    /// Decides about the rows of one key: so many new records have it, so many rejected ones, and so many of the new ones
    /// were refused.
    fn decide(
        &self,
        rows: &[Keyed],
        (new, rejected, refused): (usize, usize, usize),
        is_unsure: bool,
        pairs: &mut Pairs,
    ) -> Result<()> {
        let is_in_doubt = rejected + refused > 0 || is_unsure;
        let good = new - refused;
        let replaced = rows.len().min(good);
        let leaving = |good: usize, is_in_doubt: bool| match self.gone {
            // of a key that comes anew no older row stays
            Gone::Keep if good > 0 => rows.len(),
            Gone::Keep => 0,
            Gone::Archive | Gone::Delete if is_in_doubt => rows.len().min(good),
            Gone::Archive | Gone::Delete => rows.len(),
        };
        let before = leaving(new, rejected > 0 || self.is_unsure);
        let after = leaving(good, is_in_doubt);
        pairs.changed += replaced as u64;
        if self.gone != Gone::Keep {
            pairs.kept += (rows.len() - after) as u64;
        }
        rows[..after].iter().try_for_each(|row| pairs.leaving.push(row.entry))?;
        rows[after..before].iter().try_for_each(|row| pairs.restored.push(row.entry))
    }

    fn leave_keyless(&self, is_unsure: bool, pairs: &mut Pairs) -> Result<()> {
        if self.gone == Gone::Keep {
            return Ok(());
        }
        if is_unsure {
            pairs.kept += self.keyless.count();
        }
        let mut rows = Vec::new();
        for bucket in 0..self.keyless.buckets() {
            self.keyless.read(bucket, &mut rows)?;
            for row in &rows {
                match (is_unsure, self.is_unsure) {
                    (false, _) => pairs.leaving.push(*row)?,
                    (true, false) => pairs.restored.push(*row)?,
                    (true, true) => {}
                }
            }
        }
        Ok(())
    }
}

/// Entries that are sorted by key, of which those before are done with.
struct Rest<'a>(&'a [Keyed]);

impl Rest<'_> {
    /// How many have this key; keys are asked for in their order.
    fn count(&mut self, key: u128) -> usize {
        self.0 = &self.0[self.0.partition_point(|entry| entry.key < key)..];
        self.0.partition_point(|entry| entry.key == key)
    }
}

/// The keys of records that were read before, each with its record's hash and place; and how many cannot be read.
fn keys_of_records(
    ground: &Ground<'_>,
    database: &mut dyn Database,
    columns: &[Column],
    selected: &Spool,
) -> Result<(Spool<Keyed>, u64)> {
    let mut keys = Spool::by_hash();
    let mut unreadable = 0;
    let mut reader = KeyReader::new(columns);
    let mut take = |key: Key, entry: Entry| {
        unreadable += u64::from(key.is_unreadable);
        if key.has_null { Ok(()) } else { keys.push(Keyed { key: key.hash, entry }) }
    };
    each_selected(ground.sources, selected, &ground.merge.cancellation, |bytes, source, entry| {
        let record = read_again(ground.sources, &ground.reader, (bytes, source, entry))?;
        reader.add(&record, entry);
        reader.flush_if_full(database, &mut take)?;
        Ok(ControlFlow::Continue(()))
    })?;
    reader.flush(database, &mut take)?;
    Ok((keys, unreadable))
}

/// The keys of records that could not be taken; and whether there are some whose key cannot be read.
fn keys_of_rejected(
    ground: &Ground<'_>,
    database: &mut dyn Database,
    columns: &[Column],
    rejected: &Rejected,
) -> Result<(Spool<Keyed>, bool)> {
    let mut keys = Spool::by_hash();
    let mut unreadable = rejected.unplaced;
    let mut reader = KeyReader::new(columns);
    let mut take = |key: Key, entry: Entry| {
        unreadable += u64::from(key.is_unreadable);
        if key.has_null { Ok(()) } else { keys.push(Keyed { key: key.hash, entry }) }
    };
    let mut broken = 0;
    each_selected(ground.sources, &rejected.places, &ground.merge.cancellation, |bytes, source, entry| {
        match ground.reader.read_leniently(source, ground.sources[source].format, bytes) {
            Some(record) => reader.add(&record, entry),
            None => broken += 1,
        }
        reader.flush_if_full(database, &mut take)?;
        Ok(ControlFlow::Continue(()))
    })?;
    reader.flush(database, &mut take)?;
    Ok((keys, unreadable + broken > 0))
}

/// The keys of rows; and the rows whose key is null.
fn keys_of_rows(
    ground: &Ground<'_>,
    database: &mut dyn Database,
    (table, columns): (&Table, &[Column]),
    gone: &Spool,
) -> Result<(Spool<Keyed>, Spool)> {
    let (mut keys, mut keyless) = (Spool::by_hash(), Spool::by_hash());
    let mut entries: Vec<Entry> = Vec::new();
    for bucket in 0..gone.buckets() {
        gone.read(bucket, &mut entries)?;
        entries.sort_unstable_by_key(|entry| entry.place);
        for some in entries.chunks(ROWS_AT_ONCE_MAX) {
            ground.merge.cancellation.check()?;
            let rows: Vec<RowId> = some.iter().map(|entry| RowId(entry.place)).collect();
            database.values_of(table, columns, &rows, &mut |row, values| {
                let Ok(at) = some.binary_search_by_key(&row.0, |entry| entry.place) else { return Ok(()) };
                let key = Key::of(columns, values);
                match key.has_null {
                    true => keyless.push(some[at]),
                    false => keys.push(Keyed { key: key.hash, entry: some[at] }),
                }
            })?;
        }
    }
    Ok((keys, keyless))
}
