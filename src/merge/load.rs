//! New records into the table: one thread reads and converts, this one writes.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use chrono::NaiveDateTime;

use super::Merge;
use super::flat::Flat;
use super::ground::Ground;
use super::reading::ShortWay;
use super::reject::Rejects;
use super::rows::Rows;
use super::select::{Again, changed, each_selected, read_again};
use super::spool::{Entry, Spool};
use crate::db::{Column, Database, RowBatch, Table, text};
use crate::error::{Error, Result};
use crate::hash::{Canonical, Texts, hash_texts};
use crate::record::Record;
use crate::shell::count_rows;

/// A batch is sent on when it holds so many rows or bytes.
const BATCH_ROWS_MAX: usize = 4_000;
/// As [`BATCH_ROWS_MAX`], in bytes.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Batches that wait for the database.
const BATCHES_WAITING_MAX: usize = 2;

/// What is loaded, and from where.
pub(super) struct Load<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) table: &'a Table,
    pub(super) new: &'a Spool,
    pub(super) moment: NaiveDateTime,
}

/// What the table refused after all.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Refused {
    pub(super) rows: u64,
    /// The sum of their hashes.
    pub(super) sum: u128,
}

/// Inserts the new records.
///
/// First all go in one stream. Only if the table refuses one of them they are read once more, and it is found out which.
pub(super) fn load(database: &mut dyn Database, load: &Load<'_>, rejects: &mut Rejects) -> Result<Refused> {
    if load.new.count() == 0 {
        return Ok(Refused::default());
    }
    let columns = load.ground.written_columns(load.table);
    let Merge { cancellation, progress, .. } = load.ground.merge;
    count_rows(progress, load.new.count(), "writing");
    let (streamed, read) = side_by_side(
        |sender| read_batches(load, &columns, sender),
        |batches| {
            let mut next = || {
                cancellation.check()?;
                let batch = batches.recv().ok();
                progress.inc(batch.as_ref().map_or(0, |batch| batch.len() as u64));
                Ok(batch)
            };
            database.insert_all(load.table, &columns, &mut next, load.moment)
        },
    );
    if streamed?.is_some() {
        return read.map(|()| Refused::default());
    }
    progress.reset();
    let mut refused = Refused::default();
    let mut again = Again::new(load.ground.sources);
    let (written, read) = side_by_side(
        |sender| read_batches(load, &columns, sender),
        |batches| {
            let mut next = || {
                cancellation.check()?;
                let batch = batches.recv().ok();
                progress.inc(batch.as_ref().map_or(0, |batch| batch.len() as u64));
                Ok(batch)
            };
            database.insert_accepted(load.table, &columns, &mut next, load.moment, &mut |row| {
                cancellation.check()?;
                refused.rows += 1;
                refused.sum = refused.sum.wrapping_add(row.sha.prefix());
                rejects.take(again.reject(row.offset, &row.error), load.ground.sources)
            })
        },
    );
    written.and(read).map(|()| refused)
}

/// One thread makes things, this one takes them; where the taking ends, the making ends with an error of [`stopped`].
pub(super) fn side_by_side<B: Send, M: Send, T>(
    make: impl FnOnce(&SyncSender<B>) -> Result<M> + Send,
    take: impl FnOnce(&Receiver<B>) -> Result<T>,
) -> (Result<T>, Result<M>) {
    let (sender, receiver) = sync_channel(BATCHES_WAITING_MAX);
    std::thread::scope(|scope| {
        let making = scope.spawn(move || make(&sender));
        let taken = take(&receiver);
        drop(receiver);
        let ended = || Err(Error::failed("read the records: the reading thread ended early"));
        (taken, making.join().unwrap_or_else(|_| ended()))
    })
}

/// The making thread's error when the taking one has ended; that one's error is what is told.
pub(super) fn stopped() -> Error {
    Error::failed("read on: the table takes no more rows")
}

fn read_batches(load: &Load<'_>, columns: &[Column], sender: &SyncSender<RowBatch>) -> Result<()> {
    let Ground { merge, sources, reader, .. } = load.ground;
    let mut filling = Filling::new(columns);
    let mut flat = Flat::default();
    each_selected(sources, load.new, |bytes, source, entry| {
        let short_way = reader.short_way(source, sources[source].format).filter(|_| !merge.own_id);
        if !short_way.is_some_and(|way| filling.add_short_way(&mut flat, bytes, way, entry)) {
            let record = read_again(sources, reader, (bytes, source, entry))?;
            filling.add(load.ground, columns, &record, entry)?;
            if short_way.is_some() {
                flat.learn(&record, &merge.hash, Some(load.table));
                flat.aim(columns);
            }
        }
        if filling.rows.batch.len() >= BATCH_ROWS_MAX || filling.rows.batch.size() >= BATCH_BYTES_MAX {
            let full = std::mem::replace(&mut filling, Filling::new(columns));
            return sender.send(full.finish(load.ground)?).map_err(|_| stopped());
        }
        Ok(())
    })?;
    let last = filling.finish(load.ground)?;
    if last.is_empty() { Ok(()) } else { sender.send(last).map_err(|_| stopped()) }
}

/// A batch being filled, with what its hashes are taken of.
struct Filling<'a> {
    rows: Rows<'a>,
    texts: Texts,
    entries: Vec<Entry>,
    form: Canonical,
}

impl<'a> Filling<'a> {
    fn new(columns: &'a [Column]) -> Self {
        Self { rows: Rows::new(columns), texts: Texts::default(), entries: Vec::new(), form: Canonical::default() }
    }

    fn add(&mut self, ground: &Ground<'_>, columns: &[Column], record: &Record<'_>, entry: Entry) -> Result<()> {
        self.rows.add(record, entry.place).map_err(|place| misfit(record, &columns[place]))?;
        self.texts.bytes.extend_from_slice(self.form.of(record, &ground.merge.hash));
        self.end(entry);
        Ok(())
    }

    /// Adds a plain record; false when it has to go the long way.
    fn add_short_way(&mut self, flat: &mut Flat, bytes: &[u8], way: ShortWay<'_>, entry: Entry) -> bool {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        if !flat.read(text, way) || !flat.fits(true) || !self.rows.add_flat(flat, text, entry.place) {
            return false;
        }
        flat.write_form(text, &mut self.texts.bytes);
        self.end(entry);
        true
    }

    fn end(&mut self, entry: Entry) {
        self.texts.ends.push(self.texts.bytes.len());
        self.entries.push(entry);
    }

    /// The batch with its hashes, which must be those of the first pass.
    fn finish(self, ground: &Ground<'_>) -> Result<RowBatch> {
        let shas = hash_texts(&self.texts);
        let mut both = shas.iter().zip(&self.entries);
        if let Some((_, entry)) = both.find(|(sha, entry)| sha.prefix() != entry.hash) {
            return Err(changed(ground.sources, entry.place));
        }
        Ok(self.rows.finish(shas))
    }
}

/// What was checked in the first pass fits; columns of a table that is still to be made were not.
fn misfit(record: &Record<'_>, column: &Column) -> Error {
    let Column { name, declared, .. } = column;
    let value = record.get(name).map(text).unwrap_or_default();
    Error::failed(format!("put `{value}` into the column `{name}`, which is {declared}"))
}
