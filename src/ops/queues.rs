//! The queues of Dramatiq that this house has to do with.

use std::collections::BTreeSet;

use crate::apps::{AppDefinition, PipelineDefinition};
use crate::error::Result;
use crate::tables::Store;

/// The queues from which workers took messages, those of registered apps, and those that stages send to; each once.
///
/// # Errors
/// When the database cannot be read.
pub fn known_queues(store: &mut Store) -> Result<Vec<String>> {
    let mut queues = store.actor_workers().queues()?;
    for app in store.apps().all()? {
        queues.extend(AppDefinition::from_json(&app.definition).map(|definition| of(&definition)).unwrap_or_default());
    }
    queues.sort();
    queues.dedup();
    Ok(queues)
}

/// The pipelines whose stages send to queues: each with a queue.
///
/// # Errors
/// When the database cannot be read.
pub(super) fn askers(store: &mut Store) -> Result<Vec<(String, String)>> {
    let mut askers = Vec::new();
    for app in store.apps().all()?.into_iter().filter(|app| app.is_pipeline()) {
        // a definition that cannot be read asks nobody
        let definition = AppDefinition::from_json(&app.definition).ok().and_then(|definition| definition.pipeline);
        let queues: BTreeSet<&str> = definition.iter().flat_map(PipelineDefinition::queues).collect();
        askers.extend(queues.into_iter().map(|queue| (app.name.to_string(), queue.to_owned())));
    }
    Ok(askers)
}

/// The queues of an app.
pub(super) fn of(definition: &AppDefinition) -> Vec<String> {
    let own = definition.dramatiq.iter().flat_map(|section| section.queues.iter().map(String::as_str));
    let asked = definition.pipeline.iter().flat_map(PipelineDefinition::queues);
    own.chain(asked).map(str::to_owned).collect()
}
