//! Pages that were read a moment ago: a hundred viewers of one page read it once.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Result;

/// How long a page stays fresh.
const FRESH: Duration = Duration::from_millis(400);
/// So many pages are kept.
const PAGES_MAX: usize = 64;

type Slot = Arc<tokio::sync::Mutex<Option<(Instant, Arc<str>)>>>;

/// The pages, by what was asked and for whom.
#[derive(Clone, Default)]
pub(super) struct Cache(Arc<Mutex<HashMap<String, Slot>>>);

impl Cache {
    /// The page of this key; read where it is not fresh, once for all who ask meanwhile.
    ///
    /// # Errors
    /// What `read` says.
    pub(super) async fn page(&self, key: &str, read: impl Future<Output = Result<String>>) -> Result<Arc<str>> {
        let slot = self.slot(key);
        let mut kept = slot.lock().await;
        if let Some((at, page)) = kept.as_ref()
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(page));
        }
        let page: Arc<str> = read.await?.into();
        *kept = Some((Instant::now(), Arc::clone(&page)));
        Ok(page)
    }

    /// Forgets all pages: something was just done.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn slot(&self, key: &str) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= PAGES_MAX && !slots.contains_key(key) {
            // those that nobody reads just now
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(key.to_owned()).or_default())
    }
}
