//! Apps that no time starts: those that run after others, and those that are kept running. When their moment has come they
//! are due like any other app, so that all limits and decisions hold for them, too.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;

use crate::apps::{AppDefinition, choose};
use crate::error::Result;
use crate::ident::AppName;
use crate::tables::{AppRow, Store};

/// Makes those due whose moment has come.
///
/// # Errors
/// What the database says.
pub(super) fn look(store: &mut Store, now: NaiveDateTime) -> Result<()> {
    let apps = store.apps().all()?;
    let triggered: Vec<(&AppRow, AppDefinition)> = apps.iter().filter_map(triggered).collect();
    if triggered.is_empty() {
        return Ok(());
    }
    let good = store.apps().last_good_runs()?;
    for (app, definition) in triggered {
        let rests = !app.disable && app.retry_at.is_none_or(|retry_at| retry_at <= now);
        if rests && (definition.keep || waits_for(app, &definition, &apps, &good).is_empty()) {
            store.apps().make_due(app, now)?;
        }
    }
    Ok(())
}

/// The app, if something else than time starts it. A look at the text spares the reading of all others.
fn triggered(app: &AppRow) -> Option<(&AppRow, AppDefinition)> {
    if !app.definition.contains("\"after\"") && !app.definition.contains("\"keep\"") {
        return None;
    }
    let definition = AppDefinition::from_json(&app.definition).ok()?;
    (definition.keep || !definition.after.is_empty()).then_some((app, definition))
}

/// The apps that have not ended well since this one ran last; a name that no app has any more is among them.
pub fn waits_for(
    app: &AppRow,
    definition: &AppDefinition,
    apps: &[AppRow],
    good: &BTreeMap<i64, NaiveDateTime>,
) -> Vec<String> {
    let since = app.last_run.unwrap_or(app.created);
    let is_open = |name: &&String| {
        let names: Vec<&AppName> = apps.iter().map(|app| &app.name).collect();
        let other = choose(names.into_iter(), name).ok();
        let other = other.and_then(|other| apps.iter().find(|app| app.name == *other));
        other.is_none_or(|other| good.get(&other.id).is_none_or(|ended_at| *ended_at <= since))
    };
    definition.after.iter().filter(is_open).cloned().collect()
}
