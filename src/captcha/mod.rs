//! Captchas, solved by a service: behind the trait [`Solver`], so that another service is a file and a line.

mod anticaptcha;
mod challenge;
mod costs;
mod failure;
mod solver;
mod task;

pub use challenge::{Challenge, ImageRules, Visitor, VisitorProxy};
pub use costs::{Costs, report};
pub use solver::{Entry, Solution, Solver};

use std::sync::{LazyLock, Mutex, PoisonError};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};

/// The services that come along.
pub const SOLVERS: &[Entry] = &[anticaptcha::ENTRY];

static MORE: LazyLock<Mutex<Vec<Entry>>> = LazyLock::new(Mutex::default);

/// Adds a service, for a program that embeds the library.
pub fn append_solver(entry: Entry) {
    MORE.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
}

/// The service that `[captcha]` names; AntiCaptcha where it names none.
///
/// # Errors
/// Settings, for one that is not known or lacks its key.
pub fn open_solver(context: &Context) -> Result<Box<dyn Solver>> {
    let section = context.settings().section("captcha");
    let name = section.text("solver")?.unwrap_or_else(|| SOLVERS[0].name.to_owned());
    let more = MORE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let all: Vec<Entry> = SOLVERS.iter().copied().chain(more).collect();
    match all.iter().find(|entry| entry.name == name) {
        Some(entry) => (entry.open)(context, section),
        None => {
            let known: Vec<&str> = all.iter().map(|entry| entry.name).collect();
            Err(Error::new(ErrorKind::Settings, format!("solve captchas: there is no solver `{name}`"))
                .hint(format!("known: {}", known.join(", "))))
        }
    }
}
