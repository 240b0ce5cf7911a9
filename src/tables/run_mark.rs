//! Runs in short, for charts and lists that go back: what a picture needs of each, page by page along an index.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;

use super::app::known;
use super::codebook::RunOutcome;
use super::run_list::Runs;
use super::schema::runtime;
use super::shown;
use crate::error::Result;
use crate::ident::first_identity;

/// A run in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunMark {
    /// Its identity.
    pub runtime: String,
    /// Its app.
    pub app_id: i64,
    /// How it ended, or that it runs.
    pub code: RunOutcome,
    /// When it began.
    #[serde(serialize_with = "shown::moment")]
    pub started_at: NaiveDateTime,
    /// When it ended; `None` while it runs.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub ended_at: Option<NaiveDateTime>,
    /// Its log records of ERROR and above.
    pub exceptions: i64,
    /// How many tasks it solved.
    pub solved: i64,
    /// How many failed.
    pub failed: i64,
    /// The machine.
    pub host: String,
}

impl RunMark {
    /// How long it took, or has taken until `now`, in seconds.
    pub fn seconds(&self, now: NaiveDateTime) -> f64 {
        (self.ended_at.unwrap_or(now) - self.started_at).as_seconds_f64().max(0.0)
    }

    /// Whether it goes on.
    pub fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }
}

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct RunPage {
    /// Of these apps; of all where `None`.
    pub app_ids: Option<Vec<i64>>,
    /// Only those that began before the run of this identity.
    pub before: Option<String>,
    /// Only those that began at this moment and later.
    pub since: Option<NaiveDateTime>,
    /// At most so many.
    pub count: i64,
}

/// Of so many apps the runs are read app by app.
const APPS_ONE_BY_ONE: usize = 40;

type Columns = (String, i64, i64, NaiveDateTime, Option<NaiveDateTime>, i64, i64, i64, String);

impl Runs<'_> {
    /// A page of runs in short, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn marks(&mut self, page: &RunPage) -> Result<Vec<RunMark>> {
        let columns = (
            runtime::id,
            runtime::app_id,
            runtime::code,
            runtime::started_at,
            runtime::ended_at,
            runtime::exceptions,
            runtime::solved,
            runtime::failed,
            runtime::host,
        );
        // the runs of a few apps since a moment come app by app out of an index: for all at once a server reads through the
        // runs of every other app
        if let (Some(ids), Some(_)) = (page.app_ids.as_deref(), page.since)
            && (2..=APPS_ONE_BY_ONE).contains(&ids.len())
        {
            let mut all = Vec::new();
            for id in ids {
                all.extend(self.marks(&RunPage { app_ids: Some(vec![*id]), ..page.clone() })?);
            }
            all.sort_unstable_by(|one, other| other.runtime.cmp(&one.runtime));
            all.truncate(usize::try_from(page.count).unwrap_or_default());
            return Ok(all);
        }
        self.0.read("read the runs", |connection| {
            let mut query = runtime::table.select(columns).order(runtime::id.desc()).limit(page.count).into_boxed();
            match page.app_ids.as_deref() {
                Some([one]) => query = query.filter(runtime::app_id.eq(*one)),
                Some(ids) => query = query.filter(runtime::app_id.eq_any(ids)),
                None => {}
            }
            if let Some(before) = &page.before {
                query = query.filter(runtime::id.lt(before));
            }
            if let Some(since) = page.since {
                // identities grow with time, and have an index
                query = query.filter(runtime::id.ge(first_identity(since)));
            }
            let rows: Vec<Columns> = query.load(connection)?;
            rows.into_iter().map(mark).collect()
        })
    }
}

fn mark(
    (runtime, app_id, code, started_at, ended_at, exceptions, solved, failed, host): Columns,
) -> QueryResult<RunMark> {
    let code = known("code", code, RunOutcome::from_id)?;
    Ok(RunMark { runtime, app_id, code, started_at, ended_at, exceptions, solved, failed, host })
}
