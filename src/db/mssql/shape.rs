//! Tables of SQL Server: what they look like, and the statements that make them.

use std::collections::HashSet;

use super::client::Client;
use super::kind::{Declared, declared, printed};
use super::server::server_error;
use super::sql::{LETTERS, NAME_SIGN, bracketed, literal, quote};
use crate::db::{Column, Kind, NewColumn, Obstacle, Right, Table, TableName};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{RESERVED, hash_bytes};

/// Units of 16 bits of a name that the server takes.
const NAME_UNITS_MAX: usize = 128;
/// What a condition of a column of JSON begins with, as the server prints it.
const JSON_CHECK: &str = "isjson(";

/// A table, and what a merge needs beside its columns.
pub(super) struct Look {
    pub(super) table: Table,
    /// The column by which rows are found again, in quotes.
    pub(super) place: Option<String>,
}

/// A table's name inside SQL.
pub(super) fn quoted(name: &TableName) -> String {
    name.quoted_by(NAME_SIGN)
}

/// The number by which the catalogue knows a table.
fn object_id(name: &TableName) -> String {
    let table = bracketed(&name.name);
    let whole = match &name.schema {
        Some(schema) => format!("{}.{table}", bracketed(schema)),
        None => table,
    };
    format!("OBJECT_ID({})", literal(&whole))
}

/// The name with its schema, in the letters that the server keeps.
pub(super) fn canonical(client: &mut Client, name: &TableName) -> Result<TableName> {
    let fail = |cause| server_error(format!("look for the table `{name}`"), cause);
    let sql = format!(
        "SELECT s.name, o.name FROM sys.objects AS o INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id \
         WHERE o.object_id = {}",
        object_id(name)
    );
    let found = client.words(&sql).map_err(fail)?.into_iter().next();
    if let Some([Some(schema), Some(table)]) = found.as_deref() {
        return Ok(TableName { schema: Some(schema.clone()), name: table.clone() });
    }
    let schema = match &name.schema {
        Some(schema) => schema.clone(),
        None => default_schema(client).map_err(fail)?,
    };
    Ok(TableName { schema: Some(schema), name: name.name.clone() })
}

fn default_schema(client: &mut Client) -> Result<String, tiberius::error::Error> {
    let found = client.words("SELECT SCHEMA_NAME()")?;
    Ok(found.into_iter().flatten().flatten().next().unwrap_or_else(|| "dbo".to_owned()))
}

/// Whether this role may read or write a table.
pub(super) fn may(client: &mut Client, name: &TableName, right: Right) -> Result<bool> {
    let table = bracketed(&name.name);
    let whole = name.schema.as_ref().map_or_else(|| table.clone(), |schema| format!("{}.{table}", bracketed(schema)));
    let right = if right == Right::Read { "SELECT" } else { "INSERT" };
    let sql = format!("SELECT HAS_PERMS_BY_NAME({}, N'OBJECT', N'{right}')", literal(&whole));
    let found = client.words(&sql);
    let found = found.map_err(|cause| server_error(format!("look for the rights on `{name}`"), cause))?;
    Ok(found.into_iter().flatten().flatten().next().as_deref() == Some("1"))
}

/// A column as the catalogue has it.
struct Found {
    column: Column,
    is_nullable: bool,
    is_identity: bool,
    pub(super) collation: Option<String>,
}

fn found(row: &[Option<String>]) -> Option<Found> {
    let text = |at: usize| row.get(at).cloned().flatten();
    let number = |at: usize| text(at).and_then(|text| text.parse::<i32>().ok()).unwrap_or_default();
    let base = text(1)?;
    let printed = printed(&base, number(2), number(3), number(4));
    let kind = match Declared::of(&printed).kind() {
        Kind::Text if number(8) > 0 => Kind::Json,
        kind => kind,
    };
    // what counts changes of rows is the server's own, and so are the periods of a temporal table
    let is_generated = number(6) > 0 || base == "timestamp" || number(9) > 0;
    Some(Found {
        column: Column { name: text(0)?, kind, declared: printed, is_generated },
        is_nullable: number(5) == 1,
        is_identity: number(7) == 1,
        collation: text(10),
    })
}

fn columns_of(client: &mut Client, name: &TableName) -> Result<Vec<Found>, tiberius::error::Error> {
    let id = object_id(name);
    // types that are aliases are what they stand for; those of the server's own library have no other name
    let sql = format!(
        "SELECT c.name, t.name, CAST(c.max_length AS INT), CAST(c.precision AS INT), CAST(c.scale AS INT), \
         CAST(c.is_nullable AS INT), CAST(c.is_computed AS INT), CAST(c.is_identity AS INT), \
         (SELECT COUNT(*) FROM sys.check_constraints AS k WHERE k.parent_object_id = c.object_id \
         AND k.parent_column_id = c.column_id AND LOWER(k.definition) LIKE N'%{JSON_CHECK}%'), \
         CAST(c.generated_always_type AS INT), c.collation_name \
         FROM sys.columns AS c INNER JOIN sys.types AS t ON t.user_type_id = \
         CASE WHEN c.system_type_id = 240 THEN c.user_type_id ELSE c.system_type_id END \
         WHERE c.object_id = {id} ORDER BY c.column_id"
    );
    Ok(client.words(&sql)?.iter().filter_map(|row| found(row)).collect())
}

pub(super) fn look(client: &mut Client, name: &TableName) -> Result<Option<Look>> {
    let fail = |cause| server_error(format!("look at the table `{name}`"), cause);
    let of_table = format!("SELECT o.type FROM sys.objects AS o WHERE o.object_id = {}", object_id(name));
    let Some(relation) = client.words(&of_table).map_err(fail)?.into_iter().flatten().flatten().next() else {
        return Ok(None);
    };
    let found = columns_of(client, name).map_err(fail)?;
    let place = place(client, name, &found).map_err(fail)?;
    let columns: Vec<Column> = found.iter().map(|found| found.column.clone()).collect();
    let obstacle = of_relation(name, relation.trim())
        .or_else(|| of_columns_of(name, &columns))
        .or_else(|| if place.is_none() { Some(of_key(name, &columns)) } else { None });
    Ok(Some(Look { table: Table { name: name.clone(), columns, obstacle }, place }))
}

/// The collations of a table's columns, by their names.
pub(super) fn collations(client: &mut Client, name: &TableName) -> Result<Vec<(String, Option<String>)>> {
    let found = columns_of(client, name);
    let found = found.map_err(|cause| server_error(format!("look at the columns of `{name}`"), cause))?;
    Ok(found.into_iter().map(|found| (found.column.name, found.collation)).collect())
}

/// Whether a column takes NULL.
pub(super) fn takes_null(client: &mut Client, name: &TableName, column: &str) -> Result<bool> {
    let found = columns_of(client, name);
    let found = found.map_err(|cause| server_error(format!("look at the columns of `{name}`"), cause))?;
    Ok(found.iter().find(|found| found.column.name == column).is_none_or(|found| found.is_nullable))
}

/// The column by which rows are found again: whole numbers, each once. `id` comes first, then the key, then any other.
fn place(client: &mut Client, name: &TableName, columns: &[Found]) -> Result<Option<String>, tiberius::error::Error> {
    let sql = format!(
        "SELECT MIN(c.name), MAX(CAST(i.is_primary_key AS INT)) FROM sys.indexes AS i \
         INNER JOIN sys.index_columns AS x ON x.object_id = i.object_id AND x.index_id = i.index_id \
         INNER JOIN sys.columns AS c ON c.object_id = x.object_id AND c.column_id = x.column_id \
         WHERE i.object_id = {} AND CAST(i.is_unique AS INT) = 1 AND CAST(i.has_filter AS INT) = 0 \
         AND CAST(i.is_disabled AS INT) = 0 AND CAST(x.is_included_column AS INT) = 0 \
         GROUP BY i.index_id HAVING COUNT(*) = 1",
        object_id(name)
    );
    let rows = client.words(&sql)?;
    let mut unique: Vec<(&str, bool)> =
        rows.iter().filter_map(|row| Some((row.first()?.as_deref()?, row.get(1)?.as_deref() == Some("1")))).collect();
    // nobody says that these are unique, but that nobody gives them otherwise
    unique.extend(columns.iter().filter(|found| found.is_identity).map(|found| (found.column.name.as_str(), false)));
    unique.sort_by_key(|(column, is_key)| (*column != "id", !is_key, (*column).to_owned()));
    Ok(unique.into_iter().find_map(|(column, _)| {
        let found = columns.iter().find(|found| found.column.name == column)?;
        let is_whole = matches!(Declared::of(&found.column.declared).base, "tinyint" | "smallint" | "int" | "bigint");
        (is_whole && !found.is_nullable).then(|| quote(column))
    }))
}

/// What is no table has no rows that a merge could take back.
fn of_relation(name: &TableName, relation: &str) -> Option<Obstacle> {
    let (reason, hint) = match relation {
        "U" => return None,
        "V" => (format!("`{name}` is a view"), "merge into the table that it reads"),
        "ET" => (format!("`{name}` is an external table"), "merge into a table of this database"),
        "SN" => (format!("`{name}` is a synonym"), "name the table that it stands for"),
        _ => (format!("`{name}` is no table"), "name a table"),
    };
    Some(Obstacle { reason, hint: hint.to_owned() })
}

/// The moments of a merge are found again by their microseconds, and a hash has 32 bytes.
fn of_columns_of(name: &TableName, columns: &[Column]) -> Option<Obstacle> {
    columns.iter().find_map(|Column { name: column, declared, .. }| {
        let kind = Declared::of(declared);
        let (reason, kept) = match column.as_str() {
            "archive" | "date_created" | "date_modified" => match (kind.base, kind.number()) {
                ("datetime2", Some(6..)) => return None,
                _ => ("does not keep the microseconds of a merge", "DATETIME2(6)"),
            },
            "sha" => match (kind.base, kind.number()) {
                ("binary", Some(32)) | ("varbinary", Some(32..) | None) => return None,
                ("varchar" | "nvarchar" | "character" | "national character", Some(64..) | None) => return None,
                _ => ("cannot hold a record hash", "BINARY(32)"),
            },
            _ => return None,
        };
        Some(Obstacle {
            reason: format!("the column {} is `{declared}`, which {reason}", quote(column)),
            hint: format!("ALTER TABLE {} ALTER COLUMN {} {kept}", quoted(name), quote(column)),
        })
    })
}

/// What would make the rows of a table to be told apart.
fn of_key(name: &TableName, columns: &[Column]) -> Obstacle {
    let column = if columns.iter().any(|column| column.name.eq_ignore_ascii_case("id")) { "row_id" } else { "id" };
    Obstacle {
        reason: "no column of whole numbers is its key, so its rows cannot be found again".to_owned(),
        hint: format!("ALTER TABLE {} ADD {} BIGINT IDENTITY NOT NULL UNIQUE", quoted(name), quote(column)),
    }
}

/// Refuses names that the server cannot hold, or cannot tell from those in `known`.
pub(super) fn check_names(table: &TableName, known: impl Iterator<Item = String>, columns: &[NewColumn]) -> Result<()> {
    let mut known: HashSet<String> = known.map(|name| name.to_lowercase()).collect();
    for NewColumn { name, .. } in columns {
        let refused = |reason: &str| {
            let what = format!("make the column `{}` in `{table}`: {reason}", name.escape_debug());
            let hint = "give it another name with `--rename OLD=NEW`, or leave it out with `--ignore`";
            Err(Error::new(ErrorKind::Refused, what).hint(hint))
        };
        if name.is_empty() || name.contains('\0') || name.ends_with(' ') || name.encode_utf16().count() > NAME_UNITS_MAX
        {
            return refused("a name has 1 to 128 letters, none of them NUL, and no blank at its end");
        }
        if !known.insert(name.to_lowercase()) {
            return refused(
                "it cannot be told from another column, of the framework's or your own, that differs in capital letters at most",
            );
        }
    }
    Ok(())
}

pub(super) fn create_sql(name: &TableName, columns: &[NewColumn]) -> Result<String> {
    check_names(name, RESERVED.iter().map(|name| (*name).to_owned()), columns)?;
    let columns: String = columns.iter().map(|column| format!(",\n  {}", definition(column))).collect();
    Ok(format!(
        "CREATE TABLE {} (\n  id BIGINT IDENTITY(1,1) NOT NULL PRIMARY KEY,\n  sha BINARY(32) NOT NULL,\n  \
         archive DATETIME2(6) NULL,\n  date_created DATETIME2(6) NOT NULL DEFAULT SYSUTCDATETIME(),\n  \
         date_modified DATETIME2(6) NULL{columns}\n)",
        quoted(name)
    ))
}

pub(super) fn add_sql(name: &TableName, columns: &[NewColumn]) -> String {
    let columns: Vec<String> = columns.iter().map(definition).collect();
    format!("ALTER TABLE {} ADD {}", quoted(name), columns.join(", "))
}

fn definition(column: &NewColumn) -> String {
    let name = quote(&column.name);
    match (&column.declared, column.kind) {
        (Some(wanted), _) => format!("{name} {wanted} NULL"),
        // a value of JSON may be a number alone, which older servers take for none
        (None, Kind::Json) => {
            format!("{name} {} {LETTERS} NULL CHECK (ISJSON(N'[' + {name} + N']') = 1)", declared(column.kind))
        }
        (None, kind) => match declared(kind) {
            // letter for letter, whatever the database's own collation holds for equal
            text @ "NVARCHAR(MAX)" => format!("{name} {text} {LETTERS} NULL"),
            other => format!("{name} {other} NULL"),
        },
    }
}

/// The unique index over the hashes of active rows, and one for finding small scopes.
pub(super) fn index_sql(table: &Table, scope: &[&str]) -> Vec<String> {
    let name = quoted(&table.name);
    let index = |what: &str| {
        let hash = hash_bytes(format!("{what} {}", table.name).as_bytes()).to_string();
        quote(&format!("dc_{what}_{}", &hash[..16]))
    };
    let mut all = vec![format!("CREATE UNIQUE INDEX {} ON {name} (sha) WHERE archive IS NULL", index("active"))];
    // no index holds a text of any length
    let is_short = |name: &&&str| {
        table.column(name).is_some_and(|column| !matches!(column.kind, Kind::Text | Kind::Json | Kind::Bytes))
    };
    let parts: Vec<String> = scope.iter().filter(is_short).map(|name| quote(name)).collect();
    if !parts.is_empty() {
        let parts = parts.join(", ");
        all.push(format!("CREATE INDEX {} ON {name} ({parts}) WHERE archive IS NULL", index("scope")));
    }
    all
}

/// Whether rows of a table may refer to others of it.
pub(super) fn refers_to_itself(client: &mut Client, name: &TableName) -> Result<bool> {
    let id = object_id(name);
    let sql = format!(
        "SELECT COUNT(*) FROM sys.foreign_keys AS f WHERE f.parent_object_id = {id} AND f.referenced_object_id = {id}"
    );
    let found = client.words(&sql);
    let found = found.map_err(|cause| server_error(format!("look at the keys of `{name}`"), cause))?;
    Ok(found.into_iter().flatten().flatten().next().is_some_and(|count| count != "0"))
}
