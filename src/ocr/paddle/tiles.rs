//! Long and wide pictures in pieces: the network sees a picture of a certain size, in which the letters of a long receipt
//! would vanish. Pieces are cut where there is no ink, so that no line is in two of them.

use std::ops::Range;

use super::super::prepare::threshold;
use crate::layout::Picture;

/// A cut is looked for in this last share of a piece.
const LOOKED: f64 = 0.3;
/// A picture with fewer heights of a letter to a side gets paper around it: the network finds no line that fills it.
const MARGIN_LETTERS: f64 = 3.0;

/// A piece of a picture, and where it stands in it.
pub(super) struct Tile {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) picture: Picture,
}

/// The pieces of a picture, none longer than `length` to any side; `None` where it is one piece as it is.
pub(super) fn tiles(picture: &Picture, length: f64, letter: f64) -> Option<Vec<Tile>> {
    let length = (length.max(64.0)) as usize;
    let is_narrow = letter > 0.0 && (picture.width.min(picture.height) as f64) < letter * MARGIN_LETTERS * 2.0;
    if picture.width <= length && picture.height <= length && !is_narrow {
        return None;
    }
    let dark = threshold(picture);
    let margin = if is_narrow { (letter * MARGIN_LETTERS) as usize } else { 0 };
    let mut tiles = Vec::new();
    for rows in parts(picture.height, length, |y| picture.row(y).iter().filter(|pixel| **pixel < dark).count()) {
        let ink = |x: usize| rows.clone().filter(|y| picture.pixels[y * picture.width + x] < dark).count();
        for columns in parts(picture.width, length, ink) {
            tiles.push(tile(picture, &columns, &rows, margin));
        }
    }
    Some(tiles)
}

fn tile(picture: &Picture, columns: &Range<usize>, rows: &Range<usize>, margin: usize) -> Tile {
    let (width, height) = (columns.len() + 2 * margin, rows.len() + 2 * margin);
    let mut piece = Picture::filled(width, height, picture.dpi, 255);
    for (at, y) in rows.clone().enumerate() {
        let start = (at + margin) * width + margin;
        piece.pixels[start..start + columns.len()].copy_from_slice(&picture.row(y)[columns.clone()]);
    }
    let place = |start: usize| start as f64 - margin as f64;
    Tile { left: place(columns.start), top: place(rows.start), picture: piece }
}

/// A length in parts of at most so much, cut where there is least ink.
pub(super) fn parts(all: usize, most: usize, ink: impl Fn(usize) -> usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = 0;
    while all - start > most {
        let end = start + most;
        let from = end - (((most as f64) * LOOKED) as usize).clamp(1, most - 1);
        let inks: Vec<usize> = (from..end).map(&ink).collect();
        let least = inks.iter().min().copied().unwrap_or(0);
        // the middle of the widest gap
        let (mut at, mut best) = (0, (0, 0));
        for run in inks.chunk_by(|one, next| (*one == least) == (*next == least)) {
            if run[0] == least && run.len() > best.1 {
                best = (at, run.len());
            }
            at += run.len();
        }
        let cut = from + best.0 + best.1 / 2;
        let cut = cut.clamp(start + 1, end);
        parts.push(start..cut);
        start = cut;
    }
    parts.push(start..all);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_cut_where_there_is_no_ink_and_leave_nothing_out() {
        // lines of 20 with gaps of 10
        let ink = |at: usize| usize::from(at % 30 < 20);
        let found = parts(1000, 300, ink);
        assert_eq!(found.first().map(|part| part.start), Some(0));
        assert_eq!(found.last().map(|part| part.end), Some(1000));
        assert!(found.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].end % 30 >= 20), "{found:?}");
        assert!(found.iter().all(|part| part.len() <= 300));
        assert_eq!(parts(10, 300, ink), vec![0..10]);
        assert_eq!(parts(7, 2, |_| 1).iter().map(Range::len).sum::<usize>(), 7);
    }

    #[test]
    fn a_long_picture_is_several_and_a_strip_gets_paper() {
        let mut long = Picture::filled(60, 900, 100, 255);
        for line in 0..30 {
            for y in 0..16 {
                long.pixels[(line * 30 + y) * 60..][5..50].fill(0);
            }
        }
        let found = tiles(&long, 300.0, 8.0).expect("pieces");
        assert!(found.len() >= 3 && found.iter().map(|tile| tile.picture.height).sum::<usize>() == 900);
        assert!(tiles(&Picture::filled(200, 200, 100, 255), 300.0, 16.0).is_none());
        let strip = tiles(&Picture::filled(200, 20, 100, 255), 300.0, 16.0).expect("a piece");
        assert_eq!((strip[0].picture.height, strip[0].top), (116, -48.0));
    }
}
