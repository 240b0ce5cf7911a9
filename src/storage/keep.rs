//! Keeping a file: its bytes first, its row then.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;

use serde::Serialize;

use super::alarm;
use super::digest;
use super::name;
use super::path;
use super::source::Source;
use super::staged::{Put, Staged};
use super::storage::{Storage, Stores};
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint;
use crate::tables::{FilePlace, FileRow, Kept, NewFile, Offer, Relocated, RetentionRow, Store};

/// How often a place is looked for while others are at the same bytes.
const ATTEMPTS_MAX: usize = 8;

/// How a file is kept.
#[derive(Debug, Clone, Default)]
pub struct KeepOptions {
    /// The app whose file it is; `None` for one that a person keeps.
    pub app_id: Option<i64>,
    /// The run that keeps it.
    pub runtime: Option<String>,
    /// Its name, where it is not that of the path.
    pub name: Option<String>,
    /// How long it stays: `standard`, `regulatory_7y`. `[storage] retention` where `None`.
    pub retention: Option<String>,
    /// The store; `[storage] store` where `None`. Bytes that are kept already stay where they are.
    pub store: Option<String>,
}

/// A file that was kept.
#[derive(Debug, Clone, Serialize)]
pub struct KeptFile {
    /// Its row.
    #[serde(flatten)]
    pub row: FileRow,
    /// Whether the row is new: the same name of the same bytes was not kept before.
    pub is_new: bool,
    /// Where programs of this machine find it; `None` in a bucket.
    pub file: Option<String>,
}

/// What is put somewhere.
pub(super) struct Parcel<'a> {
    pub(super) store: &'a str,
    pub(super) folder: &'a str,
    pub(super) extension: &'a str,
}

impl KeepOptions {
    /// For the app and the run around us.
    pub fn of(context: &Context) -> Self {
        let inside = context.settings().inside.as_ref();
        Self {
            app_id: inside.map(|inside| inside.app_id),
            runtime: inside.map(|inside| inside.runtime.to_string()),
            ..Self::default()
        }
    }
}

impl Storage {
    /// Keeps a file of this machine. It stays where it is, too.
    ///
    /// # Errors
    /// Usage for what is no file; busy for one that changes meanwhile; refused when the disk has too little room; what the
    /// database and the store say.
    pub fn keep_path(&mut self, path: &Path, options: &KeepOptions) -> Result<KeptFile> {
        let source = Source::open(path)?;
        let name = match &options.name {
            Some(name) => name::written(OsStr::new(name))?,
            None => name::written(path.file_name().unwrap_or(path.as_os_str()))?,
        };
        let keep = Keep { name, shown: path.display().to_string(), bytes: source.bytes(), options };
        self.keep(&keep, &mut &source.file, &|read| source.check_same(read))
    }

    /// Keeps what a reader gives, under the name of the options.
    ///
    /// # Errors
    /// As [`Storage::keep_path`]; usage without a name.
    pub fn keep_reader(&mut self, from: &mut dyn Read, options: &KeepOptions) -> Result<KeptFile> {
        let name = options
            .name
            .as_deref()
            .ok_or_else(|| Error::new(ErrorKind::Usage, "keep what has no name").hint("give it one: --name NAME"))?;
        let name = name::written(OsStr::new(name))?;
        let keep = Keep { shown: name.clone(), name, bytes: 0, options };
        self.keep(&keep, from, &|_| Ok(()))
    }

    fn keep(&mut self, keep: &Keep<'_>, from: &mut dyn Read, is_same: &dyn Fn(u64) -> Result<()>) -> Result<KeptFile> {
        let Keep { name, shown, bytes, options } = keep;
        let retention = options.retention.as_deref().unwrap_or(&self.stores.options.retention).to_owned();
        let retention = self.tables.retentions().named(&retention)?;
        let store = options.store.as_deref().unwrap_or(&self.stores.options.store).to_owned();
        let app = match options.app_id {
            None => None,
            Some(id) => Some(self.tables.apps().by_id(id)?.ok_or_else(|| {
                Error::new(ErrorKind::NotFound, format!("keep {shown}: there is no app of the number {id}"))
            })?),
        };
        let extension = name::extension(name);
        let dates = self.stores.options.dates;
        let folder = path::folder(app.as_ref().map(|app| &app.name), &extension, dates, clock::now());
        self.stores.get(&mut self.tables, &store)?;
        self.check_room(&store, *bytes)?;
        let mut staged = self.stores.stage(&store, &folder)?;
        let (cancellation, stores) = (self.context.cancellation().clone(), &self.stores);
        let copied = digest::copy(shown, from, staged.file(), &mut || {
            cancellation.check()?;
            stores.check_room(&store, 0)
        });
        let copied = copied.map_err(|error| self.told(&store, error))?;
        is_same(copied.bytes)?;
        failpoint::point("storage.staged")?;
        (staged.sha256, staged.bytes) = (copied.sha256, copied.bytes);
        let file = new_file(&staged, (name, &extension), options, &retention);
        let parcel = Parcel { store: &store, folder: &folder, extension: &extension };
        let (row, is_new) = self.settle(&file, &parcel, &mut staged)?;
        let local = self.local(&row)?.map(|path| path.to_string_lossy().into_owned());
        Ok(KeptFile { row, is_new, file: local })
    }

    /// Gives the bytes their place and their row.
    fn settle(&mut self, file: &NewFile, parcel: &Parcel<'_>, staged: &mut Staged) -> Result<(FileRow, bool)> {
        let Self { tables, stores, .. } = self;
        let mut placed: Option<FilePlace> = None;
        for _ in 0..ATTEMPTS_MAX {
            let offer = match (&placed, tables.files().whereabouts(file.app_id, &file.sha256)?) {
                (Some(place), _) => Offer::Placed(place.clone()),
                (None, None) => {
                    let place = put(tables, stores, parcel, staged)?;
                    placed = Some(place.clone());
                    Offer::Placed(place)
                }
                (None, Some((there, false))) if is_whole(tables, stores, &there, staged.bytes)? => Offer::Found(there),
                (None, Some((there, _))) => {
                    log::warn!("{} of the store {} is not what was kept: it is stored anew", there.path, there.store);
                    let place = put(tables, stores, parcel, staged)?;
                    match tables.files().relocate(&file.sha256, &there, &place)? {
                        Relocated::Done(_) => {}
                        Relocated::Gone | Relocated::Taken => placed = Some(place.clone()),
                    }
                    if placed.is_some() { Offer::Placed(place) } else { Offer::Found(place) }
                }
            };
            failpoint::point("storage.placed")?;
            match tables.files().keep(file, &offer)? {
                Kept::As { row, is_new } => {
                    if let Some(place) = placed.filter(|place| *place != row.place()) {
                        discard(tables, stores, &place);
                    }
                    return Ok((*row, is_new));
                }
                Kept::Taken => {
                    if let Some(place) = &placed {
                        discard(tables, stores, place);
                    }
                    break;
                }
                Kept::Moved => {}
            }
        }
        Err(Error::new(ErrorKind::Busy, format!("keep {}: others are at the same bytes", file.name)).hint("try again"))
    }

    fn check_room(&mut self, store: &str, wanted: u64) -> Result<()> {
        self.stores.check_room(store, wanted).map_err(|error| self.told(store, error))
    }

    /// People are told once that a store takes nothing more.
    fn told(&mut self, store: &str, error: Error) -> Error {
        if error.kind() == ErrorKind::Refused
            && let Err(failed) = alarm::full(&mut self.tables, store, &error)
        {
            log::warn!("nobody was told that the store {store} is full: {failed}");
        }
        error
    }
}

struct Keep<'a> {
    name: String,
    /// For messages.
    shown: String,
    /// As many as are expected.
    bytes: u64,
    options: &'a KeepOptions,
}

fn new_file(
    staged: &Staged,
    (name, extension): (&str, &str),
    options: &KeepOptions,
    retention: &RetentionRow,
) -> NewFile {
    NewFile {
        app_id: options.app_id,
        runtime: options.runtime.clone(),
        sha256: staged.sha256.clone(),
        name: name.to_owned(),
        extension: extension.to_owned(),
        bytes: i64::try_from(staged.bytes).unwrap_or(i64::MAX),
        retention: retention.id,
        days: retention.days,
    }
}

/// Puts bytes where no row has a place, and nothing stands.
pub(super) fn put(
    tables: &mut Store,
    stores: &mut Stores,
    parcel: &Parcel<'_>,
    staged: &mut Staged,
) -> Result<FilePlace> {
    for attempt in 0..ATTEMPTS_MAX {
        let path = path::path(parcel.folder, &staged.sha256, parcel.extension, attempt > 0);
        let place = FilePlace { store: parcel.store.to_owned(), path };
        if tables.files().is_used(&place)? {
            continue;
        }
        match stores.get(tables, parcel.store)?.put(staged, &place.path)? {
            Put::Done => return Ok(place),
            Put::Taken => {}
        }
    }
    Err(Error::new(ErrorKind::Busy, "find a place for a file").hint("try again"))
}

/// Whether a file has all its bytes, as far as its size tells.
fn is_whole(tables: &mut Store, stores: &mut Stores, place: &FilePlace, bytes: u64) -> Result<bool> {
    Ok(stores.get(tables, &place.store)?.size(&place.path)? == Some(bytes))
}

/// Deletes what only we know. What stays is a stray, and goes as one.
pub(super) fn discard(tables: &mut Store, stores: &mut Stores, place: &FilePlace) {
    let deleted = stores.get(tables, &place.store).and_then(|store| store.delete(&place.path));
    if let Err(error) = deleted {
        log::warn!("{} of the store {} was not needed, and stays for now: {error}", place.path, place.store);
    }
}
