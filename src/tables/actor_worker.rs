//! Who executes messages of Dramatiq queues, so that another worker can tell whether a message is still being executed.

use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::Store;
use super::lease::{database_now, lease_end};
use super::schema::actor_workers;
use crate::error::Result;

/// A worker as the database has it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = actor_workers)]
pub struct ActorWorkerRow {
    /// Its identity.
    pub id: String,
    /// Its machine.
    pub host: String,
    /// The boot of the machine.
    pub boot_id: String,
    /// The namespaces in which its process is numbered.
    pub pid_namespace: Option<String>,
    /// Its process.
    pub pid: i64,
    /// When that started, in clock ticks since the boot.
    pub pid_started: i64,
    /// The queues that it takes messages from, parted by spaces.
    pub queues: String,
    /// When it started.
    pub started_at: NaiveDateTime,
    /// Until then it is believed to live.
    pub lease_until: NaiveDateTime,
    /// When it ended in order.
    pub ended_at: Option<NaiveDateTime>,
}

/// The workers.
pub struct ActorWorkers<'a>(&'a mut Store);

impl Store {
    /// Who executes messages of Dramatiq queues.
    pub fn actor_workers(&mut self) -> ActorWorkers<'_> {
        ActorWorkers(self)
    }
}

impl ActorWorkers<'_> {
    /// Makes a worker known, or renews its lease.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn see(&mut self, worker: &ActorWorkerRow, lease: Duration) -> Result<()> {
        self.0.write("note that a worker lives", |connection| {
            let lease_until = lease_end(connection, lease)?;
            let seen = (actor_workers::lease_until.eq(lease_until), actor_workers::ended_at.eq(None::<NaiveDateTime>));
            if diesel::update(actor_workers::table.find(&worker.id)).set(seen).execute(connection)? == 0 {
                let started_at = database_now(connection)?;
                let row = ActorWorkerRow { lease_until, started_at, ..worker.clone() };
                diesel::insert_into(actor_workers::table).values(&row).execute(connection)?;
            }
            Ok(())
        })
    }

    /// Notes that a worker has ended in order.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn end(&mut self, id: &str) -> Result<()> {
        self.0.write("note the end of a worker", |connection| {
            let ended = actor_workers::ended_at.eq(database_now(connection)?);
            diesel::update(actor_workers::table.find(id)).set(ended).execute(connection).map(drop)
        })
    }

    /// The queues that workers took messages from, each once.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn queues(&mut self) -> Result<Vec<String>> {
        let rows = actor_workers::table.select(actor_workers::queues).distinct();
        let rows: Vec<String> = self.0.read("read the queues of workers", |connection| rows.load(connection))?;
        let mut queues: Vec<String> = rows
            .iter()
            .flat_map(|queues| queues.split(' '))
            .map(str::to_owned)
            .filter(|queue| !queue.is_empty())
            .collect();
        queues.sort();
        queues.dedup();
        Ok(queues)
    }
}
