//! Where apps work: on a machine that has one of the labels that an app asks for (`on` in app.toml).

use chrono::{NaiveDateTime, TimeDelta};

use super::decide::LATE;
use super::owner::living;
use crate::clock;
use crate::error::Result;
use crate::tables::{LogLevel, ManagerRow, MessageKind, NewMessage, Store, meets};

/// Why none of these managers may start an app; `None` when one may, or there is none at all.
///
/// # Errors
/// What the database says.
pub fn lacking(store: &mut Store, managers: &[ManagerRow], app_id: i64) -> Result<Option<String>> {
    let asked = store.apps().labels()?.remove(&app_id).unwrap_or_default();
    Ok(none_has(&asked, managers))
}

/// Tells people of each app that is due and that no machine at work may start, once for each such moment.
///
/// # Errors
/// What the database says.
pub(super) fn tell(store: &mut Store, now: NaiveDateTime) -> Result<()> {
    let labels = store.apps().labels()?;
    if labels.is_empty() {
        return Ok(());
    }
    let managers = living(store)?;
    let late = now - TimeDelta::from_std(LATE).unwrap_or_default();
    for app in store.apps().all()?.into_iter().filter(|app| !app.disable) {
        let (Some(due_at), Some(asked)) = (app.next_run.filter(|due_at| *due_at < late), labels.get(&app.id)) else {
            continue;
        };
        let Some(reason) = none_has(asked, &managers) else { continue };
        let message = NewMessage {
            kind: MessageKind::Unplaced,
            severity: LogLevel::Error,
            app_id: Some(app.id),
            subject: format!("{} was due at {} and did not start: {reason}", app.name, clock::local(due_at)),
            body: "Start a manager on such a machine, or give this one the label: [manager] labels in dc.toml."
                .to_owned(),
        };
        if store.apps().tell_once(app.id, due_at, &message)? {
            log::error!("{}", message.subject);
        }
    }
    Ok(())
}

fn none_has(asked: &[String], managers: &[ManagerRow]) -> Option<String> {
    if managers.is_empty() || managers.iter().any(|manager| meets(asked, &manager.labels())) {
        return None;
    }
    let asked: Vec<String> = asked.iter().map(|label| format!("`{label}`")).collect();
    let have = managers.iter().map(|manager| match manager.labels.as_str() {
        "" => format!("{} has none", manager.host),
        labels => format!("{} has {labels}", manager.host),
    });
    let have: Vec<String> = have.collect();
    Some(format!("no machine at work has the label {} ({})", asked.join(" or "), have.join(", ")))
}
