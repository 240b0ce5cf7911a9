//! Labels and their values, by place: `Date: 3 May`, a label with its value at some distance to the right, or below it.

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
    loop {
        let rest = &lines[taken..];
        if let Some(found) = columns(rest).or_else(|| value_below(rest)) {
            pairs.extend(found);
            taken += 2;
        } else if let Some(found) = rest.first().and_then(|line| of_line(line)) {
            pairs.extend(found);
            taken += 1;
        } else {
            return (taken > 0).then_some((taken, pairs));
        }
    }
}

/// Labels beside each other on the first line, each with its value below it on the second. A third line alike makes a
/// table of them.
fn columns(lines: &[&PageLine]) -> Option<Vec<KeyValue>> {
    let (upper, lower) = (lines.first()?, lines.get(1)?);
    let (labels, values) = (parts(&upper.words), parts(&lower.words));
    let is_label = |part: &&[PageWord]| part.len() <= LABEL_MAX && !has_digit(part);
    let has_colon = |part: &&[PageWord]| part.iter().any(|word| word.text.ends_with(':'));
    let are_pairs = labels.len() > 1
        && labels.iter().all(is_label)
        && stand_below(&labels, &values)
        && !values.iter().any(|value| value.len() > VALUE_MAX || has_colon(value))
        && values.iter().filter(|value| has_digit(value)).count() * 2 >= values.len();
    let is_table = lines.get(2).is_some_and(|third| stand_below(&values, &parts(&third.words)));
    if !are_pairs || is_table {
        return None;
    }
    labels.iter().zip(&values).map(|(label, value)| pair(label, value)).collect()
}

/// A label with a colon alone on its line, and its value below it.
fn value_below(lines: &[&PageLine]) -> Option<Vec<KeyValue>> {
    let (upper, lower) = (lines.first()?, lines.get(1)?);
    let is_label = upper.words.len() <= LABEL_MAX && upper.words.last()?.text.ends_with(':');
    let colons = |line: &PageLine| line.words.iter().filter(|word| word.text.ends_with(':')).count();
    let (labels, values) = (parts(&upper.words), parts(&lower.words));
    let is_value = values.len() == 1 && lower.words.len() <= VALUE_MAX && colons(lower) == 0;
    // what goes on is an address, or prose
    let is_whole = lines.get(2).is_none_or(|third| colons(third) > 0);
    let is_pair = is_label && colons(upper) == 1 && is_value && is_whole && stand_below(&labels, &values);
    is_pair.then(|| pair(&upper.words, &lower.words)).flatten().map(|pair| vec![pair])
}

/// Whether there is one part below each of others.
fn stand_below(upper: &[&[PageWord]], lower: &[&[PageWord]]) -> bool {
    let sides = |part: &[PageWord]| {
        let area = Area::around(part.iter().map(|word| word.points)).unwrap_or_default();
        (area.x0, area.x1)
    };
    upper.len() == lower.len()
        && upper.iter().zip(lower).all(|(one, other)| {
            let (above, below) = (sides(one), sides(other));
            above.0 < below.1 && below.0 < above.1
        })
}

fn has_digit(words: &[PageWord]) -> bool {
    words.iter().any(|word| word.text.chars().any(|letter| letter.is_ascii_digit()))
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
