//! What is wrong with an app.toml, and in which line.

use toml::de::{DeTable, DeValue};

use crate::error::{Error, ErrorKind};

/// An app.toml, for messages.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// Its path, or what it is.
    pub(super) place: &'a str,
    /// Its text; empty where there is none.
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// What is wrong at a place in it, with the line where the text is known.
    pub(super) fn wrong_at(&self, path: &[&str], reason: &str) -> Error {
        let line = line_of(self.text, path).map(|line| format!(" line {line}")).unwrap_or_default();
        settings_error(format!("read {}{line}: {}", self.place, words(path, reason)))
    }
}

pub(super) fn settings_error(message: String) -> Error {
    Error::new(ErrorKind::Settings, message)
}

/// What is wrong with a stage of an app.toml, told with its line. `field` stands in the stage.
pub(crate) fn stage_error(place: &str, text: &str, stage: usize, field: Option<&str>, reason: &str) -> Error {
    let number = stage.to_string();
    let path: Vec<&str> = ["stage", &number].into_iter().chain(field).collect();
    Source { place, text }.wrong_at(&path, reason)
}

/// What is wrong with the section of a pipeline, told with its line.
pub(crate) fn pipeline_error(place: &str, text: &str, field: &str, reason: &str) -> Error {
    Source { place, text }.wrong_at(&["pipeline", field], reason)
}

/// Where in a text a field stands, from 1: the deepest part of the path that is there.
fn line_of(text: &str, path: &[&str]) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let (mut at, mut value): (Option<usize>, Option<&DeValue<'_>>) = (None, None);
    for step in path {
        let next = match value {
            None => field(document.get_ref(), step),
            Some(DeValue::Table(table)) => field(table, step),
            Some(DeValue::Array(values)) => {
                let one = step.parse::<usize>().ok().and_then(|place| values.get(place));
                one.map(|one| (one.span().start, one.get_ref()))
            }
            Some(_) => None,
        };
        let Some((start, inner)) = next else { break };
        (at, value) = (Some(start), Some(inner));
    }
    at.map(|at| text[..at.min(text.len())].matches('\n').count() + 1)
}

fn field<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<(usize, &'a DeValue<'i>)> {
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
    Some((key.span().start, value.get_ref()))
}

/// A path and what is wrong there: `stage 2, `use`: ..`.
fn words(path: &[&str], reason: &str) -> String {
    match path {
        ["stage", place, rest @ ..] => {
            let number = place.parse::<usize>().map_or(0, |place| place + 1);
            let field = rest.iter().map(|field| format!(", `{field}`")).collect::<String>();
            format!("stage {number}{field} {reason}")
        }
        [section, field] => format!("`{section}.{field}` {reason}"),
        path => format!("`{}` {reason}", path.join(".")),
    }
}
