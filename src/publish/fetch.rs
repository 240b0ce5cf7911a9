//! Fetching an app as it was deployed: checked file by file, made beside its place, and renamed as a whole.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use super::place::Place;
use super::sum;
use crate::apps::is_app;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::failpoint;
use crate::ident::{AppName, host};
use crate::settings::Settings;
use crate::storage::{Storage, original};
use crate::tables::{AppRow, PublicationRow, PublishedFile, Store, meets};

/// The modes of files, before the umask.
const MODE: u32 = 0o666;
/// Of those that may be executed.
const MODE_EXECUTABLE: u32 = 0o777;

/// An app that is published as it is registered.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its full name.
    pub app: AppName,
    /// What is published of it.
    pub publication: PublicationRow,
}

/// The apps that are published as they are registered, that may work on a machine with `labels`, and that have no folder of
/// their own on this one.
///
/// # Errors
/// What the database says.
pub fn wanted(settings: &Settings, store: &mut Store, labels: &[String]) -> Result<Vec<Wanted>> {
    let mut published: BTreeMap<i64, PublicationRow> =
        store.publications().all()?.into_iter().map(|publication| (publication.app_id, publication)).collect();
    if published.is_empty() {
        return Ok(Vec::new());
    }
    let (asked, folder) = (store.apps().labels()?, settings.project.apps());
    let may = |app: &AppRow| asked.get(&app.id).is_none_or(|asked| meets(asked, labels));
    let apps = store.apps().all()?.into_iter().filter(|app| may(app) && !is_app(&folder.join(app.name.to_string())));
    let wanted = apps.filter_map(|app| {
        let publication = published.remove(&app.id)?;
        (publication.definition == app.definition).then_some(Wanted { app: app.name, publication })
    });
    Ok(wanted.collect())
}

/// Whether an app was fetched already.
pub fn is_here(settings: &Settings, wanted: &Wanted) -> bool {
    Place::of(settings, &wanted.app, &wanted.publication.sha256).is_there()
}

/// Fetches an app, unless it is here. Of several that do so at once on this machine one does the work. What happened is
/// written down, for `dc manager why`.
///
/// # Errors
/// Failed for bytes that are not those that were published, not found for those that are gone; what the storage, the
/// database and the file system say.
pub fn fetch(context: &Context, storage: &mut Storage, wanted: &Wanted) -> Result<()> {
    let place = Place::of(context.settings(), &wanted.app, &wanted.publication.sha256);
    if place.is_there() {
        return Ok(());
    }
    let _turn = place.take_turn()?;
    if place.is_there() {
        return Ok(());
    }
    let Wanted { app, publication } = wanted;
    let fetched = take(storage, publication, &place).map_err(|error| error.within(format!("fetch {app} from storage")));
    let reason = fetched.as_ref().err().map(ToString::to_string);
    let noted = storage.tables().publications().note_fetch(publication, &host(), reason.as_deref());
    if let Err(error) = noted {
        log::warn!("what was fetched of {app} was not written down: {error}");
    }
    fetched
}

fn take(storage: &mut Storage, publication: &PublicationRow, place: &Place) -> Result<()> {
    let files = storage.tables().publications().files(publication.id)?;
    let named = files.iter().map(|it| (it.path.as_str(), &it.file.sha256[..], it.executable));
    if sum::of(named) != publication.sha256 {
        return Err(mended(Error::failed("its list of files is not the one that was published"), publication));
    }
    let part = place.part()?;
    let mut folders = vec![part.path().to_owned()];
    for file in &files {
        let path = path_of(&file.path)?;
        for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
            let above = part.path().join(above);
            if !folders.contains(&above) {
                folders.push(above);
            }
        }
        write(storage, (file, publication), &part.path().join(&path))?;
    }
    for folder in &folders {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|cause| file_error(format!("write {}", folder.display()), cause))?;
    }
    failpoint::point("publish.fetched")?;
    place.settle(part)?;
    place.clear_others();
    Ok(())
}

fn write(storage: &mut Storage, (published, publication): (&PublishedFile, &PublicationRow), at: &Path) -> Result<()> {
    let failed = |cause| file_error(format!("write {}", at.display()), cause);
    let above = at.parent().unwrap_or(at);
    fs::create_dir_all(above).map_err(failed)?;
    let mode = if published.executable { MODE_EXECUTABLE } else { MODE };
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(at).map_err(failed)?;
    let mut into = Into { file, has_failed: false };
    let read = storage.read(&published.file, &mut into);
    let of_file = |error: Error| error.within(format!("`{}`", published.path));
    match read {
        Err(error) if into.has_failed => return Err(of_file(error)),
        Err(error) => return Err(mended(of_file(error), publication)),
        Ok(_) => {}
    }
    into.file.sync_all().map_err(failed)
}

/// A file that is written; what goes wrong with it is no fault of the storage.
struct Into {
    file: File,
    has_failed: bool,
}

impl Write for Into {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).inspect_err(|_| self.has_failed = true)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A path that leads nowhere but into the folder.
fn path_of(text: &str) -> Result<PathBuf> {
    let path = PathBuf::from(original(text));
    let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    match is_inside && path.file_name().is_some() {
        true => Ok(path),
        false => Err(Error::failed(format!("write `{text}`: it leads out of the folder"))),
    }
}

/// What is lost or damaged is mended where the folder is.
fn mended(error: Error, publication: &PublicationRow) -> Error {
    let is_lost = match error.kind() {
        ErrorKind::Failed => true,
        ErrorKind::NotFound => error.hint_text().is_none(),
        _ => false,
    };
    match is_lost && !error.is_temporary() {
        true => error.hint(format!("`dc deploy` on {}, which has its folder, stores it anew", publication.host)),
        false => error,
    }
}
