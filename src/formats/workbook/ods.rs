//! ODS: a ZIP with one XML file that holds all sheets, read as a stream.

use std::io::{BufRead, BufReader, Read};

use super::cell::{Cell, number};
use super::choose::{SheetName, chosen};
use super::serial::span;
use super::sheet::SheetRecords;
use crate::error::{Error, ErrorKind, Result};
use crate::formats::archive::zip::Zip;
use crate::formats::entry::Opened;
use crate::formats::spool::Part;
use crate::formats::xml::events::{Node, Nodes};

/// The last row and column that there can be; empty ones are repeated up to there.
const ROWS_MAX: u64 = 1 << 20;
const COLUMNS_MAX: u32 = 1 << 14;
/// The most sheets that are listed.
const SHEETS_MAX: usize = 10_000;

pub(super) fn read(opened: &Opened<'_>, mut zip: Zip) -> Result<Part> {
    let Opened { name, reading, cancellation, .. } = opened;
    if let Some(mut manifest) = zip.stream("META-INF/manifest.xml")? {
        let mut text = String::new();
        let is_read = manifest.by_ref().take(1 << 20).read_to_string(&mut text).is_ok();
        if is_read && text.contains("encryption-data") {
            return Err(Error::new(ErrorKind::Permission, format!("read {name}: it is encrypted"))
                .hint("open it with its password, and save it without one"));
        }
    }
    let (sheets, filled) = sheets(name, content(name, &mut zip)?)?;
    let place = chosen(name, &sheets, reading.sheet.as_deref(), |place| Ok(filled[place]))?;
    let sheet = &sheets[place].name;
    let mut records = SheetRecords::new(name, sheet, reading)?;
    let title = format!("{name}, sheet `{sheet}`");
    let mut walk = Walk::new(&title, content(name, &mut zip)?)?;
    while let Some(sheet) = walk.next_sheet()? {
        if sheet != place {
            continue;
        }
        while let Some((row, repeated, cells)) = walk.next_row()? {
            cancellation.check()?;
            if cells.is_empty() {
                continue;
            }
            for row in row..row.saturating_add(repeated).min(ROWS_MAX + 1) {
                if records.is_over(row) {
                    break;
                }
                records.row(row, cells.clone())?;
            }
        }
    }
    records.finish(sheet)
}

fn content<'a>(name: &str, zip: &'a mut Zip) -> Result<impl BufRead + use<'a>> {
    match zip.stream("content.xml")? {
        Some(stream) => Ok(BufReader::with_capacity(1 << 17, stream)),
        None => Err(Error::failed(format!("read {name}: it has no `content.xml`"))),
    }
}

/// The sheets, and whether each holds anything.
fn sheets(name: &str, stream: impl BufRead) -> Result<(Vec<SheetName>, Vec<bool>)> {
    let mut walk = Walk::new(name, stream)?;
    let (mut names, mut filled) = (Vec::new(), Vec::new());
    while walk.next_sheet()?.is_some() {
        if names.len() >= SHEETS_MAX {
            return Err(Error::new(ErrorKind::Refused, format!("read {name}: it has more than {SHEETS_MAX} sheets")));
        }
        names.push(SheetName { name: walk.sheet_name.clone(), is_hidden: walk.is_hidden });
        let mut has_cells = false;
        while let Some((_, _, cells)) = walk.next_row()? {
            has_cells |= !cells.is_empty();
        }
        filled.push(has_cells);
    }
    if names.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, format!("find a sheet in {name}: it has none")));
    }
    Ok((names, filled))
}

/// Goes through the sheets of `content.xml`, and through their rows.
struct Walk<'a, R: BufRead> {
    nodes: Nodes<'a, R>,
    sheet_name: String,
    is_hidden: bool,
    sheets: usize,
    row: u64,
    /// Styles of tables that hide them.
    hiding: Vec<String>,
    style: String,
}

fn attribute<'a>(attributes: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
}

impl<'a, R: BufRead> Walk<'a, R> {
    fn new(name: &'a str, stream: R) -> Result<Self> {
        let (sheet_name, style) = (String::new(), String::new());
        let hiding = Vec::new();
        Ok(Self { nodes: Nodes::new(name, stream), sheet_name, is_hidden: false, sheets: 0, row: 1, hiding, style })
    }

    /// The number of the next sheet, from 0.
    fn next_sheet(&mut self) -> Result<Option<usize>> {
        while let Some(node) = self.nodes.next_node()? {
            let Node::Start(element, attributes) = node else { continue };
            match element.as_str() {
                "style" => self.style = attribute(&attributes, "name").unwrap_or_default().to_owned(),
                "table-properties" if attribute(&attributes, "display") == Some("false") => {
                    self.hiding.push(self.style.clone());
                }
                "table" => {
                    self.sheet_name = attribute(&attributes, "name").unwrap_or_default().to_owned();
                    let style = attribute(&attributes, "style-name").unwrap_or_default();
                    self.is_hidden = self.hiding.iter().any(|hiding| hiding == style);
                    self.row = 1;
                    self.sheets += 1;
                    return Ok(Some(self.sheets - 1));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// The next row of this sheet, how often it comes, and its cells that hold anything.
    #[expect(clippy::type_complexity, reason = "a row is what its reader takes apart at once")]
    fn next_row(&mut self) -> Result<Option<(u64, u64, Vec<(u32, Cell)>)>> {
        // tables may stand in tables only inside of drawings, which are passed over
        let mut depth = 0_usize;
        while let Some(node) = self.nodes.next_node()? {
            match node {
                Node::Start(element, attributes) if element == "table-row" => {
                    let repeated = attribute(&attributes, "number-rows-repeated").and_then(|text| text.parse().ok());
                    let repeated: u64 = repeated.unwrap_or(1).clamp(1, ROWS_MAX);
                    let row = self.row;
                    self.row = self.row.saturating_add(repeated);
                    let cells = self.cells()?;
                    return Ok(Some((row, repeated, cells)));
                }
                Node::Start(element, _) if element == "shapes" || element == "forms" => self.pass_over()?,
                Node::Start(..) => depth += 1,
                Node::End if depth == 0 => return Ok(None),
                Node::End => depth -= 1,
                Node::Text(_) => {}
            }
        }
        Ok(None)
    }

    /// Passes over the rest of an element.
    fn pass_over(&mut self) -> Result<()> {
        let mut depth = 1;
        while depth > 0
            && let Some(node) = self.nodes.next_node()?
        {
            match node {
                Node::Start(..) => depth += 1,
                Node::End => depth -= 1,
                Node::Text(_) => {}
            }
        }
        Ok(())
    }

    fn cells(&mut self) -> Result<Vec<(u32, Cell)>> {
        let (mut cells, mut column) = (Vec::new(), 1_u32);
        while let Some(node) = self.nodes.next_node()? {
            match node {
                Node::Start(element, attributes) if element == "table-cell" || element == "covered-table-cell" => {
                    let repeated = attribute(&attributes, "number-columns-repeated").and_then(|text| text.parse().ok());
                    let repeated: u32 = repeated.unwrap_or(1).clamp(1, COLUMNS_MAX);
                    let text = self.text()?;
                    let cell = (element == "table-cell").then(|| cell(&attributes, text)).flatten();
                    if let Some(cell) = cell {
                        for column in column..column.saturating_add(repeated).min(COLUMNS_MAX + 1) {
                            cells.push((column, cell.clone()));
                        }
                    }
                    column = column.saturating_add(repeated);
                }
                Node::Start(..) => self.pass_over()?,
                Node::End => return Ok(cells),
                Node::Text(_) => {}
            }
        }
        Ok(cells)
    }

    /// The paragraphs of a cell, without its notes.
    fn text(&mut self) -> Result<String> {
        let mut text = String::new();
        let mut open: Vec<String> = Vec::new();
        let mut paragraphs = 0;
        while let Some(node) = self.nodes.next_node()? {
            match node {
                Node::Start(element, _) if matches!(element.as_str(), "annotation" | "frame" | "table") => {
                    self.pass_over()?
                }
                Node::Start(element, attributes) => {
                    match element.as_str() {
                        "p" | "h" => {
                            paragraphs += 1;
                            if paragraphs > 1 {
                                text.push('\n');
                            }
                        }
                        "s" => {
                            let count =
                                attribute(&attributes, "c").and_then(|text| text.parse().ok()).unwrap_or(1_usize);
                            text.extend(std::iter::repeat_n(' ', count.min(1 << 16)));
                        }
                        "tab" => text.push('\t'),
                        "line-break" => text.push('\n'),
                        _ => {}
                    }
                    open.push(element);
                }
                Node::End if open.pop().is_none() => return Ok(text),
                Node::End => {}
                Node::Text(piece) if !open.is_empty() => text.push_str(&piece),
                Node::Text(_) => {}
            }
        }
        Ok(text)
    }
}

/// What a cell holds; `None` for nothing.
fn cell(attributes: &[(String, String)], text: String) -> Option<Cell> {
    let value = |name: &str| attribute(attributes, name);
    // LibreOffice tells errors apart in an attribute of its own, which stands beside that of the standard
    let is_error = attributes.iter().any(|(name, value)| name == "value-type" && value == "error");
    if is_error || text.starts_with("Err:") || is_error_text(&text) {
        return Some(Cell::error(&text));
    }
    Some(match value("value-type")? {
        "float" | "percentage" | "currency" => {
            let written = value("value").unwrap_or_default();
            match number(written) {
                Some(number) => Cell::Number(number),
                None => Cell::Bad(written.to_owned(), format!("`{written}` is no number")),
            }
        }
        "date" => Cell::Moment(value("date-value").unwrap_or(&text).to_owned()),
        "time" => {
            let written = value("time-value").unwrap_or_default();
            Cell::Moment(duration(written).unwrap_or_else(|| written.to_owned()))
        }
        "boolean" => Cell::Bool(value("boolean-value") == Some("true")),
        _ => Cell::Text(value("string-value").map_or(text, str::to_owned)),
    })
}

/// Errors as spreadsheets show them.
fn is_error_text(text: &str) -> bool {
    matches!(text, "#N/A" | "#DIV/0!" | "#VALUE!" | "#REF!" | "#NAME?" | "#NUM!" | "#NULL!")
}

/// `PT12H30M15S` as `12:30:15`.
fn duration(text: &str) -> Option<String> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let mut seconds = 0.0;
    let mut digits = String::new();
    for letter in rest.strip_prefix("PT")?.chars() {
        let times = match letter {
            'H' => 3600.0,
            'M' => 60.0,
            'S' => 1.0,
            digit => {
                digits.push(digit);
                continue;
            }
        };
        seconds += std::mem::take(&mut digits).replace(',', ".").parse::<f64>().ok()? * times;
    }
    digits.is_empty().then(|| span(sign * seconds / 86_400.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_cells_that_come_again_are_counted() {
        let xml = "<c><style name='ta2'><table-properties display='false'/></style>\
            <table name='A'><table-column/><table-row><table-cell value-type='string'><p>x<s c='2'/>y</p><p>z</p></table-cell>\
            <table-cell number-columns-repeated='2'/><table-cell value-type='float' value='1.10'><annotation><p>no</p>\
            </annotation><p>1,10</p></table-cell></table-row><table-row number-rows-repeated='3'/><table-row>\
            <covered-table-cell/><table-cell value-type='date' date-value='2026-01-31'/><table-cell value-type='time' \
            time-value='PT36H00M00S'/></table-row></table><table name='B' style-name='ta2'/></c>";
        let mut walk = Walk::new("it", xml.as_bytes()).expect("a walk");
        assert_eq!(walk.next_sheet().expect("a sheet"), Some(0));
        let row = walk.next_row().expect("a row").expect("a row");
        assert_eq!(row, (1, 1, vec![(1, Cell::Text("x  y\nz".into())), (4, Cell::Number("1.1".into()))]));
        assert_eq!(walk.next_row().expect("a row"), Some((2, 3, Vec::new())));
        let row = walk.next_row().expect("a row").expect("a row");
        assert_eq!(row.0, 5);
        assert_eq!(row.2, [(2, Cell::Moment("2026-01-31".into())), (3, Cell::Moment("36:00:00".into()))]);
        assert_eq!(walk.next_row().expect("the end"), None);
        assert_eq!((walk.next_sheet().expect("a sheet"), walk.is_hidden), (Some(1), true));
    }
}
