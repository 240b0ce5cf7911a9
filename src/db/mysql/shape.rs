//! Tables of MariaDB and MySQL: what they look like, and the statements that make them.

use std::collections::{BTreeSet, HashSet};

use super::client::Client;
use super::kind::{Declared, declared};
use super::server::server_error;
use super::sql::{NAME_SIGN, literal, quote};
use crate::db::cause::Cause;
use crate::db::{Column, Kind, NewColumn, Obstacle, Right, Table, TableName};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{RESERVED, hash_bytes};

/// The hash of an active row, and NULL of any other: a unique index on it takes one active row a hash. The server makes it;
/// nobody sees it who does not ask for it.
pub(super) const GUARD: &str = "sha_active";
/// The definition of [`GUARD`]. What stands behind `!` is for those servers alone that know the word.
const GUARD_TYPE: &str = "BINARY(32) GENERATED ALWAYS AS (IF(archive IS NULL, sha, NULL)) VIRTUAL \
    /*!80023 INVISIBLE */ /*M!100303 INVISIBLE */";
/// Letters of a name that the server takes.
const NAME_LETTERS_MAX: usize = 64;
/// Bytes of an index that InnoDB takes, and of a letter.
const INDEX_BYTES_MAX: usize = 3072;
const LETTER_BYTES_MAX: usize = 4;
/// Letters of a text that stand in an index.
const INDEX_LETTERS_MAX: usize = 191;

/// The column by which rows are found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Its name, in quotes.
    pub(super) column: String,
    pub(super) is_unsigned: bool,
}

/// A table, and what a merge needs beside its columns.
pub(super) struct Look {
    pub(super) table: Table,
    pub(super) place: Option<Place>,
    /// Whether [`GUARD`] is there.
    pub(super) has_guard: bool,
}

/// A table's name inside SQL.
pub(super) fn quoted(name: &TableName) -> String {
    name.quoted_by(NAME_SIGN)
}

/// The condition on the catalogue that finds a table.
fn is_it(client: &Client, name: &TableName) -> String {
    let schema = name.schema.as_deref().map_or_else(|| "DATABASE()".to_owned(), literal);
    let found = format!("table_schema = {schema} AND table_name = {}", literal(&name.name));
    // the catalogue's own collation may know no capital letters
    match client.lower_case {
        0 => format!("{found} AND BINARY table_name = BINARY {}", literal(&name.name)),
        _ => found,
    }
}

/// The name with its database, in the letters that the server keeps.
pub(super) fn canonical(client: &mut Client, name: &TableName) -> Result<TableName> {
    let schema = name.schema.clone().unwrap_or_else(|| client.database().to_owned());
    let (schema, table) = match client.lower_case {
        0 => (schema, name.name.clone()),
        1 => (schema.to_lowercase(), name.name.to_lowercase()),
        _ => {
            let sql =
                format!("SELECT table_schema, table_name FROM information_schema.tables WHERE {}", is_it(client, name));
            let found = client.rows::<(String, String)>(&sql);
            let found = found.map_err(|cause| server_error(format!("look for the table `{name}`"), cause))?;
            found.into_iter().next().unwrap_or((schema, name.name.clone()))
        }
    };
    Ok(TableName { schema: Some(schema), name: table })
}

/// Whether this role may read or write a table: it is asked how it would be done.
pub(super) fn may(client: &mut Client, name: &TableName, right: Right) -> Result<bool> {
    let table = quoted(name);
    let sql = match right {
        Right::Read => format!("SELECT 1 FROM {table} LIMIT 0"),
        Right::Write => format!("EXPLAIN INSERT INTO {table} () VALUES ()"),
    };
    match client.run(&sql) {
        Ok(_) => Ok(true),
        Err(mysql_async::Error::Server(answer)) => Ok(Cause::of_mysql(answer.code) != Some(Cause::Right)),
        Err(cause) => Err(server_error(format!("look for the rights on `{name}`"), cause)),
    }
}

/// A column as the catalogue has it.
type Found = (String, String, String, Option<String>, String);

pub(super) fn look(client: &mut Client, name: &TableName) -> Result<Option<Look>> {
    let fail = |cause| server_error(format!("look at the table `{name}`"), cause);
    let it = is_it(client, name);
    let of_table = format!("SELECT table_type, engine FROM information_schema.tables WHERE {it}");
    let Some((relation, engine)) = client.rows::<(String, Option<String>)>(&of_table).map_err(fail)?.into_iter().next()
    else {
        return Ok(None);
    };
    let of_columns = format!(
        "SELECT column_name, column_type, is_nullable, generation_expression, COALESCE(extra, '') \
         FROM information_schema.columns WHERE {it} ORDER BY ordinal_position"
    );
    let found: Vec<Found> = client.rows(&of_columns).map_err(fail)?;
    let jsons = json_columns(client, &it, &found).map_err(fail)?;
    let has_guard = found.iter().any(|(column, ..)| column == GUARD);
    let seen = found.iter().filter(|(column, .., made, _)| !(column == GUARD && made.is_some()));
    let column = |(column, declared, _, made, _): &Found| {
        let kind = match Declared::of(declared).kind() {
            Kind::Text if jsons.contains(column) => Kind::Json,
            kind => kind,
        };
        let is_generated = made.as_deref().is_some_and(|made| !made.is_empty());
        Column { name: column.clone(), kind, declared: declared.clone(), is_generated }
    };
    let columns: Vec<Column> = seen.map(column).collect();
    let place = place(client, &it, &found).map_err(fail)?;
    let obstacle = of_relation(name, &relation, engine.as_deref())
        .or_else(|| of_columns_of(name, &columns))
        .or_else(|| if place.is_none() { Some(of_key(name, &found)) } else { None });
    Ok(Some(Look { table: Table { name: name.clone(), columns, obstacle }, place, has_guard }))
}

/// The columns of MariaDB that were declared as JSON: text with a condition.
fn json_columns(client: &mut Client, it: &str, columns: &[Found]) -> Result<BTreeSet<String>, mysql_async::Error> {
    if !client.flavor.is_mariadb || !columns.iter().any(|(_, declared, ..)| declared == "longtext") {
        return Ok(BTreeSet::new());
    }
    let it = it.replace("table_schema", "constraint_schema");
    let sql = format!("SELECT check_clause FROM information_schema.check_constraints WHERE {it}");
    let clauses: BTreeSet<String> = client.rows::<String>(&sql)?.into_iter().collect();
    let names = columns.iter().map(|(column, ..)| column);
    Ok(names.filter(|column| clauses.contains(&format!("json_valid({})", quote(column)))).cloned().collect())
}

/// The column by which rows are found again: whole numbers, each once. `id` comes first, then the key, then any other.
fn place(client: &mut Client, it: &str, columns: &[Found]) -> Result<Option<Place>, mysql_async::Error> {
    let sql = format!(
        "SELECT MIN(column_name), index_name FROM information_schema.statistics WHERE {it} AND non_unique = 0 \
         GROUP BY index_name HAVING COUNT(*) = 1"
    );
    let mut unique: Vec<(String, String)> = client.rows(&sql)?;
    // where a key has other columns too, as partitions ask for, it counts up all the same
    unique.extend(
        columns
            .iter()
            .filter(|(.., extra)| extra.contains("auto_increment"))
            .map(|(column, ..)| (column.clone(), String::new())),
    );
    unique.sort_by_key(|(column, index)| (column != "id", index != "PRIMARY", column.clone()));
    Ok(unique.into_iter().find_map(|(column, _)| {
        let (_, declared, nullable, ..) = columns.iter().find(|(name, ..)| *name == column)?;
        let declared = Declared::of(declared);
        let is_whole = ["tinyint", "smallint", "mediumint", "int", "bigint"].contains(&declared.base);
        let place = Place { column: quote(&column), is_unsigned: declared.is_unsigned };
        (is_whole && nullable == "NO").then_some(place)
    }))
}

/// What is no table of a transaction has no rows that a merge could take back.
fn of_relation(name: &TableName, relation: &str, engine: Option<&str>) -> Option<Obstacle> {
    let (reason, hint) = match (relation, engine) {
        ("VIEW" | "SYSTEM VIEW", _) => (format!("`{name}` is a view"), "merge into the table that it reads".to_owned()),
        ("BASE TABLE" | "SYSTEM VERSIONED", Some(engine)) if engine.eq_ignore_ascii_case("innodb") => return None,
        ("BASE TABLE" | "SYSTEM VERSIONED", engine) => (
            format!("its engine {} knows no transactions", engine.unwrap_or("of another server")),
            format!("ALTER TABLE {} ENGINE = InnoDB", quoted(name)),
        ),
        (other, _) => (format!("`{name}` is no table but a {}", other.to_lowercase()), "name a table".to_owned()),
    };
    Some(Obstacle { reason, hint })
}

/// The moments of a merge are found again by their microseconds, and a hash has 32 bytes.
fn of_columns_of(name: &TableName, columns: &[Column]) -> Option<Obstacle> {
    columns.iter().find_map(|Column { name: column, declared, .. }| {
        let (base, number) = (Declared::of(declared).base, Declared::of(declared).number(0));
        let (reason, kept) = match column.as_str() {
            "archive" | "date_created" | "date_modified" => match (base, number) {
                ("datetime" | "timestamp", 6) => return None,
                _ => ("does not keep the microseconds of a merge", "DATETIME(6)"),
            },
            "sha" => match (base, number) {
                ("binary", 32) | ("varbinary", 32..) | ("char" | "varchar", 64..) => return None,
                ("tinyblob" | "blob" | "mediumblob" | "longblob", _) => return None,
                ("tinytext" | "text" | "mediumtext" | "longtext", _) => return None,
                _ => ("cannot hold a record hash", "BINARY(32)"),
            },
            _ => return None,
        };
        Some(Obstacle {
            reason: format!("the column {} is `{declared}`, which {reason}", quote(column)),
            hint: format!("ALTER TABLE {} MODIFY {} {kept}", quoted(name), quote(column)),
        })
    })
}

/// What would make the rows of a table to be told apart.
fn of_key(name: &TableName, columns: &[Found]) -> Obstacle {
    let column = if columns.iter().any(|(column, ..)| column.eq_ignore_ascii_case("id")) { "row_id" } else { "id" };
    Obstacle {
        reason: "no column of whole numbers is its key, so its rows cannot be found again".to_owned(),
        hint: format!(
            "ALTER TABLE {} ADD COLUMN {} BIGINT NOT NULL AUTO_INCREMENT UNIQUE",
            quoted(name),
            quote(column)
        ),
    }
}

/// Refuses names that the server cannot hold, or cannot tell from those in `known`.
pub(super) fn check_names(table: &TableName, known: impl Iterator<Item = String>, columns: &[NewColumn]) -> Result<()> {
    let mut known: HashSet<String> = known.map(|name| name.to_lowercase()).collect();
    known.insert(GUARD.to_owned());
    for NewColumn { name, .. } in columns {
        let refused = |reason: &str| {
            let what = format!("make the column `{}` in `{table}`: {reason}", name.escape_debug());
            let hint = "give it another name with `--rename OLD=NEW`, or leave it out with `--ignore`";
            Err(Error::new(ErrorKind::Refused, what).hint(hint))
        };
        if name.is_empty() || name.contains('\0') || name.ends_with(' ') || name.chars().count() > NAME_LETTERS_MAX {
            return refused("a name has 1 to 64 letters, none of them NUL, and no blank at its end");
        }
        if name.chars().any(|letter| letter > '\u{ffff}') {
            return refused("MariaDB and MySQL keep no such sign in a name");
        }
        if name.to_lowercase() == GUARD {
            return refused("the name is the framework's own");
        }
        if !known.insert(name.to_lowercase()) {
            return refused(
                "it cannot be told from another column, of the framework's or your own, that differs in capital letters at most",
            );
        }
    }
    Ok(())
}

/// The statement that makes a table under the name `made`.
pub(super) fn create_sql(name: &TableName, made: &TableName, columns: &[NewColumn]) -> Result<String> {
    check_names(name, RESERVED.iter().map(|name| (*name).to_owned()), columns)?;
    let columns: String = columns.iter().map(|column| format!(",\n  {}", definition(column))).collect();
    Ok(format!(
        "CREATE TABLE {} (\n  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,\n  sha BINARY(32) NOT NULL,\n  \
         archive DATETIME(6) NULL,\n  date_created DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),\n  \
         date_modified DATETIME(6) NULL{columns},\n  {GUARD} {GUARD_TYPE}\n) \
         ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        quoted(made)
    ))
}

pub(super) fn add_sql(name: &TableName, columns: &[NewColumn]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| format!("ADD COLUMN {}", definition(column))).collect();
    format!("ALTER TABLE {} {}", quoted(name), columns.join(", "))
}

fn definition(column: &NewColumn) -> String {
    let wanted = column.declared.as_deref().unwrap_or(declared(column.kind));
    // letter for letter, also in a table whose own collation is another
    let collation = if column.declared.is_none() && wanted == "LONGTEXT" {
        " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    } else {
        ""
    };
    format!("{} {wanted}{collation} NULL", quote(&column.name))
}

/// The indexes: a unique one, so that each hash has one active row at most, and one for finding small scopes.
pub(super) fn index_sql(table: &Table, made: &TableName, scope: &[&str]) -> String {
    let mut sql = format!("ALTER TABLE {} ADD UNIQUE INDEX {GUARD} ({GUARD})", quoted(made));
    let is_text = |name: &&&str| table.column(name).is_some_and(|column| is_long(column.kind));
    let letters = INDEX_BYTES_MAX / LETTER_BYTES_MAX / (scope.iter().filter(is_text).count() + 1);
    let part = |name: &&str| match is_text(&name) {
        true => format!("{}({})", quote(name), letters.clamp(1, INDEX_LETTERS_MAX)),
        false => quote(name),
    };
    if !scope.is_empty() {
        let parts: Vec<String> = scope.iter().map(part).collect();
        sql.push_str(&format!(", ADD INDEX scope_active ({})", parts.join(", ")));
    }
    sql
}

fn is_long(kind: Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Short { .. } | Kind::Json | Kind::Bytes)
}

/// The name under which a table is made and filled, before it gets its own: nobody sees a part of it.
pub(super) fn hidden(name: &TableName) -> TableName {
    let short = hash_bytes(name.to_string().as_bytes()).to_string();
    TableName { schema: name.schema.clone(), name: format!("dc_new_{}", &short[..32]) }
}

/// Whether rows of a table may refer to others of it.
pub(super) fn refers_to_itself(client: &mut Client, name: &TableName) -> Result<bool> {
    let schema = name.schema.as_deref().map_or_else(|| "DATABASE()".to_owned(), literal);
    let table = literal(&name.name);
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.referential_constraints WHERE constraint_schema = {schema} \
         AND table_name = {table} AND referenced_table_name = {table}"
    );
    let found = client.rows::<u64>(&sql);
    let found = found.map_err(|cause| server_error(format!("look at the keys of `{name}`"), cause))?;
    Ok(found.first().is_some_and(|count| *count > 0))
}
