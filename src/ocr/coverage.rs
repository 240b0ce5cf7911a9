//! How much of the ink was read.

use super::found::FoundLine;
use super::prepare::{Component, Measurement, components, threshold};
use crate::layout::{Area, Picture};

/// The share of the ink that looks like letters and lies inside of words that were read, 0 to 1; 1 where there is none.
pub(super) fn coverage(picture: &Picture, measurement: &Measurement, letter_height: f64, lines: &[FoundLine]) -> f64 {
    if measurement.letter_height <= 0.0 {
        return 1.0;
    }
    let like_letter = |found: &&Component| {
        let (width, height) = (found.width() as f64, found.height() as f64);
        let size = height.max(width);
        // dots and commas are read with their letters; rules and pictures are none
        size >= letter_height * 0.5 && size <= letter_height * 4.0 && width * height <= found.pixels as f64 * 12.0
    };
    let ink = components(picture, threshold(picture));
    let side = (letter_height * 2.0).max(8.0) as usize;
    let covered = Covered::of(picture, side, lines, letter_height);
    let (mut all, mut read) = (0usize, 0usize);
    for found in ink.iter().filter(like_letter) {
        all += found.pixels;
        let middle = ((found.x0 + found.x1) as f64 / 2.0, (found.y0 + found.y1) as f64 / 2.0);
        if covered.holds(middle) {
            read += found.pixels;
        }
    }
    if all == 0 { 1.0 } else { read as f64 / all as f64 }
}

/// The areas of words, sorted into squares so that a place is looked up at once.
struct Covered {
    side: usize,
    across: usize,
    squares: Vec<Vec<Area>>,
}

impl Covered {
    fn of(picture: &Picture, side: usize, lines: &[FoundLine], letter_height: f64) -> Self {
        let (across, down) = (picture.width / side + 1, picture.height / side + 1);
        let mut covered = Self { side, across, squares: vec![Vec::new(); across * down] };
        let margin = letter_height * 0.25;
        for word in lines.iter().flat_map(|line| &line.words) {
            let Area { x0, top, x1, bottom } = word.area;
            let area = Area { x0: x0 - margin, top: top - margin, x1: x1 + margin, bottom: bottom + margin };
            let column = |x: f64| ((x.max(0.0) as usize) / side).min(across - 1);
            let row = |y: f64| ((y.max(0.0) as usize) / side).min(down - 1);
            for y in row(area.top)..=row(area.bottom) {
                for x in column(area.x0)..=column(area.x1) {
                    covered.squares[y * across + x].push(area);
                }
            }
        }
        covered
    }

    fn holds(&self, (x, y): (f64, f64)) -> bool {
        let square = (y as usize / self.side) * self.across + x as usize / self.side;
        let inside = |area: &Area| x >= area.x0 && x <= area.x1 && y >= area.top && y <= area.bottom;
        self.squares.get(square).is_some_and(|areas| areas.iter().any(inside))
    }
}
