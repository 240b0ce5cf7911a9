//! What does the work of a stage: a program, something built in, or a worker in Rust.

mod check;
mod command;
mod fields;
mod load;
mod ocr;
mod reply;
mod serve;

pub(super) use command::Command;
pub(super) use reply::failure;
pub(super) use serve::Serve;

use std::path::Path;

use serde_json::{Map, Value};

use super::stage::Stage;
use crate::context::Context;
use crate::error::Result;

/// What is wrong with what a stage is told.
#[derive(Debug)]
pub(super) struct Flaw {
    /// The field.
    pub(super) field: Option<String>,
    /// What is wrong with it: `takes a list of texts`.
    pub(super) reason: String,
}

/// What a built-in stage is made of.
pub(super) struct BuiltIn<'a> {
    pub(super) context: &'a Context,
    /// The pipeline's folder.
    pub(super) folder: &'a Path,
    /// What stands in its section.
    pub(super) options: &'a Map<String, Value>,
}

/// Opens a stage, once for each thread that works.
pub(super) type Open = Box<dyn Fn() -> Result<Box<dyn Stage>> + Send + Sync>;

/// One kind of built-in stage.
pub struct Entry {
    /// What a person types behind `use`.
    pub name: &'static str,
    /// Reads what its section says.
    pub(super) plan: fn(&BuiltIn<'_>) -> std::result::Result<Open, Flaw>,
}

/// What `use` may name.
pub const STAGES: &[Entry] = &[ocr::ENTRY, fields::ENTRY, check::ENTRY, load::ENTRY];

impl Flaw {
    pub(super) fn at(field: &str, reason: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), reason: reason.into() }
    }

    pub(super) fn here(reason: impl Into<String>) -> Self {
        Self { field: None, reason: reason.into() }
    }

    /// What an error of dc's own says of a field.
    pub(super) fn of(field: &str, error: &crate::error::Error) -> Self {
        let hint = error.hint_text().map(|hint| format!(" ({hint})")).unwrap_or_default();
        Self::at(field, format!("cannot be taken: {error}{hint}"))
    }
}

impl BuiltIn<'_> {
    /// That nothing stands there which the stage does not know.
    pub(super) fn check_known(&self, known: &[&str]) -> std::result::Result<(), Flaw> {
        match self.options.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Flaw::at(name, format!("is not known here; known: {}", known.join(", ")))),
            None => Ok(()),
        }
    }

    pub(super) fn text(&self, name: &str) -> std::result::Result<Option<String>, Flaw> {
        match self.options.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.clone())),
            Some(_) => Err(Flaw::at(name, "takes a text in quotes")),
        }
    }

    pub(super) fn texts(&self, name: &str) -> std::result::Result<Vec<String>, Flaw> {
        let takes = || Flaw::at(name, "takes a list of texts");
        let Some(value) = self.options.get(name) else { return Ok(Vec::new()) };
        let values = value.as_array().ok_or_else(takes)?;
        values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(takes)
    }

    pub(super) fn flag(&self, name: &str) -> std::result::Result<Option<bool>, Flaw> {
        match self.options.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Flaw::at(name, "takes true or false")),
        }
    }
}
