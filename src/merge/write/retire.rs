//! Rows that have left the source: archived or deleted, by their places.

use chrono::NaiveDateTime;

use crate::context::Cancellation;
use crate::db::{Database, Gone, RowId, Table};
use crate::error::{Error, Result};
use crate::merge::spool::Spool;

/// Rows that are retired at once.
const RETIRED_AT_ONCE_MAX: usize = 10_000;

/// Archives or deletes rows.
pub(crate) fn retire(
    backend: &mut dyn Database,
    table: &Table,
    leaving: &Spool,
    (how, moment): (Gone, NaiveDateTime),
    cancellation: &Cancellation,
) -> Result<()> {
    let mut entries = Vec::new();
    for bucket in 0..leaving.buckets() {
        leaving.read(bucket, &mut entries)?;
        let rows: Vec<RowId> = entries.iter().map(|entry| RowId(entry.place)).collect();
        for some in rows.chunks(RETIRED_AT_ONCE_MAX) {
            cancellation.check()?;
            let count = backend.retire(table, some, how, moment)?;
            if count != some.len() as u64 {
                return Err(Error::failed(format!("retire {} rows that have gone: {count} were found", some.len())));
            }
        }
    }
    Ok(())
}
