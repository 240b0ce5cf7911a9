//! The figures that stand in the database or with the broker: read once for all who ask, and never waited for without a bound.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::exposition::Exposition;
use crate::context::Context;
use crate::error::Result;
use crate::tables::{AppRow, ChangedRows, MergedTable, RunOutcome, RunRow, Store};

/// They are read at most this often.
const FRESH: Duration = Duration::from_secs(5);
/// How long a client waits for them; they come with the next question otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// Figures as of a few seconds ago.
#[derive(Clone)]
pub(super) struct Figures {
    context: Context,
    /// Reads them, as text.
    source: fn(&Context) -> Result<String>,
    known: Arc<Mutex<Known>>,
    read: Arc<Notify>,
}

#[derive(Default)]
struct Known {
    text: Option<String>,
    at: Option<Instant>,
    /// One reader at a time: when the database is silent, others wait for it and ask nothing themselves.
    is_reading: bool,
}

impl Figures {
    pub(super) fn of(context: &Context, source: fn(&Context) -> Result<String>) -> Self {
        Self { context: context.clone(), source, known: Arc::default(), read: Arc::default() }
    }

    /// The figures; `None` while their source does not answer.
    pub(super) async fn text(&self) -> Option<String> {
        let done = self.read.notified();
        tokio::pin!(done);
        // from here on no reading ends unheard
        done.as_mut().enable();
        let is_reader = {
            let mut known = self.known();
            if known.at.is_some_and(|at| at.elapsed() < FRESH) {
                return known.text.clone();
            }
            !std::mem::replace(&mut known.is_reading, true)
        };
        if is_reader {
            let figures = self.clone();
            tokio::task::spawn_blocking(move || figures.read());
        }
        timeout(PATIENCE, done).await.ok()?;
        self.known().text.clone()
    }

    fn read(&self) {
        let text = (self.source)(&self.context).inspect_err(|error| log::debug!("no figures: {error}")).ok();
        *self.known() = Known { text, at: Some(Instant::now()), is_reading: false };
        self.read.notify_waiters();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The figures of the database.
///
/// # Errors
/// What the database says.
pub(super) fn of_database(context: &Context) -> Result<String> {
    let store = &mut Store::ready(context)?;
    let mut out = Exposition::default();
    let apps = store.apps().all()?;
    let mut states: Vec<(String, f64)> = Vec::new();
    for app in &apps {
        let state = if app.disable { "disabled".to_owned() } else { app.status.name().to_lowercase() };
        match states.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1.0,
            None => states.push((state, 1.0)),
        }
    }
    out.each(("dc_apps", "gauge", "Apps by their state."), "state", states);
    let mut each_app = |name: &str, help: &str, value: &dyn Fn(&AppRow) -> f64| {
        out.each((name, "gauge", help), "app", apps.iter().map(|app| (app.name.to_string(), value(app))));
    };
    each_app("dc_app_failures", "Failures in a row.", &|app| app.failures as f64);
    each_app("dc_app_last_run_timestamp_seconds", "When the last run began.", &|app| seconds(app.last_run));
    each_app("dc_app_next_run_timestamp_seconds", "When the next run is due.", &|app| seconds(app.next_run));
    let runs = store.runs().latest()?;
    let mut each_run = |name: &str, help: &str, value: &dyn Fn(&RunRow) -> f64| {
        let ended = runs.iter().filter(|run| run.ended_at.is_some());
        out.each((name, "gauge", help), "app", ended.map(|run| (run.app.to_string(), value(run))));
    };
    each_run("dc_app_last_run_seconds", "How long the last run took, where it has ended.", &duration);
    each_run("dc_app_last_run_ok", "Whether it ended well.", &|run| f64::from(u8::from(run.code == RunOutcome::Ok)));
    each_run("dc_app_last_run_errors", "Its log records of ERROR and above.", &|run| run.exceptions as f64);
    each_run("dc_app_last_run_log_lines", "Its log records.", &|run| run.log_lines as f64);
    each_run("dc_app_last_run_memory_bytes", "The most memory that it held.", &|run| {
        run.memory_peak_kib as f64 * 1024.0
    });
    let merged = store.objects().merged()?;
    out.labelled(
        ("dc_app_rows_total", "counter", "Rows that the merges of an app have changed."),
        &["app", "database", "table", "change"],
        merged.iter().flat_map(|table| changed_rows(&apps, table)),
    );
    super::documents::documents(store, &apps, &mut out)?;
    out.one("dc_waiting", "gauge", "Occurrences that wait to start.", store.occurrences().waiting()?.len() as f64);
    out.one("dc_running", "gauge", "Runs that go on.", store.runs().open()?.len() as f64);
    out.one("dc_managers", "gauge", "Managers that have not ended.", store.managers().all()?.len() as f64);
    Ok(out.into_text())
}

/// The figures of a table into which an app has merged, by what became of the rows.
fn changed_rows(apps: &[AppRow], table: &MergedTable) -> Vec<(Vec<String>, f64)> {
    let Some(app) = apps.iter().find(|app| app.id == table.app_id) else { return Vec::new() };
    let name = match table.schema_name.as_str() {
        "" => table.name.clone(),
        schema => format!("{schema}.{}", table.name),
    };
    let by = |change: &str, rows: i64| {
        (vec![app.name.to_string(), table.database.clone(), name.clone(), change.to_owned()], rows as f64)
    };
    let ChangedRows { new, changed, gone } = table.rows;
    vec![by("new", new), by("changed", changed), by("gone", gone)]
}

fn duration(run: &RunRow) -> f64 {
    run.ended_at.map_or(0.0, |ended| (ended - run.started_at).as_seconds_f64())
}

fn seconds(moment: Option<NaiveDateTime>) -> f64 {
    moment.map_or(0.0, |at| at.and_utc().timestamp() as f64)
}
