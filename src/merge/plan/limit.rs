//! How many rows a merge may make go.

use std::fmt;
use std::str::FromStr;

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
