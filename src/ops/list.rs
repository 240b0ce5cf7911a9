//! `dc run --list`: the registry, with what ran last and what comes next.

use std::fmt;

use serde::Serialize;

use super::deploy::{DeployOptions, deploy};
use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::settings::{MAIN, Settings};
use crate::shell;
use crate::tables::{AppRow, RunRow, RunStatus, Store};

/// The registered apps.
#[derive(Debug, Serialize)]
pub struct AppList {
    /// One line an app.
    pub apps: Vec<ListedApp>,
}

/// One registered app with its last run.
#[derive(Debug, Serialize)]
pub struct ListedApp {
    /// The app.
    #[serde(flatten)]
    pub app: AppRow,
    /// Its last run, if it ever ran.
    pub last: Option<RunRow>,
}

/// Lists the registered apps. On the embedded default they are registered by itself.
///
/// # Errors
/// What the database says.
pub fn list_apps(context: &Context) -> Result<AppList> {
    if context.settings().database(MAIN)?.is_default {
        deploy(context, &DeployOptions::default())?;
    }
    let mut store = Store::ready(context)?;
    let mut last_runs = store.runs().latest()?;
    let listed = |app: AppRow| {
        let last = last_runs.iter().position(|run| run.app_id == app.id).map(|place| last_runs.swap_remove(place));
        ListedApp { app, last }
    };
    Ok(AppList { apps: store.apps().all()?.into_iter().map(listed).collect() })
}

/// The full names of the apps under `apps/`, whether they are registered or not. Opens no database.
///
/// # Errors
/// The file system's own failures.
pub fn app_names(settings: &Settings) -> Result<Vec<String>> {
    let names = crate::apps::app_names(&settings.project.apps())?;
    Ok(names.iter().map(ToString::to_string).collect())
}

impl fmt::Display for AppList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.apps.is_empty() {
            return write!(
                formatter,
                "no apps are registered: put one into apps/<group>/<parent>/<name>/ and type `dc deploy`"
            );
        }
        let mut table = shell::table(["app", "state", "last run", "ended", "next run"]);
        for ListedApp { app, last } in &self.apps {
            let moment = |moment| clock::local(moment);
            let state = match app.status {
                RunStatus::Running => RunStatus::Running,
                _ if app.disable => RunStatus::Disabled,
                status => status,
            };
            let started = last.as_ref().map(|run| moment(run.started_at)).unwrap_or_else(|| "never".to_owned());
            let ended = last.as_ref().map(|run| run.code.name().to_owned()).unwrap_or_default();
            let next = app.next_run.map(moment).unwrap_or_else(|| app.start_in_words().to_owned());
            table.add_row([app.name.to_string(), state.name().to_owned(), started, ended, next]);
        }
        write!(formatter, "{table}")
    }
}
