//! Which app or run somebody means who types a part of its name.

use crate::apps::choose;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::{RuntimeId, run_prefix};
use crate::tables::{AppRow, RunFilter, Store};

/// So many runs are named that a beginning may mean.
const NAMED_MAX: usize = 5;

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
    if let (Err(_), Some(prefix)) = (typed.parse::<RuntimeId>(), run_prefix(typed)) {
        let found = store.runs().beginning_with(&prefix, NAMED_MAX + 1)?;
        return one_of(typed, found);
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

/// The only run that a beginning means.
///
/// # Errors
/// Not found where there is none, usage where there are several, which are named.
pub(super) fn one_of(typed: &str, mut found: Vec<String>) -> Result<String> {
    match (found.len(), found.pop()) {
        (1, Some(run)) => Ok(run),
        (_, None) => Err(Error::new(ErrorKind::NotFound, format!("find a run that begins with `{typed}`"))
            .hint("`dc logs --runs` lists the runs, `dc merge history` those that merged")),
        (_, Some(last)) => {
            found.push(last);
            let more = if found.len() > NAMED_MAX { " and more" } else { "" };
            let named = found.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
            Err(Error::new(ErrorKind::Usage, format!("choose a run: `{typed}` begins {named}{more}"))
                .hint("type more of it"))
        }
    }
}
