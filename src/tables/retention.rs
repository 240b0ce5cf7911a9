//! Old runs, occurrences and commands go, a few at a time.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::Store;
use super::codebook::CommandFlag;
use super::schema::{
    actor_messages, actor_workers, command_log, deliveries, function_log, log_streams, managers, occurrences, outbox,
    runtime,
};
use super::time::database_now;
use crate::error::Result;

/// What may be deleted when it is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Old {
    /// Runs that have ended, with what they measured.
    Runs,
    /// Occurrences that are settled.
    Occurrences,
    /// Commands that were carried out.
    Commands,
    /// Managers that have ended.
    Managers,
    /// Messages that no channel has still to send.
    Messages,
    /// Messages of actors that nobody executes.
    ActorMessages,
    /// Workers of actors that are not heard of any more.
    ActorWorkers,
    /// How far the log records of processes are stored. They are kept for as long as records that wait on a disk may come.
    LogStreams,
}

/// How long it is known how far a process's log records are stored. Records that come later may be stored twice, as far
/// as the last batch goes.
const LOG_STREAMS_KEPT: TimeDelta = TimeDelta::days(30);

impl Old {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Runs,
        Self::Occurrences,
        Self::Commands,
        Self::Managers,
        Self::Messages,
        Self::ActorMessages,
        Self::ActorWorkers,
        Self::LogStreams,
    ];

    /// The longest time for which such rows are kept, whatever the settings say; `None` where they alone say it. Messages
    /// of actors are looked up at each delivery, and none is on its way for as long.
    pub fn kept_at_most(self) -> Option<TimeDelta> {
        match self {
            Self::ActorMessages | Self::ActorWorkers => Some(TimeDelta::days(30)),
            Self::LogStreams => Some(LOG_STREAMS_KEPT),
            _ => None,
        }
    }

    /// In the words of a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Occurrences => "occurrences",
            Self::Commands => "commands",
            Self::Managers => "managers",
            Self::Messages => "messages",
            Self::ActorMessages => "messages of actors",
            Self::ActorWorkers => "workers of actors",
            Self::LogStreams => "log streams",
        }
    }
}

/// The rows of a kind that have had their time.
pub struct OldRows<'a> {
    store: &'a mut Store,
    what: Old,
}

impl Store {
    /// The rows of a kind that have had their time.
    pub fn old(&mut self, what: Old) -> OldRows<'_> {
        OldRows { store: self, what }
    }
}

impl OldRows<'_> {
    /// How many there are from before then.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn count(&mut self, before: NaiveDateTime) -> Result<i64> {
        self.store.read("count what is old", |connection| match self.what {
            Old::Runs => runtime::table.filter(runtime::ended_at.lt(before)).count().get_result(connection),
            Old::Occurrences => {
                occurrences::table.filter(occurrences::ended_at.lt(before)).count().get_result(connection)
            }
            Old::Commands => command_log::table.filter(command_log::cmd_exec.lt(before)).count().get_result(connection),
            Old::Managers => managers::table.filter(managers::ended_at.lt(before)).count().get_result(connection),
            Old::Messages => outbox::table
                .filter(outbox::created_at.lt(before).and(outbox::id.ne_all(undelivered())))
                .count()
                .get_result(connection),
            Old::ActorMessages => actor_messages::table
                .filter(actor_messages::updated_at.lt(before).and(actor_messages::state.ne("running")))
                .count()
                .get_result(connection),
            Old::ActorWorkers => {
                actor_workers::table.filter(actor_workers::lease_until.lt(before)).count().get_result(connection)
            }
            Old::LogStreams => {
                let before = before.min(database_now(connection)? - LOG_STREAMS_KEPT);
                log_streams::table.filter(log_streams::updated_at.lt(before)).count().get_result(connection)
            }
        })
    }

    /// Deletes some of those from before then, in one short transaction; how many it were.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn delete(&mut self, before: NaiveDateTime, count: i64) -> Result<u64> {
        self.store.write("delete what is old", |connection| {
            let deleted = match self.what {
                Old::Runs => {
                    let old = runtime::table.filter(runtime::ended_at.lt(before)).order(runtime::id.asc());
                    let ids: Vec<String> = old.select(runtime::id).limit(count).load(connection)?;
                    diesel::delete(function_log::table.filter(function_log::runtime.eq_any(&ids)))
                        .execute(connection)?;
                    diesel::delete(runtime::table.filter(runtime::id.eq_any(&ids))).execute(connection)?
                }
                Old::Occurrences => {
                    let old = occurrences::table.filter(occurrences::ended_at.lt(before)).order(occurrences::id.asc());
                    let ids: Vec<i64> = old.select(occurrences::id).limit(count).load(connection)?;
                    diesel::delete(occurrences::table.filter(occurrences::id.eq_any(&ids))).execute(connection)?
                }
                Old::Commands => {
                    let done = [CommandFlag::Done, CommandFlag::Refused, CommandFlag::Failed].map(CommandFlag::id);
                    let old = command_log::table
                        .filter(command_log::cmd_exec.lt(before).and(command_log::cmd_flag.eq_any(done)))
                        .order(command_log::id.asc());
                    let ids: Vec<i64> = old.select(command_log::id).limit(count).load(connection)?;
                    diesel::delete(command_log::table.filter(command_log::id.eq_any(&ids))).execute(connection)?
                }
                Old::Managers => {
                    let old = managers::table.filter(managers::ended_at.lt(before)).order(managers::id.asc());
                    let ids: Vec<String> = old.select(managers::id).limit(count).load(connection)?;
                    diesel::delete(managers::table.filter(managers::id.eq_any(&ids))).execute(connection)?
                }
                Old::Messages => {
                    let old = outbox::table
                        .filter(outbox::created_at.lt(before).and(outbox::id.ne_all(undelivered())))
                        .order(outbox::id.asc());
                    let ids: Vec<String> = old.select(outbox::id).limit(count).load(connection)?;
                    diesel::delete(deliveries::table.filter(deliveries::message_id.eq_any(&ids)))
                        .execute(connection)?;
                    diesel::delete(outbox::table.filter(outbox::id.eq_any(&ids))).execute(connection)?
                }
                Old::ActorMessages => {
                    let old = actor_messages::table
                        .filter(actor_messages::updated_at.lt(before).and(actor_messages::state.ne("running")))
                        .order(actor_messages::updated_at.asc());
                    let ids: Vec<String> = old.select(actor_messages::message_id).limit(count).load(connection)?;
                    let rows = actor_messages::table.filter(actor_messages::message_id.eq_any(&ids));
                    diesel::delete(rows).execute(connection)?
                }
                Old::ActorWorkers => {
                    let old = actor_workers::table
                        .filter(actor_workers::lease_until.lt(before))
                        .order(actor_workers::id.asc());
                    let ids: Vec<String> = old.select(actor_workers::id).limit(count).load(connection)?;
                    diesel::delete(actor_workers::table.filter(actor_workers::id.eq_any(&ids))).execute(connection)?
                }
                Old::LogStreams => {
                    let before = before.min(database_now(connection)? - LOG_STREAMS_KEPT);
                    let old = log_streams::table
                        .filter(log_streams::updated_at.lt(before))
                        .order(log_streams::updated_at.asc());
                    let ids: Vec<String> = old.select(log_streams::id).limit(count).load(connection)?;
                    // one that is in use again stays
                    let rows =
                        log_streams::table.filter(log_streams::id.eq_any(&ids).and(log_streams::updated_at.lt(before)));
                    diesel::delete(rows).execute(connection)?
                }
            };
            Ok(deleted as u64)
        })
    }
}

/// The messages that a channel has still to send.
fn undelivered() -> diesel::dsl::Select<
    diesel::dsl::Filter<deliveries::table, diesel::dsl::EqAny<deliveries::state, [&'static str; 2]>>,
    deliveries::message_id,
> {
    deliveries::table.filter(deliveries::state.eq_any(["waiting", "sealed"])).select(deliveries::message_id)
}
