//! The retentions: ours, and those that people have added to the codebook.

use diesel::prelude::*;
use serde::Serialize;

use super::Store;
use super::codebook::FileRetention;
use super::schema::c_file_retention;
use crate::error::{Error, ErrorKind, Result};

/// The first number of a retention that people add.
pub const OWN_RETENTION_MIN: i64 = 100;

/// How long files are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Queryable)]
pub struct RetentionRow {
    /// Its number.
    pub id: i64,
    /// Its name, in capitals.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// For how many days; `None` for ever.
    pub days: Option<i64>,
}

/// The retentions.
pub struct Retentions<'a>(pub(super) &'a mut Store);

impl Store {
    /// The retentions of stored files.
    pub fn retentions(&mut self) -> Retentions<'_> {
        Retentions(self)
    }
}

impl Retentions<'_> {
    /// All of them, ordered by number. Before the first `dc deploy` they are those of this binary.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn all(&mut self) -> Result<Vec<RetentionRow>> {
        let active = c_file_retention::table.filter(c_file_retention::archive.is_null());
        let columns =
            (c_file_retention::id, c_file_retention::name, c_file_retention::description, c_file_retention::days);
        let active = active.select(columns).order(c_file_retention::id.asc());
        let mut rows: Vec<RetentionRow> = self.0.read("read the retentions", |connection| active.load(connection))?;
        for ours in FileRetention::ALL {
            if rows.iter().all(|row| row.id != ours.id()) {
                let (name, description) = (ours.name().to_owned(), ours.description().to_owned());
                rows.push(RetentionRow { id: ours.id(), name, description, days: ours.days() });
            }
        }
        rows.sort_by_key(|row| row.id);
        Ok(rows)
    }

    /// The retention of this name, in any letters: `regulatory_7y`, `Regulatory-7Y`.
    ///
    /// # Errors
    /// Usage, with the names that are known.
    pub fn named(&mut self, name: &str) -> Result<RetentionRow> {
        let rows = self.all()?;
        let plain = |name: &str| name.trim().replace('-', "_").to_uppercase();
        if let Some(row) = rows.iter().find(|row| plain(&row.name) == plain(name)) {
            return Ok(row.clone());
        }
        let known: Vec<String> = rows.iter().map(|row| row.name.to_lowercase()).collect();
        Err(Error::new(ErrorKind::Usage, format!("keep a file: there is no retention `{name}`"))
            .hint(format!("known: {}; `dc files retention NAME DAYS` adds one", known.join(", "))))
    }
}
