//! What came of a letter, and of the channel with it: others are told of a channel that takes nothing, in the same
//! transaction. Each recipient of a channel has a row of its own, `channel/recipient`, so that one holds up no other.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Text, Timestamp};

use super::connection::Link;
use super::delivery::{Channels, Sent};
use super::outbox::{MessageKind, NewMessage, append};
use super::schema::{channels, deliveries, outbox};
use super::time::database_now;
use super::{Keyed, take_keyed_turn};
use crate::error::Result;

/// The state of a message about a channel on that channel itself: it is not sent there.
const OWN: &str = "own";
/// The state of a message that is not sent since a later one tells the same.
const WITHDRAWN: &str = "withdrawn";

impl Channels<'_> {
    /// Gives rows to the recipients of a channel that had one row for all: what waited waits for each, and what was sent is
    /// not sent again. A recipient that the settings no longer have is not broken either.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn hand_over(&mut self, name: &str, keys: &[String]) -> Result<()> {
        self.0.write("hand a channel over to its recipients", |connection| {
            take_keyed_turn(connection, Keyed::Alarm, name.as_bytes())?;
            let broken = channels::table.filter(channels::broken_since.is_not_null()).select(channels::name);
            let mut gone: Vec<String> = broken.load(connection)?;
            let of_channel = |key: &str| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
            gone.retain(|key| of_channel(key) && !keys.contains(key));
            let well = (channels::broken_since.eq(None::<NaiveDateTime>), channels::reason.eq(None::<String>));
            diesel::update(channels::table.filter(channels::name.eq_any(gone))).set(well).execute(connection)?;
            if keys.iter().any(|key| key == name) {
                return Ok(());
            }
            let is_known = |connection: &mut Link, name: &str| -> QueryResult<bool> {
                Ok(channels::table.find(name).count().get_result::<i64>(connection)? > 0)
            };
            if !is_known(connection, name)? {
                return Ok(());
            }
            for key in keys {
                if is_known(connection, key)? {
                    continue;
                }
                // each parameter once, in order: all backends number them alike then
                let row = "INSERT INTO channels (name, since, looked_at, failures, refusals) \
                           SELECT $1, since, looked_at, 0, 0 FROM channels WHERE name = $2";
                let held = "INSERT INTO deliveries (channel, message_id, state, severity, taken_at, sent_at, reason) \
                            SELECT $1, message_id, CASE WHEN state = 'sealed' THEN 'waiting' ELSE state END, severity, \
                            taken_at, sent_at, reason FROM deliveries WHERE channel = $2";
                for statement in [row, held] {
                    let bound = connection.query(statement).bind::<Text, _>(key).bind::<Text, _>(name);
                    bound.execute(connection)?;
                }
            }
            diesel::delete(deliveries::table.filter(deliveries::channel.eq(name))).execute(connection)?;
            diesel::delete(channels::table.find(name)).execute(connection).map(drop)
        })
    }

    /// Notes that something was sent. `mended` is told to the others if the channel was broken.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn note_sent(&mut self, name: &str, sent: &Sent, mended: &NewMessage) -> Result<()> {
        self.0.write("note a delivery", |connection| {
            let now = database_now(connection)?;
            settle(connection, name, sent, ("sent", None), now)?;
            let broken: Option<Option<NaiveDateTime>> =
                channels::table.find(name).select(channels::broken_since).first(connection).optional()?;
            let well = (
                channels::failures.eq(0_i64),
                channels::refusals.eq(0_i64),
                channels::reason.eq(None::<String>),
                channels::broken_since.eq(None::<NaiveDateTime>),
                channels::sent_at.eq(now),
            );
            diesel::update(channels::table.find(name)).set(well).execute(connection)?;
            match broken.flatten() {
                Some(_) => tell_others(connection, name, mended, now),
                None => Ok(()),
            }
        })
    }

    /// Notes that a channel takes something never; the others are told if it is the first time.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn note_refused(&mut self, name: &str, sent: &Sent, reason: &str, notice: &NewMessage) -> Result<()> {
        self.0.write("note a delivery", |connection| {
            let now = database_now(connection)?;
            settle(connection, name, sent, ("refused", Some(reason)), now)?;
            let refused = (
                channels::failures.eq(0_i64),
                channels::refusals.eq(channels::refusals + 1),
                channels::reason.eq(reason),
            );
            diesel::update(channels::table.find(name)).set(refused).execute(connection)?;
            break_down(connection, name, notice, now)
        })
    }

    /// Notes that a channel takes nothing until somebody mends it, and when it is tried again; the others are told if it is
    /// the first time.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn note_broken(
        &mut self,
        name: &str,
        reason: &str,
        (failures, not_before): (i64, NaiveDateTime),
        notice: &NewMessage,
    ) -> Result<()> {
        self.0.write("note the state of a channel", |connection| {
            let now = database_now(connection)?;
            let broken =
                (channels::failures.eq(failures), channels::reason.eq(reason), channels::not_before.eq(not_before));
            diesel::update(channels::table.find(name)).set(broken).execute(connection)?;
            break_down(connection, name, notice, now)
        })
    }
}

/// Notes since when a channel is broken, and tells the others at that moment.
fn break_down(connection: &mut Link, name: &str, notice: &NewMessage, now: NaiveDateTime) -> QueryResult<()> {
    let well = channels::table.filter(channels::name.eq(name).and(channels::broken_since.is_null()));
    match diesel::update(well).set(channels::broken_since.eq(now)).execute(connection)? {
        0 => Ok(()),
        _ => tell_others(connection, name, notice, now),
    }
}

/// Writes a message about a channel, which is not for that channel itself.
fn tell_others(connection: &mut Link, name: &str, message: &NewMessage, now: NaiveDateTime) -> QueryResult<()> {
    let id = append(connection, message)?;
    let own = (
        deliveries::channel.eq(name),
        deliveries::message_id.eq(id),
        deliveries::state.eq(OWN),
        deliveries::severity.eq(message.severity.id()),
        deliveries::taken_at.eq(now),
    );
    diesel::insert_into(deliveries::table).values(own).execute(connection).map(drop)
}

/// Takes back the messages of a kind since `since` from every channel that has not sent them or bound them into a digest.
pub(super) fn withdraw(
    connection: &mut Link,
    kind: MessageKind,
    since: NaiveDateTime,
    now: NaiveDateTime,
) -> QueryResult<()> {
    let told = outbox::table.filter(outbox::kind.eq(kind.name()).and(outbox::created_at.ge(since)));
    let ids: Vec<String> = told.select(outbox::id).load(connection)?;
    let waiting = deliveries::table.filter(deliveries::state.eq("waiting").and(deliveries::message_id.eq_any(ids)));
    diesel::update(waiting).set(deliveries::state.eq(WITHDRAWN)).execute(connection)?;
    // and from those that have not looked at them; each parameter once, in order: all backends number them alike then
    let unseen = connection
        .query(
            "INSERT INTO deliveries (channel, message_id, state, severity, taken_at) \
             SELECT c.name, o.id, $1, o.severity, $2 FROM channels c JOIN outbox o ON o.kind = $3 AND o.created_at >= $4 \
             WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.channel = c.name AND d.message_id = o.id)",
        )
        .bind::<Text, _>(WITHDRAWN)
        .bind::<Timestamp, _>(now)
        .bind::<Text, _>(kind.name())
        .bind::<Timestamp, _>(since);
    unseen.execute(connection).map(drop)
}

fn settle(
    connection: &mut Link,
    name: &str,
    sent: &Sent,
    (state, reason): (&str, Option<&str>),
    now: NaiveDateTime,
) -> QueryResult<()> {
    let settled = (deliveries::state.eq(state), deliveries::reason.eq(reason), deliveries::sent_at.eq(now));
    let of = deliveries::table.filter(deliveries::channel.eq(name));
    match sent {
        Sent::Message(id) => diesel::update(of.filter(deliveries::message_id.eq(id))).set(settled).execute(connection),
        Sent::Digest(digest) => {
            diesel::update(of.filter(deliveries::digest.eq(digest))).set(settled).execute(connection)
        }
    }
    .map(drop)
}
