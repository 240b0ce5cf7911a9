//! `dc manager pause` and `resume`: nothing more is started, as for an upgrade; what runs goes on to its end.

use std::fmt;

use serde::Serialize;

use crate::context::Context;
use crate::error::Result;
use crate::tables::{Pause, Store};

/// How the house stands.
#[derive(Debug, Clone, Serialize)]
pub struct PauseReport {
    /// The pause, if there is one.
    pub pause: Option<Pause>,
    /// Whether this command changed it.
    pub is_new: bool,
    /// How many apps run.
    pub running: usize,
}

impl fmt::Display for PauseReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = match self.running {
            0 => "nothing runs".to_owned(),
            1 => "1 app runs on".to_owned(),
            count => format!("{count} apps run on"),
        };
        match (&self.pause, self.is_new) {
            (Some(pause), true) => write!(formatter, "{}; {running}", pause.words()),
            (Some(pause), false) => write!(formatter, "it was paused before: {}; {running}", pause.words()),
            (None, true) => formatter.write_str("managers start apps again"),
            (None, false) => formatter.write_str("nothing was paused"),
        }
    }
}

/// Pauses everything: managers start nothing, whatever is due or sent.
///
/// # Errors
/// What the database says.
pub fn pause(context: &Context, reason: Option<&str>) -> Result<PauseReport> {
    let mut store = Store::ready(context)?;
    let is_new = store.pauses().begin(&context.settings().user, reason)?;
    report(&mut store, is_new)
}

/// Ends the pause: what was due meanwhile is made up for as `catch_up` says.
///
/// # Errors
/// What the database says.
pub fn resume(context: &Context) -> Result<PauseReport> {
    let mut store = Store::ready(context)?;
    let is_new = store.pauses().end()?;
    report(&mut store, is_new)
}

fn report(store: &mut Store, is_new: bool) -> Result<PauseReport> {
    Ok(PauseReport { pause: store.pauses().current()?, is_new, running: store.runs().open()?.len() })
}
