//! XLSX: a ZIP of XML files. The sheet is read as a stream; texts that cells share wait on disk.

use std::io::{BufRead, BufReader, Read};

use super::cell::{Cell, number};
use super::choose::{SheetName, chosen};
use super::serial::{Shown, moment};
use super::sheet::SheetRecords;
use super::strings::{SharedStrings, TextItem, unescaped};
use super::styles::Styles;
use crate::context::Cancellation;
use crate::error::{Error, ErrorKind, Result};
use crate::formats::archive::zip::Zip;
use crate::formats::area::cell_place;
use crate::formats::entry::Opened;
use crate::formats::spool::Part;
use crate::formats::xml::events::{Node, Nodes};

/// The most sheets that are listed.
const SHEETS_MAX: usize = 10_000;

/// What `workbook.xml` says.
#[derive(Default)]
struct Book {
    sheets: Vec<SheetName>,
    /// The member of each sheet.
    members: Vec<String>,
    is_1904: bool,
}

pub(super) fn read(opened: &Opened<'_>, mut zip: Zip) -> Result<Part> {
    let Opened { name, reading, cancellation, .. } = opened;
    let book = Book::read(name, &mut zip)?;
    let place =
        chosen(name, &book.sheets, reading.sheet.as_deref(), |place| has_cells(name, &mut zip, &book.members[place]))?;
    let strings = match zip.stream("xl/sharedStrings.xml")? {
        Some(stream) => SharedStrings::read(name, stream)?,
        None => SharedStrings::default(),
    };
    let styles = match zip.stream("xl/styles.xml")? {
        Some(stream) => Styles::read(name, stream)?,
        None => Styles::default(),
    };
    let sheet = &book.sheets[place].name;
    let mut records = SheetRecords::new(name, sheet, reading)?;
    let member = &book.members[place];
    let stream = zip.stream(member)?.ok_or_else(|| missing(name, member))?;
    let mut cells = Cells { strings, styles, is_1904: book.is_1904 };
    read_sheet(&format!("{name}, sheet `{sheet}`"), stream, &mut cells, (&mut records, cancellation))?;
    records.finish(sheet)
}

fn missing(name: &str, member: &str) -> Error {
    Error::failed(format!("read {name}: it has no `{member}`"))
        .hint("the workbook is damaged: open it in the program that made it and save it again")
}

fn attribute<'a>(attributes: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
}

impl Book {
    fn read(name: &str, zip: &mut Zip) -> Result<Self> {
        let mut targets: Vec<(String, String)> = Vec::new();
        if let Some(stream) = zip.stream("xl/_rels/workbook.xml.rels")? {
            let mut nodes = Nodes::new(name, BufReader::new(stream));
            while let Some(node) = nodes.next_node()? {
                if let Node::Start(_, attributes) = node
                    && let (Some(id), Some(target)) = (attribute(&attributes, "Id"), attribute(&attributes, "Target"))
                    && targets.len() < SHEETS_MAX
                {
                    let target = match target.strip_prefix('/') {
                        Some(absolute) => absolute.to_owned(),
                        None => format!("xl/{}", target.trim_start_matches("./")),
                    };
                    targets.push((id.to_owned(), target));
                }
            }
        }
        let mut book = Self::default();
        let stream = zip.stream("xl/workbook.xml")?.ok_or_else(|| missing(name, "xl/workbook.xml"))?;
        let mut nodes = Nodes::new(name, BufReader::new(stream));
        while let Some(node) = nodes.next_node()? {
            let Node::Start(element, attributes) = node else { continue };
            match element.as_str() {
                "workbookPr" => book.is_1904 = matches!(attribute(&attributes, "date1904"), Some("1" | "true" | "on")),
                "sheet" if book.sheets.len() < SHEETS_MAX => {
                    let id = attribute(&attributes, "id").unwrap_or_default();
                    let Some((_, member)) = targets.iter().find(|(known, _)| known == id) else { continue };
                    // charts and macros have a tab of their own, and no cells
                    if !member.contains("worksheets/") {
                        continue;
                    }
                    book.sheets.push(SheetName {
                        name: attribute(&attributes, "name").unwrap_or_default().to_owned(),
                        is_hidden: attribute(&attributes, "state").is_some_and(|state| state != "visible"),
                    });
                    book.members.push(member.clone());
                }
                _ => {}
            }
        }
        if book.sheets.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, format!("find a sheet in {name}: it has none")));
        }
        Ok(book)
    }
}

/// Whether any cell of a sheet holds something.
fn has_cells(name: &str, zip: &mut Zip, member: &str) -> Result<bool> {
    let Some(stream) = zip.stream(member)? else { return Ok(false) };
    let mut nodes = Nodes::new(name, BufReader::new(stream));
    while let Some(node) = nodes.next_node()? {
        match node {
            Node::Start(element, _) if element == "v" || element == "t" => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}

/// What cells refer to.
struct Cells {
    strings: SharedStrings,
    styles: Styles,
    is_1904: bool,
}

/// A cell as it stands in the file.
#[derive(Default)]
struct RawCell {
    column: u32,
    kind: String,
    style: Option<usize>,
    value: Option<String>,
    inline: TextItem,
    has_formula: bool,
}

fn read_sheet(
    name: &str,
    stream: impl Read,
    cells: &mut Cells,
    (records, cancellation): (&mut SheetRecords<'_>, &Cancellation),
) -> Result<()> {
    let mut nodes = Nodes::new(name, BufReader::with_capacity(1 << 17, stream));
    let (mut row, mut next_column) = (0_u64, 1_u32);
    let mut line: Vec<(u32, Cell)> = Vec::new();
    let mut cell: Option<RawCell> = None;
    let mut open: Vec<String> = Vec::new();
    while let Some(node) = nodes.next_node()? {
        if let Some(raw) = &mut cell {
            raw.see(&node, &open);
        }
        match node {
            Node::Start(element, attributes) => {
                match element.as_str() {
                    "row" => {
                        cancellation.check()?;
                        let told = attribute(&attributes, "r").and_then(|row| row.parse().ok());
                        // rows without a number follow each other
                        row = told.filter(|told| *told > row).unwrap_or(row + 1);
                        next_column = 1;
                        if records.is_over(row) {
                            return Ok(());
                        }
                    }
                    "c" => {
                        let place = attribute(&attributes, "r").and_then(cell_place);
                        let column = place.map_or(next_column, |(_, column)| column).max(next_column);
                        next_column = column.saturating_add(1);
                        cell = Some(RawCell {
                            column,
                            kind: attribute(&attributes, "t").unwrap_or("n").to_owned(),
                            style: attribute(&attributes, "s").and_then(|style| style.parse().ok()),
                            ..RawCell::default()
                        });
                    }
                    _ => {}
                }
                open.push(element);
            }
            Node::End => match open.pop().as_deref() {
                Some("c") => {
                    if let Some(raw) = cell.take() {
                        let column = raw.column;
                        if let Some(cell) = cells.cell(raw)? {
                            line.push((column, cell));
                        }
                    }
                }
                Some("row") => records.row(row, std::mem::take(&mut line))?,
                Some("sheetData") => return drained(nodes),
                _ => {}
            },
            Node::Text(_) => {}
        }
    }
    Ok(())
}

/// What follows the cells is read as well: a file that was cut there is damaged.
fn drained<R: BufRead>(mut nodes: Nodes<'_, R>) -> Result<()> {
    while nodes.next_node()?.is_some() {}
    Ok(())
}

impl RawCell {
    fn see(&mut self, node: &Node, open: &[String]) {
        match node {
            Node::Start(element, _) if element == "f" => self.has_formula = true,
            Node::Start(element, _) if element == "v" => self.value = Some(String::new()),
            Node::Text(text) if open.last().is_some_and(|element| element == "v") => {
                if let Some(value) = &mut self.value {
                    value.push_str(text);
                }
            }
            _ => {}
        }
        self.inline.see(node);
    }
}

impl Cells {
    /// What a cell holds; `None` for nothing.
    fn cell(&mut self, mut raw: RawCell) -> Result<Option<Cell>> {
        let text = raw.value.take();
        if raw.kind == "inlineStr" {
            return Ok(Some(Cell::Text(raw.inline.take())));
        }
        let is_text = matches!(raw.kind.as_str(), "str" | "s");
        let Some(text) = text.filter(|text| is_text || !text.trim().is_empty()) else {
            let why = "the cell holds a formula without a result; open the workbook in a spreadsheet and save it";
            return Ok(raw.has_formula.then(|| Cell::Bad("formula".to_owned(), why.to_owned())));
        };
        Ok(Some(match raw.kind.as_str() {
            "s" => match text.trim().parse().ok().map(|place| self.strings.get(place)).transpose()?.flatten() {
                Some(text) => Cell::Text(text),
                None => Cell::Bad(text.clone(), format!("the cell refers to text {text}, which is not there")),
            },
            "str" => Cell::Text(unescaped(&text)),
            "b" => Cell::Bool(matches!(text.trim(), "1" | "true")),
            "e" => Cell::error(text.trim()),
            "d" => Cell::Moment(text.trim().to_owned()),
            _ => match (self.styles.shown(raw.style), text.trim().parse::<f64>()) {
                (Shown::Number, _) | (_, Err(_)) => match number(&text) {
                    Some(number) => Cell::Number(number),
                    None => Cell::Bad(text.clone(), format!("`{}` is no number", text.trim())),
                },
                (shown, Ok(days)) => moment(days, shown, self.is_1904),
            },
        }))
    }
}
