//! The files that are kept, as the database knows them: a row for each name, several of which may share a file.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::{Serialize, Serializer};

use super::connection::LinkBackend;
use super::schema::stored_files;
use super::{Store, shown};
use crate::error::Result;

/// The bytes of a SHA-256.
pub const SHA256_BYTES: usize = 32;

/// Where a file stands: the path is relative to its store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FilePlace {
    /// The name of the store.
    pub store: String,
    /// The path there.
    pub path: String,
}

/// A kept file under one of its names.
#[derive(Debug, Clone, PartialEq, Serialize, Queryable, Selectable)]
#[diesel(table_name = stored_files)]
pub struct FileRow {
    /// Its number.
    pub id: i64,
    /// The app whose file it is; `None` for one that a person kept.
    pub app_id: Option<i64>,
    /// The run that kept it first.
    pub runtime: Option<String>,
    /// The SHA-256 of its bytes.
    #[serde(serialize_with = "hex")]
    pub sha256: Vec<u8>,
    /// Its name; bytes that are no UTF-8 stand as `\xNN`, and a backslash is doubled.
    pub name: String,
    /// The end of its name, in small letters; empty where there is none.
    pub extension: String,
    /// How many bytes it has.
    pub bytes: i64,
    /// The store that it is in.
    pub store: String,
    /// Its path there.
    pub path: String,
    /// The number of its retention.
    pub retention: i64,
    /// When its time is up; `None` for never.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub kept_until: Option<NaiveDateTime>,
    /// Why it must stay whatever its retention says.
    pub held: Option<String>,
    /// Who said so.
    pub held_by: Option<String>,
    /// When.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub held_at: Option<NaiveDateTime>,
    /// When it was kept first.
    #[serde(serialize_with = "shown::moment")]
    pub created_at: NaiveDateTime,
    /// When all of it was last read back.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub checked_at: Option<NaiveDateTime>,
    /// What was wrong with it then.
    pub fault: Option<String>,
    /// When it was deleted; the row stays.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub deleted_at: Option<NaiveDateTime>,
}

/// Which files.
#[derive(Debug, Clone, Default)]
pub struct FileFilter {
    /// Of one of these apps.
    pub app_ids: Option<Vec<i64>>,
    /// Kept by this run.
    pub runtime: Option<String>,
    /// In this store.
    pub store: Option<String>,
    /// Of exactly this name.
    pub name: Option<String>,
    /// With a SHA-256 from the first to the second.
    pub sha256: Option<(Vec<u8>, Vec<u8>)>,
    /// Only what is held.
    pub held: bool,
    /// Only what the last check found damaged or missing.
    pub faulty: bool,
    /// What was deleted, too.
    pub deleted: bool,
    /// Only numbers below this one.
    pub below: Option<i64>,
}

/// What stands at a place, to be read back.
#[derive(Debug, Clone, Queryable)]
pub struct FileToCheck {
    /// Its path in the store.
    pub path: String,
    /// What its bytes must give.
    pub sha256: Vec<u8>,
    /// How many it must have.
    pub bytes: i64,
}

/// How many files there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FileCount {
    /// Names.
    pub names: i64,
    /// Of those, how many are held.
    pub held: i64,
}

/// The files that are kept.
pub struct Files<'a>(pub(super) &'a mut Store);

impl Store {
    /// The files that are kept.
    pub fn files(&mut self) -> Files<'_> {
        Files(self)
    }
}

impl FileRow {
    /// Where it stands.
    pub fn place(&self) -> FilePlace {
        FilePlace { store: self.store.clone(), path: self.path.clone() }
    }

    /// Its SHA-256 in 64 small hexadecimal digits.
    pub fn sha256_hex(&self) -> String {
        hex_text(&self.sha256)
    }
}

/// Bytes in small hexadecimal digits.
pub fn hex_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex_text(bytes))
}

type Live = diesel::helper_types::IntoBoxed<'static, stored_files::table, LinkBackend>;

/// The rows of the bytes with this SHA-256 that an app keeps.
pub(super) fn live(app_id: Option<i64>, sha256: &[u8]) -> Live {
    let rows = stored_files::table.into_boxed().filter(stored_files::deleted_at.is_null());
    let rows = rows.filter(stored_files::sha256.eq(sha256.to_vec()));
    match app_id {
        Some(app_id) => rows.filter(stored_files::app_id.eq(app_id)),
        None => rows.filter(stored_files::app_id.is_null()),
    }
}

impl Files<'_> {
    /// The file of this number, deleted or not.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn by_id(&mut self, id: i64) -> Result<Option<FileRow>> {
        let row = stored_files::table.find(id).select(FileRow::as_select());
        self.0.read("read the stored files", |connection| row.first(connection).optional())
    }

    /// The newest name of the bytes with this SHA-256 that an app keeps.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn by_sha256(&mut self, app_id: Option<i64>, sha256: &[u8]) -> Result<Option<FileRow>> {
        let newest = live(app_id, sha256).select(FileRow::as_select()).order(stored_files::id.desc());
        self.0.read("read the stored files", |connection| newest.first(connection).optional())
    }

    /// The files that a filter lets through, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&mut self, filter: &FileFilter, count: i64) -> Result<Vec<FileRow>> {
        self.0.read("read the stored files", |connection| {
            let mut query = stored_files::table.select(FileRow::as_select()).into_boxed();
            if let Some(app_ids) = &filter.app_ids {
                query = query.filter(stored_files::app_id.eq_any(app_ids));
            }
            if let Some(runtime) = &filter.runtime {
                query = query.filter(stored_files::runtime.eq(runtime));
            }
            if let Some(store) = &filter.store {
                query = query.filter(stored_files::store.eq(store));
            }
            if let Some(name) = &filter.name {
                query = query.filter(stored_files::name.eq(name));
            }
            if let Some((first, last)) = &filter.sha256 {
                query = query.filter(stored_files::sha256.ge(first).and(stored_files::sha256.le(last)));
            }
            if filter.held {
                query = query.filter(stored_files::held.is_not_null());
            }
            if filter.faulty {
                query = query.filter(stored_files::fault.is_not_null());
            }
            if !filter.deleted {
                query = query.filter(stored_files::deleted_at.is_null());
            }
            if let Some(below) = filter.below {
                query = query.filter(stored_files::id.lt(below));
            }
            query.order(stored_files::id.desc()).limit(count).load(connection)
        })
    }

    /// Where the bytes with this SHA-256 are kept for an app, and whether the last look at them found a fault.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn whereabouts(&mut self, app_id: Option<i64>, sha256: &[u8]) -> Result<Option<(FilePlace, bool)>> {
        self.0.read("read the stored files", |connection| {
            let live = live(app_id, sha256).order(stored_files::id.asc());
            let columns = (stored_files::store, stored_files::path, stored_files::fault);
            let place: Option<(String, String, Option<String>)> = live.select(columns).first(connection).optional()?;
            Ok(place.map(|(store, path, fault)| (FilePlace { store, path }, fault.is_some())))
        })
    }

    /// Whether a row, of a deleted file or not, has this place.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn is_used(&mut self, place: &FilePlace) -> Result<bool> {
        let at =
            stored_files::table.filter(stored_files::store.eq(&place.store).and(stored_files::path.eq(&place.path)));
        self.0.read("read the stored files", |connection| Ok(at.count().get_result::<i64>(connection)? > 0))
    }

    /// Whether anything was ever kept in a store.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn knows(&mut self, store: &str) -> Result<bool> {
        let any = stored_files::table.filter(stored_files::store.eq(store)).select(stored_files::id);
        let any = any.order(stored_files::id.asc());
        self.0.read("read the stored files", |connection| Ok(any.first::<i64>(connection).optional()?.is_some()))
    }

    /// The names of all stores that files are in.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn stores(&mut self) -> Result<Vec<String>> {
        let live = stored_files::table.filter(stored_files::deleted_at.is_null());
        let names = live.select(stored_files::store).distinct().order(stored_files::store.asc());
        self.0.read("read the stored files", |connection| names.load(connection))
    }

    /// How many there are in a store.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn count(&mut self, store: &str) -> Result<FileCount> {
        self.0.read("count the stored files", |connection| {
            let live =
                stored_files::table.filter(stored_files::store.eq(store).and(stored_files::deleted_at.is_null()));
            let names = live.count().get_result(connection)?;
            let held = live.filter(stored_files::held.is_not_null()).count().get_result(connection)?;
            Ok(FileCount { names, held })
        })
    }

    /// What stands in a store, each file once, in the order of the paths.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn to_check(&mut self, store: &str, after: &str, count: i64) -> Result<Vec<FileToCheck>> {
        let live = stored_files::table
            .filter(stored_files::store.eq(store).and(stored_files::deleted_at.is_null()))
            .filter(stored_files::path.gt(after))
            .select((stored_files::path, stored_files::sha256, stored_files::bytes))
            .distinct()
            .order(stored_files::path.asc())
            .limit(count);
        self.0.read("read the stored files", |connection| live.load(connection))
    }

    /// Those of the paths that a kept file has.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn known(&mut self, store: &str, paths: &[String]) -> Result<Vec<String>> {
        let live = stored_files::table
            .filter(stored_files::store.eq(store).and(stored_files::deleted_at.is_null()))
            .filter(stored_files::path.eq_any(paths))
            .select(stored_files::path)
            .distinct();
        self.0.read("read the stored files", |connection| live.load(connection))
    }
}
