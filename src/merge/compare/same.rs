//! An input that is the one of the last merge, in whatever order its records stand now. They are known then and need not be
//! read: it is enough that the table still holds what that merge left.

use crate::db::Database;
use crate::error::Result;
use crate::merge::history::{TakenInput, last_input};
use crate::merge::plan::scope::shown;
use crate::merge::read::digest::length;
use crate::merge::read::ground::Ground;

/// The input of the last merge in this scope, if the one at hand may be the same: it is as long.
pub(crate) fn likely(ground: &Ground<'_>, backend: &mut dyn Database) -> Result<Option<TakenInput>> {
    if ground.merge.own_scope {
        // the few rows of one thing among many are read sooner than the history of all is searched
        return Ok(None);
    }
    let last = last_input(backend, ground.name, &shown(&ground.scope))?;
    Ok(last.filter(|input| input.bytes == length(ground)))
}
