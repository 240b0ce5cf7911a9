//! A store: what files stand in. It knows paths and bytes, and nothing of names, apps or times.

use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;

use super::staged::{Put, Staged};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{Secret, Section};

/// One line of the registry.
#[derive(Clone, Copy)]
pub struct Entry {
    /// What a person types as `type`.
    pub name: &'static str,
    /// Opens one as its section says. It reaches nothing yet.
    pub open: fn(&Context, &Given<'_>) -> Result<Box<dyn FileStore>>,
}

/// What is said of a store.
pub struct Given<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its section, `[storage.stores.NAME]`.
    pub section: Section<'a>,
    /// The folder of `[storage] root`: the store `local`, and what is on its way to others.
    pub root: &'a Path,
}

impl Given<'_> {
    /// A field that must be there.
    ///
    /// # Errors
    /// Settings, when it is not.
    pub fn needed(&self, field: &str) -> Result<String> {
        self.section.text(field)?.filter(|text| !text.is_empty()).ok_or_else(|| {
            let message = format!("use the store `{}`: its `{field}` is not set", self.name);
            Error::new(ErrorKind::Settings, message).hint(format!("write `{field}` under [{}]", self.section.name()))
        })
    }

    /// A field that must be there and not be seen.
    ///
    /// # Errors
    /// As [`Given::needed`].
    pub fn secret(&self, field: &str) -> Result<Secret> {
        self.needed(field).map(Secret::new)
    }
}

/// What stands in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Its path.
    pub path: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// When it came there, in UTC.
    pub modified: NaiveDateTime,
}

/// How much room a store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The size of its disk, in bytes.
    pub total: u64,
    /// What is free for us, in bytes.
    pub free: u64,
}

/// What files stand in.
pub trait FileStore: Send {
    /// What it is, for messages: a folder, a bucket.
    fn label(&self) -> String;

    /// Looks whether it can be used. With `is_known` files were kept in it before: an empty place is then none, but a disk
    /// that is not mounted.
    ///
    /// # Errors
    /// Busy and temporary where it may come back; permission, settings.
    fn reach(&mut self, is_known: bool) -> Result<()>;

    /// The folder, on this machine, in which a file is written that will stand in `folder` of the store.
    ///
    /// # Errors
    /// What the file system says.
    fn staging(&self, folder: &str) -> Result<PathBuf>;

    /// Puts what was written there at its place, so that it is whole or not there, also when the power fails. What stands
    /// there already is not replaced by other bytes.
    ///
    /// # Errors
    /// What the file system or the server says.
    fn put(&mut self, staged: &mut Staged, path: &str) -> Result<Put>;

    /// Puts many files at their places, each as [`FileStore::put`] does.
    fn put_all(&mut self, files: &mut [(&mut Staged, String)]) -> Vec<Result<Put>> {
        files.iter_mut().map(|(staged, path)| self.put(staged, path)).collect()
    }

    /// How many bytes the file at a path has; `None` where there is none.
    ///
    /// # Errors
    /// What the file system or the server says.
    fn size(&mut self, path: &str) -> Result<Option<u64>>;

    /// Reads a file.
    ///
    /// # Errors
    /// Not found; what the file system or the server says.
    fn open(&mut self, path: &str) -> Result<Box<dyn Read + Send>>;

    /// Deletes a file; false when there was none.
    ///
    /// # Errors
    /// What the file system or the server says.
    fn delete(&mut self, path: &str) -> Result<bool>;

    /// Shows everything that stands in it, in no order.
    ///
    /// # Errors
    /// What the file system or the server says, and what `visit` says.
    fn each(&mut self, visit: &mut dyn FnMut(FoundFile) -> Result<()>) -> Result<()>;

    /// How much room it has; `None` where nobody knows a limit.
    ///
    /// # Errors
    /// What the file system says.
    fn room(&self) -> Result<Option<Room>>;

    /// Whether other machines can find the same files there, as far as is known.
    fn is_shared(&self) -> bool {
        true
    }

    /// The file itself, where programs of this machine can open it.
    fn local(&self, _path: &str) -> Option<PathBuf> {
        None
    }
}
