//! The queues of Dramatiq: dead letters, and messages that nobody takes.

use super::super::diagnosis::{Finding, Health};
use super::super::queues::known_queues;
use super::{finding, told};
use crate::context::Context;
use crate::dramatiq::{QueueDepth, depths};
use crate::tables::Store;

/// What is well with queues and what is not. Whether the broker answers is a finding of its own.
pub(super) fn queues(context: &Context, store: &mut Store) -> Vec<Finding> {
    let known = match known_queues(store) {
        Ok(known) if known.is_empty() => return Vec::new(),
        Ok(known) => known,
        Err(error) => return vec![finding("queues", Health::Warning, told(&error), None)],
    };
    let Ok(Some(depths)) = depths(context, &known) else { return Vec::new() };
    let faults: Vec<Finding> = depths.iter().flat_map(faults).collect();
    if !faults.is_empty() {
        return faults;
    }
    let waiting: u64 = depths.iter().map(|depth| depth.waiting + depth.delayed).sum();
    let found = format!("{} known, {waiting} messages waiting, no dead letters", depths.len());
    vec![finding("queues", Health::Ok, found, None)]
}

fn faults(depth: &QueueDepth) -> Vec<Finding> {
    let QueueDepth { queue, waiting, dead, consumers, .. } = depth;
    let warn = |found: String, mend: String| finding("queue", Health::Warning, found, Some(mend));
    let mut faults = Vec::new();
    if *waiting > 0 && *consumers == 0 {
        let found = format!("{queue}: no consumer, {waiting} messages waiting");
        faults.push(warn(found, format!("start a worker for it: an app with [dramatiq] queues = [\"{queue}\"]")));
    }
    if *dead > 0 {
        let found = format!("{queue}: {dead} dead letters");
        faults.push(warn(found, format!("dc tasks --dead {queue}; --resend sends them again")));
    }
    faults
}
