//! Apps that are due: what deciding about them needs to know, read in one go.

use chrono::{DateTime, NaiveDateTime};
use diesel::prelude::*;

use super::app::Apps;
use super::label::barred;
use super::schema::{app_groups, app_parents, apps, occurrences, runtime};
use crate::error::Result;
use crate::ident::AppName;

/// An app that is due.
#[derive(Debug, Clone)]
pub struct DueApp {
    /// Its row.
    pub app_id: i64,
    /// Its full name.
    pub name: AppName,
    /// Its app.toml, as JSON.
    pub definition: String,
    /// The first moment that is not decided.
    pub due_at: NaiveDateTime,
    /// Whether the app itself wished for that moment.
    pub is_wish: bool,
    /// After failures: when it may start again.
    pub retry_at: Option<NaiveDateTime>,
    /// How many of its last runs failed.
    pub failures: i64,
    /// Its open run.
    pub open_run: Option<String>,
    /// Its occurrences that are claimed, but have not started.
    pub claimed: i64,
    /// Those that wait.
    pub queued: i64,
}

/// Where reading what is due goes on: the due moment and the row of the last app.
pub type DuePlace = (NaiveDateTime, i64);

type Row = (i64, String, Option<NaiveDateTime>, bool, Option<NaiveDateTime>, i64);
type Named = (Row, String, String, String);

impl Apps<'_> {
    /// The apps that are due and may work on a machine with `labels`, the longest due first, at most `count` of those after
    /// a place (the due moment and the row of the last one that was read).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn due(
        &mut self,
        now: NaiveDateTime,
        labels: &[String],
        after: Option<DuePlace>,
        count: i64,
    ) -> Result<Vec<DueApp>> {
        self.0.read("read which apps are due", |connection| {
            // no app is due before any time that SQLite can write
            let (due_at, app_id) = after.unwrap_or((DateTime::UNIX_EPOCH.naive_utc(), 0));
            let is_after = apps::next_run.gt(due_at).or(apps::next_run.eq(due_at).and(apps::id.gt(app_id)));
            let rows: Vec<Named> = apps::table
                .inner_join(app_parents::table.inner_join(app_groups::table))
                .filter(apps::archive.is_null().and(apps::disable.eq(false)))
                .filter(apps::next_run.le(now).and(is_after))
                .filter(apps::id.ne_all(barred(connection, labels)?))
                .select((
                    (apps::id, apps::definition, apps::next_run, apps::next_run_wished, apps::retry_at, apps::failures),
                    app_groups::name,
                    app_parents::name,
                    apps::name,
                ))
                .order((apps::next_run.asc(), apps::id.asc()))
                .limit(count)
                .load(connection)?;
            let ids: Vec<i64> = rows.iter().map(|((id, ..), ..)| *id).collect();
            let open: Vec<(i64, String)> = runtime::table
                .filter(runtime::ended_at.is_null().and(runtime::app_id.eq_any(&ids)))
                .select((runtime::app_id, runtime::id))
                .load(connection)?;
            let waiting: Vec<(i64, String)> = occurrences::table
                .filter(occurrences::state.eq_any(["claimed", "queued"]).and(occurrences::app_id.eq_any(&ids)))
                .select((occurrences::app_id, occurrences::state))
                .load(connection)?;
            let due = |((app_id, definition, due_at, is_wish, retry_at, failures), group, parent, name): Named| {
                let count =
                    |wanted: &str| waiting.iter().filter(|(id, state)| *id == app_id && state == wanted).count() as i64;
                Some(DueApp {
                    app_id,
                    name: AppName { group, parent, name },
                    definition,
                    due_at: due_at?,
                    is_wish,
                    retry_at,
                    failures,
                    open_run: open.iter().find(|(id, _)| *id == app_id).map(|(_, run)| run.clone()),
                    claimed: count("claimed"),
                    queued: count("queued"),
                })
            };
            Ok(rows.into_iter().filter_map(due).collect())
        })
    }

    /// The first moment after another one that an active app is due; `None` when none ever is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn next_due(&mut self, after: NaiveDateTime) -> Result<Option<NaiveDateTime>> {
        self.0.read("read when an app is due", |connection| {
            apps::table
                .filter(apps::archive.is_null().and(apps::disable.eq(false)).and(apps::next_run.gt(after)))
                .select(diesel::dsl::min(apps::next_run))
                .first(connection)
        })
    }
}
