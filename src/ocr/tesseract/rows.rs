//! Tesseract reads the columns of a table one after the other, as if they were columns of text. A column of figures
//! belongs to the lines beside it: an invoice is read row by row.

use std::ops::Range;

use crate::layout::Area;
use crate::ocr::found::FoundLine;

/// A table has at least so many rows.
const ROWS_MIN: usize = 3;
/// Lines stand beside each other when they share so much of the lower one's height.
const SHARED_MIN: f64 = 0.5;
/// Of the lines between the first figure and the last so many are figures, or stand beside one.
const FIGURES_MIN: f64 = 0.7;
/// A longer word is no unit and no currency.
const UNIT_LETTERS_MAX: usize = 3;

/// A line and what it covers.
struct Row {
    line: FoundLine,
    area: Area,
    /// The part of it that was the last to be added, on its right or on its left.
    latest: FoundLine,
}

/// The lines with columns of figures, and what stands beside them, joined to rows.
pub(super) fn joined(lines: Vec<FoundLine>) -> Vec<FoundLine> {
    let mut rows: Vec<Row> = Vec::with_capacity(lines.len());
    let mut rest = lines.into_iter().filter_map(Row::of).peekable();
    while let Some(first) = rest.next() {
        // what goes on below is of the same column; a step up begins another
        let mut column = vec![first];
        while let Some(next) = rest.next_if(|next| next.area.middle().1 >= column[column.len() - 1].area.middle().1) {
            column.push(next);
        }
        add(&mut rows, column);
    }
    rows.into_iter().map(|row| row.line).collect()
}

/// Adds a column: its cells to the rows that they stand beside, the others above and below these; all of it below the
/// rows when it is no column of a table.
fn add(rows: &mut Vec<Row>, column: Vec<Row>) {
    let beside: Vec<Option<usize>> = column.iter().map(|line| row_beside(rows, line)).collect();
    let Some(cells) = cells(rows, &column, &beside) else {
        rows.extend(column);
        return;
    };
    // where the next line is put that is no cell, and how far what comes then has moved down
    let mut place = beside[cells.start].unwrap_or_default();
    let mut moved = 0;
    let paragraph = rows[place].line.paragraph;
    let mut below = Vec::new();
    for (at, (mut line, row)) in column.into_iter().zip(beside).enumerate() {
        let is_inside = cells.contains(&at);
        if is_inside {
            line.line.paragraph = paragraph;
        }
        match row.filter(|_| is_inside) {
            Some(row) => {
                rows[row + moved].join(line);
                place = row + moved + 1;
            }
            // what stands over the cells, or the second line of one
            None if at < cells.end => {
                rows.insert(place, line);
                (place, moved) = (place + 1, moved + 1);
            }
            None => below.push(line),
        }
    }
    rows.extend(below);
}

/// The lines of a column that are cells of a table: from its first figure to the last, and the word over them. `None` where
/// it has none.
fn cells(rows: &[Row], column: &[Row], beside: &[Option<usize>]) -> Option<Range<usize>> {
    let has_figure =
        |at: usize| beside[at].is_some_and(|row| is_figure(&column[at].line) || is_figure(&rows[row].latest));
    let figures: Vec<usize> = (0..column.len()).filter(|at| has_figure(*at)).collect();
    let (mut start, end) = (*figures.first()?, *figures.last()? + 1);
    let is_dense = figures.len() as f64 >= (end - start) as f64 * FIGURES_MIN;
    let is_in_order = beside[start..end].iter().flatten().is_sorted_by(|a, b| a < b);
    if figures.len() < ROWS_MIN || !is_dense || !is_in_order {
        return None;
    }
    let row_above = beside[start]?.checked_sub(1);
    if start > 0 && row_above.is_some() && beside[start - 1] == row_above {
        start -= 1;
    }
    Some(start..end)
}

/// The row that a line stands beside; the nearest where there are several.
fn row_beside(rows: &[Row], line: &Row) -> Option<usize> {
    let gap = |row: &Row| (line.area.x0 - row.area.x1).max(row.area.x0 - line.area.x1);
    let stands_beside = |row: &Row| {
        let shared = line.area.bottom.min(row.area.bottom) - line.area.top.max(row.area.top);
        shared > SHARED_MIN * line.area.height().min(row.area.height()) && gap(row) >= 0.0
    };
    let found = rows.iter().enumerate().filter(|(_, row)| stands_beside(row));
    found.min_by(|(_, a), (_, b)| gap(a).total_cmp(&gap(b))).map(|(at, _)| at)
}

/// Whether a line is a number, with its unit or currency.
fn is_figure(line: &FoundLine) -> bool {
    let is_number = |word: &str| word.contains(|it: char| it.is_numeric()) && !word.contains(char::is_alphabetic);
    let mut words = line.words.iter().map(|word| word.text.as_str());
    words.clone().any(is_number) && words.all(|word| is_number(word) || word.chars().count() <= UNIT_LETTERS_MAX)
}

impl Row {
    fn of(line: FoundLine) -> Option<Self> {
        let area = Area::around(line.words.iter().map(|word| word.area))?;
        Some(Self { latest: line.clone(), line, area })
    }

    fn join(&mut self, cell: Self) {
        self.line.paragraph = cell.line.paragraph;
        let is_right = cell.area.x0 >= self.area.x1;
        self.area = self.area.with(&cell.area);
        let at = if is_right { self.line.words.len() } else { 0 };
        self.line.words.splice(at..at, cell.line.words.iter().cloned());
        self.latest = cell.line;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::found::FoundWord;

    /// Lines of a column: so far from the left, each at its height.
    fn column(x0: f64, first: usize, texts: &[&str]) -> Vec<FoundLine> {
        let line = |(row, text): (usize, &&str)| {
            let top = (first + row) as f64 * 20.0;
            let word = |(at, text): (usize, &str)| {
                let left = x0 + at as f64 * 25.0;
                FoundWord {
                    text: text.to_owned(),
                    area: Area { x0: left, top, x1: left + 20.0, bottom: top + 10.0 },
                    confidence: 90.0,
                }
            };
            FoundLine { words: text.split(' ').enumerate().map(word).collect(), paragraph: first + row }
        };
        texts.iter().enumerate().map(line).collect()
    }

    fn texts(lines: Vec<FoundLine>) -> Vec<String> {
        let text = |line: FoundLine| line.words.into_iter().map(|word| word.text).collect::<Vec<_>>().join(" ");
        joined(lines).into_iter().map(text).collect()
    }

    #[test]
    fn the_columns_of_an_invoice_become_rows() {
        let mut lines = column(0.0, 0, &["Northwind Ltd", "Invoice 17", "3", "12", "1"]);
        lines.extend(column(100.0, 2, &["red pens", "blue ink", "a desk"]));
        lines.extend(column(300.0, 2, &["9.00 EUR", "48.50", "250.00", "307.50"]));
        lines.extend(column(0.0, 7, &["Thank you"]));
        let wanted = ["Northwind Ltd", "Invoice 17", "3 red pens 9.00 EUR", "12 blue ink 48.50", "1 a desk 250.00"];
        let found = texts(lines);
        assert_eq!(found[..5], wanted);
        assert_eq!(found[5..], ["307.50", "Thank you"]);
    }

    #[test]
    fn an_address_over_a_column_of_figures_stays_whole() {
        let mut lines = column(0.0, 0, &["Bill to:", "Northwind", "21000 Split"]);
        lines.extend(column(0.0, 5, &["Item", "pens", "ink", "a desk"]));
        lines.extend(column(300.0, 0, &["Ship to:", "Southwind", "10000 Zagreb"]));
        lines.extend(column(300.0, 5, &["Unit Price", "pcs 1.00", "box 4.20", "pcs 250.00"]));
        let addresses = ["Bill to:", "Northwind", "21000 Split", "Ship to:", "Southwind", "10000 Zagreb"];
        let rows = ["Item Unit Price", "pens pcs 1.00", "ink box 4.20", "a desk pcs 250.00"];
        assert_eq!(texts(lines), [&addresses[..], &rows[..]].concat());
    }

    #[test]
    fn a_figure_left_of_its_row_and_a_cell_of_two_lines_keep_their_places() {
        let mut lines =
            column(100.0, 0, &["first point", "of two lines", "second point", "third point", "fourth point"]);
        lines.extend(column(0.0, 0, &["1."]));
        lines.extend(column(0.0, 2, &["2.", "3.", "4."]));
        // the numbers are one column: nothing between them goes up
        let found = texts(lines);
        assert_eq!(found, ["1. first point", "of two lines", "2. second point", "3. third point", "4. fourth point"]);
        let mut lines = column(300.0, 0, &["10.00", "20.00"]);
        lines.extend(column(300.0, 3, &["30.00", "40.00"]));
        lines.extend(column(0.0, 0, &["ink", "a desk", "of oak", "pens", "paper"]));
        assert_eq!(texts(lines), ["ink 10.00", "a desk 20.00", "of oak", "pens 30.00", "paper 40.00"]);
    }

    #[test]
    fn columns_of_text_and_two_addresses_stay_apart() {
        let mut lines = column(0.0, 0, &["it was the best", "of times it was", "the worst of times"]);
        lines.extend(column(200.0, 0, &["it was the age", "of wisdom it was", "the age of folly"]));
        let before: Vec<FoundLine> = lines.clone();
        assert_eq!(joined(lines), before);
        let mut lines = column(0.0, 0, &["Northwind", "Harbour Street 14", "21000 Split", "Croatia"]);
        lines.extend(column(200.0, 0, &["Southwind", "Main Street 3", "10000 Zagreb", "Croatia"]));
        let before: Vec<FoundLine> = lines.clone();
        assert_eq!(joined(lines), before);
    }

    #[test]
    fn nothing_is_lost() {
        assert!(joined(Vec::new()).is_empty());
        let mut lines = column(0.0, 0, &["7", "8", "9"]);
        for at in 1..6 {
            lines.extend(column(f64::from(at) * 60.0, at as usize % 3, &["1", "2", "3", "4"]));
        }
        let count = |lines: &[FoundLine]| lines.iter().map(|line| line.words.len()).sum::<usize>();
        let all = count(&lines);
        assert_eq!(count(&joined(lines)), all);
    }
}
