//! The pages of documents as pictures: few are drawn at once, on threads of their own, and how many pages a document has is
//! remembered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::http::header::HeaderName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::answer::{Answer, set};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::dashboard::{PagePicture, document_pages, page_picture};

/// So many are drawn at once.
const AT_ONCE: usize = 2;
/// How long one waits for its turn.
const TURN_LIMIT: Duration = Duration::from_secs(10);
/// How long a page waits to learn how many pages its document has.
const PAGES_LIMIT: Duration = Duration::from_secs(3);
/// Of so many documents that is remembered.
const KEPT_MAX: usize = 1_000;

/// Who draws.
#[derive(Clone)]
pub(super) struct Pictures {
    context: Context,
    turns: Arc<Semaphore>,
    /// By the document; `None` where it cannot be drawn.
    pages: Arc<Mutex<HashMap<i64, Option<usize>>>>,
}

impl Pictures {
    pub(super) fn new(context: &Context) -> Self {
        Self { context: context.clone(), turns: Arc::new(Semaphore::new(AT_ONCE)), pages: Arc::default() }
    }

    /// How many pages a document has; `None` where it has none that can be drawn, or nobody could tell in time.
    pub(super) async fn pages(&self, id: i64) -> Option<usize> {
        if let Some(known) = self.known().get(&id) {
            return *known;
        }
        let found = timeout(PAGES_LIMIT, async {
            let turn = self.turn().await?;
            let this = self.clone();
            let work = move || {
                let _turn = turn;
                let found = document_pages(&this.context, id);
                // what may be otherwise later is asked again
                match &found {
                    Ok(pages) => this.keep(id, Some(*pages)),
                    Err(error) if error.kind() == ErrorKind::Failed && !error.is_temporary() => this.keep(id, None),
                    Err(_) => {}
                }
                found
            };
            tokio::task::spawn_blocking(work).await.map_err(|_| Error::failed("count the pages of a document"))?
        });
        match found.await {
            Ok(Ok(pages)) => Some(pages),
            Ok(Err(error)) => {
                log::debug!("the pages of document {id} are not shown: {error}");
                None
            }
            Err(_) => None,
        }
    }

    /// A page.
    ///
    /// # Errors
    /// Busy where too many are drawn; as [`page_picture`].
    pub(super) async fn page(&self, id: i64, page: usize) -> Result<Answer> {
        let turn = self.turn().await?;
        let context = self.context.clone();
        // it goes on when its viewer has gone, and keeps its turn
        let work = move || {
            let _turn = turn;
            page_picture(&context, id, page)
        };
        let drawn = tokio::task::spawn_blocking(work).await;
        let PagePicture { kind, bytes } = drawn.map_err(|_| Error::failed("draw the page of a document"))??;
        let mut answer = Answer::new(Body::from(bytes));
        set(&mut answer, header::CONTENT_TYPE, kind);
        set(&mut answer, header::CACHE_CONTROL, "private, no-store");
        set(&mut answer, HeaderName::from_static("content-disposition"), "inline");
        Ok(answer)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        let busy = || Error::new(ErrorKind::Busy, "draw the page of a document: many others are being drawn");
        let turn = timeout(TURN_LIMIT, Arc::clone(&self.turns).acquire_owned()).await;
        turn.map_err(|_| busy())?.map_err(|_| busy())
    }

    fn keep(&self, id: i64, pages: Option<usize>) {
        let mut known = self.known();
        if known.len() >= KEPT_MAX {
            known.clear();
        }
        known.insert(id, pages);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Option<usize>>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
