//! `dc manager prune`: old runs, occurrences and commands go, a few at a time.

use std::fmt;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::super::prune::{PruneOptions, give_back, write_free};
use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::tables::{Old, Store};

/// Rows of one transaction.
const BATCH_MAX: i64 = 1_000;

/// What went, or would go.
#[derive(Debug, Clone, Serialize)]
pub struct PruneRunsReport {
    /// The kinds, and how many of each.
    pub deleted: Vec<(&'static str, u64)>,
    /// From before this moment, in UTC.
    pub before: NaiveDateTime,
    /// Whether nothing was deleted.
    pub dry_run: bool,
    /// The bytes of an SQLite file that are free now and stay until it is rewritten.
    pub free_bytes: i64,
}

impl fmt::Display for PruneRunsReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let were = if self.dry_run { "would be" } else { "were" };
        let counts: Vec<String> = self.deleted.iter().map(|(name, count)| format!("{count} {name}")).collect();
        write!(formatter, "{} from before {} {were} deleted", counts.join(", "), clock::local(self.before))?;
        write_free(formatter, self.free_bytes)
    }
}

/// Deletes what is old, in short transactions; interrupted, what is gone is gone.
///
/// # Errors
/// Usage for a time that cannot be read; what the database says.
pub fn prune_runs(context: &Context, options: &PruneOptions) -> Result<PruneRunsReport> {
    // what cannot be read is told before the database is asked for the time
    clock::moment(&options.older_than)?;
    let mut store = Store::ready(context)?.patient();
    let before = clock::past_by(&options.older_than, store.now()?)?;
    let mut deleted = Vec::new();
    for what in Old::ALL {
        let mut count = 0;
        if options.dry_run {
            count = store.old(what).count(before)?.unsigned_abs();
        } else {
            loop {
                context.cancellation().check()?;
                let gone = store.old(what).delete(before, BATCH_MAX)?;
                count += gone;
                if gone == 0 {
                    break;
                }
            }
        }
        deleted.push((what.name(), count));
    }
    let free_bytes = if options.dry_run { 0 } else { give_back(context, &mut store, options.rewrite)? };
    Ok(PruneRunsReport { deleted, before, dry_run: options.dry_run, free_bytes })
}
