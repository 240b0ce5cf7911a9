//! Which way the lines of a page run, and so how the page must be turned to be read.

use super::page::{Page, PageLine};
use crate::ocr::Step;

/// Lines run upwards or downwards where they go so many times as far that way as across.
const STEEP: f64 = 2.0;

/// By how many degrees, clockwise, a page that an engine read must be turned to stand upright: 0, 90, 180 or 270.
pub(super) fn turn(page: &Page) -> u16 {
    let (across, down) = page
        .lines
        .iter()
        .filter(|line| !is_written_downwards(line))
        .filter_map(way)
        .fold((0.0, 0.0), |(across, down), (x, y)| (across + x, down + y));
    // engines read what lies on its side as it lies; only the way of the lines tells
    if down.abs() > f64::abs(across) * STEEP {
        return if down < 0.0 { 90 } else { 270 };
    }
    // words that follow each other leftwards may be upside down, or Arabic
    let steps = page.reading.iter().flat_map(|reading| &reading.steps);
    let turns = steps.map(|step| if let Step::Turned(degrees) = step { u32::from(*degrees) } else { 0 });
    if turns.sum::<u32>() % 360 == 180 { 180 } else { 0 }
}

/// From the first word of a line to its last.
fn way(line: &PageLine) -> Option<(f64, f64)> {
    let (first, last) = (line.words.first()?.points.middle(), line.words.last()?.points.middle());
    Some((last.0 - first.0, last.1 - first.1))
}

/// Whether a line is of a script whose lines may run downwards on a page that stands upright.
fn is_written_downwards(line: &PageLine) -> bool {
    let letters = line.text.chars().filter(|letter| letter.is_alphabetic());
    let (all, such) = letters.fold((0, 0), |(all, such), letter| {
        (
            all + 1,
            such + usize::from(
                matches!(letter, '\u{1800}'..='\u{18af}' | '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7ff}'),
            ),
        )
    });
    such * 2 > all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{PageSource, PageWord};
    use crate::layout::Area;

    fn page(text: &str, places: &[(f64, f64)]) -> Page {
        let mut page = Page::empty(1, (100.0, 100.0), PageSource::Recognised);
        let word = |(x, y): &(f64, f64)| PageWord {
            text: text.to_owned(),
            points: Area { x0: *x, top: *y, x1: x + 4.0, bottom: y + 4.0 },
            pixels: None,
            confidence: None,
        };
        let words: Vec<PageWord> = places.iter().map(word).collect();
        let points = Area::default();
        let line = PageLine { text: text.to_owned(), points, pixels: None, confidence: None, paragraph: 1, words };
        page.lines = vec![line];
        page
    }

    #[test]
    fn lines_tell_how_a_page_lies() {
        assert_eq!(turn(&page("a", &[(10.0, 50.0), (60.0, 52.0)])), 0);
        assert_eq!(turn(&page("a", &[(10.0, 80.0), (12.0, 20.0)])), 90);
        assert_eq!(turn(&page("a", &[(10.0, 20.0), (12.0, 80.0)])), 270);
        assert_eq!(turn(&page("א", &[(60.0, 50.0), (10.0, 50.0)])), 0);
        assert_eq!(turn(&page("縦", &[(10.0, 20.0), (10.0, 80.0)])), 0);
        assert_eq!(turn(&page("a", &[])), 0);
    }
}
