//! Occurrences: the scheduled moments of apps, each decided once and accounted for, however many managers there are.
//!
//! An app's `next_run` is the first moment that nobody has decided. Whoever moves it on, in one conditional write, has
//! decided all moments before; a claim carries a number that grows with every claim of the occurrence, and `dc run`
//! starts nothing for a number that is no longer the last.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use serde::Serialize;

use super::connection::{Link, locked};
use super::due::DueApp;
use super::label::barred;
use super::room::{Room, RunLimits};
use super::schema::{app_groups, app_parents, apps, occurrences, runtime};
use super::{Store, shown};
use crate::clock;
use crate::error::Result;
use crate::failpoint;
use crate::ident::AppName;

/// How an occurrence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OccurrenceState {
    /// A manager starts it.
    Claimed,
    /// It is due, and waits: for its run before, or for room.
    Queued,
    /// Its run goes on.
    Started,
    /// Its run has ended.
    Ran,
    /// It was left out.
    Skipped,
    /// Nothing ran when it was due, and it is not made up for.
    Missed,
}

impl OccurrenceState {
    const ALL: [(Self, &str); 6] = [
        (Self::Claimed, "claimed"),
        (Self::Queued, "queued"),
        (Self::Started, "started"),
        (Self::Ran, "ran"),
        (Self::Skipped, "skipped"),
        (Self::Missed, "missed"),
    ];

    /// The word in the database.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(state, _)| *state)
    }

    /// Whether nothing more comes of it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Ran | Self::Skipped | Self::Missed)
    }
}

impl Serialize for OccurrenceState {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What becomes of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The moment.
    pub due_at: NaiveDateTime,
    /// Claimed, queued, skipped or missed.
    pub state: OccurrenceState,
    /// Why it is not started.
    pub reason: Option<String>,
}

/// What becomes of all moments of an app that are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The moments, in their order.
    pub verdicts: Vec<Verdict>,
    /// The first moment after them.
    pub next_run: Option<NaiveDateTime>,
}

/// An occurrence that a manager may start, with the number that says that it still may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The occurrence.
    pub occurrence: i64,
    /// The number of the claim.
    pub fence: i64,
    /// The app's row.
    pub app_id: i64,
    /// The app.
    pub app: AppName,
    /// The moment.
    pub due_at: NaiveDateTime,
}

/// An occurrence as the database has it.
#[derive(Debug, Clone, Serialize)]
pub struct OccurrenceRow {
    /// Its number.
    pub id: i64,
    /// Its app.
    pub app_id: i64,
    /// The app's full name.
    #[serde(serialize_with = "shown::text")]
    pub app: AppName,
    /// The moment.
    #[serde(serialize_with = "shown::moment")]
    pub due_at: NaiveDateTime,
    /// How it stands.
    pub state: OccurrenceState,
    /// Why.
    pub reason: Option<String>,
    /// The number of its last claim.
    pub fence: i64,
    /// The manager of that claim.
    pub claimed_by: Option<String>,
    /// When that was.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub claimed_at: Option<NaiveDateTime>,
    /// Its run.
    pub runtime: Option<String>,
    /// When it was settled.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub ended_at: Option<NaiveDateTime>,
    /// How often a run was started for it: more than once by `retries`.
    pub attempts: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = occurrences)]
struct OccurrenceRecord {
    id: i64,
    app_id: i64,
    due_at: NaiveDateTime,
    state: String,
    reason: Option<String>,
    fence: i64,
    claimed_by: Option<String>,
    claimed_at: Option<NaiveDateTime>,
    runtime: Option<String>,
    ended_at: Option<NaiveDateTime>,
    attempts: i64,
}

type Named<T> = (T, String, String, String);

/// The occurrences of schedules.
pub struct Occurrences<'a>(pub(super) &'a mut Store);

impl Store {
    /// The occurrences of schedules.
    pub fn occurrences(&mut self) -> Occurrences<'_> {
        Occurrences(self)
    }
}

impl Occurrences<'_> {
    /// Writes decisions down, in one transaction; those apps are left out that somebody else has decided meanwhile.
    /// What may start is given back as claims; where a limit is reached it is queued instead.
    ///
    /// # Errors
    /// When the database cannot be written: nothing is decided then.
    pub fn decide(
        &mut self,
        decided: &[(DueApp, Decision)],
        limits: &RunLimits,
        by: &str,
        now: NaiveDateTime,
    ) -> Result<Vec<Claim>> {
        self.0.write("decide what is due", |connection| {
            let mut room = Room::count(connection, limits)?;
            failpoint::point("tables.deciding").map_err(|_| diesel::result::Error::RollbackTransaction)?;
            let mut claims = Vec::new();
            for (app, decision) in decided {
                if move_on(connection, app, decision)? {
                    for verdict in &decision.verdicts {
                        claims.extend(insert(connection, app, verdict, &mut room, by, now)?);
                    }
                }
            }
            Ok(claims)
        })
    }

    /// The occurrences that wait and may start now on a machine with `labels`: their apps do not run and have nothing
    /// claimed, and there is room. The longest due first, one for each app.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn startable(
        &mut self,
        limits: &RunLimits,
        labels: &[String],
        now: NaiveDateTime,
        count: i64,
    ) -> Result<Vec<Claim>> {
        self.0.read("read what waits to start", |connection| {
            let claimed = occurrences::table.filter(occurrences::state.eq("claimed")).select(occurrences::app_id);
            let mut busy: Vec<i64> = claimed.load(connection)?;
            let running = runtime::table.filter(runtime::ended_at.is_null()).select(runtime::app_id);
            busy.extend(running.load::<i64>(connection)?);
            busy.extend(barred(connection, labels)?);
            let firsts: Vec<Option<i64>> = occurrences::table
                .filter(occurrences::state.eq("queued"))
                .filter(occurrences::not_before.is_null().or(occurrences::not_before.le(now)))
                .filter(occurrences::app_id.ne_all(busy))
                .group_by(occurrences::app_id)
                .select(diesel::dsl::min(occurrences::id))
                .load(connection)?;
            let firsts: Vec<i64> = firsts.into_iter().flatten().collect();
            if firsts.is_empty() {
                return Ok(Vec::new());
            }
            let mut room = Room::look(connection, limits)?;
            let waiting = load(connection, &Which::These(&firsts), i64::MAX)?;
            let startable = waiting.into_iter().filter(|row| room.take(&row.app.group)).take(count as usize);
            Ok(startable.map(claim_of).collect())
        })
    }

    /// Claims a waiting occurrence; `None` when somebody else was faster, or a limit is reached.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn claim(
        &mut self,
        waiting: &Claim,
        limits: &RunLimits,
        by: &str,
        now: NaiveDateTime,
    ) -> Result<Option<Claim>> {
        self.0.write("claim an occurrence", |connection| {
            let mut room = Room::count(connection, limits)?;
            if !room.take(&waiting.app.group) {
                return Ok(None);
            }
            renew(connection, waiting, OccurrenceState::Queued, by, now)
        })
    }

    /// The claims that are older than `before` and may start on a machine with `labels`: whoever made them may be gone.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn old_claims(&mut self, before: NaiveDateTime, labels: &[String], count: i64) -> Result<Vec<OccurrenceRow>> {
        self.0.read("read old claims", |connection| {
            let barred = barred(connection, labels)?;
            load(connection, &Which::ClaimedBefore(before, &barred), count)
        })
    }

    /// The claims of one manager that may start on a machine with `labels`, and that no run has followed.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn own_claims(&mut self, by: &str, labels: &[String], count: i64) -> Result<Vec<OccurrenceRow>> {
        self.0.read("read our own claims", |connection| {
            let barred = barred(connection, labels)?;
            load(connection, &Which::ClaimedBy(by, &barred), count)
        })
    }

    /// Takes over a claim that is not followed by a start; `None` when somebody else was faster.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn take_over(&mut self, old: &OccurrenceRow, by: &str, now: NaiveDateTime) -> Result<Option<Claim>> {
        let claim = claim_of(old.clone());
        self.0.write("take a claim over", |connection| renew(connection, &claim, OccurrenceState::Claimed, by, now))
    }

    /// Settles an occurrence that will not start, or puts it back into the queue; false when the claim was no longer
    /// the last one, or the run has started after all.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn settle(&mut self, claim: &Claim, state: OccurrenceState, reason: &str, now: NaiveDateTime) -> Result<bool> {
        self.0.write("settle an occurrence", |connection| settle(connection, claim, state, reason, now))
    }

    /// The apps of all occurrences that wait, or are claimed and have not started.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn waiting(&mut self) -> Result<Vec<i64>> {
        let waiting = occurrences::table.filter(occurrences::state.eq_any(["claimed", "queued"]));
        self.0.read("read what waits to start", |connection| waiting.select(occurrences::app_id).load(connection))
    }

    /// The last occurrences of these apps, the latest due first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn of_apps(&mut self, app_ids: &[i64], count: i64) -> Result<Vec<OccurrenceRow>> {
        self.0.read("read the occurrences", |connection| load(connection, &Which::OfApps(app_ids), count))
    }
}

/// Ends a claim without a start.
pub(super) fn settle(
    connection: &mut Link,
    claim: &Claim,
    state: OccurrenceState,
    reason: &str,
    now: NaiveDateTime,
) -> QueryResult<bool> {
    let still = occurrences::table
        .filter(occurrences::id.eq(claim.occurrence).and(occurrences::fence.eq(claim.fence)))
        .filter(occurrences::state.eq("claimed"));
    let ended_at = state.is_final().then_some(now);
    let row = (occurrences::state.eq(state.name()), occurrences::reason.eq(reason), occurrences::ended_at.eq(ended_at));
    Ok(diesel::update(still).set(row).execute(connection)? > 0)
}

/// Notes that a claim was followed by its run; false when the claim is no longer the last one.
pub(super) fn begin(connection: &mut Link, occurrence: i64, fence: i64, run: &str) -> QueryResult<bool> {
    let still = occurrences::table
        .filter(occurrences::id.eq(occurrence).and(occurrences::fence.eq(fence)))
        .filter(occurrences::state.eq("claimed"));
    let row = (
        occurrences::state.eq("started"),
        occurrences::runtime.eq(run),
        occurrences::reason.eq(None::<String>),
        occurrences::attempts.eq(occurrences::attempts + 1),
        occurrences::not_before.eq(None::<NaiveDateTime>),
    );
    Ok(diesel::update(still).set(row).execute(connection)? > 0)
}

/// Puts the occurrence of a run that failed back into the queue, if it may be tried again; whether it is.
pub(super) fn try_again(
    connection: &mut Link,
    run: &str,
    (retries, after): (i64, TimeDelta),
    (reason, now): (&str, NaiveDateTime),
) -> QueryResult<bool> {
    let started = occurrences::table.filter(occurrences::runtime.eq(run).and(occurrences::state.eq("started")));
    let attempts: Option<i64> = started.select(occurrences::attempts).first(connection).optional()?;
    let Some(attempts) = attempts.filter(|attempts| *attempts <= retries) else { return Ok(false) };
    let not_before = now.checked_add_signed(after).unwrap_or(now);
    let at = if after.is_zero() { String::new() } else { format!(", at {}", clock::brief(not_before)) };
    let row = (
        occurrences::state.eq("queued"),
        occurrences::not_before.eq(not_before),
        occurrences::reason.eq(format!("it is tried again{at}, for the {attempts}. of {retries} times: {reason}")),
    );
    Ok(diesel::update(started).set(row).execute(connection)? > 0)
}

/// Closes the occurrence of a run that has ended.
pub(super) fn end(connection: &mut Link, run: &str, reason: &str, now: NaiveDateTime) -> QueryResult<()> {
    let started = occurrences::table.filter(occurrences::runtime.eq(run).and(occurrences::state.eq("started")));
    let row = (occurrences::state.eq("ran"), occurrences::reason.eq(reason), occurrences::ended_at.eq(now));
    diesel::update(started).set(row).execute(connection).map(drop)
}

/// Moves `next_run` on, if it is what the decision was made for: whoever does it has decided.
fn move_on(connection: &mut Link, app: &DueApp, decision: &Decision) -> QueryResult<bool> {
    // a row that another manager is deciding is no longer ours
    let ours = apps::table.find(app.app_id).filter(apps::next_run.eq(app.due_at)).select(apps::id);
    let ours: Vec<i64> = locked!(&mut *connection, free ours)?;
    if ours.is_empty() {
        return Ok(false);
    }
    let undecided = apps::table
        .filter(apps::id.eq(app.app_id).and(apps::next_run.eq(app.due_at)))
        .filter(apps::archive.is_null().and(apps::disable.eq(false)));
    let row = (apps::next_run.eq(decision.next_run), apps::next_run_wished.eq(false));
    Ok(diesel::update(undecided).set(row).execute(connection)? > 0)
}

/// Inserts an occurrence; one that is there already was decided before (the app wished for a moment of its schedule).
fn insert(
    connection: &mut Link,
    app: &DueApp,
    verdict: &Verdict,
    room: &mut Room,
    by: &str,
    now: NaiveDateTime,
) -> QueryResult<Option<Claim>> {
    let this = occurrences::app_id.eq(app.app_id).and(occurrences::due_at.eq(verdict.due_at));
    if occurrences::table.filter(this).count().get_result::<i64>(connection)? > 0 {
        return Ok(None);
    }
    let (mut state, mut reason) = (verdict.state, verdict.reason.clone());
    if state == OccurrenceState::Claimed && !room.take(&app.name.group) {
        (state, reason) = (OccurrenceState::Queued, Some(room.words(&app.name.group)));
    }
    let is_claimed = state == OccurrenceState::Claimed;
    let row = (
        occurrences::app_id.eq(app.app_id),
        occurrences::due_at.eq(verdict.due_at),
        occurrences::state.eq(state.name()),
        occurrences::reason.eq(reason),
        occurrences::fence.eq(1_i64),
        occurrences::claimed_by.eq(by),
        occurrences::claimed_at.eq(now),
        occurrences::ended_at.eq(state.is_final().then_some(now)),
    );
    diesel::insert_into(occurrences::table).values(row).execute(connection)?;
    if !is_claimed {
        return Ok(None);
    }
    let occurrence: i64 = occurrences::table.filter(this).select(occurrences::id).first(connection)?;
    Ok(Some(Claim { occurrence, fence: 1, app_id: app.app_id, app: app.name.clone(), due_at: verdict.due_at }))
}

/// Claims an occurrence anew, with the next number.
fn renew(
    connection: &mut Link,
    old: &Claim,
    state: OccurrenceState,
    by: &str,
    now: NaiveDateTime,
) -> QueryResult<Option<Claim>> {
    let still = occurrences::table
        .filter(occurrences::id.eq(old.occurrence).and(occurrences::fence.eq(old.fence)))
        .filter(occurrences::state.eq(state.name()));
    let row = (
        occurrences::state.eq("claimed"),
        occurrences::fence.eq(old.fence + 1),
        occurrences::claimed_by.eq(by),
        occurrences::claimed_at.eq(now),
    );
    let renewed = diesel::update(still).set(row).execute(connection)? > 0;
    Ok(renewed.then(|| Claim { fence: old.fence + 1, ..old.clone() }))
}

fn claim_of(row: OccurrenceRow) -> Claim {
    Claim { occurrence: row.id, fence: row.fence, app_id: row.app_id, app: row.app, due_at: row.due_at }
}

/// Which rows [`load`] reads, and in which order.
enum Which<'a> {
    /// Those of these numbers whose apps are in service, the longest due first.
    These(&'a [i64]),
    /// Those that are claimed since before then, but for these apps; the longest due first.
    ClaimedBefore(NaiveDateTime, &'a [i64]),
    /// Those that this manager has claimed, but for these apps; the longest due first.
    ClaimedBy(&'a str, &'a [i64]),
    /// Those of these apps, the latest due first.
    OfApps(&'a [i64]),
}

fn load(connection: &mut Link, which: &Which<'_>, count: i64) -> QueryResult<Vec<OccurrenceRow>> {
    let mut query = occurrences::table
        .inner_join(apps::table.inner_join(app_parents::table.inner_join(app_groups::table)))
        .select((OccurrenceRecord::as_select(), app_groups::name, app_parents::name, apps::name))
        .into_boxed();
    query = match which {
        Which::These(ids) => {
            query.filter(occurrences::id.eq_any(*ids)).filter(apps::disable.eq(false).and(apps::archive.is_null()))
        }
        Which::ClaimedBefore(before, barred) => query
            .filter(occurrences::state.eq("claimed").and(occurrences::claimed_at.lt(*before)))
            .filter(occurrences::app_id.ne_all(*barred)),
        Which::ClaimedBy(by, barred) => query
            .filter(occurrences::state.eq("claimed").and(occurrences::claimed_by.eq(*by)))
            .filter(occurrences::app_id.ne_all(*barred)),
        Which::OfApps(app_ids) => query.filter(occurrences::app_id.eq_any(*app_ids)),
    };
    query = match which {
        Which::OfApps(_) => query.order((occurrences::due_at.desc(), occurrences::id.desc())),
        _ => query.order((occurrences::due_at.asc(), occurrences::id.asc())),
    };
    let rows: Vec<Named<OccurrenceRecord>> = query.limit(count).load(connection)?;
    Ok(rows
        .into_iter()
        .filter_map(|(record, group, parent, name)| row(record, AppName { group, parent, name }))
        .collect())
}

fn row(record: OccurrenceRecord, app: AppName) -> Option<OccurrenceRow> {
    Some(OccurrenceRow {
        id: record.id,
        app_id: record.app_id,
        app,
        due_at: record.due_at,
        state: OccurrenceState::of(&record.state)?,
        reason: record.reason,
        fence: record.fence,
        claimed_by: record.claimed_by,
        claimed_at: record.claimed_at,
        runtime: record.runtime,
        ended_at: record.ended_at,
        attempts: record.attempts,
    })
}
