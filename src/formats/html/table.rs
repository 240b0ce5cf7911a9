//! One table of a page as a grid of texts, and the grid as records.

use std::borrow::Cow;
use std::fmt;

use scraper::{ElementRef, Html, Selector};

use crate::error::{Error, ErrorKind, Result};
use crate::record::Value;

/// What browsers take at the most.
const COLUMNS_SPANNED_MAX: usize = 1000;
const ROWS_SPANNED_MAX: usize = 65_534;
/// The most cells of a table, those included that a span fills.
const CELLS_MAX: usize = 4_000_000;

/// A table of a page.
#[derive(Debug, Clone)]
pub struct HtmlTable {
    /// Its caption, or nothing.
    pub caption: String,
    /// The texts of its cells; a cell that spans several stands in each.
    pub rows: Vec<Vec<String>>,
    /// How many of the first rows are names of columns.
    pub header_rows: usize,
    /// Its `id`.
    pub id: Option<String>,
}

/// A record, or why a row is none.
pub type TableRow<'a> = (u64, Result<Vec<(Cow<'a, str>, Value<'a>)>, String>);

/// All tables of a page, in its order.
///
/// # Errors
/// Refused, when their spans come to more cells than memory should hold.
pub fn tables_of(page: &Html) -> Result<Vec<HtmlTable>> {
    let Ok(selector) = Selector::parse("table") else { return Ok(Vec::new()) };
    let mut cells = 0;
    page.select(&selector).map(|element| table_of(element, &mut cells)).collect()
}

/// A cell that goes on in rows below.
struct Spanning {
    column: usize,
    rows_left: usize,
    text: String,
}

fn table_of(element: ElementRef<'_>, cells: &mut usize) -> Result<HtmlTable> {
    let id = element.value().id().map(str::to_owned);
    let mut table = HtmlTable { caption: String::new(), rows: Vec::new(), header_rows: 0, id };
    let mut is_header = true;
    let mut spanning: Vec<Spanning> = Vec::new();
    let mut rows: Vec<(ElementRef<'_>, bool)> = Vec::new();
    for child in element.child_elements() {
        match child.value().name() {
            "caption" => table.caption = text_of(child),
            "tr" => rows.push((child, false)),
            part @ ("thead" | "tbody" | "tfoot") => {
                let inner = child.child_elements().filter(|row| row.value().name() == "tr");
                rows.extend(inner.map(|row| (row, part == "thead")));
            }
            _ => {}
        }
    }
    for (row, is_head) in rows {
        let own: Vec<ElementRef<'_>> =
            row.child_elements().filter(|cell| matches!(cell.value().name(), "td" | "th")).collect();
        let mut texts: Vec<String> = Vec::new();
        let mut next: Vec<Spanning> = Vec::new();
        fill(&mut texts, &mut spanning, &mut next);
        for cell in &own {
            let text = text_of(*cell);
            let span = |name: &str, most: usize| {
                let span = cell.attr(name).and_then(|text| text.trim().parse::<usize>().ok()).unwrap_or(1);
                span.min(most)
            };
            // a span of 0 rows goes to the end
            let rows_left = match span("rowspan", ROWS_SPANNED_MAX) {
                0 => ROWS_SPANNED_MAX,
                rows => rows - 1,
            };
            for _ in 0..span("colspan", COLUMNS_SPANNED_MAX).max(1) {
                if rows_left > 0 {
                    next.push(Spanning { column: texts.len(), rows_left, text: text.clone() });
                }
                texts.push(text.clone());
                fill(&mut texts, &mut spanning, &mut next);
            }
        }
        next.append(&mut spanning);
        next.sort_by_key(|span| span.column);
        spanning = next;
        *cells += texts.len();
        if *cells > CELLS_MAX {
            let what = format!("read the tables of a page: they come to more than {CELLS_MAX} cells");
            return Err(Error::new(ErrorKind::Refused, what));
        }
        let are_names = !own.is_empty() && own.iter().all(|cell| cell.value().name() == "th");
        is_header &= is_head || are_names;
        table.header_rows += usize::from(is_header);
        table.rows.push(texts);
    }
    Ok(table)
}

/// Fills the columns that cells of rows above span, as far as they follow without a gap.
fn fill(texts: &mut Vec<String>, spanning: &mut Vec<Spanning>, next: &mut Vec<Spanning>) {
    while let Some(place) = spanning.iter().position(|span| span.column == texts.len()) {
        let mut span = spanning.remove(place);
        texts.push(span.text.clone());
        span.rows_left -= 1;
        if span.rows_left > 0 {
            next.push(span);
        }
    }
}

/// The text of an element with single blanks, as a page shows it.
pub(crate) fn text_of(element: ElementRef<'_>) -> String {
    let mut text = String::new();
    for node in element.descendants() {
        match node.value() {
            scraper::Node::Text(piece) => {
                let is_hidden = node.ancestors().take_while(|outer| outer.id() != element.id()).any(|outer| {
                    outer
                        .value()
                        .as_element()
                        .is_some_and(|outer| matches!(outer.name(), "script" | "style" | "template"))
                });
                if !is_hidden {
                    text.push_str(piece);
                }
            }
            scraper::Node::Element(inner) if matches!(inner.name(), "br" | "p" | "div" | "li" | "tr" | "td") => {
                text.push(' ')
            }
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows of a table as records, each with its number from 1; a row with more cells than names is none.
///
/// # Errors
/// In words, when the table has no names of columns.
pub fn table_rows(table: &HtmlTable) -> Result<Vec<TableRow<'_>>, String> {
    let header = table.header_rows.max(1).min(table.rows.len());
    let names = names_of(&table.rows[..header])?;
    let mut records = Vec::with_capacity(table.rows.len());
    for (place, cells) in table.rows.iter().enumerate().skip(header) {
        let number = place as u64 + 1;
        if cells.iter().all(String::is_empty) {
            continue;
        }
        if cells.len() > names.len() {
            records.push((number, Err(format!("it has {} cells, and the header has {}", cells.len(), names.len()))));
            continue;
        }
        let value = |place: usize| cells.get(place).map_or(Value::Null, |text| Value::from(text.as_str()));
        let named = names.iter().enumerate().map(|(place, name)| (Cow::Owned(name.clone()), value(place)));
        records.push((number, Ok(named.collect())));
    }
    Ok(records)
}

/// The names of columns: what stands above each other in several rows is joined, what comes twice gets a number.
fn names_of(rows: &[Vec<String>]) -> Result<Vec<String>, String> {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    if width == 0 {
        return Err("it has no cells".to_owned());
    }
    let mut names: Vec<String> = Vec::with_capacity(width);
    for column in 0..width {
        let mut parts: Vec<&str> = Vec::new();
        for part in rows.iter().filter_map(|row| row.get(column)) {
            if !part.is_empty() && parts.last() != Some(&part.as_str()) {
                parts.push(part);
            }
        }
        let name = if parts.is_empty() { format!("column_{}", column + 1) } else { parts.join(" ") };
        let mut free = name.clone();
        let mut number = 2;
        while names.contains(&free) {
            free = format!("{name}_{number}");
            number += 1;
        }
        names.push(free);
    }
    Ok(names)
}

impl fmt::Display for HtmlTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        if !self.caption.is_empty() {
            write!(formatter, "`{}`, ", self.caption)?;
        }
        let first: Vec<&str> = self.rows.first().into_iter().flatten().map(String::as_str).take(4).collect();
        write!(formatter, "{} rows of {width} ({})", self.rows.len(), first.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(html: &str) -> HtmlTable {
        tables_of(&Html::parse_document(html)).expect("tables").remove(0)
    }

    #[test]
    fn spans_are_filled_as_browsers_lay_them_out() {
        let found = table(
            "<table><caption> Prices <b>2026</b></caption>
             <thead><tr><th rowspan=2>Town<th colspan=2>Price</tr><tr><th>net<th>gross</tr></thead>
             <tr><td rowspan=2>Zagreb<td>1<td>2<tr><td>3<td>4<br>5<script>x</script></table>",
        );
        assert_eq!((found.caption.as_str(), found.header_rows), ("Prices 2026", 2));
        assert_eq!(found.rows[2..], [["Zagreb", "1", "2"], ["Zagreb", "3", "4 5"]]);
        let rows = table_rows(&found).expect("rows");
        let names: Vec<&str> = rows[0].1.as_ref().expect("a record").iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(names, ["Town", "Price net", "Price gross"]);
        assert_eq!(rows[1].0, 4);
    }

    #[test]
    fn odd_tables_lose_nothing() {
        let found = table("<table><tr><td>a<td>a<td></tr><tr><td>1</tr><tr><td>1<td>2<td>3<td>4</tr><tr></tr></table>");
        let rows = table_rows(&found).expect("rows");
        let names: Vec<&str> = rows[0].1.as_ref().expect("a record").iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!((names, rows.len()), (vec!["a", "a_2", "column_3"], 2));
        assert_eq!(rows[1].1, Err("it has 4 cells, and the header has 3".to_owned()));
        let deep = table("<table><tr><td rowspan=0>x<td>1</tr><tr><td>2</tr></table>");
        assert_eq!(deep.rows, [["x", "1"], ["x", "2"]]);
        let bomb = format!("<table>{}</table>", "<tr><td colspan=1000 rowspan=60000>x".repeat(5_000));
        assert!(tables_of(&Html::parse_document(&bomb)).is_err());
    }
}
