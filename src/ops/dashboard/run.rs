//! One run: how it went, its log, what it merged, the functions it watched, and its neighbours.

use chrono::{NaiveDateTime, TimeDelta};

use super::exchanges::RunCassette;
use super::log_window::{LogWindow, LogWindowOptions};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::RuntimeId;
use crate::tables::{
    FunctionRow, MergeMark, MergePage, ObjectKind, ObjectRow, RunFilter, RunMark, RunPage, RunRow, Store,
};

/// So many tables are looked at for merges.
const TABLES_MAX: usize = 40;
/// So many merges of each are shown.
const MERGES_MAX: i64 = 50;

/// One run.
pub struct RunStory {
    /// The run.
    pub run: RunRow,
    /// When it was read.
    pub time: NaiveDateTime,
    /// A window of its log.
    pub log: LogWindow,
    /// What it merged into `main`.
    pub merges: Vec<MergeMark>,
    /// The databases beside `main` that its app writes to, whose merges `dc merge history` shows.
    pub other_databases: Vec<String>,
    /// The functions that it watched.
    pub functions: Vec<FunctionRow>,
    /// Its requests, where it was recorded on this machine.
    pub cassette: Option<RunCassette>,
    /// The run of the app before it.
    pub before: Option<RunMark>,
    /// Whether the app may be told to start again: it is registered.
    pub is_registered: bool,
}

impl RunStory {
    /// Reads it: a window of its log, and its requests from a place of its cassette on.
    ///
    /// # Errors
    /// Usage for what is no identity; not found; what the database says.
    pub fn read(
        context: &Context,
        store: &mut Store,
        identity: &str,
        (options, exchanges): (LogWindowOptions, Option<&str>),
    ) -> Result<Self> {
        let id: RuntimeId = identity.parse()?;
        let filter = RunFilter { app_ids: None, runtime: Some(id.to_string()), limit: 1 };
        let none =
            || Error::new(ErrorKind::NotFound, format!("find the run {id}")).hint("`dc logs --runs` lists the runs");
        let run = store.runs().list(&filter)?.pop().ok_or_else(none)?;
        let time = store.now()?;
        let log = LogWindow::read(store, &LogWindowOptions { runtime: Some(run.runtime.clone()), ..options })?;
        let objects = store.objects().of_app(run.app_id)?;
        let written: Vec<&ObjectRow> = objects.iter().filter(|it| it.writes && it.kind == ObjectKind::Table).collect();
        let until = run.ended_at.unwrap_or(time) + TimeDelta::minutes(1);
        let mut merges = Vec::new();
        for table in written.iter().filter(|it| it.database == "main").take(TABLES_MAX) {
            let ObjectRow { schema_name, name, .. } = table;
            let page = MergePage { schema_name, name, since: run.started_at, until, count: MERGES_MAX };
            let found = store.merges().of_table(&page)?.into_iter();
            merges.extend(found.filter(|merge| merge.runtime.as_deref() == Some(run.runtime.as_str())));
        }
        merges.sort_by(|one, other| one.moment.cmp(&other.moment));
        let others = written.iter().filter(|it| it.database != "main" && it.last_runtime >= run.runtime);
        let mut other_databases: Vec<String> = others.map(|it| it.database.clone()).collect();
        other_databases.sort();
        other_databases.dedup();
        let earlier = RunPage {
            app_ids: Some(vec![run.app_id]),
            before: Some(run.runtime.clone()),
            count: 1,
            ..RunPage::default()
        };
        Ok(Self {
            cassette: RunCassette::read(context, &run.runtime, exchanges)?,
            functions: store.functions().of_run(&run.runtime)?,
            before: store.runs().marks(&earlier)?.pop(),
            is_registered: store.apps().by_id(run.app_id)?.is_some_and(|app| app.archive.is_none()),
            run,
            time,
            log,
            merges,
            other_databases,
        })
    }
}
