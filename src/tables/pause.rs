//! When everything was paused, by whom, and why.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;

use super::lease::database_now;
use super::schema::pauses;
use super::{Store, Turn, shown, take_turn};
use crate::clock;
use crate::error::Result;

/// A time in which no manager started anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Queryable, Selectable)]
#[diesel(table_name = pauses)]
pub struct Pause {
    /// Who paused it.
    pub set_by: String,
    /// When.
    #[serde(serialize_with = "shown::moment")]
    pub set_at: NaiveDateTime,
    /// Why, where it was said.
    pub reason: Option<String>,
    /// When it ended; `None` while it lasts.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub ended_at: Option<NaiveDateTime>,
}

impl Pause {
    /// In one line, while it lasts.
    pub fn words(&self) -> String {
        format!("everything is paused by {} since {}{}", self.set_by, clock::local(self.set_at), self.why())
    }

    /// In one line, for a moment that fell into it.
    pub fn past_words(&self) -> String {
        format!("everything was paused by {}{}", self.set_by, self.why())
    }

    /// Whether a moment fell into it.
    pub fn covers(&self, moment: NaiveDateTime) -> bool {
        self.set_at <= moment && self.ended_at.is_none_or(|ended_at| moment < ended_at)
    }

    fn why(&self) -> String {
        self.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default()
    }
}

/// The pauses.
pub struct Pauses<'a>(pub(super) &'a mut Store);

impl Store {
    /// The pauses.
    pub fn pauses(&mut self) -> Pauses<'_> {
        Pauses(self)
    }
}

impl Pauses<'_> {
    /// Whether everything is paused.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn current(&mut self) -> Result<Option<Pause>> {
        let row = pauses::table.filter(pauses::ended_at.is_null()).select(Pause::as_select());
        self.0.read("read whether everything is paused", |connection| row.first(connection).optional())
    }

    /// The pauses that had not ended at `since`, the first one first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn since(&mut self, since: NaiveDateTime) -> Result<Vec<Pause>> {
        let rows = pauses::table
            .filter(pauses::ended_at.is_null().or(pauses::ended_at.gt(since)))
            .order(pauses::set_at.asc())
            .select(Pause::as_select());
        self.0.read("read when everything was paused", |connection| rows.load(connection))
    }

    /// Pauses everything; false when it is paused already.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn begin(&mut self, by: &str, reason: Option<&str>) -> Result<bool> {
        self.0.write("pause everything", |connection| {
            take_turn(connection, Turn::Claim)?;
            let lasting = pauses::table.filter(pauses::ended_at.is_null());
            if lasting.count().get_result::<i64>(connection)? > 0 {
                return Ok(false);
            }
            let row = (pauses::set_by.eq(by), pauses::set_at.eq(database_now(connection)?), pauses::reason.eq(reason));
            diesel::insert_into(pauses::table).values(row).execute(connection).map(|_| true)
        })
    }

    /// Ends the pause; false when there was none.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn end(&mut self) -> Result<bool> {
        self.0.write("end the pause", |connection| {
            let lasting = pauses::table.filter(pauses::ended_at.is_null());
            let now = database_now(connection)?;
            Ok(diesel::update(lasting).set(pauses::ended_at.eq(now)).execute(connection)? > 0)
        })
    }
}
