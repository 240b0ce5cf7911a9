//! Programs that apps and stages name and that are not on this machine: their runs would fail at the start.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::finding;
use crate::apps::{FoundApp, StageWork, look_for_apps};
use crate::context::Context;
use crate::ops::{Finding, Health};

/// So many are named.
const NAMED_MAX: usize = 10;

/// A finding for each program that is missing, in the order of the apps.
pub(super) fn programs(context: &Context) -> Vec<Finding> {
    let Ok((apps, _)) = look_for_apps(&context.settings().project.apps()) else { return Vec::new() };
    let path = context.settings().path_variable("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    apps.iter().flat_map(|app| missing(app, &places)).take(NAMED_MAX).collect()
}

fn missing(app: &FoundApp, places: &[PathBuf]) -> Vec<Finding> {
    let definition = &app.definition;
    let of_stages =
        definition.pipeline.iter().flat_map(|pipeline| &pipeline.stages).filter_map(|stage| match &stage.work {
            StageWork::Command { command, .. } => command.first().map(PathBuf::from),
            _ => None,
        });
    let own = definition.pipeline.is_none().then(|| definition.program(&app.folder));
    let absent = own.into_iter().chain(of_stages).filter(|program| !is_there(program, &app.folder, places));
    absent.map(|program| not_there(app, &program)).collect()
}

fn is_there(program: &Path, folder: &Path, places: &[PathBuf]) -> bool {
    let can_run = |path: PathBuf| path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0);
    match program.components().count() {
        1 => places.iter().any(|place| can_run(place.join(program))),
        _ => can_run(folder.join(program)),
    }
}

fn not_there(app: &FoundApp, program: &Path) -> Finding {
    let (name, shown) = (&app.name, program.display());
    let (found, mend) = match program.components().count() {
        1 => (
            format!("{name} runs `{shown}`, which is not on PATH"),
            "install it, or name another in app.toml".to_owned(),
        ),
        _ => (format!("{name} runs {shown}, which is not an executable file"), format!("chmod +x {shown}")),
    };
    finding("programs", Health::Failed, found, Some(mend))
}
