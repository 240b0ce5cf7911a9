//! What is well with pipelines and what is not, as far as this machine can tell: their folders, and their documents.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::super::diagnosis::{Finding, Health};
use super::super::tasks::is_at_work;
use super::finding;
use crate::apps::{FoundApp, look_for_apps};
use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::ident::host;
use crate::storage::network_file_system;
use crate::tables::{Ledger, Store, TaskState, meets};

/// Folders that are all right are told one by one up to so many.
const FOLDERS_TOLD: usize = 10;
/// The folder in a watched folder where files wait that were taken.
const WORK: &str = "work";

/// The watched folders of pipelines that work on this machine: whether they are there, and whether files can be taken.
pub(super) fn folders(context: &Context) -> Vec<Finding> {
    // what cannot be read has a finding of its own
    let Ok((apps, _)) = look_for_apps(&context.settings().project.apps()) else { return Vec::new() };
    let labels = &context.settings().manager.labels;
    let (mut findings, mut well) = (Vec::new(), 0);
    for app in apps.iter().filter(|app| meets(&app.definition.on, labels)) {
        for watched in app.definition.pipeline.iter().flat_map(|pipeline| &pipeline.watch) {
            let found = folder(app, &app.folder.join(watched));
            well += usize::from(found.health == Health::Ok);
            if found.health != Health::Ok || well <= FOLDERS_TOLD {
                findings.push(found);
            }
        }
    }
    findings
}

fn folder(app: &FoundApp, folder: &Path) -> Finding {
    let place = folder.display();
    let told = |health: Health, found: &str, mend: Option<String>| {
        finding("folder", health, format!("{place} of {}: {found}", app.name), mend)
    };
    let failed = |found: &str, mend: String| told(Health::Failed, found, Some(mend));
    let data = match fs::metadata(folder) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            return failed("it is not there", format!("mkdir -p {place}"));
        }
        Err(cause) => return failed(&cause.to_string(), format!("ls -ld {place}")),
        Ok(data) if !data.is_dir() => return failed("it is no folder", format!("ls -ld {place}")),
        Ok(data) => data,
    };
    let user = nix::unistd::Uid::effective();
    let rights = || format!("ls -ld {place}; it must be readable and writable for user {user}");
    if let Err(cause) = fs::read_dir(folder) {
        return failed(&format!("it cannot be read: {cause}"), rights());
    }
    // names that begin with a dot are never taken
    let probe = tempfile::Builder::new().prefix(".dc-probe-").tempfile_in(folder);
    if let Err(cause) = probe.and_then(tempfile::NamedTempFile::close) {
        return failed(&format!("no file can be made in it: {cause}"), rights());
    }
    let work = folder.join(WORK);
    match fs::metadata(&work) {
        Ok(inner) if inner.dev() != data.dev() => {
            let found = format!("{WORK}/ in it is on another file system: files cannot be moved there");
            return failed(&found, format!("findmnt -T {}", work.display()));
        }
        Ok(_) if nix::unistd::access(&work, nix::unistd::AccessFlags::W_OK).is_err() => {
            return failed(&format!("{WORK}/ in it cannot be written"), format!("ls -ld {}", work.display()));
        }
        _ => {}
    }
    match network_file_system(folder) {
        Some(kind) => {
            let found = format!("it is there and can be written, on {kind}: no events come, it is looked at every 2 s");
            told(Health::Ok, &found, None)
        }
        None => told(Health::Ok, "it is there and can be written", None),
    }
}

/// What stands in the database: stages that cannot work, documents set aside, workers that are missing.
pub(super) fn documents(store: &mut Store) -> Vec<Finding> {
    read(store).unwrap_or_else(|error| vec![finding("pipelines", Health::Warning, error.to_string(), None)])
}

fn read(store: &mut Store) -> Result<Vec<Finding>> {
    let pipelines: Vec<_> = store.apps().all()?.into_iter().filter(|app| app.is_pipeline()).collect();
    if pipelines.is_empty() {
        return Ok(Vec::new());
    }
    let now = store.now()?;
    let (blocks, folders) = (store.tasks().blocks(None)?, store.tasks().folders(None)?);
    let workers = store.tasks().workers(None)?;
    let mut findings = Vec::new();
    let mut warn = |found: String, mend: String| findings.push(finding("pipeline", Health::Warning, found, Some(mend)));
    for app in &pipelines {
        let name = &app.name;
        let ledger = store.tasks().ledger(app.id)?;
        if !ledger.is_balanced() {
            warn(format!("{name}: its ledger is not balanced"), format!("dc tasks {name}"));
        }
        for block in blocks.iter().filter(|block| block.app_id == app.id) {
            let (stage, since) = (&block.stage, clock::local(block.since));
            warn(format!("{name}: {stage} cannot work since {since}: {}", block.reason), format!("dc tasks {name}"));
        }
        let quarantined = of(&ledger, TaskState::Quarantined);
        if quarantined > 0 {
            let mend = format!("dc tasks {name} --state quarantined");
            warn(format!("{name}: documents that are quarantined: {quarantined}"), mend);
        }
        let here = folders.iter().filter(|row| row.app_id == app.id && row.host == host());
        for (row, error) in here.filter_map(|row| Some((row, row.error.as_ref()?))) {
            warn(format!("{name}: {} could not be looked at: {error}", row.folder), format!("ls -ld {}", row.folder));
        }
        let open = of(&ledger, TaskState::Waiting) + of(&ledger, TaskState::Running);
        let works = workers.iter().any(|worker| worker.app_id == app.id && is_at_work(worker, now));
        if open > 0 && !works && !app.disable {
            let mend = format!("dc manager start, or dc run {name}");
            warn(format!("{name}: no worker works, and documents wait: {open}"), mend);
        }
    }
    if findings.is_empty() {
        let works = workers.iter().filter(|worker| is_at_work(worker, now)).count();
        let found = format!("{} registered, {works} workers, no stage blocked, nothing quarantined", pipelines.len());
        findings.push(finding("pipelines", Health::Ok, found, None));
    }
    Ok(findings)
}

fn of(ledger: &Ledger, state: TaskState) -> i64 {
    ledger.states.get(state.name()).copied().unwrap_or_default()
}
