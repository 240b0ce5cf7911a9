//! The runs that go on: ended when somebody wants it, and closed when their `dc run` is gone.

use std::collections::BTreeMap;
use std::thread::JoinHandle;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::apps::{AppDefinition, ProcessIdentity, end_survivors};
use crate::context::Context;
use crate::error::Result;
use crate::ident::RuntimeId;
use crate::tables::{RunEnd, RunRow, Store};

/// The runs of this machine that are being closed: each on a thread, since ending what is left takes its grace.
#[derive(Default)]
pub(super) struct Orphans(BTreeMap<String, JoinHandle<()>>);

impl Orphans {
    /// Closes the open runs of this machine whose `dc run` is gone: what is left of the app is ended, and the run is
    /// recorded as ORPHAN_PID. Silence is no sign: only a process that is not there.
    pub(super) fn look(&mut self, context: &Context, open: &[RunRow], host: &str) {
        self.0.retain(|_, closing| !closing.is_finished());
        for run in open.iter().filter(|run| run.host == host && is_gone(run)) {
            if self.0.contains_key(&run.runtime) {
                continue;
            }
            let (context, run) = (context.clone(), run.clone());
            let name = run.runtime.clone();
            let thread = std::thread::Builder::new().name("orphan".to_owned());
            match thread.spawn(move || close(&context, &run)) {
                Ok(closing) => drop(self.0.insert(name, closing)),
                Err(error) => log::error!("an orphan is left for the next look: {error}"),
            }
        }
    }

    /// How many are being closed.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Whether the `dc run` that supervised it surely no longer lives.
fn is_gone(run: &RunRow) -> bool {
    identity(run).is_some_and(|identity| !identity.is_alive())
}

fn identity(run: &RunRow) -> Option<ProcessIdentity> {
    Some(ProcessIdentity {
        boot: run.boot_id.clone()?,
        pid: i32::try_from(run.pid?).ok()?,
        start_ticks: u64::try_from(run.pid_started?).ok()?,
    })
}

fn close(context: &Context, run: &RunRow) {
    if let Err(error) = try_close(context, run) {
        log::error!("run {} of {} was left behind and cannot be closed: {error}", run.runtime, run.app);
    }
}

fn try_close(context: &Context, run: &RunRow) -> Result<()> {
    let mut store = Store::ready(context)?;
    let definition = store.apps().by_id(run.app_id)?.and_then(|app| AppDefinition::from_json(&app.definition).ok());
    let grace = definition.and_then(|definition| definition.grace).unwrap_or(context.settings().run.grace);
    let ended = end_survivors(&run.runtime, grace)?;
    let runtime: RuntimeId = run.runtime.parse()?;
    if store.runs().end(&runtime, &RunEnd::orphan(run))? {
        log::warn!("the `dc run` of {} was gone; {ended} processes of run {runtime} were ended", run.app);
    }
    Ok(())
}

/// Asks a run to end, by a signal to its `dc run`; false when that runs elsewhere, or is gone.
pub(super) fn ask_to_end(run: &RunRow, host: &str) -> bool {
    let Some(identity) = identity(run).filter(|identity| run.host == host && identity.is_alive()) else { return false };
    kill(Pid::from_raw(identity.pid), Signal::SIGTERM).is_ok()
}
