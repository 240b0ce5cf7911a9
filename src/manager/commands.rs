//! What people tell apps, carried out: each command once, by a manager that can.

use chrono::TimeDelta;

use super::launcher::{FailedCommand, Launcher};
use super::runs::ask_to_end;
use crate::apps::AppDefinition;
use crate::clock;
use crate::error::Result;
use crate::tables::{AppCommand, CommandFilter, CommandFlag, CommandRow, ManagerRow, RunRow, Store};

/// A command that nobody can carry out for so long has failed.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// What the carrying out needs to know.
pub(super) struct Scene<'a> {
    /// Our identity.
    pub(super) by: &'a str,
    /// Our machine.
    pub(super) host: &'a str,
    /// The runs that go on.
    pub(super) open: &'a [RunRow],
    /// The managers that work.
    pub(super) managers: &'a [ManagerRow],
}

/// Takes every open command one step on.
pub(super) fn carry_out(store: &mut Store, launcher: &mut Launcher, scene: &Scene<'_>) -> Result<()> {
    for FailedCommand { command, status, said } in launcher.failed_commands() {
        if let Some(command) = store.commands(&CommandFilter::One(command))?.pop() {
            store.finish(&command, CommandFlag::Failed, &format!("`dc run` ended with status {status}: {said}"))?;
        }
    }
    for command in store.commands(&CommandFilter::Open)? {
        let run = scene.open.iter().find(|run| run.app_id == command.app_id);
        match command.flag {
            CommandFlag::Requested => request(store, launcher, scene, &command, run)?,
            CommandFlag::Accepted => follow(store, launcher, scene, &command, run)?,
            CommandFlag::None | CommandFlag::Done | CommandFlag::Refused | CommandFlag::Failed => {}
        }
    }
    Ok(())
}

/// A command that nobody has taken yet.
fn request(
    store: &mut Store,
    launcher: &mut Launcher,
    scene: &Scene<'_>,
    command: &CommandRow,
    run: Option<&RunRow>,
) -> Result<()> {
    match (command.command, run) {
        (AppCommand::Reset | AppCommand::Enable | AppCommand::Disable, _) => {
            let next_run = next_run(store, command.app_id)?;
            store.change_app(command, next_run).map(|_| ())
        }
        (AppCommand::Start, Some(run)) => refuse(store, command, &format!("it runs already: run {}", run.runtime)),
        (AppCommand::Stop, None) => refuse(store, command, "it does not run"),
        (AppCommand::Stop | AppCommand::Restart, Some(run)) if run.host != scene.host => {
            elsewhere(store, scene, command, run)
        }
        (AppCommand::Start | AppCommand::Restart, None) => match store.accept(command, scene.by)? {
            true => start(store, launcher, command),
            false => Ok(()),
        },
        (AppCommand::Stop | AppCommand::Restart, Some(run)) => {
            if store.accept(command, scene.by)? && !ask_to_end(run, scene.host) {
                log::warn!("{}: its `dc run` is gone; the run is closed first", command.app);
            }
            Ok(())
        }
    }
}

/// A command that somebody has taken.
fn follow(
    store: &mut Store,
    launcher: &mut Launcher,
    scene: &Scene<'_>,
    command: &CommandRow,
    run: Option<&RunRow>,
) -> Result<()> {
    let accepted_at = command.accepted_at.unwrap_or(command.time);
    let is_ours = command.accepted_by.as_deref() == Some(scene.by);
    let has_begun = run.filter(|run| run.started_at >= accepted_at);
    match (command.command, run, has_begun) {
        (AppCommand::Start | AppCommand::Restart, _, Some(run)) => {
            store.finish(command, CommandFlag::Done, &format!("run {} began", run.runtime)).map(|_| ())
        }
        (AppCommand::Stop, None, _) => {
            let seconds = (clock::now() - accepted_at).num_milliseconds() as f64 / 1_000.0;
            store.finish(command, CommandFlag::Done, &format!("it ended within {seconds:.1} s")).map(|_| ())
        }
        // the run before has ended: now the next one
        (AppCommand::Restart, None, _) if is_ours => start(store, launcher, command),
        (AppCommand::Start, None, _) if has_run_since(store, command)? => {
            store.finish(command, CommandFlag::Done, "it ran").map(|_| ())
        }
        _ if is_ours || clock::now() - accepted_at < PATIENCE => Ok(()),
        _ if scene.managers.iter().any(|manager| Some(manager.id.as_str()) == command.accepted_by.as_deref()) => Ok(()),
        _ => store.finish(command, CommandFlag::Failed, "the manager that took it is gone").map(|_| ()),
    }
}

/// Whether a run of the app began and ended since the command was taken: too fast to be seen going on.
fn has_run_since(store: &mut Store, command: &CommandRow) -> Result<bool> {
    let filter = crate::tables::RunFilter { app_ids: Some(vec![command.app_id]), runtime: None, limit: 1 };
    let since = command.accepted_at.unwrap_or(command.time);
    Ok(store.runs(&filter)?.first().is_some_and(|run| run.started_at >= since))
}

fn start(store: &mut Store, launcher: &mut Launcher, command: &CommandRow) -> Result<()> {
    if launcher.is_starting(command.id) {
        return Ok(());
    }
    if command.command == AppCommand::Restart && has_run_since(store, command)? {
        return store.finish(command, CommandFlag::Done, "it ran").map(|_| ());
    }
    match launcher.start_by_command(command.id, &command.app, command.args.as_deref(), &command.by) {
        Ok(()) => Ok(()),
        Err(error) => store.finish(command, CommandFlag::Failed, &error.to_string()).map(|_| ()),
    }
}

fn refuse(store: &mut Store, command: &CommandRow, reason: &str) -> Result<()> {
    store.finish(command, CommandFlag::Refused, reason).map(|_| ())
}

/// A run of another machine can only be ended there.
fn elsewhere(store: &mut Store, scene: &Scene<'_>, command: &CommandRow, run: &RunRow) -> Result<()> {
    let is_manned = scene.managers.iter().any(|manager| manager.host == run.host);
    if is_manned || clock::now() - command.time < PATIENCE {
        return Ok(());
    }
    let reason = format!("it runs on {}, where no manager works", run.host);
    store.finish(command, CommandFlag::Failed, &reason).map(|_| ())
}

/// When an app that comes back into service is due.
fn next_run(store: &mut Store, app_id: i64) -> Result<Option<chrono::NaiveDateTime>> {
    let definition = store.app_by_id(app_id)?.and_then(|app| AppDefinition::from_json(&app.definition).ok());
    Ok(definition.and_then(|definition| definition.next_run(clock::now())))
}
