//! Tables as CSV and as NDJSON; one that goes on over pages is one table.

use serde::Serialize;

use crate::documents::Page;
use crate::error::{Error, Result};
use crate::layout::Area;

/// The sides of a table that goes on stand within so many points.
const SIDES: f64 = 6.0;

/// A row of a table; null where a cell spans over.
type Row = Vec<Option<String>>;

/// A table of a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FileTable {
    file: String,
    /// The page that it begins on, from 1 on, and the one that it ends on.
    pub(super) page: usize,
    to_page: usize,
    /// Its number among those that begin on this page, from 1 on.
    pub(super) table: usize,
    /// What it covers of the page that it begins on, in points.
    area: Area,
    rows: Vec<Row>,
}

/// The tables of a file, page after page.
#[derive(Default)]
pub(super) struct FileTables {
    tables: Vec<FileTable>,
    /// The last page that was added, and whether it has a table.
    last: Option<(usize, bool)>,
}

impl FileTables {
    /// Adds the tables of a page. The first one goes on with the last of the page before, if it has its columns.
    pub(super) fn add(&mut self, file: &str, page: &Page) {
        let follows = self.last.is_some_and(|(last, has_table)| has_table && last + 1 == page.page);
        let mut number = 0;
        for (at, table) in page.tables.iter().flatten().enumerate() {
            let rows = headed(&table.rows);
            let before = self.tables.last_mut().filter(|before| at == 0 && follows && before.to_page + 1 == page.page);
            if let Some(before) = before.filter(|before| before.goes_on_with(&table.area, &rows)) {
                before.to_page = page.page;
                let repeats = before.rows.first() == rows.first();
                before.rows.extend(rows.into_iter().skip(usize::from(repeats)));
                continue;
            }
            number += 1;
            let file = file.to_owned();
            self.tables.push(FileTable {
                file,
                page: page.page,
                to_page: page.page,
                table: number,
                area: table.area,
                rows,
            });
        }
        self.last = Some((page.page, page.tables.as_ref().is_some_and(|tables| !tables.is_empty())));
    }

    /// All of them.
    pub(super) fn take(&mut self) -> Vec<FileTable> {
        std::mem::take(self).tables
    }
}

/// Rows in which a header of two rows, whose upper cells span several columns, is one row: each column has the names of
/// both.
fn headed(rows: &[Row]) -> Vec<Row> {
    let [upper, lower, rest @ ..] = rows else { return rows.to_vec() };
    let spans = upper.first().is_some_and(Option::is_some) && upper.contains(&None);
    let is_name = |cell: &Option<String>| {
        cell.as_ref().is_some_and(|text| text.chars().any(char::is_alphabetic) || is_year_or_quarter(text))
    };
    // below a cell that spans stand names, and below one that does not nothing stands, or a name
    let fits = upper.len() == lower.len()
        && upper.iter().zip(lower).all(|(above, below)| match above {
            None => is_name(below),
            Some(_) => below.as_ref().is_none_or(|text| text.is_empty()) || is_name(below),
        });
    if !spans || !fits || rest.is_empty() {
        return rows.to_vec();
    }
    let mut last = "";
    let header = upper.iter().zip(lower).map(|(above, below)| {
        last = above.as_deref().unwrap_or(last);
        let below = below.as_deref().unwrap_or_default();
        Some(format!("{} {below}", last.trim()).trim().replace('\n', " "))
    });
    let header: Row = header.collect();
    std::iter::once(header).chain(rest.iter().cloned()).collect()
}

/// Whether a text of figures names a column: 2025, 1.
fn is_year_or_quarter(text: &str) -> bool {
    let digits = text.trim();
    digits.bytes().all(|byte| byte.is_ascii_digit()) && matches!(digits.len(), 1 | 4)
}

impl FileTable {
    fn goes_on_with(&self, area: &Area, rows: &[Row]) -> bool {
        let columns = |rows: &[Row]| rows.iter().map(Vec::len).max().unwrap_or_default();
        let near = |a: f64, b: f64| (a - b).abs() <= SIDES;
        columns(&self.rows) == columns(rows) && near(self.area.x0, area.x0) && near(self.area.x1, area.x1)
    }

    /// As CSV; what spans over is empty.
    pub(super) fn csv(&self) -> String {
        self.rows.iter().map(|row| line(row.iter().map(|cell| cell.as_deref().unwrap_or_default()))).collect()
    }

    /// An object on a line.
    pub(super) fn ndjson(&self) -> Result<String> {
        let text = serde_json::to_string(self).map_err(|cause| Error::failed("write a table").because(cause))?;
        Ok(text + "\n")
    }
}

/// Tables as CSV, one stream of them after the other. A single table is written as it is; of several, each row says where it
/// stands, those that have one header have it once, and an empty line stands before another one.
#[derive(Default)]
pub(super) struct CsvStream {
    header: Option<Row>,
}

impl CsvStream {
    /// More tables; `is_only` for the only file.
    pub(super) fn of(&mut self, tables: &[FileTable], is_only: bool) -> String {
        if let (true, [only]) = (is_only, tables) {
            return only.csv();
        }
        let mut out = String::new();
        for table in tables {
            let is_known = self.header.is_some() && self.header.as_ref() == table.rows.first();
            if !is_known {
                if self.header.is_some() {
                    out.push('\n');
                }
                self.header = table.rows.first().cloned();
            }
            for (at, row) in table.rows.iter().enumerate().skip(usize::from(is_known)) {
                let (page, number) = (table.page.to_string(), table.table.to_string());
                let place = match at {
                    0 => ["file", "page", "table"],
                    _ => [&table.file, page.as_str(), number.as_str()],
                };
                out.push_str(&line(
                    place.into_iter().chain(row.iter().map(|cell| cell.as_deref().unwrap_or_default())),
                ));
            }
        }
        out
    }
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    cells.map(field).collect::<Vec<_>>().join(",") + "\n"
}

fn field(text: &str) -> String {
    let needs_quotes = text.contains(['"', ',', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ');
    if needs_quotes { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{PageSource, PageTable};

    fn page(number: usize, x0: f64, rows: &[&[&str]]) -> Page {
        let mut page = Page::empty(number, (600.0, 800.0), PageSource::Native);
        let rows = rows.iter().map(|row| row.iter().map(|cell| Some((*cell).to_owned())).collect()).collect();
        page.tables = Some(vec![PageTable { area: Area { x0, top: 50.0, x1: x0 + 300.0, bottom: 700.0 }, rows }]);
        page
    }

    #[test]
    fn a_header_of_two_rows_names_each_column() {
        let row = |cells: &[Option<&str>]| cells.iter().map(|cell| cell.map(str::to_owned)).collect::<Row>();
        let table = [
            row(&[Some("Region"), Some("2025"), None, Some("Note")]),
            row(&[None, Some("Q1"), Some("Q2"), None]),
            row(&[Some("North"), Some("1"), Some("2"), Some("x")]),
        ];
        let found = headed(&table);
        assert_eq!(found[0], row(&[Some("Region"), Some("2025 Q1"), Some("2025 Q2"), Some("Note")]));
        assert_eq!(found.len(), 2);
        // a cell that spans over figures is no header
        let plain = [
            row(&[Some("Sum"), Some("all"), None]),
            row(&[Some("tea"), Some("1.20"), Some("3.40")]),
            row(&[Some("milk"), Some("1.20"), Some("3.40")]),
        ];
        assert_eq!(headed(&plain), plain);
    }

    #[test]
    fn a_table_over_pages_is_one_and_others_say_where_they_stand() {
        let mut tables = FileTables::default();
        tables.add("a.pdf", &page(1, 50.0, &[&["item", "price"], &["tea", "1"]]));
        tables.add("a.pdf", &page(2, 51.0, &[&["item", "price"], &["milk", "2"]]));
        tables.add("a.pdf", &page(3, 50.0, &[&["salt, fine", "3"]]));
        let found = tables.take();
        assert_eq!(CsvStream::default().of(&found, true), "item,price\ntea,1\nmilk,2\n\"salt, fine\",3\n");
        assert_eq!((found[0].page, found[0].to_page), (1, 3));
        tables.add("a.pdf", &page(1, 50.0, &[&["item", "price"], &["tea", "1"]]));
        tables.add("a.pdf", &page(3, 50.0, &[&["item", "price"], &["milk", "2"]]));
        tables.add("a.pdf", &page(4, 150.0, &[&["who", "where"], &["me", "here"]]));
        let wanted = "file,page,table,item,price\na.pdf,1,1,tea,1\na.pdf,3,1,milk,2\n\n\
                      file,page,table,who,where\na.pdf,4,1,me,here\n";
        assert_eq!(CsvStream::default().of(&tables.take(), true), wanted);
    }
}
