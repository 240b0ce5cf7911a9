//! Lists: lines that begin with a mark or a number.

use super::super::block::ListItem;
use super::super::page::PageLine;
use super::flow::followed;

/// Marks that stand before items.
const MARKS: &[&str] =
    &["•", "◦", "▪", "▫", "■", "□", "●", "○", "‣", "⁃", "·", "-", "–", "—", "*", "\u{f0b7}", "☐", "☑", "✓", "➢"];
/// What goes on with an item stands further right than its mark, by this share of its height.
const INDENT: f64 = 0.4;
/// A list of numbers has at least so many items: a single one may be anything.
const NUMBERED_MIN: usize = 2;

/// The items that lines begin with, and of how many lines these are.
pub(super) fn items(lines: &[&PageLine]) -> Option<(usize, Vec<ListItem>)> {
    let mut items: Vec<ListItem> = Vec::new();
    let mut taken = 0;
    let mut left = 0.0;
    for line in lines {
        if let Some((marker, text)) = marked(line) {
            let is_alike = items.last().is_none_or(|last| is_mark(&last.marker) == is_mark(marker));
            if !is_alike {
                break;
            }
            items.push(ListItem { marker: marker.to_owned(), text: text.to_owned() });
            left = line.points.x0;
        } else if line.points.x0 > left + INDENT * line.points.height() && !items.is_empty() {
            if let Some(last) = items.last_mut() {
                last.text = followed(std::mem::take(&mut last.text), &line.text);
            }
        } else {
            break;
        }
        taken += 1;
    }
    let is_list = items.first().is_some_and(|first| is_mark(&first.marker) || items.len() >= NUMBERED_MIN);
    is_list.then_some((taken, items))
}

fn is_mark(marker: &str) -> bool {
    MARKS.contains(&marker)
}

/// The mark before a line, and the rest of it.
fn marked(line: &PageLine) -> Option<(&str, &str)> {
    let (first, rest) = line.text.split_once(' ')?;
    if is_mark(first) {
        return Some((first, rest.trim_start()));
    }
    let inner = first.trim_start_matches('(').strip_suffix(['.', ')'])?.trim_end_matches(')');
    let is_number = (1..=3).contains(&inner.len()) && inner.bytes().all(|it| it.is_ascii_digit());
    let is_letter = inner.len() == 1 && inner.bytes().all(|it| it.is_ascii_lowercase());
    (is_number || is_letter).then_some((first, rest.trim_start()))
}
