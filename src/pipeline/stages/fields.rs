//! The built-in stage `fields`: named values out of what a page reader read, each with its place and a check.

use std::sync::Arc;

use super::super::stage::{Failure, Job, Output, Stage, Worked};
use super::{BuiltIn, Entry, Flaw, Open};
use crate::fields::Rules;

pub(super) const ENTRY: Entry = Entry { name: "fields", plan };

/// What may stand in its section.
const KNOWN: &[&str] = &["fields"];

struct Fields(Arc<Rules>);

fn plan(given: &BuiltIn<'_>) -> Result<Open, Flaw> {
    given.check_known(KNOWN)?;
    let table = given.options.get("fields").and_then(serde_json::Value::as_object);
    let table = table.ok_or_else(|| Flaw::here("has no `fields`: a section [stage.fields.NAME] for each"))?;
    let table: toml::Table = table.iter().filter_map(|(name, value)| Some((name.clone(), toml_of(value)?))).collect();
    let rules = Arc::new(Rules::read(&table).map_err(|error| Flaw::of("fields", &error))?);
    Ok(Box::new(move || Ok(Box::new(Fields(Arc::clone(&rules))))))
}

/// A value of app.toml that was stored as JSON; TOML knows no null.
fn toml_of(value: &serde_json::Value) -> Option<toml::Value> {
    toml::Value::try_from(value).ok()
}

impl Stage for Fields {
    fn work(&mut self, job: &Job<'_>) -> Worked {
        let found = job
            .input
            .value()
            .and_then(|read| self.0.apply(&read).map_err(|rejection| Failure::permanent(rejection.reasons.join("; "))));
        found.map(|found| Output::of(&found)).into()
    }
}
