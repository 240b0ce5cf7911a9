//! Labels and their values, by place: `Date: 3 May`, or a label with its value at some distance to the right.

use super::super::block::KeyValue;
use super::super::page::{PageLine, PageWord};
use crate::layout::Area;

/// Words further apart than this many times their height are parts of a form, and no sentence.
const GAP: f64 = 1.5;
/// Words of a label, and of a value, at most.
const LABEL_MAX: usize = 6;
const VALUE_MAX: usize = 12;

/// The pairs that the first lines hold, as whole lines, and how many lines these are.
pub(super) fn of_lines(lines: &[&PageLine]) -> Option<(usize, Vec<KeyValue>)> {
    let mut pairs = Vec::new();
    let mut taken = 0;
    while let Some(found) = lines.get(taken).and_then(|line| of_line(line)) {
        pairs.extend(found);
        taken += 1;
    }
    (taken > 0).then_some((taken, pairs))
}

/// The pairs of a line; `None` where it has anything else.
fn of_line(line: &PageLine) -> Option<Vec<KeyValue>> {
    let parts = parts(&line.words);
    let mut pairs: Vec<KeyValue> = Vec::new();
    let mut at = 0;
    while at < parts.len() {
        let part = parts[at];
        if let Some(colon) = part.iter().position(|word| word.text.ends_with(':')) {
            let (label, value) = part.split_at(colon + 1);
            // a value may stand at a distance, unless that is the next label
            let is_near = !value.is_empty();
            let far = parts.get(at + 1).copied().filter(|far| !is_near && !far.iter().any(|it| it.text.ends_with(':')));
            let value = far.unwrap_or(value);
            if label.len() > LABEL_MAX || value.len() > VALUE_MAX || value.iter().any(|word| word.text.ends_with(':')) {
                return None;
            }
            pairs.push(pair(label, value)?);
            at += 1 + usize::from(far.is_some());
        } else {
            // without a colon, a short label of letters stands before a value with figures
            let value = parts.get(at + 1).copied()?;
            let has_digit = |words: &[PageWord]| words.iter().any(|it| it.text.chars().any(|c| c.is_ascii_digit()));
            let is_form = parts.len() == 2 && !has_digit(part) && has_digit(value);
            if !is_form || part.len() > LABEL_MAX || value.len() > LABEL_MAX {
                return None;
            }
            pairs.push(pair(part, value)?);
            at += 2;
        }
    }
    (!pairs.is_empty()).then_some(pairs)
}

/// Words in parts that stand apart.
fn parts(words: &[PageWord]) -> Vec<&[PageWord]> {
    let apart = |one: &PageWord, next: &PageWord| {
        let height = one.points.height().min(next.points.height());
        next.points.x0 - one.points.x1 <= GAP * height
    };
    words.chunk_by(apart).collect()
}

fn pair(label: &[PageWord], value: &[PageWord]) -> Option<KeyValue> {
    let text = |words: &[PageWord]| words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    let named = text(label).trim_end_matches([':', ' ']).to_owned();
    let has_letters = named.chars().any(char::is_alphabetic);
    let label_area = Area::around(label.iter().map(|word| word.points))?;
    let value_area = Area::around(value.iter().map(|word| word.points));
    has_letters.then(|| KeyValue { label: named, value: text(value), label_area, value_area })
}
