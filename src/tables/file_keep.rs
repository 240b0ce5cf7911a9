//! How a file comes into the table, and changes there: the same bytes of one app are one file, whoever keeps them at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::connection::{Link, insert_rows};
use super::file::{FilePlace, FileRow, Files, live};
use super::lease::database_now;
use super::schema::stored_files;
use super::{Keyed, take_keyed_turn, take_keyed_turns};
use crate::error::Result;

/// A file that is to be kept.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// The app whose file it is.
    pub app_id: Option<i64>,
    /// The run that keeps it.
    pub runtime: Option<String>,
    /// The SHA-256 of its bytes.
    pub sha256: Vec<u8>,
    /// Its name.
    pub name: String,
    /// The end of its name.
    pub extension: String,
    /// How many bytes it has.
    pub bytes: i64,
    /// The number of its retention.
    pub retention: i64,
    /// For how many days; `None` for ever.
    pub days: Option<i64>,
}

/// Where the bytes of a new file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// They were put here, and belong to whoever keeps them.
    Placed(FilePlace),
    /// They were found here, where a kept file has its place.
    Found(FilePlace),
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Kept {
    /// It is in the table. Its place is that of a file that was there, or the one that was offered.
    As {
        /// The row.
        row: Box<FileRow>,
        /// Whether the row is new.
        is_new: bool,
    },
    /// A deleted file has had this place: the bytes must go somewhere else.
    Taken,
    /// What was found is no longer kept there: look again.
    Moved,
}

/// What became of moving a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relocated {
    /// So many rows name the new place now.
    Done(usize),
    /// A deleted file has had the new place.
    Taken,
    /// No row names the old place any more.
    Gone,
}

/// How many rows, of deleted files or not, have a place.
pub(super) fn rows_at(connection: &mut Link, place: &FilePlace) -> QueryResult<i64> {
    let at = stored_files::table.filter(stored_files::store.eq(&place.store).and(stored_files::path.eq(&place.path)));
    at.count().get_result(connection)
}

impl Files<'_> {
    /// Keeps a file under a name. The same name of the same bytes is the row that is there, whose time becomes the longer
    /// one of both.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn keep(&mut self, file: &NewFile, offer: &Offer) -> Result<Kept> {
        self.0.write("note a stored file", |connection| {
            take_keyed_turn(connection, Keyed::File, &file.sha256)?;
            let now = database_now(connection)?;
            keep(connection, file, offer, now)
        })
    }

    /// Which of these are new in every way: nothing was ever kept with their bytes or at their place.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn are_new(&mut self, files: &[(NewFile, FilePlace)]) -> Result<Vec<bool>> {
        self.0.read("read the stored files", |connection| are_new(connection, files))
    }

    /// Keeps many files, each with bytes that were put in a place, all or none; what became of each.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn keep_all(&mut self, files: &[(NewFile, FilePlace)]) -> Result<Vec<Kept>> {
        self.0.write("note stored files", |connection| {
            take_keyed_turns(connection, Keyed::File, files.iter().map(|(file, _)| file.sha256.as_slice()))?;
            let now = database_now(connection)?;
            keep_all(connection, files, now)
        })
    }

    /// Holds files against deletion; those that could be held. A file that is held keeps its first reason.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn hold(&mut self, ids: &[i64], by: &str, reason: &str) -> Result<usize> {
        self.0.write("hold stored files", |connection| {
            let live = stored_files::table.filter(stored_files::id.eq_any(ids).and(stored_files::deleted_at.is_null()));
            let row = (
                stored_files::held.eq(reason),
                stored_files::held_by.eq(by),
                stored_files::held_at.eq(database_now(connection)?),
            );
            diesel::update(live.filter(stored_files::held.is_null())).set(row).execute(connection)
        })
    }

    /// Lets go of files that were held; how many were.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn release(&mut self, ids: &[i64]) -> Result<usize> {
        self.0.write("release stored files", |connection| {
            let held = stored_files::table.filter(stored_files::id.eq_any(ids).and(stored_files::held.is_not_null()));
            let row = (
                stored_files::held.eq(None::<String>),
                stored_files::held_by.eq(None::<String>),
                stored_files::held_at.eq(None::<NaiveDateTime>),
            );
            diesel::update(held).set(row).execute(connection)
        })
    }

    /// Names another place for a file, whose bytes are there already.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn relocate(&mut self, sha256: &[u8], from: &FilePlace, to: &FilePlace) -> Result<Relocated> {
        self.0.write("note the new place of a stored file", |connection| {
            take_keyed_turn(connection, Keyed::File, sha256)?;
            if rows_at(connection, to)? > 0 {
                return Ok(Relocated::Taken);
            }
            let live = stored_files::table
                .filter(stored_files::store.eq(&from.store).and(stored_files::path.eq(&from.path)))
                .filter(stored_files::deleted_at.is_null());
            // what was wrong with the old one is of no interest
            let row = (
                stored_files::store.eq(&to.store),
                stored_files::path.eq(&to.path),
                stored_files::checked_at.eq(None::<NaiveDateTime>),
                stored_files::fault.eq(None::<String>),
            );
            Ok(match diesel::update(live).set(row).execute(connection)? {
                0 => Relocated::Gone,
                count => Relocated::Done(count),
            })
        })
    }

    /// Notes what reading a file back has found.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn note_check(&mut self, store: &str, found: &[(String, Option<String>)]) -> Result<()> {
        self.0.write("note what a check has found", |connection| {
            let now = database_now(connection)?;
            let at = |path: &str| {
                let place = stored_files::table.filter(stored_files::store.eq(store.to_owned()));
                place.filter(stored_files::path.eq(path.to_owned()).and(stored_files::deleted_at.is_null()))
            };
            found.iter().try_for_each(|(path, fault)| {
                let row = (stored_files::checked_at.eq(now), stored_files::fault.eq(fault));
                diesel::update(at(path)).set(row).execute(connection).map(drop)
            })
        })
    }
}

fn keep(connection: &mut Link, file: &NewFile, offer: &Offer, now: NaiveDateTime) -> QueryResult<Kept> {
    let place = match (place_of(connection, file)?, offer) {
        (Some(there), Offer::Placed(_)) => there,
        (Some(there), Offer::Found(found)) if there == *found => there,
        (_, Offer::Found(_)) => return Ok(Kept::Moved),
        (None, Offer::Placed(place)) if rows_at(connection, place)? > 0 => return Ok(Kept::Taken),
        (None, Offer::Placed(place)) => place.clone(),
    };
    let same_name = |connection: &mut Link| {
        let rows = live(file.app_id, &file.sha256).filter(stored_files::name.eq(file.name.clone()));
        rows.select(FileRow::as_select()).order(stored_files::id.desc()).first(connection).optional()
    };
    let is_new = match same_name(connection)? {
        Some(row) => {
            prolong(connection, &row, kept_until(file, now), file.retention)?;
            false
        }
        None => {
            insert_rows!(connection, stored_files::table, [NewRow::of(file, &place, now)])?;
            true
        }
    };
    let row = same_name(connection)?.ok_or(diesel::NotFound)?;
    Ok(Kept::As { row: Box::new(row), is_new })
}

/// What is new in every way is inserted together; the rest comes after it, one after the other.
fn keep_all(connection: &mut Link, files: &[(NewFile, FilePlace)], now: NaiveDateTime) -> QueryResult<Vec<Kept>> {
    let is_new = are_new(connection, files)?;
    let new = files.iter().zip(&is_new).filter(|(_, is_new)| **is_new);
    let rows: Vec<NewRow<'_>> = new.map(|((file, place), _)| NewRow::of(file, place, now)).collect();
    insert_rows!(connection, stored_files::table, rows)?;
    let mut inserted: BTreeMap<Vec<u8>, FileRow> = stored_files::table
        .filter(stored_files::sha256.eq_any(rows.iter().map(|row| row.sha256)))
        .select(FileRow::as_select())
        .load(connection)?
        .into_iter()
        .map(|row: FileRow| (row.sha256.clone(), row))
        .collect();
    drop(rows);
    files
        .iter()
        .zip(is_new)
        .map(|((file, place), is_new)| match is_new.then(|| inserted.remove(&file.sha256)).flatten() {
            Some(row) => Ok(Kept::As { row: Box::new(row), is_new: true }),
            None => keep(connection, file, &Offer::Placed(place.clone()), now),
        })
        .collect()
}

/// Which of these are new in every way: the first with their bytes and with their place.
fn are_new(connection: &mut Link, files: &[(NewFile, FilePlace)]) -> QueryResult<Vec<bool>> {
    let contents = files.iter().map(|(file, _)| &file.sha256);
    let (stores, paths) = (files.iter().map(|(_, place)| &place.store), files.iter().map(|(_, place)| &place.path));
    let known = stored_files::table.filter(stored_files::sha256.eq_any(contents)).select(stored_files::sha256);
    let mut known: BTreeSet<Vec<u8>> = known.load(connection)?.into_iter().collect();
    let taken = stored_files::table
        .filter(stored_files::store.eq_any(stores).and(stored_files::path.eq_any(paths)))
        .select(stored_files::path);
    let mut taken: BTreeSet<String> = taken.load(connection)?.into_iter().collect();
    let mut is_new =
        |file: &NewFile, place: &FilePlace| known.insert(file.sha256.clone()) & taken.insert(place.path.clone());
    Ok(files.iter().map(|(file, place)| is_new(file, place)).collect())
}

fn kept_until(file: &NewFile, now: NaiveDateTime) -> Option<NaiveDateTime> {
    file.days.and_then(|days| now.checked_add_signed(TimeDelta::try_days(days)?))
}

/// Where the same bytes are kept for the same app.
fn place_of(connection: &mut Link, file: &NewFile) -> QueryResult<Option<FilePlace>> {
    let live = live(file.app_id, &file.sha256).order(stored_files::id.asc());
    let place = live.select((stored_files::store, stored_files::path)).first(connection).optional()?;
    Ok(place.map(|(store, path)| FilePlace { store, path }))
}

fn prolong(connection: &mut Link, row: &FileRow, kept_until: Option<NaiveDateTime>, retention: i64) -> QueryResult<()> {
    let is_longer = match (row.kept_until, kept_until) {
        (Some(before), Some(after)) => after > before,
        (Some(_), None) => true,
        (None, _) => false,
    };
    if !is_longer {
        return Ok(());
    }
    let changed = (stored_files::kept_until.eq(kept_until), stored_files::retention.eq(retention));
    diesel::update(stored_files::table.find(row.id)).set(changed).execute(connection).map(drop)
}

#[derive(Insertable)]
#[diesel(table_name = stored_files)]
struct NewRow<'a> {
    app_id: Option<i64>,
    runtime: Option<&'a str>,
    sha256: &'a [u8],
    name: &'a str,
    extension: &'a str,
    bytes: i64,
    store: &'a str,
    path: &'a str,
    retention: i64,
    kept_until: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
}

impl<'a> NewRow<'a> {
    fn of(file: &'a NewFile, place: &'a FilePlace, now: NaiveDateTime) -> Self {
        Self {
            app_id: file.app_id,
            runtime: file.runtime.as_deref(),
            sha256: &file.sha256,
            name: &file.name,
            extension: &file.extension,
            bytes: file.bytes,
            store: &place.store,
            path: &place.path,
            retention: file.retention,
            kept_until: kept_until(file, now),
            created_at: now,
        }
    }
}
