//! Why a file in a watched folder is no task: what the worker noted when it looked, or what app.toml says.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::find::places;
use super::pipelines::Pipelines;
use super::worker::is_at_work;
use crate::apps::look_for_apps;
use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::shell::visible_line;
use crate::storage::written;
use crate::tables::{FolderRow, Store};

/// A file that is no task.
#[derive(Debug, Clone, Serialize)]
pub struct Untaken {
    /// The file.
    pub file: String,
    /// The pipeline whose folder it is in.
    pub pipeline: String,
    /// The folder.
    pub folder: String,
    /// Why it is not taken, or not yet.
    pub reason: String,
    /// When a worker looked last; `None` when none has.
    pub looked_at: Option<String>,
}

impl fmt::Display for Untaken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, pipeline, folder, reason, looked_at } = self;
        write!(formatter, "{} is in {}, a folder of {pipeline}, and ", visible_line(file), visible_line(folder))?;
        write!(formatter, "is not taken: {}", visible_line(reason))?;
        match looked_at {
            Some(looked_at) => write!(formatter, " (the folder was last looked at {looked_at})"),
            None => write!(formatter, " (no worker has looked into the folder yet)"),
        }
    }
}

/// What is known of a file that no task is of; `None` for one that is in no watched folder.
///
/// # Errors
/// What the database and the file system say.
pub(super) fn untaken(
    context: &Context,
    store: &mut Store,
    pipelines: &Pipelines,
    text: &str,
) -> Result<Option<Untaken>> {
    let places = places(text);
    let folders = store.tasks().folders(None)?;
    for place in &places {
        let (shown, name) = (place.to_string_lossy(), written(place.as_os_str()));
        for folder in &folders {
            let waiting: Vec<(String, String)> = serde_json::from_str(&folder.waiting).unwrap_or_default();
            let is_it = |path: &str| path == shown || name.as_ref().is_ok_and(|name| name == path);
            if let Some((file, reason)) = waiting.into_iter().find(|(path, _)| is_it(path)) {
                return Ok(Some(noted(pipelines, folder, file, reason)));
            }
        }
    }
    let Some(place) = places.iter().find(|place| place.symlink_metadata().is_ok()) else { return Ok(None) };
    let now = store.now()?;
    let workers = store.tasks().workers(None)?;
    let (apps, _) = look_for_apps(&context.settings().project.apps())?;
    for app in apps {
        let Some(definition) = &app.definition.pipeline else { continue };
        for watched in &definition.watch {
            let folder = app.folder.join(watched);
            let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
            let Some(inside) = place.strip_prefix(&folder).or_else(|_| place.strip_prefix(&real)).ok() else {
                continue;
            };
            let id = pipelines.active().find(|pipeline| pipeline.app.name == app.name).map(|it| it.app.id);
            let row = folders.iter().find(|row| Some(row.app_id) == id && Path::new(&row.folder) == folder);
            let is_worked = workers.iter().any(|worker| Some(worker.app_id) == id && is_at_work(worker, now));
            let name = inside.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            let has = |end: &String| name.ends_with(&format!(".{end}"));
            let own = inside.components().next().map(|first| first.as_os_str().to_string_lossy().into_owned());
            let reason = match place.symlink_metadata().map(|data| data.file_type()) {
                Ok(kind) if kind.is_symlink() => "it is a link".to_owned(),
                Ok(kind) if kind.is_dir() => "it is a folder".to_owned(),
                Ok(kind) if !kind.is_file() => "it is no file".to_owned(),
                _ if own.as_deref() == Some("rejected") => {
                    "it was put aside there: its document did not come through".to_owned()
                }
                _ if own.as_deref() == Some("work") => "it was taken, and is about to become a task".to_owned(),
                _ if inside.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.')) => {
                    "names that begin with a dot are not taken".to_owned()
                }
                _ if inside.components().count() > 1 && !definition.recursive => {
                    "it is in a folder of the folder, and app.toml does not say recursive = true".to_owned()
                }
                _ if !definition.extensions.is_empty() && !definition.extensions.iter().any(has) => {
                    format!("app.toml takes only names that end in .{}", definition.extensions.join(", ."))
                }
                _ if id.is_none() => format!("{} is not registered: `dc deploy`", app.name),
                _ if !is_worked => format!("no worker works: `dc manager start`, or `dc run {}`", app.name),
                _ => match row.and_then(|row| row.error.clone()) {
                    Some(error) => format!("the folder cannot be looked at: {error}"),
                    None => "it was not there at the last look".to_owned(),
                },
            };
            return Ok(Some(Untaken {
                file: place.to_string_lossy().into_owned(),
                pipeline: app.name.to_string(),
                folder: folder.to_string_lossy().into_owned(),
                reason,
                looked_at: row.map(|row| clock::local(row.looked_at)),
            }));
        }
    }
    Ok(None)
}

fn noted(pipelines: &Pipelines, folder: &FolderRow, file: String, reason: String) -> Untaken {
    Untaken {
        file,
        pipeline: pipelines.name(folder.app_id),
        folder: folder.folder.clone(),
        reason,
        looked_at: Some(clock::local(folder.looked_at)),
    }
}
