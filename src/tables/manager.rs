//! The managers that share this database: who they are, when they were last seen, and whether they are to stop.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use serde::Serialize;

use super::lease::{database_now, lease_end};
use super::schema::managers;
use super::{Store, shown};
use crate::error::Result;

/// A manager.
#[derive(Debug, Clone, Serialize, Queryable, Selectable, Insertable)]
#[diesel(table_name = managers)]
pub struct ManagerRow {
    /// Its identity, a UUIDv7.
    pub id: String,
    /// The machine.
    pub host: String,
    /// Which boot of the machine.
    pub boot_id: String,
    /// Its process.
    pub pid: i64,
    /// When the process started, in clock ticks since boot.
    pub pid_started: i64,
    /// The version of dc.
    pub version: String,
    /// Who started it.
    pub started_by: String,
    /// When.
    #[serde(serialize_with = "shown::moment")]
    pub started_at: NaiveDateTime,
    /// When it was last at work.
    #[serde(serialize_with = "shown::moment")]
    pub seen_at: NaiveDateTime,
    /// When it ended; `None` while it lives, or when it was killed.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub ended_at: Option<NaiveDateTime>,
    /// The number of a [`StopWish`].
    pub stop_flag: i64,
    /// The namespaces in which its process is numbered; `None` for an older dc.
    pub pid_namespace: Option<String>,
    /// Until when it is believed to live, by the database's clock; `None` for an older dc.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub lease_until: Option<NaiveDateTime>,
    /// The labels of its machine, parted by spaces.
    pub labels: String,
}

impl ManagerRow {
    /// The labels of its machine.
    pub fn labels(&self) -> Vec<String> {
        self.labels.split_whitespace().map(str::to_owned).collect()
    }
}

/// What a manager is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopWish {
    /// To go on.
    None,
    /// To end, and leave the apps running.
    Stop,
    /// To end, and take the apps along.
    StopApps,
}

impl StopWish {
    /// The number in the database.
    pub fn id(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Stop => 1,
            Self::StopApps => 2,
        }
    }

    fn of(id: i64) -> Self {
        match id {
            1 => Self::Stop,
            2 => Self::StopApps,
            _ => Self::None,
        }
    }
}

/// The managers.
pub struct Managers<'a>(pub(super) &'a mut Store);

impl Store {
    /// The managers.
    pub fn managers(&mut self) -> Managers<'_> {
        Managers(self)
    }
}

impl Managers<'_> {
    /// Makes a manager known, for the time of a lease.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn register(&mut self, manager: &ManagerRow, lease: Duration) -> Result<()> {
        self.0.write("make a manager known", |connection| {
            let row = ManagerRow { lease_until: Some(lease_end(connection, lease)?), ..manager.clone() };
            diesel::insert_into(managers::table).values(&row).execute(connection).map(drop)
        })
    }

    /// Notes that a manager is at work, and renews its lease; what it is asked for. One whose row was taken away is asked
    /// for nothing.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn see(&mut self, id: &str, lease: Duration) -> Result<StopWish> {
        self.0.write("note that a manager is at work", |connection| {
            let row = managers::table.find(id);
            let lease_until = lease_end(connection, lease)?;
            let seen_at = lease_until - TimeDelta::from_std(lease).unwrap_or_default();
            // one that was taken for gone, and is not: it owns nothing but claims and commands, which have fences
            let seen = (
                managers::seen_at.eq(seen_at),
                managers::lease_until.eq(lease_until),
                managers::ended_at.eq(None::<NaiveDateTime>),
            );
            diesel::update(row).set(seen).execute(connection)?;
            let flag: Option<i64> = row.select(managers::stop_flag).first(connection).optional()?;
            Ok(StopWish::of(flag.unwrap_or_default()))
        })
    }

    /// Notes that a manager has ended, or is known to be gone.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn end(&mut self, id: &str) -> Result<()> {
        self.0.write("note the end of a manager", |connection| {
            let open = managers::table.filter(managers::id.eq(id).and(managers::ended_at.is_null()));
            let now = database_now(connection)?;
            diesel::update(open).set(managers::ended_at.eq(now)).execute(connection).map(drop)
        })
    }

    /// The managers that have not ended, as far as is known; the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn all(&mut self) -> Result<Vec<ManagerRow>> {
        let open = managers::table.filter(managers::ended_at.is_null()).order(managers::id.asc());
        self.0.read("read the managers", |connection| open.select(ManagerRow::as_select()).load(connection))
    }

    /// Asks a manager to stop.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn ask_to_stop(&mut self, id: &str, wish: StopWish) -> Result<()> {
        self.0.write("ask a manager to stop", |connection| {
            diesel::update(managers::table.find(id))
                .set(managers::stop_flag.eq(wish.id()))
                .execute(connection)
                .map(drop)
        })
    }
}
