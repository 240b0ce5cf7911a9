//! Tesseract's table of results: tabs between columns, and a row for each page, block, paragraph, line and word.

use crate::layout::Area;
use crate::ocr::found::{FoundLine, FoundWord};

/// The level of a row that holds a word.
const WORD: &str = "5";

/// The lines of a table.
pub(super) fn lines(table: &str) -> Vec<FoundLine> {
    let mut lines: Vec<FoundLine> = Vec::new();
    let mut last: Option<(usize, usize, usize)> = None;
    let mut paragraphs = 0;
    for row in table.lines() {
        let columns: Vec<&str> = row.splitn(12, '\t').collect();
        let [WORD, _, block, paragraph, line, _, left, top, width, height, confidence, text] = columns[..] else {
            continue;
        };
        let number = |text: &str| text.parse::<f64>().ok();
        let (Some(left), Some(top), Some(width), Some(height)) =
            (number(left), number(top), number(width), number(height))
        else {
            continue;
        };
        let confidence = confidence.parse::<f32>().unwrap_or_default().clamp(0.0, 100.0);
        if text.trim().is_empty() {
            continue;
        }
        let count = |text: &str| text.parse::<usize>().unwrap_or_default();
        let place = (count(block), count(paragraph), count(line));
        if last.is_none_or(|last| (last.0, last.1) != (place.0, place.1)) {
            paragraphs += 1;
        }
        if last != Some(place) {
            lines.push(FoundLine { words: Vec::new(), paragraph: paragraphs });
        }
        last = Some(place);
        let area = Area { x0: left, top, x1: left + width, bottom: top + height };
        if let Some(line) = lines.last_mut() {
            line.words.push(FoundWord { text: text.trim().to_owned(), area, confidence });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_lines_and_paragraphs_are_counted_over_the_page() {
        let table = "level\tpage_num\tblock_num\n1\t1\t0\t0\t0\t0\t0\t0\t9\t9\t-1\t\n\
            5\t1\t1\t1\t1\t1\t10\t20\t30\t8\t96.5\tHello\n5\t1\t1\t1\t1\t2\t44\t20\t30\t8\t80\tworld\n\
            5\t1\t2\t1\t1\t1\t10\t40\t5\t8\t-1\t \n5\t1\t2\t1\t1\t2\t10\t40\t5\t8\t12\tB\tC\n";
        let lines = lines(table);
        let texts: Vec<(usize, Vec<&str>)> = lines
            .iter()
            .map(|line| (line.paragraph, line.words.iter().map(|word| word.text.as_str()).collect()))
            .collect();
        assert_eq!(texts, vec![(1, vec!["Hello", "world"]), (2, vec!["B\tC"])]);
        assert_eq!(lines[0].words[0].area, Area { x0: 10.0, top: 20.0, x1: 40.0, bottom: 28.0 });
    }
}
