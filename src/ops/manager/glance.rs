//! The board again and again, for whoever watches it: over one connection, which is opened anew when it broke.

use std::time::{Duration, Instant};

use super::super::logs::LogLine;
use super::board::Board;
use crate::context::Context;
use crate::error::Result;
use crate::manager::Drift;
use crate::tables::{Direction, LogFilter, Store};

/// How often the folder of apps is compared with the registry.
const DRIFT_EVERY: Duration = Duration::from_secs(30);
/// The last log lines of one app that are read.
const LINES_MAX: i64 = 200;

/// What is seen at one moment.
#[derive(Debug)]
pub struct Glance {
    /// All apps.
    pub board: Board,
    /// The last log lines of the app that was asked for, oldest first.
    pub lines: Vec<LogLine>,
}

/// Who reads the board.
pub struct Watcher {
    context: Context,
    store: Option<Store>,
    looked: Option<Instant>,
    drift: Option<Drift>,
}

impl Watcher {
    /// One that has not read yet.
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone(), store: None, looked: None, drift: None }
    }

    /// Reads the board, and the last lines of an app. After an error the next call connects anew.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(&mut self, app_id: Option<i64>) -> Result<Glance> {
        let mut store = match self.store.take() {
            Some(store) => store,
            None => Store::ready(&self.context)?,
        };
        if self.looked.is_none_or(|looked| looked.elapsed() >= DRIFT_EVERY) {
            self.drift = Some(Drift::of(&self.context, &mut store)?).filter(Drift::matters);
            self.looked = Some(Instant::now());
        }
        let mut board = Board::read(&mut store)?;
        board.drift.clone_from(&self.drift);
        board.keep_channels(&self.context);
        let lines = app_id.map_or_else(|| Ok(Vec::new()), |app_id| lines(&mut store, app_id))?;
        self.store = Some(store);
        Ok(Glance { board, lines })
    }
}

fn lines(store: &mut Store, app_id: i64) -> Result<Vec<LogLine>> {
    let filter = LogFilter { app_ids: Some(vec![app_id]), ..LogFilter::default() };
    let mut logs = store.logs().page(&filter, Direction::Older, None, LINES_MAX)?;
    logs.reverse();
    Ok(logs.into_iter().map(|log| LogLine::of(log, None)).collect())
}
