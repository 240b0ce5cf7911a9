//! Tables as CSV and as NDJSON.

use serde::Serialize;

use crate::documents::{Page, PageTable};
use crate::error::{Error, Result};
use crate::layout::Area;

#[derive(Serialize)]
struct Row<'a> {
    file: &'a str,
    page: usize,
    table: usize,
    area: Area,
    rows: &'a [Vec<Option<String>>],
}

/// A table as CSV; what spans over is empty.
pub(super) fn csv(table: &PageTable) -> String {
    let mut out = String::new();
    for row in &table.rows {
        let fields: Vec<String> = row.iter().map(|cell| field(cell.as_deref().unwrap_or_default())).collect();
        out.push_str(&fields.join(","));
        out.push('\n');
    }
    out
}

fn field(text: &str) -> String {
    let needs_quotes = text.contains(['"', ',', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ');
    if needs_quotes { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// The tables of a page, an object a line.
pub(super) fn ndjson(file: &str, page: &Page) -> Result<String> {
    let mut out = String::new();
    for (at, table) in page.tables.iter().flatten().enumerate() {
        let row = Row { file, page: page.page, table: at + 1, area: table.area, rows: &table.rows };
        out.push_str(&serde_json::to_string(&row).map_err(|cause| Error::failed("write a table").because(cause))?);
        out.push('\n');
    }
    Ok(out)
}
