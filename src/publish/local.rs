//! What belongs to an app's folder, and what of it stays on its machine: what is hidden, caches, watched folders, secrets.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use super::options::PublishOptions;
use super::private;
use super::sum;
use crate::apps::{AppDefinition, FoundApp, StageWork};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::storage::{sha256_of, written};

/// How many files an app's folder may have.
const FILES_MAX: usize = 10_000;
/// The deepest folder that is looked into.
const DEPTH_MAX: usize = 32;
/// Folders that programs fill by themselves. Others say so: by `CACHEDIR.TAG` (as `target` of cargo does), or by
/// `pyvenv.cfg` of a virtual environment.
const CACHES: &[&str] = &["__pycache__", "node_modules"];
/// What says so.
const CACHE_MARKS: &[&str] = &["CACHEDIR.TAG", "pyvenv.cfg"];
/// The folders that a pipeline makes in those that it watches.
const MADE_BY_PIPELINES: [&str; 2] = ["work", "rejected"];

/// The files of an app's folder.
#[derive(Debug, Default)]
pub(super) struct LocalFiles {
    /// The files, by their paths in the folder.
    pub(super) files: BTreeMap<PathBuf, LocalFile>,
    /// What stays here although nobody said so.
    pub(super) left_out: Vec<LeftOut>,
}

/// A file of an app's folder.
#[derive(Debug)]
pub(super) struct LocalFile {
    /// Where its bytes are: elsewhere, where it is a link.
    pub(super) at: PathBuf,
    /// How many it has.
    pub(super) bytes: u64,
    /// Whether it may be executed.
    pub(super) executable: bool,
}

/// A file that stays on its machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its path in the app's folder.
    pub path: String,
    /// Why.
    pub reason: String,
}

impl LocalFiles {
    /// Looks through the folder of an app.
    ///
    /// # Errors
    /// Refused for a folder that is too large; usage for a link that leads out of the project; the file system's own.
    pub(super) fn of(context: &Context, app: &FoundApp, options: &PublishOptions) -> Result<Self> {
        let within = |error: Error| error.within(format!("publish {}", app.name));
        let mut walk = Walk::of(context, app, options).map_err(within)?;
        walk.all().map_err(within)?;
        Ok(walk.found)
    }

    /// How many bytes all of them have.
    pub(super) fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }

    /// The sum of all of them, by reading them.
    ///
    /// # Errors
    /// As for files that are kept.
    pub(super) fn sha256(&self) -> Result<Vec<u8>> {
        let read = |(path, file): (&PathBuf, &LocalFile)| {
            Ok((written(path.as_os_str())?, sha256_of(&file.at)?.0, file.executable))
        };
        let read = self.files.iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(sum::of(read.iter().map(|(path, sha256, executable)| (path.as_str(), &sha256[..], *executable))))
    }
}

struct Walk<'a> {
    options: &'a PublishOptions,
    /// The app's folder, without links.
    root: PathBuf,
    /// The project's, likewise.
    project: PathBuf,
    /// The store of secrets and the like.
    private: Vec<PathBuf>,
    /// The folders whose documents are no part of the app.
    watched: Vec<PathBuf>,
    /// What app.toml names as programs, as paths in the folder.
    programs: Vec<PathBuf>,
    found: LocalFiles,
}

impl<'a> Walk<'a> {
    fn of(context: &Context, app: &FoundApp, options: &'a PublishOptions) -> Result<Self> {
        let settings = context.settings();
        let real = |path: &Path| {
            path.canonicalize().map_err(|cause| file_error(format!("find the folder {}", path.display()), cause))
        };
        let root = real(&app.folder)?;
        let watched = app.definition.pipeline.iter().flat_map(|pipeline| &pipeline.watch).flat_map(|watched| {
            let watched = root.join(watched);
            MADE_BY_PIPELINES.map(|made| watched.join(made)).into_iter().chain([watched.clone()])
        });
        let watched = watched.filter_map(|folder| folder.canonicalize().ok()).filter(|folder| *folder != root);
        let private = [Some(&settings.secrets.path), settings.secrets.password_file.as_ref()];
        Ok(Self {
            options,
            watched: watched.collect(),
            private: private.into_iter().flatten().filter_map(|path| path.canonicalize().ok()).collect(),
            project: real(&settings.project.root)?,
            programs: programs(&app.definition)?,
            root,
            found: LocalFiles::default(),
        })
    }

    fn all(&mut self) -> Result<()> {
        let root = self.root.clone();
        self.folder(&root, Path::new(""), &mut vec![root.clone()])?;
        // what runs goes, wherever it was built
        for path in std::mem::take(&mut self.programs) {
            let at = self.root.join(&path);
            if !self.found.files.contains_key(&path) && at.symlink_metadata().is_ok() {
                let (at, data) = self.program(at, &path)?;
                self.file(&path, at, &data)?;
            }
        }
        let bytes = self.found.bytes();
        let largest = self.found.files.iter().max_by_key(|(_, file)| file.bytes);
        match largest {
            Some((path, file)) if bytes > self.options.bytes_max => {
                let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
                let message = format!(
                    "its folder has {}, and {} are the most; the largest file is `{}` with {}",
                    mib(bytes),
                    mib(self.options.bytes_max),
                    path.display(),
                    mib(file.bytes)
                );
                Err(Error::new(ErrorKind::Refused, message).hint(format!(
                    "leave it out: [deploy] ignore = [\"{}\"]; or raise [deploy] size_max",
                    path.display()
                )))
            }
            _ => Ok(()),
        }
    }

    fn folder(&mut self, at: &Path, path: &Path, above: &mut Vec<PathBuf>) -> Result<()> {
        let failed = |cause| file_error(format!("look through {}", at.display()), cause);
        for entry in fs::read_dir(at).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let (at, path) = (at.join(&name), path.join(&name));
            if self.options.ignore.iter().any(|pattern| pattern.fits(&path)) {
                continue;
            }
            if is_hidden(&name) {
                self.note_private(&path, private::by_name(&name.to_string_lossy()));
                continue;
            }
            let (at, data) = self.followed(at, &path)?;
            if data.is_dir() {
                self.folder_in(at, &path, above)?;
            } else {
                self.file(&path, at, &data)?;
            }
        }
        Ok(())
    }

    fn folder_in(&mut self, at: PathBuf, path: &Path, above: &mut Vec<PathBuf>) -> Result<()> {
        let is_cache = path.file_name().is_some_and(|name| CACHES.iter().any(|cache| name == *cache))
            || CACHE_MARKS.iter().any(|mark| at.join(mark).is_file());
        if is_cache || self.watched.contains(&at) {
            return Ok(());
        }
        if above.contains(&at) || above.len() > DEPTH_MAX {
            let message = format!("`{}` leads back to a folder above it, or is too deep", path.display());
            return Err(Error::new(ErrorKind::Usage, message).hint(leave_out(path)));
        }
        above.push(at.clone());
        self.folder(&at, path, above)?;
        above.pop();
        Ok(())
    }

    fn file(&mut self, path: &Path, at: PathBuf, data: &Metadata) -> Result<()> {
        let name = at.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let reason = match () {
            () if !data.is_file() => Some("it is no file"),
            () if self.private.contains(&at) => Some("it holds the secrets of the project"),
            () => match private::by_name(&name) {
                None => private::by_content(&at, data.len())?,
                reason => reason,
            },
        };
        if reason.is_some() {
            self.note_private(path, reason);
            return Ok(());
        }
        if self.found.files.len() == FILES_MAX {
            let message = format!("its folder has more than {FILES_MAX} files, among them `{}`", path.display());
            let folder = path.components().next().map_or(path, |first| Path::new(first.as_os_str()));
            return Err(Error::new(ErrorKind::Refused, message).hint(leave_out(folder)));
        }
        let executable = data.permissions().mode() & 0o111 != 0;
        self.found.files.insert(path.to_owned(), LocalFile { at, bytes: data.len(), executable });
        Ok(())
    }

    fn note_private(&mut self, path: &Path, reason: Option<&str>) {
        let path = path.display().to_string();
        self.found.left_out.extend(reason.map(|reason| LeftOut { path, reason: reason.to_owned() }));
    }

    /// What a path stands for: a link is what it leads to, in the project or the app's folder.
    fn followed(&self, at: PathBuf, path: &Path) -> Result<(PathBuf, Metadata)> {
        let data = at.symlink_metadata().map_err(|cause| file_error(format!("look at {}", at.display()), cause))?;
        match data.is_symlink() {
            false => Ok((at, data)),
            true => self.target(&at, path, &format!("put a copy in its place, or {}", leave_out(path))),
        }
    }

    /// The same for a program that app.toml names.
    fn program(&self, at: PathBuf, path: &Path) -> Result<(PathBuf, Metadata)> {
        match at.canonicalize() {
            Ok(real) if real == at => self.followed(at, path),
            _ => self.target(&at, path, "name a program in app.toml that is on PATH everywhere, such as `python3`"),
        }
    }

    fn target(&self, at: &Path, path: &Path, hint: &str) -> Result<(PathBuf, Metadata)> {
        let refused = |reason: String| {
            let message = format!("`{}` is a link to {reason}", path.display());
            Err(Error::new(ErrorKind::Usage, message).hint(hint))
        };
        let Ok(real) = at.canonicalize() else { return refused("what is not there".to_owned()) };
        let inside = [&self.root, &self.project].into_iter().find_map(|root| real.strip_prefix(root).ok());
        match inside {
            None => refused(format!("{}, outside of the project", real.display())),
            Some(inside) if inside.iter().any(is_hidden) => refused(format!("{}, which is hidden", real.display())),
            Some(_) => {
                let data = real.metadata();
                let data = data.map_err(|cause| file_error(format!("look at {}", real.display()), cause))?;
                Ok((real, data))
            }
        }
    }
}

fn leave_out(path: &Path) -> String {
    format!("leave it out: [deploy] ignore = [\"{}\"]", path.display())
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// The programs of the app's folder that its definition names, as paths in the folder.
fn programs(definition: &AppDefinition) -> Result<Vec<PathBuf>> {
    let stages = definition.pipeline.iter().flat_map(|pipeline| &pipeline.stages);
    let of_stages = stages.filter_map(|stage| match &stage.work {
        StageWork::Command { command, .. } => command.first(),
        StageWork::BuiltIn { .. } | StageWork::Worker(_) | StageWork::Actor { .. } => None,
    });
    let named = definition.command.first().into_iter().chain(of_stages);
    let relative = named.filter(|program| program.contains('/') && !program.starts_with('/'));
    relative.map(|program| path_in_folder(program)).collect()
}

fn path_in_folder(program: &str) -> Result<PathBuf> {
    let mut path = PathBuf::new();
    for part in Path::new(program).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            _ if path.pop() => {}
            _ => {
                let message = format!("app.toml names the program `{program}`, outside of the app's folder");
                return Err(Error::new(ErrorKind::Usage, message)
                    .hint("put it into the folder, or name one that is on PATH everywhere"));
            }
        }
    }
    Ok(path)
}
