//! Documents that were found: a task for each content, and a note for each that came before.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::super::connection::Link;
use super::super::lease::database_now;
use super::super::{Keyed, take_keyed_turn};
use super::schema::{pipeline_counts, pipeline_duplicates, pipeline_tasks};
use super::task::Tasks;
use crate::error::Result;

/// A document that was found, and whose bytes are stored.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// The pipeline.
    pub app_id: i64,
    /// The SHA-256 of its bytes.
    pub sha256: Vec<u8>,
    /// The stored file.
    pub file_id: i64,
    /// Its name.
    pub name: String,
    /// Where it was found.
    pub origin: Option<String>,
    /// Where it waits until it is done, and on which machine.
    pub work: Option<(String, String)>,
    /// The stage that it waits for.
    pub stage: String,
    /// The highest goes first.
    pub priority: i64,
}

/// What came of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It is a new task; the number, and that of the task of the file which had its name before.
    New(i64, Option<i64>),
    /// The same bytes came before: the number of their task.
    Known(i64),
}

impl Tasks<'_> {
    /// Takes documents in, all or none; what came of each.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn take_in(&mut self, documents: &[NewDocument]) -> Result<Vec<Found>> {
        self.0.write("take documents in", |connection| {
            let now = database_now(connection)?;
            documents.iter().map(|document| take_in(connection, document, now)).collect()
        })
    }

    /// The tasks of a pipeline whose files wait at these places of a machine: the place, and the task.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn at_work(&mut self, app_id: i64, host: &str, paths: &[String]) -> Result<Vec<(String, super::TaskRow)>> {
        let query = pipeline_tasks::table
            .filter(pipeline_tasks::app_id.eq(app_id).and(pipeline_tasks::host.eq(host)))
            .filter(pipeline_tasks::work_path.eq_any(paths))
            .select(super::TaskRow::as_select());
        let rows: Vec<super::TaskRow> =
            self.0.read("read what waits in a folder", |connection| query.load(connection))?;
        Ok(rows.into_iter().filter_map(|row| Some((row.work_path.clone()?, row))).collect())
    }

    /// Whether the file at a place was found since it changed last.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn was_found(&mut self, app_id: i64, origin: &str, changed: NaiveDateTime) -> Result<bool> {
        self.0.read("read whether a file was found", |connection| {
            let as_task = pipeline_tasks::table
                .filter(pipeline_tasks::app_id.eq(app_id).and(pipeline_tasks::origin.eq(origin)))
                .filter(pipeline_tasks::created_at.ge(changed))
                .count()
                .get_result::<i64>(connection)?;
            if as_task > 0 {
                return Ok(true);
            }
            let again = pipeline_duplicates::table
                .inner_join(pipeline_tasks::table)
                .filter(pipeline_tasks::app_id.eq(app_id).and(pipeline_duplicates::origin.eq(origin)))
                .filter(pipeline_duplicates::seen_at.ge(changed));
            Ok(again.count().get_result::<i64>(connection)? > 0)
        })
    }

    /// Tasks of a pipeline that came to their end, and whose files still wait on a machine.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn ended_at_work(&mut self, app_id: i64, host: &str, count: i64) -> Result<Vec<super::TaskRow>> {
        let query = pipeline_tasks::table
            .filter(pipeline_tasks::app_id.eq(app_id).and(pipeline_tasks::host.eq(host)))
            .filter(pipeline_tasks::work_path.is_not_null())
            .filter(pipeline_tasks::state.ne_all(["waiting", "running"]))
            .order(pipeline_tasks::id.asc())
            .limit(count)
            .select(super::TaskRow::as_select());
        self.0.read("read whose files may go", |connection| query.load(connection))
    }

    /// Notes that the files of these tasks wait no more.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn forget_work(&mut self, ids: &[i64]) -> Result<()> {
        self.0.write("note that files are gone", |connection| {
            let these = pipeline_tasks::table.filter(pipeline_tasks::id.eq_any(ids));
            diesel::update(these).set(pipeline_tasks::work_path.eq(None::<String>)).execute(connection).map(drop)
        })
    }
}

fn take_in(connection: &mut Link, document: &NewDocument, now: NaiveDateTime) -> QueryResult<Found> {
    take_keyed_turn(connection, Keyed::Document, &document.sha256)?;
    count(connection, document.app_id)?;
    let of_app = || pipeline_tasks::table.filter(pipeline_tasks::app_id.eq(document.app_id));
    let same = of_app().filter(pipeline_tasks::sha256.eq(&document.sha256)).select(pipeline_tasks::id);
    if let Some(task_id) = same.first::<i64>(connection).optional()? {
        let row = (
            pipeline_duplicates::task_id.eq(task_id),
            pipeline_duplicates::name.eq(&document.name),
            pipeline_duplicates::origin.eq(&document.origin),
            pipeline_duplicates::seen_at.eq(now),
        );
        diesel::insert_into(pipeline_duplicates::table).values(row).execute(connection)?;
        return Ok(Found::Known(task_id));
    }
    let before = of_app().filter(pipeline_tasks::name.eq(&document.name)).order(pipeline_tasks::id.desc());
    let predecessor: Option<i64> = before.select(pipeline_tasks::id).first(connection).optional()?;
    let (work_path, host) = match &document.work {
        Some((path, host)) => (Some(path), Some(host)),
        None => (None, None),
    };
    let row = (
        pipeline_tasks::app_id.eq(document.app_id),
        pipeline_tasks::sha256.eq(&document.sha256),
        pipeline_tasks::file_id.eq(document.file_id),
        (pipeline_tasks::name.eq(&document.name), pipeline_tasks::origin.eq(&document.origin)),
        (pipeline_tasks::work_path.eq(work_path), pipeline_tasks::host.eq(host)),
        pipeline_tasks::predecessor.eq(predecessor),
        (pipeline_tasks::state.eq("waiting"), pipeline_tasks::stage.eq(&document.stage)),
        pipeline_tasks::priority.eq(document.priority),
        (pipeline_tasks::created_at.eq(now), pipeline_tasks::changed_at.eq(now)),
    );
    diesel::insert_into(pipeline_tasks::table).values(row).execute(connection)?;
    let id = of_app().filter(pipeline_tasks::sha256.eq(&document.sha256)).select(pipeline_tasks::id);
    Ok(Found::New(id.first(connection)?, predecessor))
}

/// One more was found: counted apart from the tasks, so that a task which is lost shows.
fn count(connection: &mut Link, app_id: i64) -> QueryResult<()> {
    let row = diesel::update(pipeline_counts::table.find(app_id));
    if row.set(pipeline_counts::found.eq(pipeline_counts::found + 1)).execute(connection)? == 0 {
        diesel::sql_query("INSERT INTO pipeline_counts (app_id, found) VALUES ($1, 0) ON CONFLICT (app_id) DO NOTHING")
            .bind::<diesel::sql_types::BigInt, _>(app_id)
            .execute(connection)?;
        let row = diesel::update(pipeline_counts::table.find(app_id));
        row.set(pipeline_counts::found.eq(pipeline_counts::found + 1)).execute(connection)?;
    }
    Ok(())
}
