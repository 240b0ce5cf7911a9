//! Documents that were found: a task for each content, and a note for each that came before.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::super::connection::{Link, insert_if_absent, insert_rows};
use super::super::lease::database_now;
use super::super::{Keyed, take_keyed_turns};
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
            let keys = documents.iter().map(|document| document.sha256.as_slice());
            take_keyed_turns(connection, Keyed::Document, keys)?;
            let now = database_now(connection)?;
            let mut found = Vec::with_capacity(documents.len());
            let mut rest = documents;
            while !rest.is_empty() {
                let (wave, others) = rest.split_at(wave(rest));
                found.extend(take_in(connection, wave, now)?);
                rest = others;
            }
            Ok(found)
        })
    }

    /// The tasks of a pipeline whose files wait at these places, taken by whichever machine: the place, and the task.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn at_work(&mut self, app_id: i64, paths: &[String]) -> Result<Vec<(String, super::TaskRow)>> {
        let query = pipeline_tasks::table
            .filter(pipeline_tasks::app_id.eq(app_id).and(pipeline_tasks::work_path.eq_any(paths)))
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
            .filter(pipeline_tasks::work_path.is_not_null().and(pipeline_tasks::ended_at.is_not_null()))
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

/// How many documents from the start are of one pipeline and have nothing in common: neither bytes nor name.
fn wave(documents: &[NewDocument]) -> usize {
    let (mut contents, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (count, document) in documents.iter().enumerate() {
        if document.app_id != documents[0].app_id || !contents.insert(&document.sha256) || !names.insert(&document.name)
        {
            return count;
        }
    }
    documents.len()
}

fn take_in(connection: &mut Link, wave: &[NewDocument], now: NaiveDateTime) -> QueryResult<Vec<Found>> {
    let Some(app_id) = wave.first().map(|document| document.app_id) else { return Ok(Vec::new()) };
    count(connection, app_id, wave.len() as i64)?;
    let known = tasks_of(connection, app_id, wave)?;
    let names: Vec<&String> =
        wave.iter().filter(|it| !known.contains_key(&it.sha256)).map(|document| &document.name).collect();
    let before: BTreeMap<String, Option<i64>> = pipeline_tasks::table
        .filter(pipeline_tasks::app_id.eq(app_id).and(pipeline_tasks::name.eq_any(names)))
        .group_by(pipeline_tasks::name)
        .select((pipeline_tasks::name, diesel::dsl::max(pipeline_tasks::id)))
        .load::<(String, Option<i64>)>(connection)?
        .into_iter()
        .collect();
    let predecessor = |document: &NewDocument| before.get(&document.name).copied().flatten();
    let (mut again, mut new) = (Vec::new(), Vec::new());
    for document in wave {
        match known.get(&document.sha256) {
            Some(task_id) => again.push(Again {
                task_id: *task_id,
                name: &document.name,
                origin: document.origin.as_deref(),
                seen_at: now,
            }),
            None => new.push(NewTask::of(document, predecessor(document), now)),
        }
    }
    insert_rows!(connection, pipeline_duplicates::table, again)?;
    insert_rows!(connection, pipeline_tasks::table, new)?;
    let tasks = if new.is_empty() { BTreeMap::new() } else { tasks_of(connection, app_id, wave)? };
    let found = |document: &NewDocument| match (known.get(&document.sha256), tasks.get(&document.sha256)) {
        (Some(task_id), _) => Ok(Found::Known(*task_id)),
        (None, Some(task_id)) => Ok(Found::New(*task_id, predecessor(document))),
        (None, None) => Err(diesel::NotFound),
    };
    wave.iter().map(found).collect()
}

/// The tasks of these bytes.
fn tasks_of(connection: &mut Link, app_id: i64, documents: &[NewDocument]) -> QueryResult<BTreeMap<Vec<u8>, i64>> {
    let contents = documents.iter().map(|document| &document.sha256);
    let rows: Vec<(Vec<u8>, i64)> = pipeline_tasks::table
        .filter(pipeline_tasks::app_id.eq(app_id).and(pipeline_tasks::sha256.eq_any(contents)))
        .select((pipeline_tasks::sha256, pipeline_tasks::id))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

#[derive(Insertable)]
#[diesel(table_name = pipeline_duplicates)]
struct Again<'a> {
    task_id: i64,
    name: &'a str,
    origin: Option<&'a str>,
    seen_at: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = pipeline_tasks)]
struct NewTask<'a> {
    app_id: i64,
    sha256: &'a [u8],
    file_id: i64,
    name: &'a str,
    origin: Option<&'a str>,
    work_path: Option<&'a str>,
    host: Option<&'a str>,
    predecessor: Option<i64>,
    state: &'static str,
    stage: &'a str,
    priority: i64,
    created_at: NaiveDateTime,
    changed_at: NaiveDateTime,
}

impl<'a> NewTask<'a> {
    fn of(document: &'a NewDocument, predecessor: Option<i64>, now: NaiveDateTime) -> Self {
        let (work_path, host) = document.work.as_ref().map(|(path, host)| (path.as_str(), host.as_str())).unzip();
        Self {
            app_id: document.app_id,
            sha256: &document.sha256,
            file_id: document.file_id,
            name: &document.name,
            origin: document.origin.as_deref(),
            work_path,
            host,
            predecessor,
            state: "waiting",
            stage: &document.stage,
            priority: document.priority,
            created_at: now,
            changed_at: now,
        }
    }
}

/// So many more were found: counted apart from the tasks, so that a task which is lost shows.
fn count(connection: &mut Link, app_id: i64, more: i64) -> QueryResult<()> {
    let add = |connection: &mut Link| {
        let row = diesel::update(pipeline_counts::table.find(app_id));
        row.set(pipeline_counts::found.eq(pipeline_counts::found + more)).execute(connection)
    };
    if add(connection)? == 0 {
        let row = (pipeline_counts::app_id.eq(app_id), pipeline_counts::found.eq(0_i64));
        insert_if_absent!(&mut *connection, pipeline_counts::table, row)?;
        add(connection)?;
    }
    Ok(())
}
