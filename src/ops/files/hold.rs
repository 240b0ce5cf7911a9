//! `dc files hold` and `release`: what is held stays, whatever its retention says.

use std::fmt;

use serde::Serialize;

use super::{count, find};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::tables::Store;

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct HoldReport {
    /// The numbers of the files that were named.
    pub files: Vec<i64>,
    /// How many changed: the others were so before.
    pub changed: usize,
    /// Whether they are held now.
    pub held: bool,
}

impl fmt::Display for HoldReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, held) = (count(self.files.len() as u64, "name"), if self.held { "held" } else { "released" });
        let before = self.files.len() - self.changed;
        match before {
            0 => write!(formatter, "{all} {held}"),
            _ => write!(formatter, "{all} {held}, {before} of them before"),
        }
    }
}

/// Holds files: those of numbers, and all names of a SHA-256.
///
/// # Errors
/// Usage; not found, also for what is deleted.
pub fn hold_files(context: &Context, texts: &[String], reason: &str) -> Result<HoldReport> {
    if reason.trim().is_empty() {
        return Err(Error::new(ErrorKind::Usage, "hold files without a reason").hint("--reason \"audit of 2026\""));
    }
    let mut store = Store::ready(context)?;
    let files = live(&mut store, texts)?;
    let changed = store.files().hold(&files, &context.settings().user, reason)?;
    Ok(HoldReport { files, changed, held: true })
}

/// Lets go of files: their retention counts again.
///
/// # Errors
/// As [`hold_files`].
pub fn release_files(context: &Context, texts: &[String]) -> Result<HoldReport> {
    let mut store = Store::ready(context)?;
    let files = live(&mut store, texts)?;
    let changed = store.files().release(&files)?;
    Ok(HoldReport { files, changed, held: false })
}

fn live(store: &mut Store, texts: &[String]) -> Result<Vec<i64>> {
    let mut ids = Vec::new();
    for text in texts {
        let rows = find::find(store, text)?;
        let live: Vec<i64> = rows.iter().filter(|row| row.deleted_at.is_none()).map(|row| row.id).collect();
        if live.is_empty() {
            let message = format!("hold or release the stored file `{text}`: it was deleted");
            return Err(Error::new(ErrorKind::NotFound, message).hint(format!("`dc files show {text}`")));
        }
        ids.extend(live);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}
