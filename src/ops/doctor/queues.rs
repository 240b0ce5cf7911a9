//! The queues of Dramatiq: dead letters, and messages that nobody takes.

use super::super::diagnosis::{Finding, Health};
use super::super::queues::{askers, known_queues};
use super::finding;
use crate::context::Context;
use crate::dramatiq::{QueueDepth, depths};
use crate::error::Result;
use crate::tables::Store;

/// What is well with queues and what is not. Whether the broker answers is a finding of its own.
pub(super) fn queues(context: &Context, store: &mut Store) -> Vec<Finding> {
    read(context, store).unwrap_or_else(|error| vec![finding("queues", Health::Warning, error.to_string(), None)])
}

fn read(context: &Context, store: &mut Store) -> Result<Vec<Finding>> {
    let (known, askers) = (known_queues(store)?, askers(store)?);
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let depths = match depths(context, &known) {
        Ok(Some(depths)) => depths,
        Ok(None) => return Ok(askers.first().map(|(app, _)| no_broker(app)).into_iter().collect()),
        Err(_) => return Ok(Vec::new()),
    };
    let of = |queue: &str| askers.iter().filter(|(_, asked)| asked == queue).map(|(app, _)| app.as_str()).collect();
    let faults: Vec<Finding> = depths.iter().flat_map(|depth| faults(depth, of(&depth.queue))).collect();
    if !faults.is_empty() {
        return Ok(faults);
    }
    let waiting: u64 = depths.iter().map(|depth| depth.waiting + depth.delayed).sum();
    let found = format!("{} known, {waiting} messages waiting, no dead letters", depths.len());
    Ok(vec![finding("queues", Health::Ok, found, None)])
}

/// What is wrong with a queue, which the stages of these pipelines send to. They wait for answers, so its worker has to be
/// there before messages are.
fn faults(depth: &QueueDepth, askers: Vec<&str>) -> Vec<Finding> {
    let QueueDepth { queue, waiting, dead, consumers, .. } = depth;
    let warn = |found: String, mend: String| finding("queue", Health::Warning, found, Some(mend));
    let mut faults = Vec::new();
    if (*waiting > 0 || !askers.is_empty()) && *consumers == 0 {
        let asked = if askers.is_empty() { String::new() } else { format!(" (asked by {})", askers.join(", ")) };
        let found = format!("{queue}{asked}: no consumer, {waiting} messages waiting");
        let mend =
            format!("start a worker for it: `dramatiq MODULE`, or an app with [dramatiq] queues = [\"{queue}\"]");
        faults.push(warn(found, mend));
    }
    if *dead > 0 {
        let found = format!("{queue}: {dead} dead letters");
        faults.push(warn(found, format!("dc tasks --dead {queue}; --resend sends them again")));
    }
    faults
}

fn no_broker(app: &str) -> Finding {
    let mend = "[broker] url = \"amqp://..\" in dc.toml, or DC_BROKER_URL".to_owned();
    finding(
        "queues",
        Health::Failed,
        format!("{app} has a stage with an actor, and no broker is configured"),
        Some(mend),
    )
}
