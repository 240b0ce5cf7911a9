//! Apps that fail too often are taken out of service; many that fail at once are one incident.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;

use super::app::Apps;
use super::codebook::{FatalFlag, RunOutcome, RunStatus};
use super::command::set_idle_status;
use super::outbox::{self, MessageKind, NewMessage};
use super::run_list::Runs;
use super::schema::{apps, incidents, runtime};
use super::time::database_now;
use super::{Store, Turn, delivery_state, shown, take_turn, waiting};
use crate::error::Result;

/// Many apps failed at once.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = incidents)]
pub struct IncidentRow {
    /// Its number.
    pub id: i64,
    /// When it was noticed.
    #[serde(serialize_with = "shown::moment")]
    pub started_at: NaiveDateTime,
    /// When it was over; `None` while it goes on.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub ended_at: Option<NaiveDateTime>,
    /// How many apps failed when it was noticed.
    pub failed: i64,
    /// Of how many that had run.
    pub total: i64,
}

/// How the last run of an app ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastOutcome {
    /// The app.
    pub app_id: i64,
    /// How.
    pub code: RunOutcome,
}

/// The incidents: when many apps failed at once.
pub struct Incidents<'a>(pub(super) &'a mut Store);

impl Store {
    /// The incidents: when many apps failed at once.
    pub fn incidents(&mut self) -> Incidents<'_> {
        Incidents(self)
    }
}

impl Apps<'_> {
    /// Takes an app out of service that has failed so often; false when somebody else has done it, or it has run well
    /// meanwhile.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn take_out(
        &mut self,
        app_id: i64,
        failures: i64,
        flag: FatalFlag,
        (message, is_told): (&NewMessage, bool),
    ) -> Result<bool> {
        self.0.write("take an app out of service", |connection| {
            let failing = apps::table
                .filter(apps::id.eq(app_id).and(apps::disable.eq(false)))
                .filter(apps::failures.ge(failures).and(apps::archive.is_null()));
            let row = (
                apps::disable.eq(true),
                apps::fatal_flag.eq(flag.id()),
                apps::fatal_msg.eq(&message.subject),
                apps::fatal_time.eq(database_now(connection)?),
            );
            if diesel::update(failing).set(row).execute(connection)? == 0 {
                return Ok(false);
            }
            set_idle_status(connection, app_id, RunStatus::Disabled)?;
            waiting::leave_out(connection, app_id, "its app failed too often while it waited")?;
            if is_told {
                outbox::append(connection, message)?;
            }
            Ok(true)
        })
    }
}

impl Runs<'_> {
    /// How the runs that ended since then ended, the last one of each app.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn outcomes_since(&mut self, since: NaiveDateTime) -> Result<Vec<LastOutcome>> {
        self.0.read("read how runs ended", |connection| {
            let rows: Vec<(i64, i64)> = runtime::table
                .filter(runtime::ended_at.ge(since))
                .select((runtime::app_id, runtime::code))
                .order(runtime::ended_at.asc())
                .load(connection)?;
            let last: BTreeMap<i64, i64> = rows.into_iter().collect();
            let outcome = |(app_id, code)| Some(LastOutcome { app_id, code: RunOutcome::from_id(code)? });
            Ok(last.into_iter().filter_map(outcome).collect())
        })
    }
}

impl Incidents<'_> {
    /// The incident that goes on.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn current(&mut self) -> Result<Option<IncidentRow>> {
        let open = incidents::table.filter(incidents::ended_at.is_null());
        self.0
            .read("read the incidents", |connection| open.select(IncidentRow::as_select()).first(connection).optional())
    }

    /// Notes an incident of the failures since `since` and tells people; false when it is known. What was to be told of
    /// each of these failures is told by this one message, wherever it has not been sent.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn begin(&mut self, (failed, total): (i64, i64), since: NaiveDateTime, message: &NewMessage) -> Result<bool> {
        self.0.write("note an incident", |connection| {
            // two managers see it at the same time
            take_turn(connection, Turn::Claim)?;
            let open: i64 = incidents::table.filter(incidents::ended_at.is_null()).count().get_result(connection)?;
            if open > 0 {
                return Ok(false);
            }
            let now = database_now(connection)?;
            let row = (incidents::started_at.eq(now), incidents::failed.eq(failed), incidents::total.eq(total));
            diesel::insert_into(incidents::table).values(row).execute(connection)?;
            delivery_state::withdraw(connection, MessageKind::Failed, since, now)?;
            outbox::append(connection, message)?;
            Ok(true)
        })
    }

    /// Notes that an incident is over: the failures in it are not the fault of these apps, and are forgotten.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn end(&mut self, id: i64, forgiven: &[i64], message: &NewMessage) -> Result<bool> {
        self.0.write("note the end of an incident", |connection| {
            let open = incidents::table.filter(incidents::id.eq(id).and(incidents::ended_at.is_null()));
            let now = database_now(connection)?;
            if diesel::update(open).set(incidents::ended_at.eq(now)).execute(connection)? == 0 {
                return Ok(false);
            }
            let failing = apps::table.filter(apps::id.eq_any(forgiven).and(apps::failures.gt(0)));
            let row = (apps::failures.eq(0_i64), apps::retry_at.eq(None::<NaiveDateTime>));
            diesel::update(failing).set(row).execute(connection)?;
            outbox::append(connection, message)?;
            Ok(true)
        })
    }
}
