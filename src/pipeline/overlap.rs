//! Folders that several pipelines watch: none is to take the files of another.

use std::fs;
use std::path::PathBuf;

use crate::apps::{DEFINITION_FILE, FoundApp, PipelineDefinition, pipeline_error};
use crate::error::Error;

/// A folder that a pipeline watches.
struct Watched<'a> {
    app: &'a FoundApp,
    definition: &'a PipelineDefinition,
    folder: PathBuf,
}

/// The pipelines that would take files of others, each with the reason (settings, with file and line): one that looks into the
/// folders of its folder, where another one watches one of those, and the second of two that take the same files of one folder.
pub fn overlaps(apps: &[FoundApp]) -> Vec<(&FoundApp, Error)> {
    let watched: Vec<Watched<'_>> = apps.iter().flat_map(watched_by).collect();
    let mut found: Vec<(&FoundApp, Error)> = Vec::new();
    for (place, own) in watched.iter().enumerate() {
        let inner = watched.iter().find(|other| is_inside(other, own));
        let same = watched[..place].iter().find(|other| takes_the_same(other, own));
        let reason = match (inner, same) {
            (Some(inner), _) => format!(
                "names {}, with the folders in it (`recursive`), and {} watches {}: each would take the files of the other",
                own.folder.display(),
                inner.app.name,
                inner.folder.display()
            ),
            (None, Some(same)) => format!(
                "names {}, out of which {} takes the same files: give each its own `extensions`, or both `copy = true`",
                own.folder.display(),
                same.app.name
            ),
            (None, None) => continue,
        };
        if !found.iter().any(|(app, _)| std::ptr::eq(*app, own.app)) {
            found.push((own.app, error_of(own.app, &reason)));
        }
    }
    found
}

fn watched_by(app: &FoundApp) -> Vec<Watched<'_>> {
    let Some(definition) = &app.definition.pipeline else { return Vec::new() };
    let one = |written: &String| {
        let folder = app.folder.join(written);
        // links may lead two names to one folder; one that is not there yet is as it is written
        let folder = fs::canonicalize(&folder).unwrap_or(folder);
        Watched { app, definition, folder }
    };
    definition.watch.iter().map(one).collect()
}

fn is_inside(inner: &Watched<'_>, outer: &Watched<'_>) -> bool {
    outer.definition.recursive && inner.folder != outer.folder && inner.folder.starts_with(&outer.folder)
}

fn takes_the_same(one: &Watched<'_>, other: &Watched<'_>) -> bool {
    let is_end = |name: &String, end: &String| name == end || name.ends_with(&format!(".{end}"));
    let (ours, theirs) = (&one.definition.extensions, &other.definition.extensions);
    let is_shared = ours.is_empty()
        || theirs.is_empty()
        || ours.iter().any(|own| theirs.iter().any(|their| is_end(own, their) || is_end(their, own)));
    one.folder == other.folder && is_shared && !(one.definition.copy && other.definition.copy)
}

fn error_of(app: &FoundApp, reason: &str) -> Error {
    let file = app.folder.join(DEFINITION_FILE);
    // a file that is gone by now has no line
    let text = fs::read_to_string(&file).unwrap_or_default();
    pipeline_error(&file.display().to_string(), &text, "watch", reason)
}
