//! The map of which app touches which table: told by the databases that a run opens, kept in `app_db_objects`.

use super::{ChangedRows, Missing, ObjectKind, Store, TouchedObject};
use crate::context::Context;
use crate::db::{self, MergedRows, Observer, TableName};
use crate::error::Result;
use crate::settings::Inside;

/// Writes what a run touches into the framework's tables.
pub struct ObjectMap {
    context: Context,
    run: Inside,
}

impl ObjectMap {
    /// The map for the run around this process; `None` outside a run, or when `map_objects` is off.
    pub fn of(context: &Context) -> Option<Self> {
        let run = context.settings().inside.clone().filter(|_| context.settings().run.map_objects)?;
        Some(Self { context: context.clone(), run })
    }

    fn write(&self, database: &str, objects: &[db::Touched]) -> Result<()> {
        let touched: Vec<TouchedObject> = objects.iter().map(|object| touched(database, object)).collect();
        let mut store = Store::open(&self.context, Missing::Fail)?;
        store.objects().touch(self.run.app_id, self.run.runtime.as_str(), &touched)
    }
}

impl Observer for ObjectMap {
    fn merged(&mut self, database: &str, table: &TableName, rows: MergedRows) {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let rows = ChangedRows { new: number(rows.new), changed: number(rows.changed), gone: number(rows.gone) };
        let table = touched(database, &db::Touched::written_table(table));
        let added = Store::open(&self.context, Missing::Fail)
            .and_then(|mut store| store.objects().add_rows(self.run.app_id, &table, &rows));
        if let Err(error) = added {
            log::warn!("how many rows this merge changed was not noted: {error}");
        }
    }

    fn touched(&mut self, database: &str, objects: &[db::Touched]) {
        if let Err(error) = self.write(database, objects) {
            log::warn!("what this run touches was not noted: {error}");
        }
    }
}

fn touched(database: &str, object: &db::Touched) -> TouchedObject {
    TouchedObject {
        database: database.to_owned(),
        schema_name: object.schema.clone().unwrap_or_default(),
        name: object.name.clone(),
        kind: match object.kind {
            db::ObjectKind::Table => ObjectKind::Table,
            db::ObjectKind::View => ObjectKind::View,
            db::ObjectKind::Routine => ObjectKind::Routine,
        },
        reads: !object.written,
        writes: object.written,
    }
}
