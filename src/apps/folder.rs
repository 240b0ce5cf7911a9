//! The folder `apps/<group>/<parent>/<name>/`: which apps stand in it, and which of them a person means.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::choose::choose;
use super::definition::{AppDefinition, DEFAULT_PROGRAM, DEFINITION_FILE};
use super::order::unkept;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::ident::AppName;

/// The levels of folders: group, parent, name.
const LEVELS: usize = 3;

/// An app that stands in the folder.
#[derive(Debug, Clone)]
pub struct FoundApp {
    /// Its name, from its place.
    pub name: AppName,
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// What its app.toml says.
    pub definition: AppDefinition,
}

/// A folder that should be an app, and is none.
#[derive(Debug)]
pub struct BrokenApp {
    /// Its name, where its place gives it a name that an app may have.
    pub name: Option<AppName>,
    /// What is wrong.
    pub error: Error,
}

/// All apps under `apps_folder`, sorted by name, and beside them what is broken; none when that folder does not exist.
///
/// An app is a folder on the third level with an `app.toml` or a `main`; what is hidden is left out.
///
/// # Errors
/// The file system's own failures.
pub fn look_for_apps(apps_folder: &Path) -> Result<(Vec<FoundApp>, Vec<BrokenApp>)> {
    let (root, folders) = app_folders(apps_folder)?;
    let mut apps = Vec::new();
    let mut broken = Vec::new();
    for folder in folders {
        let name = name_of(&root, &folder).ok();
        match read(&root, folder) {
            Ok(app) => apps.push(app),
            Err(error) => broken.push(BrokenApp { name, error }),
        }
    }
    apps.sort_by(|one, other| one.name.cmp(&other.name));
    let orders: Vec<(&AppName, &[String])> = apps.iter().map(|app| (&app.name, &app.definition.after[..])).collect();
    for (name, error) in unkept(&orders) {
        apps.retain(|app| app.name != name);
        broken.push(BrokenApp { name: Some(name), error });
    }
    broken.sort_by(|one, other| one.name.cmp(&other.name));
    Ok((apps, broken))
}

/// All apps under `apps_folder`, as [`look_for_apps`] finds them.
///
/// # Errors
/// Settings (exit 3) with everything that is broken at once; the file system's own failures.
pub fn find_apps(apps_folder: &Path) -> Result<Vec<FoundApp>> {
    let (apps, mut broken) = look_for_apps(apps_folder)?;
    match broken.len() {
        0 => Ok(apps),
        1 => Err(broken.remove(0).error),
        _ => Err(all_broken(&absolute(apps_folder)?, &broken)),
    }
}

/// The one app that `typed` names, as [`choose`] does. A neighbour whose app.toml is broken does not matter.
///
/// # Errors
/// As [`choose`]; settings (exit 3) when this app's own app.toml is broken.
pub fn find_app(apps_folder: &Path, typed: &str) -> Result<FoundApp> {
    if let Ok(name) = typed.parse::<AppName>() {
        // a whole name says where the app stands: no need to look at all others
        let root = absolute(apps_folder)?;
        let folder = root.join(name.to_string());
        if is_app(&folder) {
            return read(&root, folder);
        }
    }
    let (root, folders) = app_folders(apps_folder)?;
    let named = folders.into_iter().filter_map(|folder| Some((name_of(&root, &folder).ok()?, folder)));
    let named: Vec<(AppName, PathBuf)> = named.collect();
    let chosen = choose(named.iter().map(|(name, _)| name), typed)?;
    let folder = named.iter().find(|(name, _)| name == chosen).map(|(_, folder)| folder.clone());
    read(&root, folder.unwrap_or_else(|| root.join(chosen.to_string())))
}

/// The names of all apps under `apps_folder`, for completion.
///
/// # Errors
/// The file system's own failures.
pub fn app_names(apps_folder: &Path) -> Result<Vec<AppName>> {
    let (root, folders) = app_folders(apps_folder)?;
    Ok(folders.iter().filter_map(|folder| name_of(&root, folder).ok()).collect())
}

/// The apps folder as an absolute path, and the folders in it that hold an app.
fn app_folders(apps_folder: &Path) -> Result<(PathBuf, Vec<PathBuf>)> {
    let root = absolute(apps_folder)?;
    let mut folders = Vec::new();
    match fs::symlink_metadata(&root) {
        Ok(_) => collect(&root, LEVELS, &mut folders)?,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
        Err(cause) => return Err(file_error(format!("read the folder {}", root.display()), cause)),
    }
    Ok((root, folders))
}

fn absolute(apps_folder: &Path) -> Result<PathBuf> {
    std::path::absolute(apps_folder)
        .map_err(|cause| file_error(format!("find the folder {}", apps_folder.display()), cause))
}

fn collect(folder: &Path, levels: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |cause| file_error(format!("read the folder {}", folder.display()), cause);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        // a link to a folder counts as one; a link that leads nowhere is no folder
        if entry.file_name().as_encoded_bytes().starts_with(b".") || !path.is_dir() {
            continue;
        }
        if levels > 1 {
            collect(&path, levels - 1, found)?;
        } else if is_app(&path) {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether an app stands in a folder. A `main` that is not executable counts as well, so that its error is about the missing
/// permission.
pub fn is_app(folder: &Path) -> bool {
    folder.join(DEFINITION_FILE).is_file() || folder.join(DEFAULT_PROGRAM).is_file()
}

fn read(root: &Path, folder: PathBuf) -> Result<FoundApp> {
    let name = name_of(root, &folder).map_err(|error| {
        // where it stands is settings, not what somebody typed
        Error::new(ErrorKind::Settings, format!("take the folder {} as an app", folder.display()))
            .because(error)
            .hint("rename the folder")
    })?;
    let definition = AppDefinition::read(&folder)?;
    Ok(FoundApp { name, folder, definition })
}

/// The name of the app in a folder, from its place.
fn name_of(root: &Path, folder: &Path) -> Result<AppName> {
    folder.strip_prefix(root).unwrap_or(folder).to_string_lossy().parse()
}

fn all_broken(root: &Path, broken: &[BrokenApp]) -> Error {
    let mut message = format!("read {} of the apps in {}:", broken.len(), root.display());
    for BrokenApp { error, .. } in broken {
        message.push_str(&format!("\n  {error}"));
        if let Some(hint) = error.hint_text() {
            message.push_str(&format!(" ({hint})"));
        }
    }
    Error::new(ErrorKind::Settings, message).hint("mend these files and try again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn app(root: &Path, name: &str, file: &str, text: &str) {
        let folder = root.join(name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(file), text).expect("a file");
        let mode = if file == DEFAULT_PROGRAM { 0o755 } else { 0o644 };
        fs::set_permissions(folder.join(file), fs::Permissions::from_mode(mode)).expect("a mode");
    }

    #[test]
    fn only_apps_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        app(root, "hr/findata/companies", "app.toml", "command = [\"true\"]");
        app(root, "hr/court/cases", "main", "#!/bin/sh\n");
        app(root, "hr/court/notes", "readme.txt", "");
        app(root, "hr/.git/hooks", "main", "#!/bin/sh\n");
        app(root, "hr/court", "app.toml", "nonsense");
        let apps = find_apps(root).expect("apps");
        let names: Vec<String> = apps.iter().map(|app| app.name.to_string()).collect();
        assert_eq!(names, ["hr/court/cases", "hr/findata/companies"]);
        assert_eq!(apps[0].definition.program(&apps[0].folder), root.join("hr/court/cases/main"));
        assert!(find_apps(&root.join("nowhere")).expect("none").is_empty());
    }

    #[test]
    fn a_program_that_is_not_executable_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        app(root, "a/b/one", "main", "#!/bin/sh\n");
        fs::set_permissions(root.join("a/b/one/main"), fs::Permissions::from_mode(0o644)).expect("a mode");
        let error = find_app(root, "one").expect_err("not executable");
        assert!(error.hint_text().is_some_and(|hint| hint.contains("chmod +x")), "{error:?}");
        assert_eq!(look_for_apps(root).expect("a look").1.len(), 1);
    }

    #[test]
    fn everything_broken_is_told_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        app(root, "a/b/one", "app.toml", "comand = [\"true\"]");
        app(root, "a/b/two", "app.toml", "command = ");
        app(root, "a/b/three four", "main", "#!/bin/sh\n");
        app(root, "a/b/fine", "main", "#!/bin/sh\n");
        let error = find_apps(root).expect_err("broken");
        assert_eq!(error.kind(), ErrorKind::Settings);
        for part in ["3 of the apps", "a/b/one/app.toml", "`comand`", "a/b/two/app.toml line 1", "three four"] {
            assert!(error.message().contains(part), "{part}: {error}");
        }
    }
}
