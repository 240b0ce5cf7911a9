//! Pipelines that no time starts are worked off on each machine that may, for as long as they are in service.

use super::desk::Starter;
use super::launcher::Launcher;
use crate::apps::ProcessIdentity;
use crate::error::Result;
use crate::tables::{AppRow, RunOutcome, RunRow, Store, meets};

/// Starts the workers of this machine that are not there.
///
/// # Errors
/// What the database says.
pub(super) fn keep(store: &mut Store, launcher: &mut Launcher, labels: &[String]) -> Result<()> {
    let pipelines: Vec<AppRow> = store.apps().all()?.into_iter().filter(is_kept).collect();
    if pipelines.is_empty() {
        return Ok(());
    }
    let (asked, now, own) = (store.apps().labels()?, store.now()?, ProcessIdentity::own()?);
    let is_here = |run: &RunRow| {
        run.code == RunOutcome::Serving
            && run.boot_id.as_deref() == Some(own.space.boot.as_str())
            && run.pid_namespace == own.space.namespaces
    };
    let served: Vec<i64> = store.runs().open()?.iter().filter(|run| is_here(run)).map(|run| run.app_id).collect();
    for app in pipelines {
        let may = asked.get(&app.id).is_none_or(|asked| meets(asked, labels)) && launcher.has(&app.name);
        let rests = app.retry_at.is_some_and(|retry_at| retry_at > now);
        if may && !rests && !served.contains(&app.id) && !launcher.is_serving(&app.name) {
            launcher.serve(&app.name)?;
        }
    }
    Ok(())
}

/// Whether a pipeline is to be worked off all the time: one with a schedule is started by that.
fn is_kept(app: &AppRow) -> bool {
    app.is_pipeline() && !app.disable && app.schedule.is_none() && app.interval_ms.is_none()
}
