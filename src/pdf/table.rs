//! Tables: found by ruling lines or by how text is aligned, and filled with the text of their cells.

use serde::Serialize;

use super::content::PageContent;
use super::edge::{Edge, Way, edges_between_columns, edges_between_rows, merged};
use super::text::{self, WordRules};
use super::{grid, reading};
use crate::error::Result;
use crate::layout::Area;

/// What a table is found by, across and down alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Ruling lines and the edges of rectangles and shapes.
    #[default]
    Lines,
    /// Drawn lines alone, no rectangles.
    StrictLines,
    /// How words are aligned, for tables without lines.
    Text,
}

/// How tables are found. The defaults and their meaning are pdfplumber's; lengths are points.
#[derive(Debug, Clone, Copy)]
pub struct TableOptions {
    /// What columns are found by.
    pub columns: Strategy,
    /// What rows are found by.
    pub rows: Strategy,
    /// Parallel edges this close become one.
    pub snap: f64,
    /// Edges on one line with a gap this small become one.
    pub join: f64,
    /// Edges this close to each other's end cross.
    pub cross: f64,
    /// Shorter edges do not count, after joining.
    pub length_min: f64,
    /// Shorter edges do not count, before joining.
    pub drawn_length_min: f64,
    /// So many words must be aligned to make a column.
    pub column_words_min: usize,
    /// So many words must stand beside each other to make a row.
    pub row_words_min: usize,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self {
            columns: Strategy::Lines,
            rows: Strategy::Lines,
            snap: 3.0,
            join: 3.0,
            cross: 3.0,
            length_min: 3.0,
            drawn_length_min: 1.0,
            column_words_min: 3,
            row_words_min: 1,
        }
    }
}

impl TableOptions {
    /// Tables without lines, found by how their text is aligned.
    pub fn by_text() -> Self {
        Self { columns: Strategy::Text, rows: Strategy::Text, ..Self::default() }
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// What it covers, in points.
    pub area: Area,
    /// The text of its cells, row by row; `None` where a cell spans over, or is missing.
    pub rows: Vec<Vec<Option<String>>>,
}

impl PageContent {
    /// The tables, from the topmost on.
    ///
    /// # Errors
    /// Refused, when there are more ruling lines than a page of tables has.
    pub fn tables(&self, options: &TableOptions) -> Result<Vec<Table>> {
        let words = match options.columns == Strategy::Text || options.rows == Strategy::Text {
            true => text::words(&self.letters.iter().collect::<Vec<_>>(), &WordRules::default()),
            false => Vec::new(),
        };
        let mut edges = match options.columns {
            Strategy::Text => edges_between_columns(&words, options.column_words_min),
            strategy => drawn(self, strategy, Way::Down, options.drawn_length_min),
        };
        edges.extend(match options.rows {
            Strategy::Text => edges_between_rows(&words, options.row_words_min),
            strategy => drawn(self, strategy, Way::Across, options.drawn_length_min),
        });
        let mut edges = merged(&edges, options.snap, options.join);
        edges.retain(|edge| edge.length() >= options.length_min);
        let groups = grid::tables(&edges, options.cross)?;
        Ok(groups.iter().filter_map(|cells| filled(self, cells)).collect())
    }
}

fn drawn(content: &PageContent, strategy: Strategy, way: Way, length_min: f64) -> Vec<Edge> {
    let strict = strategy == Strategy::StrictLines;
    let drawn = &content.drawn;
    let others = drawn.rectangles.iter().chain(&drawn.shapes).filter(|_| !strict);
    drawn.lines.iter().chain(others).filter(|edge| edge.way == way && edge.length() >= length_min).copied().collect()
}

fn filled(content: &PageContent, cells: &[Area]) -> Option<Table> {
    let area = Area::around(cells.iter().copied())?;
    let mut lefts: Vec<f64> = cells.iter().map(|cell| cell.x0).collect();
    lefts.sort_by(f64::total_cmp);
    lefts.dedup();
    let mut sorted = cells.to_vec();
    sorted.sort_by(|a, b| a.top.total_cmp(&b.top).then(a.x0.total_cmp(&b.x0)));
    let inside: Vec<usize> =
        (0..content.letters.len()).filter(|&at| area.holds_middle_of(&content.letters[at].area)).collect();
    let mut rows = Vec::new();
    for row in sorted.chunk_by(|a, b| a.top == b.top) {
        let around = Area::around(row.iter().copied())?;
        let near: Vec<usize> =
            inside.iter().copied().filter(|&at| around.holds_middle_of(&content.letters[at].area)).collect();
        let cell_at = |x: f64| row.iter().rev().find(|cell| cell.x0 == x);
        let fill = |cell: &Area| {
            let letters =
                near.iter().map(|&at| &content.letters[at]).filter(|letter| cell.holds_middle_of(&letter.area));
            reading::text(&letters.collect::<Vec<_>>(), false)
        };
        rows.push(lefts.iter().map(|&x| cell_at(x).map(fill)).collect());
    }
    Some(Table { area, rows })
}
