//! Which app reads and writes which table, and what was merged into one.

use std::collections::HashMap;

use chrono::{NaiveDateTime, TimeDelta};

use crate::error::{Error, ErrorKind, Result};
use crate::tables::{ChangedRows, MergeMark, MergePage, ObjectRow, Store};

/// The most rows of the map that are read.
const OBJECTS_MAX: i64 = 5_000;
/// So many merges are on a page.
const MERGES_PAGE: i64 = 60;
/// How far back merges are looked for.
const MERGES_YEARS: i64 = 50;

/// What all apps touch.
pub struct TablesReport {
    /// The objects, by database, schema and name; of each what every app does with it.
    pub objects: Vec<TableTouched>,
    /// Whether there are more than are read.
    pub is_cut: bool,
}

/// A table, view or routine, and who touches it.
#[derive(Debug, Clone)]
pub struct TableTouched {
    /// One of its rows: database, schema, name and kind are the same in all.
    pub object: ObjectRow,
    /// The apps that write to it.
    pub writers: Vec<String>,
    /// The apps that read it.
    pub readers: Vec<String>,
    /// The rows that merges of all of them brought, changed and removed.
    pub rows: ChangedRows,
    /// When it was touched last.
    pub last_seen: NaiveDateTime,
}

/// A table with its merges.
pub struct TableMerges {
    /// The table.
    pub table: TableTouched,
    /// Its merges, the newest first; `None` where it is in another database than `main`.
    pub merges: Option<Vec<MergeMark>>,
    /// The moment before which the next page begins.
    pub next_page: Option<String>,
}

impl TableTouched {
    /// Its name with the schema, where it has one.
    pub fn full_name(&self) -> String {
        let ObjectRow { schema_name, name, .. } = &self.object;
        if schema_name.is_empty() { name.clone() } else { format!("{schema_name}.{name}") }
    }
}

impl TablesReport {
    /// Reads it.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(store: &mut Store) -> Result<Self> {
        let rows = store.objects().all(OBJECTS_MAX)?;
        let is_cut = rows.len() as i64 == OBJECTS_MAX;
        Ok(Self { objects: touched(store, rows)?, is_cut })
    }
}

/// The objects that these rows are about, each once; rows of one follow each other.
fn touched(store: &mut Store, rows: Vec<ObjectRow>) -> Result<Vec<TableTouched>> {
    let names: HashMap<i64, String> =
        store.apps().all()?.into_iter().map(|app| (app.id, app.name.to_string())).collect();
    let mut merged: HashMap<(String, String, String), ChangedRows> = HashMap::new();
    for table in store.objects().merged()? {
        let sum = merged.entry((table.database, table.schema_name, table.name)).or_default();
        sum.new += table.rows.new;
        sum.changed += table.rows.changed;
        sum.gone += table.rows.gone;
    }
    let mut objects: Vec<TableTouched> = Vec::new();
    for row in rows {
        let Some(name) = names.get(&row.app_id) else { continue };
        let is_same = |last: &&mut TableTouched| {
            let it = &last.object;
            (&it.database, &it.schema_name, &it.name, it.kind) == (&row.database, &row.schema_name, &row.name, row.kind)
        };
        let (reads, writes) = (row.reads, row.writes);
        if objects.last_mut().filter(is_same).is_none() {
            let key = (row.database.clone(), row.schema_name.clone(), row.name.clone());
            let (rows, last_seen) = (merged.get(&key).copied().unwrap_or_default(), row.last_seen);
            objects.push(TableTouched { object: row, writers: Vec::new(), readers: Vec::new(), rows, last_seen });
        } else if let Some(last) = objects.last_mut() {
            last.last_seen = last.last_seen.max(row.last_seen);
        }
        if let Some(last) = objects.last_mut() {
            last.writers.extend(writes.then(|| name.clone()));
            last.readers.extend(reads.then(|| name.clone()));
        }
    }
    Ok(objects)
}

impl TableMerges {
    /// Reads it: a table by its database and full name; the page of its merges before a moment.
    ///
    /// # Errors
    /// Not found; what the database says.
    pub fn read(store: &mut Store, (database, full_name): (&str, &str), before: Option<&str>) -> Result<Self> {
        // looked up by itself: the list of all may be cut before it
        let bare = full_name.rsplit_once('.').map_or(full_name, |(_, bare)| bare);
        let mut rows = store.objects().of_name(full_name)?;
        if bare != full_name {
            rows.extend(store.objects().of_name(bare)?);
        }
        let all = touched(store, rows)?;
        let is_meant = |it: &TableTouched| it.object.database == database && it.full_name() == full_name;
        let none =
            || Error::new(ErrorKind::NotFound, format!("find the table `{full_name}` in the database `{database}`"));
        let table = all.into_iter().find(is_meant).ok_or_else(none)?;
        if table.object.database != crate::settings::MAIN {
            return Ok(Self { table, merges: None, next_page: None });
        }
        let now = store.now()?;
        let parse = |text: &str| NaiveDateTime::parse_from_str(text, crate::clock::MOMENT_FORMAT).ok();
        let until = before.and_then(parse).unwrap_or(now + TimeDelta::days(1));
        let ObjectRow { schema_name, name, .. } = &table.object;
        let since = now - TimeDelta::days(365 * MERGES_YEARS);
        let page = MergePage { schema_name, name, since, until, count: MERGES_PAGE };
        let merges = store.merges().of_table(&page)?;
        let next_page = merges.last().filter(|_| merges.len() as i64 >= MERGES_PAGE).map(|merge| merge.moment.clone());
        Ok(Self { table, merges: Some(merges), next_page })
    }
}
