//! How far each message of a Dramatiq queue is. It is counted before it is executed: one whose worker dies again and again
//! becomes a dead letter, and an effect that was made is not made twice.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::connection::{Link, insert_if_absent};
use super::lease::database_now;
use super::schema::{actor_messages, actor_workers};
use super::{ActorWorkerRow, Store};
use crate::error::Result;

/// What is known of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageState {
    /// A worker executes it, or died of it.
    Running,
    /// It is to be executed again.
    Back,
    /// Its effect was made.
    Done,
    /// It failed, and was sent again with one more retry.
    Retried,
    /// It is with the dead letters.
    Failed,
}

impl MessageState {
    /// The word in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Back => "back",
            Self::Done => "done",
            Self::Retried => "retried",
            Self::Failed => "failed",
        }
    }

    /// The state of a word in the database; what a newer dc wrote is taken for an end.
    pub fn named(word: &str) -> Self {
        let all = [Self::Running, Self::Back, Self::Done, Self::Retried];
        all.into_iter().find(|state| state.name() == word).unwrap_or(Self::Failed)
    }
}

/// A message as the database has it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = actor_messages)]
pub struct ActorMessageRow {
    /// Its identity.
    pub message_id: String,
    /// Its queue.
    pub queue: String,
    /// Its actor.
    pub actor: String,
    /// The word of a [`MessageState`].
    pub state: String,
    /// How often it had been tried again, in the message that was executed last.
    pub retries: i64,
    /// How often its execution was begun.
    pub starts: i64,
    /// How many workers died while they had it.
    pub deaths: i64,
    /// Who has or had it.
    pub worker: String,
    /// Messages that are to be sent before it is settled, as a JSON array.
    pub follow: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
    /// When it came into its state.
    pub updated_at: NaiveDateTime,
}

/// A message that was delivered, and is to be executed.
#[derive(Debug, Clone)]
pub struct WantedMessage {
    /// Its identity.
    pub message_id: String,
    /// Its queue.
    pub queue: String,
    /// Its actor.
    pub actor: String,
    /// How often it was tried again.
    pub retries: i64,
    /// Whether it was delivered before.
    pub is_redelivered: bool,
}

/// What is to become of a message that was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It is executed; so many workers have died of it.
    Run(i64),
    /// It is executed when nothing else is: a worker has died of it, or beside it.
    Suspect,
    /// It was settled before: what follows from it is sent once more, where that was not seen to.
    Settled {
        /// Messages that are to be sent, as a JSON array.
        follow: Option<String>,
        /// Whether it belongs to the dead letters.
        is_dead: bool,
    },
    /// Somebody else executes it: it waits.
    Wait,
    /// It is a dead letter; how many workers died of it.
    Dead(i64),
}

/// How the execution of a message ended.
#[derive(Debug, Clone)]
pub struct MessageEnd {
    /// Its identity.
    pub message_id: String,
    /// What it is now.
    pub state: MessageState,
    /// Whether its process died of it.
    pub is_death: bool,
    /// Messages that are to be sent before it is settled, as a JSON array.
    pub follow: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
}

/// What one turn writes, in one transaction.
#[derive(Debug, Default)]
pub struct MessageTurn {
    /// Who does it.
    pub worker: String,
    /// Messages that have ended.
    pub ended: Vec<MessageEnd>,
    /// Messages whose followers were sent.
    pub followed: Vec<String>,
    /// Messages that are to be executed.
    pub wanted: Vec<WantedMessage>,
}

/// What came of a turn.
#[derive(Debug, Default)]
pub struct TurnReport {
    /// Messages that had ended, and that somebody else has taken over meanwhile: nothing follows from them.
    pub lost: Vec<String>,
    /// For each that was wanted, in their order.
    pub judged: Vec<Judgement>,
}

/// A rule over a row, its worker, and the time of the database.
pub type Judge<'a> =
    dyn Fn(&WantedMessage, Option<&ActorMessageRow>, Option<&ActorWorkerRow>, NaiveDateTime) -> Judgement + 'a;

/// The messages.
pub struct ActorMessages<'a>(&'a mut Store);

impl Store {
    /// How far messages of Dramatiq queues are.
    pub fn actor_messages(&mut self) -> ActorMessages<'_> {
        ActorMessages(self)
    }
}

impl ActorMessages<'_> {
    /// Writes what has ended and counts what begins, all in one transaction. `judge` may be asked twice.
    ///
    /// # Errors
    /// When the database cannot be written: nothing has begun then.
    pub fn turn(&mut self, turn: &MessageTurn, judge: &Judge<'_>) -> Result<TurnReport> {
        self.0.write("count messages", |connection| {
            let now = database_now(connection)?;
            let mut report = TurnReport::default();
            end(connection, turn, now, &mut report.lost)?;
            if !turn.followed.is_empty() {
                let rows = actor_messages::table
                    .filter(actor_messages::message_id.eq_any(&turn.followed))
                    .filter(actor_messages::worker.eq(&turn.worker));
                diesel::update(rows).set(actor_messages::follow.eq(None::<String>)).execute(connection)?;
            }
            report.judged = begin(connection, turn, now, judge)?;
            Ok(report)
        })
    }

    /// What is known of a message.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn find(&mut self, message_id: &str) -> Result<Option<ActorMessageRow>> {
        let row = actor_messages::table.find(message_id).select(ActorMessageRow::as_select());
        self.0.read("read how far a message is", |connection| row.first(connection).optional())
    }

    /// Forgets messages, which are executed as new ones then.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn forget(&mut self, ids: &[String]) -> Result<()> {
        self.0.write("forget messages", |connection| {
            let rows = actor_messages::table.filter(actor_messages::message_id.eq_any(ids));
            diesel::delete(rows).execute(connection).map(drop)
        })
    }
}

/// Notes how messages ended; those of others are left alone.
fn end(connection: &mut Link, turn: &MessageTurn, now: NaiveDateTime, lost: &mut Vec<String>) -> QueryResult<()> {
    for ended in &turn.ended {
        let row = actor_messages::table
            .find(&ended.message_id)
            .filter(actor_messages::worker.eq(&turn.worker).and(actor_messages::state.eq("running")));
        let values = (
            actor_messages::state.eq(ended.state.name()),
            actor_messages::deaths.eq(actor_messages::deaths + i64::from(ended.is_death)),
            actor_messages::follow.eq(ended.follow.as_deref()),
            actor_messages::reason.eq(ended.reason.as_deref()),
            actor_messages::updated_at.eq(now),
        );
        if diesel::update(row).set(values).execute(connection)? == 0 {
            lost.push(ended.message_id.clone());
        }
    }
    Ok(())
}

fn begin(
    connection: &mut Link,
    turn: &MessageTurn,
    now: NaiveDateTime,
    judge: &Judge<'_>,
) -> QueryResult<Vec<Judgement>> {
    if turn.wanted.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = turn.wanted.iter().map(|wanted| wanted.message_id.as_str()).collect();
    let known: Vec<ActorMessageRow> = actor_messages::table
        .filter(actor_messages::message_id.eq_any(&ids))
        .select(ActorMessageRow::as_select())
        .load(connection)?;
    let owners: Vec<&str> = known.iter().map(|row| row.worker.as_str()).collect();
    let workers: Vec<ActorWorkerRow> = match owners.is_empty() {
        true => Vec::new(),
        false => actor_workers::table
            .filter(actor_workers::id.eq_any(&owners))
            .select(ActorWorkerRow::as_select())
            .load(connection)?,
    };
    let mut judged = Vec::with_capacity(turn.wanted.len());
    for wanted in &turn.wanted {
        let row = known.iter().find(|row| row.message_id == wanted.message_id);
        let worker = row.and_then(|row| workers.iter().find(|worker| worker.id == row.worker));
        let judgement = judge(wanted, row, worker, now);
        judged.push(match judgement {
            Judgement::Run(deaths) if take(connection, turn, (wanted, row, deaths, now))? => Judgement::Run(deaths),
            // somebody else was faster
            Judgement::Run(_) => Judgement::Wait,
            Judgement::Dead(deaths) => {
                let dead = (
                    actor_messages::state.eq(MessageState::Failed.name()),
                    actor_messages::deaths.eq(deaths),
                    actor_messages::updated_at.eq(now),
                );
                diesel::update(actor_messages::table.find(&wanted.message_id)).set(dead).execute(connection)?;
                Judgement::Dead(deaths)
            }
            other => other,
        });
    }
    Ok(judged)
}

/// Counts the execution that begins; false when somebody else did so meanwhile.
fn take(
    connection: &mut Link,
    turn: &MessageTurn,
    (wanted, row, deaths, now): (&WantedMessage, Option<&ActorMessageRow>, i64, NaiveDateTime),
) -> QueryResult<bool> {
    let Some(row) = row else {
        let row = ActorMessageRow {
            message_id: wanted.message_id.clone(),
            queue: wanted.queue.clone(),
            actor: wanted.actor.clone(),
            state: MessageState::Running.name().to_owned(),
            retries: wanted.retries,
            starts: 1,
            deaths,
            worker: turn.worker.clone(),
            follow: None,
            reason: None,
            updated_at: now,
        };
        return Ok(insert_if_absent!(connection, actor_messages::table, &row)? == 1);
    };
    let same = actor_messages::table.find(&row.message_id).filter(actor_messages::starts.eq(row.starts));
    let values = (
        actor_messages::state.eq(MessageState::Running.name()),
        actor_messages::retries.eq(wanted.retries),
        actor_messages::starts.eq(row.starts + 1),
        actor_messages::deaths.eq(deaths),
        actor_messages::worker.eq(&turn.worker),
        actor_messages::follow.eq(None::<String>),
        actor_messages::updated_at.eq(now),
    );
    Ok(diesel::update(same).set(values).execute(connection)? == 1)
}
