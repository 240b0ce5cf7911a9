//! What keeps a merge from doing harm: the blast-radius guard before it writes, the ledger before it commits.

use crate::error::{Error, ErrorKind, Result};
use crate::merge::plan::description::Merge;
use crate::merge::report::Counts;

/// Refuses an input that is empty, or of which nothing could be taken: it says nothing about what is gone.
pub(crate) fn check_not_empty(merge: &Merge, counts: &Counts) -> Result<()> {
    if counts.read > counts.rejected || merge.allow_empty {
        return Ok(());
    }
    let (why, hint) = match counts.read {
        0 => ("the input is empty".to_owned(), "if the source really is empty now, allow it with `--allow-empty`"),
        read => (
            format!("none of the {read} records could be taken"),
            "the rejects tell why; if nothing shall be left, allow it with `--allow-empty`",
        ),
    };
    Err(Error::new(ErrorKind::Refused, format!("merge into `{}`: {why}", merge.table))
        .hint(format!("{hint}; nothing was changed")))
}

/// Refuses a merge that makes too many rows go.
pub(crate) fn check_blast_radius(merge: &Merge, gone: u64, active: u64) -> Result<()> {
    let most = merge.max_gone.rows(active);
    if gone <= most {
        return Ok(());
    }
    let what = format!("merge into `{}`: {gone} of {active} active rows would go, and at most {most} may", merge.table);
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
    let Counts { read, new, changed, unchanged, duplicate, rejected, gone, active_before, active_after, .. } = counts;
    let what = if counts.read == taken {
        format!(
            "merge into `{table}`: {active_before} rows were active, {new} came and {gone} went, and now {active_after} \
             are active; everything was rolled back"
        )
    } else {
        format!(
            "merge into `{table}`: of {read} records {new} were new, {changed} changed, {unchanged} unchanged, \
             {duplicate} duplicates and {rejected} rejected, which is not all; everything was rolled back"
        )
    };
    Err(Error::failed(what).hint(
        "a trigger, a rule or an ON CONFLICT clause of the table may leave rows out or write others; if there is none, \
         this is a fault of dc: please report it",
    ))
}
