//! Lines as blocks of text.

use super::super::block::{Block, Kind};
use super::super::hyphens::is_parted;
use super::super::page::PageLine;
use crate::layout::Area;

/// A block of lines, of which the first one has this number.
pub(super) fn block(kind: Kind, lines: &[&PageLine], line: usize) -> Block {
    let area = Area::around(lines.iter().map(|line| line.points)).unwrap_or_default();
    Block { kind, area, text: flowing(lines), line: Some(line) }
}

/// Lines as one; a word that was parted at the end of a line is whole again.
fn flowing(lines: &[&PageLine]) -> String {
    lines.iter().fold(String::new(), |text, line| followed(text, &line.text))
}

/// A text with a line behind it.
pub(super) fn followed(mut text: String, line: &str) -> String {
    if is_parted(&text, line) {
        text.pop();
    } else if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(line);
    text
}
