//! The runs as they are listed: newest first, with the app's name and the outcome.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use serde::Serialize;

use super::app::known;
use super::codebook::RunOutcome;
use super::connection::Link;
use super::schema::{app_groups, app_parents, apps, runtime};
use super::{Store, shown};
use crate::error::Result;
use crate::ident::AppName;

/// How many identities one query asks for.
const IDENTITIES_MAX: usize = 500;

/// A run as the database has it.
#[derive(Debug, Clone, Serialize)]
pub struct RunRow {
    /// Its identity.
    pub runtime: String,
    /// Its app.
    pub app_id: i64,
    /// The app's full name.
    #[serde(serialize_with = "shown::text")]
    pub app: AppName,
    /// How it ended, or that it runs.
    pub code: RunOutcome,
    /// When it began.
    #[serde(serialize_with = "shown::moment")]
    pub started_at: NaiveDateTime,
    /// When it ended; `None` while it runs.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub ended_at: Option<NaiveDateTime>,
    /// Its exit status.
    pub exit_code: Option<i64>,
    /// The signal that killed it.
    pub signal: Option<i64>,
    /// The outcome in words.
    pub reason: Option<String>,
    /// How many log records of ERROR and above it wrote.
    pub exceptions: i64,
    /// How many log records it wrote.
    pub log_lines: i64,
    /// Processor time in the program itself, in milliseconds.
    pub cpu_user_ms: i64,
    /// Processor time in the system, in milliseconds.
    pub cpu_system_ms: i64,
    /// The most memory that it held, in KiB.
    pub memory_peak_kib: i64,
    /// What it was given, as JSON.
    pub args: Option<String>,
    /// Who or what started it.
    pub started_by: String,
    /// The machine.
    pub host: String,
    /// Which boot of the machine.
    pub boot_id: Option<String>,
    /// Its process.
    pub pid: Option<i64>,
    /// When the process started, in clock ticks since boot.
    pub pid_started: Option<i64>,
    /// How many tasks it had.
    pub task_size: Option<i64>,
    /// How many it solved.
    pub solved: i64,
    /// How many failed.
    pub failed: i64,
    /// Requests that it sent.
    pub http_requests: i64,
    /// Those that failed, or were answered with 400 and above.
    pub http_errors: i64,
    /// How long one took on average, in milliseconds.
    pub http_mean_ms: Option<f64>,
    /// How long all but the slowest twentieth took, in milliseconds.
    pub http_p95_ms: Option<f64>,
    /// Captchas that it had solved.
    pub captchas: i64,
    /// What they cost, in the currency of the account.
    pub captcha_cost: f64,
    /// How long they took together, in milliseconds.
    pub captcha_ms: i64,
    /// The namespaces in which its process is numbered; `None` where an older dc started it.
    pub pid_namespace: Option<String>,
    /// Until when its `dc run` is believed to live, by the database's clock; `None` where an older dc started it.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub lease_until: Option<NaiveDateTime>,
    /// Whether nobody saw it end.
    pub is_guess: bool,
}

/// Which runs to list.
#[derive(Debug, Clone)]
pub struct RunFilter {
    /// Only runs of these apps; `None` for all.
    pub app_ids: Option<Vec<i64>>,
    /// Only this run.
    pub runtime: Option<String>,
    /// The most rows.
    pub limit: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = runtime)]
struct RunRecord {
    id: String,
    app_id: i64,
    code: i64,
    started_at: NaiveDateTime,
    ended_at: Option<NaiveDateTime>,
    exit_code: Option<i64>,
    signal: Option<i64>,
    reason: Option<String>,
    exceptions: i64,
    log_lines: i64,
    cpu_user_ms: i64,
    cpu_system_ms: i64,
    memory_peak_kib: i64,
    args: Option<String>,
    started_by: String,
    host: String,
    boot_id: Option<String>,
    pid: Option<i64>,
    pid_started: Option<i64>,
    task_size: Option<i64>,
    solved: i64,
    failed: i64,
    http_requests: i64,
    http_errors: i64,
    http_mean_ms: Option<f64>,
    http_p95_ms: Option<f64>,
    captchas: i64,
    captcha_cost: f64,
    captcha_ms: i64,
    pid_namespace: Option<String>,
    lease_until: Option<NaiveDateTime>,
    is_guess: bool,
}

#[derive(QueryableByName)]
struct Newest {
    #[diesel(sql_type = Nullable<Text>)]
    newest: Option<String>,
}

/// Which rows [`load`] reads.
enum Which<'a> {
    Filter(&'a RunFilter),
    InTheWayOf(WantedPlace<'a>),
    Open,
    /// Those that a guess has closed, and whose processes are numbered so.
    Guessed(&'a str, &'a str, i64),
    These(&'a [String]),
}

/// The runs of apps.
pub struct Runs<'a>(pub(super) &'a mut Store);

impl Store {
    /// The runs of apps.
    pub fn runs(&mut self) -> Runs<'_> {
        Runs(self)
    }
}

impl Runs<'_> {
    /// The runs, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&mut self, filter: &RunFilter) -> Result<Vec<RunRow>> {
        self.0.read("read the runs", |connection| load(connection, &Which::Filter(filter)))
    }

    /// The identities of runs that begin so, the newest first, at most so many. `prefix` has hexadecimal digits and `-`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn beginning_with(&mut self, prefix: &str, count: usize) -> Result<Vec<String>> {
        self.0.read("look for a run", |connection| {
            let begins = runtime::table.filter(runtime::id.like(format!("{prefix}%")));
            let newest = begins.order(runtime::id.desc()).limit(i64::try_from(count).unwrap_or(i64::MAX));
            newest.select(runtime::id).load(connection)
        })
    }

    /// The runs that go on, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn open(&mut self) -> Result<Vec<RunRow>> {
        self.0.read("read the runs that go on", |connection| load(connection, &Which::Open))
    }

    /// The last runs of this boot of a machine, and of these namespaces, whose end nobody saw, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn guessed(&mut self, boot_id: &str, namespaces: &str, count: i64) -> Result<Vec<RunRow>> {
        let which = Which::Guessed(boot_id, namespaces, count);
        self.0.read("read the runs whose end nobody saw", |connection| load(connection, &which))
    }

    /// The mean length in seconds of the last `count` good runs of each active app that has one.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn mean_seconds(&mut self, count: i64) -> Result<Vec<(i64, f64)>> {
        self.0.read("read how long runs take", |connection| {
            let ids: Vec<i64> = apps::table.filter(apps::archive.is_null()).select(apps::id).load(connection)?;
            let mut means = Vec::new();
            for app_id in ids {
                let good = runtime::table
                    .filter(runtime::app_id.eq(app_id).and(runtime::code.eq(RunOutcome::Ok.id())))
                    .select((runtime::started_at, runtime::ended_at))
                    .order(runtime::id.desc())
                    .limit(count);
                let rows: Vec<(NaiveDateTime, Option<NaiveDateTime>)> = good.load(connection)?;
                let lengths = rows.iter().filter_map(|(from, to)| Some(((*to)? - *from).num_milliseconds()));
                let lengths: Vec<i64> = lengths.collect();
                if !lengths.is_empty() {
                    means.push((app_id, lengths.iter().sum::<i64>() as f64 / lengths.len() as f64 / 1_000.0));
                }
            }
            Ok(means)
        })
    }

    /// The last run of each active app that has one, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn latest(&mut self) -> Result<Vec<RunRow>> {
        self.0.read("read the last runs", |connection| {
            // the newest identity is the newest run; for each app it is one step in the index
            let newest: Vec<Newest> = diesel::sql_query(
                "SELECT (SELECT max(r.runtime) FROM runtime r WHERE r.app_id = a.id) AS newest \
                 FROM apps a WHERE a.archive IS NULL",
            )
            .load(connection)?;
            let identities: Vec<String> = newest.into_iter().filter_map(|row| row.newest).collect();
            let mut rows = Vec::with_capacity(identities.len());
            for part in identities.chunks(IDENTITIES_MAX) {
                rows.extend(load(connection, &Which::These(part))?);
            }
            rows.sort_by(|left, right| right.runtime.cmp(&left.runtime));
            Ok(rows)
        })
    }
}

/// What a run is about to take: the place of an app, or that of a pipeline on one machine.
#[derive(Clone, Copy)]
pub(super) struct WantedPlace<'a> {
    pub(super) app_id: i64,
    /// The code of an open run there.
    pub(super) code: RunOutcome,
    /// Boot and namespaces, where each machine has a place.
    pub(super) machine: Option<(Option<&'a str>, Option<&'a str>)>,
}

/// The open run of the app.
pub(super) fn open_run(connection: &mut Link, wanted: &WantedPlace<'_>) -> QueryResult<Option<RunRow>> {
    Ok(load(connection, &Which::InTheWayOf(*wanted))?.pop())
}

fn load(connection: &mut Link, which: &Which<'_>) -> QueryResult<Vec<RunRow>> {
    let mut query = runtime::table
        .inner_join(apps::table.inner_join(app_parents::table.inner_join(app_groups::table)))
        .select((RunRecord::as_select(), app_groups::name, app_parents::name, apps::name))
        .order(runtime::id.desc())
        .into_boxed();
    match which {
        Which::InTheWayOf(WantedPlace { app_id, code, machine }) => {
            query = query.filter(runtime::app_id.eq(*app_id).and(runtime::ended_at.is_null()));
            query = query.filter(runtime::code.eq(code.id()));
            if let Some((boot_id, namespaces)) = *machine {
                query = match boot_id {
                    Some(boot_id) => query.filter(runtime::boot_id.eq(boot_id)),
                    None => query.filter(runtime::boot_id.is_null()),
                };
                query = match namespaces {
                    Some(namespaces) => query.filter(runtime::pid_namespace.eq(namespaces)),
                    None => query.filter(runtime::pid_namespace.is_null()),
                };
            }
        }
        Which::Open => query = query.filter(runtime::ended_at.is_null()),
        Which::Guessed(boot_id, namespaces, count) => {
            query = query.filter(runtime::ended_at.is_not_null().and(runtime::is_guess.eq(true)));
            query = query.filter(runtime::boot_id.eq(*boot_id).and(runtime::pid_namespace.eq(*namespaces)));
            query = query.limit(*count);
        }
        Which::These(identities) => query = query.filter(runtime::id.eq_any(*identities)),
        Which::Filter(filter) => {
            match filter.app_ids.as_deref() {
                // of one app an index has the runs in order; PostgreSQL reads through those of all others for a list of one
                Some([one]) => query = query.filter(runtime::app_id.eq(*one)),
                Some(app_ids) => query = query.filter(runtime::app_id.eq_any(app_ids)),
                None => {}
            }
            if let Some(identity) = &filter.runtime {
                query = query.filter(runtime::id.eq(identity));
            }
            query = query.limit(filter.limit);
        }
    }
    let rows: Vec<(RunRecord, String, String, String)> = query.load(connection)?;
    rows.into_iter().map(|(record, group, parent, name)| row(record, AppName { group, parent, name })).collect()
}

fn row(record: RunRecord, app: AppName) -> QueryResult<RunRow> {
    Ok(RunRow {
        runtime: record.id,
        app_id: record.app_id,
        app,
        code: known("code", record.code, RunOutcome::from_id)?,
        started_at: record.started_at,
        ended_at: record.ended_at,
        exit_code: record.exit_code,
        signal: record.signal,
        reason: record.reason,
        exceptions: record.exceptions,
        log_lines: record.log_lines,
        cpu_user_ms: record.cpu_user_ms,
        cpu_system_ms: record.cpu_system_ms,
        memory_peak_kib: record.memory_peak_kib,
        args: record.args,
        started_by: record.started_by,
        host: record.host,
        boot_id: record.boot_id,
        pid: record.pid,
        pid_started: record.pid_started,
        task_size: record.task_size,
        solved: record.solved,
        failed: record.failed,
        http_requests: record.http_requests,
        http_errors: record.http_errors,
        http_mean_ms: record.http_mean_ms,
        http_p95_ms: record.http_p95_ms,
        captchas: record.captchas,
        captcha_cost: record.captcha_cost,
        captcha_ms: record.captcha_ms,
        pid_namespace: record.pid_namespace,
        lease_until: record.lease_until,
        is_guess: record.is_guess,
    })
}
