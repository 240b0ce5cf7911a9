//! When an app is taken out of service, and when many that fail at once are one incident for which none is.

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, TimeDelta};

use crate::apps::{AppDefinition, Tell};
use crate::error::Result;
use crate::tables::{
    AppRow, FatalFlag, IncidentRow, LastOutcome, LogLevel, MessageKind, NewMessage, RunOutcome, Store,
};

/// How far back failures belong together.
const WINDOW: TimeDelta = TimeDelta::minutes(5);
/// So many apps are named in the message about an incident.
const NAMED_MAX: usize = 20;
/// So many apps make an incident at the least.
const INCIDENT_APPS_MIN: usize = 3;

/// Looks at what failed before `now`, which is of the database's clock; whether there is an incident, in which failures are nobody's fault.
pub(super) fn look(store: &mut Store, now: NaiveDateTime) -> Result<bool> {
    let open = store.incidents().current()?;
    let failing = store.apps().failing()?;
    if failing.is_empty() && open.is_none() {
        return Ok(false);
    }
    let outcomes = store.runs().outcomes_since(now - WINDOW)?;
    let (failed, total) = count(&outcomes);
    match open {
        None if is_incident(failed, total) => {
            let message = incident_message(failed, total, &failing);
            store.incidents().begin((failed as i64, total as i64), now - WINDOW, &message)?;
            Ok(true)
        }
        None => {
            for app in failing.iter().filter(|app| !app.disable) {
                take_out(store, app, &outcomes)?;
            }
            Ok(false)
        }
        // while nothing runs, nothing is known to be well
        Some(incident) if total > 0 && !is_incident(failed, total) => {
            end_incident(store, &failing, &incident, now)?;
            Ok(false)
        }
        Some(_) => Ok(true),
    }
}

/// The apps that failed last, and all that ran.
fn count(outcomes: &[LastOutcome]) -> (usize, usize) {
    let ended = outcomes.iter().filter(|outcome| outcome.code == RunOutcome::Ok || outcome.code.is_failure());
    ended.fold((0, 0), |(failed, total), outcome| (failed + usize::from(outcome.code.is_failure()), total + 1))
}

/// More than half of the apps fail: that is not the fault of each.
fn is_incident(failed: usize, total: usize) -> bool {
    failed >= INCIDENT_APPS_MIN && failed * 2 > total
}

/// Takes an app out of service that has failed too often in a row.
fn take_out(store: &mut Store, app: &AppRow, outcomes: &[LastOutcome]) -> Result<()> {
    let Ok(definition) = AppDefinition::from_json(&app.definition) else { return Ok(()) };
    let Some(max) = definition.max_failures.map(i64::from).filter(|max| app.failures >= *max) else { return Ok(()) };
    let last: BTreeMap<i64, RunOutcome> = outcomes.iter().map(|outcome| (outcome.app_id, outcome.code)).collect();
    let (flag, what) = match last.get(&app.id) {
        Some(RunOutcome::StartFailed) => (FatalFlag::CannotStart, "its program cannot be started"),
        Some(RunOutcome::Timeout) => (FatalFlag::Timeout, "it does not end in its time"),
        _ => (FatalFlag::Failures, "it failed too often"),
    };
    let message = NewMessage {
        kind: MessageKind::Disabled,
        severity: LogLevel::Error,
        app_id: Some(app.id),
        subject: format!("{} is out of service: {what}, {} times in a row", app.name, app.failures),
        body: format!(
            "It is not started by its schedule any more (max_failures = {max}).\n\
             See why: dc logs {name}; dc logs --runs {name}\n\
             Then let it work again: dc manager send reset {name}",
            name = app.name
        ),
    };
    if store.apps().take_out(app.id, max, flag, (&message, definition.notify != Tell::Never))? {
        log::error!("{}", message.subject);
    }
    Ok(())
}

fn incident_message(failed: usize, total: usize, failing: &[AppRow]) -> NewMessage {
    let mut names: Vec<String> = failing.iter().map(|app| app.name.to_string()).collect();
    names.sort_unstable();
    let others = names.len().saturating_sub(NAMED_MAX);
    names.truncate(NAMED_MAX);
    let others = if others > 0 { format!(" and {others} others") } else { String::new() };
    NewMessage {
        kind: MessageKind::Incident,
        severity: LogLevel::Critical,
        app_id: None,
        subject: format!("{failed} of {total} apps fail: something that they share is away"),
        body: format!(
            "Failing: {}{others}.\nNo app is taken out of service for it, and their failures are not sent one by one.\n\
             Look at the network, the databases and the disk: dc doctor",
            names.join(", ")
        ),
    }
}

fn end_incident(store: &mut Store, failing: &[AppRow], incident: &IncidentRow, now: NaiveDateTime) -> Result<()> {
    let forgiven: Vec<i64> = failing.iter().filter(|app| !app.disable).map(|app| app.id).collect();
    let minutes = (now - incident.started_at).num_minutes();
    let message = NewMessage {
        kind: MessageKind::IncidentOver,
        severity: LogLevel::Info,
        app_id: None,
        subject: format!("the incident is over after {minutes} minutes: apps run well again"),
        body: format!("The failures of {} apps meanwhile are forgotten.", forgiven.len()),
    };
    store.incidents().end(incident.id, &forgiven, &message).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_is_many_and_more_than_half() {
        let cases =
            [(1, 1, false), (2, 2, false), (3, 3, true), (3, 5, true), (3, 6, false), (50, 99, true), (5, 200, false)];
        for (failed, total, expected) in cases {
            assert_eq!(is_incident(failed, total), expected, "{failed} of {total}");
        }
        let outcome = |app_id, code| LastOutcome { app_id, code };
        let ended = [outcome(1, RunOutcome::Ok), outcome(2, RunOutcome::Timeout), outcome(3, RunOutcome::Stopped)];
        assert_eq!(count(&ended), (1, 2));
    }
}
