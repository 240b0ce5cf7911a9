//! How far a merge is, told to whoever asked for it.

use std::fmt;
use std::sync::Arc;

/// What a merge is doing, and how much of it there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The input is read from its start; so many bytes in all.
    Reading {
        /// The bytes of all inputs.
        bytes: u64,
    },
    /// New records are written from the first; so many in all.
    Writing {
        /// The records.
        records: u64,
    },
    /// So much more of it is done: bytes read, or records written.
    Advanced(u64),
    /// The merge is over, well or not.
    Ended,
}

/// Where progress is told; nowhere by default.
#[derive(Clone, Default)]
pub(crate) struct Meter(Option<Arc<dyn Fn(Progress) + Send + Sync>>);

impl Meter {
    pub(crate) fn telling(told: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    pub(crate) fn tell(&self, progress: Progress) {
        if let Some(told) = &self.0 {
            told(progress);
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Meter(..)" } else { "Meter" })
    }
}
