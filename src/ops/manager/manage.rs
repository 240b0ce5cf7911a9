//! `dc manager start`: keeps the schedules until it is told to stop.

use std::fmt;

use serde::Serialize;

use crate::apps::is_first_process;
use crate::context::Context;
use crate::error::Result;
use crate::manager::Manager;
use crate::notify::{Couriers, Heartbeat, deliver_once};
use crate::tables::StopWish;

/// What `dc manager start` is asked for.
#[derive(Debug, Clone, Default)]
pub struct ManageOptions {
    /// One pass, and the end.
    pub once: bool,
    /// The apps of this machine end with the manager.
    pub stop_apps: bool,
}

/// What a manager did.
#[derive(Debug, Clone, Serialize)]
pub struct ManageReport {
    /// Its identity.
    pub manager: String,
    /// Occurrences that it started.
    pub started: u64,
    /// Occurrences that it decided otherwise.
    pub settled: u64,
    /// Whether apps end with it.
    pub along: bool,
    /// Apps that it took along.
    pub ended_apps: usize,
}

impl fmt::Display for ManageReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { started, settled, along, ended_apps, .. } = self;
        write!(formatter, "the manager has ended: {started} started, {settled} decided otherwise")?;
        match (along, ended_apps) {
            (false, _) => write!(formatter, "; apps that run go on"),
            (true, 1) => write!(formatter, "; 1 app was ended"),
            (true, count) => write!(formatter, "; {count} apps were ended"),
        }
    }
}

/// Works until it is told to stop. `each` is called after every pass, for whoever watches.
///
/// # Errors
/// What the database says, unless it is only away; what `each` says.
pub fn manage(
    context: &Context,
    options: &ManageOptions,
    mut each: impl FnMut(&mut Manager) -> Result<()>,
) -> Result<ManageReport> {
    let mut manager = Manager::start(context)?;
    let _links = manager.link()?;
    let couriers = if options.once { None } else { Some(Couriers::start(context, manager.id())?) };
    let heartbeat = if options.once { None } else { Heartbeat::start(context)? };
    let wish = loop {
        let pause = manager.pass()?;
        if let Some(heartbeat) = heartbeat.as_ref().filter(|_| manager.state().away.is_none()) {
            heartbeat.note();
        }
        each(&mut manager)?;
        match manager.wish() {
            StopWish::None if options.once => {
                deliver_once(context, manager.id())?;
                break StopWish::Stop;
            }
            StopWish::None => manager.sleep(pause),
            wish => break wish,
        }
    };
    drop(heartbeat);
    drop(couriers);
    let state = manager.state().clone();
    // the kernel kills whatever is in a container when its process 1 ends; so the apps are asked before
    let along = options.stop_apps || wish == StopWish::StopApps || (is_first_process() && !options.once);
    let ended_apps = manager.end(along)?;
    Ok(ManageReport { manager: state.id, started: state.started, settled: state.settled, along, ended_apps })
}
