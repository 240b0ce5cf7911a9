//! Tables of SQLite: what they look like, and the statements that make them.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::kind_of;
use crate::db::{Column, Form, Kind, NewColumn, ObjectKind, Obstacle, Table, TableName, quote};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::RESERVED;

pub(super) fn object_kind(connection: &Connection, name: &str) -> Option<ObjectKind> {
    let find = "SELECT type FROM sqlite_master WHERE name = ?1 COLLATE NOCASE";
    let kind: Option<String> = connection.query_row(find, params![name], |row| row.get(0)).optional().ok().flatten();
    kind_of(&kind?)
}

pub(super) fn table(connection: &Connection, name: &TableName) -> rusqlite::Result<Option<Table>> {
    let schema = name.schema.as_deref().unwrap_or("main");
    let is_strict =
        "SELECT strict FROM pragma_table_list WHERE schema = ?2 COLLATE NOCASE AND name = ?1 COLLATE NOCASE";
    let is_strict = connection.query_row(is_strict, params![name.name, schema], |row| row.get(0)).optional()?;
    let is_strict = is_strict.unwrap_or(false);
    let list = "SELECT name, type, hidden FROM pragma_table_xinfo(?1, ?2) ORDER BY cid";
    let mut statement = connection.prepare(list)?;
    let columns = statement.query_map(params![name.name, schema], |row| {
        let (name, declared, hidden): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Column { name, kind: kind(&declared, is_strict), declared, is_generated: hidden > 1 })
    })?;
    let columns = columns.collect::<rusqlite::Result<Vec<_>>>()?;
    if columns.is_empty() {
        return Ok(None);
    }
    let obstacle = obstacle(connection, schema, name, &columns)?;
    Ok(Some(Table { name: name.clone(), columns, obstacle }))
}

/// The name as the file keeps it, without the schema of the file itself.
pub(super) fn canonical(connection: &Connection, name: &TableName) -> rusqlite::Result<TableName> {
    let schema = name.schema.as_ref().map(|schema| schema.to_ascii_lowercase()).filter(|schema| schema != "main");
    let find = "SELECT name FROM pragma_table_list WHERE schema = ?1 COLLATE NOCASE AND name = ?2 COLLATE NOCASE";
    let bound = params![schema.as_deref().unwrap_or("main"), name.name];
    let found: Option<String> = connection.query_row(find, bound, |row| row.get(0)).optional()?;
    Ok(TableName { schema, name: found.unwrap_or_else(|| name.name.clone()) })
}

/// A merge finds rows again by their row ids, which must be there and have a name.
fn obstacle(
    connection: &Connection,
    schema: &str,
    name: &TableName,
    columns: &[Column],
) -> rusqlite::Result<Option<Obstacle>> {
    let find = "SELECT type, wr FROM pragma_table_list WHERE schema = ?1 COLLATE NOCASE AND name = ?2 COLLATE NOCASE";
    let found = connection.query_row(find, params![schema, name.name], |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((kind, is_without_rowid)): Option<(String, bool)> = found.optional()? else { return Ok(None) };
    let (reason, hint) = if kind == "view" {
        (format!("`{name}` is a view"), "merge into the table that it reads")
    } else if is_without_rowid {
        (format!("`{name}` was made WITHOUT ROWID"), "copy it into a table that was made without these words")
    } else if rowid(columns).is_none() {
        let names = ROWIDS.join("`, `");
        (
            format!("all names of its row ids (`{names}`) are columns"),
            "give one of them another name: ALTER TABLE .. RENAME COLUMN ..",
        )
    } else {
        return Ok(None);
    };
    Ok(Some(Obstacle { reason, hint: hint.to_owned() }))
}

/// The names of a row id; a column of that name hides it.
const ROWIDS: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// The name by which the row ids of a table with these columns are read.
pub(super) fn rowid(columns: &[Column]) -> Option<&'static str> {
    let is_free = |name: &&str| !columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    ROWIDS.into_iter().find(is_free)
}

/// Numbers that keep every digit: SQLite takes the type for text, and we know it again, so that a number in CSV is hashed
/// as one each time.
const NUMERIC: &str = "NUMERIC TEXT";

/// What a declared type takes: our own names first, then SQLite's rules of affinity.
fn kind(declared: &str, is_strict: bool) -> Kind {
    let declared = declared.to_uppercase();
    let holds = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if declared == NUMERIC {
        Kind::Numeric
    } else if is_strict && declared == "ANY" {
        Kind::Other(Form::Any)
    } else if holds(&["BOOL"]) {
        Kind::Boolean
    } else if declared.starts_with("JSON") {
        Kind::Json
    } else if holds(&["DATE", "TIME", "UUID", "INTERVAL"]) {
        Kind::Other(affinity(&declared))
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
        Kind::Other(affinity(&declared))
    }
}

/// What SQLite keeps of a text in a column whose type it does not know: by its rules some types are numbers to it.
fn affinity(declared: &str) -> Form {
    let holds = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    let is_text = !holds(&["INT"]) && holds(&["CHAR", "CLOB", "TEXT"]);
    if is_text || declared.is_empty() || holds(&["BLOB"]) { Form::Any } else { Form::Affine }
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
        Kind::Text | Kind::Short { .. } | Kind::Array(_) | Kind::Other(_) => "TEXT",
    }
}

fn type_of(column: &NewColumn) -> &str {
    column.declared.as_deref().unwrap_or(declared(column.kind))
}

/// Refuses names that SQLite cannot hold, or cannot tell from those in `known`.
pub(super) fn check_names(table: &TableName, known: impl Iterator<Item = String>, columns: &[NewColumn]) -> Result<()> {
    let mut known: HashSet<String> = known.map(|name| name.to_ascii_lowercase()).collect();
    for NewColumn { name, .. } in columns {
        let refused = |reason: &str| {
            let what = format!("make the column `{}` in `{table}`: {reason}", name.escape_debug());
            let hint = "give it another name with `--rename OLD=NEW`, or leave it out with `--ignore`";
            Err(Error::new(ErrorKind::Refused, what).hint(hint))
        };
        if name.is_empty() || name.contains('\0') {
            return refused("a column needs a name without NUL");
        }
        if !known.insert(name.to_ascii_lowercase()) {
            return refused("SQLite cannot tell it from another column that differs in capital letters only");
        }
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

/// What a column has beside its type, and would lose with the column that takes its place.
pub(super) fn bound_by(connection: &Connection, table: &Table, column: &str) -> rusqlite::Result<Option<&'static str>> {
    let TableName { schema, name } = &table.name;
    let schema = schema.as_deref().unwrap_or("main");
    let find = "SELECT \"notnull\", dflt_value IS NOT NULL FROM pragma_table_xinfo(?1, ?2) WHERE name = ?3";
    let found = connection.query_row(find, params![name, schema, column], |row| Ok((row.get(0)?, row.get(1)?)));
    match found.optional()? {
        Some((true, _)) => return Ok(Some("NOT NULL")),
        Some((_, true)) => return Ok(Some("a DEFAULT")),
        _ => {}
    }
    // whose column the words belong to is not looked for: a doubt is enough
    let sql = made_by(connection, &table.name)?.to_uppercase();
    Ok([("CHECK", "perhaps a CHECK"), ("COLLATE", "perhaps a COLLATE"), ("REFERENCES", "perhaps a foreign key")]
        .into_iter()
        .find_map(|(word, what)| sql.contains(word).then_some(what)))
}

/// The statement that made a table.
pub(super) fn made_by(connection: &Connection, name: &TableName) -> rusqlite::Result<String> {
    let schema = quote(name.schema.as_deref().unwrap_or("main"));
    let find = format!("SELECT sql FROM {schema}.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE");
    let sql: Option<String> = connection.query_row(&find, params![name.name], |row| row.get(0)).optional()?;
    Ok(sql.unwrap_or_default())
}

/// The indexes that have this column, and the statements that made them. Those of constraints have none.
pub(super) fn indexes_over(
    connection: &Connection,
    table: &Table,
    column: &str,
) -> rusqlite::Result<Vec<(TableName, String)>> {
    let schema = table.name.schema.as_deref().unwrap_or("main");
    let find = format!(
        "SELECT name, sql FROM {}.sqlite_master AS made WHERE type = 'index' AND tbl_name = ?1 COLLATE NOCASE \
         AND sql IS NOT NULL AND EXISTS (SELECT 1 FROM pragma_index_info(made.name, ?2) AS part WHERE part.name = ?3)",
        quote(schema)
    );
    let mut statement = connection.prepare(&find)?;
    let index = |name| TableName { schema: table.name.schema.clone(), name };
    let found =
        statement.query_map(params![table.name.name, schema, column], |row| Ok((index(row.get(0)?), row.get(1)?)))?;
    found.collect()
}

/// SQLite cannot change a column's type: the values move into a new column, which takes the old one's name and stands
/// last from then on. Row ids stay.
pub(super) fn widen_sql(table: &Table, column: &NewColumn) -> String {
    let (name, wider) = (table.name.quoted(), declared(column.kind));
    let (old, new) = (quote(&column.name), quote(&format!("{} wider", column.name)));
    let is_boolean = table.column(&column.name).is_some_and(|column| column.kind == Kind::Boolean);
    let value = match column.kind {
        Kind::Integer { .. } | Kind::Float => old.clone(),
        _ if is_boolean => format!("CASE {old} WHEN 0 THEN 'false' WHEN 1 THEN 'true' ELSE {old} END"),
        // fifteen digits are what SQLite prints of a float by itself
        _ => format!(
            "CASE WHEN typeof({old}) = 'real' AND CAST(CAST({old} AS TEXT) AS REAL) <> {old} \
             THEN printf('%!.17g', {old}) ELSE CAST({old} AS TEXT) END"
        ),
    };
    format!(
        "ALTER TABLE {name} ADD COLUMN {new} {wider}; UPDATE {name} SET {new} = {value}; \
         ALTER TABLE {name} DROP COLUMN {old}; ALTER TABLE {name} RENAME COLUMN {new} TO {old}"
    )
}

pub(super) fn index_sql(name: &TableName) -> String {
    let index = index_name(name, "sha_active");
    format!("CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {} (sha) WHERE archive IS NULL", quote(&name.name))
}

pub(super) fn scope_index_sql(name: &TableName, scope: &[&str]) -> String {
    let columns: Vec<String> = scope.iter().map(|column| quote(column)).collect();
    let (index, columns) = (index_name(name, "scope_active"), columns.join(", "));
    format!("CREATE INDEX IF NOT EXISTS {index} ON {} ({columns}) WHERE archive IS NULL", quote(&name.name))
}

fn index_name(table: &TableName, what: &str) -> String {
    TableName { schema: table.schema.clone(), name: format!("{}_{what}", table.name) }.quoted()
}
