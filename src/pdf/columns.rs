//! In which order the pieces of lines are read: columns of prose one after the other, everything else line by line.

/// Lines that a column has at least.
const LINES_MIN: usize = 3;
/// Words that a line of prose has on the average, at least.
const WORDS_MIN: f64 = 2.4;
/// Letters of a line of prose, on the average.
const LETTERS_MIN: f64 = 10.0;
/// The share of figures that prose has at most.
const DIGITS_MAX: f64 = 0.25;
/// Half of the lines of a column fill at least this share of its width.
const FILLED: f64 = 0.6;
/// Columns inside columns.
const DEPTH_MAX: usize = 6;
/// Places between columns that are tried.
const GUTTERS_MAX: usize = 60;

/// A place and how much of what is written there.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Block {
    pub(super) x0: f64,
    pub(super) x1: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) words: usize,
    pub(super) letters: usize,
    pub(super) digits: usize,
}

impl Block {
    pub(super) fn width(&self) -> f64 {
        self.x1 - self.x0
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// Both together.
    pub(super) fn with(&self, other: &Self) -> Self {
        Self {
            x0: self.x0.min(other.x0),
            x1: self.x1.max(other.x1),
            top: self.top.min(other.top),
            bottom: self.bottom.max(other.bottom),
            words: self.words + other.words,
            letters: self.letters + other.letters,
            digits: self.digits + other.digits,
        }
    }

    pub(super) fn around<'a>(all: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        all.into_iter().copied().reduce(|one, other| one.with(&other))
    }

    /// Whether both share so much of the smaller one's height.
    pub(super) fn is_level_with(&self, other: &Self, share: f64) -> bool {
        let shared = self.bottom.min(other.bottom) - self.top.max(other.top);
        shared > share * self.height().min(other.height())
    }
}

/// The lines, each as the places of its pieces in `pieces`; these come line by line, from left to right.
pub(super) fn in_order(pieces: &[Block]) -> Vec<Vec<usize>> {
    let mut lines = Vec::new();
    read(pieces, (0..pieces.len()).collect(), 0, &mut lines);
    lines
}

fn read(pieces: &[Block], region: Vec<usize>, depth: usize, out: &mut Vec<Vec<usize>>) {
    let rows = rows(pieces, &region);
    let gutter = if depth < DEPTH_MAX { gutter(pieces, &rows) } else { None };
    let Some(gutter) = gutter else { return out.extend(rows) };
    let spans = |row: &[usize]| row.iter().any(|&at| pieces[at].x0 < gutter && pieces[at].x1 > gutter);
    // what reaches over the gap parts the columns above it from those below
    for band in rows.chunk_by(|a, b| spans(a) == spans(b)) {
        let (left, right): (Vec<usize>, Vec<usize>) = band.iter().flatten().partition(|&&at| pieces[at].x0 < gutter);
        if !spans(&band[0]) && is_prose(pieces, &left) && is_prose(pieces, &right) {
            read(pieces, left, depth + 1, out);
            read(pieces, right, depth + 1, out);
        } else {
            out.extend(band.iter().cloned());
        }
    }
}

/// The pieces of a region by their lines.
fn rows(pieces: &[Block], region: &[usize]) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for &at in region {
        match rows.last_mut() {
            Some(row) if row.last().is_some_and(|&last| is_next(&pieces[last], &pieces[at])) => row.push(at),
            _ => rows.push(vec![at]),
        }
    }
    rows
}

/// Whether a piece stands to the right of another, on the same line.
fn is_next(one: &Block, next: &Block) -> bool {
    next.x0 >= one.x1 && one.is_level_with(next, 0.5)
}

/// Where most lines have a gap, if there are columns of prose on both sides of it.
fn gutter(pieces: &[Block], rows: &[Vec<usize>]) -> Option<f64> {
    let mut places: Vec<f64> = rows
        .iter()
        .flat_map(|row| row.windows(2).map(|pair| (pieces[pair[0]].x1 + pieces[pair[1]].x0) / 2.0))
        .collect();
    places.sort_by(f64::total_cmp);
    places.dedup_by(|a, b| (*a - *b).abs() < 2.0);
    let step = places.len().div_ceil(GUTTERS_MAX).max(1);
    let mut best: Option<(usize, f64)> = None;
    for &place in places.iter().step_by(step) {
        let on_both = |row: &&Vec<usize>| {
            row.iter().all(|&at| pieces[at].x1 <= place || pieces[at].x0 >= place)
                && row.iter().any(|&at| pieces[at].x1 <= place)
                && row.iter().any(|&at| pieces[at].x0 >= place)
        };
        let count = rows.iter().filter(on_both).count();
        if best.is_none_or(|(most, _)| count > most) && has_columns(pieces, rows, place) {
            best = Some((count, place));
        }
    }
    best.map(|(_, place)| place)
}

/// Whether some lines that follow each other are columns of prose on both sides of a place.
fn has_columns(pieces: &[Block], rows: &[Vec<usize>], place: f64) -> bool {
    let spans = |row: &[usize]| row.iter().any(|&at| pieces[at].x0 < place && pieces[at].x1 > place);
    rows.chunk_by(|a, b| spans(a) == spans(b)).filter(|band| !spans(&band[0])).any(|band| {
        let (left, right): (Vec<usize>, Vec<usize>) = band.iter().flatten().partition(|&&at| pieces[at].x0 < place);
        is_prose(pieces, &left) && is_prose(pieces, &right)
    })
}

/// Whether pieces look like lines of running text, and not like cells of a table or entries of a form.
fn is_prose(pieces: &[Block], region: &[usize]) -> bool {
    let count = region.len();
    if count < LINES_MIN {
        return false;
    }
    let sum = |of: fn(&Block) -> usize| region.iter().map(|&at| of(&pieces[at])).sum::<usize>() as f64;
    let (words, letters, digits) = (sum(|it| it.words), sum(|it| it.letters), sum(|it| it.digits));
    let mut widths: Vec<f64> = region.iter().map(|&at| pieces[at].width()).collect();
    widths.sort_by(f64::total_cmp);
    words >= WORDS_MIN * count as f64
        && letters >= LETTERS_MIN * count as f64
        && digits <= DIGITS_MAX * letters
        && widths[count / 2] >= FILLED * widths[count - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(x0: f64, x1: f64, row: usize, words: usize) -> Block {
        let top = 14.0 * row as f64;
        Block { x0, x1, top, bottom: top + 10.0, words, letters: words * 5, digits: 0 }
    }

    #[test]
    fn columns_of_prose_are_read_one_by_one_and_a_table_line_by_line() {
        let mut page = vec![piece(0.0, 200.0, 0, 6)];
        for row in 1..5 {
            page.extend([piece(0.0, 90.0, row, 4), piece(110.0, 195.0, row, 4)]);
        }
        page.push(piece(0.0, 190.0, 5, 6));
        let read: Vec<usize> = in_order(&page).into_iter().flatten().collect();
        assert_eq!(read, [0, 1, 3, 5, 7, 2, 4, 6, 8, 9]);
        let table: Vec<Block> =
            (0..5).flat_map(|row| [piece(0.0, 90.0, row, 3), piece(150.0, 180.0, row, 1)]).collect();
        assert_eq!(in_order(&table), [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]);
    }
}
