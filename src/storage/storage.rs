//! The storage of a project: its stores, opened when they are needed, and the table of what is in them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::digest::{self, Copied, ReadFailure};
use super::disk;
use super::kinds;
use super::options::StorageOptions;
use super::staged::Staged;
use super::store::{FileStore, Given, Room};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::tables::{FileCount, FileRow, Store};

/// The storage of a project.
///
/// One connection to the database, used by one thread at a time.
pub struct Storage {
    pub(super) context: Context,
    pub(super) tables: Store,
    pub(super) stores: Stores,
}

/// A store that files are in.
pub struct StoreInUse {
    /// Its name.
    pub name: String,
    /// How many files are in it.
    pub count: FileCount,
    /// What it is and how much room it has; why it cannot be used.
    pub found: Result<(String, Option<Room>)>,
    /// Whether it takes no more files.
    pub is_full: bool,
}

/// The stores that are open.
pub(super) struct Stores {
    context: Context,
    pub(super) options: StorageOptions,
    open: BTreeMap<String, Box<dyn FileStore>>,
}

impl Storage {
    /// The storage as `[storage]` says. No store is reached yet.
    ///
    /// # Errors
    /// Settings; what the database says.
    pub fn open(context: &Context) -> Result<Self> {
        Self::over(context, Store::ready(context)?)
    }

    /// The same over tables that are open already, such as those of a connection that only reads.
    ///
    /// # Errors
    /// Settings.
    pub fn over(context: &Context, tables: Store) -> Result<Self> {
        let options = StorageOptions::of(context.settings())?;
        let stores = Stores { context: context.clone(), options, open: BTreeMap::new() };
        Ok(Self { context: context.clone(), tables, stores })
    }

    /// What `[storage]` says.
    pub fn options(&self) -> &StorageOptions {
        &self.stores.options
    }

    /// The tables.
    pub fn tables(&mut self) -> &mut Store {
        &mut self.tables
    }

    /// The newest name of the bytes with this SHA-256 that an app keeps; `None` where it keeps none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn by_sha256(&mut self, app_id: Option<i64>, sha256: &[u8]) -> Result<Option<FileRow>> {
        self.tables.files().by_sha256(app_id, sha256)
    }

    /// Writes the bytes of a file, and looks at the end whether they were those that were kept.
    ///
    /// # Errors
    /// Not found for a deleted file; failed for bytes that are not those that were kept, after they were written; what the
    /// store and `into` say.
    pub fn read(&mut self, row: &FileRow, into: &mut dyn Write) -> Result<u64> {
        let mut from = self.open_file(row)?;
        let cancellation = self.context.cancellation().clone();
        let what = format!("read the stored file {}", row.id);
        let read = digest::read_all(&mut from, &mut |bytes| {
            cancellation.check()?;
            into.write_all(bytes).map_err(|cause| file_error("write what was stored", cause))
        });
        match read {
            Ok(Copied { sha256, bytes }) if sha256 == row.sha256 => Ok(bytes),
            Ok(_) => {
                let fault = "its bytes are not those that were kept";
                self.tables.files().note_check(&row.store, &[(row.path.clone(), Some(fault.to_owned()))])?;
                Err(Error::failed(format!("{what}: {fault}"))
                    .hint("`dc files check` looks at all of them; keep the original again, and it is whole"))
            }
            Err(ReadFailure::Read(cause)) => Err(file_error(what, cause)),
            Err(ReadFailure::Each(error)) => Err(error),
        }
    }

    /// Opens a file. Whoever reads it sees to it that the bytes are those that were kept: [`Storage::read`] does.
    ///
    /// # Errors
    /// Not found for a deleted file; what the store says.
    pub fn open_file(&mut self, row: &FileRow) -> Result<Box<dyn Read + Send>> {
        if let Some(at) = row.deleted_at {
            let message = format!("read the stored file {}: it was deleted at {}", row.id, crate::clock::local(at));
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        let Self { stores, tables, .. } = self;
        let open = stores.get(tables, &row.store)?.open(&row.path);
        open.map_err(|error| error.within(format!("read the stored file {}", row.id)))
    }

    /// The file itself, where it stands on this machine. Nobody may write into it.
    ///
    /// # Errors
    /// What the store says.
    pub fn local(&mut self, row: &FileRow) -> Result<Option<PathBuf>> {
        let Self { stores, tables, .. } = self;
        Ok(stores.get(tables, &row.store)?.local(&row.path))
    }

    /// The folder of this machine that the store for new files is, where other machines cannot find them there, as far as is
    /// known.
    ///
    /// # Errors
    /// What the store says when it cannot be reached.
    pub fn folder_of_this_machine(&mut self) -> Result<Option<String>> {
        let Self { stores, tables, .. } = self;
        let name = stores.options.store.clone();
        let store = stores.get(tables, &name)?;
        Ok((!store.is_shared()).then(|| store.label()))
    }

    /// The stores that files are in: what each is and how much room it has, or why it cannot be used. Nothing is made.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn stores_in_use(&mut self) -> Result<Vec<StoreInUse>> {
        let Self { stores, tables, .. } = self;
        let names = tables.files().stores()?;
        let look = |name: String| {
            let count = tables.files().count(&name)?;
            let found = match stores.get(tables, &name) {
                Ok(store) => store.room().map(|room| (store.label(), room)),
                Err(error) => Err(error),
            };
            let is_full = found.is_ok() && stores.check_room(&name, 0).is_err();
            Ok(StoreInUse { name, count, found, is_full })
        };
        names.into_iter().map(look).collect()
    }

    /// The stores that are set up, and those that files are in although nobody has set them up any more.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn store_names(&mut self) -> Result<Vec<String>> {
        let mut names: Vec<String> = self.stores.options.stores.keys().cloned().collect();
        names.extend(self.tables.files().stores()?);
        names.sort();
        names.dedup();
        Ok(names)
    }
}

impl Stores {
    /// A store, opened and reached.
    ///
    /// # Errors
    /// Settings for one that is not set up; what it says when it cannot be reached.
    pub(super) fn get(&mut self, tables: &mut Store, name: &str) -> Result<&mut dyn FileStore> {
        if !self.open.contains_key(name) {
            self.options.check(name)?;
            let kind = self.options.stores.get(name).map(|(kind, _)| kind.clone()).unwrap_or_default();
            let kinds = kinds();
            let entry = kinds.iter().find(|entry| entry.name == kind).ok_or_else(|| {
                let known: Vec<&str> = kinds.iter().map(|entry| entry.name).collect();
                Error::new(ErrorKind::Settings, format!("use the store `{name}`: unknown type `{kind}`"))
                    .hint(format!("known: {}", known.join(", ")))
            })?;
            let full = format!("storage.stores.{name}");
            let section = self.context.settings().section(&full);
            let mut store = (entry.open)(&self.context, &Given { name, section, root: &self.options.root })?;
            store.reach(tables.files().knows(name)?)?;
            self.open.insert(name.to_owned(), store);
        }
        self.reached(name)
    }

    /// A store that was opened before.
    ///
    /// # Errors
    /// Failed, for one that was not.
    pub(super) fn reached(&mut self, name: &str) -> Result<&mut dyn FileStore> {
        match self.open.get_mut(name) {
            Some(store) => Ok(store.as_mut()),
            None => Err(Error::failed(format!("use the store `{name}`"))),
        }
    }

    /// Refuses so many bytes for a store where too little room would be left: of its disk, or of the one on which they wait.
    ///
    /// # Errors
    /// Refused and temporary.
    pub(super) fn check_room(&self, name: &str, wanted: u64) -> Result<()> {
        let Some(((_, min_free), store)) = self.options.stores.get(name).zip(self.open.get(name)) else {
            return Ok(());
        };
        let (room, label) = match store.room()? {
            Some(room) => (room, store.label()),
            None => (disk::room(&store.staging("")?)?, self.options.root.display().to_string()),
        };
        disk::check(room, wanted, (*min_free, &label))
    }

    /// A file that was given away, on its way into a folder of a store; `None` where it has to be copied.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn share(&self, name: &str, folder: &str, path: &Path, source: &File) -> Result<Option<Staged>> {
        let store = self.open.get(name).ok_or_else(|| Error::failed(format!("use the store `{name}`")))?;
        Ok(Staged::share(&store.staging(folder)?, path, source))
    }

    /// An empty file on its way into a folder of a store.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn stage(&self, name: &str, folder: &str) -> Result<Staged> {
        let store = self.open.get(name).ok_or_else(|| Error::failed(format!("use the store `{name}`")))?;
        Staged::make(|| store.staging(folder))
    }
}
