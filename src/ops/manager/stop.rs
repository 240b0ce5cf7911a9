//! `dc manager stop`: asks managers to end, and waits until they have.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::host;
use crate::manager::living;
use crate::tables::{StopWish, Store};

/// How often it is looked whether they have ended.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What `dc manager stop` is asked for.
#[derive(Debug, Clone)]
pub struct StopManagersOptions {
    /// The managers of all machines, not only of this one.
    pub everywhere: bool,
    /// The apps end too.
    pub stop_apps: bool,
    /// How long they are waited for.
    pub wait: Duration,
}

/// Which managers ended.
#[derive(Debug, Clone, Serialize)]
pub struct StopManagersReport {
    /// Their identities.
    pub ended: Vec<String>,
}

impl fmt::Display for StopManagersReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ended.len() {
            0 => write!(formatter, "no manager worked"),
            1 => write!(formatter, "the manager has ended"),
            count => write!(formatter, "{count} managers have ended"),
        }
    }
}

/// Asks the managers to end.
///
/// # Errors
/// Timeout, when one does not end; what the database says.
pub fn stop_managers(context: &Context, options: &StopManagersOptions) -> Result<StopManagersReport> {
    let mut store = Store::ready(context)?;
    let host = host();
    let wish = if options.stop_apps { StopWish::StopApps } else { StopWish::Stop };
    let managers = living(&mut store)?;
    let asked = managers.iter().filter(|manager| options.everywhere || manager.host == host);
    let asked: Vec<String> = asked.map(|manager| manager.id.clone()).collect();
    asked.iter().try_for_each(|id| store.managers().ask_to_stop(id, wish))?;
    let began = Instant::now();
    loop {
        context.cancellation().check()?;
        let left = living(&mut store)?;
        let left: Vec<&String> = left.iter().map(|manager| &manager.id).filter(|id| asked.contains(id)).collect();
        if left.is_empty() {
            return Ok(StopManagersReport { ended: asked });
        }
        if began.elapsed() > options.wait {
            let message = format!("see all managers end: {} still work", left.len());
            return Err(Error::new(ErrorKind::Timeout, message).hint("`dc manager status` shows them"));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
