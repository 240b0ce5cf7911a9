//! How the time of a stored file ends. It is written down first and deleted then, so that a kill between both leaves a
//! file that nobody needs, and never a row whose file is gone.

use diesel::prelude::*;

use super::codebook::FileRetention;
use super::connection::Link;
use super::file::{FilePlace, FileRow, Files};
use super::file_keep::rows_at;
use super::lease::database_now;
use super::pipeline::needed_files;
use super::publication::published_files;
use super::schema::stored_files;
use super::{Keyed, take_keyed_turn, take_keyed_turns};
use crate::error::Result;

/// Tells which of these files something that is not finished still needs. It is asked in the transaction that ends their
/// time, so it reads the truth: rows, and nothing else.
pub(super) type FileNeed = fn(&mut Link, &[i64]) -> QueryResult<Vec<i64>>;

/// Whoever may need files. A table whose rows name stored files adds its question here.
pub(super) const NEEDS: &[FileNeed] = &[needed_files, published_files];

/// The name of a row that stands for a file that nobody knew.
const STRAY: &str = "(stray)";

/// What was ended in one go.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ended {
    /// The rows whose time is over.
    pub rows: Vec<FileRow>,
    /// The places that no row names any more: what is there may be deleted.
    pub places: Vec<FilePlace>,
    /// How many were due and are still needed.
    pub needed: u64,
    /// The last row that was looked at, to go on behind it; `None` after the last.
    pub last: Option<i64>,
}

impl Files<'_> {
    /// Ends the time of the files of a store that is up, of some behind a row. With `is_dry` nothing is changed.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn end(&mut self, store: &str, after: i64, count: i64, is_dry: bool) -> Result<Ended> {
        self.end_but(store, (after, count), NEEDS, is_dry)
    }

    pub(super) fn end_but(
        &mut self,
        store: &str,
        (after, count): (i64, i64),
        needs: &[FileNeed],
        is_dry: bool,
    ) -> Result<Ended> {
        self.0.write("end the time of stored files", |connection| {
            let now = database_now(connection)?;
            let due = || {
                stored_files::table
                    .filter(stored_files::store.eq(store))
                    .filter(stored_files::deleted_at.is_null().and(stored_files::held.is_null()))
                    .filter(stored_files::kept_until.lt(now))
            };
            let found: Vec<(i64, Vec<u8>)> = due()
                .filter(stored_files::id.gt(after))
                .select((stored_files::id, stored_files::sha256))
                .order(stored_files::id.asc())
                .limit(count)
                .load(connection)?;
            let last = found.last().map(|(id, _)| *id);
            take_keyed_turns(connection, Keyed::File, found.iter().map(|(_, sha256)| sha256.as_slice()))?;
            let ids: Vec<i64> = found.into_iter().map(|(id, _)| id).collect();
            let needed = needed(connection, &ids, needs)?;
            let free: Vec<i64> = ids.into_iter().filter(|id| !needed.contains(id)).collect();
            if !is_dry {
                // a hold that came meanwhile counts
                let free = due().filter(stored_files::id.eq_any(&free));
                diesel::update(free).set(stored_files::deleted_at.eq(now)).execute(connection)?;
            }
            let ended = stored_files::table.filter(stored_files::id.eq_any(&free)).select(FileRow::as_select());
            let mut rows: Vec<FileRow> = ended.order(stored_files::id.asc()).load(connection)?;
            rows.retain(|row| is_dry || row.deleted_at.is_some());
            let places = if is_dry { Vec::new() } else { unnamed(connection, &rows)? };
            Ok(Ended { rows, places, needed: needed.len() as u64, last })
        })
    }

    /// Writes down that a file which no row knows will be deleted; false when it is known by now. No file gets this place
    /// again.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn bury(&mut self, place: &FilePlace, sha256: &[u8], bytes: i64) -> Result<bool> {
        self.0.write("note a file that nobody knows", |connection| {
            take_keyed_turn(connection, Keyed::File, sha256)?;
            let at = stored_files::table
                .filter(stored_files::store.eq(&place.store).and(stored_files::path.eq(&place.path)))
                .filter(stored_files::deleted_at.is_null());
            if at.count().get_result::<i64>(connection)? > 0 {
                return Ok(false);
            }
            if rows_at(connection, place)? > 0 {
                return Ok(true);
            }
            let now = database_now(connection)?;
            let row = (
                stored_files::sha256.eq(sha256),
                stored_files::name.eq(STRAY),
                stored_files::extension.eq(""),
                stored_files::bytes.eq(bytes),
                stored_files::store.eq(&place.store),
                stored_files::path.eq(&place.path),
                stored_files::retention.eq(FileRetention::Transient.id()),
                stored_files::kept_until.eq(now),
                stored_files::created_at.eq(now),
                stored_files::deleted_at.eq(now),
            );
            diesel::insert_into(stored_files::table).values(row).execute(connection).map(|_| true)
        })
    }
}

fn needed(connection: &mut Link, ids: &[i64], needs: &[FileNeed]) -> QueryResult<Vec<i64>> {
    let mut needed = Vec::new();
    for need in needs {
        needed.extend(need(connection, ids)?);
    }
    needed.sort_unstable();
    needed.dedup();
    Ok(needed)
}

/// The places of these rows that no live row names.
fn unnamed(connection: &mut Link, rows: &[FileRow]) -> QueryResult<Vec<FilePlace>> {
    let mut places: Vec<FilePlace> = rows.iter().map(FileRow::place).collect();
    places.sort();
    places.dedup();
    let mut free = Vec::new();
    for place in places {
        let live = stored_files::table
            .filter(stored_files::store.eq(&place.store).and(stored_files::path.eq(&place.path)))
            .filter(stored_files::deleted_at.is_null());
        if live.count().get_result::<i64>(connection)? == 0 {
            free.push(place);
        }
    }
    Ok(free)
}
