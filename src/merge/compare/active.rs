//! The hashes of the active rows, out of the table into a spool.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::context::Cancellation;
use crate::db::{Database, RowId, Scope, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::merge::spool::{Entry, Spool};

/// Rows between two looks at whether to go on.
const ROWS_UNTIL_LOOK: u64 = 65_536;

/// The hashes and places of the active rows in scopes that do not overlap; ends early, with an error, when `stop` is set.
pub(crate) fn active_hashes(
    backend: &mut dyn Database,
    table: &Table,
    scopes: &[Scope],
    (cancellation, stop): (&Cancellation, &AtomicBool),
) -> Result<Spool> {
    let mut active = Spool::by_hash();
    for scope in scopes {
        backend.active(table, scope, &mut |hash, RowId(place)| {
            if active.count().is_multiple_of(ROWS_UNTIL_LOOK) {
                cancellation.check()?;
                if stop.load(Ordering::Relaxed) {
                    return Err(Error::new(ErrorKind::Interrupted, "read all hashes: they are not needed any more"));
                }
            }
            active.push(Entry { hash, place })
        })?;
    }
    Ok(active)
}
