//! Tables of SQLite: what they look like, and the statements that make them.

use rusqlite::{Connection, OptionalExtension, params};

use super::kind_of;
use crate::db::{Column, Kind, NewColumn, ObjectKind, Table, TableName, quote};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::RESERVED;

pub(super) fn object_kind(connection: &Connection, name: &str) -> Option<ObjectKind> {
    let find = "SELECT type FROM sqlite_master WHERE name = ?1 COLLATE NOCASE";
    let kind: Option<String> = connection.query_row(find, params![name], |row| row.get(0)).optional().ok().flatten();
    kind_of(&kind?)
}

pub(super) fn table(connection: &Connection, name: &TableName) -> rusqlite::Result<Option<Table>> {
    let schema = name.schema.as_deref().unwrap_or("main");
    let list = "SELECT name, type, hidden FROM pragma_table_xinfo(?1, ?2) ORDER BY cid";
    let mut statement = connection.prepare(list)?;
    let columns = statement.query_map(params![name.name, schema], |row| {
        let (name, declared, hidden): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Column { name, kind: kind(&declared), declared, is_generated: hidden > 1 })
    })?;
    let columns = columns.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok((!columns.is_empty()).then(|| Table { name: name.clone(), columns }))
}

/// Numbers that keep every digit: SQLite takes the type for text, and we know it again, so that a number in CSV is hashed
/// as one each time.
const NUMERIC: &str = "NUMERIC TEXT";

/// What a declared type takes: our own names first, then SQLite's rules of affinity.
fn kind(declared: &str) -> Kind {
    let declared = declared.to_uppercase();
    let holds = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if declared == NUMERIC {
        Kind::Numeric
    } else if holds(&["BOOL"]) {
        Kind::Boolean
    } else if declared.starts_with("JSON") {
        Kind::Json
    } else if holds(&["DATE", "TIME", "UUID", "INTERVAL"]) {
        Kind::Other
    } else if holds(&["INT"]) {
        Kind::Integer { bits: 64 }
    } else if holds(&["CHAR", "CLOB", "TEXT"]) {
        Kind::Text
    } else if holds(&["BLOB", "BINARY"]) {
        Kind::Bytes
    } else if holds(&["REAL", "FLOA", "DOUB"]) {
        Kind::Float
    } else if holds(&["NUMERIC", "DECIMAL", "NUMBER", "MONEY"]) {
        Kind::Number
    } else {
        Kind::Other
    }
}

fn declared(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "BOOLEAN",
        Kind::Integer { .. } => "INTEGER",
        Kind::Float | Kind::Real => "REAL",
        Kind::Json => "JSON",
        Kind::Bytes => "BLOB",
        Kind::Numeric | Kind::Decimal { .. } | Kind::Number => NUMERIC,
        // unusual types keep every digit as text
        Kind::Text | Kind::Other => "TEXT",
    }
}

fn type_of(column: &NewColumn) -> &str {
    column.declared.as_deref().unwrap_or(declared(column.kind))
}

/// Refuses names that SQLite cannot hold, or cannot tell from those in `known`.
pub(super) fn check_names(table: &TableName, known: impl Iterator<Item = String>, columns: &[NewColumn]) -> Result<()> {
    let mut known: Vec<String> = known.map(|name| name.to_ascii_lowercase()).collect();
    for NewColumn { name, .. } in columns {
        let refused = |reason: &str| {
            let what = format!("make the column `{}` in `{table}`: {reason}", name.escape_debug());
            let hint = "give it another name with `--rename OLD=NEW`, or leave it out with `--ignore`";
            Err(Error::new(ErrorKind::Refused, what).hint(hint))
        };
        if name.is_empty() || name.contains('\0') {
            return refused("a column needs a name without NUL");
        }
        let folded = name.to_ascii_lowercase();
        if known.contains(&folded) {
            return refused("SQLite cannot tell it from another column that differs in capital letters only");
        }
        known.push(folded);
    }
    Ok(())
}

pub(super) fn create_sql(name: &TableName, columns: &[NewColumn]) -> Result<String> {
    check_names(name, RESERVED.iter().map(|name| (*name).to_owned()), columns)?;
    let columns: String =
        columns.iter().map(|column| format!(",\n  {} {}", quote(&column.name), type_of(column))).collect();
    Ok(format!(
        "CREATE TABLE {} (\n  id INTEGER PRIMARY KEY,\n  sha BLOB NOT NULL,\n  archive TIMESTAMP,\n  date_created TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),\n  date_modified TIMESTAMP{columns}\n)",
        name.quoted()
    ))
}

pub(super) fn add_sql(name: &TableName, column: &NewColumn) -> String {
    format!("ALTER TABLE {} ADD COLUMN {} {}", name.quoted(), quote(&column.name), type_of(column))
}

pub(super) fn index_sql(name: &TableName) -> String {
    let index = TableName { schema: name.schema.clone(), name: format!("{}_sha_active", name.name) };
    format!("CREATE UNIQUE INDEX IF NOT EXISTS {} ON {} (sha) WHERE archive IS NULL", index.quoted(), quote(&name.name))
}
