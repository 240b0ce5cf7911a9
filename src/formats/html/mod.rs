//! Tables of HTML pages as records: read as browsers do, with cells that span rows and columns filled.

mod table;

use std::io::Read;

use scraper::Html;

pub(crate) use self::table::text_of;
pub use self::table::{HtmlTable, TableRow, table_rows, tables_of};
use super::entry::{FormatEntry, Opened, Start};
use super::flag::Flag;
use super::spool::{Part, RecordSpool};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::record::Value;

/// A page is read as a whole, and takes many times its size as a tree.
pub(crate) const PAGE_BYTES_MAX: u64 = 64 << 20;
/// Tables that an error shows.
const TABLES_MAX: usize = 12;

pub(super) const ENTRY: FormatEntry = FormatEntry {
    name: "html",
    also: &["htm"],
    is_it,
    flags: &[Flag::Table, Flag::Encoding, Flag::Decimal, Flag::Thousands, Flag::DateFormat, Flag::Null],
    is_text: true,
    told,
    read,
};

fn is_it(start: &Start<'_>) -> bool {
    if start.reading.records.is_some() {
        return false;
    }
    let opening = start.opening();
    let opening = String::from_utf8_lossy(&opening[..opening.len().min(1024)]).to_lowercase();
    let begins = |tag: &str| opening.starts_with(tag) || opening.contains(&format!("\n{tag}"));
    let is_page = ["<!doctype html", "<html", "<table", "<head", "<body"].into_iter().any(begins);
    is_page && opening.starts_with('<')
        || opening.starts_with('<') && start.reading.table.is_some()
        || matches!(start.ending, Some("html" | "htm"))
}

/// The encoding that a page tells of itself in its first bytes.
fn told(start: &[u8]) -> Option<String> {
    charset(&String::from_utf8_lossy(&start[..start.len().min(4096)]))
}

/// The value of the first `charset=`.
pub(crate) fn charset(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let behind =
        lower.split_once("charset")?.1.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let end =
        behind.find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_:.".contains(letter)).unwrap_or(behind.len());
    let label = &behind[..end];
    // whoever can read that knows that it is not UTF-16
    (!label.is_empty() && !label.starts_with("utf-16")).then(|| label.to_owned())
}

fn read(Opened { name, file, reading, cancellation }: Opened<'_>) -> Result<Vec<Part>> {
    let mut text = String::new();
    let mut limited = file.take(PAGE_BYTES_MAX + 1);
    match limited.read_to_string(&mut text) {
        Ok(count) if count as u64 > PAGE_BYTES_MAX => {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("read {name}: a page has at most {} MiB", PAGE_BYTES_MAX >> 20),
            ));
        }
        Ok(_) => {}
        Err(cause) if cause.kind() == std::io::ErrorKind::InvalidData => {
            return Err(Error::failed(format!("read {name}: it is not UTF-8"))
                .hint("name its encoding: `--encoding windows-1250`; nothing was changed"));
        }
        Err(cause) => return Err(file_error(format!("read {name}"), cause)),
    }
    let page = Html::parse_document(&text);
    drop(text);
    cancellation.check()?;
    let tables = tables_of(&page)?;
    let place = chosen_table(name, &tables, reading.table.as_deref())?;
    let mut spool = RecordSpool::of_texts("row")?;
    for (row, record) in table_rows(&tables[place]).map_err(|reason| wrong(name, place, &reason))? {
        match record {
            Ok(fields) => spool.push(row, &Value::Object(fields))?,
            Err(reason) => spool.refuse(row, None, &reason, &Value::Null)?,
        }
    }
    Ok(vec![spool.finish(Some(format!("table {}", place + 1)))?])
}

fn wrong(name: &str, place: usize, reason: &str) -> Error {
    Error::failed(format!("read table {} of {name}: {reason}", place + 1))
}

/// Which table is meant: by its number from 1, by `#id`, by its caption, or the only one with rows.
pub(crate) fn chosen_table(name: &str, tables: &[HtmlTable], wanted: Option<&str>) -> Result<usize> {
    let shown = || {
        let shown = tables.iter().enumerate().take(TABLES_MAX).map(|(place, table)| format!("{}: {table}", place + 1));
        shown.collect::<Vec<_>>().join("; ")
    };
    if tables.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, format!("find a table in {name}: the page has none"))
            .hint("the table may be made by a script: look for the request that brings its data"));
    }
    let hint = "name it by its number or caption: `--table 2`, `--table \"Prices\"`; nothing was changed";
    let Some(wanted) = wanted else {
        let filled: Vec<usize> = (0..tables.len()).filter(|place| tables[*place].rows.len() > 1).collect();
        return match filled.as_slice() {
            [only] => Ok(*only),
            _ => {
                Err(Error::new(ErrorKind::Usage, format!("tell which table of {name} is meant: {}", shown()))
                    .hint(hint))
            }
        };
    };
    let found = match (wanted.parse::<usize>(), wanted.strip_prefix('#')) {
        (Ok(number), _) => number.checked_sub(1).filter(|place| *place < tables.len()),
        (Err(_), Some(id)) => tables.iter().position(|table| table.id.as_deref() == Some(id)),
        (Err(_), None) => {
            let of = |table: &HtmlTable| table.caption.to_lowercase();
            let wanted = wanted.to_lowercase();
            let exact = tables.iter().position(|table| of(table) == wanted);
            exact.or_else(|| tables.iter().position(|table| of(table).contains(&wanted)))
        }
    };
    found.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("find the table `{wanted}` in {name}: {}", shown())).hint(hint)
    })
}
