//! All apps in one table: how each stands, its last runs, the rows it brought, and what comes next.

use std::collections::HashMap;

use chrono::NaiveDateTime;

use super::memory::RunMemory;
use crate::error::Result;
use crate::ops::manager::{Board, BoardApp};
use crate::tables::{ChangedRows, RunMark, Store};

/// So many runs of each app are shown.
const RUNS_SHOWN: usize = 30;

/// All apps.
#[derive(Debug)]
pub struct AppsReport {
    /// When it was read.
    pub time: NaiveDateTime,
    /// The apps, by their names.
    pub apps: Vec<AppLine>,
    /// The managers at work.
    pub managers: usize,
}

/// One app.
#[derive(Debug)]
pub struct AppLine {
    /// How it stands.
    pub line: BoardApp,
    /// Its last runs, the oldest first.
    pub runs: Vec<RunMark>,
    /// The rows that its merges brought, changed and removed, in all.
    pub rows: Option<ChangedRows>,
}

impl AppsReport {
    /// Reads it.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(store: &mut Store, memory: &mut RunMemory) -> Result<Self> {
        let Board { time, apps, managers, .. } = Board::read(store)?;
        memory.refresh(store, apps.iter().filter_map(|line| line.last.as_ref()))?;
        let mut rows: HashMap<i64, ChangedRows> = HashMap::new();
        for table in store.objects().merged()? {
            let sum = rows.entry(table.app_id).or_default();
            sum.new += table.rows.new;
            sum.changed += table.rows.changed;
            sum.gone += table.rows.gone;
        }
        let line = |line: BoardApp| {
            let runs = memory.runs(line.app.id).iter().take(RUNS_SHOWN).rev().cloned().collect();
            AppLine { runs, rows: rows.remove(&line.app.id), line }
        };
        Ok(Self { time, apps: apps.into_iter().map(line).collect(), managers: managers.len() })
    }
}
