//! What `dc deploy` does with the folders of apps where they go into storage.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::BrokenFolder;
use crate::apps::{BrokenApp, FoundApp};
use crate::context::Context;
use crate::error::Result;
use crate::ident::AppName;
use crate::ops::files::{count, size};
use crate::publish::{LeftOut, PublishOptions, PublishedApp, plan, publish};
use crate::storage::Storage;
use crate::tables::{AppRow, PublicationRow, Store};

/// What was published, or would be.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PublishingReport {
    /// The apps whose folders are in storage.
    pub published: Vec<PublishedApp>,
    /// Apps that could not be published.
    pub unpublished: Vec<BrokenFolder>,
    /// How many apps were taken back: `[deploy] publish` is not set any more.
    pub taken_back: usize,
    /// The folder in which other machines cannot find what was published, as far as is known.
    pub only_here: Option<String>,
}

/// Publishes the apps that are registered, where the settings say so. One that cannot be published holds up no other.
///
/// # Errors
/// What the database says.
pub(super) fn publish_all(
    context: &Context,
    store: &mut Store,
    (options, found): (&PublishOptions, &[FoundApp]),
) -> Result<PublishingReport> {
    let mut report = PublishingReport::default();
    if !options.is_on {
        report.taken_back = store.publications().take_back()?;
        return Ok(report);
    }
    let mut storage = Storage::open(context)?;
    match storage.folder_of_this_machine() {
        Ok(folder) => report.only_here = folder,
        Err(error) => {
            report.unpublished.push(BrokenFolder::of(BrokenApp { name: None, error }));
            return Ok(report);
        }
    }
    let rows: BTreeMap<AppName, AppRow> = store.apps().all()?.into_iter().map(|row| (row.name.clone(), row)).collect();
    for app in found {
        // somebody has taken it out just now
        let Some(row) = rows.get(&app.name) else { continue };
        let published = publish(context, &mut storage, options, (app, row));
        if !report.add(app, published) {
            break;
        }
    }
    Ok(report)
}

/// What [`publish_all`] would do; `rows` are what is registered.
///
/// # Errors
/// What the database says.
pub(super) fn plan_all(
    context: &Context,
    store: Option<&mut Store>,
    (options, found): (&PublishOptions, &[FoundApp]),
) -> Result<PublishingReport> {
    let (mut report, mut before) = (PublishingReport::default(), BTreeMap::<AppName, PublicationRow>::new());
    if let Some(store) = store {
        let mut published: BTreeMap<i64, PublicationRow> =
            store.publications().all()?.into_iter().map(|publication| (publication.app_id, publication)).collect();
        report.taken_back = if options.is_on { 0 } else { published.len() };
        let rows = store.apps().all()?.into_iter();
        before.extend(rows.filter_map(|row| Some((row.name, published.remove(&row.id)?))));
    }
    for app in found.iter().filter(|_| options.is_on) {
        let planned = plan(context, options, app, before.get(&app.name));
        report.add(app, planned);
    }
    Ok(report)
}

impl PublishingReport {
    /// Whether all that was to be published was.
    pub(super) fn is_whole(&self) -> bool {
        self.unpublished.is_empty()
    }

    /// Whether nothing changed.
    pub(super) fn is_quiet(&self) -> bool {
        self.taken_back == 0 && self.published.iter().all(|app| !app.is_new)
    }

    /// Takes the outcome of one; whether it is worth going on with the others.
    fn add(&mut self, app: &FoundApp, outcome: Result<PublishedApp>) -> bool {
        match outcome {
            Ok(published) => {
                self.published.push(published);
                true
            }
            Err(error) => {
                let goes_on = !error.is_temporary();
                self.unpublished.push(BrokenFolder::of(BrokenApp { name: Some(app.name.clone()), error }));
                goes_on
            }
        }
    }

    /// Its lines in the report of a deploy.
    pub(super) fn write(&self, formatter: &mut fmt::Formatter<'_>, would: &str) -> fmt::Result {
        for PublishedApp { app, files, bytes, .. } in self.published.iter().filter(|app| app.is_new) {
            let (files, size) = (count(*files as u64, "file"), size(*bytes));
            writeln!(formatter, "  files     {would}published  {app}: {files}, {size}")?;
        }
        for PublishedApp { app, left_out, .. } in &self.published {
            for LeftOut { path, reason } in left_out {
                writeln!(formatter, "  files     left out   {app}: `{path}`: {reason}")?;
            }
        }
        for BrokenFolder { error, hint, .. } in &self.unpublished {
            let hint = hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            writeln!(formatter, "  files     failed     {error}{hint}")?;
        }
        if self.taken_back > 0 {
            let count = count(self.taken_back as u64, "app");
            writeln!(formatter, "  files     {would}taken back {count}: `[deploy] publish` is not set any more")?;
        }
        if let Some(folder) = &self.only_here {
            writeln!(
                formatter,
                "  hint      published files are in {folder}, on a disk of this machine: other machines find them only if \
                 they mount it, or if `[storage] store` names a bucket"
            )?;
        }
        Ok(())
    }
}
