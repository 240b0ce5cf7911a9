//! The tables, views and routines that each app touches.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Text, Timestamp};
use serde::Serialize;

use super::connection::Link;
use super::schema::app_db_objects;
use super::sha::text_sha;
use super::time::database_now;
use super::{Store, shown};
use crate::error::Result;

/// So many apps, databases and schemas of one name are read.
const OF_NAME_MAX: i64 = 5_000;

/// The start of the statement; SQLite takes PostgreSQL's numbered parameters in their order.
const INSERT: &str = "\
INSERT INTO app_db_objects (sha, date_created, app_id, \"database\", schema_name, name, kind, \"reads\", writes, \
last_seen, last_runtime) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ";
/// What becomes of a row that is there.
const OR_UPDATE: &str = "\
ON CONFLICT (app_id, \"database\", schema_name, name, kind) WHERE archive IS NULL DO UPDATE SET \
reads = app_db_objects.reads OR excluded.reads, writes = app_db_objects.writes OR excluded.writes, \
date_modified = excluded.last_seen, last_seen = excluded.last_seen, last_runtime = excluded.last_runtime";
/// The same in the words of MariaDB and MySQL.
const OR_UPDATE_OF_MYSQL: &str = "\
ON DUPLICATE KEY UPDATE \
\"reads\" = app_db_objects.\"reads\" OR VALUES(\"reads\"), writes = app_db_objects.writes OR VALUES(writes), \
date_modified = VALUES(last_seen), last_seen = VALUES(last_seen), last_runtime = VALUES(last_runtime)";

/// What an object of a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// A table.
    Table,
    /// A view.
    View,
    /// A function or procedure.
    Routine,
}

impl ObjectKind {
    /// As the database holds it: `table`, `view`, `routine`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::Routine => "routine",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Table, Self::View, Self::Routine].into_iter().find(|kind| kind.name() == name)
    }
}

/// An object that a run touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TouchedObject {
    /// The database as the settings call it.
    pub database: String,
    /// Its schema; empty where the database has none.
    pub schema_name: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ObjectKind,
    /// Whether the run read it.
    pub reads: bool,
    /// Whether the run wrote it.
    pub writes: bool,
}

/// How many rows merges have changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChangedRows {
    /// Records inserted that replace no row.
    pub new: i64,
    /// Records inserted that replace a row of the same key.
    pub changed: i64,
    /// Rows taken out that no record replaces.
    pub gone: i64,
}

/// A table into which an app has merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedTable {
    /// The app.
    pub app_id: i64,
    /// The database as the settings call it.
    pub database: String,
    /// Its schema; empty where the database has none.
    pub schema_name: String,
    /// Its name.
    pub name: String,
    /// How many rows all merges of the app have changed.
    pub rows: ChangedRows,
}

/// An object that an app touches, from all its runs.
#[derive(Debug, Clone, Serialize)]
pub struct ObjectRow {
    /// Its number.
    pub id: i64,
    /// The app.
    pub app_id: i64,
    /// The database as the settings call it.
    pub database: String,
    /// Its schema; empty where the database has none.
    pub schema_name: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ObjectKind,
    /// Whether any run read it.
    pub reads: bool,
    /// Whether any run wrote it.
    pub writes: bool,
    /// When a run touched it first.
    #[serde(serialize_with = "shown::moment")]
    pub first_seen: NaiveDateTime,
    /// When a run touched it last.
    #[serde(serialize_with = "shown::moment")]
    pub last_seen: NaiveDateTime,
    /// That run.
    pub last_runtime: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = app_db_objects)]
struct ObjectRecord {
    id: i64,
    app_id: i64,
    database: String,
    schema_name: String,
    name: String,
    kind: String,
    reads: bool,
    writes: bool,
    date_created: NaiveDateTime,
    last_seen: NaiveDateTime,
    last_runtime: String,
}

/// The objects of databases that apps touch.
pub struct Objects<'a>(pub(super) &'a mut Store);

impl Store {
    /// The objects of databases that apps touch.
    pub fn objects(&mut self) -> Objects<'_> {
        Objects(self)
    }
}

impl Objects<'_> {
    /// Records what a run touched. What was known keeps its row; reading and writing add up over the runs.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn touch(&mut self, app_id: i64, runtime: &str, objects: &[TouchedObject]) -> Result<()> {
        // each once and in one order, so that two runs do not wait for each other crosswise
        let mut touched: BTreeMap<(&str, &str, &str, ObjectKind), (bool, bool)> = BTreeMap::new();
        for it in objects {
            let key = (it.database.as_str(), it.schema_name.as_str(), it.name.as_str(), it.kind);
            let (reads, writes) = touched.entry(key).or_default();
            *reads |= it.reads;
            *writes |= it.writes;
        }
        if touched.is_empty() {
            return Ok(());
        }
        self.0.write("record what the app touched", |connection| {
            let now = database_now(connection)?;
            let or_update = if matches!(connection, Link::Mysql(_)) { OR_UPDATE_OF_MYSQL } else { OR_UPDATE };
            let upsert = format!("{INSERT}{or_update}");
            for ((database, schema_name, name, kind), (reads, writes)) in &touched {
                let fields =
                    [("database", *database), ("kind", kind.name()), ("name", *name), ("schema_name", *schema_name)];
                let statement = connection.query(&upsert);
                statement
                    .bind::<Binary, _>(text_sha(&fields))
                    .bind::<Timestamp, _>(now)
                    .bind::<BigInt, _>(app_id)
                    .bind::<Text, _>(*database)
                    .bind::<Text, _>(*schema_name)
                    .bind::<Text, _>(*name)
                    .bind::<Text, _>(kind.name())
                    .bind::<Bool, _>(*reads)
                    .bind::<Bool, _>(*writes)
                    .bind::<Timestamp, _>(now)
                    .bind::<Text, _>(runtime)
                    .execute(connection)?;
            }
            Ok(())
        })
    }

    /// Adds to how many rows the merges of an app have changed in a table that it has touched.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn add_rows(&mut self, app_id: i64, table: &TouchedObject, rows: &ChangedRows) -> Result<()> {
        let this = app_db_objects::table
            .filter(app_db_objects::app_id.eq(app_id).and(app_db_objects::archive.is_null()))
            .filter(app_db_objects::database.eq(&table.database))
            .filter(app_db_objects::schema_name.eq(&table.schema_name))
            .filter(app_db_objects::name.eq(&table.name).and(app_db_objects::kind.eq(ObjectKind::Table.name())));
        let more = (
            app_db_objects::rows_new.eq(app_db_objects::rows_new + rows.new),
            app_db_objects::rows_changed.eq(app_db_objects::rows_changed + rows.changed),
            app_db_objects::rows_gone.eq(app_db_objects::rows_gone + rows.gone),
        );
        self.0.write("count the rows of a merge", |connection| {
            diesel::update(this).set(more).execute(connection).map(drop)
        })
    }

    /// The tables into which apps have merged: the app, the database, the schema, the table, and how many rows.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn merged(&mut self) -> Result<Vec<MergedTable>> {
        let rows = (app_db_objects::rows_new, app_db_objects::rows_changed, app_db_objects::rows_gone);
        let any = app_db_objects::rows_new + app_db_objects::rows_changed + app_db_objects::rows_gone;
        let merged = app_db_objects::table
            .filter(app_db_objects::archive.is_null().and(any.gt(0)))
            .order(app_db_objects::id.asc())
            .select((
                app_db_objects::app_id,
                (app_db_objects::database, app_db_objects::schema_name, app_db_objects::name),
                rows,
            ));
        type Merged = (i64, (String, String, String), (i64, i64, i64));
        let found: Vec<Merged> =
            self.0.read("read into which tables apps have merged", |connection| merged.load(connection))?;
        let table = |(app_id, (database, schema_name, name), (new, changed, gone)): Merged| MergedTable {
            app_id,
            database,
            schema_name,
            name,
            rows: ChangedRows { new, changed, gone },
        };
        Ok(found.into_iter().map(table).collect())
    }

    /// What all apps touch, those that are gone too, by database, schema and name; at most `count` rows.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn all(&mut self, count: i64) -> Result<Vec<ObjectRow>> {
        self.0.read("read what apps touch", |connection| {
            let records: Vec<ObjectRecord> = app_db_objects::table
                .filter(app_db_objects::archive.is_null())
                .order((app_db_objects::last_seen.desc(), app_db_objects::id.desc()))
                .limit(count)
                .select(ObjectRecord::as_select())
                .load(connection)?;
            let mut rows = records.into_iter().map(row).collect::<QueryResult<Vec<ObjectRow>>>()?;
            rows.sort_by(|left, right| place(left).cmp(&place(right)).then(left.app_id.cmp(&right.app_id)));
            Ok(rows)
        })
    }

    /// What all apps do with one table, view or routine of this name, and with others of its name in other databases and
    /// schemas.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn of_name(&mut self, name: &str) -> Result<Vec<ObjectRow>> {
        self.0.read("read who touches a table", |connection| {
            let records: Vec<ObjectRecord> = app_db_objects::table
                .filter(app_db_objects::name.eq(name).and(app_db_objects::archive.is_null()))
                .order((app_db_objects::last_seen.desc(), app_db_objects::id.desc()))
                .limit(OF_NAME_MAX)
                .select(ObjectRecord::as_select())
                .load(connection)?;
            let mut rows = records.into_iter().map(row).collect::<QueryResult<Vec<ObjectRow>>>()?;
            rows.sort_by(|left, right| place(left).cmp(&place(right)).then(left.app_id.cmp(&right.app_id)));
            Ok(rows)
        })
    }

    /// What the app touches, ordered by database, schema and name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn of_app(&mut self, app_id: i64) -> Result<Vec<ObjectRow>> {
        self.0.read("read what the app touches", |connection| load(connection, app_id))
    }
}

fn load(connection: &mut Link, app_id: i64) -> QueryResult<Vec<ObjectRow>> {
    let records: Vec<ObjectRecord> = app_db_objects::table
        .filter(app_db_objects::app_id.eq(app_id).and(app_db_objects::archive.is_null()))
        .select(ObjectRecord::as_select())
        .load(connection)?;
    let mut rows = records.into_iter().map(row).collect::<QueryResult<Vec<ObjectRow>>>()?;
    rows.sort_by(|left, right| place(left).cmp(&place(right)));
    Ok(rows)
}

fn place(row: &ObjectRow) -> (&str, &str, &str, ObjectKind) {
    (&row.database, &row.schema_name, &row.name, row.kind)
}

fn row(record: ObjectRecord) -> QueryResult<ObjectRow> {
    let kind = ObjectKind::from_name(&record.kind)
        .ok_or_else(|| diesel::result::Error::DeserializationError(format!("`kind` holds `{}`", record.kind).into()))?;
    Ok(ObjectRow {
        id: record.id,
        app_id: record.app_id,
        database: record.database,
        schema_name: record.schema_name,
        name: record.name,
        kind,
        reads: record.reads,
        writes: record.writes,
        first_seen: record.date_created,
        last_seen: record.last_seen,
        last_runtime: record.last_runtime,
    })
}
