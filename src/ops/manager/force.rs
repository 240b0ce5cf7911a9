//! `dc manager send stop APP --force`: an operator's way out, where nobody can end a run: its machine is gone, or no manager
//! sees it. The run is closed here and now, and what may still live of it is told.

use crate::context::Context;
use crate::error::Result;
use crate::manager::{Owner, close_gone, whereabouts};
use crate::tables::{CommandFlag, CommandRow, Ending, RunEnd, RunOutcome, RunRow, Store};

/// Carries a forced stop out, and writes down what came of it.
///
/// # Errors
/// What the database says; busy, when what is left of the run on this machine cannot be ended.
pub(super) fn force_stop(context: &Context, store: &mut Store, command: &CommandRow) -> Result<()> {
    let open = store.runs().open()?.into_iter().find(|run| run.app_id == command.app_id);
    let (flag, words) = match open {
        None => (CommandFlag::Refused, "it does not run".to_owned()),
        Some(run) => (CommandFlag::Done, close(context, store, &run, &command.by)?),
    };
    store.commands().finish(command, flag, &words).map(drop)
}

/// Closes a run, whoever owns it. An owner that is still there finds it closed, and stops its app.
fn close(context: &Context, store: &mut Store, run: &RunRow, by: &str) -> Result<String> {
    let now = store.now()?;
    let owner = Owner::of_run(run, now);
    if owner == Owner::Gone {
        let count = close_gone(context, store, run, context.settings().run.grace)?;
        return Ok(format!(
            "run {} was closed; its `dc run` was gone, and {count} of its processes were ended",
            run.runtime
        ));
    }
    let reason = format!("{by} closed it by force");
    let guess = RunEnd::guess(run, now, RunOutcome::Stopped, reason);
    if store.runs().end(&run.runtime.parse()?, &guess)? != Ending::Closed {
        return Ok(format!("run {} has ended by itself", run.runtime));
    }
    let seconds = context.settings().run.lease.as_secs() / 3;
    let what_next = match owner {
        Owner::Alive => format!("it sees that within {seconds} s and stops its app"),
        _ => "if it does, it stops its app when it next reaches the database".to_owned(),
    };
    Ok(format!("run {} was closed; {}: {what_next}", run.runtime, whereabouts(run)))
}
