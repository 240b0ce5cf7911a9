//! Apps that others wait for: when they ended well, who was told that they did not, and what is due because they did.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::dsl::max;
use diesel::prelude::*;

use super::app::{AppRow, Apps};
use super::codebook::RunOutcome;
use super::connection::Link;
use super::outbox::{self, MessageKind, NewMessage};
use super::schema::{apps, occurrences, runtime};
use super::{Turn, take_turn};
use crate::error::Result;

fn good_runs(connection: &mut Link) -> QueryResult<BTreeMap<i64, NaiveDateTime>> {
    let good: Vec<(i64, Option<NaiveDateTime>)> = runtime::table
        .filter(runtime::code.eq(RunOutcome::Ok.id()))
        .group_by(runtime::app_id)
        .select((runtime::app_id, max(runtime::ended_at)))
        .load(connection)?;
    Ok(good.into_iter().filter_map(|(app_id, ended_at)| Some((app_id, ended_at?))).collect())
}

impl Apps<'_> {
    /// When each active app ended well last; one that never did, when it was registered.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn last_good(&mut self) -> Result<BTreeMap<i64, NaiveDateTime>> {
        self.0.read("read when apps ended well", |connection| {
            let registered: Vec<(i64, NaiveDateTime)> =
                apps::table.filter(apps::archive.is_null()).select((apps::id, apps::date_created)).load(connection)?;
            let good = good_runs(connection)?;
            let last =
                |(app_id, created)| (app_id, good.get(&app_id).copied().map_or(created, |good| good.max(created)));
            Ok(registered.into_iter().map(last).collect())
        })
    }

    /// When each app ended well last, as far as it ever did.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn last_good_runs(&mut self) -> Result<BTreeMap<i64, NaiveDateTime>> {
        self.0.read("read when apps ended well", good_runs)
    }

    /// Makes an app due now that neither runs, waits nor is due, and has not run since `app` was read; whether it is.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn make_due(&mut self, app: &AppRow, now: NaiveDateTime) -> Result<bool> {
        self.0.write("make an app due", |connection| {
            take_turn(connection, Turn::Claim)?;
            let waiting = occurrences::table
                .filter(occurrences::app_id.eq(app.id).and(occurrences::state.eq_any(["claimed", "queued"])));
            let open = runtime::table.filter(runtime::app_id.eq(app.id).and(runtime::ended_at.is_null()));
            let busy: i64 = waiting.count().get_result(connection)?;
            let running: i64 = open.count().get_result(connection)?;
            let last_run: Option<NaiveDateTime> = apps::table.find(app.id).select(apps::last_run).first(connection)?;
            if busy + running > 0 || last_run != app.last_run {
                return Ok(false);
            }
            let resting = apps::table
                .filter(apps::id.eq(app.id).and(apps::archive.is_null()).and(apps::disable.eq(false)))
                .filter(apps::next_run.is_null().or(apps::next_run.gt(now)));
            let row = (apps::next_run.eq(now), apps::next_run_wished.eq(true));
            Ok(diesel::update(resting).set(row).execute(connection)? > 0)
        })
    }

    /// Tells people that an app had no good run since then; false when they know.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn tell_overdue(&mut self, app_id: i64, since: NaiveDateTime, message: &NewMessage) -> Result<bool> {
        self.0.write("tell that an app had no good run", |connection| {
            // two managers look at the same time
            take_turn(connection, Turn::Claim)?;
            if outbox::was_told(connection, app_id, MessageKind::Overdue, since)? {
                return Ok(false);
            }
            outbox::append(connection, message).map(|_| true)
        })
    }
}
