//! How far each message is on each channel. Every step is written down before and after it is made, so that a kill at any
//! moment delays a message or has it sent twice under the same identity, and never loses it.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamp};
use serde::Serialize;

use super::connection::Link;
use super::outbox::MessageRow;
use super::schema::{channels, deliveries, managers, outbox};
use super::time::database_now;
use super::{Keyed, Store, shown, take_keyed_turn};
use crate::error::Result;

/// Messages that were written so long before the last look are looked for again: another machine's clock may be slow.
const LOOK_BACK: TimeDelta = TimeDelta::minutes(10);
/// A channel that is new is sent what was written since then.
const FIRST_LOOK_BACK: TimeDelta = TimeDelta::days(1);
/// The most messages that a digest shows one by one.
const SHOWN_MAX: i64 = 20;

/// A channel as the database has it.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = channels)]
pub struct ChannelRow {
    /// Its name in the settings.
    pub name: String,
    /// What was written before is not sent there.
    #[serde(serialize_with = "shown::moment")]
    pub since: NaiveDateTime,
    /// Who delivers there now: a manager.
    pub holder: Option<String>,
    /// Until then, unless it says so again.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub held_until: Option<NaiveDateTime>,
    /// Nothing is sent before.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub not_before: Option<NaiveDateTime>,
    /// How often in a row it did not work.
    pub failures: i64,
    /// Why it did not work the last time.
    pub reason: Option<String>,
    /// When something was sent the last time.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub sent_at: Option<NaiveDateTime>,
    /// Since then it takes nothing, until somebody mends it.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub broken_since: Option<NaiveDateTime>,
    /// How many messages in a row it took never.
    pub refusals: i64,
}

impl ChannelRow {
    /// What is wrong with it, in words.
    pub fn wrong(&self) -> Option<String> {
        let reason = self.reason.as_deref()?;
        match (self.broken_since.is_some(), self.failures, self.refusals) {
            (true, 1.., _) => Some(format!("broken, tried {} times: {reason}", self.failures)),
            (false, 1.., _) => Some(format!("away, tried {} times: {reason}", self.failures)),
            (_, _, 1) => Some(format!("refused the last message: {reason}")),
            (_, _, 2..) => Some(format!("refused the last {} messages: {reason}", self.refusals)),
            _ => None,
        }
    }
}

/// What waits for a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Messages.
    pub count: i64,
    /// When the newest of them was written.
    pub newest: Option<NaiveDateTime>,
    /// A digest that was begun and not finished.
    pub digest: Option<String>,
}

/// The messages of a digest.
#[derive(Debug, Clone)]
pub struct DigestRow {
    /// How many.
    pub count: i64,
    /// The gravest of them.
    pub severity: i64,
    /// How many of each kind, the most frequent first.
    pub kinds: Vec<(String, i64)>,
    /// The first of them.
    pub first: Vec<MessageRow>,
    /// When the last one was written.
    pub until: NaiveDateTime,
}

/// What was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// One message, by its identity.
    Message(String),
    /// All of a digest.
    Digest(String),
}

/// The channels, and what each has still to send.
pub struct Channels<'a>(pub(super) &'a mut Store);

impl Store {
    /// The channels, and what each has still to send.
    pub fn channels(&mut self) -> Channels<'_> {
        Channels(self)
    }
}

impl Channels<'_> {
    /// Takes a channel for a while, and tells what time it is by the database's clock; `None` when a manager that still
    /// works has it. Nothing pauses a channel for longer than `pause_max` but a clock that was wrong.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn hold(
        &mut self,
        name: &str,
        holder: &str,
        length: TimeDelta,
        pause_max: TimeDelta,
    ) -> Result<Option<(ChannelRow, NaiveDateTime)>> {
        self.0.write("take a channel", |connection| {
            take_keyed_turn(connection, Keyed::Alarm, name.as_bytes())?;
            let now = database_now(connection)?;
            let known: Option<ChannelRow> =
                channels::table.find(name).select(ChannelRow::as_select()).first(connection).optional()?;
            match &known {
                None => {
                    let row = (
                        channels::name.eq(name),
                        channels::since.eq(now - FIRST_LOOK_BACK),
                        channels::looked_at.eq(now - FIRST_LOOK_BACK),
                        channels::failures.eq(0_i64),
                        channels::refusals.eq(0_i64),
                    );
                    diesel::insert_into(channels::table).values(row).execute(connection)?;
                }
                Some(row) if is_held(connection, row, holder, (now, length))? => return Ok(None),
                Some(row) => bring_back(connection, row, now, pause_max)?,
            }
            let held = (channels::holder.eq(holder), channels::held_until.eq(now + length));
            diesel::update(channels::table.find(name)).set(held).execute(connection)?;
            let row = channels::table.find(name).select(ChannelRow::as_select()).first(connection)?;
            Ok(Some((row, now)))
        })
    }

    /// Lets a channel go.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn release(&mut self, name: &str, holder: &str) -> Result<()> {
        self.0.write("let a channel go", |connection| {
            let held = channels::table.filter(channels::name.eq(name).and(channels::holder.eq(holder)));
            let free = (channels::holder.eq(None::<String>), channels::held_until.eq(None::<NaiveDateTime>));
            diesel::update(held).set(free).execute(connection).map(drop)
        })
    }

    /// Takes in what was written since the last look and is grave enough; how many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn take_in(&mut self, name: &str, severity_min: i64, now: NaiveDateTime) -> Result<usize> {
        self.0.write("take messages in", |connection| {
            let (since, looked_at): (NaiveDateTime, NaiveDateTime) =
                channels::table.find(name).select((channels::since, channels::looked_at)).first(connection)?;
            // a look in the future was one by a clock that was wrong
            let back = if looked_at > now { now - FIRST_LOOK_BACK } else { looked_at - LOOK_BACK };
            let from = since.max(back);
            // each parameter once, in order: all backends number them alike then
            let taken = connection
                .query(
                    "INSERT INTO deliveries (channel, message_id, state, severity, taken_at) \
                 SELECT c.name, o.id, 'waiting', o.severity, $1 \
                 FROM channels c JOIN outbox o ON o.created_at >= $2 AND o.severity >= $3 \
                 WHERE c.name = $4 AND NOT EXISTS \
                 (SELECT 1 FROM deliveries d WHERE d.channel = c.name AND d.message_id = o.id)",
                )
                .bind::<Timestamp, _>(now)
                .bind::<Timestamp, _>(from)
                .bind::<BigInt, _>(severity_min)
                .bind::<Text, _>(name)
                .execute(connection)?;
            diesel::update(channels::table.find(name)).set(channels::looked_at.eq(now)).execute(connection)?;
            Ok(taken)
        })
    }

    /// What waits for a channel and is at least so grave.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn waiting(&mut self, name: &str, severity_min: i64) -> Result<Waiting> {
        self.0.read("read what waits for a channel", |connection| {
            let waiting = deliveries::table.inner_join(outbox::table).filter(
                deliveries::channel
                    .eq(name)
                    .and(deliveries::state.eq("waiting"))
                    .and(deliveries::severity.ge(severity_min)),
            );
            let count = waiting.count().get_result(connection)?;
            let newest = waiting.select(diesel::dsl::max(outbox::created_at)).first(connection)?;
            let sealed = deliveries::table
                .filter(deliveries::channel.eq(name).and(deliveries::state.eq("sealed")))
                .order(deliveries::message_id.asc());
            let digest: Option<Option<String>> = sealed.select(deliveries::digest).first(connection).optional()?;
            Ok(Waiting { count, newest, digest: digest.flatten() })
        })
    }

    /// The messages that wait for a channel and are at least so grave, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn messages(&mut self, name: &str, severity_min: i64, count: i64) -> Result<Vec<MessageRow>> {
        let waiting = deliveries::table
            .inner_join(outbox::table)
            .filter(
                deliveries::channel
                    .eq(name)
                    .and(deliveries::state.eq("waiting"))
                    .and(deliveries::severity.ge(severity_min)),
            )
            .order(outbox::id.asc())
            .limit(count);
        self.0.read("read what waits for a channel", |connection| {
            waiting.select(MessageRow::as_select()).load(connection)
        })
    }

    /// Binds all that waits, and is at least so grave, into one digest; how many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn seal_digest(&mut self, name: &str, severity_min: i64, digest: &str) -> Result<usize> {
        self.0.write("bind a digest", |connection| {
            let waiting = deliveries::table.filter(
                deliveries::channel
                    .eq(name)
                    .and(deliveries::state.eq("waiting"))
                    .and(deliveries::severity.ge(severity_min)),
            );
            let sealed = (deliveries::state.eq("sealed"), deliveries::digest.eq(digest));
            diesel::update(waiting).set(sealed).execute(connection)
        })
    }

    /// What a digest holds.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn digest(&mut self, digest: &str) -> Result<DigestRow> {
        self.0.read("read a digest", |connection| {
            let of = || deliveries::table.inner_join(outbox::table).filter(deliveries::digest.eq(digest));
            let first =
                of().order(outbox::id.asc()).limit(SHOWN_MAX).select(MessageRow::as_select()).load(connection)?;
            let (severity, until): (Option<i64>, Option<NaiveDateTime>) = of()
                .select((diesel::dsl::max(outbox::severity), diesel::dsl::max(outbox::created_at)))
                .first(connection)?;
            let mut kinds: Vec<(String, i64)> =
                of().group_by(outbox::kind).select((outbox::kind, diesel::dsl::count(outbox::id))).load(connection)?;
            kinds.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
            Ok(DigestRow {
                count: kinds.iter().map(|(_, count)| count).sum(),
                severity: severity.unwrap_or_default(),
                kinds,
                first,
                until: until.unwrap_or_default(),
            })
        })
    }

    /// Notes that something is about to be sent: until `not_before` nothing else is, whatever happens to us.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn pace(&mut self, name: &str, not_before: NaiveDateTime) -> Result<()> {
        self.0.write("note the pace of a channel", |connection| {
            let paced = channels::not_before.eq(not_before);
            diesel::update(channels::table.find(name)).set(paced).execute(connection).map(drop)
        })
    }

    /// Notes that a channel did not work, and when it is tried again.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn note_away(&mut self, name: &str, reason: &str, failures: i64, not_before: NaiveDateTime) -> Result<()> {
        self.0.write("note the state of a channel", |connection| {
            let away =
                (channels::failures.eq(failures), channels::reason.eq(reason), channels::not_before.eq(not_before));
            diesel::update(channels::table.find(name)).set(away).execute(connection).map(drop)
        })
    }

    /// All channels that were ever used.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn all(&mut self) -> Result<Vec<ChannelRow>> {
        let rows = channels::table.order(channels::name.asc()).select(ChannelRow::as_select());
        self.0.read("read the channels", |connection| rows.load(connection))
    }

    /// How many messages are in each state on each channel.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn counts(&mut self) -> Result<Vec<(String, String, i64)>> {
        let counts = deliveries::table.group_by((deliveries::channel, deliveries::state)).select((
            deliveries::channel,
            deliveries::state,
            diesel::dsl::count(deliveries::message_id),
        ));
        self.0.read("read the deliveries", |connection| counts.load(connection))
    }
}

/// Whether somebody else holds it who still works.
fn is_held(
    connection: &mut Link,
    row: &ChannelRow,
    holder: &str,
    (now, length): (NaiveDateTime, TimeDelta),
) -> QueryResult<bool> {
    let Some(other) = row.holder.as_deref().filter(|other| *other != holder) else { return Ok(false) };
    // nobody holds it for so long but by a clock that was wrong
    let is_over = |until| until <= now || until > now + length * 2;
    if row.held_until.is_none_or(is_over) {
        return Ok(false);
    }
    let ended: Option<Option<NaiveDateTime>> =
        managers::table.find(other).select(managers::ended_at).first(connection).optional()?;
    Ok(!matches!(ended, Some(Some(_))))
}

/// Brings back what lies further ahead than is possible: a clock that was wrong has written it, and the channel would be
/// silent until then.
fn bring_back(connection: &mut Link, row: &ChannelRow, now: NaiveDateTime, pause_max: TimeDelta) -> QueryResult<()> {
    let not_before = row.not_before.filter(|not_before| *not_before <= now + pause_max);
    let since = if row.since > now { now - FIRST_LOOK_BACK } else { row.since };
    if (not_before, since) == (row.not_before, row.since) {
        return Ok(());
    }
    let brought = (channels::not_before.eq(not_before), channels::since.eq(since));
    diesel::update(channels::table.find(&row.name)).set(brought).execute(connection).map(drop)
}
