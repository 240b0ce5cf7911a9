//! `dc manager start`

use std::time::{Duration, Instant};

use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops::{self, Board, ManageOptions, ManagerState};
use data_collector::shell::{Screen, Shell};
use data_collector::web::{self, Pulse};

use crate::secrets::PasswordArgs;

/// How often the table is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(500);
/// How many lines of its own the page shows besides the log.
const SAID_MAX: usize = 50;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Make one pass over what is due, and end
    #[arg(long)]
    once: bool,
    /// At the end the apps of this machine are ended too
    #[arg(long)]
    stop_apps: bool,
    /// Serve /metrics, /health and /live: at a port of this machine, or at ADDRESS:PORT
    #[arg(long, value_name = "PLACE")]
    listen: Option<String>,
    #[command(flatten)]
    pub(super) password: PasswordArgs,
}

pub(super) fn run(context: &Context, args: Args) -> Result<()> {
    let Args { once, stop_apps, listen, .. } = args;
    let shell = context.shell();
    let screen = if once || shell.is_json() || shell.is_quiet() { None } else { Screen::open() };
    let mut drawn: Option<Instant> = None;
    let pulse = Pulse::default();
    if let Some(place) = listen {
        web::serve(context, &place, &pulse)?;
    }
    let options = ManageOptions { once, stop_apps };
    let report = ops::manage(context, &options, |manager| {
        let state = manager.state().clone();
        pulse.note(&state);
        let Some(screen) = &screen else {
            tell(shell, &state);
            return Ok(());
        };
        for line in &state.events {
            Screen::say(line);
        }
        if drawn.is_none_or(|drawn| drawn.elapsed() >= DRAW_EVERY) && state.away.is_none() {
            drawn = Some(Instant::now());
            let (rows, columns) = screen.size();
            screen.draw(&Board::read(manager.store())?.page(rows, columns, &Screen::said(SAID_MAX)));
        }
        Ok(())
    });
    drop(screen);
    shell.print(&report?)
}

/// Off a terminal each event is a line.
fn tell(shell: &Shell, state: &ManagerState) {
    if !shell.is_json() {
        state.events.iter().for_each(|line| shell.note(line));
    }
}
