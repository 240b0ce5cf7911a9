//! Of which document a row of a table is: the column that a merge was scoped by holds its SHA-256.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::super::connect;
use crate::context::Context;
use crate::db::TableName;
use crate::db::rows::row_of;
use crate::error::{Error, ErrorKind, Result};
use crate::record::Value;
use crate::settings::MAIN;
use crate::tables::SHA256_BYTES;

/// The column that says of which document a row is, where app.toml names no other.
pub(super) const SCOPE: &str = "document";

/// A row of a table.
#[derive(Debug, Clone, Serialize)]
pub struct LoadedRow {
    /// The table.
    pub table: String,
    /// The number of the row.
    pub id: i64,
    /// The column that names its document.
    pub column: String,
    /// The SHA-256 of the document.
    pub document: String,
    /// When it was loaded, as the database writes it.
    pub loaded_at: Option<String>,
    /// When it was replaced, or went with its document.
    pub archived_at: Option<String>,
}

/// The row, and the SHA-256 of its document.
///
/// # Errors
/// Not found for the row, the table or the column; failed for a column that holds no SHA-256.
pub(super) fn document_of(
    context: &Context,
    database: Option<&str>,
    (table, id): (&str, i64),
    scope: Option<&str>,
) -> Result<(LoadedRow, Vec<u8>)> {
    let name: TableName = table.parse()?;
    let column = scope.unwrap_or(SCOPE);
    let mut connection = connect(context, database.unwrap_or(MAIN))?;
    let shape = connection.table(&name)?;
    let has = |column: &str| shape.columns.iter().any(|known| known.name == column);
    if !has("id") || !has(column) {
        let missing = if has("id") { column } else { "id" };
        let message = format!("find the document of row {id} of {table}: the table has no column `{missing}`");
        return Err(Error::new(ErrorKind::NotFound, message).hint(
            "the stage `load` writes it: scope in its [[stage]] names the column, which is `document` otherwise",
        ));
    }
    let columns: Vec<&str> = [column, "date_created", "archive"].into_iter().filter(|column| has(column)).collect();
    let none = || Error::new(ErrorKind::NotFound, format!("find row {id} of {table}"));
    let row = row_of(connection.backend(), &name, &columns, id)?.ok_or_else(none)?;
    let mut told: BTreeMap<&str, String> =
        columns.into_iter().zip(row).filter_map(|(column, value)| Some((column, text(value)?))).collect();
    let document = told.remove(column).unwrap_or_default();
    let (loaded_at, archived_at) = (told.remove("date_created"), told.remove("archive"));
    let sha256 = bytes(&document).ok_or_else(|| {
        let message = format!("find the document of row {id} of {table}: `{column}` is `{document}`, no SHA-256");
        Error::failed(message).hint("only rows that the stage `load` of a pipeline wrote have a document")
    })?;
    let (table, column) = (table.to_owned(), column.to_owned());
    Ok((LoadedRow { table, id, column, document, loaded_at, archived_at }, sha256))
}

fn text(value: Value<'_>) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Text(text) => Some(text.into_owned()),
        Value::Bytes(bytes) => Some(crate::tables::hex_text(&bytes)),
        other => Some(format!("{other:?}")),
    }
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let is_whole = digits.len() == 2 * SHA256_BYTES && digits.is_ascii();
    is_whole.then(|| (0..SHA256_BYTES).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok()).collect())?
}

impl fmt::Display for LoadedRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, id, loaded_at, archived_at, .. } = self;
        write!(formatter, "row {id} of {table}")?;
        if let Some(at) = loaded_at {
            write!(formatter, " was loaded {at} UTC")?;
        }
        if let Some(at) = archived_at {
            write!(formatter, ", and is archived since {at} UTC")?;
        }
        Ok(())
    }
}
