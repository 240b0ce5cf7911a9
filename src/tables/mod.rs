//! The framework's own tables, through diesel on every backend alike: apps, runs, logs, the objects that apps
//! touch, and the codebooks that name their numbers. They live in the database `main`.

mod actor_message;
mod actor_worker;
mod alarm;
mod app;
mod changes;
mod codebook;
mod command;
mod commons;
#[cfg(test)]
mod conformance;
mod connection;
mod delivery;
mod delivery_state;
mod driver;
mod due;
mod expectation;
mod failure;
mod file;
mod file_end;
mod file_keep;
mod file_retention;
mod function;
mod host;
mod incident;
mod label;
mod lease;
mod log;
mod log_follow;
mod log_read;
mod log_stream;
mod log_text;
mod log_writers;
mod manager;
mod map;
mod merged;
mod migrate;
mod mysql;
mod names;
mod object;
mod occurrence;
mod open;
mod outbox;
mod parked_message;
mod pause;
mod pipeline;
mod postgres;
mod proxy;
mod publication;
mod reading;
mod register;
mod retention;
mod room;
mod run;
mod run_end;
mod run_list;
mod run_mark;
mod schema;
mod sha;
mod shown;
mod shrink;
mod steps;
mod time;
mod turn;
mod waiting;
mod write_queue;

pub use actor_message::{
    ActorMessageRow, ActorMessages, Judge, Judgement, MessageEnd, MessageState, MessageTurn, TurnReport, WantedMessage,
};
pub use actor_worker::{ActorWorkerRow, ActorWorkers};
pub use alarm::Alarms;
pub use app::{AppRow, Apps, Progress};
pub use changes::Changes;
pub use codebook::{
    AppCommand, AppType, Codebook, CodebookRow, CommandFlag, FatalFlag, FileRetention, LogLevel, RunOutcome, RunStatus,
    codebooks,
};
pub use command::{CommandFilter, CommandRow, Commands, DoneCommand, NewCommand, Taking};
pub use commons::share_hosts;
pub use delivery::{ChannelRow, Channels, DigestRow, Sent, Waiting};
pub use due::{DueApp, DuePlace};
pub use file::{FileCount, FileFilter, FilePlace, FileRow, FileToCheck, Files, SHA256_BYTES, hex_text};
pub use file_end::Ended;
pub use file_keep::{Kept, NewFile, Offer, Relocated};
pub use file_retention::{OWN_RETENTION_MIN, RetentionRow, Retentions};
pub use function::{FunctionRow, FunctionTimes, Functions};
pub use host::Hosts;
pub use incident::{IncidentRow, Incidents, LastOutcome};
pub use label::meets;
pub use lease::{LEASE_MAX, Renewal, is_over, is_short};
pub use log::{LogRow, Logs};
pub use log_follow::{LogFollower, LogsAfter};
pub use log_read::{Direction, LogFilter, LogPlace, LogScan, StoredLog};
pub use log_text::LogText;
pub use manager::{ManagerRow, Managers, StopWish};
pub use map::ObjectMap;
pub use merged::{MergeMark, MergePage, Merges};
pub use migrate::{SchemaState, embedded_names, schema_before, schema_sql};
pub use names::{ROW_KEY, TABLES, is_codebook};
pub use object::{ChangedRows, MergedTable, ObjectKind, ObjectRow, Objects, TouchedObject};
pub use occurrence::{Claim, Decision, OccurrenceRow, OccurrenceState, Occurrences, Verdict};
pub use open::Missing;
pub use outbox::{MessageKind, MessageRow, NewMessage, Outbox};
pub use parked_message::{ParkedMessageRow, ParkedMessages};
pub use pause::{Pause, Pauses};
pub use pipeline::{
    AttemptEnd, AttemptRow, BlockRow, CallRow, ClaimLimits, ClaimedTask, DEATHS_MAX, EditedInput, Fate, FolderRow,
    Found, Ledger, LostWorker, NewCall, NewDocument, Noted, OldestTask, Retrial, Settled, StageOutput, TaskCount,
    TaskFilter, TaskRow, TaskState, Tasks, WorkerRow,
};
pub use proxy::{ProxyRow, ProxyRows};
pub use publication::{
    FetchRow, NewPublication, NewPublishedFile, PublicationRow, Publications, PublishedFile, Publishing,
};
pub use register::{AppRegistration, Besides, Registered, Renamed};
pub use retention::{Old, OldRows};
pub use room::RunLimits;
pub use run::{NewRun, StartRun};
pub use run_end::{Backoff, Ending, RunEnd};
pub use run_list::{RunFilter, RunRow, Runs};
pub use run_mark::{RunMark, RunPage};
pub use shrink::Shrinking;

use std::thread::sleep;
use std::time::{Duration, Instant};

use diesel::QueryResult;

use crate::error::{Error, Result};
use crate::settings::DatabaseSettings;
use connection::Link;
use turn::{Keyed, Turn, take_keyed_turn, take_keyed_turns, take_turn};
use write_queue::WriteQueue;

/// How often one write is tried when others are in its way.
const WRITE_ATTEMPTS_MAX: u32 = 8;
/// The pause before the second try; it grows with each.
const WRITE_PAUSE: Duration = Duration::from_millis(15);
/// After this time a write is not tried again: on SQLite the wait for the lock lies before the failure.
const WRITE_PATIENCE: Duration = Duration::from_secs(25);

/// How long an answer may take where a person looks on.
const PATIENCE_LONG: Duration = Duration::from_secs(3_600);

/// The framework's own tables, open.
///
/// One connection, used by one thread at a time. On a server it must not be used on a thread that runs inside
/// tokio (`spawn_blocking` there). A connection that was lost is made anew with the next call.
pub struct Store {
    connection: Link,
    settings: DatabaseSettings,
    label: String,
    /// Those who are about to write into the same SQLite file.
    queue: Option<WriteQueue>,
    /// The server closed the connection, or it broke.
    is_lost: bool,
    /// Whether answers may take long.
    is_patient: bool,
    /// How long a statement may take where this is for reading alone.
    reads_within: Option<Duration>,
}

impl Store {
    /// The place, for messages: a path, or host and name without any password.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The backend: `sqlite`, `postgres` or `mysql`.
    pub fn backend(&self) -> &'static str {
        self.connection.backend()
    }

    /// The database's product, for people: `SQLite`, `PostgreSQL`, `MariaDB 10.11`, `MySQL 8.4`.
    pub fn product(&self) -> String {
        self.connection.product()
    }

    /// Waits longer for answers: for readers of many rows, and for those who move many, where a person looks on.
    #[must_use]
    pub(crate) fn patient(mut self) -> Self {
        self.is_patient = true;
        self.settle();
        self
    }

    fn settle(&mut self) {
        if self.is_patient {
            self.connection.wait_for(PATIENCE_LONG);
        }
    }

    /// Reads; `what` completes "could not ...".
    fn read<T>(&mut self, what: &str, work: impl FnOnce(&mut Link) -> QueryResult<T>) -> Result<T> {
        self.mend()?;
        work(&mut self.connection).map_err(|cause| self.failure(what, cause))
    }

    /// Runs `work` in one transaction that may read first and write then; `what` completes "could not ...".
    fn write<T>(&mut self, what: &str, work: impl FnMut(&mut Link) -> QueryResult<T>) -> Result<T> {
        self.mend()?;
        self.attempt(work).map_err(|cause| self.failure(what, cause))
    }

    /// Connects anew after the connection was lost.
    fn mend(&mut self) -> Result<()> {
        if self.is_lost {
            self.connection = match self.reads_within {
                Some(limit) => Self::connect_to_read(&self.settings, limit)?.connection,
                None => Self::connect(&self.settings, Missing::Fail)?.connection,
            };
            self.is_lost = false;
            self.settle();
        }
        Ok(())
    }

    /// As [`Store::write`], with diesel's own error. `work` runs again when others were in its way.
    fn attempt<T>(&mut self, mut work: impl FnMut(&mut Link) -> QueryResult<T>) -> QueryResult<T> {
        let began = Instant::now();
        let mut attempts = 1;
        loop {
            let head = self.queue.as_mut().and_then(WriteQueue::wait);
            let outcome = transaction(&mut self.connection, &mut work);
            drop(head);
            match outcome {
                Err(cause)
                    if attempts < WRITE_ATTEMPTS_MAX
                        && failure::is_passing(&cause)
                        && began.elapsed() < WRITE_PATIENCE =>
                {
                    sleep(WRITE_PAUSE * attempts);
                    attempts += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn failure(&mut self, what: &str, cause: diesel::result::Error) -> Error {
        self.is_lost |= failure::is_lost(&cause);
        failure::database_error(format!("{what} in {}", self.label), cause)
    }
}

fn transaction<T>(connection: &mut Link, work: &mut impl FnMut(&mut Link) -> QueryResult<T>) -> QueryResult<T> {
    connection.begin_write()?;
    match work(connection) {
        Ok(value) => connection.commit().map(|()| value).inspect_err(|_| connection.roll_back()),
        Err(cause) => {
            connection.roll_back();
            Err(cause)
        }
    }
}
