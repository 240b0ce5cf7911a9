//! The tables, views and routines that each app touches.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Text, Timestamp};
use serde::Serialize;

use super::connection::Link;
use super::schema::app_db_objects;
use super::sha::text_sha;
use super::{Store, shown};
use crate::clock;
use crate::error::Result;

/// One statement for both backends: SQLite takes PostgreSQL's numbered parameters in their order.
const UPSERT: &str = "\
INSERT INTO app_db_objects (sha, date_created, app_id, \"database\", schema_name, name, kind, reads, writes, \
last_seen, last_runtime) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
ON CONFLICT (app_id, \"database\", schema_name, name, kind) WHERE archive IS NULL DO UPDATE SET \
reads = app_db_objects.reads OR excluded.reads, writes = app_db_objects.writes OR excluded.writes, \
date_modified = excluded.last_seen, last_seen = excluded.last_seen, last_runtime = excluded.last_runtime";

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
        let now = clock::now();
        self.0.write("record what the app touched", |connection| {
            for ((database, schema_name, name, kind), (reads, writes)) in &touched {
                let fields =
                    [("database", *database), ("kind", kind.name()), ("name", *name), ("schema_name", *schema_name)];
                diesel::sql_query(UPSERT)
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
    rows.sort_by(|left, right| {
        let key = |row: &ObjectRow| (row.database.clone(), row.schema_name.clone(), row.name.clone(), row.kind);
        key(left).cmp(&key(right))
    });
    Ok(rows)
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
