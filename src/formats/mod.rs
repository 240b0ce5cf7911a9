//! What a source hands out that is neither CSV nor plain JSON: workbooks, XML, JSON inside of JSON, tables of web pages,
//! lines of fixed width, archives. Each is turned into records in one pass, which a merge then reads like any other input.

mod archive;
mod area;
mod entry;
mod fixed;
mod flag;
mod html;
mod json;
mod lines;
mod notation;
mod reading;
mod spool;
mod temporary;
mod widths;
mod workbook;
mod xml;

use std::sync::{PoisonError, RwLock};

pub use archive::{Member, is_archive, members};
pub use area::Area;
pub use entry::{FormatEntry, Opened, Start};
pub use flag::Flag;
pub use html::{HtmlTable, TableRow, table_rows, tables_of};
pub(crate) use html::{PAGE_BYTES_MAX, chosen_table, text_of};
pub use notation::{DateForm, Notation};
pub use reading::Reading;
pub(crate) use spool::{Origin, refusal};
pub use spool::{Part, RECORD_BYTES_MAX, RecordSpool};
pub(crate) use temporary::{spool_error, temporary_file};
pub use widths::Widths;
pub(crate) use xml::events::{Node, Nodes};

use crate::error::{Error, ErrorKind, Result};

/// The formats, in the order in which a file is tried for them.
pub const FORMATS: &[FormatEntry] = &[fixed::ENTRY, json::ENTRY, workbook::ENTRY, html::ENTRY, xml::ENTRY];

/// The formats that need no turning, by the names that a person types.
const PLAIN: [&str; 4] = ["ndjson", "json", "csv", "tsv"];

static REGISTERED: RwLock<Vec<FormatEntry>> = RwLock::new(Vec::new());

/// Adds a format of a program that embeds the library. It is tried before the others.
///
/// # Errors
/// Usage, for a name that is taken.
pub fn register(entry: FormatEntry) -> Result<()> {
    let mut registered = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
    let is_taken =
        registered.iter().chain(FORMATS).any(|known| known.name == entry.name || known.also.contains(&entry.name));
    if is_taken || PLAIN.contains(&entry.name) {
        let what = format!("register the format `{}`: there is one of that name", entry.name);
        return Err(Error::new(ErrorKind::Usage, what));
    }
    registered.push(entry);
    Ok(())
}

fn known() -> Vec<FormatEntry> {
    let registered = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
    registered.iter().chain(FORMATS).copied().collect()
}

/// The names of all formats, plain ones first.
pub fn names() -> Vec<&'static str> {
    let known = known();
    let named = known.iter().flat_map(|entry| [entry.name].into_iter().chain(entry.also.iter().copied()));
    PLAIN.into_iter().chain(named).collect()
}

/// The format of a file; `None` for CSV and plain JSON.
///
/// # Errors
/// Usage, for a name that no format has.
pub fn recognise(start: &Start<'_>) -> Result<Option<FormatEntry>> {
    let known = known();
    let Some(name) = &start.reading.format else {
        return Ok(known.into_iter().find(|entry| (entry.is_it)(start)));
    };
    match known.into_iter().find(|entry| entry.name == name || entry.also.contains(&name.as_str())) {
        Some(entry) => Ok(Some(entry)),
        None => Err(Error::new(ErrorKind::Usage, format!("read the format `{name}`"))
            .hint(format!("formats: {}", names().join(", ")))),
    }
}
