//! Which tasks a person means who names a file, or a content.

use diesel::prelude::*;

use super::schema::{pipeline_duplicates, pipeline_tasks};
use super::task::{TaskRow, Tasks};
use crate::error::Result;

impl Tasks<'_> {
    /// The tasks whose file was found at this place or waits there, the newest first, at most `count`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn at_place(&mut self, place: &str, count: i64) -> Result<Vec<TaskRow>> {
        let is_there = pipeline_tasks::origin.eq(place).or(pipeline_tasks::work_path.eq(place)).assume_not_null();
        let query = pipeline_tasks::table.filter(is_there).order(pipeline_tasks::id.desc());
        let query = query.limit(count).select(TaskRow::as_select());
        self.0.read("find the task of a file", |connection| query.load(connection))
    }

    /// The tasks whose bytes came again from this place, or under this name; the newest first, at most `count`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn came_again(&mut self, name: &str, count: i64) -> Result<Vec<TaskRow>> {
        let is_named = pipeline_duplicates::name.eq(name).or(pipeline_duplicates::origin.eq(name).assume_not_null());
        let ids = pipeline_duplicates::table.filter(is_named).select(pipeline_duplicates::task_id);
        let query = pipeline_tasks::table.filter(pipeline_tasks::id.eq_any(ids)).order(pipeline_tasks::id.desc());
        let query = query.limit(count).select(TaskRow::as_select());
        self.0.read("find the task of a file", |connection| query.load(connection))
    }

    /// The tasks with a SHA-256 from the first to the last, the newest first, at most `count`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn of_content(&mut self, (first, last): (&[u8], &[u8]), count: i64) -> Result<Vec<TaskRow>> {
        let is_between = pipeline_tasks::sha256.ge(first).and(pipeline_tasks::sha256.le(last));
        let query = pipeline_tasks::table.filter(is_between).order(pipeline_tasks::id.desc());
        let query = query.limit(count).select(TaskRow::as_select());
        self.0.read("find the task of a content", |connection| query.load(connection))
    }

    /// The task of the next file that had the name of the file of this one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn successor(&mut self, id: i64) -> Result<Option<i64>> {
        let query = pipeline_tasks::table
            .filter(pipeline_tasks::predecessor.eq(id))
            .order(pipeline_tasks::id.asc())
            .select(pipeline_tasks::id);
        self.0.read("read what came later", |connection| query.first(connection).optional())
    }
}
