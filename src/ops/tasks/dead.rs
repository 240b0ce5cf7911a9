//! `dc tasks --dead`: the dead letters of plain queues of Dramatiq.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::super::queues::{known_queues, of as queues_of};
use crate::apps::look_for_apps;
use crate::context::Context;
use crate::dramatiq::{DEAD_MAX, DeadLetter, Resent, dead, resend};
use crate::error::{Error, ErrorKind, Result};
use crate::shell;
use crate::tables::Store;

/// What `dc tasks --dead` is asked for.
#[derive(Debug, Clone, Default)]
pub struct DeadOptions {
    /// The queues; where there are none, those that workers of this house and apps work for.
    pub queues: Vec<String>,
    /// Which are sent again; `None` shows all.
    pub resend: Option<Vec<String>>,
    /// Whether all are sent again.
    pub all: bool,
}

/// Dead letters that are shown, or were sent again.
#[derive(Debug, Serialize)]
pub struct DeadReport {
    /// Those that are there, where none is sent again.
    pub dead: Vec<DeadLetter>,
    /// The identities of those that were sent again.
    pub resent: Option<Vec<String>>,
    /// The queues that were looked at.
    pub queues: Vec<String>,
}

/// Shows dead letters, or sends them again.
///
/// # Errors
/// Usage, where no queue is known; not found, when one that is to be sent again is not there; what the broker says.
pub fn dead_letters(context: &Context, options: &DeadOptions) -> Result<DeadReport> {
    let queues = match options.queues.is_empty() {
        true => known(context)?,
        false => options.queues.clone(),
    };
    let which = match (&options.resend, options.all) {
        (_, true) => Some(Resent::All),
        (Some(ids), false) => Some(Resent::Ids(ids.clone())),
        (None, false) => None,
    };
    match which {
        None => Ok(DeadReport { dead: dead(context, &queues)?, resent: None, queues }),
        Some(which) => {
            let resent = Some(resend(context, &queues, &which)?);
            Ok(DeadReport { dead: Vec::new(), resent, queues })
        }
    }
}

/// The queues that the database knows, and those of apps that are not registered yet.
fn known(context: &Context) -> Result<Vec<String>> {
    let mut queues = known_queues(&mut Store::ready(context)?)?;
    let (apps, _) = look_for_apps(&context.settings().project.apps())?;
    queues.extend(apps.iter().flat_map(|app| queues_of(&app.definition)));
    queues.sort();
    queues.dedup();
    match queues.is_empty() {
        true => Err(Error::new(ErrorKind::Usage, "look at dead letters: no worker of this project knows a queue")
            .hint("name the queues: `dc tasks --dead default`")),
        false => Ok(queues),
    }
}

impl fmt::Display for DeadReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(resent) = &self.resent {
            return write!(formatter, "{} dead letters were sent again", resent.len());
        }
        if self.dead.is_empty() {
            return write!(formatter, "no dead letters in {}", self.queues.join(", "));
        }
        let mut table = shell::table(["message", "actor", "queue", "retries", "age", "reason"]);
        for letter in &self.dead {
            table.add_row([
                letter.message_id.clone().unwrap_or_else(|| "-".to_owned()),
                letter.actor.clone().unwrap_or_else(|| "-".to_owned()),
                letter.queue.clone(),
                letter.retries.to_string(),
                letter.age_ms.map(age).unwrap_or_default(),
                letter.reason.clone().unwrap_or_default(),
            ]);
        }
        write!(formatter, "{table}")?;
        if self.dead.len() >= DEAD_MAX {
            write!(formatter, "\nmore than {DEAD_MAX} of a queue are not shown")?;
        }
        Ok(())
    }
}

/// A length of time in its largest unit.
fn age(age_ms: i64) -> String {
    let seconds = Duration::from_millis(age_ms.max(0).unsigned_abs()).as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let (length, unit) = units.into_iter().find(|(length, _)| seconds >= *length).unwrap_or((1, "s"));
    format!("{}{unit}", seconds / length)
}
