//! The figures of the broker's queues.

use super::exposition::Exposition;
use crate::broker;
use crate::context::Context;
use crate::dramatiq::depths;
use crate::error::Result;
use crate::ops::known_queues;
use crate::tables::Store;

/// The figures as text; empty where no broker is configured.
///
/// # Errors
/// Settings; what the database says. A broker that is unreachable is a figure.
pub(super) fn queues(context: &Context) -> Result<String> {
    if !broker::is_configured(context)? {
        return Ok(String::new());
    }
    let known = known_queues(&mut Store::ready(context)?)?;
    let found = depths(context, &known);
    let mut out = Exposition::default();
    out.one("dc_broker_up", "gauge", "Whether the broker answers.", f64::from(u8::from(found.is_ok())));
    let depths = found.inspect_err(|error| log::debug!("no figures of queues: {error}")).ok().flatten();
    let depths = depths.unwrap_or_default();
    out.labelled(
        ("dc_queue_messages", "gauge", "Messages in a queue of Dramatiq: waiting, delayed, dead letters."),
        &["queue", "kind"],
        depths.iter().flat_map(|depth| {
            [("waiting", depth.waiting), ("delayed", depth.delayed), ("dead", depth.dead)]
                .map(|(kind, count)| (vec![depth.queue.clone(), kind.to_owned()], count as f64))
        }),
    );
    let consumers = depths.iter().map(|depth| (depth.queue.clone(), depth.consumers as f64));
    out.each(("dc_queue_consumers", "gauge", "Consumers of a queue of Dramatiq."), "queue", consumers);
    Ok(out.into_text())
}
