//! New records into the table: one thread reads and converts, this one writes.

use std::sync::mpsc::sync_channel;

use chrono::NaiveDateTime;

use super::Merge;
use super::flat::{Flat, Token};
use super::input::Source;
use super::reading::Reader;
use super::reject::Rejects;
use super::select::{changed, each_selected, read_again, reject_at};
use super::spool::{Entry, Spool};
use crate::db::{BadRow, Cell, Column, Database, Kind, RowBatch, Table, fit, text};
use crate::error::{Error, Result};
use crate::hash::{Canonical, RESERVED, Sha, Texts, hash_texts};
use crate::record::Record;

/// A batch is sent on when it holds so many rows or bytes.
const BATCH_ROWS_MAX: usize = 4_000;
/// As [`BATCH_ROWS_MAX`], in bytes.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Batches that wait for the database.
const BATCHES_WAITING_MAX: usize = 2;

/// What is loaded, and from where.
pub(super) struct Load<'a> {
    pub(super) sources: &'a [Source],
    pub(super) reader: &'a Reader,
    pub(super) table: &'a Table,
    pub(super) new: &'a Spool,
    pub(super) moment: NaiveDateTime,
}

/// Inserts the new records; returns how many the table refused after all.
pub(super) fn load(merge: &Merge, database: &mut dyn Database, load: &Load<'_>, rejects: &mut Rejects) -> Result<u64> {
    let columns = written_columns(merge, load.table);
    let (sender, receiver) = sync_channel::<RowBatch>(BATCHES_WAITING_MAX);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let sender = sender;
            read_batches(merge, load, &columns, |batch| sender.send(batch).is_ok())
        });
        let mut refused = 0;
        let mut written = Ok(());
        for batch in receiver {
            written =
                merge.cancellation.check().and_then(|()| write(database, load, &columns, batch, rejects, &mut refused));
            if written.is_err() {
                break;
            }
        }
        let read = reading
            .join()
            .unwrap_or_else(|_| Err(Error::failed("read the new records: the reading thread ended early")));
        written.and(read).map(|()| refused)
    })
}

/// The columns that records fill.
fn written_columns(merge: &Merge, table: &Table) -> Vec<Column> {
    let own = |column: &&Column| !RESERVED.contains(&column.name.as_str()) || (merge.own_id && column.name == "id");
    table.columns.iter().filter(own).filter(|column| !column.is_generated).cloned().collect()
}

fn read_batches(
    merge: &Merge,
    load: &Load<'_>,
    columns: &[Column],
    mut send: impl FnMut(RowBatch) -> bool,
) -> Result<()> {
    let mut filling = Filling::new(columns.len());
    let mut flat = Flat::default();
    each_selected(load.sources, load.new, |bytes, source, entry| {
        let is_short = load.reader.is_direct(load.sources[source].format) && !merge.own_id;
        if !(is_short && filling.add_short_way(&mut flat, columns, bytes, entry)) {
            let record = read_again(load.sources, load.reader, (bytes, source, entry))?;
            filling.add(merge, columns, &record, entry)?;
            if is_short {
                flat.learn(&record, &merge.hash, Some(load.table));
                flat.aim(columns);
            }
        }
        if filling.batch.len() >= BATCH_ROWS_MAX || filling.batch.size() >= BATCH_BYTES_MAX {
            let full = std::mem::replace(&mut filling, Filling::new(columns.len()));
            return if send(full.finish(load.sources)?) { Ok(()) } else { Err(stopped()) };
        }
        Ok(())
    })?;
    let last = filling.finish(load.sources)?;
    if last.is_empty() || send(last) { Ok(()) } else { Err(stopped()) }
}

/// The reading thread's error when the writing one has given up; that one's error is what is told.
fn stopped() -> Error {
    Error::failed("read on: the table takes no more rows")
}

/// A batch being filled, with what its hashes are taken of.
struct Filling {
    batch: RowBatch,
    texts: Texts,
    entries: Vec<Entry>,
    form: Canonical,
    places: Vec<Option<usize>>,
}

impl Filling {
    fn new(width: usize) -> Self {
        Self {
            batch: RowBatch::new(width),
            texts: Texts::default(),
            entries: Vec::new(),
            form: Canonical::default(),
            places: Vec::new(),
        }
    }

    fn add(&mut self, merge: &Merge, columns: &[Column], record: &Record<'_>, entry: Entry) -> Result<()> {
        add(&mut self.batch, columns, record, entry.place, &mut self.places)?;
        self.texts.bytes.extend_from_slice(self.form.of(record, &merge.hash));
        self.texts.ends.push(self.texts.bytes.len());
        self.entries.push(entry);
        Ok(())
    }

    /// Adds a plain record; false when it has to go the long way.
    fn add_short_way(&mut self, flat: &mut Flat, columns: &[Column], bytes: &[u8], entry: Entry) -> bool {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        if !flat.read(text) || !flat.fits(true) {
            return false;
        }
        let row = self.batch.add_row(Sha([0; 32]), entry.place);
        for (place, token) in flat.cells() {
            let Some(place) = place else { continue };
            let cell = match token {
                Token::Null => Cell::Null,
                Token::Bool(flag) => Cell::Bool(flag),
                Token::Integer(number) if columns[place].kind == Kind::Float => Cell::Float(number as f64),
                Token::Integer(number) => Cell::Integer(number),
                Token::Float(number) => Cell::Float(number),
                Token::Text { .. } | Token::Unescaped { .. } => {
                    Cell::Text(self.batch.keep(flat.text(token, text).as_bytes()))
                }
            };
            self.batch.set(row, place, cell);
        }
        flat.write_form(text, &mut self.texts.bytes);
        self.texts.ends.push(self.texts.bytes.len());
        self.entries.push(entry);
        true
    }

    /// The batch with its hashes, which must be those of the first pass.
    fn finish(mut self, sources: &[Source]) -> Result<RowBatch> {
        let shas = hash_texts(&self.texts);
        let differs = |(sha, entry): &(&Sha, &Entry)| sha.prefix() != entry.hash;
        if let Some((_, entry)) = shas.iter().zip(&self.entries).find(differs) {
            return Err(changed(sources, entry.place));
        }
        self.batch.set_shas(shas);
        Ok(self.batch)
    }
}

/// Adds a record to a batch. What was checked in the first pass fits; `places` remembers where the columns stand.
fn add(
    batch: &mut RowBatch,
    columns: &[Column],
    record: &Record<'_>,
    offset: u64,
    places: &mut Vec<Option<usize>>,
) -> Result<()> {
    let row = batch.add_row(Sha([0; 32]), offset);
    places.resize(record.fields.len(), None);
    for ((name, value), place) in record.fields.iter().zip(places) {
        let known = place.filter(|place| columns[*place].name == *name);
        let Some(found) = known.or_else(|| columns.iter().position(|column| column.name == *name)) else { continue };
        *place = Some(found);
        let Some(fitted) = fit(value, columns[found].kind) else {
            return Err(Error::failed(format!(
                "put `{}` into the column `{name}`, which is {}",
                text(value),
                columns[found].declared
            )));
        };
        let cell = fitted.keep(batch);
        batch.set(row, found, cell);
    }
    Ok(())
}

/// Writes a batch; rows that the table refuses are set aside one by one, if the user asked for that.
fn write(
    database: &mut dyn Database,
    load: &Load<'_>,
    columns: &[Column],
    mut batch: RowBatch,
    rejects: &mut Rejects,
    refused: &mut u64,
) -> Result<()> {
    while !batch.is_empty() {
        let BadRow { row, error } = match database.insert(load.table, columns, &batch, load.moment) {
            Ok(()) => return Ok(()),
            Err(bad) => bad,
        };
        let Some(row) = row.filter(|row| *row < batch.len()) else { return Err(error) };
        let reject = reject_at(load.sources, batch.offset(row), &error);
        rejects.take(reject, load.sources)?;
        *refused += 1;
        batch.remove_row(row);
    }
    Ok(())
}
