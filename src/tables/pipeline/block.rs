//! Stages that cannot work, since what they need is away: they rest for all, and one document at a time tries them.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use serde::Serialize;

use super::super::lease::database_now;
use super::super::{Keyed, shown, take_keyed_turn};
use super::claim::rest_after;
use super::schema::pipeline_blocks;
use super::task::Tasks;
use crate::error::Result;

/// A stage that cannot work.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = pipeline_blocks)]
pub struct BlockRow {
    /// The pipeline.
    pub app_id: i64,
    /// The stage.
    pub stage: String,
    /// Since when.
    #[serde(serialize_with = "shown::moment")]
    pub since: NaiveDateTime,
    /// Why.
    pub reason: String,
    /// How often it was tried in vain.
    pub probes: i64,
    /// When it is tried again.
    #[serde(serialize_with = "shown::moment")]
    pub probe_at: NaiveDateTime,
}

impl Tasks<'_> {
    /// Notes that a stage cannot work; whether that is news.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn block(&mut self, app_id: i64, stage: &str, reason: &str) -> Result<bool> {
        self.0.write("note that a stage cannot work", |connection| {
            take_keyed_turn(connection, Keyed::Document, stage.as_bytes())?;
            let now = database_now(connection)?;
            let known: Option<i64> = pipeline_blocks::table
                .find((app_id, stage))
                .select(pipeline_blocks::probes)
                .first(connection)
                .optional()?;
            let probes = known.map_or(0, |probes| probes + 1);
            let probe_at = now + TimeDelta::from_std(rest_after(probes)).unwrap_or_default();
            let row = (
                pipeline_blocks::reason.eq(reason),
                pipeline_blocks::probes.eq(probes),
                pipeline_blocks::probe_at.eq(probe_at),
            );
            if known.is_some() {
                diesel::update(pipeline_blocks::table.find((app_id, stage))).set(row).execute(connection)?;
                return Ok(false);
            }
            let place = (pipeline_blocks::app_id.eq(app_id), pipeline_blocks::stage.eq(stage));
            diesel::insert_into(pipeline_blocks::table)
                .values((place, pipeline_blocks::since.eq(now), row))
                .execute(connection)
                .map(|_| true)
        })
    }

    /// Notes that a stage works again; what it was, where it could not.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn unblock(&mut self, app_id: i64, stage: &str) -> Result<Option<BlockRow>> {
        self.0.write("note that a stage works again", |connection| {
            let row = pipeline_blocks::table.find((app_id, stage));
            let block: Option<BlockRow> = row.select(BlockRow::as_select()).first(connection).optional()?;
            if block.is_some() {
                diesel::delete(row).execute(connection)?;
            }
            Ok(block)
        })
    }

    /// The stages that cannot work; of one pipeline, or of all.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn blocks(&mut self, app_id: Option<i64>) -> Result<Vec<BlockRow>> {
        let mut query = pipeline_blocks::table.select(BlockRow::as_select()).into_boxed();
        if let Some(app_id) = app_id {
            query = query.filter(pipeline_blocks::app_id.eq(app_id));
        }
        self.0.read("read which stages cannot work", |connection| query.load(connection))
    }
}
