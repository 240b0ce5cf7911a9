//! Whether somebody works for the queues that actors of pipelines are asked through.

use super::super::diagnosis::{Finding, Health};
use super::finding;
use crate::apps::{FoundApp, PipelineDefinition, look_for_apps};
use crate::broker::{self, Broker};
use crate::context::Context;
use crate::error::Result;

/// A finding for each queue that nobody works for; one that all is well, where there are queues.
pub(super) fn actors(context: &Context) -> Vec<Finding> {
    // what cannot be read has a finding of its own
    let Ok((apps, _)) = look_for_apps(&context.settings().project.apps()) else { return Vec::new() };
    let queues: Vec<(&FoundApp, &str)> = apps.iter().flat_map(of_app).collect();
    if queues.is_empty() {
        return Vec::new();
    }
    match broker::connect(context) {
        Ok(Some(mut broker)) => look(broker.as_mut(), &queues)
            .unwrap_or_else(|error| vec![finding("actors", Health::Warning, error.to_string(), None)]),
        Ok(None) => {
            let found = format!("{} asks actors, and no broker is configured", queues[0].0.name);
            let mend = "[broker] url = \"amqp://..\" in dc.toml, or DC_BROKER_URL".to_owned();
            vec![finding("actors", Health::Failed, found, Some(mend))]
        }
        // the broker has a finding of its own
        Err(_) => Vec::new(),
    }
}

fn of_app(app: &FoundApp) -> impl Iterator<Item = (&FoundApp, &str)> {
    app.definition.pipeline.iter().flat_map(PipelineDefinition::queues).map(move |queue| (app, queue))
}

fn look(broker: &mut dyn Broker, queues: &[(&FoundApp, &str)]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (app, queue) in queues {
        let depth = broker.depths(&[(*queue).to_owned()])?.into_iter().flatten().next();
        if depth.is_none_or(|depth| depth.consumers == 0) {
            let waiting = depth.map_or(0, |depth| depth.messages);
            let found = format!("{}: nobody works for the queue `{queue}`, {waiting} messages wait there", app.name);
            let mend = "start its worker: dramatiq MODULE, or dc run APP with [dramatiq] queues".to_owned();
            findings.push(finding("actors", Health::Warning, found, Some(mend)));
        }
    }
    if findings.is_empty() {
        let found = format!("{} queues of pipelines, each with a worker", queues.len());
        findings.push(finding("actors", Health::Ok, found, None));
    }
    Ok(findings)
}
