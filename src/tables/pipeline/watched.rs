//! What each machine saw when it looked into a watched folder last.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;

use super::super::lease::database_now;
use super::super::{Keyed, shown, take_keyed_turn};
use super::schema::pipeline_folders;
use super::task::Tasks;
use crate::error::Result;

/// A watched folder, as a machine saw it.
#[derive(Debug, Clone, Serialize, Queryable, Selectable, Insertable)]
#[diesel(table_name = pipeline_folders)]
pub struct FolderRow {
    /// The pipeline.
    pub app_id: i64,
    /// The machine.
    pub host: String,
    /// The folder.
    pub folder: String,
    /// When it looked.
    #[serde(serialize_with = "shown::moment")]
    pub looked_at: NaiveDateTime,
    /// How it hears of files: `events`, or `polling`.
    pub way: String,
    /// Files that are not complete.
    pub waiting_count: i64,
    /// Some of them with the reason, as JSON.
    pub waiting: String,
    /// Files that the pipeline does not take.
    pub ignored: i64,
    /// Why it could not look.
    pub error: Option<String>,
}

impl Tasks<'_> {
    /// Notes what was seen; the time is the database's.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn note_folder(&mut self, folder: &FolderRow) -> Result<()> {
        self.0.write("note what is in a folder", |connection| {
            // two workers of one machine look into it
            take_keyed_turn(connection, Keyed::Document, folder.folder.as_bytes())?;
            let row = FolderRow { looked_at: database_now(connection)?, ..folder.clone() };
            let this = pipeline_folders::table.find((row.app_id, &row.host, &row.folder));
            diesel::delete(this).execute(connection)?;
            diesel::insert_into(pipeline_folders::table).values(&row).execute(connection).map(drop)
        })
    }

    /// The watched folders; of one pipeline, or of all.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn folders(&mut self, app_id: Option<i64>) -> Result<Vec<FolderRow>> {
        let mut query = pipeline_folders::table.select(FolderRow::as_select()).into_boxed();
        if let Some(app_id) = app_id {
            query = query.filter(pipeline_folders::app_id.eq(app_id));
        }
        let query = query.order((pipeline_folders::folder.asc(), pipeline_folders::host.asc()));
        self.0.read("read what is in the folders", |connection| query.load(connection))
    }
}
