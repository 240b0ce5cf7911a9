//! One box for everything: apps, runs, errors of the last day, tables, stored files and documents.

use chrono::TimeDelta;

use super::tables::TablesReport;
use crate::clock;
use crate::error::Result;
use crate::ident::RuntimeId;
use crate::tables::{Direction, FileFilter, LogFilter, LogLevel, LogText, RunFilter, Store, TaskFilter};

/// So many of each kind are shown.
const HITS_MAX: usize = 12;
/// How far back errors are looked for, in hours,
const ERRORS_HOURS: i64 = 24;
/// and through at most so many of each level, the newest.
const ERRORS_LOOKED: i64 = 4_000;
/// A text is cut behind so many letters.
const CHARS_MAX: usize = 200;

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchKind {
    /// An app.
    App,
    /// A run.
    Run,
    /// A line of the log.
    Error,
    /// A table, view or routine.
    Table,
    /// A stored file.
    File,
    /// A document of a pipeline.
    Document,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct SearchHit {
    /// What it is.
    pub kind: SearchKind,
    /// Its name.
    pub title: String,
    /// More of it.
    pub note: String,
    /// What leads there: the name of an app, the identity of a run with the number of a line, the database of a table,
    /// a number.
    pub key: String,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Search {
    /// What was looked for.
    pub text: String,
    /// The hits, kind by kind.
    pub hits: Vec<SearchHit>,
}

impl Search {
    /// Looks for a text.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(store: &mut Store, text: &str) -> Result<Self> {
        let text: String = text.trim().chars().take(CHARS_MAX).collect();
        let mut found = Self { text: text.clone(), hits: Vec::new() };
        if text.is_empty() {
            return Ok(found);
        }
        let wanted = text.to_lowercase();
        let apps = store.apps().all()?;
        let named = apps.iter().filter(|app| app.name.to_string().to_lowercase().contains(&wanted)).take(HITS_MAX);
        found.hits.extend(named.map(|app| {
            let name = app.name.to_string();
            let note = if app.disable { "out of service" } else { app.status.name() }.to_lowercase();
            SearchHit { kind: SearchKind::App, title: name.clone(), note, key: name }
        }));
        if let Ok(id) = text.parse::<RuntimeId>() {
            let filter = RunFilter { app_ids: None, runtime: Some(id.to_string()), limit: 1 };
            found.hits.extend(store.runs().list(&filter)?.into_iter().map(|run| SearchHit {
                kind: SearchKind::Run,
                title: run.app.to_string(),
                note: format!("{} {}", clock::local(run.started_at), run.code.name().to_lowercase()),
                key: run.runtime,
            }));
        }
        let tables = TablesReport::read(store)?.objects.into_iter();
        let tables = tables.filter(|it| it.full_name().to_lowercase().contains(&wanted)).take(HITS_MAX);
        found.hits.extend(tables.map(|it| SearchHit {
            kind: SearchKind::Table,
            title: it.full_name(),
            note: format!("{} in {}", it.object.kind.name(), it.object.database),
            key: it.object.database.clone(),
        }));
        found.documents(store)?;
        found.errors(store, &apps.iter().map(|app| (app.id, app.name.to_string())).collect())?;
        Ok(found)
    }

    /// Documents and stored files of exactly this name: there may be millions.
    fn documents(&mut self, store: &mut Store) -> Result<()> {
        let filter = TaskFilter { name: Some(self.text.clone()), ..TaskFilter::default() };
        let mut tasks = match self.text.parse::<i64>() {
            Ok(id) => store.tasks().one(id)?.into_iter().collect(),
            Err(_) => Vec::new(),
        };
        if store.apps().all()?.iter().any(|app| app.is_pipeline()) {
            tasks.extend(store.tasks().list(&filter, HITS_MAX as i64)?);
        }
        self.hits.extend(tasks.into_iter().map(|task| SearchHit {
            kind: SearchKind::Document,
            title: task.name,
            note: format!("{} in {}", task.state.name(), task.stage),
            key: task.id.to_string(),
        }));
        if let Some(range) = super::super::files::content_range(&self.text) {
            let filter = FileFilter { sha256: Some(range), ..FileFilter::default() };
            let files = store.files().list(&filter, HITS_MAX as i64)?;
            self.hits.extend(files.into_iter().map(|file| SearchHit {
                kind: SearchKind::File,
                title: file.name.clone(),
                note: format!("{} bytes in {}", file.bytes, file.store),
                key: file.id.to_string(),
            }));
        }
        Ok(())
    }

    /// Errors of the last day that say it.
    fn errors(&mut self, store: &mut Store, names: &std::collections::HashMap<i64, String>) -> Result<()> {
        let day = store.now()? - TimeDelta::hours(ERRORS_HOURS);
        let newest = store.logs().since_newest(LogLevel::Error.id(), ERRORS_LOOKED)?;
        let since = newest.map_or(day, |newest| newest.max(day));
        let filter = LogFilter {
            level_min: Some(LogLevel::Error.id()),
            since: Some(since),
            text: LogText::of(&self.text),
            ..LogFilter::default()
        };
        let lines = store.logs().page(&filter, Direction::Older, None, HITS_MAX as i64)?;
        self.hits.extend(lines.into_iter().filter_map(|line| {
            let app = line.app_id.and_then(|id| names.get(&id).cloned()).unwrap_or_default();
            Some(SearchHit {
                kind: SearchKind::Error,
                title: line.message.lines().next().unwrap_or_default().chars().take(CHARS_MAX).collect(),
                note: format!("{} {app}", clock::local(line.time)),
                key: format!("{}?line={}#L{}", line.runtime?, line.id, line.id),
            })
        }));
        Ok(())
    }
}
