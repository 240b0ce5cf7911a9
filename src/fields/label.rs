//! A label on a page and the words beside and below it: where a form has the value that the label names.

use std::ops::Range;

use regex::{Regex, RegexBuilder};
use unicode_normalization::UnicodeNormalization;

use super::page::Word;
use super::passage::{Passage, gap};
use crate::layout::Area;

/// How far below a label its value may begin, in heights of the label.
const BELOW_MAX: f64 = 3.0;
/// Words that share so much of the height of the lower one stand in one row.
const ROW_SHARE: f64 = 0.5;
/// Of a label over two lines of a column, so many words may stand on the upper one, and one more.
const BROKEN_WORDS_MAX: usize = 6;
/// What stands between a label and its value.
const BETWEEN: &[char] = &[' ', '\t', '\n', ':', ';', '.', '=', '#', '…'];

/// A label.
#[derive(Debug, Clone)]
pub(super) struct Label {
    /// As it is configured.
    pub(super) text: String,
    pattern: Regex,
    /// Its first words and the others, for each place at which a narrow column may break it.
    halves: Vec<(Regex, Regex)>,
}

impl Label {
    /// A label of some words, which may stand apart, in small letters or capitals, on one line or more; `None` where it has
    /// no letters or digits.
    pub(super) fn of(text: &str) -> Option<Self> {
        let composed: String = text.nfc().collect();
        let plain = composed.trim().trim_end_matches([':', ' ']);
        if !plain.chars().any(char::is_alphanumeric) {
            return None;
        }
        let words: Vec<String> = plain.split_whitespace().map(regex::escape).collect();
        let compile = |words: &[String]| RegexBuilder::new(&words.join(r"\s+")).case_insensitive(true).build().ok();
        let breaks = 1..words.len().min(BROKEN_WORDS_MAX);
        let halves = breaks.filter_map(|at| Some((compile(&words[..at])?, compile(&words[at..])?))).collect();
        Some(Self { text: text.trim().to_owned(), pattern: compile(&words)?, halves })
    }

    /// Where a text has the label, as whole words.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        whole_words(&self.pattern, text)
    }

    /// Whether a text is the label, and nothing else.
    pub(super) fn is(&self, text: &str) -> bool {
        let composed: String = text.nfc().collect();
        let plain = composed.trim().trim_end_matches([':', ' ']);
        self.find(plain).contains(&(0..plain.len()))
    }

    /// Whether a field of a form has the label for a name: `form.total_due[0]` for `Total due`.
    pub(super) fn is_named(&self, name: &str) -> bool {
        let last = name.rsplit('.').next().unwrap_or_default();
        let last = last.split('[').next().unwrap_or_default();
        let plain = |text: &str| -> String {
            text.nfc().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        !last.is_empty() && plain(last) == plain(&self.text)
    }

    /// Where a page has the label over two lines of a column: its part on the lower line.
    pub(super) fn find_broken(&self, page: &Passage<'_>) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for (head, tail) in &self.halves {
            for upper in whole_words(head, &page.text) {
                let Some(lower) = below(page, &upper) else { continue };
                let Some(range) = whole_words(tail, &lower.text).into_iter().next().filter(|it| it.start == 0) else {
                    continue;
                };
                let words = lower.inside(&range);
                let in_page = |word: &Word| page.words.iter().find(|(_, it)| std::ptr::eq(*it, word)).map(|it| &it.0);
                let (first, last) = (words.first().map(|it| it.1), words.last().map(|it| it.1));
                if let (Some(first), Some(last)) = (first.and_then(in_page), last.and_then(in_page)) {
                    found.push(first.start..last.end);
                }
            }
        }
        found
    }
}

/// Where a text has a pattern, with no letter or digit right before or behind.
fn whole_words(pattern: &Regex, text: &str) -> Vec<Range<usize>> {
    let is_whole = |range: &Range<usize>| {
        let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        let joins = |side: Option<char>, own: Option<char>| is_letter(side) && is_letter(own);
        let (before, behind) = (text[..range.start].chars().next_back(), text[range.end..].chars().next());
        let own = &text[range.clone()];
        !joins(before, own.chars().next()) && !joins(behind, own.chars().next_back())
    };
    pattern.find_iter(text).map(|found| found.range()).filter(is_whole).collect()
}

/// A text without what stands between a label and its value, and how many bytes that was.
pub(super) fn behind(text: &str) -> usize {
    text.len() - text.trim_start_matches(BETWEEN).len()
}

/// What stands right of the label that covers some bytes of a page, in its row.
pub(super) fn right_of<'a>(page: &Passage<'a>, label: &Range<usize>) -> Option<Passage<'a>> {
    let inside = page.inside(label);
    let (range, last) = inside.last()?;
    let mut row: Vec<&'a Word> = Vec::new();
    for (_, word) in &page.words {
        if word.points.x0 >= last.points.x1 - 0.5
            && is_beside(&last.points, &word.points)
            && !std::ptr::eq(*word, *last)
        {
            row.push(word);
        }
    }
    row.sort_by(|one, other| one.points.x0.total_cmp(&other.points.x0));
    // what is written in one word with the label (`Date:20.11.2026`) begins the row
    let skipped = label.end.saturating_sub(range.start);
    let row: Vec<&'a Word> = std::iter::once(*last).chain(row).collect();
    Some(Passage::of_row(&row, skipped.min(last.text.len())))
}

/// What stands below the label that covers some bytes of a page: the nearest words that share its column.
pub(super) fn below<'a>(page: &Passage<'a>, label: &Range<usize>) -> Option<Passage<'a>> {
    let inside = page.inside(label);
    let area = Area::around(inside.iter().map(|(_, word)| word.points))?;
    let height = inside.last()?.1.points.height();
    let reach = area.bottom + BELOW_MAX * height;
    let is_lower = |word: &Word| word.points.top >= area.bottom - 0.4 * height && word.points.top <= reach;
    let is_under = |word: &Word| word.points.x0 < area.x1 && word.points.x1 > area.x0;
    let lower = || page.words.iter().map(|(_, word)| *word).filter(|word| is_lower(word));
    let nearest =
        lower().filter(|word| is_under(word)).min_by(|one, other| one.points.top.total_cmp(&other.points.top))?;
    let mut row: Vec<&'a Word> = lower().filter(|word| is_beside(&nearest.points, &word.points)).collect();
    row.sort_by(|one, other| one.points.x0.total_cmp(&other.points.x0));
    let at = row.iter().position(|word| std::ptr::eq(*word, nearest))?;
    let is_near = |pair: &[&'a Word]| gap(pair[0], pair[1]) == " ";
    let from = (0..at).rev().take_while(|at| is_near(&row[*at..*at + 2])).last().unwrap_or(at);
    let to = (at + 1..row.len()).take_while(|at| is_near(&row[*at - 1..=*at])).last().unwrap_or(at);
    Some(Passage::of_row(&row[from..=to], 0))
}

/// Whether two words stand in one row.
fn is_beside(one: &Area, other: &Area) -> bool {
    let shared = one.bottom.min(other.bottom) - one.top.max(other.top);
    shared > ROW_SHARE * one.height().min(other.height()).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_found_as_whole_words_however_they_are_set() {
        let label = Label::of("Invoice no.:").expect("a label");
        assert_eq!(label.find("INVOICE  NO. 12\nInvoice\nno.: 4\ninvoices no. 3").len(), 2);
        assert_eq!(Label::of("Total").expect("a label").find("Subtotal Totals Total, total:").len(), 2);
        assert_eq!(Label::of("Rac\u{30c}un").expect("a label").find("RAČUN br. Računi").len(), 1);
        assert!(Label::of(" : ").is_none());
    }
}
