//! What somebody told documents from the dashboard, written down beside what people tell apps.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::error::Result;
use crate::tables::{AppCommand, CommandFlag, DoneCommand, Store};

/// Writes a row into the log of commands for each pipeline whose documents were told something; `dc manager commands` lists
/// them. `word` is what was said; `result` what came of it, and whether it was done.
///
/// # Errors
/// When the database cannot be written.
pub fn note_tasks_command(context: &Context, word: &str, ids: &[i64], (result, is_done): (&str, bool)) -> Result<()> {
    let mut store = Store::ready(context)?;
    let mut of_apps: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for id in ids {
        if let Some(task) = store.tasks().one(*id)? {
            of_apps.entry(task.app_id).or_default().push(*id);
        }
    }
    let by = &context.settings().user;
    let flag = if is_done { CommandFlag::Done } else { CommandFlag::Failed };
    for (app_id, ids) in of_apps {
        let args = serde_json::json!({ "do": word, "documents": ids }).to_string();
        let result = format!("{word}: {result}");
        let command = AppCommand::Documents;
        store.commands().note(&DoneCommand { app_id, command, args: &args, by, flag, result: &result })?;
    }
    Ok(())
}
