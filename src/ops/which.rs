//! Which app or run somebody means who types a part of its name.

use crate::apps::choose;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::RuntimeId;
use crate::tables::{AppRow, RunFilter, Store};

/// The rows of an app, the newest first: the active one, and those that it had before it left `apps/`.
///
/// # Errors
/// Not found for a name that no app has or had.
pub(super) fn past_apps(store: &mut Store, typed: &str) -> Result<Vec<AppRow>> {
    let (active, mut past) = (store.apps().all()?, store.apps().archived()?);
    let chosen = match choose(active.iter().map(|app| &app.name), typed) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            choose(past.iter().map(|app| &app.name), typed).map_err(|_| error)?
        }
        chosen => chosen?,
    };
    let chosen = chosen.clone();
    past.reverse();
    Ok(active.into_iter().chain(past).filter(|app| app.name == chosen).collect())
}

/// The numbers of [`past_apps`].
pub(super) fn past_ids(store: &mut Store, typed: &str) -> Result<Vec<i64>> {
    Ok(past_apps(store, typed)?.into_iter().map(|app| app.id).collect())
}

/// The number of an active app.
///
/// # Errors
/// Not found for a name that no app under `apps/` has.
pub(super) fn app_id(store: &mut Store, typed: &str) -> Result<i64> {
    let apps = store.apps().all()?;
    let chosen = choose(apps.iter().map(|app| &app.name), typed)?;
    let found = apps.iter().find(|app| app.name == *chosen).map(|app| app.id);
    found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("find the app `{typed}`")))
}

/// A run by its identity, or the last one.
pub(super) fn runtime(store: &mut Store, typed: &str) -> Result<String> {
    if typed == "last" {
        let newest = store.runs().list(&RunFilter { app_ids: None, runtime: None, limit: 1 })?;
        let none = || Error::new(ErrorKind::NotFound, "find the last run: nothing ran yet");
        return newest.into_iter().next().map(|run| run.runtime).ok_or_else(none);
    }
    let id: RuntimeId = typed.parse()?;
    let found = store.runs().list(&RunFilter { app_ids: None, runtime: Some(id.to_string()), limit: 1 })?;
    match found.is_empty() {
        true => {
            Err(Error::new(ErrorKind::NotFound, format!("find the run {id}")).hint("`dc logs --runs` lists the runs"))
        }
        false => Ok(id.to_string()),
    }
}
