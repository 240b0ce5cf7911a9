//! What came of an action, kept for the page that comes after it: an address carries its number alone, so that no link of
//! a stranger can put words into a page.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::ident::new_identity;

/// So many are kept.
const KEPT_MAX: usize = 100;

/// What came of the last actions.
#[derive(Default)]
pub(super) struct Told(Mutex<VecDeque<(String, String, bool)>>);

impl Told {
    /// Keeps a text; the number that it is asked for by, once.
    pub(super) fn keep(&self, text: String, is_wrong: bool) -> String {
        let id = new_identity();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((id.clone(), text, is_wrong));
        id
    }

    /// Takes a text, and whether it tells of something wrong.
    pub(super) fn take(&self, id: &str) -> Option<(String, bool)> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, ..)| known == id)?;
        kept.remove(at).map(|(_, text, is_wrong)| (text, is_wrong))
    }
}
