//! Fetches the apps that this machine has no folder of, as they were deployed, before they are due: on a thread of its own,
//! since a bucket may be slow, and with a connection of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::launcher::Launcher;
use crate::apps::look_for_apps;
use crate::context::Context;
use crate::error::Result;
use crate::publish::{PublishOptions, Wanted, fetch, is_here, publish, tidy, wanted};
use crate::storage::Storage;
use crate::tables::Store;

/// How often it is looked what is published.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long it is waited after an app could not be fetched.
const REST: Duration = Duration::from_secs(30);
/// How often what is not wanted any more is taken away.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// What fetches.
#[derive(Default)]
pub(super) struct Fetcher {
    looked: Option<Instant>,
    tidied: Option<Instant>,
    working: Option<JoinHandle<()>>,
    /// When apps could not be fetched, by the SHA-256 of their files.
    failed: Arc<Mutex<BTreeMap<Vec<u8>, Instant>>>,
    /// Apps that were registered from here, and are to be published.
    registered: Vec<String>,
}

impl Fetcher {
    /// Looks what is published, tells the launcher what is here of it, and has the rest fetched.
    ///
    /// # Errors
    /// Settings; what the database says.
    pub(super) fn look(&mut self, context: &Context, store: &mut Store, launcher: &mut Launcher) -> Result<()> {
        let options = PublishOptions::of(context.settings())?;
        let is_due = |last: Option<Instant>, every: Duration| last.is_none_or(|last| last.elapsed() >= every);
        if !options.is_on {
            self.registered.clear();
        }
        if !options.is_on || !is_due(self.looked, LOOK_EVERY) {
            return Ok(());
        }
        let settings = context.settings();
        let wanted = wanted(settings, store, &settings.manager.labels)?;
        let (here, missing): (Vec<Wanted>, Vec<Wanted>) = wanted.into_iter().partition(|it| is_here(settings, it));
        launcher.fetched = here.iter().map(|it| (it.app.clone(), it.publication.definition.clone())).collect();
        self.looked = Some(Instant::now());
        if self.working.as_ref().is_some_and(|working| !working.is_finished()) {
            return Ok(());
        }
        let rests = |wanted: &Wanted| {
            let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get(&wanted.publication.sha256).is_some_and(|failed| failed.elapsed() < REST)
        };
        let missing: Vec<Wanted> = missing.into_iter().filter(|wanted| !rests(wanted)).collect();
        let registered = std::mem::take(&mut self.registered);
        let tidies = is_due(self.tidied, TIDY_EVERY);
        if missing.is_empty() && registered.is_empty() && !tidies {
            return Ok(());
        }
        if tidies {
            self.tidied = Some(Instant::now());
        }
        let work =
            Work { context: context.clone(), options, registered, missing, here, failed: Arc::clone(&self.failed) };
        match std::thread::Builder::new().name("fetcher".to_owned()).spawn(move || work.all(tidies)) {
            Ok(working) => self.working = Some(working),
            Err(cause) => log::warn!("apps are fetched later: {cause}"),
        }
        Ok(())
    }

    /// Has apps published that were registered from here.
    pub(super) fn publish(&mut self, registered: impl Iterator<Item = String>) {
        self.registered.extend(registered);
    }
}

/// What one thread does.
struct Work {
    context: Context,
    options: PublishOptions,
    registered: Vec<String>,
    missing: Vec<Wanted>,
    here: Vec<Wanted>,
    failed: Arc<Mutex<BTreeMap<Vec<u8>, Instant>>>,
}

impl Work {
    fn all(self, tidies: bool) {
        if let Err(error) = self.try_all() {
            log::warn!("apps are fetched later: {error}");
        }
        if tidies {
            let wanted = self.here.into_iter().chain(self.missing);
            let wanted: Vec<_> = wanted.map(|it| (it.app, it.publication.sha256)).collect();
            tidy(self.context.settings(), &wanted);
        }
    }

    fn try_all(&self) -> Result<()> {
        if self.missing.is_empty() && self.registered.is_empty() {
            return Ok(());
        }
        let mut storage = Storage::open(&self.context)?;
        if !self.registered.is_empty() {
            self.publish(&mut storage)?;
        }
        for wanted in &self.missing {
            self.context.cancellation().check()?;
            match fetch(&self.context, &mut storage, wanted) {
                Ok(()) => log::info!("{} was fetched from storage", wanted.app),
                Err(error) => {
                    log::warn!("{error}{}", error.hint_text().map(|hint| format!(" ({hint})")).unwrap_or_default());
                    let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                    failed.retain(|_, failed| failed.elapsed() < REST);
                    failed.insert(wanted.publication.sha256.clone(), Instant::now());
                    if error.is_temporary() {
                        // the others fare no better
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    fn publish(&self, storage: &mut Storage) -> Result<()> {
        let (found, _) = look_for_apps(&self.context.settings().project.apps())?;
        for app in found.iter().filter(|app| self.registered.contains(&app.name.to_string())) {
            let Some(row) = storage.tables().apps().named(&app.name)? else { continue };
            match publish(&self.context, storage, &self.options, (app, &row)) {
                Ok(_) => log::info!("{} was published", app.name),
                Err(error) => log::warn!("{error}; `dc deploy` publishes it"),
            }
        }
        Ok(())
    }
}
