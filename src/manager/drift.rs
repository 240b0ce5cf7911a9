//! What stands under `apps/` beside what is registered: an app that nobody has deployed is never due.

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDateTime;
use serde::Serialize;

use crate::apps::{FoundApp, Schedule, look_for_apps};
use crate::context::Context;
use crate::error::Result;
use crate::hash::make_hash;
use crate::ident::AppName;
use crate::tables::{AppRegistration, AppType, Besides, Registered, Store};

/// Where the folder and the registry differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Apps that are not registered.
    pub new: Vec<String>,
    /// Apps whose definition is registered as it was before.
    pub changed: Vec<String>,
    /// Apps that are registered and do not stand here; another machine may have them.
    pub gone: Vec<String>,
    /// Apps that cannot be read.
    pub broken: Vec<String>,
}

impl Drift {
    /// Compares the folder of this machine with the registry.
    ///
    /// # Errors
    /// What the file system and the database say.
    pub fn of(context: &Context, store: &mut Store) -> Result<Self> {
        let (found, broken) = look_for_apps(&context.settings().project.apps())?;
        let mut registered: BTreeMap<AppName, String> =
            store.apps().all()?.into_iter().map(|app| (app.name, app.definition)).collect();
        let mut drift = Self::default();
        for name in broken.into_iter().filter_map(|app| app.name) {
            registered.remove(&name);
            drift.broken.push(name.to_string());
        }
        for app in found {
            match registered.remove(&app.name) {
                None => drift.new.push(app.name.to_string()),
                Some(definition) if definition != app.definition.to_json() => drift.changed.push(app.name.to_string()),
                Some(_) => {}
            }
        }
        drift.gone = registered.into_keys().map(|name| name.to_string()).collect();
        Ok(drift)
    }

    /// Whether an app works otherwise than its folder says, or not at all.
    pub fn matters(&self) -> bool {
        !(self.new.is_empty() && self.changed.is_empty() && self.broken.is_empty())
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |names: &[String], one: &str, many: &str| match names {
            [] => None,
            [name] => Some(format!("`{name}` {one}")),
            [first, ..] => Some(format!("{} apps {many}, such as `{first}`", names.len())),
        };
        let parts = [
            count(&self.new, "stands under apps/ and is not registered", "stand under apps/ and are not registered"),
            count(&self.changed, "differs from what is registered", "differ from what is registered"),
            count(&self.gone, "is registered and does not stand here", "are registered and do not stand here"),
            count(&self.broken, "cannot be read", "cannot be read"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match parts.is_empty() {
            true => formatter.write_str("what stands under apps/ is registered as it is"),
            false => formatter.write_str(&parts.join("; ")),
        }
    }
}

/// An app as it is registered; `now` is the database's time, by which it is due.
///
/// # Errors
/// None that is known: a definition always has a hash.
pub fn registration(app: FoundApp, now: NaiveDateTime) -> Result<AppRegistration> {
    let definition = app.definition.to_json();
    let (app_type, schedule, interval_ms) = match &app.definition.schedule {
        Schedule::ByHand | Schedule::AtBoot => (AppType::Manual, None, None),
        Schedule::Cron(pattern) => (AppType::Cron, Some(pattern.as_str().to_owned()), None),
        Schedule::Every(interval) => (AppType::Interval, None, i64::try_from(interval.as_millis()).ok()),
    };
    Ok(AppRegistration {
        sha: make_hash(&serde_json::json!({ "definition": definition }))?.0,
        timezone: app.definition.timezone.name().to_owned(),
        next_run: app.definition.next_run(now),
        labels: app.definition.on.clone(),
        name: app.name,
        app_type,
        definition,
        schedule,
        interval_ms,
    })
}

/// Registers what is new or differs. What does not stand here stays: another machine may have it.
///
/// # Errors
/// What the file system and the database say.
pub(super) fn register(context: &Context, store: &mut Store) -> Result<Registered> {
    let (found, _) = look_for_apps(&context.settings().project.apps())?;
    let now = store.now()?;
    let here = found.into_iter().map(|app| registration(app, now)).collect::<Result<Vec<_>>>()?;
    let left: Vec<AppName> = store.apps().all()?.into_iter().map(|app| app.name).collect();
    store.apps().register_beside(&here, Besides { left: &left, renamed: &[] }, false)
}
