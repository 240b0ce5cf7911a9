//! What people are to be told: written in the same transaction as what it tells of, delivered by whoever delivers.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use serde::Serialize;

use super::codebook::LogLevel;
use super::connection::Link;
use super::schema::outbox;
use super::time::database_now;
use super::{Store, shown};
use crate::error::Result;
use crate::ident::{identity_at, last_identity};

/// A message of a later time than in so long was written by a clock that is wrong; it is shown when its time has come.
const AHEAD_MAX: TimeDelta = TimeDelta::minutes(1);

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// An app was taken out of service.
    Disabled,
    /// An app that was taken out of service runs well again.
    Recovered,
    /// A run failed of an app of which people want to know each failure.
    Failed,
    /// An app had no good run for longer than people expect.
    Overdue,
    /// An app is due, and no machine at work has a label that it asks for.
    Unplaced,
    /// A document was set aside: what worked on it died twice.
    Quarantined,
    /// A stage of a pipeline cannot work.
    Blocked,
    /// It works again.
    Unblocked,
    /// Many apps fail at once.
    Incident,
    /// They no longer do.
    IncidentOver,
    /// The clock of a manager's machine is wrong.
    Clock,
    /// A store takes no more files, since its disk is almost full.
    DiskFull,
    /// It takes files again.
    DiskFree,
    /// A channel takes nothing until somebody mends it, or took a message never.
    ChannelBroken,
    /// It takes messages again.
    ChannelMended,
    /// What an app or a person has to say.
    Told,
}

impl MessageKind {
    /// The word in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Recovered => "recovered",
            Self::Failed => "failed",
            Self::Overdue => "overdue",
            Self::Unplaced => "unplaced",
            Self::Quarantined => "quarantined",
            Self::Blocked => "blocked",
            Self::Unblocked => "unblocked",
            Self::Incident => "incident",
            Self::IncidentOver => "incident_over",
            Self::Clock => "clock",
            Self::DiskFull => "disk_full",
            Self::DiskFree => "disk_free",
            Self::ChannelBroken => "channel_broken",
            Self::ChannelMended => "channel_mended",
            Self::Told => "told",
        }
    }
}

/// A message to people.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// What it is about.
    pub kind: MessageKind,
    /// How grave it is.
    pub severity: LogLevel,
    /// The app that it is about.
    pub app_id: Option<i64>,
    /// One line.
    pub subject: String,
    /// The rest.
    pub body: String,
}

/// A message as the database has it.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct MessageRow {
    /// Its identity, a UUIDv7.
    pub id: String,
    /// When it was written.
    #[serde(serialize_with = "shown::moment")]
    pub created_at: NaiveDateTime,
    /// How grave it is: the number of a [`LogLevel`].
    pub severity: i64,
    /// What it is about.
    pub kind: String,
    /// The app that it is about.
    pub app_id: Option<i64>,
    /// One line.
    pub subject: String,
    /// The rest.
    pub body: String,
}

/// The messages to people.
pub struct Outbox<'a>(pub(super) &'a mut Store);

impl Store {
    /// The messages to people.
    pub fn outbox(&mut self) -> Outbox<'_> {
        Outbox(self)
    }
}

impl Outbox<'_> {
    /// The messages behind `id`, oldest first; all of them with an empty one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn after(&mut self, id: &str, count: i64) -> Result<Vec<MessageRow>> {
        let rows = outbox::table.filter(outbox::id.gt(id)).order(outbox::id.asc()).limit(count);
        self.0.read("read the messages", |connection| {
            let latest = latest(connection)?;
            rows.filter(outbox::id.le(latest)).select(MessageRow::as_select()).load(connection)
        })
    }

    /// Writes a message; its identity.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn tell(&mut self, message: &NewMessage) -> Result<String> {
        self.0.write("write a message", |connection| append(connection, message))
    }

    /// The identity of the newest message; empty when there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn last(&mut self) -> Result<String> {
        self.0.read("read the messages", |connection| {
            let newest = outbox::table.filter(outbox::id.le(latest(connection)?)).order(outbox::id.desc());
            newest.select(outbox::id).first(connection).optional().map(Option::unwrap_or_default)
        })
    }
}

/// No message has a later identity but by a clock that is wrong.
fn latest(connection: &mut Link) -> QueryResult<String> {
    Ok(last_identity(database_now(connection)? + AHEAD_MAX))
}

/// Writes a message in the transaction that is open.
pub(super) fn append(connection: &mut Link, message: &NewMessage) -> QueryResult<String> {
    let now = database_now(connection)?;
    let id = identity_at(now);
    let row = (
        outbox::id.eq(&id),
        outbox::created_at.eq(now),
        outbox::severity.eq(message.severity.id()),
        outbox::kind.eq(message.kind.name()),
        outbox::app_id.eq(message.app_id),
        outbox::subject.eq(&message.subject),
        outbox::body.eq(&message.body),
    );
    diesel::insert_into(outbox::table).values(row).execute(connection).map(|_| id)
}

/// Whether a message of this kind was written about an app since then.
pub(super) fn was_told(
    connection: &mut Link,
    app_id: i64,
    kind: MessageKind,
    since: NaiveDateTime,
) -> QueryResult<bool> {
    let told = outbox::table.filter(outbox::app_id.eq(app_id).and(outbox::kind.eq(kind.name())));
    Ok(told.filter(outbox::created_at.ge(since)).count().get_result::<i64>(connection)? > 0)
}

/// The kind of the last message about an app.
pub(super) fn last_kind(connection: &mut Link, app_id: i64) -> QueryResult<Option<String>> {
    let newest = outbox::table.filter(outbox::app_id.eq(app_id)).order(outbox::id.desc());
    newest.select(outbox::kind).first(connection).optional()
}
