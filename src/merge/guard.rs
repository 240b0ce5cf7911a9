//! What keeps a merge from doing harm: the blast-radius guard before it writes, the ledger before it commits.

use std::fmt;
use std::str::FromStr;

use super::report::Counts;
use crate::error::{Error, ErrorKind, Result};

/// How many rows may go in one merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxGone {
    /// A number of rows.
    Rows(u64),
    /// A share of the active rows in scope, in percent; below so many rows nothing is refused.
    Share {
        /// 0 to 100.
        percent: u64,
        /// The number of rows from which on the share counts.
        rows: u64,
    },
}

impl MaxGone {
    /// The most rows that may go, of so many.
    pub fn rows(self, active: u64) -> u64 {
        match self {
            Self::Rows(rows) => rows,
            Self::Share { percent, rows } => {
                let share = u64::try_from(u128::from(active) * u128::from(percent) / 100).unwrap_or(u64::MAX);
                share.max(rows.saturating_sub(1))
            }
        }
    }
}

impl fmt::Display for MaxGone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(formatter, "{rows}"),
            Self::Share { percent, .. } => write!(formatter, "{percent}%"),
        }
    }
}

impl FromStr for MaxGone {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(ErrorKind::Usage, format!("read `{text}` as a number of rows"))
                .hint("write a number (500) or a share (30%, 100% for all)")
        };
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent = percent.trim().parse().ok().filter(|percent| *percent <= 100).ok_or_else(wrong)?;
                Ok(Self::Share { percent, rows: 0 })
            }
            None => text.parse().map(Self::Rows).map_err(|_| wrong()),
        }
    }
}

/// Refuses an input that is empty.
pub(super) fn check_not_empty(table: &str, read: u64, active: Option<u64>) -> Result<()> {
    if read > 0 {
        return Ok(());
    }
    let rows = active.map(|active| format!(", and {active} active rows would go")).unwrap_or_default();
    Err(Error::new(ErrorKind::Refused, format!("merge into `{table}`: the input is empty{rows}"))
        .hint("if the source really is empty now, allow it with `--allow-empty`; nothing was changed"))
}

/// Refuses a merge that would make too many rows go.
pub(super) fn check_blast_radius(table: &str, gone: u64, active: u64, max: MaxGone) -> Result<()> {
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
pub(super) fn check_ledger(table: &str, counts: &Counts) -> Result<()> {
    let taken = counts.new + counts.changed + counts.unchanged + counts.duplicate + counts.rejected;
    let left = (counts.active_before + counts.new).checked_sub(counts.gone);
    if counts.read == taken && left == Some(counts.active_after) {
        return Ok(());
    }
    let Counts { read, new, changed, unchanged, duplicate, rejected, gone, active_before, active_after } = counts;
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
