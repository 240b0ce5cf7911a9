//! What keeps a merge from doing harm: the blast-radius guard before it writes, the ledger before it commits.

use crate::error::{Error, ErrorKind, Result};
use crate::merge::plan::limit::MaxGone;
use crate::merge::report::Counts;

/// Refuses an input that is empty.
pub(crate) fn check_not_empty(table: &str, read: u64, active: Option<u64>) -> Result<()> {
    if read > 0 {
        return Ok(());
    }
    let rows = active.map(|active| format!(", and {active} active rows would go")).unwrap_or_default();
    Err(Error::new(ErrorKind::Refused, format!("merge into `{table}`: the input is empty{rows}"))
        .hint("if the source really is empty now, allow it with `--allow-empty`; nothing was changed"))
}

/// Refuses a merge that would make too many rows go.
pub(crate) fn check_blast_radius(table: &str, gone: u64, active: u64, max: MaxGone) -> Result<()> {
    let most = max.rows(active);
    if gone <= most {
        return Ok(());
    }
    let what = format!("merge into `{table}`: {gone} of {active} active rows would go, and at most {most} may");
    let percent = (gone * 100).div_ceil(active.max(1)).min(100);
    Err(Error::new(ErrorKind::Refused, what)
        .hint(format!("look at it with `--dry-run --max-gone 100%`; if it is right, allow it with `--max-gone {percent}%` (or `--max-gone {gone}`); nothing was changed")))
}

/// Checks that nothing was lost or counted twice.
pub(crate) fn check_ledger(table: &str, counts: &Counts) -> Result<()> {
    let taken = counts.new + counts.changed + counts.unchanged + counts.duplicate + counts.rejected;
    let left = (counts.active_before + counts.new).checked_sub(counts.gone);
    if counts.read == taken && left == Some(counts.active_after) {
        return Ok(());
    }
    let what = format!("merge into `{table}`: the ledger does not balance ({counts:?}); everything was rolled back");
    Err(Error::failed(what)
        .hint("somebody may write to the table besides dc; if not, this is a fault of dc: please report it"))
}
