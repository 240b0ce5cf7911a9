//! How far the log records of each process are stored: a batch that comes again is known, and what of it is there
//! already is not stored twice.
//!
//! Each process numbers its records in the order in which it delivers them (its stream). The number of the last one
//! that is stored is written in the transaction that stores it. So it does not matter how a batch was cut the second
//! time.

use diesel::dsl::now;
use diesel::prelude::*;

use super::connection::{Link, insert_if_absent};
use super::log::{LogRow, Logs, NewLog, storable, store};
use super::schema::log_streams;
use super::time::database_now;
use crate::clock;
use crate::error::Result;

/// Nothing of the stream is stored.
const NOTHING: i64 = -1;

impl Logs<'_> {
    /// Stores what of these records is not stored yet, all or none. They are the next ones of `stream`; `places` has
    /// the place of each in it, which grows.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn append_once(&mut self, stream: &str, places: &[i64], rows: &[LogRow]) -> Result<()> {
        let (Some(first), Some(last)) = (places.first(), places.last()) else { return Ok(()) };
        let rows: Vec<NewLog<'_>> = rows.iter().map(storable).collect();
        self.0.write("store log records", |connection| {
            let stored = advance(connection, stream, *first, *last)?;
            store(connection, &rows[places.partition_point(|place| *place <= stored)..])
        })
    }
}

/// Notes that a stream is stored up to `last`; up to where it was before, as far as that matters to what begins at
/// `first`. Nobody else stores anything of the stream until the transaction ends.
fn advance(connection: &mut Link, stream: &str, first: i64, last: i64) -> QueryResult<i64> {
    // what is usual comes first, and is one statement
    let next = log_streams::table.filter(log_streams::id.eq(stream).and(log_streams::stored.lt(first)));
    let is_next = match connection {
        Link::Sqlite(file) => diesel::update(next)
            .set((log_streams::stored.eq(last), log_streams::updated_at.eq(clock::now())))
            .execute(file)?,
        Link::Postgres(server) => diesel::update(next)
            .set((log_streams::stored.eq(last), log_streams::updated_at.eq(now.at_time_zone("UTC"))))
            .execute(server)?,
        // to the second, which is enough for how old it is
        Link::Mysql(server) => {
            diesel::update(next).set((log_streams::stored.eq(last), log_streams::updated_at.eq(now))).execute(server)?
        }
    };
    if is_next > 0 || begin(connection, stream, last)? {
        return Ok(NOTHING);
    }
    // this waits for whoever is storing the same records, and sees what became of it
    let row = log_streams::table.filter(log_streams::id.eq(stream));
    diesel::update(row).set(log_streams::id.eq(stream)).execute(connection)?;
    let stored: i64 = row.select(log_streams::stored).first(connection)?;
    if stored < last {
        diesel::update(row).set(log_streams::stored.eq(last)).execute(connection)?;
    }
    Ok(stored)
}

/// Begins a stream that is not known; false when it is.
fn begin(connection: &mut Link, stream: &str, last: i64) -> QueryResult<bool> {
    let row = (
        log_streams::id.eq(stream),
        log_streams::stored.eq(last),
        log_streams::updated_at.eq(database_now(connection)?),
    );
    Ok(insert_if_absent!(connection, log_streams::table, row)? > 0)
}
