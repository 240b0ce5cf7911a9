//! The apps: what each is, how it stands, when it runs next.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use diesel::result::Error as QueryError;
use serde::Serialize;

use super::codebook::{AppCommand, AppType, CommandFlag, FatalFlag, RunStatus};
use super::connection::{Link, locked};
use super::schema::{app_groups, app_parents, apps, runtime};
use super::time::database_now;
use super::{Store, shown};
use crate::error::Result;
use crate::ident::{AppName, RuntimeId};

/// An app as the database has it.
#[derive(Debug, Clone, Serialize)]
pub struct AppRow {
    /// Its number.
    pub id: i64,
    /// Its full name.
    #[serde(serialize_with = "shown::text")]
    pub name: AppName,
    /// What starts it.
    pub app_type: AppType,
    /// Its app.toml, as JSON.
    pub definition: String,
    /// The cron expression of a [`AppType::Cron`].
    pub schedule: Option<String>,
    /// The milliseconds between two runs of a [`AppType::Interval`].
    pub interval_ms: Option<i64>,
    /// The zone its schedule is in.
    pub timezone: String,
    /// Its state.
    pub status: RunStatus,
    /// When it is due.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub next_run: Option<NaiveDateTime>,
    /// When its last run started.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub last_run: Option<NaiveDateTime>,
    /// How many tasks its run has, as far as it told.
    pub task_size: Option<i64>,
    /// The share of them that is done, in percent.
    pub progress: Option<f64>,
    /// How many it solved.
    pub solved: i64,
    /// How many failed.
    pub failed: i64,
    /// When the run may end.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub eta: Option<NaiveDateTime>,
    /// Why it was taken out of service.
    pub fatal_flag: FatalFlag,
    /// The reason in words.
    pub fatal_msg: Option<String>,
    /// When that was.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub fatal_time: Option<NaiveDateTime>,
    /// The last command that it was given.
    pub cmd_name: Option<AppCommand>,
    /// How far that command has come.
    pub cmd_flag: CommandFlag,
    /// Who gave it.
    pub cmd_by: Option<String>,
    /// When.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub cmd_time: Option<NaiveDateTime>,
    /// When it was carried out.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub cmd_exec: Option<NaiveDateTime>,
    /// Whether its schedule is out of force.
    pub disable: bool,
    /// How many of its last runs failed in a row.
    pub failures: i64,
    /// After failures: when it may start again.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub retry_at: Option<NaiveDateTime>,
    /// When it was registered.
    #[serde(serialize_with = "shown::moment")]
    pub created: NaiveDateTime,
    /// When it left `apps/`; `None` for an active app.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub archive: Option<NaiveDateTime>,
}

/// The words of a definition, which is JSON in one form, of an app that is kept running.
const KEPT: &str = "\"keep\":true";
/// And of one that runs after others.
const AFTER: &str = "\"after\":[";
/// And of one that runs once for each boot.
const AT_BOOT: &str = "\"schedule\":\"@reboot\"";
/// And of a pipeline.
const PIPELINE: &str = "\"pipeline\":{";

impl AppRow {
    /// Whether it is started whenever it has ended: a look at the text, since many are asked each second.
    fn is_kept(&self) -> bool {
        self.definition.contains(KEPT)
    }

    /// Whether it is a pipeline, in the same way.
    pub fn is_pipeline(&self) -> bool {
        self.definition.contains(PIPELINE)
    }

    /// What starts it, where no time does.
    pub fn start_in_words(&self) -> &'static str {
        let starts = [
            (self.is_kept(), "kept"),
            (self.runs_after_others(), "after others"),
            (self.is_pipeline(), "pipeline"),
            (self.definition.contains(AT_BOOT), "at boot"),
        ];
        starts.into_iter().find(|(is_so, _)| *is_so).map_or("by hand", |(_, words)| words)
    }

    /// Whether it runs after others, in the same way.
    fn runs_after_others(&self) -> bool {
        // the rules of a stage may have a field of that name
        self.definition.contains(AFTER) && !self.is_pipeline()
    }
}

/// How far a run has come.
#[derive(Debug, Clone)]
pub struct Progress {
    /// How many tasks there are, when the app knows.
    pub task_size: Option<i64>,
    /// How many are solved.
    pub solved: i64,
    /// How many failed.
    pub failed: i64,
    /// When the run started: the pace is counted from here.
    pub started_at: NaiveDateTime,
}

impl Progress {
    /// The share that is done, in percent: 0 to 100.
    pub fn percent(&self) -> Option<f64> {
        let task_size = self.task_size.filter(|size| *size > 0)?;
        Some((100.0 * self.done() as f64 / task_size as f64).clamp(0.0, 100.0))
    }

    /// When the rest will be done if it goes on at this pace; `None` before the first task and after the last.
    pub fn eta(&self, now: NaiveDateTime) -> Option<NaiveDateTime> {
        let rest = self.task_size?.saturating_sub(self.done());
        let elapsed_ms = (now - self.started_at).num_milliseconds().max(0);
        if rest <= 0 || self.done() <= 0 {
            return None;
        }
        let rest_ms = elapsed_ms as f64 * rest as f64 / self.done() as f64;
        now.checked_add_signed(TimeDelta::try_milliseconds(rest_ms as i64)?)
    }

    fn done(&self) -> i64 {
        self.solved.saturating_add(self.failed)
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = apps)]
struct AppRecord {
    id: i64,
    app_type: i64,
    definition: String,
    schedule: Option<String>,
    interval_ms: Option<i64>,
    timezone: String,
    status: i64,
    next_run: Option<NaiveDateTime>,
    last_run: Option<NaiveDateTime>,
    task_size: Option<i64>,
    progress: Option<f64>,
    solved: i64,
    failed: i64,
    eta: Option<NaiveDateTime>,
    fatal_flag: i64,
    fatal_msg: Option<String>,
    fatal_time: Option<NaiveDateTime>,
    cmd_name: Option<i64>,
    cmd_flag: i64,
    cmd_by: Option<String>,
    cmd_time: Option<NaiveDateTime>,
    cmd_exec: Option<NaiveDateTime>,
    disable: bool,
    failures: i64,
    retry_at: Option<NaiveDateTime>,
    archive: Option<NaiveDateTime>,
    date_created: NaiveDateTime,
}

/// The apps.
pub struct Apps<'a>(pub(super) &'a mut Store);

impl Store {
    /// The apps.
    pub fn apps(&mut self) -> Apps<'_> {
        Apps(self)
    }
}

impl Apps<'_> {
    /// The active apps, ordered by their full names.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn all(&mut self) -> Result<Vec<AppRow>> {
        self.0.read("read the apps", |connection| {
            let mut rows = load(connection, WhichApps::Active)?;
            // here and not in SQL: the order of names shall not depend on a server's collation
            rows.sort_by(|left, right| left.name.cmp(&right.name));
            Ok(rows)
        })
    }

    /// The active apps that no time starts: their definitions name apps after which they run, keep them running, or start
    /// them once for each boot.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn triggered(&mut self) -> Result<Vec<AppRow>> {
        self.0.read("read which apps run after others", |connection| load(connection, WhichApps::Triggered))
    }

    /// The apps that have left `apps/`, the oldest first. One that left and came back stands here as well.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn archived(&mut self) -> Result<Vec<AppRow>> {
        self.0.read("read the apps that are gone", |connection| {
            let mut rows = load(connection, WhichApps::Archived)?;
            rows.sort_by_key(|row| (row.archive, row.id));
            Ok(rows)
        })
    }

    /// The active app of this name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn named(&mut self, name: &AppName) -> Result<Option<AppRow>> {
        self.0.read("read an app", |connection| Ok(load(connection, WhichApps::Named(name))?.pop()))
    }

    /// The active apps whose last runs failed.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn failing(&mut self) -> Result<Vec<AppRow>> {
        self.0.read("read which apps fail", |connection| load(connection, WhichApps::Failing))
    }

    /// The app of this number, active or archived.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn by_id(&mut self, app_id: i64) -> Result<Option<AppRow>> {
        self.0.read("read an app", |connection| Ok(load(connection, WhichApps::One(app_id))?.pop()))
    }

    /// Stores how far the app's run has come, its share in percent and when it may end. A run that somebody has closed
    /// changes nothing.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_progress(&mut self, run: &RuntimeId, progress: &Progress) -> Result<()> {
        self.0.write("record an app's progress", |connection| {
            let changes = (
                apps::task_size.eq(progress.task_size),
                apps::progress.eq(progress.percent()),
                apps::solved.eq(progress.solved),
                apps::failed.eq(progress.failed),
                apps::eta.eq(progress.eta(database_now(connection)?)),
            );
            let Some(app_id) = app_of_open(connection, run)? else { return Ok(()) };
            diesel::update(apps::table.find(app_id)).set(changes).execute(connection).map(drop)
        })
    }

    /// Brings an app back to its schedule that waits longer than that allows, because a clock was wrong; false when it was
    /// decided meanwhile, or wished for that moment itself. It no longer waits after failures either.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_back(&mut self, app: &AppRow, next_run: Option<NaiveDateTime>) -> Result<bool> {
        self.0.write("bring an app back to its schedule", |connection| {
            let same = apps::table
                .filter(apps::id.eq(app.id).and(apps::next_run.eq(app.next_run)))
                .filter(apps::next_run_wished.eq(false));
            let row = (apps::next_run.eq(next_run), apps::retry_at.eq(None::<NaiveDateTime>));
            Ok(diesel::update(same).set(row).execute(connection)? > 0)
        })
    }

    /// Sets when the app of a run is due; `None` for by hand only. A run that somebody has closed changes nothing.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_next_run(&mut self, run: &RuntimeId, at: Option<NaiveDateTime>) -> Result<()> {
        self.0.write("set an app's next run", |connection| {
            let Some(app_id) = app_of_open(connection, run)? else { return Ok(()) };
            let wish = (apps::next_run.eq(at), apps::next_run_wished.eq(true));
            diesel::update(apps::table.find(app_id)).set(wish).execute(connection).map(drop)
        })
    }
}

/// The app of a run that nobody closes until the transaction ends; `None` where somebody has.
fn app_of_open(connection: &mut Link, run: &RuntimeId) -> QueryResult<Option<i64>> {
    let open = runtime::table.filter(runtime::id.eq(run.as_str()).and(runtime::ended_at.is_null()));
    let found: Vec<i64> = locked!(connection, open.select(runtime::app_id))?;
    Ok(found.first().copied())
}

/// Which apps to read.
pub(super) enum WhichApps<'a> {
    Active,
    Archived,
    /// Those that run after others, are kept, or run at boot.
    Triggered,
    Failing,
    /// The active one of this name.
    Named(&'a AppName),
    /// The one of this number, archived or not.
    One(i64),
}

pub(super) fn load(connection: &mut Link, which: WhichApps<'_>) -> QueryResult<Vec<AppRow>> {
    let query = apps::table.inner_join(app_parents::table.inner_join(app_groups::table)).select((
        AppRecord::as_select(),
        app_parents::name,
        app_groups::name,
        apps::name,
    ));
    let active = apps::archive.is_null();
    let rows: Vec<(AppRecord, String, String, String)> = match which {
        WhichApps::Active => query.filter(active).load(connection)?,
        WhichApps::Archived => query.filter(apps::archive.is_not_null()).load(connection)?,
        WhichApps::Triggered => {
            let has = |words: &str| apps::definition.like(format!("%{words}%"));
            let is_triggered = has(KEPT).or(has(AFTER)).or(has(AT_BOOT));
            query.filter(active.and(is_triggered)).load(connection)?
        }
        WhichApps::Failing => query.filter(active.and(apps::failures.gt(0))).load(connection)?,
        WhichApps::Named(name) => {
            let is_named = apps::name.eq(&name.name).and(app_parents::name.eq(&name.parent));
            query.filter(active.and(is_named).and(app_groups::name.eq(&name.group))).load(connection)?
        }
        WhichApps::One(app_id) => query.filter(apps::id.eq(app_id)).load(connection)?,
    };
    rows.into_iter().map(|(record, parent, group, name)| row(record, AppName { group, parent, name })).collect()
}

fn row(record: AppRecord, name: AppName) -> QueryResult<AppRow> {
    let cmd_name = record.cmd_name.map(|id| known("cmd_name", id, AppCommand::from_id)).transpose()?;
    Ok(AppRow {
        id: record.id,
        name,
        app_type: known("app_type", record.app_type, AppType::from_id)?,
        definition: record.definition,
        schedule: record.schedule,
        interval_ms: record.interval_ms,
        timezone: record.timezone,
        status: known("status", record.status, RunStatus::from_id)?,
        next_run: record.next_run,
        last_run: record.last_run,
        task_size: record.task_size,
        progress: record.progress,
        solved: record.solved,
        failed: record.failed,
        eta: record.eta,
        fatal_flag: known("fatal_flag", record.fatal_flag, FatalFlag::from_id)?,
        fatal_msg: record.fatal_msg,
        fatal_time: record.fatal_time,
        cmd_name,
        cmd_flag: known("cmd_flag", record.cmd_flag, CommandFlag::from_id)?,
        cmd_by: record.cmd_by,
        cmd_time: record.cmd_time,
        cmd_exec: record.cmd_exec,
        disable: record.disable,
        failures: record.failures,
        retry_at: record.retry_at,
        archive: record.archive,
        created: record.date_created,
    })
}

/// The enum of a stored number.
pub(super) fn known<T>(column: &str, id: i64, from_id: impl Fn(i64) -> Option<T>) -> QueryResult<T> {
    from_id(id)
        .ok_or_else(|| QueryError::DeserializationError(format!("`{column}` holds {id}, which no codebook has").into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn progress_has_a_share_and_an_end() {
        let started_at = clock::now();
        let now = started_at + TimeDelta::seconds(30);
        let progress = |task_size, solved, failed| Progress { task_size, solved, failed, started_at };
        let third = progress(Some(90), 20, 10);
        assert_eq!(third.percent().map(f64::round), Some(33.0));
        assert_eq!(third.eta(now), Some(now + TimeDelta::seconds(60)));
        assert_eq!((progress(None, 5, 0).percent(), progress(None, 5, 0).eta(now)), (None, None));
        assert_eq!((progress(Some(9), 0, 0).percent(), progress(Some(9), 0, 0).eta(now)), (Some(0.0), None));
        assert_eq!(progress(Some(9), 20, 0).percent(), Some(100.0));
        assert_eq!(progress(Some(i64::MAX), 1, 0).eta(now), None);
    }
}
