//! Tables as all reports draw them: a rule under the header, and cells that show what they hold.

use std::fmt;

use comfy_table::{ContentArrangement, LineStyle, presets};

use super::visible::visible_line;

/// As wide as reports are made for where there is no window.
const COLUMNS: usize = 120;

/// As wide as a terminal is taken for that does not say it.
const COLUMNS_UNKNOWN: usize = 80;

/// A table for people.
#[derive(Debug)]
pub struct Table(comfy_table::Table);

/// What stands in a cell: one line, whatever the text holds, or several that are meant to be.
#[derive(Debug)]
pub struct Cell(String);

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self(visible_line(&text).into_owned())
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self(visible_line(text).into_owned())
    }
}

impl From<Vec<String>> for Cell {
    fn from(lines: Vec<String>) -> Self {
        Self(lines.iter().map(|line| visible_line(line)).collect::<Vec<_>>().join("\n"))
    }
}

impl Table {
    fn new(header: Vec<&str>) -> Self {
        let mut table = comfy_table::Table::new();
        table
            .load_style(presets::NOTHING.header_separator(LineStyle::none().fill('─').junction('─')))
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(header);
        Self(table)
    }

    fn wide(mut self, columns: usize) -> Self {
        self.0.set_width(u16::try_from(columns).unwrap_or(u16::MAX));
        self
    }

    /// Adds a row.
    pub fn add_row(&mut self, row: impl IntoIterator<Item = impl Into<Cell>>) {
        self.0.add_row(row.into_iter().map(|cell| cell.into().0));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A table as wide as its content, or as the terminal.
pub fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let table = Table::new(header.to_vec());
    if console::Term::stdout().is_term() { table.wide(columns()) } else { table }
}

/// A table as wide as `columns`, with any number of columns.
pub fn table_of(header: &[&str], columns: usize) -> Table {
    Table::new(header.to_vec()).wide(columns)
}

/// The columns of the window; as many as reports are made for where there is none.
pub fn columns() -> usize {
    let term = console::Term::stdout();
    match usize::from(term.size().1) {
        // a terminal that does not know: of a serial line, of a container
        0 if term.is_term() => COLUMNS_UNKNOWN,
        known if term.is_term() => known,
        _ => COLUMNS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_line_unless_lines_are_meant() {
        let mut table = table_of(&["name", "state"], 60);
        table.add_row(["\u{1b}[2Ja\nb  RUNNING", "\u{202e}ok"]);
        table.add_row([Cell::from("c"), vec!["one\ntwo".to_owned(), "three".to_owned()].into()]);
        let text = table.to_string();
        let rows: Vec<&str> = text.lines().skip(2).map(str::trim_end).collect();
        assert_eq!(
            rows,
            [" ␛[2Ja␊b  RUNNING   <U+202E>ok", " c                  one␊two", "                    three"]
        );
    }
}
