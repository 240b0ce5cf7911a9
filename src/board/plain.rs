//! The board where there is no terminal: printed each second, one after the other.

use std::time::Duration;

use crate::context::Context;
use crate::error::Result;
use crate::ops::Watcher;

/// How often it is printed.
const PRINT_EVERY: Duration = Duration::from_secs(1);

/// Prints the board until somebody interrupts it. While the database is away it waits, and says so once.
///
/// # Errors
/// What the database says, unless it is only away; a reader that has gone.
pub(super) fn print(context: &Context) -> Result<()> {
    let mut watcher = Watcher::new(context);
    let mut is_away = false;
    while !context.cancellation().is_cancelled() {
        match watcher.read(None) {
            Ok(glance) => {
                is_away = false;
                context.shell().print(&glance.board)?;
            }
            Err(error) if error.is_temporary() => {
                if !is_away {
                    context.shell().note(&format!("waiting: {error}"));
                }
                is_away = true;
            }
            Err(error) => return Err(error),
        }
        std::thread::sleep(PRINT_EVERY);
    }
    Ok(())
}
