//! `dc secrets exec`: this process becomes the command, with the secrets in its environment and nowhere else.

use std::ffi::OsString;
use std::io::ErrorKind as Io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::{RESERVED, opened, unknown_name};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::secrets::GIVEN_VARIABLE;
use crate::settings::Secret;

/// What `dc secrets exec` is asked for.
#[derive(Debug, Clone)]
pub struct ExecOptions {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Only these names; all where empty.
    pub only: Vec<String>,
    /// Whether the store wins over a variable that is set already.
    pub replace: bool,
}

/// Becomes the command. Returns only when that fails.
///
/// # Errors
/// Not found (exit 5) for the program or a name; permission (exit 4).
pub fn exec(context: &Context, options: &ExecOptions) -> Error {
    prepared(context, options).map_or_else(
        |error| error,
        |mut command| {
            let cause = command.exec();
            let program = options.command.first().map(|program| program.to_string_lossy()).unwrap_or_default();
            let kind = match cause.kind() {
                Io::NotFound => ErrorKind::NotFound,
                Io::PermissionDenied => ErrorKind::Permission,
                _ => ErrorKind::Failed,
            };
            Error::new(kind, format!("start {program}")).because(cause)
        },
    )
}

fn prepared(context: &Context, options: &ExecOptions) -> Result<Command> {
    let Some((program, arguments)) = options.command.split_first() else {
        return Err(Error::new(ErrorKind::Usage, "start a command: none is named"));
    };
    let unlocked = opened(context.secrets())?;
    let document = &unlocked.document;
    if let Some(name) = options.only.iter().find(|name| document.get(name).is_none()) {
        return Err(unknown_name(context, document, name));
    }
    let is_wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    let mut command = Command::new(program);
    command.args(arguments);
    command.envs(context.settings().filed_variables().map(|(name, value)| (name, value.reveal())));
    let names: Vec<&str> =
        document.names().into_iter().filter(|name| is_wanted(name) && !RESERVED.contains(name)).collect();
    for name in &names {
        if options.replace || !context.settings().has_variable(name) {
            command.env(name, document.get(name).map_or("", Secret::reveal));
        }
    }
    for name in RESERVED.iter().filter(|name| name.starts_with("DC_SECRET")) {
        command.env_remove(name);
    }
    command.env(GIVEN_VARIABLE, given(&names));
    Ok(command)
}

/// The names for the variable that tells a later dc what its environment was given; never empty, since an empty
/// variable counts as not set.
pub(in crate::ops) fn given(names: &[&str]) -> String {
    if names.is_empty() { "-".to_owned() } else { names.join(",") }
}
