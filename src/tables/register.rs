//! Registering: what stands under `apps/` becomes the active rows of `apps`, in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::result::Error as QueryError;
use serde::Serialize;

use super::app::{Apps, WhichApps, load};
use super::codebook::AppType;
use super::connection::Link;
use super::schema::{app_groups, app_parents, apps, runtime};
use super::sha::text_sha;
use super::time::database_now;
use super::{Turn, label, shown, take_turn, waiting};
use crate::error::{Error, ErrorKind, Result};
use crate::ident::AppName;

/// An app as it stands under `apps/`.
#[derive(Debug, Clone)]
pub struct AppRegistration {
    /// Its full name.
    pub name: AppName,
    /// What starts it.
    pub app_type: AppType,
    /// Its app.toml, as JSON.
    pub definition: String,
    /// A cron expression.
    pub schedule: Option<String>,
    /// Milliseconds between two runs.
    pub interval_ms: Option<i64>,
    /// The zone the schedule is in.
    pub timezone: String,
    /// When it is due first; taken for a new app and for one whose schedule changed.
    pub next_run: Option<NaiveDateTime>,
    /// The labels of machines on which it may work; all where there are none.
    pub labels: Vec<String>,
    /// The record hash of its definition.
    pub sha: [u8; 32],
}

/// An app that has another name now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Renamed {
    /// The full name that it had.
    #[serde(serialize_with = "shown::text")]
    pub from: AppName,
    /// The full name that it has.
    #[serde(serialize_with = "shown::text")]
    pub to: AppName,
}

/// What is registered beside what stands under `apps/`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Besides<'a> {
    /// Names whose rows stay as they are: their folders are there and cannot be read, or nobody knows.
    pub left: &'a [AppName],
    /// Apps that have other names now: their rows, and with them runs and logs, go on under these.
    pub renamed: &'a [Renamed],
}

/// What registering did, or would do: full names, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Registered {
    /// Apps that were renamed, as it was asked for.
    pub renamed: Vec<Renamed>,
    /// Apps that are gone, where a new one has the very same definition: perhaps it is the same app.
    pub alike: Vec<Renamed>,
    /// Apps that are new, or have come back.
    pub added: Vec<String>,
    /// Apps whose definition changed; they keep their row and their state.
    pub changed: Vec<String>,
    /// Apps that stay as they are.
    pub unchanged: Vec<String>,
    /// Apps that are gone from `apps/`.
    pub archived: Vec<String>,
}

/// What is asked of an app that is registered already.
#[derive(Queryable, Selectable)]
#[diesel(table_name = apps)]
struct Existing {
    id: i64,
    sha: Vec<u8>,
    definition: String,
    schedule: Option<String>,
    interval_ms: Option<i64>,
    timezone: String,
}

impl Apps<'_> {
    /// Makes `apps` the active apps. An app that is not among them is archived, with a parent and a group that it
    /// leaves empty; one that comes back is inserted anew. `dry_run` tells what would happen and changes nothing.
    ///
    /// # Errors
    /// Usage, when two apps have one name.
    pub fn register(&mut self, apps: &[AppRegistration], dry_run: bool) -> Result<Registered> {
        self.register_beside(apps, Besides::default(), dry_run)
    }

    /// As [`Apps::register`], beside names that are left as they are, and names that have changed.
    ///
    /// # Errors
    /// As [`Apps::register`]; for a name that changed: not found where the old one was never registered or the new one has
    /// no folder, usage where both have one, busy while the new one runs.
    pub fn register_beside(
        &mut self,
        apps: &[AppRegistration],
        besides: Besides<'_>,
        dry_run: bool,
    ) -> Result<Registered> {
        let mut wanted: BTreeMap<&AppName, &AppRegistration> = BTreeMap::new();
        for app in apps {
            if wanted.insert(&app.name, app).is_some() {
                let message = format!("register the apps: `{}` is there twice", app.name);
                return Err(Error::new(ErrorKind::Usage, message));
            }
        }
        let mut planned = None;
        let registered = self.0.write("register the apps", |connection| {
            take_turn(connection, Turn::Register)?;
            for renamed in besides.renamed {
                if let Err(error) = rename(connection, &wanted, renamed)? {
                    return Ok(Err(error));
                }
            }
            let registered = register(connection, &wanted, besides, dry_run)?;
            if dry_run && !besides.renamed.is_empty() {
                // what would happen was told of the rows as they would be
                planned = Some(registered);
                return Err(QueryError::RollbackTransaction);
            }
            Ok(Ok(registered))
        });
        planned.map_or_else(|| registered?, Ok)
    }
}

/// Gives the row of an app another name, and makes it active again where it had left `apps/`. The row that has that name
/// already leaves: it was registered before anybody said that it is the same app.
fn rename(
    connection: &mut Link,
    wanted: &BTreeMap<&AppName, &AppRegistration>,
    Renamed { from, to }: &Renamed,
) -> QueryResult<Result<()>> {
    let what = format!("rename `{from}` to `{to}`");
    let refused = |kind, reason: String, hint: String| {
        let error = Error::new(kind, format!("{what}: {reason}")).hint(hint);
        Ok(Err(error))
    };
    let Some(app) = wanted.get(to) else {
        return refused(
            ErrorKind::NotFound,
            format!("no app stands in apps/{to}"),
            format!("move its folder first: mv apps/{from} apps/{to}"),
        );
    };
    if wanted.contains_key(from) {
        return refused(
            ErrorKind::Usage,
            format!("an app stands in apps/{from} as well"),
            "an app can take the name of one that is gone".to_owned(),
        );
    }
    let mut rows = load(connection, WhichApps::Archived)?;
    rows.sort_by_key(|row| (row.archive, row.id));
    rows.extend(load(connection, WhichApps::Active)?);
    let Some(row) = rows.iter().rfind(|row| row.name == *from) else {
        return refused(
            ErrorKind::NotFound,
            format!("no app of the name `{from}` was ever registered"),
            "`dc deploy` without `--rename` registers the new one".to_owned(),
        );
    };
    let now = database_now(connection)?;
    let standing = rows.iter().find(|other| other.name == *to && other.archive.is_none());
    if let Some(standing) = standing {
        if diesel::select(exists(
            runtime::table.filter(runtime::app_id.eq(standing.id).and(runtime::ended_at.is_null())),
        ))
        .get_result(connection)?
        {
            return refused(
                ErrorKind::Busy,
                format!("`{to}` runs"),
                format!("wait until its run has ended, or end it: dc manager send stop {to}"),
            );
        }
        diesel::update(apps::table.find(standing.id)).set(apps::archive.eq(now)).execute(connection)?;
    }
    let group_id = group_id(connection, &to.group, now)?;
    let parent_id = parent_id(connection, group_id, to, now)?;
    let named = (
        apps::app_parent_id.eq(parent_id),
        apps::name.eq(&to.name),
        apps::archive.eq(None::<NaiveDateTime>),
        apps::date_modified.eq(now),
    );
    diesel::update(apps::table.find(row.id)).set(named).execute(connection)?;
    if row.archive.is_some() {
        // what was due while it was away is not made up for
        diesel::update(apps::table.find(row.id)).set(apps::next_run.eq(app.next_run)).execute(connection)?;
    }
    Ok(Ok(()))
}

fn register(
    connection: &mut Link,
    wanted: &BTreeMap<&AppName, &AppRegistration>,
    besides: Besides<'_>,
    dry_run: bool,
) -> QueryResult<Registered> {
    let now = database_now(connection)?;
    let existing = existing(connection)?;
    let mut report = Registered { renamed: besides.renamed.to_vec(), ..Registered::default() };
    for (name, app) in wanted {
        let list = match existing.get(*name) {
            None => {
                if !dry_run {
                    add(connection, app, now)?;
                }
                &mut report.added
            }
            // case and white space do not count for the hash, and do in a command or a schedule
            Some(row) if row.sha == app.sha && row.definition == app.definition => &mut report.unchanged,
            Some(row) => {
                if !dry_run {
                    change(connection, row, app, now)?;
                }
                &mut report.changed
            }
        };
        list.push(name.to_string());
    }
    let is_gone = |name: &AppName| !wanted.contains_key(name) && !besides.left.contains(name);
    let gone: Vec<(&AppName, i64)> =
        existing.iter().filter(|(name, _)| is_gone(name)).map(|(name, row)| (name, row.id)).collect();
    report.archived = gone.iter().map(|(name, _)| name.to_string()).collect();
    let added = |name: &&AppName| !existing.contains_key(*name);
    for (from, _) in &gone {
        let sha = &existing[*from].sha;
        let mut alike = wanted.iter().filter(|(name, app)| added(name) && app.sha == sha[..]);
        if let (Some((to, _)), None) = (alike.next(), alike.next()) {
            report.alike.push(Renamed { from: (*from).clone(), to: (*to).clone() });
        }
    }
    if !dry_run && !gone.is_empty() {
        for (_, app_id) in &gone {
            diesel::update(apps::table.find(app_id)).set(apps::archive.eq(now)).execute(connection)?;
            waiting::leave_out(connection, *app_id, "its app left apps/ while it waited")?;
        }
        archive_empty(connection, now)?;
    }
    Ok(report)
}

fn existing(connection: &mut Link) -> QueryResult<BTreeMap<AppName, Existing>> {
    let rows: Vec<(Existing, String, String, String)> = apps::table
        .inner_join(app_parents::table.inner_join(app_groups::table))
        .filter(apps::archive.is_null())
        .select((Existing::as_select(), app_groups::name, app_parents::name, apps::name))
        .load(connection)?;
    Ok(rows.into_iter().map(|(row, group, parent, name)| (AppName { group, parent, name }, row)).collect())
}

fn add(connection: &mut Link, app: &AppRegistration, now: NaiveDateTime) -> QueryResult<()> {
    let group_id = group_id(connection, &app.name.group, now)?;
    let parent_id = parent_id(connection, group_id, &app.name, now)?;
    let row = (
        apps::sha.eq(app.sha.to_vec()),
        apps::date_created.eq(now),
        apps::app_parent_id.eq(parent_id),
        apps::name.eq(&app.name.name),
        apps::app_type.eq(app.app_type.id()),
        apps::definition.eq(&app.definition),
        apps::schedule.eq(&app.schedule),
        apps::interval_ms.eq(app.interval_ms),
        apps::timezone.eq(&app.timezone),
        apps::next_run.eq(app.next_run),
    );
    diesel::insert_into(apps::table).values(row).execute(connection)?;
    let this = apps::table.filter(apps::archive.is_null().and(apps::app_parent_id.eq(parent_id)));
    let app_id = this.filter(apps::name.eq(&app.name.name)).select(apps::id).first(connection)?;
    label::replace(connection, app_id, &app.labels)
}

fn change(connection: &mut Link, row: &Existing, app: &AppRegistration, now: NaiveDateTime) -> QueryResult<()> {
    let definition = (
        apps::sha.eq(app.sha.to_vec()),
        apps::date_modified.eq(now),
        apps::app_type.eq(app.app_type.id()),
        apps::definition.eq(&app.definition),
        apps::schedule.eq(&app.schedule),
        apps::interval_ms.eq(app.interval_ms),
        apps::timezone.eq(&app.timezone),
    );
    diesel::update(apps::table.find(row.id)).set(definition).execute(connection)?;
    label::replace(connection, row.id, &app.labels)?;
    // a moment that is due already is not lost by a change of, say, the time-out
    let same_times = row.schedule == app.schedule && row.interval_ms == app.interval_ms && row.timezone == app.timezone;
    if !same_times {
        diesel::update(apps::table.find(row.id)).set(apps::next_run.eq(app.next_run)).execute(connection)?;
    }
    Ok(())
}

/// The active group of this name, made when it is not there.
fn group_id(connection: &mut Link, name: &str, now: NaiveDateTime) -> QueryResult<i64> {
    let find = |connection: &mut Link| {
        app_groups::table
            .filter(app_groups::archive.is_null().and(app_groups::name.eq(name)))
            .select(app_groups::id)
            .first::<i64>(connection)
            .optional()
    };
    if let Some(id) = find(connection)? {
        return Ok(id);
    }
    let sha = text_sha(&[("name", name)]);
    let row = (app_groups::sha.eq(sha), app_groups::date_created.eq(now), app_groups::name.eq(name));
    diesel::insert_into(app_groups::table).values(row).execute(connection)?;
    find(connection)?.ok_or(diesel::NotFound)
}

/// The active parent of this name in the group, made when it is not there.
fn parent_id(connection: &mut Link, group_id: i64, app: &AppName, now: NaiveDateTime) -> QueryResult<i64> {
    let find = |connection: &mut Link| {
        app_parents::table
            .filter(app_parents::archive.is_null().and(app_parents::app_group_id.eq(group_id)))
            .filter(app_parents::name.eq(&app.parent))
            .select(app_parents::id)
            .first::<i64>(connection)
            .optional()
    };
    if let Some(id) = find(connection)? {
        return Ok(id);
    }
    let row = (
        app_parents::sha.eq(text_sha(&[("group", &app.group), ("name", &app.parent)])),
        app_parents::date_created.eq(now),
        app_parents::app_group_id.eq(group_id),
        app_parents::name.eq(&app.parent),
    );
    diesel::insert_into(app_parents::table).values(row).execute(connection)?;
    find(connection)?.ok_or(diesel::NotFound)
}

/// Archives the parents without an active app, and then the groups without an active parent.
fn archive_empty(connection: &mut Link, now: NaiveDateTime) -> QueryResult<()> {
    let used: Vec<i64> = apps::table.filter(apps::archive.is_null()).select(apps::app_parent_id).load(connection)?;
    let used: BTreeSet<i64> = used.into_iter().collect();
    let parents: Vec<i64> =
        app_parents::table.filter(app_parents::archive.is_null()).select(app_parents::id).load(connection)?;
    for id in parents.iter().filter(|id| !used.contains(id)) {
        diesel::update(app_parents::table.find(id)).set(app_parents::archive.eq(now)).execute(connection)?;
    }
    let used: Vec<i64> =
        app_parents::table.filter(app_parents::archive.is_null()).select(app_parents::app_group_id).load(connection)?;
    let used: BTreeSet<i64> = used.into_iter().collect();
    let groups: Vec<i64> =
        app_groups::table.filter(app_groups::archive.is_null()).select(app_groups::id).load(connection)?;
    for id in groups.iter().filter(|id| !used.contains(id)) {
        diesel::update(app_groups::table.find(id)).set(app_groups::archive.eq(now)).execute(connection)?;
    }
    Ok(())
}
