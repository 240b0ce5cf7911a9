//! A text made of words, which knows where each of its parts stands on the page.

use std::ops::Range;

use super::page::{Page, Word};
use crate::layout::Area;

/// Words further apart than this many times their height stand in different columns.
const COLUMN_GAP: f64 = 0.9;

/// Where a part of a text stands, and how sure its reader is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Place {
    /// In points; `None` where no words are known.
    pub(super) area: Option<Area>,
    /// 0 to 100, that of the word that is least sure; `None` where the file holds the text.
    pub(super) confidence: Option<f64>,
}

/// A text and its words.
#[derive(Debug, Default)]
pub(super) struct Passage<'a> {
    /// Words with a space between them, a tab between columns, and a new line between lines.
    pub(super) text: String,
    /// The bytes of each word in the text.
    pub(super) words: Vec<(Range<usize>, &'a Word)>,
}

impl<'a> Passage<'a> {
    /// A page, line by line.
    pub(super) fn of_page(page: &'a Page) -> Self {
        let mut passage = Self { text: page.bare_text().unwrap_or_default(), words: Vec::new() };
        for line in page.lines().filter(|line| !line.is_empty()) {
            if !passage.text.is_empty() {
                passage.text.push('\n');
            }
            for (at, word) in line.iter().enumerate() {
                let gap = at.checked_sub(1).map_or("", |before| gap(&line[before], word));
                passage.push(gap, word);
            }
        }
        passage
    }

    /// Words that stand in a row, from left to right; of the first one only what stands behind byte `skipped`.
    pub(super) fn of_row(words: &[&'a Word], skipped: usize) -> Self {
        let mut passage = Self::default();
        for (at, word) in words.iter().enumerate() {
            if let Some(before) = at.checked_sub(1) {
                passage.push(gap(words[before], word), word);
            } else {
                let start = passage.text.len();
                passage.text.push_str(word.text.get(skipped..).unwrap_or_default());
                passage.words.push((start..passage.text.len(), word));
            }
        }
        passage
    }

    fn push(&mut self, gap: &str, word: &'a Word) {
        self.text.push_str(gap);
        let start = self.text.len();
        self.text.push_str(&word.text);
        self.words.push((start..self.text.len(), word));
    }

    /// Where some bytes of the text stand.
    pub(super) fn place(&self, range: &Range<usize>) -> Place {
        let inside = self.inside(range);
        let area = Area::around(inside.iter().map(|(_, word)| word.points));
        let confidence = inside.iter().filter_map(|(_, word)| word.confidence).reduce(f64::min);
        Place { area, confidence }
    }

    /// The words of which some bytes of the text are.
    pub(super) fn inside(&self, range: &Range<usize>) -> &[(Range<usize>, &'a Word)] {
        let from = self.words.partition_point(|(word, _)| word.end <= range.start);
        let to = self.words.partition_point(|(word, _)| word.start < range.end);
        self.words.get(from..to).unwrap_or_default()
    }
}

/// What stands between two words of a row.
pub(super) fn gap(one: &Word, other: &Word) -> &'static str {
    let height = one.points.height().min(other.points.height());
    if other.points.x0 - one.points.x1 > COLUMN_GAP * height { "\t" } else { " " }
}
