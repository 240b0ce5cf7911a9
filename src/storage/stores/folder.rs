//! A folder: on a disk of this machine, or on one that several machines have mounted.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, NaiveDateTime};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::storage::disk;
use crate::storage::network::network_file_system;
use crate::storage::staged::{Put, Staged};
use crate::storage::store::{Entry, FileStore, FoundFile, Given, Room};

/// This kind's line in the registry.
pub(in crate::storage) const ENTRY: Entry = Entry { name: "folder", open };

/// Says that a folder is a store: one that is not mounted has none.
const MARK: &str = ".dc-store";
/// So many files are made safe at once.
const SYNCS_MAX: usize = 16;
/// The deepest folder that is looked into.
const DEPTH_MAX: usize = 32;

struct Folder {
    name: String,
    root: PathBuf,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn FileStore>> {
    let root = match given.section.text("path")? {
        Some(path) => context.settings().project.root.join(path),
        None if given.name == "local" => given.root.to_owned(),
        None => PathBuf::from(given.needed("path")?),
    };
    Ok(Box::new(Folder { name: given.name.to_owned(), root }))
}

impl Folder {
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The folder that is there: one that is not made yet comes onto the disk of the one above it.
    fn there(&self) -> &Path {
        self.root.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"))
    }

    /// Makes a folder, with those above it, so that it outlasts a power cut.
    fn make(&self, folder: &Path) -> Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
        let failed = |cause| file_error(format!("make the folder {}", folder.display()), cause);
        fs::create_dir_all(folder).map_err(failed)?;
        missing.into_iter().filter_map(Path::parent).try_for_each(|above| sync(above).map_err(failed))
    }

    /// Deletes the folders above a file that are empty now.
    fn tidy(&self, file: &Path) {
        let above = file.ancestors().skip(1).take_while(|folder| **folder != self.root);
        for folder in above {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }

    fn walk(&self, folder: &Path, depth: usize, visit: &mut dyn FnMut(FoundFile) -> Result<()>) -> Result<()> {
        let failed = |cause| file_error(format!("look through {}", folder.display()), cause);
        let entries = match fs::read_dir(folder) {
            // another one has deleted it
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let Ok(data) = path.symlink_metadata() else { continue };
            if data.is_dir() && depth < DEPTH_MAX {
                self.walk(&path, depth + 1, visit)?;
            } else if let Some(found) = self.found(&path, &data) {
                visit(found)?;
            }
        }
        Ok(())
    }

    /// What is no file, or has a name that is no text, was not put here by us.
    fn found(&self, path: &Path, data: &fs::Metadata) -> Option<FoundFile> {
        let relative = path.strip_prefix(&self.root).ok()?.to_str()?.to_owned();
        let is_ours = data.is_file() && relative != MARK;
        is_ours.then(|| FoundFile { path: relative, bytes: data.len(), modified: modified(data) })
    }
}

/// When it was written; of one that still has the name under which it was given away, when it came here: until it is recorded it
/// must not look older than it is.
fn modified(data: &fs::Metadata) -> NaiveDateTime {
    let came = if data.nlink() > 1 { data.ctime() } else { 0 };
    DateTime::from_timestamp(data.mtime().max(came), 0).unwrap_or(DateTime::UNIX_EPOCH).naive_utc()
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes many files safe. The disk does it in not much more time than for one, for whoever asks for all of them at once.
fn sync_files(files: &mut [(&mut Staged, String)]) -> Vec<Result<()>> {
    let mut synced: Vec<Result<()>> = files.iter().map(|_| Ok(())).collect();
    let threads = SYNCS_MAX.min(files.len());
    let rest = Mutex::new(files.iter_mut().zip(&mut synced));
    let next = || rest.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(((staged, _), synced)) = next() {
            *synced = staged.sync();
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // without more threads this one does all of it
            let _ = std::thread::Builder::new().name("sync".to_owned()).spawn_scoped(scope, work);
        }
        work();
    });
    synced
}

impl FileStore for Folder {
    fn label(&self) -> String {
        self.root.display().to_string()
    }

    fn reach(&mut self, is_known: bool) -> Result<()> {
        let mark = self.root.join(MARK);
        match mark.try_exists() {
            Ok(true) => return Ok(()),
            Ok(false) if !is_known => {}
            Ok(false) => {
                let message = format!("use the store `{}`: {} is not there", self.name, mark.display());
                return Err(Error::new(ErrorKind::Busy, message).hint(format!(
                    "mount its disk; where this is the right place: mkdir -p {0} && touch {0}/{MARK}",
                    self.root.display()
                )));
            }
            Err(cause) => return Err(file_error(format!("use the store `{}`", self.name), cause)),
        }
        self.make(&self.root)?;
        let text = format!("files of `dc files`, store {}\n", self.name);
        fs::write(&mark, text).map_err(|cause| file_error(format!("make the store `{}`", self.name), cause))?;
        sync(&self.root).map_err(|cause| file_error(format!("make the store `{}`", self.name), cause))
    }

    fn staging(&self, folder: &str) -> Result<PathBuf> {
        let folder = self.at(folder);
        self.make(&folder).map(|()| folder)
    }

    fn put(&mut self, staged: &mut Staged, path: &str) -> Result<Put> {
        let path = self.at(path);
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        self.make(&folder)?;
        let put = staged.name(&path)?;
        sync(&folder).map_err(|cause| file_error(format!("store {}", path.display()), cause))?;
        Ok(put)
    }

    fn put_all(&mut self, files: &mut [(&mut Staged, String)]) -> Vec<Result<Put>> {
        let paths: Vec<PathBuf> = files.iter().map(|(_, path)| self.at(path)).collect();
        let synced = sync_files(files);
        let mut put = Vec::with_capacity(files.len());
        let mut folders: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
        for (place, ((synced, (staged, _)), path)) in synced.into_iter().zip(files).zip(&paths).enumerate() {
            let folder = path.parent().unwrap_or(&self.root);
            let made = if folders.contains_key(folder) { Ok(()) } else { self.make(folder) };
            put.push(synced.and(made).and_then(|()| staged.name(path)));
            folders.entry(folder).or_default().push(place);
        }
        for (folder, places) in folders {
            let Err(cause) = sync(folder) else { continue };
            for place in places {
                let cause = io::Error::new(cause.kind(), cause.to_string());
                put[place] = Err(file_error(format!("store {}", paths[place].display()), cause));
            }
        }
        put
    }

    fn size(&mut self, path: &str) -> Result<Option<u64>> {
        match self.at(path).symlink_metadata() {
            Ok(data) => Ok(data.is_file().then_some(data.len())),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(file_error(format!("look at {}", self.at(path).display()), cause)),
        }
    }

    fn open(&mut self, path: &str) -> Result<Box<dyn Read + Send>> {
        let file = File::open(self.at(path));
        Ok(Box::new(file.map_err(|cause| file_error(format!("read {}", self.at(path).display()), cause))?))
    }

    fn delete(&mut self, path: &str) -> Result<bool> {
        let path = self.at(path);
        match fs::remove_file(&path) {
            Ok(()) => {
                self.tidy(&path);
                Ok(true)
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(cause) => Err(file_error(format!("delete {}", path.display()), cause)),
        }
    }

    fn each(&mut self, visit: &mut dyn FnMut(FoundFile) -> Result<()>) -> Result<()> {
        self.walk(&self.root.clone(), 0, visit)
    }

    fn room(&self) -> Result<Option<Room>> {
        disk::room(self.there()).map(Some)
    }

    fn is_shared(&self) -> bool {
        network_file_system(self.there()).is_some()
    }

    fn local(&self, path: &str) -> Option<PathBuf> {
        Some(self.at(path))
    }
}
