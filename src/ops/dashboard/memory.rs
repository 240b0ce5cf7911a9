//! The last runs of each app and what app.toml says, kept between two looks: only what has changed is read again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDateTime;

use crate::apps::AppDefinition;
use crate::error::Result;
use crate::tables::{AppRow, RunMark, RunPage, RunRow, Store};

/// So many of the last runs of an app are kept: what a row of bars shows, and what its usual length comes from.
const RUNS_KEPT: i64 = 31;

/// What is remembered of apps.
#[derive(Default)]
pub struct RunMemory {
    runs: HashMap<i64, Vec<RunMark>>,
    definitions: HashMap<i64, (String, Option<Arc<AppDefinition>>)>,
    /// When apps are due, from the next moment on.
    due: HashMap<i64, Vec<NaiveDateTime>>,
}

impl RunMemory {
    /// Reads the last runs of those apps again that have run since; `latest` has the last run of each app.
    ///
    /// # Errors
    /// What the database says.
    pub fn refresh<'a>(&mut self, store: &mut Store, latest: impl Iterator<Item = &'a RunRow>) -> Result<()> {
        let mut seen = HashSet::new();
        for run in latest {
            seen.insert(run.app_id);
            let newest = self.runs.get(&run.app_id).and_then(|marks| marks.first());
            let is_known = newest.is_some_and(|mark| {
                let counts = (mark.solved, mark.failed, mark.exceptions);
                mark.runtime == run.runtime
                    && mark.ended_at == run.ended_at
                    && counts == (run.solved, run.failed, run.exceptions)
            });
            if !is_known {
                let page = RunPage { app_ids: Some(vec![run.app_id]), count: RUNS_KEPT, ..RunPage::default() };
                self.runs.insert(run.app_id, store.runs().marks(&page)?);
            }
        }
        self.runs.retain(|app_id, _| seen.contains(app_id));
        Ok(())
    }

    /// The last runs of an app, the newest first.
    pub fn runs(&self, app_id: i64) -> &[RunMark] {
        self.runs.get(&app_id).map_or(&[], Vec::as_slice)
    }

    /// What app.toml says of an app; `None` where it cannot be read.
    pub fn definition(&mut self, app: &AppRow) -> Option<Arc<AppDefinition>> {
        if let Some((text, definition)) = self.definitions.get(&app.id)
            && *text == app.definition
        {
            return definition.clone();
        }
        let definition = AppDefinition::from_json(&app.definition).ok().map(Arc::new);
        self.definitions.insert(app.id, (app.definition.clone(), definition.clone()));
        self.due.remove(&app.id);
        definition
    }

    /// When an app is due before `until`, at most so many times; never where it is out of service. What was worked out at
    /// an earlier look is kept as long as the schedule goes on as it was.
    pub fn due(&mut self, app: &AppRow, until: NaiveDateTime, count: usize) -> Vec<NaiveDateTime> {
        let next = app.next_run.filter(|_| !app.disable && app.archive.is_none());
        let (Some(next), Some(definition)) = (next, self.definition(app)) else {
            return Vec::new();
        };
        let kept = self.due.entry(app.id).or_default();
        kept.retain(|at| *at >= next);
        if kept.first() != Some(&next) {
            *kept = vec![next];
        }
        while let Some(last) = kept.last().copied().filter(|last| *last < until && kept.len() < count) {
            match definition.next_run(last) {
                Some(after) => kept.push(after),
                None => break,
            }
        }
        kept.iter().copied().filter(|at| *at < until).take(count).collect()
    }
}
