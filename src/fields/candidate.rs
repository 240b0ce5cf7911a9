//! A candidate: something on a page that a rule points at and that looks like a value of its field.

use std::ops::Range;

use super::passage::{Passage, Place};
use super::values::{Kind, Refusal, Taken};

/// The most candidates of a field; more than that mean that its rule fits everything.
pub(super) const CANDIDATES_MAX: usize = 1_000;
/// How much of a text an error shows.
const SHOWN_CHARS_MAX: usize = 60;

/// Something that looks like a value.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// As it stands on the page.
    pub(super) text: String,
    /// The number of the page.
    pub(super) page: usize,
    /// Where it stands.
    pub(super) place: Place,
    /// What pointed at it, in words.
    pub(super) rule: String,
    /// The value, or why it is none.
    pub(super) outcome: Result<Taken, Refusal>,
}

impl Candidate {
    /// All values in a part of a passage.
    pub(super) fn all_in(passage: &Passage<'_>, part: Range<usize>, kind: &Kind, from: (usize, &str)) -> Vec<Self> {
        let (page, rule) = from;
        let text = passage.text.get(part.clone()).unwrap_or_default();
        let candidate = |range: Range<usize>, outcome: Result<Taken, Refusal>| {
            let range = part.start + range.start..part.start + range.end;
            let text = passage.text.get(range.clone()).unwrap_or_default().to_owned();
            Self { text, page, place: passage.place(&range), rule: rule.to_owned(), outcome }
        };
        kind.find(text).into_iter().map(|find| candidate(find.range, find.outcome)).collect()
    }

    /// A value that was recognised with less confidence, in percent, is nobody's guess to make.
    pub(super) fn check_confidence(&mut self, least: f64) {
        if let Some(confidence) = self.place.confidence.filter(|confidence| *confidence < least)
            && self.outcome.is_ok()
        {
            let (own, least) = (confidence / 100.0, least / 100.0);
            let reason = format!("it was recognised with a confidence of {own:.2}, below {least}");
            self.outcome = Err(Refusal::Ambiguous(reason));
        }
    }

    /// Itself and its value, where it has one.
    pub(super) fn taken(&self) -> Option<(&Self, &Taken)> {
        self.outcome.as_ref().ok().map(|taken| (self, taken))
    }

    /// Whether it is a value, or might be one: what comes after it is not asked.
    pub(super) fn counts(&self) -> bool {
        self.outcome.is_ok() || self.is_ambiguous()
    }

    /// Whether it might be the value, and nobody says which.
    pub(super) fn is_ambiguous(&self) -> bool {
        matches!(self.outcome, Err(Refusal::Ambiguous(_)))
    }

    /// Why it is not taken.
    pub(super) fn reason(&self) -> Option<String> {
        let refusal = self.outcome.as_ref().err()?;
        Some(format!("{}: {}", self.said(), refusal.reason()))
    }

    /// Its text and its place, for people.
    pub(super) fn said(&self) -> String {
        let shown: String = self.text.chars().take(SHOWN_CHARS_MAX).collect();
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let more = if self.text.chars().count() > SHOWN_CHARS_MAX { ".." } else { "" };
        format!("`{shown}{more}` on page {} ({})", self.page, self.rule)
    }
}
