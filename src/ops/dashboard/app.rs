//! One app: why it stands as it does, its runs, its schedule, and what it touches.

use std::collections::HashMap;

use chrono::{NaiveDateTime, TimeDelta};

use super::memory::RunMemory;
use super::usual;
use crate::context::Context;
use crate::error::Result;
use crate::ops::manager::Why;
use crate::redact::Redactor;
use crate::tables::{AppRow, MergePage, ObjectKind, ObjectRow, RunFilter, RunMark, RunPage, RunRow, Store};

/// So many runs are drawn.
const RUNS_DRAWN: i64 = 60;
/// So many runs are on a page of the list.
const RUNS_LISTED: i64 = 25;
/// So many decisions are told.
const DECISIONS: i64 = 12;
/// The schedule is shown for so many days,
const DAYS: i64 = 14;
/// and at most so many moments of it.
const MOMENTS_MAX: usize = 2_000;
/// So many tables are looked at for rows.
const TABLES_MAX: usize = 12;
/// So many merges of each.
const MERGES_MAX: i64 = 120;

/// One app.
pub struct AppReport {
    /// Its row; archived where it has left `apps/`.
    pub app: AppRow,
    /// When it was read.
    pub time: NaiveDateTime,
    /// Why it ran, or did not.
    pub why: Why,
    /// Its last run.
    pub last: Option<RunRow>,
    /// Its last runs with the rows of each, the oldest first.
    pub drawn: Vec<RunLine>,
    /// A page of its runs, the newest first.
    pub listed: Vec<RunLine>,
    /// The run before which the next page begins.
    pub next_page: Option<String>,
    /// The usual length of a run, in seconds.
    pub usual_seconds: Option<f64>,
    /// When it is due in the days to come.
    pub schedule: Vec<NaiveDateTime>,
    /// Whether it is due more often than that.
    pub is_cut: bool,
    /// The tables, views and routines that it touches.
    pub objects: Vec<ObjectRow>,
    /// The names of its secrets; `None` for all.
    pub secrets: Option<Vec<String>>,
    /// What app.toml says, as JSON, without secrets.
    pub definition: String,
}

/// A run with the rows that it merged into `main`.
#[derive(Debug, Clone)]
pub struct RunLine {
    /// The run.
    pub run: RunMark,
    /// Rows that it inserted and retired; `None` where it merged nothing that is known.
    pub rows: Option<(i64, i64)>,
}

impl AppReport {
    /// Reads it: the app of this full name, the page of its runs before one.
    ///
    /// # Errors
    /// Not found; what the database says.
    pub fn read(
        context: &Context,
        store: &mut Store,
        memory: &mut RunMemory,
        (name, before): (&str, Option<String>),
    ) -> Result<Self> {
        let why = Why::read(context, store, name, DECISIONS)?;
        let app = why.app.clone();
        let time = store.now()?;
        let page = RunPage { app_ids: Some(vec![app.id]), count: RUNS_DRAWN, ..RunPage::default() };
        let marks = store.runs().marks(&page)?;
        let listed = match &before {
            None => marks.iter().take(RUNS_LISTED as usize).cloned().collect(),
            Some(_) => store.runs().marks(&RunPage { before, count: RUNS_LISTED, ..page })?,
        };
        let newest = RunFilter { app_ids: Some(vec![app.id]), runtime: None, limit: 1 };
        let last = store.runs().list(&newest)?.pop();
        let objects = store.objects().of_app(app.id)?;
        let oldest = marks.last().into_iter().chain(listed.last()).map(|run: &RunMark| run.started_at).min();
        let rows = match oldest {
            Some(since) => rows(store, &objects, (since, time + TimeDelta::days(1)))?,
            None => HashMap::new(),
        };
        let with_rows = |run: RunMark| RunLine { rows: rows.get(&run.runtime).copied(), run };
        let definition = memory.definition(&app);
        let mut schedule = memory.due(&app, time + TimeDelta::days(DAYS), MOMENTS_MAX + 1);
        let is_cut = schedule.len() > MOMENTS_MAX;
        schedule.truncate(MOMENTS_MAX);
        let next_page = listed.last().filter(|_| listed.len() as i64 == RUNS_LISTED).map(|run| run.runtime.clone());
        Ok(Self {
            usual_seconds: usual::seconds(&marks),
            drawn: marks.into_iter().rev().map(with_rows).collect(),
            listed: listed.into_iter().map(with_rows).collect(),
            next_page,
            last,
            time,
            schedule,
            is_cut,
            objects,
            secrets: definition.as_ref().map_or(Some(Vec::new()), |definition| definition.secrets.clone()),
            definition: pretty(context, &app.definition),
            why,
            app,
        })
    }
}

/// The rows that runs merged into the tables of `main` that an app writes, by run.
fn rows(
    store: &mut Store,
    objects: &[ObjectRow],
    (since, until): (NaiveDateTime, NaiveDateTime),
) -> Result<HashMap<String, (i64, i64)>> {
    let written = objects.iter().filter(|it| it.writes && it.kind == ObjectKind::Table && it.database == "main");
    let mut rows: HashMap<String, (i64, i64)> = HashMap::new();
    for table in written.take(TABLES_MAX) {
        let ObjectRow { schema_name, name, .. } = table;
        let page = MergePage { schema_name, name, since, until, count: MERGES_MAX };
        for merge in store.merges().of_table(&page)? {
            if let Some(run) = merge.runtime {
                let sum = rows.entry(run).or_default();
                *sum = (sum.0 + merge.inserted, sum.1 + merge.retired);
            }
        }
    }
    Ok(rows)
}

/// JSON for people, without the values of secrets.
fn pretty(context: &Context, json: &str) -> String {
    let value: serde_json::Value = match serde_json::from_str(json) {
        Ok(value) => value,
        Err(_) => return String::new(),
    };
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    Redactor::of(context.settings()).text(&text).into_owned()
}
