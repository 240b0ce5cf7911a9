//! The built-in stage `check`: what was found has to fit a JSON Schema.

use std::sync::Arc;

use super::super::stage::{Failure, Given, Job, Output, Stage, Worked};
use super::{BuiltIn, Entry, Flaw, Open};
use crate::json_schema::Schema;

pub(super) const ENTRY: Entry = Entry { name: "check", plan };

/// What may stand in its section.
const KNOWN: &[&str] = &["schema"];
/// So many faults are told.
const TOLD_MAX: usize = 10;

struct Check(Arc<Schema>);

fn plan(given: &BuiltIn<'_>) -> Result<Open, Flaw> {
    given.check_known(KNOWN)?;
    let file = given.text("schema")?.ok_or_else(|| Flaw::here("has no `schema`: a file of JSON Schema"))?;
    let schema = Schema::read_in(given.folder, &given.folder.join(file)).map_err(|error| Flaw::of("schema", &error))?;
    let schema = Arc::new(schema);
    Ok(Box::new(move || Ok(Box::new(Check(Arc::clone(&schema))))))
}

impl Stage for Check {
    fn work(&mut self, job: &Job<'_>) -> Worked {
        self.check(&job.input).map(|()| Output::Same).into()
    }
}

impl Check {
    fn check(&self, input: &Given) -> Result<(), Failure> {
        // as text: its numbers are judged by their digits
        let text = match input {
            Given::Json(text) => text.as_str(),
            Given::Nothing => "null",
            Given::File(_) => return Err(Failure::permanent("what the stage before gave is no JSON")),
        };
        let violations = self.0.check_text(text).map_err(|error| Failure::permanent(error.to_string()))?;
        if violations.is_empty() {
            return Ok(());
        }
        let told = violations.iter().take(TOLD_MAX).map(|fault| match fault.pointer.as_str() {
            "" => fault.message.clone(),
            pointer => format!("{pointer}: {}", fault.message),
        });
        let told: Vec<String> = told.collect();
        let more = violations.len().saturating_sub(TOLD_MAX);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        Err(Failure::permanent(format!("{}{more}", told.join("; "))))
    }
}
