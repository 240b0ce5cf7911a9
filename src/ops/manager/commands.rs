//! `dc manager commands`: what people told apps, and what nobody has carried out yet.

use std::fmt;

use serde::Serialize;

use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::shell;
use crate::tables::{CommandFilter, CommandRow, Store};

/// What `dc manager commands` is asked for.
#[derive(Debug, Clone)]
pub struct CommandsOptions {
    /// The number of a command to take back.
    pub cancel: Option<i64>,
    /// How many are listed.
    pub last: i64,
}

/// The last commands.
#[derive(Debug, Serialize)]
pub struct CommandList {
    /// The newest first.
    pub commands: Vec<CommandRow>,
}

/// Lists the last commands, after it has taken one back where that was asked for.
///
/// # Errors
/// Not found for a number that no command has; refused for one that somebody has taken; what the database says.
pub fn commands(context: &Context, options: &CommandsOptions) -> Result<CommandList> {
    let mut store = Store::ready(context)?;
    if let Some(id) = options.cancel {
        cancel(&mut store, id, &context.settings().user)?;
    }
    Ok(CommandList { commands: store.commands().list(&CommandFilter::Last(options.last))? })
}

fn cancel(store: &mut Store, id: i64, by: &str) -> Result<()> {
    let Some(command) = store.commands().list(&CommandFilter::One(id))?.pop() else {
        return Err(Error::new(ErrorKind::NotFound, format!("find the command {id}"))
            .hint("`dc manager commands` lists the last ones"));
    };
    if store.commands().withdraw(&command, &format!("{by} took it back"))? {
        return Ok(());
    }
    let what = format!("take back the command {id}: it is {}", command.flag.name().to_lowercase());
    Err(Error::new(ErrorKind::Refused, what).hint(format!("dc manager send stop {} ends a run", command.app)))
}

impl fmt::Display for CommandList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.commands.is_empty() {
            return formatter.write_str("no commands yet");
        }
        let mut table = shell::table(["number", "time", "by", "command", "app", "state", "result"]);
        for command in &self.commands {
            table.add_row([
                command.id.to_string(),
                clock::local(command.time),
                command.by.clone(),
                command.command.name().to_lowercase(),
                command.app.to_string(),
                command.flag.name().to_lowercase(),
                command.result.clone().unwrap_or_default(),
            ]);
        }
        write!(formatter, "{table}")
    }
}
