//! Apps that no time starts: those that run after others, that are kept running, and that run at boot. When their moment has come they
//! are due like any other app, so that all limits and decisions hold for them, too.

use chrono::NaiveDateTime;

use crate::apps::{AppDefinition, Schedule, choose};
use crate::error::Result;
use crate::tables::{AppRow, RunFilter, Store};

/// Makes those due whose moment has come.
///
/// # Errors
/// What the database says.
pub(super) fn look(store: &mut Store, now: NaiveDateTime) -> Result<()> {
    // asked in each pass: most houses have none
    let triggered = store.apps().triggered()?;
    if triggered.is_empty() {
        return Ok(());
    }
    let apps = store.apps().all()?;
    for app in &triggered {
        let Ok(definition) = AppDefinition::from_json(&app.definition) else { continue };
        let rests = !app.disable && app.retry_at.is_none_or(|retry_at| retry_at <= now);
        let is_after = !definition.after.is_empty() && waits_for(store, app, &definition, &apps)?.is_empty();
        let is_booted = definition.schedule == Schedule::AtBoot && has_booted(store, app)?;
        if rests && (definition.keep || is_after || is_booted) {
            store.apps().make_due(app, now)?;
        }
    }
    Ok(())
}

/// Whether the boot in which an app ran last is over: none of the managers at work is of it. An app that never ran has it
/// before itself.
fn has_booted(store: &mut Store, app: &AppRow) -> Result<bool> {
    let last = store.runs().list(&RunFilter { app_ids: Some(vec![app.id]), runtime: None, limit: 1 })?.pop();
    let Some(last) = last else { return Ok(true) };
    let managers = store.managers().all()?;
    Ok(managers.iter().all(|manager| Some(&manager.boot_id) != last.boot_id.as_ref()))
}

/// The apps that have not ended well since this one ran last; a name that no app has any more is among them.
///
/// # Errors
/// What the database says.
pub fn waits_for(store: &mut Store, app: &AppRow, definition: &AppDefinition, apps: &[AppRow]) -> Result<Vec<String>> {
    let since = app.last_run.unwrap_or(app.created);
    let id_of = |name: &String| {
        let other = choose(apps.iter().map(|app| &app.name), name).ok()?;
        apps.iter().find(|app| app.name == *other).map(|app| app.id)
    };
    let ids: Vec<Option<i64>> = definition.after.iter().map(id_of).collect();
    let good = store.apps().last_good_runs(&ids.iter().flatten().copied().collect::<Vec<_>>())?;
    let is_open = |id: &Option<i64>| id.is_none_or(|id| good.get(&id).is_none_or(|ended_at| *ended_at <= since));
    let open = definition.after.iter().zip(&ids).filter(|(_, id)| is_open(id));
    Ok(open.map(|(name, _)| name.clone()).collect())
}
