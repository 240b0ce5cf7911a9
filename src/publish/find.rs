//! Where an app is that somebody runs: under `apps/`, or fetched from storage.

use super::fetch::{Wanted, fetch};
use super::options::PublishOptions;
use super::place::{InUse, Place};
use crate::apps::{AppDefinition, FoundApp, choose, find_app};
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::AppName;
use crate::storage::{Storage, sha256_from};
use crate::tables::PublicationRow;

/// How often an app is fetched that is taken away before it is used.
const ATTEMPTS_MAX: usize = 3;

/// An app, and where it is.
#[derive(Debug)]
pub struct PlacedApp {
    /// The app, with its folder.
    pub app: FoundApp,
    /// Where it was fetched from; `None` for one that stands under `apps/`.
    pub fetched: Option<FetchedApp>,
}

/// Where an app was fetched from. Its folder stays until this is dropped.
#[derive(Debug)]
pub struct FetchedApp {
    /// The SHA-256 of all its files.
    pub sha256: Vec<u8>,
    /// When and where it was deployed, for people.
    pub words: String,
    #[expect(dead_code, reason = "held for the lock on the folder")]
    in_use: InUse,
}

/// The app that `typed` names: under `apps/`, else, with `[deploy] publish`, as it was deployed, fetched if need be.
///
/// # Errors
/// Not found for one that is neither here nor published as it is registered; as [`find_app`] and [`fetch`].
pub fn find_placed_app(context: &Context, typed: &str) -> Result<PlacedApp> {
    let missing = match find_app(&context.settings().project.apps(), typed) {
        Ok(app) => return Ok(PlacedApp { app, fetched: None }),
        Err(error) if error.kind() == ErrorKind::NotFound => error,
        Err(error) => return Err(error),
    };
    if !PublishOptions::of(context.settings())?.is_on {
        return Err(missing);
    }
    let mut storage = match Storage::open(context) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing),
        storage => storage?,
    };
    let wanted = published(&mut storage, typed)?;
    for _ in 0..ATTEMPTS_MAX {
        fetch(context, &mut storage, &wanted)?;
        let place = Place::of(context.settings(), &wanted.app, &wanted.publication.sha256);
        if let Some(in_use) = place.enter()? {
            let words = words(&wanted.publication);
            return placed(wanted.app, &place, FetchedApp { sha256: wanted.publication.sha256, words, in_use });
        }
    }
    Err(Error::new(ErrorKind::Busy, format!("use {}: what was fetched is taken away", wanted.app)))
}

/// An app that whoever started us has fetched: that with this sum, in 64 hexadecimal digits, and no other that was deployed
/// meanwhile.
///
/// # Errors
/// Usage for what is no sum; not found when it is not here any more.
pub fn fetched_app(context: &Context, app: &str, sha256: &str) -> Result<PlacedApp> {
    let app: AppName = app.parse()?;
    let sha256 = sha256_from(sha256)
        .ok_or_else(|| Error::new(ErrorKind::Usage, format!("read `{sha256}` as the SHA-256 of the files of {app}")))?;
    let sha256 = &sha256[..];
    let place = Place::of(context.settings(), &app, sha256);
    let gone = || Error::new(ErrorKind::NotFound, format!("use {app}: {} is not there", place.folder.display()));
    let in_use = place.enter()?.ok_or_else(gone)?;
    placed(app.clone(), &place, FetchedApp { sha256: sha256.to_owned(), words: String::new(), in_use })
}

fn placed(name: AppName, place: &Place, fetched: FetchedApp) -> Result<PlacedApp> {
    let definition = AppDefinition::read(&place.folder)?;
    Ok(PlacedApp { app: FoundApp { name, folder: place.folder.clone(), definition }, fetched: Some(fetched) })
}

/// What is published of the registered app that `typed` names.
fn published(storage: &mut Storage, typed: &str) -> Result<Wanted> {
    let apps = storage.tables().apps().all()?;
    let chosen = choose(apps.iter().map(|app| &app.name), typed)?;
    let unpublished = |reason: &str| {
        let message = format!("run {chosen}: it does not stand on this machine, and {reason}");
        Err(Error::new(ErrorKind::NotFound, message)
            .hint("`dc deploy` on the machine that has its folder, with `[deploy] publish = true`"))
    };
    let Some(app) = apps.iter().find(|app| app.name == *chosen) else { return unpublished("it is gone") };
    match storage.tables().publications().of_app(app.id)? {
        None => unpublished("it is not published"),
        Some(publication) if publication.definition != app.definition => {
            unpublished("it was published before it was registered as it is")
        }
        Some(publication) => Ok(Wanted { app: app.name.clone(), publication }),
    }
}

fn words(publication: &PublicationRow) -> String {
    let PublicationRow { published_at, published_by, host, .. } = publication;
    format!("fetched from storage as deployed at {} by {published_by} on {host}", clock::local(*published_at))
}
