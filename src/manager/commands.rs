//! What people tell apps, carried out: each command once, by a manager that can.

use chrono::{NaiveDateTime, TimeDelta};

use super::desk::Starter;
use super::launcher::{FailedCommand, Launcher};
use super::owner::{Owner, is_beside};
use super::placement::lacking;
use crate::apps::AppDefinition;
use crate::error::Result;
use crate::failpoint;
use crate::redact::MASK;
use crate::tables::{
    AppCommand, CommandFilter, CommandFlag, CommandRow, ManagerRow, Pause, RunFilter, RunLimits, RunRow, Store, Taking,
    meets,
};

/// A command that nobody can carry out for so long has failed.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);
/// A start or an end that nobody could carry out for so long is not carried out any more.
const AGE_MAX: TimeDelta = TimeDelta::hours(1);
/// What a manager has begun that is gone now is seen by then.
const GONE_PATIENCE: TimeDelta = TimeDelta::seconds(10);

/// What the carrying out needs to know.
pub(super) struct Scene<'a> {
    /// Our identity.
    pub(super) by: &'a str,
    /// The managers that work.
    pub(super) managers: &'a [ManagerRow],
    /// What time it is by the database's clock.
    pub(super) now: NaiveDateTime,
    /// How many apps may run at once.
    pub(super) limits: &'a RunLimits,
    /// The labels of this machine.
    pub(super) labels: &'a [String],
    /// That nothing is to be started.
    pub(super) paused: Option<&'a Pause>,
}

impl Scene<'_> {
    /// Whether the `dc run` of a run can be seen, and told, from here.
    fn is_here(&self, run: &RunRow) -> bool {
        Owner::of_run(run, self.now).is_here()
    }
}

/// Takes every open command one step on.
pub(super) fn carry_out(store: &mut Store, launcher: &mut Launcher, scene: &Scene<'_>) -> Result<()> {
    for FailedCommand { command, status, said } in launcher.failed_commands() {
        if let Some(command) = store.commands().list(&CommandFilter::One(command))?.pop() {
            store.commands().finish(
                &command,
                CommandFlag::Failed,
                &format!("`dc run` ended with status {status}: {said}"),
            )?;
        }
    }
    let commands = store.commands().list(&CommandFilter::Open)?;
    failpoint::point("manager.asked")?;
    // after the commands: a run that was seen going on before somebody gave a command is among them, or has ended
    let open = store.runs().open()?;
    for command in commands {
        let run = open.iter().find(|run| run.app_id == command.app_id);
        match command.flag {
            CommandFlag::Requested if command.expires_at.is_some_and(|end| end <= scene.now) => {
                let why = command.result.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
                store.commands().withdraw(&command, &format!("it expired before a manager could take it{why}"))?;
            }
            CommandFlag::Requested if is_old(&command, scene.now) => {
                let hours = AGE_MAX.num_hours();
                let reason = format!("nobody could carry it out within {hours} h, and it is too late now");
                store.commands().finish(&command, CommandFlag::Failed, &reason)?;
            }
            CommandFlag::Requested => request(store, launcher, scene, &command, run)?,
            CommandFlag::Accepted => follow(store, launcher, scene, &command, run)?,
            CommandFlag::None | CommandFlag::Done | CommandFlag::Refused | CommandFlag::Failed => {}
        }
    }
    Ok(())
}

/// Whether a command is too old to be carried out: whoever waited for a start or an end has gone. The others say how an app
/// shall stand, for as long as nobody says otherwise.
fn is_old(command: &CommandRow, now: NaiveDateTime) -> bool {
    let passes = matches!(command.command, AppCommand::Start | AppCommand::Stop | AppCommand::Restart);
    passes && now - command.time > AGE_MAX
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
            let next_run = next_run(store, command.app_id, scene.now)?;
            store.commands().change_app(command, next_run).map(|_| ())
        }
        // it is written down when it is done
        (AppCommand::Documents, _) => refuse(store, command, "documents are told by `dc tasks`"),
        (AppCommand::Start, Some(run)) => refuse(store, command, &format!("it runs already: run {}", run.runtime)),
        (AppCommand::Stop, None) => refuse(store, command, "it does not run"),
        (AppCommand::Stop, Some(run)) if command.args.as_ref().is_some_and(|meant| *meant != run.runtime) => {
            refuse(store, command, "the run that was meant has ended by itself")
        }
        // before anything is stopped that could not be started again
        (AppCommand::Restart, run) if lacks_arguments(store, command, run)? => refuse(store, command, MASKED),
        (AppCommand::Stop | AppCommand::Restart, Some(run)) if !scene.is_here(run) => {
            elsewhere(store, scene, command, Some(run))
        }
        (AppCommand::Start | AppCommand::Restart, None) if !may_start(store, scene, command)? => {
            match lacking(store, scene.managers, command.app_id)? {
                Some(reason) => refuse(store, command, &reason),
                None => Ok(()),
            }
        }
        // a manager of a machine that has it is given its time
        (AppCommand::Start | AppCommand::Restart, None)
            if !launcher.has(&command.app) && scene.now - command.time < PATIENCE / 2 =>
        {
            Ok(())
        }
        (AppCommand::Start | AppCommand::Restart, None) if scene.paused.is_some() => {
            store.commands().wait(command, &scene.paused.map(Pause::words).unwrap_or_default())
        }
        (AppCommand::Start | AppCommand::Restart, None) => {
            match store.commands().accept(command, scene.by, Some(scene.limits))? {
                Taking::Taken => start(store, launcher, command),
                Taking::Lost => Ok(()),
                Taking::NoRoom(reason) => store.commands().wait(command, &reason),
            }
        }
        (AppCommand::Stop | AppCommand::Restart, Some(run)) => {
            if store.commands().accept(command, scene.by, None)? == Taking::Taken && !launcher.ask(command.id, run) {
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
    let is_held_by = |manager: &ManagerRow| Some(manager.id.as_str()) == command.accepted_by.as_deref();
    let is_held = scene.managers.iter().any(is_held_by) || scene.now - accepted_at < GONE_PATIENCE;
    let is_ours = command.accepted_by.as_deref() == Some(scene.by);
    let (begun, before) = match run {
        Some(run) if run.started_at >= accepted_at => (Some(run), None),
        run => (None, run),
    };
    match (command.command, before) {
        (AppCommand::Start | AppCommand::Restart, _) if let Some(run) = begun => done(store, command, run),
        (AppCommand::Stop, None) => {
            let seconds = (scene.now - accepted_at).num_milliseconds().max(0) as f64 / 1_000.0;
            store.commands().finish(command, CommandFlag::Done, &format!("it ended within {seconds:.1} s")).map(|_| ())
        }
        (AppCommand::Start, None) if let Some(run) = run_since(store, command)? => done(store, command, &run),
        // the run before has ended: now the next one. Or we took it, and were not told that we had
        (AppCommand::Start | AppCommand::Restart, None) if is_ours => start(store, launcher, command),
        (AppCommand::Stop | AppCommand::Restart, Some(run)) if is_ours && scene.is_here(run) => {
            launcher.ask(command.id, run);
            Ok(())
        }
        _ if is_ours || is_held => Ok(()),
        (AppCommand::Start | AppCommand::Restart, None) if !may_start(store, scene, command)? => Ok(()),
        // the manager that took it is gone, and may have done nothing
        (AppCommand::Start | AppCommand::Restart, None) => match store.commands().accept(command, scene.by, None)? {
            Taking::Taken => start(store, launcher, command),
            Taking::Lost | Taking::NoRoom(_) => Ok(()),
        },
        (_, Some(run)) if scene.is_here(run) => {
            if store.commands().accept(command, scene.by, None)? == Taking::Taken {
                launcher.ask(command.id, run);
            }
            Ok(())
        }
        _ => elsewhere(store, scene, command, before),
    }
}

/// Whether this machine has a label that the app asks for.
fn may_start(store: &mut Store, scene: &Scene<'_>, command: &CommandRow) -> Result<bool> {
    Ok(store.apps().labels()?.get(&command.app_id).is_none_or(|asked| meets(asked, scene.labels)))
}

/// The run of the app that began since the command was taken: it ended before it was seen going on, or began a moment ago.
fn run_since(store: &mut Store, command: &CommandRow) -> Result<Option<RunRow>> {
    let since = command.accepted_at.unwrap_or(command.time);
    Ok(last_run(store, command.app_id)?.filter(|run| run.started_at >= since))
}

/// Writes down that the run which a command asked for is there, or was.
fn done(store: &mut Store, command: &CommandRow, run: &RunRow) -> Result<()> {
    let words = if run.ended_at.is_some() { "it ran".to_owned() } else { format!("run {} began", run.runtime) };
    store.commands().finish(command, CommandFlag::Done, &words).map(|_| ())
}

/// Why a run is not started with the arguments of the one before.
const MASKED: &str = "the arguments of its last run held a secret, which is not stored: restart it with --args";

/// Whether a restart would give the app the arguments of the run before, and they are not known.
fn lacks_arguments(store: &mut Store, command: &CommandRow, run: Option<&RunRow>) -> Result<bool> {
    let is_masked = |run: &RunRow| run.args.as_deref().is_some_and(|args| args.contains(MASK));
    Ok(match (&command.args, run) {
        (Some(_), _) => false,
        (None, Some(run)) => is_masked(run),
        (None, None) => last_run(store, command.app_id)?.as_ref().is_some_and(is_masked),
    })
}

fn last_run(store: &mut Store, app_id: i64) -> Result<Option<RunRow>> {
    let filter = RunFilter { app_ids: Some(vec![app_id]), runtime: None, limit: 1 };
    Ok(store.runs().list(&filter)?.pop())
}

fn start(store: &mut Store, launcher: &mut Launcher, command: &CommandRow) -> Result<()> {
    if launcher.is_starting(command.id) {
        return Ok(());
    }
    if command.command == AppCommand::Restart
        && let Some(run) = run_since(store, command)?
    {
        return done(store, command, &run);
    }
    let args = match (command.command, &command.args) {
        // the next run is given what the run before was
        (AppCommand::Restart, None) => last_run(store, command.app_id)?.and_then(|run| run.args),
        (_, args) => args.clone(),
    };
    match launcher.start_by_command(command.id, &command.app, args.as_deref(), &command.by) {
        Ok(()) => Ok(()),
        Err(error) => store.commands().finish(command, CommandFlag::Failed, &error.to_string()).map(|_| ()),
    }
}

/// Refuses a command, unless another manager has taken it since it was read.
fn refuse(store: &mut Store, command: &CommandRow, reason: &str) -> Result<()> {
    store.commands().withdraw(command, reason).map(|_| ())
}

/// A run that cannot be seen from here can only be ended where it is.
fn elsewhere(store: &mut Store, scene: &Scene<'_>, command: &CommandRow, run: Option<&RunRow>) -> Result<()> {
    let Some(run) = run else { return Ok(()) };
    let is_manned = scene.managers.iter().any(|manager| is_beside(manager, run));
    if is_manned || scene.now - command.time < PATIENCE {
        return Ok(());
    }
    let reason = format!(
        "it runs on {} where no manager sees it; if that machine is gone: dc manager send stop {} --force",
        run.host, command.app
    );
    store.commands().finish(command, CommandFlag::Failed, &reason).map(|_| ())
}

/// When an app that comes back into service is due.
fn next_run(store: &mut Store, app_id: i64, now: NaiveDateTime) -> Result<Option<NaiveDateTime>> {
    let definition = store.apps().by_id(app_id)?.and_then(|app| AppDefinition::from_json(&app.definition).ok());
    Ok(definition.and_then(|definition| definition.next_run(now)))
}
