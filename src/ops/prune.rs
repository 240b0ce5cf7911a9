//! `dc logs prune`: old log records go, a few at a time, so that nobody waits for it.

use std::fmt;

use chrono::NaiveDateTime;
use serde::Serialize;

use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::tables::{Old, Store};

/// Records of one transaction.
const BATCH_MAX: i64 = 5_000;

/// What `dc logs prune` is asked for.
#[derive(Debug, Clone)]
pub struct PruneOptions {
    /// Older than this: `90d`, `2026-11-20`.
    pub older_than: String,
    /// Only count.
    pub dry_run: bool,
}

/// What went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// Records that were deleted, or would be.
    pub records: u64,
    /// Written before this moment, in UTC.
    pub before: NaiveDateTime,
    /// Whether nothing was deleted.
    pub dry_run: bool,
}

impl fmt::Display for PruneReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, before, dry_run } = self;
        let (were, before) = (if *dry_run { "would be" } else { "were" }, clock::local(*before));
        write!(formatter, "{records} log records from before {before} {were} deleted")
    }
}

/// Deletes old log records in short transactions; interrupted, what is gone is gone.
///
/// # Errors
/// Usage for a time that cannot be read; what the database says.
pub fn prune(context: &Context, options: &PruneOptions) -> Result<PruneReport> {
    // what cannot be read is told before the database is asked for the time
    clock::moment(&options.older_than)?;
    let mut store = Store::ready(context)?.patient();
    let before = clock::moment_by(&options.older_than, store.now()?)?;
    let mut report = PruneReport { records: 0, before, dry_run: options.dry_run };
    if options.dry_run {
        report.records = store.logs().count_before(before)?.unsigned_abs();
        return Ok(report);
    }
    loop {
        context.cancellation().check()?;
        let gone = store.logs().delete_before(before, BATCH_MAX)?;
        report.records += gone;
        if gone == 0 {
            break;
        }
    }
    while store.old(Old::LogStreams).delete(before, BATCH_MAX)? > 0 {
        context.cancellation().check()?;
    }
    Ok(report)
}
