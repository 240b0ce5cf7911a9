//! What people tell apps: each command in `command_log`, from its request to its result, and the last one beside its app.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use serde::Serialize;

use super::app::known;
use super::codebook::{AppCommand, CommandFlag, FatalFlag, RunStatus};
use super::connection::Link;
use super::lease::database_now;
use super::room::{Room, RunLimits};
use super::schema::{app_groups, app_parents, apps, command_log};
use super::{Store, shown, waiting};
use crate::error::Result;
use crate::ident::AppName;

/// A command as the database has it.
#[derive(Debug, Clone, Serialize)]
pub struct CommandRow {
    /// Its number.
    pub id: i64,
    /// Its app.
    pub app_id: i64,
    /// The app's full name.
    #[serde(serialize_with = "shown::text")]
    pub app: AppName,
    /// What is to be done.
    pub command: AppCommand,
    /// How far it has come.
    pub flag: CommandFlag,
    /// Who gave it.
    pub by: String,
    /// When.
    #[serde(serialize_with = "shown::moment")]
    pub time: NaiveDateTime,
    /// What a start is given, as JSON; of a stop the only run that it is meant for, if not whichever goes on.
    pub args: Option<String>,
    /// The manager that took it.
    pub accepted_by: Option<String>,
    /// When.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub accepted_at: Option<NaiveDateTime>,
    /// When it was carried out.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub done_at: Option<NaiveDateTime>,
    /// What came of it, in words.
    pub result: Option<String>,
    /// Until when a manager may take it; `None` for ever.
    #[serde(serialize_with = "shown::moment_or_null")]
    pub expires_at: Option<NaiveDateTime>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = command_log)]
struct CommandRecord {
    id: i64,
    cmd_name: i64,
    cmd_flag: i64,
    cmd_by: String,
    cmd_time: NaiveDateTime,
    cmd_exec: Option<NaiveDateTime>,
    args: Option<String>,
    result: Option<String>,
    accepted_by: Option<String>,
    accepted_at: Option<NaiveDateTime>,
    expires_at: Option<NaiveDateTime>,
}

/// A command that is to be written down.
#[derive(Debug, Clone, Copy)]
pub struct NewCommand<'a> {
    /// Its app.
    pub app_id: i64,
    /// What is to be done.
    pub command: AppCommand,
    /// What a start is given, or which run a stop is meant for.
    pub args: Option<&'a str>,
    /// Who gives it.
    pub by: &'a str,
    /// How long a manager may take it; `None` for ever.
    pub expires: Option<TimeDelta>,
}

/// Something that was done already, by whoever writes it down.
#[derive(Debug, Clone, Copy)]
pub struct DoneCommand<'a> {
    /// The app.
    pub app_id: i64,
    /// What was told.
    pub command: AppCommand,
    /// What exactly, as JSON.
    pub args: &'a str,
    /// By whom.
    pub by: &'a str,
    /// Whether it was done.
    pub flag: CommandFlag,
    /// What came of it.
    pub result: &'a str,
}

/// What came of taking a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taking {
    /// It is taken.
    Taken,
    /// Another manager was faster.
    Lost,
    /// No more apps may run at once, in words.
    NoRoom(String),
}

/// Which commands to read.
pub enum CommandFilter<'a> {
    /// The one of this number.
    One(i64),
    /// Those that are not carried out yet, oldest first.
    Open,
    /// The last ones of all apps, newest first, at most so many.
    Last(i64),
    /// The last ones of these apps, newest first, at most so many.
    OfApps(&'a [i64], i64),
}

/// The commands that people gave.
pub struct Commands<'a>(pub(super) &'a mut Store);

impl Store {
    /// The commands that people gave.
    pub fn commands(&mut self) -> Commands<'_> {
        Commands(self)
    }
}

impl Commands<'_> {
    /// Writes down what was done without a manager. The last command beside the app stays what it was.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn note(&mut self, done: &DoneCommand<'_>) -> Result<()> {
        let DoneCommand { app_id, command, args, by, flag, result } = *done;
        self.0.write("write down what was done", |connection| {
            let now = database_now(connection)?;
            let row = (
                command_log::app_id.eq(app_id),
                (command_log::cmd_name.eq(command.id()), command_log::cmd_flag.eq(flag.id())),
                (command_log::cmd_by.eq(by), command_log::cmd_time.eq(now), command_log::cmd_exec.eq(now)),
                (command_log::args.eq(args), command_log::result.eq(result)),
            );
            diesel::insert_into(command_log::table).values(row).execute(connection).map(drop)
        })
    }

    /// Writes a command down, for a manager to carry out; its number.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn request(&mut self, new: &NewCommand<'_>) -> Result<i64> {
        let NewCommand { app_id, command, args, by, expires } = *new;
        self.0.write("write a command down", |connection| {
            let now = database_now(connection)?;
            let row = (
                command_log::app_id.eq(app_id),
                command_log::cmd_name.eq(command.id()),
                command_log::cmd_flag.eq(CommandFlag::Requested.id()),
                command_log::cmd_by.eq(by),
                command_log::cmd_time.eq(now),
                command_log::args.eq(args),
                command_log::expires_at.eq(expires.and_then(|length| now.checked_add_signed(length))),
            );
            diesel::insert_into(command_log::table).values(row).execute(connection)?;
            let last = (
                apps::cmd_name.eq(command.id()),
                apps::cmd_flag.eq(CommandFlag::Requested.id()),
                apps::cmd_by.eq(by),
                apps::cmd_time.eq(now),
                apps::cmd_exec.eq(None::<NaiveDateTime>),
            );
            diesel::update(apps::table.find(app_id)).set(last).execute(connection)?;
            let ours = command_log::table
                .filter(command_log::app_id.eq(app_id).and(command_log::cmd_by.eq(by)))
                .filter(command_log::cmd_time.eq(now));
            ours.select(command_log::id).order(command_log::id.desc()).first(connection)
        })
    }

    /// Commands, as the filter says.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&mut self, filter: &CommandFilter<'_>) -> Result<Vec<CommandRow>> {
        self.0.read("read the commands", |connection| load(connection, filter))
    }

    /// Takes a command for a manager, out of the hands of the one that had it, if one had. What starts a run that does not
    /// go on yet takes a place among the apps that may run at once.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn accept(&mut self, command: &CommandRow, by: &str, limits: Option<&RunLimits>) -> Result<Taking> {
        self.0.write("take a command", |connection| {
            if let (Some(limits), CommandFlag::Requested) = (limits, command.flag) {
                let mut room = Room::count(connection, limits)?;
                if !room.take(&command.app.group) {
                    return Ok(Taking::NoRoom(room.words(&command.app.group)));
                }
            }
            let now = database_now(connection)?;
            let requested = command_log::table
                .filter(command_log::id.eq(command.id).and(command_log::cmd_flag.eq(command.flag.id())))
                .filter(
                    command_log::cmd_flag
                        .eq(CommandFlag::Requested.id())
                        .or(command_log::accepted_by.eq(command.accepted_by.as_deref())),
                );
            let row = (
                command_log::cmd_flag.eq(CommandFlag::Accepted.id()),
                command_log::accepted_by.eq(by),
                command_log::accepted_at.eq(now),
            );
            if diesel::update(requested).set(row).execute(connection)? == 0 {
                return Ok(Taking::Lost);
            }
            mirror(connection, command, CommandFlag::Accepted, None)?;
            Ok(Taking::Taken)
        })
    }

    /// Notes beside a command that nobody has taken why it waits.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn wait(&mut self, command: &CommandRow, reason: &str) -> Result<()> {
        if command.result.as_deref() == Some(reason) {
            return Ok(());
        }
        self.0.write("note why a command waits", |connection| {
            let open = command_log::table.filter(requested(command.id));
            diesel::update(open).set(command_log::result.eq(reason)).execute(connection).map(drop)
        })
    }

    /// Takes back, or refuses, a command that nobody has taken; false when somebody has.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn withdraw(&mut self, command: &CommandRow, reason: &str) -> Result<bool> {
        self.0.write("take a command back", |connection| finish(connection, command, CommandFlag::Refused, reason))
    }

    /// Writes down what came of a command; false when that is written down already.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn finish(&mut self, command: &CommandRow, flag: CommandFlag, result: &str) -> Result<bool> {
        self.0.write("finish a command", |connection| finish(connection, command, flag, result))
    }

    /// Carries out a command that changes the app's row alone: reset, enable, disable. `next_run` is when an app is due
    /// that comes back into service: what it missed meanwhile is not made up for.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn change_app(&mut self, command: &CommandRow, next_run: Option<NaiveDateTime>) -> Result<bool> {
        self.0.write("change an app's state", |connection| {
            let app = apps::table.find(command.app_id);
            let (was_disabled, fatal): (bool, i64) = app.select((apps::disable, apps::fatal_flag)).first(connection)?;
            let fatal = fatal != FatalFlag::None.id();
            let words = match command.command {
                AppCommand::Reset => {
                    let forget = (
                        apps::failures.eq(0_i64),
                        apps::retry_at.eq(None::<NaiveDateTime>),
                        apps::fatal_flag.eq(FatalFlag::None.id()),
                        apps::fatal_msg.eq(None::<String>),
                        apps::fatal_time.eq(None::<NaiveDateTime>),
                    );
                    diesel::update(app).set(forget).execute(connection)?;
                    if was_disabled && fatal {
                        put_in_service(connection, command.app_id, next_run)?;
                    }
                    "its failures are forgotten"
                }
                AppCommand::Enable => {
                    if was_disabled {
                        put_in_service(connection, command.app_id, next_run)?;
                    }
                    if was_disabled { "it is in service again" } else { "it was in service" }
                }
                AppCommand::Disable => {
                    diesel::update(app).set(apps::disable.eq(true)).execute(connection)?;
                    set_idle_status(connection, command.app_id, RunStatus::Disabled)?;
                    waiting::leave_out(connection, command.app_id, "it was put out of service while it waited")?;
                    if was_disabled { "it was out of service" } else { "it is out of service" }
                }
                AppCommand::Start | AppCommand::Stop | AppCommand::Restart | AppCommand::Documents => {
                    return Ok(false);
                }
            };
            finish(connection, command, CommandFlag::Done, words)
        })
    }
}

/// A command that nobody has taken.
#[diesel::dsl::auto_type(no_type_alias)]
fn requested(id: i64) -> _ {
    let requested: i64 = CommandFlag::Requested.id();
    command_log::id.eq(id).and(command_log::cmd_flag.eq(requested))
}

/// Lets the schedule start an app again.
fn put_in_service(connection: &mut Link, app_id: i64, next_run: Option<NaiveDateTime>) -> QueryResult<()> {
    let row = (apps::disable.eq(false), apps::next_run.eq(next_run), apps::next_run_wished.eq(false));
    diesel::update(apps::table.find(app_id)).set(row).execute(connection)?;
    set_idle_status(connection, app_id, RunStatus::Idle)
}

/// Sets the status of an app that does not run; one that runs goes on to do so, in service or not.
pub(super) fn set_idle_status(connection: &mut Link, app_id: i64, status: RunStatus) -> QueryResult<()> {
    let idle = apps::table.filter(apps::id.eq(app_id).and(apps::status.ne(RunStatus::Running.id())));
    diesel::update(idle).set(apps::status.eq(status.id())).execute(connection).map(drop)
}

/// What is refused was not begun: what somebody has taken comes to another end.
fn finish(connection: &mut Link, command: &CommandRow, flag: CommandFlag, result: &str) -> QueryResult<bool> {
    let now = database_now(connection)?;
    let from = match flag {
        CommandFlag::Refused => vec![CommandFlag::Requested.id()],
        _ => vec![CommandFlag::Requested.id(), CommandFlag::Accepted.id()],
    };
    let open = command_log::table.filter(command_log::id.eq(command.id).and(command_log::cmd_flag.eq_any(from)));
    let row = (command_log::cmd_flag.eq(flag.id()), command_log::cmd_exec.eq(now), command_log::result.eq(result));
    if diesel::update(open).set(row).execute(connection)? == 0 {
        return Ok(false);
    }
    mirror(connection, command, flag, Some(now))?;
    Ok(true)
}

/// Notes beside the app how far its last command has come.
fn mirror(
    connection: &mut Link,
    command: &CommandRow,
    flag: CommandFlag,
    done_at: Option<NaiveDateTime>,
) -> QueryResult<()> {
    let last = apps::table.filter(apps::id.eq(command.app_id).and(apps::cmd_time.eq(command.time)));
    diesel::update(last).set((apps::cmd_flag.eq(flag.id()), apps::cmd_exec.eq(done_at))).execute(connection).map(drop)
}

/// Whether somebody told a manager to end the app's run between its start and its end, as far as that is known.
pub(super) fn was_to_stop(
    connection: &mut Link,
    app_id: i64,
    started_at: NaiveDateTime,
    ended_at: Option<NaiveDateTime>,
) -> QueryResult<bool> {
    let stops = [AppCommand::Stop.id(), AppCommand::Restart.id()];
    let mut query = command_log::table
        .filter(command_log::app_id.eq(app_id).and(command_log::cmd_name.eq_any(stops)))
        .count()
        .into_boxed();
    query = match ended_at {
        None => query.filter(command_log::cmd_flag.eq(CommandFlag::Accepted.id())),
        // it was closed by a guess, and the command with it
        Some(ended_at) => query.filter(command_log::accepted_at.between(started_at, ended_at)),
    };
    Ok(query.get_result::<i64>(connection)? > 0)
}

fn load(connection: &mut Link, filter: &CommandFilter<'_>) -> QueryResult<Vec<CommandRow>> {
    let mut query = command_log::table
        .inner_join(apps::table.inner_join(app_parents::table.inner_join(app_groups::table)))
        .select((CommandRecord::as_select(), apps::id, app_groups::name, app_parents::name, apps::name))
        .into_boxed();
    query = match filter {
        CommandFilter::One(id) => query.filter(command_log::id.eq(*id)),
        CommandFilter::Open => query
            .filter(command_log::cmd_flag.eq_any([CommandFlag::Requested.id(), CommandFlag::Accepted.id()]))
            .order(command_log::id.asc()),
        CommandFilter::Last(count) => query.order(command_log::id.desc()).limit(*count),
        CommandFilter::OfApps(app_ids, count) => {
            query.filter(command_log::app_id.eq_any(*app_ids)).order(command_log::id.desc()).limit(*count)
        }
    };
    let rows: Vec<(CommandRecord, i64, String, String, String)> = query.load(connection)?;
    let row = |(record, app_id, group, parent, name): (CommandRecord, i64, String, String, String)| {
        Ok(CommandRow {
            id: record.id,
            app_id,
            app: AppName { group, parent, name },
            command: known("cmd_name", record.cmd_name, AppCommand::from_id)?,
            flag: known("cmd_flag", record.cmd_flag, CommandFlag::from_id)?,
            by: record.cmd_by,
            time: record.cmd_time,
            args: record.args,
            accepted_by: record.accepted_by,
            accepted_at: record.accepted_at,
            done_at: record.cmd_exec,
            result: record.result,
            expires_at: record.expires_at,
        })
    };
    rows.into_iter().map(row).collect()
}
