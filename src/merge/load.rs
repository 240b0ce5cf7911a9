//! New records into the table: one thread reads and converts, this one writes.

use std::sync::mpsc::sync_channel;

use chrono::NaiveDateTime;

use super::Merge;
use super::input::Source;
use super::reading::Reader;
use super::reject::Rejects;
use super::select::{each_selected, reject_at};
use super::spool::Spool;
use crate::db::{BadRow, Column, Database, RowBatch, Table, fit, text};
use crate::error::{Error, Result};
use crate::hash::{RESERVED, Sha};
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
    let mut batch = RowBatch::new(columns.len());
    let mut places = Vec::new();
    let mut is_wanted = true;
    let stopped = || Error::failed("read on: the table takes no more rows");
    each_selected(merge, load.sources, load.reader, load.new, |record, sha, offset| {
        add(&mut batch, columns, record, (sha, offset), &mut places)?;
        if batch.len() >= BATCH_ROWS_MAX || batch.size() >= BATCH_BYTES_MAX {
            is_wanted = send(std::mem::replace(&mut batch, RowBatch::new(columns.len())));
        }
        if is_wanted { Ok(()) } else { Err(stopped()) }
    })?;
    if batch.is_empty() || send(batch) { Ok(()) } else { Err(stopped()) }
}

/// Adds a record to a batch. What was checked in the first pass fits; `places` remembers where the columns stand.
fn add(
    batch: &mut RowBatch,
    columns: &[Column],
    record: &Record<'_>,
    (sha, offset): (Sha, u64),
    places: &mut Vec<Option<usize>>,
) -> Result<()> {
    let row = batch.add_row(sha, offset);
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
