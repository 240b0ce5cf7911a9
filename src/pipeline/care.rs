//! What is done for all beside the work: the lease of this worker, and the tasks of workers that are gone.

use std::path::Path;

use nix::unistd::getpid;

use super::began;
use crate::apps::{ProcessIdentity, ProcessSpace, Sight};
use crate::clock;
use crate::error::Result;
use crate::ident::{host, new_identity};
use crate::tables::{LogLevel, LostWorker, MessageKind, NewMessage, Store, WorkerRow, is_over};

/// This process as a worker of a pipeline.
///
/// # Errors
/// What the system says of this process.
pub(super) fn own_row(app_id: i64, runtime: Option<String>) -> Result<WorkerRow> {
    let identity = ProcessIdentity::own()?;
    let now = clock::now();
    Ok(WorkerRow {
        id: new_identity(),
        app_id,
        runtime,
        host: host(),
        boot_id: identity.space.boot,
        pid_namespace: identity.space.namespaces,
        pid: i64::from(getpid().as_raw()),
        pid_started: i64::try_from(identity.start_ticks).unwrap_or(i64::MAX),
        started_at: now,
        lease_until: now,
    })
}

/// Takes the tasks of workers back that are gone: seen as gone from here, or with a lease that is over.
///
/// # Errors
/// What the database says.
pub(super) fn take_back(store: &mut Store, own: &WorkerRow, folder: &Path, pipeline: &str) -> Result<()> {
    let now = store.now()?;
    for worker in store.tasks().workers(Some(own.app_id))? {
        if worker.id == own.id {
            continue;
        }
        let reason = match sight(&worker) {
            Some(Sight::Alive) => continue,
            Some(Sight::Gone) => format!("its worker (process {} on {}) died", worker.pid, worker.host),
            _ if is_over(worker.lease_until, now) => format!("its worker on {} is not heard of any more", worker.host),
            _ => continue,
        };
        let began = began::left_by(folder, &worker.id);
        let lost = store.tasks().remove_worker(&worker, began.as_deref(), &reason)?;
        began::forget(folder, &worker.id);
        tell(store, own.app_id, pipeline, &lost, &reason)?;
    }
    Ok(())
}

/// What is seen of a worker's process; `None` where it cannot be seen from here.
fn sight(worker: &WorkerRow) -> Option<Sight> {
    let identity = ProcessIdentity {
        pid: i32::try_from(worker.pid).ok()?,
        start_ticks: u64::try_from(worker.pid_started).ok()?,
        space: ProcessSpace::named(worker.boot_id.clone(), worker.pid_namespace.clone()),
    };
    Some(identity.look())
}

fn tell(store: &mut Store, app_id: i64, pipeline: &str, lost: &LostWorker, reason: &str) -> Result<()> {
    let LostWorker { waiting, suspect, quarantined } = lost;
    if waiting + suspect + quarantined.len() > 0 {
        log::warn!("{reason}: {} of its documents wait again", waiting + suspect);
    }
    for task in quarantined {
        quarantine(store, app_id, pipeline, *task, reason)?;
    }
    Ok(())
}

/// Tells people that a document was set aside.
///
/// # Errors
/// What the database says.
pub(super) fn quarantine(store: &mut Store, app_id: i64, pipeline: &str, task: i64, reason: &str) -> Result<()> {
    log::error!(task = task; "the document was set aside: what worked on it died twice; at last: {reason}");
    let message = NewMessage {
        kind: MessageKind::Quarantined,
        severity: LogLevel::Error,
        app_id: Some(app_id),
        subject: format!("{pipeline}: document {task} was set aside"),
        body: format!("What worked on it died twice; at last: {reason}.\nSee why: dc tasks why {task}"),
    };
    store.outbox().tell(&message).map(drop)
}
