//! From letters to words and lines, by the rules of pdfplumber.

use serde::{Deserialize, Serialize};

use super::letter::Letter;
use crate::layout::{Area, Direction, Line, Word, clusters};

/// The same letter once more, this near in points, is a double: it makes the first one look bold.
const DOUBLED: f64 = 1.0;

/// What pdfplumber calls `x_tolerance`, `y_tolerance` and `dedupe_chars`; lengths are points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WordRules {
    /// Letters further apart are of different words.
    pub gap_max: f64,
    /// Letters and words whose tops differ by more are on different lines.
    pub line_tolerance: f64,
    /// Whether a letter that is drawn twice is read once.
    pub without_doubles: bool,
}

impl Default for WordRules {
    fn default() -> Self {
        Self { gap_max: 3.0, line_tolerance: 3.0, without_doubles: false }
    }
}

/// The words of letters. Neighbours that are turned alike are sorted into lines, and lines parted where there is a gap.
pub(super) fn words(letters: &[&Letter], rules: &WordRules) -> Vec<Word> {
    let single = if rules.without_doubles { without_doubles(letters) } else { letters.to_vec() };
    let mut words = Vec::new();
    for alike in single.chunk_by(|a, b| a.upright == b.upright) {
        let upright = alike[0].upright;
        let place = |letter: &&Letter| if upright { letter.area.top } else { letter.area.x0 };
        for mut line in clusters(alike, place, rules.line_tolerance) {
            if upright {
                line.sort_by(|a, b| a.area.x0.total_cmp(&b.area.x0));
            } else {
                line.sort_by(|a, b| a.area.top.total_cmp(&b.area.top).then(a.area.bottom.total_cmp(&b.area.bottom)));
            }
            for run in line.split(|letter| letter.is_space()).filter(|run| !run.is_empty()) {
                let parted = |a: &&Letter, b: &&Letter| !is_parted(a, b, upright, rules);
                words.extend(run.chunk_by(parted).filter_map(|one| word(one, upright)));
            }
        }
    }
    words
}

/// The lines of words, from top to bottom.
pub(super) fn lines(words: &[Word], rules: &WordRules) -> Vec<Line> {
    clusters(words, |word| word.area.top, rules.line_tolerance).into_iter().filter_map(Line::of).collect()
}

/// The first of letters that are alike in all, in the order in which they are drawn.
fn without_doubles<'a>(letters: &[&'a Letter]) -> Vec<&'a Letter> {
    // those of one place stand beside each other when they are sorted by their height
    let mut order: Vec<usize> = (0..letters.len()).collect();
    order.sort_by(|&a, &b| letters[a].area.top.total_cmp(&letters[b].area.top).then(a.cmp(&b)));
    let mut is_double = vec![false; letters.len()];
    for (at, &first) in order.iter().enumerate() {
        for &other in
            order[at + 1..].iter().take_while(|&&it| letters[it].area.top - letters[first].area.top <= DOUBLED)
        {
            let (one, two) = (letters[first], letters[other]);
            let is_near = (one.area.x0 - two.area.x0).abs() <= DOUBLED;
            if is_near && one.text == two.text && one.size == two.size && one.upright == two.upright {
                is_double[first.max(other)] = true;
            }
        }
    }
    letters.iter().zip(is_double).filter(|(_, double)| !double).map(|(letter, _)| *letter).collect()
}

fn is_parted(one: &Letter, next: &Letter, upright: bool, rules: &WordRules) -> bool {
    let (a, b) = (&one.area, &next.area);
    let (start, end, begins, step) = match upright {
        true => (a.x0, a.x1, b.x0, b.top - a.top),
        false => (a.top, a.bottom, b.top, b.x0 - a.x0),
    };
    begins < start || begins > end + rules.gap_max || step.abs() > rules.line_tolerance
}

fn word(letters: &[&Letter], upright: bool) -> Option<Word> {
    let area = Area::around(letters.iter().map(|letter| letter.area))?;
    let mut text = String::with_capacity(letters.len());
    letters.iter().for_each(|letter| letter.append_to(&mut text));
    let direction = if upright { Direction::Right } else { Direction::Down };
    Some(Word { text, area, direction, confidence: None })
}
