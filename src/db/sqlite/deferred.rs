//! Foreign keys that SQLite checks at the commit alone: rows without their parent are looked for before it, so that a
//! record is to blame.

use chrono::NaiveDateTime;
use rusqlite::{OptionalExtension, params};

use super::Sqlite;
use crate::clock;
use crate::db::{Refused, Table};
use crate::error::{Error, Result};
use crate::hash::Sha;

/// Orphans that are taken out at once.
const ORPHANS_AT_ONCE_MAX: usize = 10_000;

/// Has the keys of a table checked at the commit that refers to itself: its rows may stand before their parents. It holds
/// until the transaction ends.
pub(super) fn defer(sqlite: &Sqlite, table: &Table) -> Result<()> {
    if refers_to_itself(sqlite, table)? {
        let defer = sqlite.connection.execute_batch("PRAGMA defer_foreign_keys = ON");
        defer.map_err(|cause| sqlite.fail("defer the foreign keys", cause))?;
    }
    Ok(())
}

fn refers_to_itself(sqlite: &Sqlite, table: &Table) -> Result<bool> {
    let find = "SELECT 1 FROM pragma_foreign_key_list(?1) WHERE \"table\" = ?1 COLLATE NOCASE LIMIT 1";
    let found = sqlite.connection.query_row(find, params![table.name.name], |_| Ok(())).optional();
    found.map(|found| found.is_some()).map_err(|cause| sqlite.fail("look at the foreign keys", cause))
}

/// Whether the table has such a key; a doubt costs one look more.
fn has_deferred_keys(sqlite: &Sqlite, table: &Table) -> Result<bool> {
    if refers_to_itself(sqlite, table)? {
        return Ok(true);
    }
    let find = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
    let sql = sqlite.connection.query_row(find, params![table.name.name], |row| row.get::<_, String>(0)).optional();
    let sql = sql.map_err(|cause| sqlite.fail("look at the foreign keys", cause))?.unwrap_or_default().to_uppercase();
    Ok(sql.contains("DEFERRED") && sql.contains("REFERENCES"))
}

/// Whether a row that came at this moment has no parent.
pub(super) fn has_orphans(sqlite: &Sqlite, table: &Table, moment: NaiveDateTime) -> Result<bool> {
    if !has_deferred_keys(sqlite, table)? {
        return Ok(false);
    }
    let (name, rowid) = (table.name.quoted(), sqlite.rowid(table)?);
    let find = format!(
        "SELECT 1 FROM pragma_foreign_key_check(?1) AS orphan JOIN {name} AS own ON own.{rowid} = orphan.rowid \
         WHERE own.date_created = ?2 AND own.archive IS NULL LIMIT 1"
    );
    let found = sqlite.connection.query_row(&find, params![table.name.name, clock::text(moment)], |_| Ok(()));
    found.optional().map(|found| found.is_some()).map_err(|cause| sqlite.fail("check the foreign keys", cause))
}

/// Rows that are in, with their places in the input: on disk, since they may be many.
pub(super) struct Placed<'a>(&'a Sqlite);

impl<'a> Placed<'a> {
    /// `None` for a table without such a key.
    pub(super) fn of(sqlite: &'a Sqlite, table: &Table) -> Result<Option<Self>> {
        if !has_deferred_keys(sqlite, table)? {
            return Ok(None);
        }
        let placed = Self(sqlite);
        placed
            .run("CREATE TEMP TABLE dc_placed (row INTEGER PRIMARY KEY, place INTEGER, sha BLOB)")
            .map(|()| Some(placed))
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.0.connection.execute_batch(sql).map_err(|cause| self.fail(cause))
    }

    fn fail(&self, cause: rusqlite::Error) -> Error {
        self.0.fail("note the rows that are in", cause)
    }

    pub(super) fn note(&self, row: i64, place: u64, sha: Sha) -> Result<()> {
        let insert = || {
            let mut insert = self.0.connection.prepare_cached("INSERT INTO temp.dc_placed VALUES (?1, ?2, ?3)")?;
            insert.execute(params![row, place as i64, sha.0.as_slice()])
        };
        insert().map(|_| ()).map_err(|cause| self.fail(cause))
    }

    /// Takes the rows without a parent out again; a row of which one of them was the parent follows. Gives their number.
    pub(super) fn refuse_orphans(self, table: &Table, refused: &mut dyn FnMut(Refused) -> Result<()>) -> Result<u64> {
        let (name, rowid) = (table.name.quoted(), self.0.rowid(table)?);
        let mut count = 0;
        loop {
            let orphans = self.orphans(table).map_err(|cause| self.0.fail("check the foreign keys", cause))?;
            if orphans.is_empty() {
                break;
            }
            for (row, offset, sha, parent) in orphans {
                self.run(&format!(
                    "DELETE FROM {name} WHERE {rowid} = {row}; DELETE FROM temp.dc_placed WHERE row = {row}"
                ))?;
                let error = Error::failed("insert the row").because(format!("`{parent}` has no row that it names"));
                refused(Refused { offset, sha, error })?;
                count += 1;
            }
        }
        self.run("DROP TABLE temp.dc_placed").map(|()| count)
    }

    fn orphans(&self, table: &Table) -> rusqlite::Result<Vec<(i64, u64, Sha, String)>> {
        let find = format!(
            "SELECT placed.row, placed.place, placed.sha, min(orphan.parent) FROM pragma_foreign_key_check(?1) AS orphan \
             JOIN temp.dc_placed AS placed ON placed.row = orphan.rowid GROUP BY placed.row ORDER BY placed.place \
             LIMIT {ORPHANS_AT_ONCE_MAX}"
        );
        let mut statement = self.0.connection.prepare(&find)?;
        let orphans = statement.query_map(params![table.name.name], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs(), Sha(row.get(2)?), row.get(3)?))
        })?;
        orphans.collect()
    }
}

/// What SQLite means by a foreign key that failed: it names neither the column nor the parent.
pub(super) fn without_parent(sqlite: &Sqlite, table: &Table, cause: &rusqlite::Error) -> Option<String> {
    let code = cause.sqlite_error().map(|error| error.extended_code);
    if code != Some(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY) {
        return None;
    }
    let find =
        "SELECT group_concat(\"from\", ', '), \"table\" FROM pragma_foreign_key_list(?1) GROUP BY id ORDER BY id DESC";
    let mut statement = sqlite.connection.prepare(find).ok()?;
    let key = |row: &rusqlite::Row<'_>| {
        Ok(format!("`{}` has no row that `{}` names", row.get::<_, String>(1)?, row.get::<_, String>(0)?))
    };
    let keys: Vec<String> =
        statement.query_map(params![table.name.name], key).ok()?.collect::<rusqlite::Result<_>>().ok()?;
    (!keys.is_empty()).then(|| format!("a foreign key: {}", keys.join(", or ")))
}

/// The error of a commit that a foreign key forbids, in words.
pub(super) fn not_committed(sqlite: &Sqlite, cause: rusqlite::Error) -> Error {
    let is_constraint = cause.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation);
    let find = "SELECT \"table\", parent FROM pragma_foreign_key_check LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    match sqlite.connection.query_row(find, [], read) {
        Ok((child, parent)) if is_constraint => {
            let what = format!("commit: rows of `{child}` would name rows that `{parent}` does not have any more");
            sqlite
                .fail(&what, cause)
                .hint(format!("look at them: PRAGMA foreign_key_check(\"{child}\"); nothing was changed"))
        }
        _ => sqlite.fail("commit", cause),
    }
}
