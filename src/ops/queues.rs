//! The queues of Dramatiq that this house has to do with.

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

/// The queues of an app.
pub(super) fn of(definition: &AppDefinition) -> Vec<String> {
    let own = definition.dramatiq.iter().flat_map(|section| section.queues.iter().map(String::as_str));
    let asked = definition.pipeline.iter().flat_map(PipelineDefinition::queues);
    own.chain(asked).map(str::to_owned).collect()
}
