//! What buttons do: each is the operation of a command, on behalf of who pressed it.

use super::query::Query;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::{self, AppCommand, RetryTasksOptions, SendOptions, TaskChoice, TaskEnd};

/// So many apps are told at once.
const APPS_MAX: usize = 500;

/// Tells apps something; what came of it, and whether anything went wrong.
///
/// # Errors
/// Usage for an unknown command, or where no app was chosen.
pub(super) fn tell_apps(context: &Context, form: &Query) -> Result<(String, bool)> {
    let word = form.get("do").unwrap_or_default();
    let is_said = |command: &AppCommand| command.name().eq_ignore_ascii_case(word) && *command != AppCommand::Documents;
    let command = AppCommand::ALL.iter().copied().find(is_said);
    let unknown = || Error::new(ErrorKind::Usage, format!("do `{word}`: there is no such command"));
    let command = command.ok_or_else(unknown)?;
    let apps = form.all("app");
    if apps.is_empty() || apps.len() > APPS_MAX {
        return Err(Error::new(ErrorKind::Usage, format!("{word} the chosen apps: {} are chosen", apps.len()))
            .hint(format!("choose 1 to {APPS_MAX} by their boxes")));
    }
    let mut told = Vec::with_capacity(apps.len());
    let mut is_wrong = false;
    for app in apps {
        let options =
            SendOptions { command, app: app.clone(), args: form.text("args"), wait: None, force: false, expires: None };
        match ops::send_command(context, &options) {
            Ok(report) => told.push(report.to_string()),
            Err(error) => {
                is_wrong = true;
                told.push(format!("could not {error}"));
            }
        }
    }
    Ok((told.join("\n"), is_wrong))
}

/// Retries, edits, cancels or quarantines documents; what came of it. Whatever comes of it is written down.
///
/// # Errors
/// Usage for an unknown command or number; those of the operations.
pub(super) fn tell_documents(context: &Context, form: &Query) -> Result<(String, bool)> {
    let read = |text: &String| {
        let wrong = || Error::new(ErrorKind::Usage, format!("read `{text}` as the number of a document"));
        text.parse::<i64>().map_err(|_| wrong())
    };
    let ids = form.all("task").iter().map(read).collect::<Result<Vec<i64>>>()?;
    let word = form.get("do").unwrap_or_default();
    if ids.is_empty() {
        return Err(Error::new(ErrorKind::Usage, format!("{word} the chosen documents: none is chosen"))
            .hint("choose some by their boxes"));
    }
    let done = told_documents(context, form, word, &ids);
    let (result, is_done) = match &done {
        Ok(done) => (done.clone(), true),
        Err(error) => (format!("could not {error}"), false),
    };
    ops::note_tasks_command(context, word, &ids, (&result, is_done))?;
    done.map(|done| (done, false))
}

fn told_documents(context: &Context, form: &Query, word: &str, ids: &[i64]) -> Result<String> {
    let choice = TaskChoice { ids: ids.to_vec(), ..TaskChoice::default() };
    match word {
        "retry" => {
            let options = RetryTasksOptions { choice, from: form.text("from"), rate: None, dry_run: false };
            ops::retry_tasks(context, &options).map(|done| done.to_string())
        }
        "cancel" => ops::end_tasks(context, &choice, TaskEnd::Cancel, None).map(|done| done.to_string()),
        "quarantine" => ops::end_tasks(context, &choice, TaskEnd::Quarantine, None).map(|done| done.to_string()),
        "edit" => {
            let missing = || Error::new(ErrorKind::Usage, "edit a document: the form is not whole");
            let fence = form.get("fence").and_then(|fence| fence.parse().ok()).ok_or_else(missing)?;
            let &[id] = ids else { return Err(missing()) };
            ops::edit_task_in_form(context, id, fence, form.get("text").unwrap_or_default())
                .map(|done| done.to_string())
        }
        _ => Err(Error::new(ErrorKind::Usage, format!("do `{word}` with documents: there is no such command"))),
    }
}
