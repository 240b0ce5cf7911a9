//! An input that is, byte for byte, one that was merged before. Its records are known then and need not be read: it is
//! enough that the table still holds what that merge left.

use crate::db::Database;
use crate::error::Result;
use crate::merge::history::{TakenInput, taken_inputs};
use crate::merge::read::digest::{length, sample};
use crate::merge::read::ground::Ground;

/// The inputs of this length and with this sample that this table has taken: only where there are some, a digest tells
/// anything.
pub(crate) fn likely(ground: &Ground<'_>, backend: &mut dyn Database) -> Result<Vec<TakenInput>> {
    let mut taken = taken_inputs(backend, ground.name, length(ground))?;
    if !taken.is_empty() {
        let sample = sample(ground)?;
        taken.retain(|input| input.digest.starts_with(&sample));
    }
    Ok(taken)
}
