//! What `dc manager why` says of the folder of an app: whether machines without it can fetch it, and which have.

use serde::Serialize;

use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::publish::PublishOptions;
use crate::tables::{AppRow, FetchRow, PublicationRow, Store};

/// What is published of an app, and who has fetched it.
#[derive(Debug, Serialize)]
pub struct Published {
    /// What counts; `None` where nothing is published.
    pub publication: Option<PublicationRow>,
    /// Whether it is published as it is registered.
    pub is_current: bool,
    /// What machines have fetched last.
    pub fetches: Vec<FetchRow>,
}

impl Published {
    /// Reads it; `None` where nothing is published and nothing is to be.
    ///
    /// # Errors
    /// Settings; what the database says.
    pub(super) fn of(context: &Context, store: &mut Store, app: &AppRow) -> Result<Option<Self>> {
        let publication = store.publications().of_app(app.id)?;
        if app.archive.is_some() || (publication.is_none() && !PublishOptions::of(context.settings())?.is_on) {
            return Ok(None);
        }
        let is_current = publication.as_ref().is_some_and(|it| it.definition == app.definition);
        Ok(Some(Self { is_current, publication, fetches: store.publications().fetches(app.id)? }))
    }

    /// In words, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let Some(publication) = &self.publication else {
            let reason = "its folder is not published: only machines that have it start it; `dc deploy` publishes it";
            return vec![reason.to_owned()];
        };
        let PublicationRow { id, published_at, published_by, host, .. } = publication;
        let deployed = format!("deployed at {} by {published_by} on {host}", clock::local(*published_at));
        if !self.is_current {
            return vec![format!(
                "its folder is published as {deployed}, before it was registered as it is: machines without it wait for \
                 `dc deploy` on one that has it"
            )];
        }
        let fetched = |row: &FetchRow| {
            let FetchRow { host, publication_id, fetched_at, error, .. } = row;
            let at = clock::local(*fetched_at);
            match (error, publication_id == id) {
                (Some(error), _) => format!("{host}: at {at} it {error}"),
                (None, true) => format!("{host}: fetched from storage at {at}, as deployed"),
                (None, false) => format!("{host}: fetched from storage at {at}, as an earlier deploy left it"),
            }
        };
        let first = format!("its folder is published as {deployed}: machines without it fetch it from storage");
        std::iter::once(first).chain(self.fetches.iter().map(fetched)).collect()
    }
}
