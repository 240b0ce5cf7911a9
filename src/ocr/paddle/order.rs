//! The order in which pieces of text are read: columns first, where a gap parts them, then lines.

use super::super::found::{FoundLine, FoundWord};
use crate::layout::Area;

/// A piece of a line, as it was found.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) area: Area,
    pub(super) words: Vec<FoundWord>,
}

/// Columns stand at least so many line heights apart.
const GUTTER: f64 = 0.9;
/// A column has at least so many lines.
const COLUMN_LINES_MIN: usize = 3;
/// Lines further apart than this many heights are of different paragraphs.
const PARAGRAPH: f64 = 0.9;
/// Parts inside parts.
const DEPTH_MAX: usize = 12;

/// The lines of a page.
pub(super) fn lines(pieces: Vec<Piece>) -> Vec<FoundLine> {
    let mut heights: Vec<f64> = pieces.iter().map(|piece| piece.area.height()).collect();
    heights.sort_by(f64::total_cmp);
    let height = heights.get(heights.len() / 2).copied().unwrap_or(1.0).max(1.0);
    let mut lines = Vec::new();
    let mut paragraph = 0;
    part(pieces, height, DEPTH_MAX, &mut |column| append(column, height, &mut paragraph, &mut lines));
    lines
}

fn part(pieces: Vec<Piece>, height: f64, depth: usize, column: &mut dyn FnMut(Vec<Piece>)) {
    if depth > 0 && pieces.len() >= 2 * COLUMN_LINES_MIN {
        if let Some(x) = gutter(&pieces, height) {
            let (left, right) = pieces.into_iter().partition(|piece: &Piece| piece.area.middle().0 < x);
            part(left, height, depth - 1, column);
            part(right, height, depth - 1, column);
            return;
        }
        if let Some(y) = rule(&pieces, height) {
            let (above, below) = pieces.into_iter().partition(|piece: &Piece| piece.area.middle().1 < y);
            part(above, height, depth - 1, column);
            part(below, height, depth - 1, column);
            return;
        }
    }
    column(pieces);
}

/// Where a gap runs from top to bottom, with columns on both sides.
fn gutter(pieces: &[Piece], height: f64) -> Option<f64> {
    let gaps = gaps(pieces.iter().map(|piece| (piece.area.x0, piece.area.x1)), height * GUTTER);
    gaps.into_iter().find(|x| {
        let left: Vec<&Piece> = pieces.iter().filter(|piece| piece.area.middle().0 < *x).collect();
        let right: Vec<&Piece> = pieces.iter().filter(|piece| piece.area.middle().0 >= *x).collect();
        is_column(&left) && is_column(&right)
    })
}

/// A column of running text: lines of much the same width. The columns of a table are read across instead.
fn is_column(pieces: &[&Piece]) -> bool {
    if pieces.len() < COLUMN_LINES_MIN {
        return false;
    }
    let Some(all) = Area::around(pieces.iter().map(|piece| piece.area)) else { return false };
    let wide = pieces.iter().filter(|piece| piece.area.width() > all.width() * 0.6).count();
    let words: usize = pieces.iter().map(|piece| piece.words.len()).sum();
    wide * 2 >= pieces.len() && words >= pieces.len() * 3
}

/// Where a gap runs from left to right such that what is below or above it has columns.
fn rule(pieces: &[Piece], height: f64) -> Option<f64> {
    let gaps = gaps(pieces.iter().map(|piece| (piece.area.top, piece.area.bottom)), height * 0.05);
    let has_columns = |above: bool, y: f64| {
        let side: Vec<Piece> = pieces.iter().filter(|piece| (piece.area.middle().1 < y) == above).cloned().collect();
        gutter(&side, height).is_some()
    };
    // what stands over the columns ends at the first such gap, what stands below them begins at the last
    gaps.iter()
        .copied()
        .find(|y| has_columns(false, *y))
        .or_else(|| gaps.iter().rev().copied().find(|y| has_columns(true, *y)))
}

/// The middles of gaps that are at least so wide and that no span reaches into.
fn gaps(spans: impl Iterator<Item = (f64, f64)>, width: f64) -> Vec<f64> {
    let mut spans: Vec<(f64, f64)> = spans.collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut gaps = Vec::new();
    let mut end = f64::INFINITY;
    for (from, to) in spans {
        if from - end >= width {
            gaps.push((from + end) / 2.0);
        }
        end = if end.is_finite() { end.max(to) } else { to };
    }
    gaps
}

/// Pieces of one column: those beside each other are a line.
fn append(mut pieces: Vec<Piece>, height: f64, paragraph: &mut usize, lines: &mut Vec<FoundLine>) {
    pieces.sort_by(|a, b| a.area.middle().1.total_cmp(&b.area.middle().1));
    let mut rows: Vec<(Area, Vec<Piece>)> = Vec::new();
    for piece in pieces {
        let beside = |row: &Area| {
            let shared = row.bottom.min(piece.area.bottom) - row.top.max(piece.area.top);
            shared > 0.5 * row.height().min(piece.area.height())
        };
        let overlaps = |others: &[Piece]| {
            others.iter().any(|other| other.area.x1.min(piece.area.x1) - other.area.x0.max(piece.area.x0) > height)
        };
        match rows.last_mut().filter(|(row, others)| beside(row) && !overlaps(others)) {
            Some((row, others)) => {
                *row = row.with(&piece.area);
                others.push(piece);
            }
            None => rows.push((piece.area, vec![piece])),
        }
    }
    let mut last: Option<f64> = None;
    for (area, mut row) in rows {
        if last.is_none_or(|last| area.top - last > height * PARAGRAPH) {
            *paragraph += 1;
        }
        last = Some(area.bottom);
        row.sort_by(|a, b| a.area.x0.total_cmp(&b.area.x0));
        let words = row.into_iter().flat_map(|piece| piece.words).collect();
        lines.push(FoundLine { words, paragraph: *paragraph });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str, x0: f64, top: f64, width: f64) -> Piece {
        let area = Area { x0, top, x1: x0 + width, bottom: top + 10.0 };
        let words = text.split(' ').map(|word| FoundWord { text: word.to_owned(), area, confidence: 99.0 });
        Piece { area, words: words.collect() }
    }

    fn text(lines: &[FoundLine]) -> Vec<String> {
        let line = |line: &FoundLine| line.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        lines.iter().map(line).collect()
    }

    #[test]
    fn two_columns_under_a_headline_are_read_one_after_the_other() {
        let mut pieces = vec![piece("a headline over it all", 0.0, 0.0, 220.0)];
        for row in 0..4 {
            let top = 30.0 + f64::from(row) * 14.0;
            pieces.push(piece(&format!("left line {row}"), 0.0, top, 100.0));
            pieces.push(piece(&format!("right line {row}"), 120.0, top, 100.0));
        }
        let found = text(&lines(pieces));
        assert_eq!(found[0], "a headline over it all");
        assert_eq!(found[1..5], ["left line 0", "left line 1", "left line 2", "left line 3"]);
        assert_eq!(found[5], "right line 0");
    }

    #[test]
    fn a_table_is_read_across() {
        let mut pieces = Vec::new();
        for row in 0..4 {
            let top = f64::from(row) * 14.0;
            pieces.push(piece(&format!("item{row}"), 0.0, top, 40.0));
            pieces.push(piece(&format!("{row}.00"), 120.0, top, 30.0));
        }
        assert_eq!(text(&lines(pieces))[..2], ["item0 0.00", "item1 1.00"]);
    }
}
