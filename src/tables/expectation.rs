//! Apps that others wait for: when they ended well, who was told that they did not, and what is due because they did.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::app::{AppRow, Apps};
use super::codebook::RunOutcome;
use super::outbox::{self, NewMessage};
use super::schema::{apps, occurrences, runtime};
use super::{Turn, take_turn};
use crate::error::Result;

impl Apps<'_> {
    /// When each of these apps ended well last, as far as it ever did.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn last_good_runs(&mut self, app_ids: &[i64]) -> Result<BTreeMap<i64, NaiveDateTime>> {
        self.0.read("read when apps ended well", |connection| {
            let mut last = BTreeMap::new();
            for app_id in app_ids {
                // identities sort by their time, so the index leads to the newest ones
                let good = runtime::table
                    .filter(runtime::app_id.eq(app_id).and(runtime::code.eq(RunOutcome::Ok.id())))
                    .order(runtime::id.desc())
                    .select(runtime::ended_at)
                    .first::<Option<NaiveDateTime>>(connection)
                    .optional()?;
                last.extend(good.flatten().map(|ended_at| (*app_id, ended_at)));
            }
            Ok(last)
        })
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

    /// Tells people what is wrong with an app since then; false when they know of this kind.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn tell_once(&mut self, app_id: i64, since: NaiveDateTime, message: &NewMessage) -> Result<bool> {
        self.0.write("tell what is wrong with an app", |connection| {
            // two managers look at the same time
            take_turn(connection, Turn::Claim)?;
            if outbox::was_told(connection, app_id, message.kind, since)? {
                return Ok(false);
            }
            outbox::append(connection, message).map(|_| true)
        })
    }
}
