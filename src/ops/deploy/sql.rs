//! `dc deploy --sql`: what a deploy would run, for somebody else to run it.

use crate::context::Context;
use crate::db::{Connection, ledger};
use crate::error::Result;
use crate::tables::{Missing, SchemaState, Store, schema_before, schema_sql};

/// The SQL that makes the framework's tables and that of merges in `main`, or brings them up to date; nothing is changed. What
/// a deploy then still has to do needs no right but to read and write rows.
///
/// # Errors
/// Refused for a database that a newer dc made; what a database that can be reached says.
pub fn deploy_sql(context: &Context) -> Result<String> {
    let settings = context.settings().framework()?;
    let (backend, label) = (settings.target.backend(), settings.target.label());
    let (pending, merges) = match Store::open(context, Missing::Fail) {
        Ok(mut store) => {
            let has_merges = ledger::is_there(Connection::of_framework(context)?.backend())?;
            let merges = if has_merges { String::new() } else { ledger::statements(backend) };
            match store.schema_state()? {
                SchemaState::Current if merges.is_empty() => return Ok(format!("-- {label} is up to date\n")),
                SchemaState::Current => (Some(Vec::new()), merges),
                SchemaState::Behind(names) => (Some(names), merges),
                SchemaState::Missing => (None, merges),
                state @ SchemaState::Newer { .. } => return Err(state.refusal(&label)),
            }
        }
        Err(error) => {
            // whoever makes the database runs this next
            log::warn!("all of the schema is printed, since the database could not be looked at: {error}");
            (None, ledger::statements(backend))
        }
    };
    let mut text = format!(
        "-- the tables of Data Collector for {label}\n\
         -- Run it as a role that may make tables; then `dc deploy` as the role of dc.\n\n"
    );
    text.push_str(&settings.schema.as_deref().map(|schema| schema_before(backend, schema)).unwrap_or_default());
    if pending.as_ref().is_none_or(|pending| !pending.is_empty()) {
        text.push_str(&schema_sql(backend, pending.as_deref()));
    }
    if !merges.is_empty() {
        text.push_str(&format!("\n-- the history of merges\n{merges}"));
    }
    Ok(text)
}
