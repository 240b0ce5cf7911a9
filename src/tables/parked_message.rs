//! Messages that wait for longer than a broker lets a consumer hold them: they stand here, and are sent when they are due.

use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Store;
use super::lease::lease_end;
use super::schema::parked_messages;
use crate::error::Result;

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = parked_messages)]
pub struct ParkedMessageRow {
    /// Its identity.
    pub message_id: String,
    /// The queue that it is sent to when it is due.
    pub queue: String,
    /// Its content, as JSON.
    pub body: String,
    /// When it is due.
    pub due_at: NaiveDateTime,
}

/// The messages that wait.
pub struct ParkedMessages<'a>(&'a mut Store);

impl Store {
    /// Messages that wait for longer than a broker lets a consumer hold them.
    pub fn parked_messages(&mut self) -> ParkedMessages<'_> {
        ParkedMessages(self)
    }
}

impl ParkedMessages<'_> {
    /// Parks messages. One that is there already is replaced: the later one is a later try of the same.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn park(&mut self, rows: &[ParkedMessageRow]) -> Result<()> {
        self.0.write("park messages", |connection| {
            for row in rows {
                diesel::delete(parked_messages::table.find(&row.message_id)).execute(connection)?;
                diesel::insert_into(parked_messages::table).values(row).execute(connection)?;
            }
            Ok(())
        })
    }

    /// Takes messages of some queues that are due, for a while in which nobody else takes them.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn take(
        &mut self,
        worker: &str,
        queues: &[String],
        (count, hold): (i64, Duration),
    ) -> Result<Vec<ParkedMessageRow>> {
        self.0.write("take messages that are due", |connection| {
            let held_until = lease_end(connection, hold)?;
            let now = lease_end(connection, Duration::ZERO)?;
            let due = parked_messages::table
                .filter(parked_messages::queue.eq_any(queues).and(parked_messages::due_at.le(now)))
                .filter(parked_messages::held_until.is_null().or(parked_messages::held_until.lt(now)))
                .order(parked_messages::due_at.asc())
                .limit(count)
                .select(ParkedMessageRow::as_select());
            let mut taken = Vec::new();
            for row in due.load::<ParkedMessageRow>(connection)? {
                // somebody else may have been faster
                let free = parked_messages::table
                    .find(&row.message_id)
                    .filter(parked_messages::held_until.is_null().or(parked_messages::held_until.lt(now)));
                let held = (parked_messages::held_by.eq(worker), parked_messages::held_until.eq(held_until));
                if diesel::update(free).set(held).execute(connection)? == 1 {
                    taken.push(row);
                }
            }
            Ok(taken)
        })
    }

    /// Deletes messages that were sent.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn sent(&mut self, worker: &str, ids: &[String]) -> Result<()> {
        self.0.write("note that messages were sent", |connection| {
            let rows = parked_messages::table
                .filter(parked_messages::message_id.eq_any(ids).and(parked_messages::held_by.eq(worker)));
            diesel::delete(rows).execute(connection).map(drop)
        })
    }

    /// How many wait.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn count(&mut self) -> Result<i64> {
        self.0.read("count messages that wait", |connection| parked_messages::table.count().get_result(connection))
    }
}
