//! `dc manager start`

use data_collector::board::Beside;
use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops::{self, ManageOptions, ManagerState};
use data_collector::shell::{Screen, Shell};
use data_collector::web::{self, Pulse};

use crate::secrets::PasswordArgs;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Make one pass over what is due, then exit
    #[arg(long)]
    once: bool,
    /// At the end, stop the apps of this machine, too
    #[arg(long)]
    stop_apps: bool,
    /// Serve the dashboard and /metrics on a local port, or on ADDRESS:PORT
    #[arg(long, value_name = "PLACE")]
    listen: Option<String>,
    #[command(flatten)]
    pub(super) password: PasswordArgs,
}

pub(super) fn run(context: &Context, args: Args) -> Result<()> {
    let Args { once, stop_apps, listen, .. } = args;
    let shell = context.shell();
    let pulse = Pulse::default();
    if let Some(place) = listen {
        let address = web::serve(context, &place, Some(&pulse))?;
        shell.note(&format!("the dashboard is at {address}"));
    }
    let options = ManageOptions { once, stop_apps };
    // opened when the manager works: what hinders it, or a question for its password, has the terminal for itself
    let (mut beside, mut is_asked) = (None, once);
    let report = ops::manage(context, &options, |manager| {
        if !std::mem::replace(&mut is_asked, true) {
            beside = Beside::start(context)?;
        }
        let state = manager.state();
        pulse.note(state);
        tell(shell, state);
        Ok(())
    });
    drop(beside);
    shell.print(&report?)
}

/// Each event is a line: on the board where there is one.
fn tell(shell: &Shell, state: &ManagerState) {
    if !shell.is_json() {
        state.events.iter().filter(|line| !Screen::say(line)).for_each(|line| shell.note(line));
    }
}
