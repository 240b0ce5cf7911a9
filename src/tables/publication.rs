//! Apps as they were deployed, file by file, so that a machine without an app's folder can fetch it from storage.

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use serde::Serialize;

use super::connection::Link;
use super::file::FileRow;
use super::lease::database_now;
use super::schema::{apps, publication_fetches, publication_files, publications, stored_files};
use super::{Keyed, Store, shown, take_keyed_turn};
use crate::error::Result;

/// The files of what was replaced stay for so long: a machine may be about to fetch them.
const REPLACED_STAY: TimeDelta = TimeDelta::hours(24);

/// An app as it was deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Queryable, Selectable)]
#[diesel(table_name = publications)]
pub struct PublicationRow {
    /// Its number.
    pub id: i64,
    /// The app.
    pub app_id: i64,
    /// The SHA-256 of all its files, by path and content.
    #[serde(serialize_with = "super::file::hex")]
    pub sha256: Vec<u8>,
    /// The app's definition at that time.
    #[serde(skip)]
    pub definition: String,
    /// How many files it has.
    pub files: i64,
    /// How many bytes they have.
    pub bytes: i64,
    /// When it was deployed.
    #[serde(serialize_with = "shown::moment")]
    pub published_at: NaiveDateTime,
    /// By whom.
    pub published_by: String,
    /// The machine that has its folder.
    pub host: String,
}

/// A file of a publication.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedFile {
    /// Its path in the app's folder, as names of stored files are written.
    pub path: String,
    /// Whether it may be executed.
    pub executable: bool,
    /// The stored file.
    pub file: FileRow,
}

/// An app that is to be published; its files are stored already.
#[derive(Debug, Clone)]
pub struct NewPublication {
    /// The app.
    pub app_id: i64,
    /// The SHA-256 of all its files.
    pub sha256: Vec<u8>,
    /// Its definition.
    pub definition: String,
    /// Its files, by path.
    pub files: BTreeMap<String, NewPublishedFile>,
    /// Who publishes it.
    pub by: String,
    /// The machine that has its folder.
    pub host: String,
}

/// A file of an app that is to be published.
#[derive(Debug, Clone, Copy)]
pub struct NewPublishedFile {
    /// The stored file.
    pub file_id: i64,
    /// How many bytes it has.
    pub bytes: i64,
    /// Whether it may be executed.
    pub executable: bool,
}

/// How publishing went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publishing {
    /// It is what counts from now on.
    Done,
    /// It was published just so before.
    Unchanged,
    /// The app is registered otherwise by now, or is none any more.
    Superseded,
}

/// What a machine has fetched of an app last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Queryable, Selectable, Insertable)]
#[diesel(table_name = publication_fetches)]
pub struct FetchRow {
    /// The app.
    pub app_id: i64,
    /// The machine.
    pub host: String,
    /// What it was to fetch.
    pub publication_id: i64,
    /// When.
    #[serde(serialize_with = "shown::moment")]
    pub fetched_at: NaiveDateTime,
    /// Why it could not.
    pub error: Option<String>,
}

/// What was published of apps.
pub struct Publications<'a>(&'a mut Store);

impl Store {
    /// What was published of apps.
    pub fn publications(&mut self) -> Publications<'_> {
        Publications(self)
    }
}

impl Publications<'_> {
    /// Makes a publication the one that counts.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn publish(&mut self, new: &NewPublication) -> Result<Publishing> {
        self.0.write("publish an app", |connection| {
            take_keyed_turn(connection, Keyed::Publication, &key(new.app_id))?;
            let app = apps::table.find(new.app_id).filter(apps::archive.is_null());
            let registered: Option<String> = app.select(apps::definition).first(connection).optional()?;
            if registered.as_ref() != Some(&new.definition) {
                return Ok(Publishing::Superseded);
            }
            if let Some(before) = current(connection, new.app_id)? {
                let same = before.sha256 == new.sha256 && before.definition == new.definition;
                if same && files_of(connection, before.id)? == ids(new) {
                    return Ok(Publishing::Unchanged);
                }
            }
            let now = database_now(connection)?;
            replace(connection, Some(new.app_id), now)?;
            insert(connection, new, now)?;
            Ok(Publishing::Done)
        })
    }

    /// Takes back what was published of all apps; of how many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn take_back(&mut self) -> Result<usize> {
        let current = publications::table.filter(publications::replaced_at.is_null()).count();
        if self.0.read("read what was published", |connection| current.get_result::<i64>(connection))? == 0 {
            return Ok(0);
        }
        self.0.write("take back what was published", |connection| {
            let now = database_now(connection)?;
            replace(connection, None, now)
        })
    }

    /// What counts of each app that is registered.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn all(&mut self) -> Result<Vec<PublicationRow>> {
        let current = publications::table
            .inner_join(apps::table)
            .filter(publications::replaced_at.is_null().and(apps::archive.is_null()))
            .select(PublicationRow::as_select());
        self.0.read("read what was published", |connection| current.load(connection))
    }

    /// What counts of an app; `None` where it was never published, or that was taken back.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn of_app(&mut self, app_id: i64) -> Result<Option<PublicationRow>> {
        self.0.read("read what was published", |connection| current(connection, app_id))
    }

    /// The files of a publication, ordered by path.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn files(&mut self, publication_id: i64) -> Result<Vec<PublishedFile>> {
        let files = publication_files::table
            .inner_join(stored_files::table)
            .filter(publication_files::publication_id.eq(publication_id))
            .order(publication_files::path.asc())
            .select((publication_files::path, publication_files::executable, FileRow::as_select()));
        let rows: Vec<(String, bool, FileRow)> =
            self.0.read("read the files of a publication", |connection| files.load(connection))?;
        Ok(rows.into_iter().map(|(path, executable, file)| PublishedFile { path, executable, file }).collect())
    }

    /// Notes what a machine has fetched, or why it could not; the time is the database's.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn note_fetch(&mut self, publication: &PublicationRow, host: &str, error: Option<&str>) -> Result<()> {
        let app_id = publication.app_id;
        self.0.write("note what was fetched", |connection| {
            take_keyed_turn(connection, Keyed::Publication, &key(app_id))?;
            let row = FetchRow {
                app_id,
                host: host.to_owned(),
                publication_id: publication.id,
                fetched_at: database_now(connection)?,
                error: error.map(str::to_owned),
            };
            diesel::delete(publication_fetches::table.find((app_id, host))).execute(connection)?;
            diesel::insert_into(publication_fetches::table).values(&row).execute(connection).map(drop)
        })
    }

    /// What machines have fetched of an app, ordered by their names.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn fetches(&mut self, app_id: i64) -> Result<Vec<FetchRow>> {
        let rows = publication_fetches::table.filter(publication_fetches::app_id.eq(app_id));
        let rows = rows.order(publication_fetches::host.asc()).select(FetchRow::as_select());
        self.0.read("read what was fetched", |connection| rows.load(connection))
    }
}

/// Those of the stored files that a machine may fetch: of what is published of an app that is registered, and of what was
/// until a moment ago.
pub(super) fn published_files(connection: &mut Link, ids: &[i64]) -> QueryResult<Vec<i64>> {
    let lately = database_now(connection)? - REPLACED_STAY;
    let counts = publications::replaced_at.is_null().or(publications::replaced_at.gt(lately));
    let is_app = apps::archive.is_null().or(apps::archive.gt(lately));
    publication_files::table
        .inner_join(publications::table.inner_join(apps::table))
        .filter(publication_files::file_id.eq_any(ids))
        .filter(counts.and(is_app))
        .select(publication_files::file_id)
        .distinct()
        .load(connection)
}

fn key(app_id: i64) -> [u8; 4] {
    let [.., a, b, c, d] = app_id.to_be_bytes();
    [a, b, c, d]
}

fn ids(new: &NewPublication) -> BTreeMap<String, i64> {
    new.files.iter().map(|(path, file)| (path.clone(), file.file_id)).collect()
}

fn current(connection: &mut Link, app_id: i64) -> QueryResult<Option<PublicationRow>> {
    publications::table
        .filter(publications::app_id.eq(app_id).and(publications::replaced_at.is_null()))
        .select(PublicationRow::as_select())
        .first(connection)
        .optional()
}

fn files_of(connection: &mut Link, publication_id: i64) -> QueryResult<BTreeMap<String, i64>> {
    let files = publication_files::table.filter(publication_files::publication_id.eq(publication_id));
    let files: Vec<(String, i64)> =
        files.select((publication_files::path, publication_files::file_id)).load(connection)?;
    Ok(files.into_iter().collect())
}

/// Ends what counts, of an app or of all; the lists of what was replaced long ago go.
fn replace(connection: &mut Link, app_id: Option<i64>, now: NaiveDateTime) -> QueryResult<usize> {
    let mut old = publications::table.filter(publications::replaced_at.lt(now - REPLACED_STAY)).into_boxed();
    if let Some(app_id) = app_id {
        old = old.filter(publications::app_id.eq(app_id));
    }
    let old: Vec<i64> = old.select(publications::id).load(connection)?;
    diesel::delete(publication_files::table.filter(publication_files::publication_id.eq_any(old)))
        .execute(connection)?;
    let current = publications::table.filter(publications::replaced_at.is_null());
    match app_id {
        Some(app_id) => diesel::update(current.filter(publications::app_id.eq(app_id)))
            .set(publications::replaced_at.eq(now))
            .execute(connection),
        None => diesel::update(current).set(publications::replaced_at.eq(now)).execute(connection),
    }
}

fn insert(connection: &mut Link, new: &NewPublication, now: NaiveDateTime) -> QueryResult<()> {
    let row = (
        publications::app_id.eq(new.app_id),
        publications::sha256.eq(&new.sha256),
        publications::definition.eq(&new.definition),
        publications::files.eq(i64::try_from(new.files.len()).unwrap_or(i64::MAX)),
        publications::bytes.eq(new.files.values().map(|file| file.bytes).sum::<i64>()),
        publications::published_at.eq(now),
        publications::published_by.eq(&new.by),
        publications::host.eq(&new.host),
    );
    diesel::insert_into(publications::table).values(row).execute(connection)?;
    let publication = current(connection, new.app_id)?.ok_or(diesel::NotFound)?;
    for (path, file) in &new.files {
        let row = (
            publication_files::publication_id.eq(publication.id),
            publication_files::path.eq(path),
            publication_files::file_id.eq(file.file_id),
            publication_files::executable.eq(file.executable),
        );
        diesel::insert_into(publication_files::table).values(row).execute(connection)?;
    }
    Ok(())
}
