//! From letters to words and lines, by the rules of pdfplumber.

use super::letter::Letter;
use crate::layout::{Area, Direction, Line, Word, clusters};

/// Letters further apart than this many points are of different words.
const GAP_MAX: f64 = 3.0;
/// Letters and words whose tops differ by more than this many points are on different lines.
const LINE_TOLERANCE: f64 = 3.0;

/// The words of letters. Neighbours that are turned alike are sorted into lines, and lines parted where there is a gap.
pub(super) fn words(letters: &[&Letter]) -> Vec<Word> {
    let mut words = Vec::new();
    for alike in letters.chunk_by(|a, b| a.upright == b.upright) {
        let upright = alike[0].upright;
        let place = |letter: &&Letter| if upright { letter.area.top } else { letter.area.x0 };
        for mut line in clusters(alike, place, LINE_TOLERANCE) {
            if upright {
                line.sort_by(|a, b| a.area.x0.total_cmp(&b.area.x0));
            } else {
                line.sort_by(|a, b| a.area.top.total_cmp(&b.area.top).then(a.area.bottom.total_cmp(&b.area.bottom)));
            }
            for run in line.split(|letter| letter.is_space()).filter(|run| !run.is_empty()) {
                words.extend(run.chunk_by(|a, b| !is_parted(a, b, upright)).filter_map(|one| word(one, upright)));
            }
        }
    }
    words
}

/// The lines of words, from top to bottom.
pub(super) fn lines(words: &[Word]) -> Vec<Line> {
    clusters(words, |word| word.area.top, LINE_TOLERANCE).into_iter().filter_map(Line::of).collect()
}

fn is_parted(one: &Letter, next: &Letter, upright: bool) -> bool {
    let (a, b) = (&one.area, &next.area);
    let (start, end, begins, step) = match upright {
        true => (a.x0, a.x1, b.x0, b.top - a.top),
        false => (a.top, a.bottom, b.top, b.x0 - a.x0),
    };
    begins < start || begins > end + GAP_MAX || step.abs() > LINE_TOLERANCE
}

fn word(letters: &[&Letter], upright: bool) -> Option<Word> {
    let area = Area::around(letters.iter().map(|letter| letter.area))?;
    let mut text = String::with_capacity(letters.len());
    letters.iter().for_each(|letter| letter.append_to(&mut text));
    let direction = if upright { Direction::Right } else { Direction::Down };
    Some(Word { text, area, direction, confidence: None })
}
