//! The figures of pipelines: how many documents are where, how old they are, and what holds them up.

use std::collections::BTreeMap;

use super::exposition::Exposition;
use crate::apps::AppDefinition;
use crate::error::Result;
use crate::ops::is_at_work;
use crate::tables::{AppRow, Store, TaskState};

/// The stages of each pipeline.
type Stages = BTreeMap<i64, (String, Vec<String>)>;

/// Adds them: a query for each table, however many pipelines there are.
///
/// # Errors
/// What the database says.
pub(super) fn documents(store: &mut Store, apps: &[AppRow], out: &mut Exposition) -> Result<()> {
    let stages: Stages = apps.iter().filter(|app| app.is_pipeline()).filter_map(stages).collect();
    if stages.is_empty() {
        return Ok(());
    }
    let now = store.now()?;
    let name = |app_id: i64| stages.get(&app_id).map(|(name, _)| name.clone());
    let each = stages.values().flat_map(|(name, stages)| stages.iter().map(move |stage| (name.clone(), stage.clone())));
    let places: Vec<(String, String)> = each.collect();
    // what is not there is 0, so that an alarm can be told from a pipeline that is gone
    let states = places.iter().flat_map(|(name, stage)| {
        TaskState::ALL.map(|state| ((name.clone(), stage.clone(), state.name()), 0.0)).into_iter()
    });
    let mut tasks: BTreeMap<(String, String, &str), f64> = states.collect();
    for count in store.tasks().counts(None)? {
        if let Some(name) = name(count.app_id) {
            tasks.insert((name, count.stage, count.state.name()), count.count as f64);
        }
    }
    out.labelled(
        ("dc_pipeline_tasks", "gauge", "Documents of a pipeline by stage and state."),
        &["pipeline", "stage", "state"],
        tasks.into_iter().map(|((name, stage, state), count)| (vec![name, stage, state.to_owned()], count)),
    );
    let zero = || places.iter().cloned().map(|place| (place, 0.0)).collect::<BTreeMap<(String, String), f64>>();
    let mut oldest = zero();
    for row in store.tasks().oldest(None)? {
        let seconds = (now - row.since).as_seconds_f64().max(0.0);
        oldest.extend(name(row.app_id).map(|name| ((name, row.stage), seconds)));
    }
    by_stage(out, ("dc_pipeline_oldest_seconds", "How long the oldest document waits for a stage."), oldest);
    let mut blocked = zero();
    for row in store.tasks().blocks(None)? {
        blocked.extend(name(row.app_id).map(|name| ((name, row.stage), 1.0)));
    }
    by_stage(out, ("dc_pipeline_blocked", "Whether a stage cannot work, since what it needs is unreachable."), blocked);
    let mut waiting: BTreeMap<(String, String), f64> = BTreeMap::new();
    for row in store.tasks().folders(None)? {
        let Some(name) = name(row.app_id) else { continue };
        // machines that watch one folder see the same files
        let count = waiting.entry((name, row.folder)).or_default();
        *count = count.max(row.waiting_count as f64);
    }
    out.labelled(
        ("dc_pipeline_files_waiting", "gauge", "Files in a watched folder that are not complete."),
        &["pipeline", "folder"],
        waiting.into_iter().map(|((name, folder), count)| (vec![name, folder], count)),
    );
    let mut workers: BTreeMap<String, f64> = stages.values().map(|(name, _)| (name.clone(), 0.0)).collect();
    for worker in store.tasks().workers(None)?.iter().filter(|worker| is_at_work(worker, now)) {
        if let Some(name) = name(worker.app_id) {
            *workers.entry(name).or_default() += 1.0;
        }
    }
    out.each(("dc_pipeline_workers", "gauge", "Workers of a pipeline, on all machines."), "pipeline", workers);
    Ok(())
}

fn by_stage(out: &mut Exposition, (name, help): (&str, &str), values: BTreeMap<(String, String), f64>) {
    let values = values.into_iter().map(|((name, stage), value)| (vec![name, stage], value));
    out.labelled((name, "gauge", help), &["pipeline", "stage"], values);
}

fn stages(app: &AppRow) -> Option<(i64, (String, Vec<String>))> {
    let definition = AppDefinition::from_json(&app.definition).ok()?.pipeline?;
    let stages = definition.stages.into_iter().map(|stage| stage.name).collect();
    Some((app.id, (app.name.to_string(), stages)))
}
