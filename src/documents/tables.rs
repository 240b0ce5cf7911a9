//! Recognised words as the content of a page, so that its tables are found like those of a PDF.

use super::page::PageLine;
use crate::layout::Area;
use crate::pdf::{Letter, LetterText, PageContent};

/// The content of a page of this size: a word is as many letters as it has, of one width, and a space follows it.
pub(super) fn content(size: (f64, f64), lines: &[PageLine], drawn: &[(f64, f64, f64, f64)]) -> PageContent {
    let mut content = PageContent::default();
    (content.width, content.height) = size;
    for line in lines {
        for (at, word) in line.words.iter().enumerate() {
            let letters: Vec<char> = word.text.chars().collect();
            let step = word.points.width() / letters.len().max(1) as f64;
            // one line is one height: words without tall letters would else stand on a line of their own
            let place =
                |from: f64, to: f64| Area { x0: from, top: line.points.top, x1: to, bottom: line.points.bottom };
            for (number, letter) in letters.iter().enumerate() {
                let from = word.points.x0 + step * number as f64;
                content.letters.push(written(*letter, place(from, from + step)));
            }
            if let Some(next) = line.words.get(at + 1) {
                let (from, to) = (word.points.x1, next.points.x0);
                content.letters.push(written(' ', place(from, to.max(from))));
            }
        }
    }
    for (x0, top, x1, bottom) in drawn {
        content.add_line((*x0, *top), (*x1, *bottom));
    }
    content
}

fn written(letter: char, area: Area) -> Letter {
    Letter {
        text: LetterText::One(letter),
        area,
        upright: true,
        angle: 0.0,
        advance: area.width() as f32,
        spacing: 0.0,
        size: area.height() as f32,
        visible: true,
    }
}
