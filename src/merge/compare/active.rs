//! The hashes of the active rows, out of the table into a spool; or their sum alone.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::context::Cancellation;
use crate::db::{ActiveSum, Database, RowId, Scope, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::merge::spool::{Entry, Spool};

/// Rows between two looks at whether to go on.
const ROWS_UNTIL_LOOK: u64 = 65_536;

/// What ends the reading before the rows do.
pub(crate) type Ends<'a> = (&'a Cancellation, &'a AtomicBool);

/// The hashes and places of the active rows in scopes that do not overlap; ends early, with an error, when `stop` is set.
pub(crate) fn active_hashes(
    backend: &mut dyn Database,
    table: &Table,
    scopes: &[Scope],
    ends: Ends<'_>,
) -> Result<Spool> {
    let mut active = Spool::by_hash();
    for scope in scopes {
        backend.active(table, scope, &mut |hash, RowId(place)| {
            look(active.count(), ends)?;
            active.push(Entry { hash, place })
        })?;
    }
    Ok(active)
}

/// The sum of the active rows in scopes that do not overlap: by the database where it can, else row by row, and then it
/// ends early as [`active_hashes`].
pub(crate) fn active_sum(
    backend: &mut dyn Database,
    table: &Table,
    scopes: &[Scope],
    ends: Ends<'_>,
) -> Result<ActiveSum> {
    let mut whole = ActiveSum::default();
    for scope in scopes {
        look(0, ends)?;
        match backend.active_sum(table, scope)? {
            Some(sum) => whole.add(sum),
            None => backend.active(table, scope, &mut |hash, _| {
                look(whole.rows, ends)?;
                whole.add(ActiveSum::of(hash));
                Ok(())
            })?,
        }
    }
    Ok(whole)
}

fn look(rows: u64, (cancellation, stop): Ends<'_>) -> Result<()> {
    if rows.is_multiple_of(ROWS_UNTIL_LOOK) {
        cancellation.check()?;
        if stop.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Interrupted, "read all hashes: they are not needed any more"));
        }
    }
    Ok(())
}
