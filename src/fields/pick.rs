//! Which of several values a field takes.

use std::cmp::Ordering;

use super::candidate::Candidate;
use super::values::{Kind, Taken};

/// The one that a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    /// The first one on the pages.
    First,
    /// The last one.
    Last,
    /// The largest one; of equal ones the first.
    Largest,
    /// The one that there is, however often.
    Only,
}

impl Pick {
    /// The candidate that is taken, with its value. An ambiguous one that might have been it lets none be taken.
    ///
    /// # Errors
    /// Why none is taken; empty where there was none that looked like one.
    pub(super) fn of<'a>(self, kind: &Kind, found: &'a [Candidate]) -> Result<(&'a Candidate, &'a Taken), Vec<String>> {
        let reasons = || found.iter().filter_map(Candidate::reason).collect::<Vec<_>>();
        let mut taken = found.iter().filter_map(Candidate::taken);
        let first_that_counts = |it: &&Candidate| it.counts();
        let chosen = match self {
            Self::First => found.iter().find(first_that_counts).and_then(Candidate::taken),
            Self::Last => found.iter().rev().find(first_that_counts).and_then(Candidate::taken),
            _ if found.iter().any(Candidate::is_ambiguous) => None,
            Self::Largest => taken.reduce(|best, next| match kind.compare(&next.1.value, &best.1.value) {
                Ordering::Greater => next,
                _ => best,
            }),
            Self::Only => {
                let Some(first) = taken.next() else { return Err(reasons()) };
                let is_same = |other: &Taken| (&other.value, &other.currency) == (&first.1.value, &first.1.currency);
                if let Some(other) = taken.find(|other| !is_same(other.1)) {
                    return Err(vec![format!("{} and {} are different values", first.0.said(), other.0.said())]);
                }
                Some(first)
            }
        };
        chosen.ok_or_else(reasons)
    }
}
