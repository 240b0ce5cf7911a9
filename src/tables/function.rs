//! The functions that an app watches, and what each run measured of them.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::Store;
use super::connection::Link;
use super::schema::{app_functions, function_log};
use super::sha::text_sha;
use super::time::database_now;
use crate::error::Result;

/// With how many runs before it a run is compared.
const EARLIER_MAX: i64 = 20;

/// The calls of one function in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionTimes {
    /// The module that it is in.
    pub module: String,
    /// Its name.
    pub name: String,
    /// How often it was called.
    pub calls: i64,
    /// Items solved; where it reports none, the calls that did not fail.
    pub solved: i64,
    /// Items that failed; where it reports none, the calls that failed.
    pub failed: i64,
    /// Whether no call failed.
    pub success: bool,
    /// The time of all calls, in milliseconds.
    pub total_ms: f64,
    /// The mean of the calls.
    pub mean_ms: f64,
    /// The median of the calls, to a thirty-second of it.
    pub median_ms: f64,
    /// The shortest call.
    pub min_ms: f64,
    /// The longest call.
    pub max_ms: f64,
}

/// The calls of one function in one run, beside those before it.
#[derive(Debug, Clone, Serialize)]
pub struct FunctionRow {
    /// This run.
    #[serde(flatten)]
    pub times: FunctionTimes,
    /// The mean of a call in the runs before, in milliseconds; `None` for the first one.
    pub earlier_mean_ms: Option<f64>,
    /// How many runs that is of.
    pub earlier_runs: u64,
}

impl FunctionTimes {
    /// What of it cannot be: a count or a time below 0.
    pub fn flaw(&self) -> Option<String> {
        let counts = [("calls", self.calls), ("solved", self.solved), ("failed", self.failed)];
        let times = [
            ("total_ms", self.total_ms),
            ("mean_ms", self.mean_ms),
            ("median_ms", self.median_ms),
            ("min_ms", self.min_ms),
            ("max_ms", self.max_ms),
        ];
        let count = counts.iter().find(|(_, count)| *count < 0).map(|(name, _)| name);
        let wrong = count.or_else(|| times.iter().find(|(_, ms)| *ms < 0.0).map(|(name, _)| name))?;
        Some(format!("`{wrong}` of `{}` takes a number from 0 on", self.name))
    }

    /// Adds what another process of the same run measured. The median of both is the mean of their medians.
    pub fn add(&mut self, other: &Self) {
        let (own, more) = (self.calls as f64, other.calls as f64);
        self.median_ms = (self.median_ms * own + other.median_ms * more) / (own + more).max(1.0);
        self.calls = self.calls.saturating_add(other.calls);
        self.solved = self.solved.saturating_add(other.solved);
        self.failed = self.failed.saturating_add(other.failed);
        self.success &= other.success;
        self.total_ms += other.total_ms;
        self.mean_ms = self.total_ms / (self.calls as f64).max(1.0);
        self.min_ms = self.min_ms.min(other.min_ms);
        self.max_ms = self.max_ms.max(other.max_ms);
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = function_log)]
struct TimesRecord {
    app_function_id: i64,
    calls: i64,
    solved: i64,
    failed: i64,
    success: bool,
    total_ms: f64,
    mean_ms: f64,
    median_ms: f64,
    min_ms: f64,
    max_ms: f64,
}

/// The functions that apps watch.
pub struct Functions<'a>(pub(super) &'a mut Store);

impl Store {
    /// The functions that apps watch.
    pub fn functions(&mut self) -> Functions<'_> {
        Functions(self)
    }
}

impl Functions<'_> {
    /// Records what a run measured: a row for each function, and the functions that are new.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn record(&mut self, app_id: i64, runtime: &str, functions: &[FunctionTimes]) -> Result<()> {
        if functions.is_empty() {
            return Ok(());
        }
        self.0.write("record the times of functions", |connection| {
            let now = database_now(connection)?;
            functions.iter().try_for_each(|times| {
                let function_id = function_id(connection, app_id, times, now)?;
                insert(connection, function_id, runtime, times, now)
            })
        })
    }

    /// What a run measured, the longest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn of_run(&mut self, runtime: &str) -> Result<Vec<FunctionRow>> {
        self.0.read("read the times of functions", |connection| {
            let rows: Vec<(TimesRecord, String, String)> = function_log::table
                .inner_join(app_functions::table)
                .filter(function_log::runtime.eq(runtime))
                .select((TimesRecord::as_select(), app_functions::module, app_functions::name))
                .order((function_log::total_ms.desc(), function_log::id.asc()))
                .load(connection)?;
            rows.into_iter().map(|(record, module, name)| row(connection, runtime, record, module, name)).collect()
        })
    }
}

fn row(
    connection: &mut Link,
    runtime: &str,
    record: TimesRecord,
    module: String,
    name: String,
) -> QueryResult<FunctionRow> {
    let earlier: Vec<(f64, i64)> = function_log::table
        .filter(function_log::app_function_id.eq(record.app_function_id))
        // identities grow with time
        .filter(function_log::runtime.lt(runtime))
        .select((function_log::total_ms, function_log::calls))
        .order(function_log::id.desc())
        .limit(EARLIER_MAX)
        .load(connection)?;
    let (total_ms, calls) = earlier.iter().fold((0.0, 0), |(ms, calls), (more_ms, more)| (ms + more_ms, calls + more));
    let TimesRecord {
        calls: own, solved, failed, success, total_ms: own_ms, mean_ms, median_ms, min_ms, max_ms, ..
    } = record;
    Ok(FunctionRow {
        times: FunctionTimes {
            module,
            name,
            calls: own,
            solved,
            failed,
            success,
            total_ms: own_ms,
            mean_ms,
            median_ms,
            min_ms,
            max_ms,
        },
        earlier_mean_ms: (calls > 0).then(|| total_ms / calls as f64),
        earlier_runs: earlier.len() as u64,
    })
}

/// The active function of this name, made when it is not there.
fn function_id(connection: &mut Link, app_id: i64, times: &FunctionTimes, now: NaiveDateTime) -> QueryResult<i64> {
    let find = |connection: &mut Link| {
        app_functions::table
            .filter(app_functions::archive.is_null().and(app_functions::app_id.eq(app_id)))
            .filter(app_functions::module.eq(&times.module).and(app_functions::name.eq(&times.name)))
            .select(app_functions::id)
            .first::<i64>(connection)
            .optional()
    };
    if let Some(id) = find(connection)? {
        return Ok(id);
    }
    let row = (
        app_functions::sha.eq(text_sha(&[("module", &times.module), ("name", &times.name)])),
        app_functions::date_created.eq(now),
        app_functions::app_id.eq(app_id),
        app_functions::module.eq(&times.module),
        app_functions::name.eq(&times.name),
    );
    diesel::insert_into(app_functions::table).values(row).execute(connection)?;
    find(connection)?.ok_or(diesel::NotFound)
}

fn insert(
    connection: &mut Link,
    function_id: i64,
    runtime: &str,
    times: &FunctionTimes,
    now: NaiveDateTime,
) -> QueryResult<()> {
    let row = (
        function_log::runtime.eq(runtime),
        function_log::app_function_id.eq(function_id),
        function_log::calls.eq(times.calls),
        function_log::solved.eq(times.solved),
        function_log::failed.eq(times.failed),
        function_log::success.eq(times.success),
        function_log::total_ms.eq(times.total_ms),
        function_log::mean_ms.eq(times.mean_ms),
        function_log::median_ms.eq(times.median_ms),
        function_log::min_ms.eq(times.min_ms),
        function_log::max_ms.eq(times.max_ms),
        function_log::time.eq(now),
    );
    diesel::insert_into(function_log::table).values(row).execute(connection).map(drop)
}
