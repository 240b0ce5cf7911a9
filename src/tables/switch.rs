//! What somebody has set for the whole house: that everything is paused.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;

use super::lease::database_now;
use super::schema::switches;
use super::{Store, shown};
use crate::error::Result;

/// The name of the row that says that no manager starts anything.
const PAUSED: &str = "paused";

/// That everything is paused, by whom and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Queryable, Selectable)]
#[diesel(table_name = switches)]
pub struct Pause {
    /// Who paused it.
    pub set_by: String,
    /// When.
    #[serde(serialize_with = "shown::moment")]
    pub set_at: NaiveDateTime,
    /// Why, if he said so.
    pub reason: Option<String>,
}

impl Pause {
    /// In one line.
    pub fn words(&self) -> String {
        let reason = self.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("everything is paused by {} since {}{reason}", self.set_by, crate::clock::local(self.set_at))
    }
}

/// What is set for the whole house.
pub struct Switches<'a>(pub(super) &'a mut Store);

impl Store {
    /// What is set for the whole house.
    pub fn switches(&mut self) -> Switches<'_> {
        Switches(self)
    }
}

impl Switches<'_> {
    /// Whether everything is paused.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn pause(&mut self) -> Result<Option<Pause>> {
        let row = switches::table.find(PAUSED).select(Pause::as_select());
        self.0.read("read whether everything is paused", |connection| row.first(connection).optional())
    }

    /// Pauses everything; false when it is paused already.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_pause(&mut self, by: &str, reason: Option<&str>) -> Result<bool> {
        self.0.write("pause everything", |connection| {
            if switches::table.find(PAUSED).count().get_result::<i64>(connection)? > 0 {
                return Ok(false);
            }
            let row = (
                switches::name.eq(PAUSED),
                switches::set_by.eq(by),
                switches::set_at.eq(database_now(connection)?),
                switches::reason.eq(reason),
            );
            diesel::insert_into(switches::table).values(row).execute(connection).map(|_| true)
        })
    }

    /// Ends the pause; false when there was none.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn end_pause(&mut self) -> Result<bool> {
        self.0.write("end the pause", |connection| {
            Ok(diesel::delete(switches::table.find(PAUSED)).execute(connection)? > 0)
        })
    }
}
