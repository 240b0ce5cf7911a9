//! New records into the table: one thread reads and converts, this one writes.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use chrono::NaiveDateTime;

use crate::db::{Column, Database, RowBatch, Table, row_bytes, text};
use crate::error::{Error, Result};
use crate::hash::{Canonical, Texts, hash_texts};
use crate::merge::plan::description::Merge;
use crate::merge::plan::progress::Progress;
use crate::merge::read::again::{Again, changed, each_selected, read_again};
use crate::merge::read::flat::Flat;
use crate::merge::read::ground::Ground;
use crate::merge::read::reader::ShortWay;
use crate::merge::read::reject::Rejects;
use crate::merge::read::rows::Rows;
use crate::merge::spool::{Entry, Spool};
use crate::record::Record;

/// A batch is sent on when it holds so many rows or bytes.
const BATCH_ROWS_MAX: usize = 4_000;
/// As [`BATCH_ROWS_MAX`], in bytes.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Batches that wait for the database.
const BATCHES_WAITING_MAX: usize = 2;

/// What is loaded, and from where.
pub(crate) struct Load<'a> {
    pub(crate) ground: &'a Ground<'a>,
    pub(crate) table: &'a Table,
    /// The records to insert, by place.
    pub(crate) new: &'a Spool,
    pub(crate) moment: NaiveDateTime,
}

/// Inserts the new records in one stream; false when the table refused one of them, and then none is there.
pub(crate) fn load_all(database: &mut dyn Database, load: &Load<'_>) -> Result<bool> {
    if load.new.count() == 0 {
        return Ok(true);
    }
    let columns = load.ground.written_columns(load.table);
    load.ground.merge.progress.tell(Progress::Writing { records: load.new.count() });
    let (streamed, read) = side_by_side(
        |sender| read_batches(load, &columns, sender),
        |batches| database.insert_all(load.table, &columns, &mut || next_batch(load, batches), load.moment),
    );
    if streamed?.is_some() { read.map(|()| true) } else { Ok(false) }
}

/// Inserts those of the new records that the table does not refuse; gives hash and place of the others, by place.
///
/// # Errors
/// The first of them, unless bad records are set aside.
pub(crate) fn load_accepted(database: &mut dyn Database, load: &Load<'_>, rejects: &mut Rejects) -> Result<Spool> {
    let columns = load.ground.written_columns(load.table);
    let Merge { cancellation, progress, .. } = load.ground.merge;
    progress.tell(Progress::Writing { records: load.new.count() });
    let (mut again, mut refused) = (Again::new(load.ground.sources), Spool::by_place(load.ground.end()));
    let (written, read) = side_by_side(
        |sender| read_batches(load, &columns, sender),
        |batches| {
            let mut next = || next_batch(load, batches);
            database.insert_accepted(load.table, &columns, &mut next, load.moment, &mut |row| {
                cancellation.check()?;
                let reason = row.error.causes().first().cloned().unwrap_or_else(|| row.error.message().to_owned());
                rejects.take(again.reject(row.offset, reason), load.ground.sources)?;
                refused.push(Entry { hash: row.sha.prefix(), place: row.offset })
            })
        },
    );
    written.and(read).map(|()| refused)
}

/// The next rows, and word of them; `None` after the last.
fn next_batch(load: &Load<'_>, batches: &Receiver<RowBatch>) -> Result<Option<RowBatch>> {
    let Merge { cancellation, progress, .. } = load.ground.merge;
    cancellation.check()?;
    let batch = batches.recv().ok();
    progress.tell(Progress::Advanced(batch.as_ref().map_or(0, |batch| batch.len() as u64)));
    Ok(batch)
}

/// One thread makes things, this one takes them; where the taking ends, nothing can be sent any more.
pub(crate) fn side_by_side<B: Send, M: Send, T>(
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

fn read_batches(load: &Load<'_>, columns: &[Column], sender: &SyncSender<RowBatch>) -> Result<()> {
    let Ground { merge, sources, reader, .. } = load.ground;
    let mut filling = Filling::new(columns);
    let (mut flat, mut learnt_in) = (Flat::default(), 0);
    each_selected(sources, load.new, &merge.cancellation, |bytes, source, entry| {
        if source != learnt_in {
            // another file may have its columns in another order
            (flat, learnt_in) = (Flat::default(), source);
        }
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
            // where nobody takes the rows any more, the taking side has failed and says why
            if sender.send(full.finish(load.ground)?).is_err() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let last = filling.finish(load.ground)?;
    if !last.is_empty() {
        let _ = sender.send(last);
    }
    Ok(())
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
        let mut rows = Rows::new(columns);
        rows.batch.reserve((BATCH_BYTES_MAX / row_bytes(columns.len())).clamp(1, BATCH_ROWS_MAX));
        Self { rows, texts: Texts::default(), entries: Vec::new(), form: Canonical::keeping_digits() }
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
        if !flat.read(text, way) || !flat.fits(true, text) || !self.rows.add_flat(flat, text, entry.place) {
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
