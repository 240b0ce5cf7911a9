//! Keeping a file: its bytes first, its row then.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::File;
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
use crate::ident::AppName;
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
    pub name: Option<OsString>,
    /// How long it stays: `standard`, `regulatory_7y`. `[storage] retention` where `None`.
    pub retention: Option<String>,
    /// The store; `[storage] store` where `None`. Bytes that are kept already stay where they are.
    pub store: Option<String>,
    /// Whether the file was given away: nobody writes to it any more, and the store may share its bytes instead of copying
    /// them.
    pub is_given: bool,
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
#[derive(Clone, Copy)]
pub(super) struct Parcel<'a> {
    pub(super) store: &'a str,
    pub(super) folder: &'a str,
    pub(super) extension: &'a str,
}

/// A file that was copied, and has neither its place nor its row.
struct Packed {
    file: NewFile,
    store: String,
    folder: String,
    staged: Staged,
}

impl Packed {
    fn parcel(&self) -> Parcel<'_> {
        Parcel { store: &self.store, folder: &self.folder, extension: &self.file.extension }
    }
}

/// What was read of the database for files that are kept together.
#[derive(Default)]
struct Known {
    retentions: BTreeMap<String, RetentionRow>,
    apps: BTreeMap<i64, AppName>,
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
        let mut packed = self.pack_path(path, options, &mut Known::default())?;
        self.settle(&mut packed)
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
        let name = name::written(name)?;
        let keep = Keep { shown: name.clone(), name, bytes: 0, options, given: None };
        let mut packed = self.pack(&keep, from, &|_| Ok(()), &mut Known::default())?;
        self.settle(&mut packed)
    }

    /// Keeps many files of this machine, which is faster than one after the other; what became of each.
    ///
    /// # Errors
    /// What concerns all of them: a full disk, the database. What concerns one, as [`Storage::keep_path`] says it, stands in
    /// its place.
    pub fn keep_paths(&mut self, files: &[(&Path, KeepOptions)]) -> Result<Vec<Result<KeptFile>>> {
        let mut known = Known::default();
        let mut packed: Vec<Result<Packed>> = Vec::with_capacity(files.len());
        for (path, options) in files {
            match self.pack_path(path, options, &mut known) {
                // what is busy is the file
                Err(error) if error.is_temporary() && error.kind() != ErrorKind::Busy => return Err(error),
                one => packed.push(one),
            }
        }
        let mut kept =
            self.settle_all(packed.iter_mut().filter_map(|packed| packed.as_mut().ok()).collect())?.into_iter();
        let finish = |packed: Result<Packed>| {
            let mut packed = packed?;
            match kept.next().flatten() {
                Some(kept) => kept,
                None => self.settle(&mut packed),
            }
        };
        Ok(packed.into_iter().map(finish).collect())
    }

    fn pack_path(&mut self, path: &Path, options: &KeepOptions, known: &mut Known) -> Result<Packed> {
        let source = Source::open(path)?;
        let name = match &options.name {
            Some(name) => name::written(name)?,
            None => name::written(path.file_name().unwrap_or(path.as_os_str()))?,
        };
        let given = options.is_given.then_some((path, &source.file));
        let keep = Keep { name, shown: path.display().to_string(), bytes: source.bytes(), options, given };
        self.pack(&keep, &mut &source.file, &|read| source.check_same(read), known)
    }

    /// Copies the bytes to where they will stand, and hashes them.
    fn pack(
        &mut self,
        keep: &Keep<'_>,
        from: &mut dyn Read,
        is_same: &dyn Fn(u64) -> Result<()>,
        known: &mut Known,
    ) -> Result<Packed> {
        let Keep { name, shown, bytes, options, given } = keep;
        let retention = options.retention.as_deref().unwrap_or(&self.stores.options.retention).to_owned();
        let retention = match known.retentions.entry(retention) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let row = self.tables.retentions().named(free.key())?;
                free.insert(row)
            }
        };
        let app = match options.app_id.map(|id| known.apps.entry(id)) {
            None => None,
            Some(Entry::Occupied(known)) => Some(&*known.into_mut()),
            Some(Entry::Vacant(free)) => {
                let id = *free.key();
                let row = self.tables.apps().by_id(id)?.ok_or_else(|| {
                    Error::new(ErrorKind::NotFound, format!("keep {shown}: there is no app of the number {id}"))
                })?;
                Some(&*free.insert(row.name))
            }
        };
        let store = options.store.as_deref().unwrap_or(&self.stores.options.store).to_owned();
        let extension = name::extension(name);
        let folder = path::folder(app, &extension, self.stores.options.dates, clock::now());
        self.stores.get(&mut self.tables, &store)?;
        let shared = match given {
            Some((path, file)) => self.stores.share(&store, &folder, path, file)?,
            None => None,
        };
        self.check_room(&store, if shared.is_some() { 0 } else { *bytes })?;
        let mut staged = match shared {
            Some(shared) => shared,
            None => self.stores.stage(&store, &folder)?,
        };
        let (cancellation, stores) = (self.context.cancellation().clone(), &self.stores);
        let copied = match staged.is_shared() {
            true => digest::hash(shown, from, &mut || cancellation.check()),
            false => digest::copy(shown, from, staged.file(), &mut || {
                cancellation.check()?;
                stores.check_room(&store, 0)
            }),
        };
        let copied = copied.map_err(|error| self.told(&store, error))?;
        is_same(copied.bytes)?;
        failpoint::point("storage.staged")?;
        (staged.sha256, staged.bytes) = (copied.sha256, copied.bytes);
        let file = new_file(&staged, (name, &extension), options, retention);
        Ok(Packed { file, store, folder, staged })
    }

    /// Gives bytes that are new in every way their places and their rows, together. `None` for others: they come later, one
    /// after the other.
    fn settle_all(&mut self, mut packed: Vec<&mut Packed>) -> Result<Vec<Option<Result<KeptFile>>>> {
        let Self { tables, stores, .. } = self;
        let mut settled: Vec<Option<Result<KeptFile>>> = packed.iter().map(|_| None).collect();
        let files: Vec<(NewFile, FilePlace)> =
            packed.iter().map(|packed| (packed.file.clone(), place(&packed.parcel(), &packed.staged, false))).collect();
        let are_new = tables.files().are_new(&files)?;
        let mut placed: Vec<usize> = Vec::with_capacity(files.len());
        for store in files.iter().map(|(_, place)| &place.store).collect::<BTreeSet<_>>() {
            let (mut here, mut staged) = (Vec::new(), Vec::new());
            for (at, packed) in packed.iter_mut().enumerate() {
                if are_new[at] && packed.store == *store {
                    here.push(at);
                    staged.push((&mut packed.staged, files[at].1.path.clone()));
                }
            }
            for (at, put) in here.into_iter().zip(stores.get(tables, store)?.put_all(&mut staged)) {
                match put {
                    Ok(Put::Done) => placed.push(at),
                    Ok(Put::Taken) => {}
                    Err(error) => settled[at] = Some(Err(error)),
                }
            }
        }
        failpoint::point("storage.placed")?;
        let files: Vec<(NewFile, FilePlace)> = placed.iter().map(|at| files[*at].clone()).collect();
        let kept = tables.files().keep_all(&files)?;
        for ((at, kept), (_, place)) in placed.into_iter().zip(kept).zip(files) {
            match kept {
                Kept::As { row, is_new } => {
                    if place != row.place() {
                        discard(&mut self.tables, &mut self.stores, &place);
                    }
                    settled[at] = Some(self.kept(*row, is_new));
                }
                // somebody was faster: it finds its way alone
                Kept::Taken | Kept::Moved => discard(&mut self.tables, &mut self.stores, &place),
            }
        }
        Ok(settled)
    }

    fn kept(&mut self, row: FileRow, is_new: bool) -> Result<KeptFile> {
        let file = self.local(&row)?.map(|path| path.to_string_lossy().into_owned());
        Ok(KeptFile { row, is_new, file })
    }

    /// Gives the bytes their place and their row.
    fn settle(&mut self, packed: &mut Packed) -> Result<KeptFile> {
        let Self { tables, stores, .. } = self;
        let Packed { file, store, folder, staged } = packed;
        let parcel = Parcel { store, folder, extension: &file.extension };
        let mut placed: Option<FilePlace> = None;
        for _ in 0..ATTEMPTS_MAX {
            let offer = match (&placed, tables.files().whereabouts(file.app_id, &file.sha256)?) {
                (Some(place), _) => Offer::Placed(place.clone()),
                (None, None) => {
                    let place = put(tables, stores, &parcel, staged)?;
                    placed = Some(place.clone());
                    Offer::Placed(place)
                }
                (None, Some((there, false))) if is_whole(tables, stores, &there, staged.bytes)? => Offer::Found(there),
                (None, Some((there, _))) => {
                    log::warn!("{} of the store {} is not what was kept: it is stored anew", there.path, there.store);
                    let place = put(tables, stores, &parcel, staged)?;
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
                    return self.kept(*row, is_new);
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
        let message = format!("keep {}: others are at the same bytes", packed.file.name);
        Err(Error::new(ErrorKind::Busy, message).hint("try again"))
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
    /// The file, where it was given away.
    given: Option<(&'a Path, &'a File)>,
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
        let place = place(parcel, staged, attempt > 0);
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

/// The place of bytes; salted, it is another one each time.
fn place(parcel: &Parcel<'_>, staged: &Staged, is_salted: bool) -> FilePlace {
    let path = path::path(parcel.folder, &staged.sha256, parcel.extension, is_salted);
    FilePlace { store: parcel.store.to_owned(), path }
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
