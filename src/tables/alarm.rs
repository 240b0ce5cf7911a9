//! What lasts, and what people were told of once: a disk that is full, a stage that waits. They hear again when it is over.

use diesel::prelude::*;

use super::lease::database_now;
use super::outbox::{self, NewMessage};
use super::schema::alarms;
use super::{Keyed, Store, take_keyed_turn};
use crate::error::Result;

/// What people were told of, and what is not over.
pub struct Alarms<'a>(pub(super) &'a mut Store);

impl Store {
    /// What people were told of, and what is not over.
    pub fn alarms(&mut self) -> Alarms<'_> {
        Alarms(self)
    }
}

impl Alarms<'_> {
    /// Tells people of something that lasts, by its `name`; false when they know.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn raise(&mut self, name: &str, by: &str, message: &NewMessage) -> Result<bool> {
        self.0.write("tell people of what lasts", |connection| {
            take_keyed_turn(connection, Keyed::Alarm, name.as_bytes())?;
            if alarms::table.find(name).count().get_result::<i64>(connection)? > 0 {
                return Ok(false);
            }
            let row = (
                alarms::name.eq(name),
                alarms::set_by.eq(by),
                alarms::set_at.eq(database_now(connection)?),
                alarms::reason.eq(&message.subject),
            );
            diesel::insert_into(alarms::table).values(row).execute(connection)?;
            outbox::append(connection, message).map(|_| true)
        })
    }

    /// Tells people that it is over; false when they were not told that it began.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn lower(&mut self, name: &str, message: &NewMessage) -> Result<bool> {
        let raised = alarms::table.find(name).count();
        if self.0.read("read what people were told", |connection| raised.get_result::<i64>(connection))? == 0 {
            return Ok(false);
        }
        self.0.write("tell people that it is over", |connection| {
            if diesel::delete(alarms::table.find(name)).execute(connection)? == 0 {
                return Ok(false);
            }
            outbox::append(connection, message).map(|_| true)
        })
    }
}
