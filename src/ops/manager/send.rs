//! `dc manager send`: tells an app to start, stop and the like, through whichever manager can do it.

use std::fmt;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde::Serialize;

use super::super::which::app_id;
use super::force::force_stop;
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::manager::{CommandNote, announce, living};
use crate::tables::{AppCommand, CommandFilter, CommandFlag, CommandRow, NewCommand, Store};

/// How often the result is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long a start, a stop or a restart may wait for a manager where nothing else is said: whoever sent it expects it soon.
const EXPIRES: Duration = Duration::from_secs(3_600);

/// Whether a command is about now; the others say how an app shall stand.
fn passes(command: AppCommand) -> bool {
    matches!(command, AppCommand::Start | AppCommand::Stop | AppCommand::Restart)
}

/// What `dc manager send` is asked for.
#[derive(Debug, Clone)]
pub struct SendOptions {
    /// What is to be done.
    pub command: AppCommand,
    /// The app: its full name, or a tail that no other app has.
    pub app: String,
    /// What a start is given, as JSON.
    pub args: Option<String>,
    /// How long the result is waited for; `None` does not wait.
    pub wait: Option<Duration>,
    /// A stop closes the run here and now, whether or not anybody can end it.
    pub force: bool,
    /// How long a manager may take it; `None`: a start, stop or restart an hour, all else for ever.
    pub expires: Option<String>,
}

/// What came of it so far.
#[derive(Debug, Clone, Serialize)]
pub struct SendReport {
    /// The command.
    #[serde(flatten)]
    pub command: CommandRow,
    /// How many managers work.
    pub managers: usize,
}

impl fmt::Display for SendReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CommandRow { app, command, flag, result, .. } = &self.command;
        let what = command.name().to_lowercase();
        match (flag, result) {
            (CommandFlag::Done, Some(result)) => write!(formatter, "{what} {app}: {result}"),
            (_, Some(result)) => write!(formatter, "{what} {app}: {}: {result}", flag.name().to_lowercase()),
            (_, None) if self.managers == 0 => {
                write!(formatter, "{what} {app}: it waits for a manager, and none works: `dc manager start`")
            }
            (_, None) => write!(formatter, "{what} {app}: sent"),
        }
    }
}

/// Writes the command down, tells the managers, and waits for the result if that is wanted.
///
/// # Errors
/// Not found for an unknown app, usage for arguments that are no JSON, refused or failed as the command was, timeout.
pub fn send_command(context: &Context, options: &SendOptions) -> Result<SendReport> {
    if let Some(args) = &options.args
        && let Err(cause) = serde_json::from_str::<serde::de::IgnoredAny>(args)
    {
        let message = format!("read the arguments `{args}` as JSON");
        return Err(Error::new(ErrorKind::Usage, message).because(cause).hint("--args '{\"year\": 2026}'"));
    }
    if options.force && options.command != AppCommand::Stop {
        let message = format!("send {} by force: only a stop can be forced", options.command.name().to_lowercase());
        return Err(Error::new(ErrorKind::Usage, message).hint("dc manager send stop APP --force"));
    }
    let mut store = Store::ready(context)?;
    let app_id = app_id(&mut store, &options.app)?;
    let by = &context.settings().user;
    let expires = options.expires.as_deref().map(clock::duration).transpose()?;
    let expires = expires.or_else(|| passes(options.command).then_some(EXPIRES));
    let expires = expires.and_then(|length| TimeDelta::from_std(length).ok());
    let (command, args) = (options.command, options.args.as_deref());
    let id = store.commands().request(&NewCommand { app_id, command, args, by, expires })?;
    let command = found(&mut store, id)?;
    let managers = living(&mut store)?.len();
    let command = match (options.force, options.wait) {
        (true, _) => {
            force_stop(context, &mut store, &command)?;
            found(&mut store, id)?
        }
        (false, wish) => {
            // the managers look by themselves too: a broker that is away costs a second
            if let Err(error) = announce(context, &note(&command)) {
                log::warn!("the broker is away, the command travels by the database: {error}");
            }
            match wish {
                Some(limit) => wait(context, &mut store, command, limit)?,
                None => command,
            }
        }
    };
    let (what, app) = (command.command.name().to_lowercase(), command.app.to_string());
    let result = command.result.clone().unwrap_or_default();
    match command.flag {
        CommandFlag::Refused => Err(Error::new(ErrorKind::Refused, format!("{what} {app}: {result}"))),
        CommandFlag::Failed => Err(Error::failed(format!("{what} {app}: {result}"))),
        _ => Ok(SendReport { command, managers }),
    }
}

/// Nobody waits for it any more: what no manager has taken is taken back, so that it does not happen hours later.
fn give_up(store: &mut Store, command: &CommandRow, limit: Duration) -> Result<Error> {
    let (what, seconds) = (command.command.name().to_lowercase(), limit.as_secs());
    let reason = command.result.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let is_back = store.commands().withdraw(command, &format!("its sender gave up after {seconds} s{reason}"))?;
    let state = match is_back {
        true => format!("nobody has taken it{reason}; it was taken back"),
        false => format!("it is {}{reason}", command.flag.name()),
    };
    let message = format!("see the end of `{what} {}` within {seconds} s: {state}", command.app);
    Ok(Error::new(ErrorKind::Timeout, message).hint("`dc manager status` shows the managers that work"))
}

/// A person stopped waiting, and with that the command: what no manager has taken is taken back.
fn interrupted(store: &mut Store, command: &CommandRow, error: Error) -> Result<Error> {
    let (what, id) = (command.command.name().to_lowercase(), command.id);
    let state = match store.commands().withdraw(command, "its sender was interrupted")? {
        true => "nobody had taken it, and it was taken back".to_owned(),
        false => format!("it is {} and goes on", found(store, id)?.flag.name().to_lowercase()),
    };
    let error = error.within(format!("wait for `{what} {}`: {state}", command.app));
    Ok(error.hint(format!("`dc manager commands` shows what came of number {id}")))
}

fn note(command: &CommandRow) -> CommandNote {
    let CommandRow { id, command, app, by, .. } = command;
    CommandNote { command: *id, name: command.name().to_owned(), app: app.to_string(), by: by.clone() }
}

fn found(store: &mut Store, id: i64) -> Result<CommandRow> {
    let gone = || Error::failed("find the command that was just written");
    store.commands().list(&CommandFilter::One(id))?.pop().ok_or_else(gone)
}

fn wait(context: &Context, store: &mut Store, command: CommandRow, limit: Duration) -> Result<CommandRow> {
    let began = Instant::now();
    loop {
        if let Err(error) = context.cancellation().check() {
            return Err(interrupted(store, &command, error)?);
        }
        let now = found(store, command.id)?;
        if !matches!(now.flag, CommandFlag::Requested | CommandFlag::Accepted) {
            return Ok(now);
        }
        if began.elapsed() >= limit {
            return Err(give_up(store, &now, limit)?);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
